"""What a history says, decoded."""

import base64
import json
from collections.abc import Iterator
from typing import Any


def payloads(node: Any, inside: str = "") -> Iterator[tuple[str, Any]]:
    """Every payload of a history, decoded, with the name of the field it stands in."""
    if isinstance(node, dict):
        if set(node) == {"metadata", "data"} or set(node) == {"data"}:
            yield inside, json.loads(base64.b64decode(node["data"]))
            return
        for name, value in node.items():
            yield from payloads(value, name if name != "payloads" else inside)
    elif isinstance(node, list):
        for value in node:
            yield from payloads(value, inside)


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value
