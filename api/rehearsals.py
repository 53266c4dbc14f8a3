"""Rehearsals: mock members for a campaign that no real member sees, and its end, which leaves nothing."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.campaign_forms import ChangeForm, MockForm
from api.campaigns import campaign_called, campaign_page
from api.guards import Lang, OfficerDep, OrganiserDep, require_factor, same_form
from api.pages import go
from api.portal import portal_of
from api.routes import page
from portal.rules.refusals import Refusal, Refused
from portal.store import drafts, journal

router = APIRouter()


@page(router, "rehearsal-members", methods=("POST",))
async def add_members(request: Request, language: Lang, visitor: OrganiserDep, form: MockForm, code: str) -> Response:
    """Fictitious members, who all sign in with the password typed here."""
    same_form(visitor, form.form_token)
    portal = portal_of(request)
    wanted = int(form.members) if form.members.isdecimal() else 0
    if not 1 <= wanted <= 500:
        return await campaign_page(request, visitor, code, {"members": Refusal.TOO_MANY_MOCK_MEMBERS})
    weak = portal.passwords.weakness(form.password, [])
    if weak is not None:
        return await campaign_page(request, visitor, code, {"password": weak})
    with portal.passwords.place(inside=True) as place:
        hashed = await place.hash(form.password)
    async with portal.sessions.begin() as session:
        campaign = await campaign_called(session, code)
        refused = await drafts.add_mock_members(session, campaign.id, wanted, hashed)
        if refused is None:
            await journal.write(
                session, "mock-members-added", actor="staff", actor_id=visitor.account_id, campaign_id=campaign.id,
                code=str(wanted),
            )  # fmt: skip
    if refused is not None:
        return await campaign_page(request, visitor, code, {"members": refused})
    return go("campaign", language, notice="membres-fictifs", code=code)


@page(router, "rehearsal-drop", methods=("POST",))
async def drop_rehearsal(
    request: Request, language: Lang, visitor: OfficerDep, form: ChangeForm, code: str
) -> Response:
    same_form(visitor, form.form_token)
    require_factor(visitor)
    async with portal_of(request).sessions.begin() as session:
        campaign = await campaign_called(session, code)
        refused = await drafts.throw_away(session, campaign.id)
        if refused is None:
            await journal.write(
                session, "rehearsal-dropped", actor="officer", actor_id=visitor.account_id, campaign_id=campaign.id
            )
    if refused is not None:
        raise Refused(refused)
    return go("campaigns", language, notice="repetition-jetee")
