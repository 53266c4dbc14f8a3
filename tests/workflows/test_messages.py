"""What travels through Temporal is plain: ids, codes, instants, figures. Everything durable is registered.

T72: no bytes, no free dictionaries, nothing whose content nobody has thought of. The golden file is what
running histories hold: a change of it is a change of how they are read (GOLDEN_REWRITE=1 rewrites it).
"""

import dataclasses
import importlib
import inspect
import json
import os
import pkgutil
import types
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from temporalio.client import Client
from temporalio.converter import DataConverter

import activities
import workflows
from portal.settings import Settings
from worker.app import WORKFLOWS, build_means

GOLDEN = Path(__file__).parent / "golden_messages.json"
PLAIN = (UUID, datetime, str, int, bool, types.NoneType)

# The only plain strings, each looked at: codes or ids that we made.
STRINGS = {
    "CampaignToRun.code", "CampaignToRun.sent", "CalendarToTell.campaign_code", "FileState.own",
    "FileState.registered", "NoticeToQueue.mark", "Register.ballots", "RegisterFor.ballots",
    "RegisterFor.key", "StepOrder.key", "SubmissionOf.key", "UseLink.key",
}  # fmt: skip


def modules(package: types.ModuleType) -> Iterator[types.ModuleType]:
    for found in pkgutil.iter_modules(package.__path__):
        yield importlib.import_module(f"{package.__name__}.{found.name}")


def own_classes(package: types.ModuleType) -> Iterator[type]:
    for module in modules(package):
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__ == module.__name__:
                yield found


WORKFLOW_CLASSES = [c for c in own_classes(workflows) if hasattr(c, "__temporal_workflow_definition")]


def handlers() -> Iterator[tuple[str, Any]]:
    """Every function whose arguments and result travel."""
    for found in WORKFLOW_CLASSES:
        definition = getattr(found, "__temporal_workflow_definition")
        yield f"{found.__name__}.run", definition.run_fn
        for kind in ("signals", "queries", "updates"):
            for name, handler in getattr(definition, kind).items():
                yield f"{found.__name__}.{name}", handler.fn
    for found in own_classes(activities):
        for name, method in inspect.getmembers(found, inspect.isfunction):
            if hasattr(method, "__temporal_activity_definition"):
                yield f"{found.__name__}.{name}", method


HANDLERS = dict(handlers())


def types_of(function: Any) -> list[Any]:
    hints = typing.get_type_hints(function)
    return list(hints.values())


def parts(annotation: Any) -> Iterator[Any]:
    """What an annotation is made of; a list or «or None» may stand around it."""
    origin = typing.get_origin(annotation)
    if origin in (list, typing.Union, types.UnionType):
        for argument in typing.get_args(annotation):
            yield from parts(argument)
    else:
        yield annotation


def messages() -> dict[str, type]:
    """Every dataclass that travels, found from the handlers through all fields."""
    found: dict[str, type] = {}
    waiting = [part for function in HANDLERS.values() for hint in types_of(function) for part in parts(hint)]
    while waiting:
        part = waiting.pop()
        if dataclasses.is_dataclass(part) and isinstance(part, type) and part.__name__ not in found:
            found[part.__name__] = part
            waiting += [inner for hint in typing.get_type_hints(part).values() for inner in parts(hint)]
    return dict(sorted(found.items()))


MESSAGES = messages()


def test_the_messages_are_found() -> None:
    assert {"MemberToOnboard", "DecisionMade", "Progress", "Calendar", "FileState", "Erased"} <= set(MESSAGES)
    assert len(HANDLERS) > 25


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_takes_one_plain_message_and_gives_one(name: str) -> None:
    function = HANDLERS[name]
    assert len(inspect.signature(function).parameters) <= 2, "self and one argument: fields can be added to it"
    assert "return" in typing.get_type_hints(function)
    for hint in types_of(function):
        for part in parts(hint):
            assert part in PLAIN or part in MESSAGES.values() or issubclass(part, StrEnum), (name, part)
            assert part is not str, f"{name}: a bare string may hold anything"


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_is_frozen_and_plain(name: str) -> None:
    message = MESSAGES[name]
    assert message.__dataclass_params__.frozen  # type: ignore[attr-defined]
    for field, hint in typing.get_type_hints(message).items():
        for part in parts(hint):
            assert part in PLAIN or part in MESSAGES.values() or issubclass(part, StrEnum), (
                name,
                field,
                part,
            )
            if part is str:
                assert f"{name}.{field}" in STRINGS, "a new string: is it surely a code of ours?"


def test_every_string_we_looked_at_still_exists() -> None:
    strings = {
        f"{name}.{field}"
        for name, message in MESSAGES.items()
        for field, hint in typing.get_type_hints(message).items()
        if str in parts(hint)
    }
    assert strings == STRINGS


def example(annotation: Any) -> Any:
    """The same value for the same type, always; what may be missing is there."""
    origin = typing.get_origin(annotation)
    if origin is list:
        return [example(typing.get_args(annotation)[0])]
    if origin in (typing.Union, types.UnionType):
        return example(next(a for a in typing.get_args(annotation) if a is not types.NoneType))
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return annotation(**{f: example(h) for f, h in typing.get_type_hints(annotation).items()})
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return next(iter(annotation))
    return {
        UUID: UUID("00000000-0000-4000-8000-000000000001"), datetime: datetime(2017, 3, 3, 21, 0, tzinfo=UTC),
        str: "a-code", int: 3, bool: True,
    }[annotation]  # fmt: skip


async def test_messages_look_as_running_histories_hold_them() -> None:
    converter = DataConverter.default
    examples = {name: example(message) for name, message in MESSAGES.items()}
    encoded = {}
    for name, value in examples.items():
        [payload] = await converter.encode([value])
        encoded[name] = json.loads(payload.data)
        assert await converter.decode([payload], [MESSAGES[name]]) == [value], f"{name} comes back as it went"
    text = json.dumps(encoded, indent=1, sort_keys=True) + "\n"
    if os.environ.get("GOLDEN_REWRITE") == "1":
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8"), "GOLDEN_REWRITE=1 once running histories can still be read"


async def test_what_an_older_release_wrote_can_still_be_read() -> None:
    """A message without the fields that have a default is one from before they existed."""
    converter = DataConverter.default
    for name, message in MESSAGES.items():
        [payload] = await converter.encode([example(message)])
        data = json.loads(payload.data)
        for field in dataclasses.fields(message):
            if field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING:
                del data[field.name]
        payload.data = json.dumps(data).encode()
        [older] = await converter.decode([payload], [message])
        assert isinstance(older, message), name


def test_every_workflow_is_registered() -> None:
    assert set(WORKFLOW_CLASSES) == set(WORKFLOWS)
    assert len(WORKFLOWS) >= 4


async def test_every_activity_is_registered(worker_settings: Settings, client: Client) -> None:
    means = build_means(worker_settings, client)
    await means.close()
    registered = {method.__qualname__ for method in means.activities}
    assert registered == {name for name, function in HANDLERS.items() if _is_activity(function)}
    names = [getattr(method, "__temporal_activity_definition").name for method in means.activities]
    assert len(names) == len(set(names)), "two activities under one name"


def _is_activity(function: Any) -> bool:
    return hasattr(function, "__temporal_activity_definition")
