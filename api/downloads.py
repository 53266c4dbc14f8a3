"""Answers that a browser keeps as a file."""

from collections.abc import Iterable, Sequence

from fastapi.responses import Response

from portal.text.tables import BOM, written


def attached(content: str | bytes, name: str, media_type: str = "application/json") -> Response:
    return Response(
        content, media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )  # fmt: skip


def table(rows: Iterable[Sequence[str]], name: str, language: str) -> Response:
    """A list that is small enough to be made whole, as a spreadsheet of this language opens it."""
    return attached(BOM.encode() + written(rows, language), name, "text/csv; charset=utf-8")
