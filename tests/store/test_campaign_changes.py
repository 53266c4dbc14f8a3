"""Two officers change a campaign; the records apply it, and nobody else can."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from portal.rules.accounts import Role
from portal.rules.campaign_changes import ChangeKind
from portal.rules.refusals import Refusal
from portal.store import Sessions, campaign_changes, campaigns, drafts, staff
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.staff import Act
from tests import builders
from tests.store.cases import run

DAY = timedelta(days=1)
# A closing that was announced moves for one, and everybody reads it.
WHY = {"reason_fr": "Salle inondée", "reason_en": "Flooded room"}
WORDS: dict[str, object] = {
    "title_fr": "Essai", "title_en": "Try", "question_fr": "Oui ?", "question_en": "Yes?", "kind": "resolution",
    "groups": ["EC", "TR"], "members_only": True, "choose": 1, "position": 0,
}  # fmt: skip


async def an_officer(sessions: Sessions, member_id: UUID | None = None) -> UUID:
    async with sessions.begin() as session:
        return (await builders.a_staff_account(session, Role.OFFICER, member_id=member_id)).id


async def a_draft(as_api: Sessions, **more: object) -> UUID:
    now = datetime.now(UTC).replace(microsecond=0)
    given: dict[str, object] = {
        "id": uuid4(), "code": f"d{uuid4().hex[:8]}", "title_fr": "Votes", "title_en": "Votes",
        "time_zone": "America/Toronto", "registration_opens": now + DAY, "opens": now + 10 * DAY,
        "closes": now + 20 * DAY, "ends": now + 30 * DAY, **more,
    }  # fmt: skip
    async with as_api.begin() as session:
        assert await drafts.write_campaign(session, given) is None
    assert isinstance(given["id"], UUID)
    return given["id"]


async def a_ballot(as_api: Sessions, campaign_id: UUID, *candidates: dict[str, object], **more: object) -> UUID:
    given = {**WORDS, "id": uuid4(), "campaign_id": campaign_id, "code": f"b{uuid4().hex[:6]}", **more}
    async with as_api.begin() as session:
        assert await drafts.write_ballot(session, given, candidates) is None
    assert isinstance(given["id"], UUID)
    return given["id"]


async def proposed(as_api: Sessions, campaign_id: UUID, kind: ChangeKind, by: UUID, **wanted: str) -> UUID:
    async with as_api.begin() as session:
        return await campaign_changes.propose(session, campaign_id, kind, by=by, wanted=wanted, reason="parce que")


async def confirmed(as_api: Sessions, campaign_id: UUID, change_id: UUID, by: UUID) -> Refusal | None:
    async with as_api.begin() as session:
        proposal = await campaign_changes.one(session, campaign_id, change_id)
        assert proposal is not None
        opens = proposal.kind is ChangeKind.OPEN
        manifest = await campaign_changes.manifest(session, campaign_id) if opens else None
        return await campaign_changes.confirm(session, proposal, by=by, manifest=manifest)


async def as_it_is(sessions: Sessions, campaign_id: UUID) -> Campaign:
    async with sessions.begin() as session:
        found = await campaigns.by_id(session, campaign_id)
        assert found is not None
        return found


@pytest.fixture
async def campaign(sessions: Sessions) -> Campaign:
    async with sessions.begin() as session:
        return await builders.a_campaign(session)


async def test_a_draft_is_opened_by_two_officers_with_the_roll_it_is_opened_on(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T67: the roll is hashed when a campaign opens, with both names; an edit afterwards shows."""
    async with sessions.begin() as session:
        member = await builders.a_member(session)
    campaign_id = await a_draft(as_api)
    await a_ballot(as_api, campaign_id)
    one, other = await an_officer(sessions), await an_officer(sessions)
    async with sessions.begin() as session:
        assert await campaigns.current(session) is None, "a draft is nobody's campaign"
    change = await proposed(as_api, campaign_id, ChangeKind.OPEN, one)
    assert (await as_it_is(sessions, campaign_id)).status == "draft", "one signature changes nothing"
    assert await confirmed(as_api, campaign_id, change, other) is None

    opened = await as_it_is(sessions, campaign_id)
    assert (opened.status, opened.calendar_version) == ("open", 1)
    async with sessions.begin() as session:
        current = await campaigns.current(session)
        assert current is not None and current.id == campaign_id
        kept = await campaign_changes.opening_manifest(session, campaign_id)
        assert kept is not None
        assert kept[0] == await campaign_changes.manifest(session, campaign_id)
    await run(sessions, "update member set standing = 'dues-payer' where id = :id", id=member.id)
    async with sessions.begin() as session:
        assert kept[0] != await campaign_changes.manifest(session, campaign_id)


