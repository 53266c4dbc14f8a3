"""The statement that takes a vote, and the one read that says why it took none."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal.rules.identity import SubmissionStatus
from portal.rules.operations import PaperReason
from portal.rules.refusals import Refusal
from portal.rules.votes import VoteState, digest_of, encode
from portal.store import Session, Sessions, paper, votes
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.members import Member
from portal.store.votes import NotTaken
from tests import builders, keys_of_votes, voting
from tests.store.cases import a_submission, run
from tests.voting import HOUR, a_voter, an_open_vote, ballot_of, count, registered, sealed, vote


async def test_a_registered_member_votes_once_and_the_vote_opens_with_the_key_alone(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T74: the same again, or another choice, is not taken; the answer is the vote that is there."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member, ballot = await a_voter(session, campaign)
        definition = await votes.definition_of(session, campaign.code, ballot)
    first = await sealed_as(as_api, campaign, ballot, 1)
    wish = {"campaign_id": campaign.id, "ballot_id": ballot.id, "member_id": member.id}
    async with as_api.begin() as session:
        taken = await votes.cast(session, ciphertext=first, **wish)
    assert taken is not None and taken.digest == digest_of(first)
    for again in (first, await sealed_as(as_api, campaign, ballot, 2)):
        async with as_api.begin() as session:
            assert await votes.cast(session, ciphertext=again, **wish) is None
            assert await votes.why_not(session, ciphertext=again, **wish) == NotTaken(Refusal.ALREADY_VOTED, taken)
            assert await votes.taken(session, ballot.id, member.id) == taken
            mine = await votes.of_member(session, campaign.id, member.id)
            assert (mine[ballot.id].state, mine[ballot.id].digest) == (VoteState.COUNTS, taken.digest)
    assert await count(sessions, ballot.id) == 1
    async with sessions.begin() as session:
        kept = await session.scalar(text("select ciphertext from vote"))
        assert await session.scalar(text("select count(*) from journal where action = 'voted'")) == 1
    assert keys_of_votes.opened(bytes(kept), definition.info) == encode([1])


async def sealed_as(sessions: Sessions, campaign: Campaign, ballot: Ballot, *choices: int) -> bytes:
    async with sessions.begin() as session:
        return await sealed(session, campaign, ballot, *choices)


async def test_a_copy_of_somebody_elses_sealed_vote_is_refused(sessions: Sessions, as_api: Sessions) -> None:
    """T80: one vote, one hash, whoever hands it in."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        one, ballot = await a_voter(session, campaign)
        two, _ = await a_voter(session, campaign)
    stolen = await sealed_as(as_api, campaign, ballot, 1)
    async with as_api.begin() as session:
        wish = {"campaign_id": campaign.id, "ballot_id": ballot.id, "ciphertext": stolen}
        assert await votes.cast(session, member_id=one.id, **wish) is not None  # type: ignore[arg-type]
    async with as_api.begin() as session:
        assert await votes.cast(session, member_id=two.id, **wish) is None  # type: ignore[arg-type]
        why = await votes.why_not(session, member_id=two.id, **wish)  # type: ignore[arg-type]
    assert why == NotTaken(Refusal.VOTE_COPIED)
    async with as_api.begin() as session:
        assert await vote(session, campaign, two, ballot) is not None
    assert await count(sessions, ballot.id) == 2


