"""What the records hold of a vote, for whoever reads all of them: that it was cast, and what nobody can open."""

from base64 import b64encode, urlsafe_b64encode

import pytest
from sqlalchemy import text

from portal.rules.votes import encode
from portal.store import Session, Sessions, votes
from portal.store.base import Base
from portal.store.campaigns import Campaign
from portal.store.sealing import seal_vote
from tests import keys_of_votes
from tests.voting import a_voter, an_open_vote

# Thirty-one choices that no other bytes of a database look like.
CANARY = encode(range(0xC0DE, 0xC0DE + 31))
VOTERS = 12


@pytest.fixture
async def campaign(sessions: Sessions, as_api: Sessions) -> Campaign:
    """People have voted as the pages let them, one transaction each."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        people = [await a_voter(session, campaign) for _ in range(VOTERS)]
        definition = await votes.definition_of(session, campaign.code, people[0][1])
    for member, ballot in people:
        async with as_api.begin() as session:
            assert await votes.cast(
                session, campaign_id=campaign.id, ballot_id=ballot.id, member_id=member.id,
                ciphertext=seal_vote(keys_of_votes.PUBLIC, CANARY, definition.info),
            )  # fmt: skip
    return campaign


def forms(secret: bytes) -> list[str]:
    return [secret.hex(), b64encode(secret).decode()[:40], urlsafe_b64encode(secret).decode()[:40]]


async def everything(session: Session) -> str:
    """Every row of every table, as text."""
    said = []
    for table in Base.metadata.tables:
        said += list(await session.scalars(text(f'select t::text from "{table}" t')))
    return "\n".join(said)


async def test_whoever_joins_by_transaction_learns_that_a_vote_was_cast_and_finds_it_sealed(
    sessions: Sessions, campaign: Campaign
) -> None:
    """T89: by the trick that would open a box of plain votes (security review: `join … using xmin`)."""
    async with sessions.begin() as session:
        joined = [
            table
            for table in Base.metadata.tables
            if await session.scalar(text(f'select count(*) from vote v join "{table}" t on t.xmin = v.xmin'))
        ]
        # The entry and the mail of the same statement: who and in which ballot, which the vote's row says as well.
        assert sorted(joined) == ["journal", "outbox", "vote"]
        rows = await session.scalars(
            text(
                "select j::text || m::text from vote v join journal j on j.xmin = v.xmin"
                " left join outbox m on m.xmin = v.xmin"
            )
        )
        beside = "\n".join(str(row) for row in rows)
        ciphertexts = [bytes(c) for c in await session.scalars(text("select ciphertext from vote"))]
        definition_info = await info(session, campaign)
    for secret in (CANARY, *ciphertexts):
        assert all(form not in beside for form in forms(secret))
    assert {keys_of_votes.opened(c, definition_info) for c in ciphertexts} == {CANARY}, "only with the key"


async def info(session: Session, campaign: Campaign) -> bytes:
    from tests.voting import ballot_of

    return (await votes.definition_of(session, campaign.code, await ballot_of(session, campaign))).info


async def test_no_row_of_any_table_holds_a_choice_beside_its_voter(sessions: Sessions, campaign: Campaign) -> None:
    """T89: no column takes an option; nothing that was chosen is found in a dump."""
    async with sessions.begin() as session:
        columns = list(
            await session.execute(
                text("select column_name from information_schema.columns where table_name = 'vote' order by 1")
            )
        )
        suspects = set(
            await session.scalars(
                text(
                    "select table_name || '.' || column_name from information_schema.columns"
                    " where table_schema = 'public' and column_name ~ '(choice|choose|option|answer|selection|tally)'"
                )
            )
        )
        dump = await everything(session)
        sealed = bytes((await session.scalars(text("select ciphertext from vote limit 1"))).one())
    assert [name for (name,) in columns] == ["ballot_id", "cast_at", "ciphertext", "digest", "member_id"]
    # How many may be chosen; a question of the ballot.
    assert suspects <= {"ballot.choose"}
    assert sealed.hex() in dump, "the search finds what is there"
    for form in (*forms(CANARY), *forms(CANARY[2:20])):
        assert form not in dump


async def test_the_write_ahead_log_holds_no_choice(sessions: Sessions, campaign: Campaign) -> None:
    """T90: read byte by byte, as a copy of the server's disk would be."""
    async with sessions.begin() as session:
        sealed = [bytes(c) for c in await session.scalars(text("select ciphertext from vote"))]
        await session.execute(text("select pg_switch_wal()"))
        log = b"".join(
            [
                bytes(content)
                for content in await session.scalars(
                    text(
                        "select pg_read_binary_file('pg_wal/' || name) from pg_ls_waldir()"
                        " where length(name) = 24 order by modification desc limit 8"
                    )
                )
            ]
        )
        assert await session.scalar(text("show track_commit_timestamp")) == "off"
    # One that lies across two pages of the log is cut in two; most do not.
    assert sum(ciphertext in log for ciphertext in sealed) > VOTERS // 2, "the search finds what is there"
    assert CANARY not in log
    assert CANARY[2:34] not in log
    assert all(form.encode() not in log for form in forms(CANARY))


async def test_what_pages_and_worker_may_read_of_votes_says_nothing_of_their_order(
    sessions: Sessions, campaign: Campaign
) -> None:
    """T90: no number is drawn for a vote, and the key that sorts them is the hash or the voter."""
    async with sessions.begin() as session:
        drawn = await session.scalar(
            text(
                "select count(*) from information_schema.columns where table_name = 'vote'"
                " and (is_identity = 'YES' or column_default like '%nextval%' or column_default like '%uuid%')"
            )
        )
        readable = set(
            await session.execute(
                text(
                    "select grantee, column_name from information_schema.column_privileges"
                    " where table_name = 'vote' and privilege_type = 'SELECT' and grantee like 'scrutin%'"
                )
            )
        )
    assert drawn == 0
    assert {tuple(row) for row in readable} == {
        *(("scrutin_api", name) for name in ("ballot_id", "member_id", "digest", "cast_at")),
        *(("scrutin_worker", name) for name in ("ballot_id", "member_id", "cast_at")),
    }