async def test_the_same_officer_does_not_confirm_not_even_by_sql(
    sessions: Sessions, as_api: Sessions, campaign: Campaign
) -> None:
    """T66: one officer alone opens, moves and cancels nothing. T62: nor is it enough to confirm oneself."""
    one = await an_officer(sessions)
    later = (campaign.closes + DAY).isoformat()
    change = await proposed(as_api, campaign.id, ChangeKind.MOVE, one, closes=later)
    assert await confirmed(as_api, campaign.id, change, one) is Refusal.SECOND_OFFICER_NEEDED
    for sessions_of_role in (as_api, sessions):
        with pytest.raises(IntegrityError, match="another officer confirms"):
            await run(
                sessions_of_role, "update campaign_change set confirmed_by = :by where id = :id", by=one, id=change
            )
    assert (await as_it_is(sessions, campaign.id)).closes == campaign.closes


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.REVIEWER, Role.AUDITOR, None])
async def test_nobody_but_an_officer_proposes_or_confirms(
    sessions: Sessions, as_api: Sessions, campaign: Campaign, role: Role | None
) -> None:
    async with sessions.begin() as session:
        somebody = (await builders.a_staff_account(session, *([role] if role else []))).id
    change = await proposed(as_api, campaign.id, ChangeKind.CANCEL, await an_officer(sessions))
    assert await confirmed(as_api, campaign.id, change, somebody) is Refusal.NOT_ALLOWED
    with pytest.raises(IntegrityError, match="only officers run votes"):
        await proposed(as_api, campaign.id, ChangeKind.CANCEL, somebody)
    with pytest.raises(IntegrityError, match="only officers run votes"):
        await run(as_api, "update campaign_change set confirmed_by = :by", by=somebody)
    assert (await as_it_is(sessions, campaign.id)).status == "open"


async def test_an_officer_whom_the_other_has_just_invited_is_no_second_one(
    sessions: Sessions, as_api: Sessions, campaign: Campaign
) -> None:
    """T62, T66: whichever of the two proposes; after a day they may, and everybody has seen them on « Personnel »."""
    one = await an_officer(sessions)
    async with as_api.begin() as session:
        invented = await staff.act(session, Act.INVITE, actor_id=one, email="moi-aussi@exemple.test")
        await staff.act(session, Act.GRANT, actor_id=one, account_id=invented, role=Role.OFFICER)
    change = await proposed(as_api, campaign.id, ChangeKind.CANCEL, one)
    assert await confirmed(as_api, campaign.id, change, invented) is Refusal.ROLE_TOO_NEW
    with pytest.raises(IntegrityError, match="in this role for less than a day"):
        await run(as_api, "update campaign_change set confirmed_by = :by", by=invented)
    with pytest.raises(IntegrityError, match="in this role for less than a day"):
        await proposed(as_api, campaign.id, ChangeKind.CANCEL, invented)
    assert (await as_it_is(sessions, campaign.id)).status == "open"
    await run(sessions, "set session_replication_role = replica; update staff_act set at = at - interval '25 hours'")
    assert await confirmed(as_api, campaign.id, change, invented) is None


async def test_a_suspended_officer_neither_proposes_nor_confirms(
    sessions: Sessions, as_api: Sessions, campaign: Campaign
) -> None:
    one, other, suspended = [await an_officer(sessions) for _ in range(3)]
    theirs = await proposed(as_api, campaign.id, ChangeKind.CANCEL, suspended)
    change = await proposed(as_api, campaign.id, ChangeKind.CANCEL, one)
    async with as_api.begin() as session:
        await staff.act(session, Act.SUSPEND, actor_id=one, account_id=suspended)
    assert await confirmed(as_api, campaign.id, change, suspended) is Refusal.NOT_ALLOWED
    for by, which in ((suspended, change), (other, theirs)):
        with pytest.raises(IntegrityError, match="only officers run votes"):
            await run(as_api, "update campaign_change set confirmed_by = :by where id = :id", by=by, id=which)
    with pytest.raises(IntegrityError, match="only officers run votes"):
        await proposed(as_api, campaign.id, ChangeKind.CANCEL, suspended)


