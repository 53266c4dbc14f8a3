"""A rehearsal among the records: nothing of it is left when it is thrown away, and nothing real counts it."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from portal.rules.accounts import Role
from portal.rules.decisions import Deciding
from portal.rules.identity import Verdict
from portal.rules.operations import Stage
from portal.rules.refusals import Refusal, Refused
from portal.store import (
    Session,
    Sessions,
    chain,
    decisions,
    drafts,
    identity,
    journal,
    operations,
    queue,
    review,
    roll,
    staff,
    watch,
)
from portal.store.campaigns import Campaign
from portal.store.members import Member
from portal.store.staff import Act
from tests import builders
from tests.store.cases import a_submission

# Who did something, always somebody of the staff: a trigger sees to it that nobody of a rehearsal is.
STAFF = {
    ("campaign_change", "confirmed_by"), ("campaign_change", "proposed_by"), ("campaign_change", "withdrawn_by"),
    ("claim", "reviewer_id"), ("decision", "reviewer_id"), ("door_request", "decided_by"), ("opinion", "reviewer_id"),
    ("paper_voter", "by_id"), ("paper_voter", "withdrawn_by"), ("roll_import", "confirmed_by"),
    ("roll_import", "proposed_by"), ("roll_import", "stopped_by"), ("roll_import", "uploaded_by"),
    ("staff_act", "account_id"), ("staff_act", "actor_id"), ("staff_role", "account_id"),
}  # fmt: skip
LED_TO = """
select cast(cast(c.conrelid as regclass) as text) as child, a.attname as named
from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
where c.contype = 'f' and c.confrelid in (
    cast('member' as regclass), cast('account' as regclass), cast('campaign' as regclass),
    cast('submission' as regclass), cast('ballot' as regclass), cast('claim' as regclass),
    cast('opinion' as regclass), cast('door_request' as regclass)
)
"""


async def a_row(session: Session, table: str, **values: Any) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    await session.execute(text(f"insert into {table} ({names}) values ({', '.join(':' + n for n in values)})"), values)


async def mocks(session: Session, wanted: int = 2) -> tuple[Campaign, list[Member]]:
    campaign = await builders.a_campaign(session)
    await session.execute(text("update campaign set rehearsal = true"))
    await session.refresh(campaign)
    assert await drafts.add_mock_members(session, campaign.id, wanted, "hash") is None
    people = await session.scalars(select(Member).where(Member.rehearsal_id == campaign.id).order_by(Member.number))
    return campaign, list(people)


async def fill(session: Session) -> UUID:
    """A row in everything that leads to a rehearsal, its people or what they sent."""
    campaign, (one, _) = await mocks(session)
    reviewer = await builders.a_staff_account(session, Role.REVIEWER, key=False)
    account_id: UUID = await session.scalar(text("select id from account where member_id = :id"), {"id": one.id})
    ballot_id: UUID = await session.scalar(text("select id from ballot limit 1"))
    sent = await a_submission(session, campaign, one)
    appeal, claim_id, request_id = uuid4(), uuid4(), uuid4()
    at = await session.scalar(text("select clock_timestamp()"))
    # As they are found one day, not as they came about.
    await session.execute(text("set local session_replication_role = replica"))
    of = {"submission_id": sent.id, "reviewer_id": reviewer.id}
    await a_row(
        session, "submission", id=appeal, campaign_id=campaign.id, member_id=one.id, status="rejected",
        list_version=sent.list_version, appeal_of=sent.id, over_at=at, erased_at=at,
    )  # fmt: skip
    await session.execute(text("update submission set status = 'rejected', over_at = now(), erased_at = now()"))
    await a_row(session, "claim", id=claim_id, expires_at=at, **of)
    await a_row(session, "opinion", claim_id=claim_id, verdict="approve", undo_until=at, **of)
    await a_row(session, "opinion_note", claim_id=claim_id, fr="f", en="e")
    await a_row(session, "decision", claim_id=claim_id, verdict="approve", **of)
    await a_row(session, "decision_note", submission_id=sent.id, fr="f", en="e")
    await a_row(
        session, "erasure", certificate="c", submission_id=sent.id, outcome="rejected", documents=1,
        versions_removed=1, versions_left=0, received_at=at, over_at=at,
    )  # fmt: skip
    await a_row(session, "paper_voter", id=uuid4(), campaign_id=campaign.id, member_id=one.id, reason="asked",
                by_id=reviewer.id)  # fmt: skip
    await a_row(session, "registration", ballot_id=ballot_id, member_id=one.id)
    await a_row(session, "vote", ballot_id=ballot_id, member_id=one.id, ciphertext=b"v" * 145)
    digest = await session.scalar(text("select digest from vote"))
    await a_row(session, "sealed_vote", ballot_id=ballot_id, digest=digest)
    await a_row(session, "sealed_ballot", ballot_id=ballot_id, electors=1, on_paper=0, counted=1,
                list_sha256="l", set_aside=0, reasons="{}")  # fmt: skip
    await a_row(session, "campaign_seal", campaign_id=campaign.id, roll_at_seal="r")
    await a_row(session, "campaign_result", campaign_id=campaign.id, result="{}", sha256="s", published_at=at)
    await a_row(session, "onboarding", campaign_id=campaign.id, member_id=one.id, step="ended", calendar_version=1,
                ended_at=at)  # fmt: skip
    await a_row(session, "door_request", id=request_id, kind="join", language="fr", said="{}", token_hash=b"d",
                email="x@repetition.invalid", member_id=one.id, compared_id=one.id)  # fmt: skip
    for key, whose in (("a", {"account_id": account_id}), ("b", {"request_id": request_id})):
        await a_row(session, "outbox", id=uuid4(), key=key, kind="renewal", lane="bulk", facts="{}", due_at=at,
                    campaign_id=campaign.id, **whose)  # fmt: skip
    await a_row(session, "link", id=uuid4(), account_id=account_id, purpose="renewal", email="x", token_hash=b"t",
                expires_at=at)  # fmt: skip
    await a_row(session, "sign_in", token_hash=b"s", account_id=account_id, kind="member", form_token="f",
                expires_at=at)  # fmt: skip
    await a_row(session, "passkey", id=uuid4(), account_id=account_id, credential_id=b"c", public_key=b"k",
                sign_count=0, name="n")  # fmt: skip
    await a_row(session, "authenticator", account_id=account_id)
    await a_row(session, "known_browser", account_id=account_id, browser="Firefox")
    await a_row(session, "candidate", id=uuid4(), ballot_id=ballot_id, position=1, name="n", member_id=one.id)
    await a_row(session, "campaign_change", id=uuid4(), campaign_id=campaign.id, kind="move", fits="f",
                proposed_by=reviewer.id, proposed_at=at, expires_at=at)  # fmt: skip
    import_id = uuid4()
    await a_row(session, "roll_import", id=import_id, status="done", lines=0, wrong=0, uploaded_by=reviewer.id)
    await a_row(session, "roll_change", import_id=import_id, position=1, member_id=one.id, kind="changed", changes="",
                doubts="", electorate=False)  # fmt: skip
    await session.execute(text("update campaign set status = 'cancelled', cancelled_at = clock_timestamp()"))
    await session.execute(text("set local session_replication_role = origin"))
    return campaign.id


async def test_whatever_leads_to_a_rehearsal_goes_with_it(sessions: Sessions) -> None:
    """Asked of the database: a table that comes later and is forgotten here, or by the function, fails."""
    async with sessions.begin() as session:
        campaign_id = await fill(session)
        found = {(row.child, row.named) for row in await session.execute(text(LED_TO))}
        assert found >= STAFF
        for child, named in sorted(found - STAFF):
            filled = await session.scalar(text(f"select count(*) from {child} where {named} is not null"))
            assert filled, f"the test puts nothing into {child}.{named}"
        assert await drafts.throw_away(session, campaign_id) is None
    async with sessions.begin() as session:
        for child in {child for child, _ in found - STAFF} | {"campaign", "roll_change"}:
            of_staff = " where member_id is not null" if child == "account" else ""
            assert await session.scalar(text(f"select count(*) from {child}{of_staff}")) == 0, child


async def test_the_journal_is_whole_after_a_rehearsal_was_thrown_away(sessions: Sessions) -> None:
    """T71: its certificates are gone, and nothing of the journal is."""
    async with sessions.begin() as session:
        campaign_id = await fill(session)
        sent = await session.scalar(text("select submission_id from erasure"))
        await journal.write(session, chain.ERASED, actor=journal.SYSTEM, campaign_id=campaign_id, subject_id=sent)
    async with sessions.begin() as session:
        assert await chain.extend(session) == 1
    assert (await chain.verify(sessions)).fault is None
    async with sessions.begin() as session:
        assert await drafts.throw_away(session, campaign_id) is None
    assert (await chain.verify(sessions)).fault is None


async def test_nobody_of_a_rehearsal_becomes_staff(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        _, (one, _) = await mocks(session)
        officer = await builders.a_staff_account(session, Role.OFFICER)
        email = await session.scalar(text("select email from account where member_id = :id"), {"id": one.id})
    with pytest.raises(Refused) as refused:
        async with sessions.begin() as session:
            await staff.act(session, Act.INVITE, actor_id=officer.id, email=email)
    assert refused.value.refusal is Refusal.NOT_ALLOWED


async def test_cases_of_a_rehearsal_come_after_all_others_and_are_counted_nowhere(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        rehearsal, (one, _) = await mocks(session)
        reviewer = await builders.a_staff_account(session, Role.REVIEWER)
        # Older, and at risk: still the real one first.
        await a_submission(session, rehearsal, one, since=timedelta(days=29))
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)
        real = await a_submission(session, campaign, member)
    async with sessions.begin() as session:
        desk = await queue.desk(session, reviewer.id)
        assert [line.rehearsal for line in desk.first] == [False, True]
        assert (desk.waiting, desk.endangered, desk.oldest) == (1, 0, real.submitted_at)
        assert (await review.queue(session)).waiting == 1
        assert (await watch.flow(session, campaign.id)).waiting == 1
        assert (await identity.counter(session)).received == 1
        assert sum((await roll.on_the_roll(session)).values()) == 1
        funnel, _ = await operations.counts(session, operations.Where(campaign.id, timedelta(days=365)))
        assert funnel.count(Stage.ROLL) == 1
        first = await review.claim_next(session, reviewer.id)
        assert first is not None
        assert first.submission_id == real.id
        await give(session, first.id, reviewer.id)
        second = await review.claim_next(session, reviewer.id)
        assert second is not None
        assert second.submission_id != real.id
        await give(session, second.id, reviewer.id)
        figures = await queue.figures(session, reviewer.id, "America/Toronto")
        assert (figures.last_hour, figures.own_today) == (1, 1)
        assert await decisions.waiting_for_another(session, longer_than=timedelta(0)) == []


async def give(session: Session, claim_id: UUID, reviewer_id: UUID) -> None:
    given = await decisions.give(
        session, claim_id=claim_id, reviewer_id=reviewer_id, verdict=Verdict.APPROVE, reason=None, note_fr="",
        note_en="", deciding=Deciding(b"key", second_looks=0),
    )  # fmt: skip
    assert not isinstance(given, Refusal)
