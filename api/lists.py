"""The lists behind every number of the operations desk, each as a page and as a file for a spreadsheet."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from api.guards import Lang, OperatorDep
from api.pages import render
from api.portal import Portal, portal_of
from api.routes import page
from api.workflows_seen import missing
from portal.rules.members import Group, Language
from portal.rules.onboarding import Step
from portal.rules.operations import ACT_FOR, LISTED, Act, Stage, Stuck
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, campaigns, journal, operations, settling, watch
from portal.store.campaigns import Campaign
from portal.store.operations import Line, Wanted, Where
from portal.text import gettext
from portal.text import operations as words
from portal.text.operations import List
from portal.text.tables import BOM, written

router = APIRouter()

# Lines of one page, and of one piece of a file: what is in memory at once.
A_PAGE, A_PIECE = 50, 1000
MOST_PAGES = 10_000

Pieces = AsyncIterator[Sequence[Line]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A list, narrowed by what stands in the address; what is no code of ours narrows nothing."""

    listed: List
    campaign: Campaign
    wanted: Wanted

    @property
    def query(self) -> dict[str, str]:
        """The same question as it stands in an address."""
        wanted = self.wanted
        named = {
            "etape": wanted.stage, "attend": wanted.step, "groupe": wanted.group, "langue": wanted.language,
            "motif": wanted.reason,
        }  # fmt: skip
        return {name: code.value for name, code in named.items() if code is not None}


async def asked_of(request: Request, session: Session, listed: str) -> Asked:
    campaign = await campaigns.current(session)
    if campaign is None:
        raise Refused(Refusal.NO_CAMPAIGN)
    if listed not in set(List):
        raise Refused(Refusal.LIST_UNKNOWN)
    given = request.query_params
    stage, step, reason = given.get("etape"), given.get("attend"), given.get("motif")
    group, language = given.get("groupe"), given.get("langue")
    return Asked(
        List(listed),
        campaign,
        Wanted(
            stage=Stage(stage) if stage in LISTED else None,
            step=Step(step) if step in set(Step) else None,
            group=Group(group) if group in set(Group) else None,
            language=Language(language) if language in set(Language) else None,
            reason=Stuck(reason) if reason in set(Stuck) else None,
        ),
    )


class Reader:
    """A list of the moment: how many lines, one page of them, and all of them in pieces."""

    def __init__(self, portal: Portal, asked: Asked) -> None:
        self.portal = portal
        self.asked = asked
        self.where = Where(asked.campaign.id, portal.identity_valid_for)
        self.without: Sequence[UUID] = ()

    async def prepare(self) -> None:
        """Ask Temporal before a connection is taken, which would wait for its answer."""
        if self.asked.listed is List.NO_WORKFLOW:
            self.without = await missing(self.portal, self.asked.campaign)

    async def count(self, session: Session) -> int:
        match self.asked.listed:
            case List.MEMBERS:
                return await operations.count_members(session, self.where, self.asked.wanted)
            case List.STUCK:
                return await operations.count_stuck_as(session, self.where, self.asked.wanted)
            case List.SLOWED_DOWN | List.NO_WORKFLOW | List.SECOND_LOOKS:
                return len(await self._whole(session))
            case _:
                return await self._short().count(session)

    async def page(self, session: Session, *, most: int, skipped: int) -> Sequence[Line]:
        match self.asked.listed:
            case List.MEMBERS:
                return await operations.members(session, self.where, self.asked.wanted, most=most, skipped=skipped)
            case List.STUCK:
                return await operations.stuck(session, self.where, self.asked.wanted, most=most, skipped=skipped)
            case List.SLOWED_DOWN | List.NO_WORKFLOW | List.SECOND_LOOKS:
                return (await self._whole(session))[skipped : skipped + most]
            case _:
                return await self._short().page(session, most=most, skipped=skipped)

    async def pieces(self) -> Pieces:
        """All of it. Each piece is a statement of its own: no connection waits for whoever reads slowly."""
        read: Callable[[Session, str, int], Awaitable[Sequence[Line]]] = self._after_number
        if self.asked.listed not in (List.MEMBERS, List.STUCK):
            read = self._after_so_many
        last, skipped = "", 0
        while True:
            async with self.portal.autocommit() as session:
                piece = await read(session, last, skipped)
            yield piece
            if len(piece) < A_PIECE:
                return
            last, skipped = piece[-1].number, skipped + A_PIECE

    async def _after_number(self, session: Session, last: str, skipped: int) -> Sequence[Line]:
        question = operations.members if self.asked.listed is List.MEMBERS else operations.stuck
        return await question(session, self.where, self.asked.wanted, most=A_PIECE, after=last)

    async def _after_so_many(self, session: Session, last: str, skipped: int) -> Sequence[Line]:
        return await self.page(session, most=A_PIECE, skipped=skipped)

    async def _whole(self, session: Session) -> Sequence[Line]:
        if self.asked.listed is List.SLOWED_DOWN:
            return await watch.slowed_down(session, lambda email: self.portal.counter("sign-in", email))
        if self.asked.listed is List.SECOND_LOOKS:
            return await watch.second_looks(session)
        return await operations.without_workflow(session, self.asked.campaign.id, self.without)

    def _short(self) -> watch.Listed:
        match self.asked.listed:
            case List.BOUNCED:
                return watch.failed(self.asked.campaign.id)
            case List.CASES:
                return watch.cases(self.asked.campaign.id)
            case List.KEPT:
                return watch.kept()
            case List.UNDELETED:
                return watch.undeleted()
            case List.PROVISIONAL:
                return settling.provisional(self.asked.campaign.id)
            case List.UNSENT:
                return watch.unsent()
            case _:
                return watch.on_paper(self.asked.campaign.id)


