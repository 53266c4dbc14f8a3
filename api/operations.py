"""The operations desk: what needs a look now, how far members have come, the queue against the closing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.counter import counted
from api.forecast import forecast_of
from api.forms import RollLookUpForm
from api.guards import Lang, OperatorDep, same_form
from api.pages import render
from api.portal import Portal, portal_of
from api.routes import page
from api.temporal_links import temporal_list
from api.workflows_seen import how_many_missing
from portal.rules.accounts import looks_like_member_number
from portal.rules.doors import ANSWER_WITHIN, tidy
from portal.rules.identity import ERASURE_ALARM, ERASURE_TARGET
from portal.rules.members import Group, Language
from portal.rules.operations import (
    BOUNCES_AN_HOUR,
    LISTED,
    MAIL_WAITS_AFTER,
    REVIEW_LATE_AFTER,
    SETTLE_SOON,
    Alert,
    Stage,
    Stuck,
)  # fmt: skip
from portal.rules.refusals import Refusal, Refused
from portal.rules.running import KEY_ALARM
from portal.store import Session, campaigns, decisions, doors, members, operations, review, running, settling, watch
from portal.store.campaigns import Campaign
from portal.store.operations import Funnel, Where
from portal.store.sessions import Visitor
from portal.text import operations as words
from portal.text.addresses import path
from portal.text.operations import List

router = APIRouter()

# What stops the vote for somebody, or breaks a promise, before what only waits.
GRAVE = frozenset({Alert.DOCUMENT_OVERDUE, Alert.KEY_MISSING, Alert.NUMBER_PATH_CLOSED})


@dataclass(frozen=True, slots=True)
class Warned:
    """One thing that needs a look now, and where to look."""

    said: str
    grave: bool
    address: str


@dataclass(frozen=True, slots=True)
class People:
    """How far everybody has come, who is stuck, and when that was counted."""

    funnel: Funnel
    stuck: dict[Stuck, int]
    at: datetime


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage of the drawing: its words, its length of a hundred, and those of its groups."""

    name: str
    count: int
    share: float
    groups: list[tuple[str, int, float]]


@page(router, "operations")
async def desk(request: Request, language: Lang, visitor: OperatorDep) -> Response:
    return await _desk(request, language, visitor)


@page(router, "operations", methods=("POST",))
async def find(request: Request, language: Lang, visitor: OperatorDep, form: RollLookUpForm) -> Response:
    """Somebody is on the telephone. The number is sent: whatever stands in an address is kept in logs."""
    same_form(visitor, form.form_token)
    number = tidy(form.numero)
    async with portal_of(request).autocommit() as session:
        member = await members.by_number(session, number) if looks_like_member_number(number) else None
    if member is None:
        return await _desk(request, language, visitor, Refusal.ROLL_NUMBER_UNKNOWN, number[:32])
    return RedirectResponse(path("member-desk", language, member_id=member.id), status_code=303)


async def _desk(
    request: Request, language: str, visitor: Visitor, refusal: Refusal | None = None, looked_for: str = ""
) -> Response:
    portal = portal_of(request)
    async with portal.autocommit() as session:
        campaign = await campaigns.current(session)
        if campaign is None:
            raise Refused(Refusal.NO_CAMPAIGN)
        forecast = await forecast_of(portal, session, campaign)
        count = (await counted(portal, session)).counter
        requests = await doors.desk(session)
        post = await watch.post(session)
        numbers = await _numbers(portal, session, campaign, post)
        alerts = await _alerts(portal, session, campaign, post, numbers)
    people = await _people(portal, campaign)
    return render(
        request, "operations/desk.html", visitor=visitor, refusal=refusal, field="numero" if refusal else None,
        looked_for=looked_for, campaign=campaign, people=people, funnel=people.funnel,
        bars=bars(people.funnel, language),
        stages=[(stage, words.word(words.STAGES, stage, language)) for stage in LISTED], groups=list(Group),
        voted=people.funnel.count(Stage.VOTED), voted_name=words.word(words.STAGES, Stage.VOTED, language),
        languages=list(Language), forecast=forecast, counter=count, requests=requests, post=post, numbers=numbers,
        stuck=[
            (code, words.word(words.REASONS, code, language), people.stuck[code])
            for code in Stuck
            if code in people.stuck
        ],
        alerts=[_warned(code, number, language) for code, number in alerts.items()], temporal=temporal_list(portal),
        List=List,
    )  # fmt: skip


async def _people(portal: Portal, campaign: Campaign) -> People:
    """What looks at everybody on the roll: counted at most once a minute, whoever looks at the desk."""
    where = Where(campaign.id, portal.identity_valid_for)

    async def made() -> People:
        async with portal.autocommit() as session:
            return People(*await operations.counts(session, where), datetime.now(UTC))

    return await portal.minute.behind(("people", campaign.id), made)