async def test_a_member_has_one_account_so_nobody_signs_twice_under_two_names(sessions: Sessions) -> None:
    """T62: two accounts of one member would be one person; the records hold one of each."""
    async with sessions.begin() as session:
        member = await builders.a_member(session)
    with pytest.raises(IntegrityError):
        await an_officer(sessions, member.id)


@pytest.mark.parametrize(
    "statement",
    [
        "update campaign set opens = opens + interval '1 day'",
        "update campaign set status = 'cancelled', cancelled_at = now()",
        "insert into campaign (id, code) values (gen_random_uuid(), 'x')",
        "delete from campaign",
        "update ballot set question_fr = 'Autre ?'",
        "insert into ballot select * from ballot",
        "delete from ballot",
        "insert into candidate select * from candidate",
        "update candidate set name = 'X'",
        "update campaign_change set wanted = '{}'",
        "update campaign_change set confirmed_at = now()",
        "update campaign_change set expires_at = now() + interval '1 year'",
        "insert into campaign_change (fits) values ('x')",
        "delete from campaign_change",
        "update member set rehearsal_id = null",
    ],
)
async def test_no_process_writes_to_a_campaign_itself(
    as_api: Sessions, as_worker: Sessions, campaign: Campaign, statement: str
) -> None:
    """T66: the pages may propose and confirm; what that does is the records' own."""
    for role in (as_api, as_worker):
        with pytest.raises(ProgrammingError) as refused:
            await run(role, statement)
        assert getattr(refused.value.orig, "sqlstate", None) == "42501"


async def test_a_move_bears_the_next_version_and_a_closing_only_moves_later(
    sessions: Sessions, as_api: Sessions, campaign: Campaign
) -> None:
    one, other = await an_officer(sessions), await an_officer(sessions)
    wanted = {"opens": (campaign.opens + DAY).isoformat(), "closes": (campaign.closes + DAY).isoformat(), **WHY}
    assert (
        await confirmed(as_api, campaign.id, await proposed(as_api, campaign.id, ChangeKind.MOVE, one, **wanted), other)
        is None
    )
    moved = await as_it_is(sessions, campaign.id)
    assert (moved.opens, moved.closes) == (campaign.opens + DAY, campaign.closes + DAY)
    assert (moved.ends, moved.calendar_version) == (campaign.ends, 2)
    earlier = await proposed(as_api, campaign.id, ChangeKind.MOVE, one, closes=campaign.closes.isoformat())
    assert await confirmed(as_api, campaign.id, earlier, other) is Refusal.PROPOSAL_STALE


async def test_what_has_happened_is_not_moved(sessions: Sessions, as_api: Sessions) -> None:
    async with sessions.begin() as session:
        over = await builders.a_campaign(session, opens=-10 * DAY, closes=-DAY, ends=5 * DAY)
    one, other = await an_officer(sessions), await an_officer(sessions)
    for wanted in (
        {"closes": over.closes + 3 * DAY},
        {"opens": over.opens + DAY},
        {"ends": over.closes},
        {"ends": over.ends - DAY},
    ):
        change = await proposed(
            as_api, over.id, ChangeKind.MOVE, one, **{name: at.isoformat() for name, at in wanted.items()}
        )
        assert await confirmed(as_api, over.id, change, other) is Refusal.PROPOSAL_STALE, wanted


async def test_a_proposal_that_no_longer_fits_bounces(sessions: Sessions, as_api: Sessions, campaign: Campaign) -> None:
    one, other = await an_officer(sessions), await an_officer(sessions)
    first = await proposed(as_api, campaign.id, ChangeKind.MOVE, one, closes=(campaign.closes + DAY).isoformat(), **WHY)
    second = await proposed(
        as_api, campaign.id, ChangeKind.MOVE, other, closes=(campaign.closes + 2 * DAY).isoformat(), **WHY
    )
    assert await confirmed(as_api, campaign.id, first, other) is None
    assert await confirmed(as_api, campaign.id, second, one) is Refusal.PROPOSAL_STALE
    with pytest.raises(IntegrityError, match="no longer fits"):
        await run(as_api, "update campaign_change set confirmed_by = :by where id = :id", by=one, id=second)
    assert await confirmed(as_api, campaign.id, first, other) is Refusal.PROPOSAL_OVER
    with pytest.raises(IntegrityError, match="answered once"):
        await run(as_api, "update campaign_change set withdrawn_by = :by where id = :id", by=one, id=first)


