"""The results, which two officers count on their own; then complaints, and the end of the key."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.campaign_changes import called, propose, shown, signed, tell_workflow
from api.campaign_files import FILE_LIMIT, file_sent, waiting
from api.campaign_forms import ChangeForm
from api.campaigns import campaign_called
from api.downloads import attached
from api.guards import Lang, OfficerDep, same_form
from api.pages import go, language_of
from api.portal import portal_of
from api.results import all_shown, counted_in
from api.routes import page
from portal.rules.campaign_changes import ChangeKind
from portal.rules.canonical import hash_of
from portal.rules.election import read_destruction, read_result
from portal.rules.refusals import Refusal, Refused
from portal.rules.running import COMPLAINT_DAYS, kept_until
from portal.rules.vote_files import OFFICERS, Publication, Result, kept_keys
from portal.rules.votes import MIN_GROUP
from portal.store import campaign_changes, journal, results, running, sealing
from portal.store.campaign_changes import Proposal
from portal.store.campaigns import Campaign
from portal.store.sessions import Visitor

router = APIRouter()


def _tells_votes(result: Result) -> bool:
    """Whether numbers of it say what each person chose, once they are published."""
    return any(one.unanimous and not one.small for _, _, one in result.ballots)


async def _page(request: Request, visitor: Visitor, code: str, refusal: Refusal | None = None) -> Response:
    language = language_of(request)
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        box = await running.box(session, campaign)
        published = await results.published(session, campaign.id)
        pending = await waiting(session, campaign, ChangeKind.RESULTS)
        mine = pending is not None and pending.change.proposed_by == visitor.account_id
        # What the first has found is not shown to the second: they count on their own.
        text = published.result if published else pending.change.wanted["result"] if pending and mine else None
        counted = await all_shown(session, campaign, counted_in(text), language) if text else []
    return await shown(
        request, "campaigns/result.html", visitor, campaign, refusal, published=published, pending=pending, mine=mine,
        results=counted, unread=refusal is Refusal.UNANIMITY_UNREAD, least=MIN_GROUP,
        manifest=box.manifest_sha256 if box else None,
    )  # fmt: skip


@page(router, "campaign-result")
async def result(request: Request, visitor: OfficerDep, code: str) -> Response:
    return await _page(request, visitor, code)


@page(router, "campaign-result", methods=("POST",), limit=FILE_LIMIT)
async def send_result(request: Request, language: Lang, visitor: OfficerDep, code: str) -> Response:
    """The first file is a proposal; the second, of another officer, publishes it if it is the same, byte for byte."""

    async def act(campaign: Campaign, texts: list[str], warned: bool) -> Response | Refusal:
        (sent,) = texts
        async with portal_of(request).autocommit() as session:
            box = await running.box(session, campaign)
            pending = await waiting(session, campaign, ChangeKind.RESULTS)
        if box is None or campaign.results_at is not None:
            return Refusal.NOT_SEALED if box is None else Refusal.RESULTS_ARE_OUT
        read = read_result(sent, box)
        if isinstance(read, Refusal):
            return read
        digest = hash_of(sent.encode())
        if pending is None:
            wanted = {"result": sent, "sha256": digest}
            return await propose(request, language, visitor, campaign, ChangeKind.RESULTS, wanted, "")
        if digest == pending.change.wanted["sha256"] and _tells_votes(read) and not warned:
            # Nothing is kept: whoever has read the warning sends the file again.
            return Refusal.UNANIMITY_UNREAD
        return await _counted_again(request, language, visitor, campaign, pending, digest)

    return await file_sent(request, visitor, code, _page, act)


async def _counted_again(
    request: Request, language: str, visitor: Visitor, campaign: Campaign, pending: Proposal, digest: str
) -> Response | Refusal:
    async with portal_of(request).sessions.begin() as session:
        no = await campaign_changes.confirm(session, pending, by=visitor.account_id, counted=digest)
        if no is None or no is Refusal.COUNTS_DIFFER:
            await journal.write(
                session, "change-confirmed" if no is None else "counts-differed", actor="officer",
                actor_id=visitor.account_id, campaign_id=campaign.id, subject_id=pending.change.id,
                code=ChangeKind.RESULTS.value,
            )  # fmt: skip
    if no is not None:
        return no
    await tell_workflow(request, campaign)
    return go("campaign-result", language, notice="resultats-publies", code=campaign.code)


@page(router, "campaign-publication")
async def publication_file(request: Request, visitor: OfficerDep, code: str) -> Response:
    """publication-<campaign>.json: without it the ceremony destroys no key."""
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        published = await results.published(session, campaign.id)
    if published is None or campaign.election_key is None:
        raise Refused(Refusal.NO_RESULTS_YET)
    said = Publication(
        campaign.code, campaign.election_key, published.sha256, published.published_at,
        kept_until(published.published_at), held=campaign.held_at is not None,
    )  # fmt: skip
    return attached(said.written(), f"publication-{campaign.code}.json")


# --- complaints


async def _hold_page(
    request: Request, visitor: Visitor, code: str, reason: str = "", refusal: Refusal | None = None
) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        pending = await waiting(session, campaign, ChangeKind.RELEASE if campaign.held_at else ChangeKind.HOLD)
    return await shown(
        request, "campaigns/hold.html", visitor, campaign, refusal, reason=reason, pending=pending,
        over=campaign.closes <= datetime.now(UTC), days=COMPLAINT_DAYS,
    )  # fmt: skip


@page(router, "campaign-hold")
async def hold(request: Request, visitor: OfficerDep, code: str) -> Response:
    return await _hold_page(request, visitor, code)


@page(router, "campaign-hold", methods=("POST",))
async def propose_hold(request: Request, language: Lang, visitor: OfficerDep, form: ChangeForm, code: str) -> Response:
    """A complaint keeps the evidence; what was one is closed. Which of the two stands on the form that was sent."""
    same_form(visitor, form.form_token)
    campaign = await called(request, code)
    kind = ChangeKind.RELEASE if form.verdict == "release" else ChangeKind.HOLD

    async def again(no: Refusal) -> Response:
        return await _hold_page(request, visitor, code, form.reason, no)

    if not form.reason.strip():
        return await again(Refusal.CHANGE_REASON_NEEDED)

    async def act() -> Response | Refusal:
        if kind is ChangeKind.RELEASE and campaign.held_at is None:
            return Refusal.NOTHING_HELD
        if kind is ChangeKind.HOLD:
            if campaign.held_at is not None or campaign.destroyed_at is not None:
                return Refusal.HELD_ALREADY
            if datetime.now(UTC) < campaign.closes:
                return Refusal.VOTING_NOT_OVER
        async with portal_of(request).autocommit() as session:
            if await waiting(session, campaign, kind):
                return Refusal.PROPOSED_ALREADY
        return await propose(request, language, visitor, campaign, kind, {}, form.reason)

    return await signed(visitor, again, act)


# --- the end of the key


async def _destroyed_page(request: Request, visitor: Visitor, code: str, refusal: Refusal | None = None) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        pending = await waiting(session, campaign, ChangeKind.DESTROYED)
    after = None if campaign.results_at is None else kept_until(campaign.results_at)
    return await shown(
        request, "campaigns/destroyed.html", visitor, campaign, refusal, pending=pending, after=after,
        ready=after is not None and after <= datetime.now(UTC) and campaign.held_at is None,
    )  # fmt: skip


@page(router, "campaign-destroyed")
async def destroyed(request: Request, visitor: OfficerDep, code: str) -> Response:
    return await _destroyed_page(request, visitor, code)


@page(router, "campaign-destroyed", methods=("POST",), limit=FILE_LIMIT)
async def propose_destroyed(request: Request, language: Lang, visitor: OfficerDep, code: str) -> Response:
    """The record of the ceremony and two signatures of it, sent together."""

    async def act(campaign: Campaign, texts: list[str], _: bool) -> Response | Refusal:
        if campaign.results_at is None or campaign.election_key is None:
            return Refusal.NO_RESULTS_YET
        after = kept_until(campaign.results_at)
        if campaign.held_at is not None or datetime.now(UTC) < after:
            return Refusal.TOO_EARLY_TO_DESTROY
        keys = kept_keys(campaign.code, campaign.election_key, campaign.trustees or ())
        record = read_destruction(texts, keys, after, sealing.verified)
        if isinstance(record, Refusal):
            return record
        return await propose(request, language, visitor, campaign, ChangeKind.DESTROYED, record, "")

    # Who has all three signatures sends all three.
    return await file_sent(request, visitor, code, _destroyed_page, act, most=1 + OFFICERS)
