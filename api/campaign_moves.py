"""Moving the calendar of a campaign: first looked at with its effect, then proposed under a factor just shown."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.campaign_changes import called, effects_of, propose, shown, signed
from api.campaign_forms import CampaignFields, CampaignForm, read_calendar, typed_campaign
from api.campaigns import problems_said
from api.guards import Lang, OfficerDep, same_form
from api.pages import language_of, render
from api.portal import portal_of
from api.routes import page
from portal.rules.campaign_changes import INSTANTS, ChangeKind, may_move
from portal.rules.campaigns import Calendar, CampaignStatus
from portal.rules.refusals import Refusal
from portal.rules.running import MOST_REASON
from portal.store import campaigns
from portal.store.campaigns import Campaign
from portal.store.sessions import Visitor

router = APIRouter()


@page(router, "campaign-move")
async def moving(request: Request, visitor: OfficerDep, code: str) -> Response:
    campaign = await called(request, code)
    return _move_form(request, visitor, campaign, typed_campaign(campaign), {})


@page(router, "campaign-move", methods=("POST",))
async def propose_move(
    request: Request, language: Lang, visitor: OfficerDep, form: CampaignForm, code: str
) -> Response:
    """First with its effect, then under a factor: nothing is written before."""
    same_form(visitor, form.form_token)
    campaign = await called(request, code)
    read = read_calendar(form, campaign.zone)
    for name in INSTANTS:
        # The form knows minutes: an instant that nobody touched keeps its seconds.
        if read.instant(name) == getattr(campaign, name).replace(second=0, microsecond=0):
            read.values[name] = getattr(campaign, name)
    problems = dict(read.problems)
    new = campaign.calendar
    wanted = {name: str(at) for name, at in read.values.items() if at != getattr(campaign, name)}
    if not problems:
        new = replace(new, version=new.version + 1, **read.values)  # type: ignore[arg-type]
        problems = may_move(campaign.calendar, new, at=datetime.now(UTC))
    if not problems and await _hides(request, campaign, new, wanted):
        problems = {"": Refusal.OTHER_CAMPAIGN_HIDDEN}
    why = {"reason_fr": " ".join(form.reason_fr.split()), "reason_en": " ".join(form.reason_en.split())}
    told = "closes" in wanted and campaign.registration_opens <= datetime.now(UTC)
    if not problems and told:
        problems = {
            name: Refusal.CLOSING_REASON_NEEDED for name, words in why.items() if not 0 < len(words) <= MOST_REASON
        }
    if campaign.status != CampaignStatus.OPEN.value:
        problems = {"": Refusal.NO_LONGER_A_DRAFT}
    elif not problems and not wanted:
        problems = {"": Refusal.NOTHING_CHANGED}
    if problems:
        return _move_form(request, visitor, campaign, form, problems)

    async def check(no: Refusal | None = None) -> Response:
        async with portal_of(request).autocommit() as session:
            effects = await effects_of(session, campaign, ChangeKind.MOVE, wanted)
        return await shown(
            request, "campaigns/check_move.html", visitor, campaign, no, form=form, effects=effects,
            moved=[(name, getattr(campaign, name), getattr(new, name)) for name in INSTANTS if name in wanted],
            typed=_typed(form), why=why if told else None,
        )  # fmt: skip

    if form.checked != "yes":
        return await check()
    iso = {name: at.isoformat() for name in wanted if (at := read.instant(name)) is not None} | (why if told else {})
    return await signed(
        visitor, check,
        lambda: propose(request, language, visitor, campaign, ChangeKind.MOVE, iso, ""),
    )  # fmt: skip


async def _hides(request: Request, campaign: Campaign, new: Calendar, wanted: Mapping[str, str]) -> bool:
    """Whether another campaign or this one would be hidden. A close alone moves whatever hides."""
    if not wanted.keys() - {"closes"}:
        return False
    async with portal_of(request).autocommit() as session:
        return await campaigns.hides_another(session, campaign.id, new)


def _typed(form: CampaignFields) -> list[tuple[str, str]]:
    """What was typed, carried along unseen."""
    names = [f"{name}_{part}" for name in INSTANTS for part in ("day", "month", "year", "time")]
    names += ["reason_fr", "reason_en"]
    return [(name, str(getattr(form, name))) for name in names]


def _move_form(
    request: Request, visitor: Visitor, campaign: Campaign, form: CampaignFields, problems: Mapping[str, Refusal]
) -> Response:
    return render(
        request, "campaigns/move.html", visitor=visitor, campaign=campaign, form=form, at=datetime.now(UTC),
        **problems_said(problems, language_of(request)),
    )  # fmt: skip