async def test_a_proposal_holds_for_seven_days(sessions: Sessions, as_api: Sessions, campaign: Campaign) -> None:
    one, other = await an_officer(sessions), await an_officer(sessions)
    change = await proposed(as_api, campaign.id, ChangeKind.CANCEL, one)
    await run(sessions, "alter table campaign_change disable trigger apply_change")
    await run(sessions, "update campaign_change set expires_at = proposed_at")
    await run(sessions, "alter table campaign_change enable trigger apply_change")
    assert await confirmed(as_api, campaign.id, change, other) is Refusal.PROPOSAL_EXPIRED
    with pytest.raises(IntegrityError, match="seven days"):
        await run(as_api, "update campaign_change set confirmed_by = :by", by=other)


async def test_a_proposal_says_until_when_it_can_be_made(sessions: Sessions, as_api: Sessions) -> None:
    async with sessions.begin() as session:
        open_ = await builders.a_campaign(session, opens=-DAY, closes=timedelta(hours=2))
    one, other = await an_officer(sessions), await an_officer(sessions)
    later = (open_.closes + DAY).isoformat()
    moved = await proposed(as_api, open_.id, ChangeKind.MOVE, one, closes=later, **WHY)
    words = await proposed(as_api, open_.id, ChangeKind.CANCEL, one)
    async with as_api.begin() as session:
        closing, cancelling = [await campaign_changes.one(session, open_.id, change) for change in (moved, words)]
    assert closing is not None and cancelling is not None
    assert (closing.until, closing.refusal) == (open_.closes, None), "later than that no closing is moved"
    assert cancelling.until == cancelling.change.expires_at
    async with sessions.begin() as session:
        await session.execute(text("set local session_replication_role = replica"))
        await session.execute(text("update campaign set closes = clock_timestamp()"))
    async with as_api.begin() as session:
        gone = await campaign_changes.one(session, open_.id, moved)
    assert gone is not None
    assert (gone.lapsed, gone.expired, gone.refusal) == (True, False, Refusal.PROPOSAL_STALE)
    assert await confirmed(as_api, open_.id, moved, other) is Refusal.PROPOSAL_STALE


async def test_a_proposal_is_withdrawn_once_and_stays_on_record(
    sessions: Sessions, as_api: Sessions, campaign: Campaign
) -> None:
    one, other = await an_officer(sessions), await an_officer(sessions)
    change = await proposed(as_api, campaign.id, ChangeKind.CANCEL, one)
    async with as_api.begin() as session:
        proposal = await campaign_changes.one(session, campaign.id, change)
        assert proposal is not None
        assert await campaign_changes.withdraw(session, proposal, by=one) is None
    assert await confirmed(as_api, campaign.id, change, other) is Refusal.PROPOSAL_OVER
    assert (await as_it_is(sessions, campaign.id)).status == "open"


async def test_a_cancelled_campaign_ends_where_it_was_cancelled_and_opens_no_more(
    sessions: Sessions, as_api: Sessions, campaign: Campaign
) -> None:
    one, other = await an_officer(sessions), await an_officer(sessions)
    change = await proposed(as_api, campaign.id, ChangeKind.CANCEL, one)
    assert await confirmed(as_api, campaign.id, change, other) is None
    cancelled = await as_it_is(sessions, campaign.id)
    assert cancelled.status == "cancelled"
    assert cancelled.calendar.ends == cancelled.cancelled_at
    async with sessions.begin() as session:
        assert await campaigns.current(session) is None
        lately = await campaigns.cancelled_lately(session)
        assert lately is not None and lately.id == campaign.id
    await proposed(as_api, campaign.id, ChangeKind.OPEN, one)
    with pytest.raises(DBAPIError):
        await run(as_api, "update campaign_change set confirmed_by = :by, manifest = 'x' where kind = 'open'", by=other)


