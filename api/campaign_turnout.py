"""How many have voted, never what; and whom the post tells what mail cannot."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.campaigns import campaign_called
from api.downloads import table
from api.guards import Lang, OrganiserDep
from api.pages import render
from api.portal import portal_of
from api.routes import page
from portal.rules.running import Turnout, per_mille
from portal.rules.votes import MIN_GROUP
from portal.store import journal, running
from portal.text import gettext
from portal.text.catalogues import N_
from portal.text.moments import per_cent

router = APIRouter()

_TURNOUT = (N_("Vote"), N_("Groupe"), N_("Électeurs"), N_("Ont voté"), N_("Participation (%)"))
_ALL, _FEW = N_("Tous les groupes"), N_("moins de 10, ou caché pour ne pas les trahir")
_POST = (
    N_("Numéro"), N_("Prénom"), N_("Nom de famille"), N_("Rue"), N_("Ville"), N_("Province"), N_("Code postal"),
    N_("Groupe"), N_("Langue"), N_("Motif"),
)  # fmt: skip
_NO_ADDRESS, _CAME_BACK = N_("Aucun courriel au dossier"), N_("Les courriels reviennent")


@page(router, "campaign-turnout")
async def turnout(request: Request, visitor: OrganiserDep, code: str) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        found = await running.turnout(session, campaign)
    return render(
        request, "campaigns/turnout.html", visitor=visitor, campaign=campaign, found=found, few=MIN_GROUP,
        per_mille=per_mille,
    )  # fmt: skip


@page(router, "campaign-turnout-file")
async def turnout_file(request: Request, language: Lang, visitor: OrganiserDep, code: str) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        found = await running.turnout(session, campaign)
    translate = gettext(language)
    rows = [tuple(translate(head) for head in _TURNOUT)]
    for one in found:
        rows += [_line(one, group, electors, voted, language) for group, electors, voted in _lines(one, language)]
    name = f"turnout-{campaign.code}.csv"
    return table(rows, name, language)


def _lines(one: Turnout, language: str) -> list[tuple[str, int, int | None]]:
    return [(gettext(language)(_ALL), one.electors, one.shown), *one.groups]


def _line(one: Turnout, group: str, electors: int, voted: int | None, language: str) -> tuple[str, ...]:
    said = gettext(language)(_FEW) if voted is None else str(voted)
    title = one.title[0] if language == "fr" else one.title[1]
    return title, group, str(electors), said, "" if voted is None else _share(voted, electors, language)


def _share(voted: int, electors: int, language: str) -> str:
    # The column is headed « % », so the numbers bear none.
    return per_cent(per_mille(voted, electors), language=language).rstrip("%").rstrip()


@page(router, "campaign-post")
async def post(request: Request, visitor: OrganiserDep, code: str) -> Response:
    """How many there are, and why; their names are in the file."""
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        people = await running.for_the_post(session, campaign)
    return render(
        request, "campaigns/post.html", visitor=visitor, campaign=campaign,
        without=sum(not p.bounced for p in people), bounced=sum(p.bounced for p in people),
    )  # fmt: skip


@page(router, "campaign-post-file")
async def post_file(request: Request, language: Lang, visitor: OrganiserDep, code: str) -> Response:
    """Addresses for envelopes. Who took them, and how many, is written down before they leave."""
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        people = await running.for_the_post(session, campaign)
        if request.method == "GET":
            await journal.write(
                session, "list-exported", actor="staff", actor_id=visitor.account_id, campaign_id=campaign.id,
                code=f"post:{len(people)}",
            )  # fmt: skip
    translate = gettext(language)
    rows = [tuple(translate(head) for head in _POST)] + [
        (
            p.number, p.given_name, p.family_name, p.street, p.city, p.province, p.postal_code, p.group, p.language,
            translate(_CAME_BACK if p.bounced else _NO_ADDRESS),
        )
        for p in people
    ]  # fmt: skip
    return table(rows, f"post-{campaign.code}.csv", language)
