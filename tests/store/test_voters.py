"""Who has voted where: counted for officers, compared with the journal, and left out of reminders."""

import pytest
from sqlalchemy import text

from portal.commands import vote as command
from portal.rules.campaigns import NoticeKind
from portal.settings import Settings
from portal.store import Session, Sessions, notices, voters
from portal.store.campaigns import Campaign
from portal.store.members import Member
from portal.store.voters import Gap
from tests import builders
from tests.store.running import close
from tests.voting import a_voter, an_open_vote, ballot_of, registered, vote


async def voted(session: Session, campaign: Campaign, member: Member, *codes: str) -> None:
    await registered(session, campaign, member, *codes)
    for code in codes:
        assert await vote(session, campaign, member, await ballot_of(session, campaign, code))


@pytest.mark.parametrize("kind", [NoticeKind.HALF_WAY, NoticeKind.TWO_DAYS, NoticeKind.FOUR_HOURS])
async def test_only_who_has_a_ballot_left_is_reminded_to_vote(
    sessions: Sessions, as_worker: Sessions, kind: NoticeKind
) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        done, partly, unregistered = [await builders.a_member(session) for _ in range(3)]
        payer = await builders.a_member(session, standing="dues-payer")
        await voted(session, campaign, done, *builders.ballots_of("EC"))
        await voted(session, campaign, partly, *builders.ballots_of("EC")[1:])
    async with as_worker.begin() as session:
        people = await notices.concerned(session, campaign.id, kind, after=None, most=99)
        told = {person.member_id for person in people}
        assert told == {partly.id, unregistered.id}
        assert payer.id not in told
        # The opening is announced to everybody with a ballot, whatever they have done.
        opening = await notices.concerned(session, campaign.id, NoticeKind.VOTING_OPEN, after=None, most=99)
        assert {person.member_id for person in opening} == {done.id, partly.id, unregistered.id}
        parts = await voters.of_member(session, campaign.id, partly.id)
    assert [part.ballot.code for part in parts] == builders.ballots_of("EC")
    assert [part.ballot.code for part in parts if part.left] == ["ec-ratification"]


async def asked(settings: Settings, code: str) -> int:
    return await command._of(settings.database_url.get_secret_value(), code, command._verify)