# --- questions


async def test_a_question_stays_as_it_is_once_voting_is_open(sessions: Sessions, as_api: Sessions) -> None:
    """T68: whoever asks, the owner of the records as well."""
    async with sessions.begin() as session:
        open_ = await builders.a_campaign(session, opens=-timedelta(hours=1))
        ballot_id = await session.scalar(text("select id from ballot limit 1"))
    for statement in ("update ballot set question_fr = 'Autre ?'", "delete from ballot"):
        with pytest.raises(IntegrityError, match="questions stay as they are"):
            await run(sessions, statement)
    one, other = await an_officer(sessions), await an_officer(sessions)
    change = await proposed(as_api, open_.id, ChangeKind.WORDS, one, ballot=str(ballot_id), title_fr="Autre")
    assert await confirmed(as_api, open_.id, change, other) is Refusal.PROPOSAL_STALE


async def test_before_voting_two_officers_may_mend_a_question(
    sessions: Sessions, as_api: Sessions, campaign: Campaign
) -> None:
    """T68: the campaign is open, so one person alone no longer may: not even before registration."""
    await run(sessions, "update campaign set registration_opens = now() + interval '1 hour'")
    async with sessions.begin() as session:
        ballot = await session.scalar(text("select id from ballot where code = 'pension'"))
    assert isinstance(ballot, UUID)
    async with as_api.begin() as session:
        given = {**WORDS, "id": ballot, "campaign_id": campaign.id, "code": "pension"}
        assert await drafts.write_ballot(session, given, []) is Refusal.NO_LONGER_A_DRAFT
        same = {name: getattr(campaign, name) for name in ("id", "code", "time_zone", "registration_opens", "opens")}
        whole = {**same, "closes": campaign.closes, "ends": campaign.ends, "title_fr": "Autre", "title_en": "Other"}
        assert await drafts.write_campaign(session, whole) is Refusal.NO_LONGER_A_DRAFT
    with pytest.raises(IntegrityError, match="words of an open campaign"):
        await run(sessions, "update ballot set question_fr = 'Autre ?' where code = 'pension'")
    one, other = await an_officer(sessions), await an_officer(sessions)
    change = await proposed(as_api, campaign.id, ChangeKind.WORDS, one, ballot=str(ballot), question_en="Do you?")
    assert await confirmed(as_api, campaign.id, change, other) is None
    async with sessions.begin() as session:
        mended = await session.get(Ballot, ballot)
        assert mended is not None
        assert (mended.question_en, mended.question_fr) == ("Do you?", "Êtes-vous d’accord ?")


@pytest.mark.parametrize("missing", ["title_fr", "title_en", "question_fr", "question_en"])
async def test_a_ballot_is_in_both_languages_or_not_at_all(as_api: Sessions, missing: str) -> None:
    campaign_id = await a_draft(as_api)
    with pytest.raises(AssertionError):
        await a_ballot(as_api, campaign_id, **{missing: " "})


async def test_a_draft_is_changed_as_a_whole_and_its_ballots_go(sessions: Sessions, as_api: Sessions) -> None:
    campaign_id = await a_draft(as_api)
    draft = await as_it_is(sessions, campaign_id)
    stand = {"position": 0, "name": "Agnès L’École", "text_fr": "Bonjour", "text_en": "Hello"}
    ballot = await a_ballot(as_api, campaign_id, stand, kind="election")
    async with as_api.begin() as session:
        assert await drafts.write_campaign(
            session, {"id": campaign_id, "code": "other", "title_fr": "Un", "title_en": "One",
                      "time_zone": "America/Toronto", "registration_opens": draft.registration_opens,
                      "opens": draft.opens, "closes": draft.closes - 5 * DAY, "ends": draft.ends},
        ) is None  # fmt: skip
        ((found, candidates),) = await drafts.questions(session, campaign_id)
        assert (found.id, [c.name for c in candidates]) == (ballot, ["Agnès L’École"])
        assert await drafts.remove_ballot(session, ballot) is None
        assert await drafts.questions(session, campaign_id) == []
    changed = await as_it_is(sessions, campaign_id)
    assert (changed.code, changed.title_fr, changed.closes) == (draft.code, "Un", draft.closes - 5 * DAY)
