"""Candidates beside officers, rehearsals beside the roll, and the command that compares the roll."""

import asyncio
import os
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.rules.campaign_changes import ChangeKind
from portal.rules.refusals import Refusal
from portal.settings import Settings
from portal.store import Sessions, campaign_changes, campaigns, drafts
from tests import builders
from tests.store.cases import run
from tests.store.test_campaign_changes import WORDS, a_ballot, a_draft, an_officer, as_it_is, confirmed, proposed

# --- candidates and officers


async def test_an_officer_cannot_stand_and_a_candidate_cannot_become_an_officer(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T70: officer ∩ candidate = ∅, whichever comes first; and an officer keeps a vote of their own."""
    async with sessions.begin() as session:
        officer, candidate = await builders.a_member(session), await builders.a_member(session)
        rows = await session.execute(text("select member_id, id from account"))
        accounts = {row.member_id: row.id for row in rows}
    appoint = "insert into staff_role (account_id, role) values (:id, 'officer')"
    await run(sessions, appoint, id=accounts[officer.id])
    campaign_id = await a_draft(as_api)
    await a_ballot(as_api, campaign_id, {"position": 0, "name": "Une", "member_id": str(candidate.id)}, kind="election")
    with pytest.raises(IntegrityError, match="a candidate runs no vote"):
        await run(sessions, appoint, id=accounts[candidate.id])
    given = {**WORDS, "id": uuid4(), "campaign_id": campaign_id, "code": "other", "kind": "election"}
    async with as_api.begin() as session:
        stands = [{"position": 0, "name": "Une", "member_id": str(officer.id)}]
        assert await drafts.write_ballot(session, given, stands) is Refusal.CANDIDATE_CONFLICT
        assert await drafts.write_ballot(session, given, []) is None
        found = await campaigns.by_id(session, campaign_id)
        assert found is not None
        # By the roll, the officer is one of the electors as before.
        assert set((await drafts.electors(session, found)).values()) == {2}
    # Elsewhere and afterwards they may: what they stood in is over.
    await run(sessions, "update campaign set status = 'cancelled', cancelled_at = now()")
    await run(sessions, appoint, id=accounts[candidate.id])


# --- rehearsals


async def test_a_rehearsal_has_members_of_its_own_and_leaves_nothing(sessions: Sessions, as_api: Sessions) -> None:
    async with sessions.begin() as session:
        await builders.a_member(session)
        real = await builders.a_campaign(session)
    campaign_id = await a_draft(as_api, rehearsal=True)
    await a_ballot(as_api, campaign_id)
    async with as_api.begin() as session:
        assert await drafts.add_mock_members(session, campaign_id, 40, "x") is None
        assert await drafts.add_mock_members(session, campaign_id, 461, "x") is Refusal.TOO_MANY_MOCK_MEMBERS
        assert await drafts.add_mock_members(session, real.id, 1, "x") is Refusal.TOO_MANY_MOCK_MEMBERS
        mock = await drafts.mock_members(session, campaign_id)
    assert len(mock) == len({number for number, *_ in mock}) == 40
    assert all(number.endswith("R") and email.endswith(".invalid") for number, email, *_ in mock)
    one, other = await an_officer(sessions), await an_officer(sessions)
    change = await proposed(as_api, campaign_id, ChangeKind.OPEN, one)
    assert await confirmed(as_api, campaign_id, change, other) is None
    async with sessions.begin() as session:
        seen = await campaigns.current(session)
        assert seen is not None and seen.id == real.id, "no real member sees it"
        theirs = await campaigns.current(session, campaign_id)
        assert theirs is not None and theirs.id == campaign_id
        kept = await campaign_changes.opening_manifest(session, campaign_id)
        assert kept is not None and kept[0].lines == 40, "its roll is its own"
        assert (await campaign_changes.manifest(session, real.id)).lines == 1
    async with as_api.begin() as session:
        assert await drafts.throw_away(session, campaign_id) is Refusal.REHEARSAL_NOT_OVER
        assert await drafts.throw_away(session, real.id) is Refusal.REHEARSAL_NOT_OVER
    change = await proposed(as_api, campaign_id, ChangeKind.CANCEL, one)
    assert await confirmed(as_api, campaign_id, change, other) is None
    async with as_api.begin() as session:
        assert await drafts.throw_away(session, campaign_id) is None
    async with sessions.begin() as session:
        assert await session.scalar(text("select count(*) from member")) == 1
        assert await session.scalar(text("select count(*) from campaign")) == 1


async def _temporary(sessions: Sessions, verb: str, whom: str) -> None:
    """A right that no process of ours has (20261126_staff)."""
    said = f"execute format('{verb} temporary on database %I {whom} scrutin_api', current_database())"
    async with sessions.begin() as session:
        await session.execute(text(f"do $$ begin {said}; end $$"))


async def test_no_table_of_a_sessions_own_stands_in_for_the_records(sessions: Sessions, as_api: Sessions) -> None:
    """T68: a temporary table is looked for last, not first: the real campaign is no draft."""
    async with sessions.begin() as session:
        real = await builders.a_campaign(session)
        ballot_id = await session.scalar(text("select id from ballot order by position limit 1"))
    given = {**WORDS, "id": ballot_id, "campaign_id": real.id, "code": "forged", "question_fr": "Autre ?"}
    await _temporary(sessions, "grant", "to")
    try:
        async with as_api.begin() as session:
            await session.execute(
                text("create temporary table campaign on commit drop as select * from public.campaign")
            )
            await session.execute(text("update campaign set status = 'draft'"))
            await session.execute(text("grant all on campaign to public"))
            assert await drafts.write_ballot(session, given, []) is Refusal.NO_LONGER_A_DRAFT
    finally:
        await _temporary(sessions, "revoke", "from")
    async with sessions.begin() as session:
        assert await session.scalar(text("select count(*) from ballot where code = 'forged'")) == 0


# --- the command


async def test_the_roll_of_a_campaign_is_compared_from_the_command_line(
    sessions: Sessions, as_api: Sessions, worker_settings: Settings, tmp_path: Path
) -> None:
    """T67: recomputed by whoever has the records, without the portal."""
    async with sessions.begin() as session:
        member = await builders.a_member(session)
    campaign_id = await a_draft(as_api)
    await a_ballot(as_api, campaign_id)
    code = (await as_it_is(sessions, campaign_id)).code
    environment = {
        **os.environ, "PORTAL_DATABASE_URL": worker_settings.database_url.get_secret_value(), "PORTAL_SECRET": "x" * 40,
        "PORTAL_ORIGIN": "https://portail.exemple.test", "PORTAL_KEY_FOLDER": str(tmp_path),
        "PORTAL_S3_ACCESS_KEY": "x", "PORTAL_S3_SECRET_KEY": "x",
    }  # fmt: skip

    async def said() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "portal", "campaign", "manifest", code, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        return process.returncode, out.decode()

    assert (await said())[0] == 2, "not opened yet"
    one, other = await an_officer(sessions), await an_officer(sessions)
    assert (
        await confirmed(as_api, campaign_id, await proposed(as_api, campaign_id, ChangeKind.OPEN, one), other) is None
    )
    status, words = await said()
    assert (status, "the roll is the same" in words) == (0, True), words
    await run(sessions, "update member set \"group\" = 'TR' where id = :id", id=member.id)
    status, words = await said()
    assert (status, "the roll has changed since" in words) == (1, True), words