@pytest.fixture
async def campaign(sessions: Sessions) -> Campaign:
    """Three people have voted in two ballots each."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        for _ in range(3):
            await voted(session, campaign, await builders.a_member(session), "pension", "auditors")
        return campaign


@pytest.mark.parametrize("role", ["api_settings", "worker_settings"])
async def test_a_box_that_is_whole_is_said_to_be(
    request: pytest.FixtureRequest, campaign: Campaign, role: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """T87: by either process, with the rights it has."""
    settings: Settings = request.getfixturevalue(role)
    assert await asked(settings, campaign.code) == 0
    said = capsys.readouterr().out
    assert "votes whole: 6 votes" in said
    assert "pension                        3 votes       3 entries" in said
    assert await asked(settings, "nothing") == 2


# As somebody who administers the database could: around every trigger.
BEHIND = "set local session_replication_role = replica"
ONE = "(select member_id from vote order by member_id limit 1)"
PENSION = "(select id from ballot where code = 'pension')"
TAMPERED = {
    Gap.VOTE_GONE: f"delete from vote where member_id = {ONE} and ballot_id = {PENSION}",
    Gap.VOTE_INVENTED: "insert into vote (ballot_id, member_id, ciphertext)"
    f" select {PENSION}, id, decode(repeat('ab', 145), 'hex') from member"
    " where id not in (select member_id from vote) limit 1",
    Gap.VOTE_REPLACED: f"update vote set cast_at = cast_at + interval '2 minutes' where member_id = {ONE}"
    f" and ballot_id = {PENSION}",
    Gap.OUT_OF_TIME: "update campaign set closes = opens + interval '1 second'",
    Gap.ON_PAPER_TOO: "insert into paper_voter (id, campaign_id, member_id, reason, by_id)"
    f" select gen_random_uuid(), c.id, {ONE}, 'asked', a.id from campaign c, account a limit 1",
}


@pytest.mark.parametrize(("gap", "tampering"), TAMPERED.items())
async def test_whatever_is_done_to_the_box_behind_the_portal_is_named(
    sessions: Sessions, worker_settings: Settings, campaign: Campaign, capsys: pytest.CaptureFixture[str],
    gap: Gap, tampering: str,
) -> None:  # fmt: skip
    """T87: the ballot, the member and the entry of the journal."""
    async with sessions.begin() as session:
        await builders.a_member(session)
        await session.execute(text(BEHIND))
        await session.execute(text(tampering))
        found = await voters.verify(session, campaign.id)
        rows = await session.execute(text("select id, member_id from journal where action = 'voted'"))
        entries = {row.id: row.member_id for row in rows}
    assert {one.gap for one in found.gaps} == {gap}
    assert len(found.gaps) == {Gap.OUT_OF_TIME: 6, Gap.ON_PAPER_TOO: 2}.get(gap, 1)
    for one in found.gaps:
        assert entries.get(one.entry_id or 0) == (None if gap is Gap.VOTE_INVENTED else one.member_id)
    assert await asked(worker_settings, campaign.code) == 1
    said = capsys.readouterr().out
    first = found.gaps[0]
    assert f"{gap}: ballot {first.ballot}, member {first.member_id}" in said
    assert f"votes NOT whole: {len(found.gaps)} gaps" in said
    assert first.ballot == "pension" or gap in (Gap.OUT_OF_TIME, Gap.ON_PAPER_TOO)


async def test_a_sealed_vote_put_in_the_place_of_another_is_told_by_its_receipt_alone(
    sessions: Sessions, worker_settings: Settings, campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    """T87: the journal has no receipts, so the command says that it cannot know (docs/operators.md, situation 24)."""
    receipts = "select array_agg(digest order by digest) from vote"
    async with sessions.begin() as session:
        before = await session.scalar(text(receipts))
        await session.execute(text(BEHIND))
        await session.execute(
            text(
                "update vote set ciphertext = decode(repeat('ab', 145), 'hex')"
                f" where member_id = {ONE} and ballot_id = {PENSION}"
            )
        )
        assert await session.scalar(text(receipts)) != before
        assert (await voters.verify(session, campaign.id)).gaps == []
    assert await asked(worker_settings, campaign.code) == 0
    assert "its voter's receipt alone can tell" in capsys.readouterr().out


async def test_another_campaigns_votes_are_none_of_this_ones(sessions: Sessions, campaign: Campaign) -> None:
    async with sessions.begin() as session:
        other = await an_open_vote(session)
        member, ballot = await a_voter(session, other, code="pension")
        assert await vote(session, other, member, ballot)
        found = await voters.verify(session, campaign.id)
    assert found.gaps == []
    assert found.counts["pension"] == (3, 3)


async def drawn(settings: Settings, campaign: Campaign, most: int) -> int:
    return await command._of(
        settings.database_url.get_secret_value(), campaign.code, lambda s, c: command._sample(s, c, most)
    )


async def test_people_to_be_asked_are_drawn_after_the_close_and_each_reads_it(
    sessions: Sessions, api_settings: Settings, campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only they know of a vote that was invented for them."""
    async with sessions.begin() as session:
        await builders.a_member(session)
    assert await drawn(api_settings, campaign, 2) == command.UNKNOWN
    assert "voting is not over" in capsys.readouterr().out
    await close(sessions, campaign)
    assert await drawn(api_settings, campaign, 2) == command.WHOLE
    *lines, last = capsys.readouterr().out.splitlines()
    assert last.startswith("2 drawn of 3 people with a vote")
    assert len({line.split()[0] for line in lines}) == 2
    assert all(line.endswith(" auditors, pension") for line in lines), lines
    async with sessions.begin() as session:
        entries = (
            await session.execute(
                text(
                    "select distinct m.number, j.actor from journal j join member m on m.id = j.member_id"
                    " where j.action = 'vote-sampled' and j.campaign_id = :c"
                ),
                {"c": campaign.id},
            )
        ).all()
    assert {tuple(entry) for entry in entries} == {(line.split()[0], "shell") for line in lines}
    everybody = set()
    for _ in range(40):
        assert await drawn(api_settings, campaign, 1) == command.WHOLE
        everybody.add(capsys.readouterr().out.split()[0])
    assert len(everybody) == 3, "anybody may be drawn"
    assert await drawn(api_settings, campaign, 99) == command.WHOLE
    assert "3 drawn of 3" in capsys.readouterr().out