async def test_a_vote_of_another_length_is_none(sessions: Sessions, as_api: Sessions) -> None:
    """T79: the database holds the one length; what it says is looked at by the count."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member, ballot = await a_voter(session, campaign)
    for wrong in (b"", b"x" * 144, b"x" * 146):
        with pytest.raises(IntegrityError, match="ck_vote_length"):
            async with as_api.begin() as session:
                await votes.cast(
                    session, campaign_id=campaign.id, ballot_id=ballot.id, member_id=member.id, ciphertext=wrong
                )


async def asked(as_api: Sessions, campaign: Campaign, member: Member, ballot: Ballot) -> Refusal | None:
    """Cast, and why not; None if it was taken."""
    sealed_vote = await sealed_as(as_api, campaign, ballot, 1)
    wish: Any = {"campaign_id": campaign.id, "ballot_id": ballot.id, "member_id": member.id, "ciphertext": sealed_vote}
    async with as_api.begin() as session:
        if await votes.cast(session, **wish) is not None:
            return None
        return (await votes.why_not(session, **wish)).refusal


@pytest.mark.parametrize("window", ["before", "open", "after"])
async def test_every_state_of_a_voter_but_one_is_refused(sessions: Sessions, as_api: Sessions, window: str) -> None:
    """T77: on the roll, registered, identified, of the group, with a key, within the window: all of them, or none."""
    opens, closes = {"before": (HOUR, 2 * HOUR), "open": (-HOUR, HOUR), "after": (-2 * HOUR, -HOUR)}[window]
    said: dict[tuple[bool, ...], Refusal | None] = {}
    for state in product((True, False), repeat=5):
        on_roll, is_registered, identified, of_group, has_key = state
        async with sessions.begin() as session:
            campaign = await builders.a_campaign(
                session, opens=opens, closes=closes, election_key=keys_of_votes.PUBLIC if has_key else None
            )
            member = await builders.a_member(session, verified=True, group="EC" if of_group else "TR")
            ballot = await ballot_of(session, campaign, "ec-ratification")
            if is_registered:
                await registered(session, campaign, member, "ec-ratification", confirmed=identified)
        if not on_roll:
            await run(sessions, "update member set left_at = clock_timestamp() where id = :id", id=member.id)
        said[state] = await asked(as_api, campaign, member, ballot)
        assert await count(sessions, ballot.id) == (said[state] is None)
    taken = [state for state, refusal in said.items() if refusal is None]
    assert taken == ([(True,) * 5] if window == "open" else [])
    assert Refusal.VOTE_NOT_TAKEN not in said.values()


Change = Callable[[Session, Campaign, Member], Any]


async def _on_paper(session: Session, campaign: Campaign, member: Member) -> None:
    operator = await builders.a_staff_account(session)
    await paper.mark(session, campaign_id=campaign.id, member_id=member.id, reason=PaperReason.ASKED, by=operator.id)


def _sql(statement: str) -> Change:
    async def change(session: Session, campaign: Campaign, member: Member) -> None:
        await session.execute(text(statement), {"c": campaign.id, "m": member.id} if ":m" in statement else {})

    return change


def _documents(*statuses: SubmissionStatus) -> Change:
    """Unconfirmed, with these documents, the latest last."""

    async def change(session: Session, campaign: Campaign, member: Member) -> None:
        await session.execute(text("update registration set confirmed_at = null"))
        for hours, status in zip(range(len(statuses), 0, -1), statuses, strict=True):
            await a_submission(session, campaign, member, status=status, since=hours * HOUR)

    return change


S = SubmissionStatus


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (_on_paper, Refusal.VOTES_ON_PAPER),
        (_sql("update campaign set status = 'draft'"), Refusal.BALLOT_UNKNOWN),
        (
            _sql("update campaign set status = 'cancelled', cancelled_at = clock_timestamp()"),
            Refusal.CAMPAIGN_CANCELLED,
        ),
        (_sql("update member set rehearsal_id = :c, number = '90001R' where id = :m"), Refusal.BALLOT_UNKNOWN),
        (_sql("update member set standing = 'dues-payer'"), Refusal.MEMBERS_ONLY),
        (_sql("update campaign set sealed_at = clock_timestamp()"), Refusal.VOTE_CLOSED),
        (_documents(), Refusal.DOCUMENTS_NEEDED),
        (_documents(S.STAGED), Refusal.DOCUMENTS_NEEDED),
        (_documents(S.WITHDRAWN), Refusal.DOCUMENTS_NEEDED),
        (_documents(S.EXPIRED), Refusal.DOCUMENTS_NEEDED),
        (_documents(S.REJECTED), Refusal.BETTER_PHOTO_NEEDED),
        (_documents(S.REJECTED, S.REFUSED), Refusal.IDENTITY_REFUSED),
        (_documents(S.SUBMITTED), None),
        (_documents(S.REJECTED, S.SUBMITTED), None),
        (_documents(S.REFUSED, S.SUBMITTED), None),
    ],
)
async def test_each_obstacle_has_its_own_reason(
    sessions: Sessions, as_api: Sessions, change: Change, refusal: Refusal | None
) -> None:
    """T77: and a vote whose voter's documents are being looked at is taken, and stays open."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member, ballot = await a_voter(session, campaign)
        await change(session, campaign, member)
    assert await asked(as_api, campaign, member, ballot) is refusal
    if refusal is None:
        async with as_api.begin() as session:
            assert (await votes.of_member(session, campaign.id, member.id))[ballot.id].state is VoteState.OPEN


async def test_a_ballot_of_another_campaign_or_of_none_is_unknown(sessions: Sessions, as_api: Sessions) -> None:
    """T77: ids that do not belong together, put together by hand."""
    async with sessions.begin() as session:
        campaign, other = await an_open_vote(session), await an_open_vote(session)
        member, ballot = await a_voter(session, campaign)
    assert await asked(as_api, other, member, ballot) is Refusal.BALLOT_UNKNOWN
    async with as_api.begin() as session:
        nothing = {"campaign_id": campaign.id, "ballot_id": UUID(int=0), "member_id": member.id}
        assert (await votes.why_not(session, **nothing)).refusal is Refusal.BALLOT_UNKNOWN
        nobody = {"campaign_id": campaign.id, "ballot_id": ballot.id, "member_id": UUID(int=0)}
        assert (await votes.why_not(session, **nobody)).refusal is Refusal.BALLOT_UNKNOWN