def bars(funnel: Funnel, language: str) -> list[Bar]:
    """The drawing. Every bar is measured against the roll: its own length says how many got so far."""
    whole = max(1, funnel.count(Stage.ROLL))
    of_group = {group: max(1, funnel.count(Stage.ROLL, group)) for group in Group}
    return [
        Bar(
            words.word(words.STAGES, stage, language), funnel.count(stage), 100 * funnel.count(stage) / whole,
            [
                (group.value, funnel.count(stage, group), 100 * funnel.count(stage, group) / of_group[group])
                for group in Group
            ],
        )
        for stage in LISTED
    ]  # fmt: skip


async def _numbers(portal: Portal, session: Session, campaign: Campaign, post: watch.Post) -> dict[List, int]:
    """How long each list is, but for the one that only Temporal knows."""
    return {
        List.CASES: await watch.cases(campaign.id).count(session),
        List.SECOND_LOOKS: len(await decisions.waiting_for_another(session)),
        List.UNDELETED: await watch.undeleted().count(session),
        List.BOUNCED: post.failed,
        List.SLOWED_DOWN: len(
            await watch.slowed_down(session, lambda email: portal.counter("sign-in", email))
        ),
        List.PAPER: await watch.on_paper(campaign.id).count(session),
        List.PROVISIONAL: await settling.provisional(campaign.id).count(session),
    }  # fmt: skip


async def _alerts(
    portal: Portal, session: Session, campaign: Campaign, post: watch.Post, numbers: Mapping[List, int]
) -> dict[Alert, int]:
    """What needs a look now, the gravest first, each with how many."""
    at = datetime.now(UTC)
    found: dict[Alert, int] = {}
    found[Alert.KEY_MISSING] = len(await running.without_key(session, KEY_ALARM))
    oldest = await watch.oldest_undeleted(session)
    if oldest is not None and at - oldest.over_at > ERASURE_ALARM:
        found[Alert.DOCUMENT_OVERDUE] = numbers[List.UNDELETED]
    elif oldest is not None and at - oldest.over_at > ERASURE_TARGET:
        found[Alert.DOCUMENT_LATE] = numbers[List.UNDELETED]
    if await watch.number_path_closed(session, portal.counter("numbers", "all")):
        found[Alert.NUMBER_PATH_CLOSED] = 1
    if post.oldest_due is not None and at - post.oldest_due > MAIL_WAITS_AFTER:
        found[Alert.MAILS_WAIT] = post.waiting
    if post.failed_last_hour >= BOUNCES_AN_HOUR:
        found[Alert.MAILS_BOUNCE] = post.failed_last_hour
    found[Alert.REVIEWER_OPENS_MANY] = len(await review.alerts(session))
    found[Alert.SECOND_LOOKS_WAIT] = numbers[List.SECOND_LOOKS]
    found[Alert.REVIEW_LATE] = await watch.late_cases(session, campaign.id, after=REVIEW_LATE_AFTER)
    if numbers[List.PROVISIONAL]:
        due = await settling.first_due(session, campaign.id)
        if due is not None and due - at < SETTLE_SOON:
            found[Alert.VOTES_TO_SETTLE] = numbers[List.PROVISIONAL]
    found[Alert.REQUESTS_LATE] = await doors.late(session, after=ANSWER_WITHIN)
    found[Alert.WORKFLOWS_MISSING] = await how_many_missing(portal, session, campaign) or 0
    return {code: number for code, number in found.items() if number}


def _warned(code: Alert, number: int, language: str) -> Warned:
    if code is Alert.REQUESTS_LATE:
        address = path("requests", language)
    elif code is Alert.KEY_MISSING:
        # Which of them it is, its own page says.
        address = path("campaigns", language)
    elif code is Alert.MAILS_WAIT:
        # What waits is no list of people: whether something sends it is the question.
        address = path("temporal", language) + "#standing"
    else:
        address = path("list", language, listed=_LOOK[code].value)
    return Warned(words.alert(code, number, language), code in GRAVE, address)


_LOOK = {
    Alert.DOCUMENT_OVERDUE: List.UNDELETED, Alert.DOCUMENT_LATE: List.UNDELETED,
    Alert.NUMBER_PATH_CLOSED: List.SLOWED_DOWN, Alert.MAILS_BOUNCE: List.BOUNCED,
    Alert.SECOND_LOOKS_WAIT: List.SECOND_LOOKS, Alert.REVIEWER_OPENS_MANY: List.CASES, Alert.REVIEW_LATE: List.CASES,
    Alert.WORKFLOWS_MISSING: List.NO_WORKFLOW, Alert.VOTES_TO_SETTLE: List.PROVISIONAL,
}  # fmt: skip
