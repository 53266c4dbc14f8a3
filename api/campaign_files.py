"""Files of an election that officers send and fetch: chosen or pasted, small, and never kept but by what they say."""

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from api.guards import same_form
from api.routes import FORM_LIMIT
from portal.rules.campaign_changes import ChangeKind
from portal.rules.election import MOST_BYTES
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, campaign_changes
from portal.store.campaign_changes import Proposal
from portal.store.campaigns import Campaign
from portal.store.sessions import Visitor

# A file, the same pasted, and the rest of the form.
FILE_LIMIT = 2 * MOST_BYTES + FORM_LIMIT


async def sent_file(request: Request, visitor: Visitor) -> str | Refusal:
    """What the chosen file holds, or what was pasted instead."""
    try:
        async with request.form(max_files=1, max_fields=5, max_part_size=MOST_BYTES) as form:
            if set(form) - {"form_token", "key", "file", "pasted"}:
                raise Refused(Refusal.NOT_ALLOWED)
            token, file, pasted = form.get("form_token", ""), form.get("file"), form.get("pasted", "")
            same_form(visitor, token if isinstance(token, str) else "")
            content = await file.read() if isinstance(file, UploadFile) else b""
    except HTTPException as error:
        if error.status_code not in (400, 413):
            raise
        return Refusal.FILE_TOO_LARGE
    if len(content) > MOST_BYTES:
        return Refusal.FILE_TOO_LARGE
    if content:
        try:
            return content.decode()
        except UnicodeDecodeError:
            return Refusal.FILE_OF_ANOTHER
    # A form sends line ends of its own; the files have one, at their end.
    text = pasted.replace("\r\n", "\n").strip() if isinstance(pasted, str) else ""
    return f"{text}\n" if text else Refusal.FILE_MISSING


async def waiting(session: Session, campaign: Campaign, kind: ChangeKind) -> Proposal | None:
    """The proposal of this kind that somebody could confirm now."""
    found = await campaign_changes.proposals(session, campaign.id)
    return next((p for p in found if p.kind is kind and p.refusal is None), None)