@page(router, "list")
async def list_page(request: Request, language: Lang, visitor: OperatorDep, listed: str) -> Response:
    """Fifty lines in an order that stays, whose own acts are beside them."""
    portal = portal_of(request)
    number = _page_number(request)
    async with portal.autocommit() as session:
        asked = await asked_of(request, session, listed)
    reader = Reader(portal, asked)
    await reader.prepare()
    async with portal.autocommit() as session:
        count = await reader.count(session)
        pages = max(1, ceil(count / A_PAGE))
        number = min(number, pages)
        lines = await reader.page(session, most=A_PAGE, skipped=(number - 1) * A_PAGE)
    return render(
        request, "operations/list.html", visitor=visitor, listed=asked.listed, campaign=asked.campaign, count=count,
        number=number, pages=pages, query=asked.query, wanted=asked.wanted, words=words, groups=list(Group),
        languages=list(Language), stages=list(LISTED), steps=list(Step),
        reasons=[r for r in Stuck if r is not Stuck.NO_WORKFLOW],
        rows=[
            (line, _said(asked.listed, line, language), _act_for(asked.listed, line, visitor.member_id))
            for line in lines
        ],
        heads=[gettext(language)(head) if head else "" for head in words.COLUMNS[asked.listed]],
    )  # fmt: skip


def _said(listed: List, line: Line, language: str) -> str:
    return words.what(listed, line.what, language, held=line.until is not None)


def _act_for(listed: List, line: Line, own: object) -> Act | None:
    """The one act beside a line; none beside one's own."""
    if line.member_id == own:
        return None
    if listed is List.CASES:
        return Act.RETURN if line.subject_id is not None else None
    if listed not in (List.STUCK, List.NO_WORKFLOW):
        return None
    return ACT_FOR[Stuck(line.what)]


def _page_number(request: Request) -> int:
    asked = request.query_params.get("page", "")
    return max(1, min(int(asked), MOST_PAGES)) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1


@page(router, "list-file")
async def list_file(request: Request, language: Lang, visitor: OperatorDep, listed: str) -> Response:
    """The whole list. Who took it, and how many lines, is written down before the first byte leaves."""
    portal = portal_of(request)
    async with portal.autocommit() as session:
        asked = await asked_of(request, session, listed)
    reader = Reader(portal, asked)
    if request.method == "GET":
        await reader.prepare()
        async with portal.autocommit() as session:
            count = await reader.count(session)
            await journal.write(
                session, "list-exported", actor="operator", actor_id=visitor.account_id,
                campaign_id=asked.campaign.id, code=f"{asked.listed}:{count}",
            )  # fmt: skip
    name = f"scrutin-{asked.listed}-{datetime.now(asked.campaign.zone):%Y-%m-%d}.csv"
    return StreamingResponse(
        _file(reader, language) if request.method == "GET" else iter(()), media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )  # fmt: skip


async def _file(reader: Reader, language: str) -> AsyncIterator[bytes]:
    listed, zone = reader.asked.listed, reader.asked.campaign.zone
    translate = gettext(language)
    own = [head for head in words.COLUMNS[listed] if head]
    who = (words.NUMBER, words.FAMILY_NAME, words.GIVEN_NAME, words.GROUP, words.LANGUAGE)
    yield BOM.encode() + written([[translate(head) for head in (*who, *own)]], language)

    def moment(at: datetime | None) -> str:
        return at.astimezone(zone).isoformat(sep=" ", timespec="minutes") if at is not None else ""

    async for piece in reader.pieces():
        yield written(
            (
                [
                    line.number, line.family_name, line.given_name, line.group, line.language,
                    *(_said(listed, line, language), moment(line.since), moment(line.until))[: len(own)],
                ]
                for line in piece
            ),
            language,
        )  # fmt: skip
