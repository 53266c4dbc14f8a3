"""Every page under both languages, with its address from the one table and a limit on what may be sent to it."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from portal.rules.roll import MOST_BYTES
from portal.text import LANGUAGES
from portal.text.addresses import pattern

# A form of a few fields.
FORM_LIMIT = 64 * 1024
# Two pictures of 8 MiB and the rest of the form (brief §4).
UPLOAD_LIMIT = 17 * 1024 * 1024
# A file of the roll and the rest of its form.
ROLL_LIMIT = MOST_BYTES + FORM_LIMIT

Endpoint = Callable[..., Any]


def page(
    router: APIRouter, name: str, *, methods: tuple[str, ...] = ("GET",), limit: int = FORM_LIMIT
) -> Callable[[Endpoint], Endpoint]:
    """Register a page in both languages. GET answers HEAD as well and changes nothing."""

    def register(endpoint: Endpoint) -> Endpoint:
        for language in LANGUAGES:
            router.add_api_route(
                pattern(name, language),
                endpoint,
                methods=[*methods, "HEAD"] if "GET" in methods else list(methods),
                name=f"{name}.{language}",
                response_model=None,
                include_in_schema=False,
                max_body_size=limit,
            )
        return endpoint

    return register
