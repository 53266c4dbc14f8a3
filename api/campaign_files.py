"""Files of an election that officers send and fetch: chosen or pasted, small, and never kept but by what they say."""

from collections.abc import Awaitable, Callable

from fastapi import Request
from fastapi.responses import Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from api.campaign_changes import called, signed
from api.guards import same_form
from api.routes import FORM_LIMIT
from portal.rules.campaign_changes import ChangeKind
from portal.rules.election import MOST_BYTES
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, campaign_changes
from portal.store.campaign_changes import Proposal
from portal.store.campaigns import Campaign
from portal.store.sessions import Visitor

# Files, the same pasted, and the rest of the form.
FILE_LIMIT = 2 * MOST_BYTES + FORM_LIMIT


async def file_sent(
    request: Request, visitor: Visitor, code: str,
    again: Callable[[Request, Visitor, str, Refusal], Awaitable[Response]],
    act: Callable[[Campaign, list[str], bool], Awaitable[Response | Refusal]], *, most: int = 1,
) -> Response:  # fmt: skip
    """What is done with the files of a form, under a factor shown a moment ago; the form again if they are refused.

    `act` is told, too, whether the box was ticked that says that a warning was read.
    """
    sent, ticked = await _texts(request, visitor, most)
    campaign = await called(request, code)

    async def done() -> Response | Refusal:
        return sent if isinstance(sent, Refusal) else await act(campaign, sent, ticked)

    return await signed(visitor, lambda no: again(request, visitor, code, no), done)


async def _texts(request: Request, visitor: Visitor, most: int) -> tuple[list[str] | Refusal, bool]:
    """What the chosen files hold, or what was pasted instead; and whether the box of the form was ticked."""
    try:
        async with request.form(max_files=most, max_fields=5, max_part_size=MOST_BYTES) as form:
            if set(form) - {"form_token", "key", "file", "pasted", "read"}:
                raise Refused(Refusal.NOT_ALLOWED)
            token, pasted, ticked = form.get("form_token", ""), form.get("pasted", ""), form.get("read") == "yes"
            same_form(visitor, token if isinstance(token, str) else "")
            contents = [await file.read() for file in form.getlist("file") if isinstance(file, UploadFile)]
    except HTTPException as error:
        if error.status_code not in (400, 413):
            raise
        return Refusal.FILE_TOO_LARGE, False
    if sum(map(len, contents)) > MOST_BYTES:
        return Refusal.FILE_TOO_LARGE, ticked
    try:
        texts = [content.decode() for content in contents if content]
    except UnicodeDecodeError:
        return Refusal.FILE_OF_ANOTHER, ticked
    if not texts and isinstance(pasted, str):
        # A form sends line ends of its own. A file is one line, so that several may be pasted one below the other.
        whole = pasted.replace("\r\n", "\n").strip()
        texts = [f"{one}\n" for one in (whole.split("\n") if most > 1 else [whole]) if one]
    return texts or Refusal.FILE_MISSING, ticked


async def waiting(session: Session, campaign: Campaign, kind: ChangeKind) -> Proposal | None:
    """The proposal of this kind that somebody could confirm now."""
    found = await campaign_changes.proposals(session, campaign.id)
    return next((p for p in found if p.kind is kind and p.refusal is None), None)