async def test_nobody_votes_in_another_groups_ballot_whatever_is_registered(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T78: a TR member in the ballot of EC, even with a registration that should not be there."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member, ballot = await a_voter(session, campaign, code="ec-ratification", group="TR")
        late = await builders.a_campaign(session, opens=-2 * HOUR, closes=-HOUR, election_key=keys_of_votes.PUBLIC)
        too_late, theirs = await a_voter(session, late)
    assert await asked(as_api, campaign, member, ballot) is Refusal.BALLOT_NOT_YOURS
    assert await asked(as_api, late, too_late, theirs) is Refusal.VOTE_CLOSED
    assert await count(sessions, ballot.id) == await count(sessions, theirs.id) == 0


RAW = "insert into vote (ballot_id, member_id, ciphertext) values (:b, :m, :c)"


async def test_a_program_that_goes_around_the_statement_meets_the_same_rules(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T77: window, key, paper and registration are held by the table itself."""
    async with sessions.begin() as session:
        closed = await builders.a_campaign(session, opens=-2 * HOUR, closes=-HOUR, election_key=keys_of_votes.PUBLIC)
        keyless = await builders.a_campaign(session, opens=-HOUR, closes=HOUR)
        by_post = await an_open_vote(session)
        cases = [await a_voter(session, campaign) for campaign in (closed, keyless, by_post)]
        await _on_paper(session, by_post, cases[2][0])
    for member, ballot in cases:
        await run(as_api, RAW, b=ballot.id, m=member.id, c=b"x" * 145)
        assert await count(sessions, ballot.id) == 0
    async with sessions.begin() as session:
        stranger = await builders.a_member(session)
        ballot = await ballot_of(session, by_post)
    with pytest.raises(IntegrityError, match="fk_vote_ballot_id_member_id"):
        await run(as_api, RAW, b=ballot.id, m=stranger.id, c=b"x" * 145)


async def test_a_vote_stays_as_it_was_cast_even_for_the_owner(sessions: Sessions, as_api: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member, ballot = await a_voter(session, campaign)
        assert await vote(session, campaign, member, ballot)
    for change in ("update vote set ciphertext = ciphertext", "delete from vote", "truncate vote cascade"):
        with pytest.raises(IntegrityError, match="a vote stays as it was cast"):
            await run(sessions, change)


async def test_a_transaction_that_reads_as_of_its_beginning_takes_no_vote(sessions: Sessions) -> None:
    """T76: it would see neither the mark for paper nor the seal that was written while it waited."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member, ballot = await a_voter(session, campaign)
    async with sessions() as session:
        await session.execute(text("set transaction isolation level repeatable read"))
        with pytest.raises(DBAPIError, match="read committed"):
            await vote(session, campaign, member, ballot)


async def test_a_vote_is_journalled_and_mailed_without_its_receipt_and_once_an_hour(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T98: neither the journal nor the row of the mail holds the receipt, in any form."""
    codes = builders.ballots_of("EC")
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member = await builders.a_member(session, verified=True)
        await registered(session, campaign, member, *codes)
        ballots = [await ballot_of(session, campaign, code) for code in codes]
    taken = []
    for ballot in ballots:
        async with as_api.begin() as session:
            taken.append(await vote(session, campaign, member, ballot))
    async with sessions.begin() as session:
        mails = (await session.execute(text("select * from outbox order by key"))).mappings().all()
        entries = (await session.execute(text("select * from journal where action = 'voted'"))).mappings().all()
    assert {entry["subject_id"] for entry in entries} == {ballot.id for ballot in ballots}
    assert len(entries) == len(taken) == 7
    # The hour may have turned meanwhile.
    assert len(mails) in (1, 2)
    for mail, first in zip(mails, (taken[0], taken[-1]), strict=False):
        assert first is not None
        hour = first.cast_at.replace(minute=0, second=0, microsecond=0)
        assert mail["key"] == f"participation:{campaign.id}:{member.id}:{hour:%Y-%m-%d-%H}"
        assert HOUR + timedelta(minutes=2) <= mail["due_at"] - hour < HOUR + timedelta(minutes=7)
        assert (mail["kind"], mail["lane"], mail["facts"]) == ("participation", "bulk", {})
    written = repr([dict(row) for row in (*mails, *entries)])
    for vote_taken in taken:
        assert vote_taken is not None
        for receipt in voting.forms_of(vote_taken.digest):
            assert receipt not in written
