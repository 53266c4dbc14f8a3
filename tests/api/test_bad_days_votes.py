"""The booth on a bad day: whatever is away, a vote is taken and receipted, or its voter knows what to do now."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from temporalio.client import Client

from api.app import create_app
from api.portal import Portal
from deploy.processes import free_port
from deploy.servers import start_mailbox, start_temporal
from portal.rules.choices import value_of
from portal.rules.refusals import Refusal
from portal.settings import Settings
from portal.store import Sessions
from portal.store.campaigns import Campaign
from portal.store.files import MinioFiles
from portal.temporal import connect
from tests import builders
from tests.api.booths import Voter, a_vote, a_voter, in_the_box
from tests.api.conftest import Visit, visits
from tests.api.looking import change, count, until
from tests.api.test_bad_days_staff import MACHINERY
from tests.api.test_bad_days_stores import a_portal, a_wire, port_of
from tests.api.test_bad_days_worker import a_worker, task_queue
from tests.api.test_documents import says, signed_in
from tests.store.test_votes_window import lock_voter, waiting

__all__ = ["task_queue"]

CAST = {"fr": "Votre vote est déposé", "en": "Your vote is cast"}
ALREADY = {"fr": "Votre vote a déjà été déposé", "en": "Your vote was already cast"}
AGAIN = {"fr": "Réessayez dans un moment", "en": "Please try again in a moment"}
# What is said of a form that may have arrived, and of one that did nothing.
UNKNOWN = {
    "fr": "nous ne pouvons pas vous dire si votre vote a été déposé",
    "en": "we cannot tell you whether your vote was cast",
}
NOTHING = {"fr": "Rien n'a été enregistré de votre dernière demande", "en": "Nothing of your last request was recorded"}
MAILS = "select count(*) from outbox where kind = 'participation'"
VOTED = "select count(*) from journal where action = 'voted'"


def deposit(voter: Voter, code: str = "president") -> tuple[str, dict[str, Any]]:
    """The form at hand, filled in: where it goes and what it holds."""
    end = "/depot" if voter.person.language == "fr" else "/cast"
    return voter.address(end, code), {**voter.form, "choice": value_of(1)}


def says_to_try_again(voter: Voter, words: dict[str, str]) -> None:
    person = voter.person
    assert person.response.status_code == 503
    assert person.response.headers["retry-after"]
    assert person.page.h1 == [AGAIN[person.language]]
    assert words[person.language] in person.page.text
    assert not [word for word in MACHINERY if word in person.response.text]


async def votes_as_on_any_day(voter: Voter) -> None:
    """Every page of the booth and around it, with the closing on those before the deposit."""
    person = voter.person
    await person.get("/fr/votes")
    assert "Le vote a lieu" in person.page.text
    await voter.enter()
    assert "Ferme le" in person.page.text
    await voter.review(1)
    assert "Vous avez choisi : Oui" in person.page.text
    await voter.cast(1)
    assert person.page.h1 == ["Votre vote est déposé"]
    for address in ("/fr/votes", "/fr/votes/etat", "/fr/votes/president/recu", "/fr/votes/comptes", "/fr/accueil"):
        assert (await person.get(address)).status_code == 200, address


# --- what no vote needs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("away", ["worker", "temporal", "object store", "everything"])
async def test_a_vote_needs_the_records_and_nothing_else(
    client: Client, sessions: Sessions, api_settings: Settings, worker_settings: Settings, files: MinioFiles,
    task_queue: str, away: str,
) -> None:  # fmt: skip
    """T110: it is taken and receipted as on any other day, and its mail waits for whoever can send it."""
    nowhere, changes = f"127.0.0.1:{free_port()}", {}
    if away in ("temporal", "everything"):
        changes["temporal_address"] = nowhere
    if away in ("object store", "everything"):
        changes["s3_endpoint"] = nowhere
    api = api_settings.model_copy(update=changes)
    async with AsyncExitStack() as stack:
        if away in ("temporal", "object store"):
            await stack.enter_async_context(a_worker(client, worker_settings, task_queue))
        app = create_app(api, client=None if "temporal_address" in changes else client, task_queue=task_queue)
        visit = await stack.enter_async_context(visits(app))
        await votes_as_on_any_day(await a_voter(visit, sessions))
    assert len(await in_the_box(sessions)) == 1
    assert await count(sessions, f"{MAILS} and sent_at is null") == 1


async def test_the_mail_that_a_vote_is_recorded_waits_for_the_mail_server(
    client: Client, sessions: Sessions, api_settings: Settings, worker_settings: Settings, files: MinioFiles,
    task_queue: str, tmp_path: Path,
) -> None:  # fmt: skip
    """T110: SMTP away: nobody who votes notices, and it arrives later, once."""
    smtp, http = free_port(), free_port()
    worker = worker_settings.model_copy(update={"smtp_port": smtp})
    async with a_portal(client, task_queue, api_settings, worker, relay=True) as visit:
        await votes_as_on_any_day(await a_voter(visit, sessions))
        # The hour is over.
        await change(sessions, "update outbox set due_at = clock_timestamp(); notify outbox, 'bulk'")
        await asyncio.sleep(1)
        assert await count(sessions, f"{MAILS} and sent_at is null and failed_at is null") == 1
        mailbox = start_mailbox(tmp_path / "mailbox", smtp, http)
        try:

            async def arrived() -> bool:
                return await count(sessions, f"{MAILS} and sent_at is not null") == 1

            await until(arrived, within=20)
            assert len(mailbox.messages()) == 1
        finally:
            mailbox.stop()


async def test_a_vote_closes_on_time_though_worker_and_temporal_were_stopped_before(
    sessions: Sessions, api_settings: Settings, worker_settings: Settings, files: MinioFiles, task_queue: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    """T81: what came before the close is taken, what comes after is refused with its reason, and every page says so."""
    temporal = start_temporal(tmp_path / "temporal")
    stopped = False
    try:
        api = api_settings.model_copy(update={"temporal_address": temporal.address})
        async with AsyncExitStack() as stack:
            visit = await stack.enter_async_context(visits(create_app(api, task_queue=task_queue)))
            async with sessions.begin() as session:
                campaign = await a_vote(session)
            async with a_worker(await connect(temporal.address, "default"), worker_settings, task_queue):
                # The portal did reach both.
                await signed_in(visit, sessions)
                assert await count(sessions, "select count(*) from onboarding") == 1
            await asyncio.to_thread(temporal.stop)
            stopped = True
            early, last, late = [await a_voter(visit, sessions, campaign) for _ in range(3)]
            await votes_as_on_any_day(early)
            await late.enter()
            forms = [await a_form(last, code) for code in builders.ballots_of("EC")]

            closes = await _closes_in_a_moment(sessions)
            answers = [await _taken(last, *form) for form in forms]
            assert answers == sorted(answers, reverse=True), "once it is closed it stays closed"
            await until(lambda: _past(sessions, closes))
            await late.person.post(*deposit(late))
            assert (late.person.response.status_code, says(late.person, Refusal.VOTE_CLOSED)) == (409, True)
            assert "Aucun vote n'a été déposé." in late.person.page.text
            assert await count(sessions, "select count(*) from vote where cast_at >= :at", at=closes) == 0
            assert len(await in_the_box(sessions)) == 1 + sum(answers)

            for voter, words in (
                (early, "Votre vote est dans l'urne."),
                (late, "Aucun vote de vous n'est dans l'urne"),
            ):
                person = voter.person
                await person.get("/fr/votes")
                assert 'data-say="Le vote est fermé."' in person.page.html
                assert not [link for link in person.page.links if link.endswith("/bulletin")]
                assert float((await person.get("/fr/votes/etat")).headers["voting-left"]) <= 0
                await person.get("/fr/votes/comptes")
                assert words in person.page.text
    finally:
        if not stopped:
            temporal.stop()


async def a_form(voter: Voter, code: str) -> tuple[str, dict[str, Any]]:
    """Of this question, filled in and not sent yet."""
    await voter.enter(code)
    return deposit(voter, code)


async def _closes_in_a_moment(sessions: Sessions) -> datetime:
    """It closes sooner than was said, which the database would refuse."""
    await change(
        sessions,
        "set local session_replication_role = replica;"
        " update campaign set closes = clock_timestamp() + interval '80 milliseconds'",
    )
    async with sessions.begin() as session:
        return (await session.scalars(select(Campaign.closes))).one()


async def _taken(voter: Voter, address: str, form: dict[str, Any]) -> bool:
    await voter.person.post(address, form)
    if voter.person.page.h1 == ["Votre vote est déposé"]:
        return True
    assert (voter.person.response.status_code, says(voter.person, Refusal.VOTE_CLOSED)) == (409, True)
    return False


async def _past(sessions: Sessions, instant: datetime) -> bool:
    async with sessions() as session:
        return bool(await session.scalar(text("select clock_timestamp() > :at"), {"at": instant}))


# --- the records ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def by_wire(client: Client, settings: Settings) -> AsyncIterator[tuple[Any, Visit]]:
    """The portal, and the wire by which it reaches the records."""
    async with (
        a_wire(port_of(settings)) as wire,
        visits(create_app(wire.through(settings), client=client, task_queue="nobody")) as visit,
    ):
        yield wire, visit


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_without_the_records_the_booth_says_what_is_known_and_the_same_form_votes_later(
    client: Client, sessions: Sessions, api_settings: Settings, files: MinioFiles, language: str
) -> None:
    """T110: PostgreSQL away: nothing is half done, nobody is signed out."""
    async with by_wire(client, api_settings) as (wire, visit):
        voter = await a_voter(visit, sessions, language=language)
        person = voter.person
        await voter.enter()
        address, form = deposit(voter)
        await wire.cut()
        await person.get(voter.address())
        says_to_try_again(voter, NOTHING)
        await person.post(voter.address("/relecture" if language == "fr" else "/review"), form)
        says_to_try_again(voter, NOTHING)
        await person.post(address, form)
        says_to_try_again(voter, UNKNOWN)
        assert f'href="/{language}/votes"' in person.page.html.partition("<main")[2]
        await wire.mend()
        await person.get(f"/{language}/votes")
        assert voter.address() in person.page.links, "the page that they are led to says that there is no vote yet"
        await person.post(address, form)
        assert person.page.h1 == [CAST[language]]
    assert len(await in_the_box(sessions)) == 1


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_a_vote_whose_answer_was_lost_is_there_and_the_same_form_leads_to_its_receipt(
    client: Client, sessions: Sessions, api_settings: Settings, files: MinioFiles, language: str
) -> None:
    """T110: the connection dies after the commit and before the page hears of it."""
    async with by_wire(client, api_settings) as (wire, visit):
        voter = await a_voter(visit, sessions, language=language)
        person = voter.person
        await voter.enter()
        address, form = deposit(voter)
        wire.loses = b"COMMIT\0"
        await person.post(address, form)
        says_to_try_again(voter, UNKNOWN)
        ((_, first),) = await in_the_box(sessions)
        wire.loses = None
        for choice in (1, 2):
            await person.post(address, {**form, "choice": value_of(choice)})
            assert person.page.h1 == [ALREADY[language]]
    assert [sealed for _, sealed in await in_the_box(sessions)] == [first]
    assert (await count(sessions, VOTED), await count(sessions, MAILS)) == (1, 1)


async def test_connections_that_are_killed_again_and_again_lose_no_vote_and_make_none_twice(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T110: as when PostgreSQL is restarted while they vote: pages stay pages, and the same forms are sent again."""
    async with sessions.begin() as session:
        campaign = await a_vote(session)
    voters = [await a_voter(visit_alone, sessions, campaign) for _ in range(3)]
    forms = [(voter, await a_form(voter, code)) for voter in voters for code in builders.ballots_of("EC")]
    over = asyncio.Event()

    async def kill() -> None:
        while not over.is_set():
            await change(
                sessions,
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where usename = 'scrutin_api' and datname = current_database()",
            )
            await asyncio.sleep(0.03)

    async def send(voter: Voter, address: str, form: dict[str, Any]) -> int:
        answer = await voter.person.client.post(address, data=form, headers={"Sec-Fetch-Site": "same-origin"})
        assert not [word for word in MACHINERY if word in answer.text]
        return answer.status_code

    killing = asyncio.create_task(kill())
    try:
        seen = [await asyncio.gather(*(send(voter, *form) for voter, form in forms)) for _ in range(3)]
    finally:
        over.set()
        await killing
    statuses = {status for once in seen for status in once}
    assert 503 in statuses, "none was hit"
    assert statuses <= {303, 503}
    for voter, form in forms:
        await voter.person.post(*form)
        assert voter.person.page.h1 in (["Votre vote est déposé"], ["Votre vote a déjà été déposé"])
    assert len(await in_the_box(sessions)) == len(forms) == await count(sessions, VOTED)


async def test_a_vote_that_waits_longer_than_it_may_is_not_taken_and_is_safely_sent_again(
    visit_alone: Visit, booth_alone: Portal, sessions: Sessions
) -> None:
    """T110: behind a lock of its own voter, and behind everybody else who uses the records."""
    async with sessions.begin() as session:
        campaign = await a_vote(session)
    locked, crowded = [await a_voter(visit_alone, sessions, campaign) for _ in range(2)]
    forms = [(voter, await a_form(voter, "president")) for voter in (locked, crowded)]
    async with AsyncExitStack() as others:
        holder = await others.enter_async_context(sessions.begin())
        await lock_voter(holder, locked.member.id)
        sent = asyncio.create_task(locked.person.post(*forms[0][1]))
        await waiting(sessions, "advisory")
        for _ in range(9):
            await others.enter_async_context(booth_alone.engine.connect())
        await crowded.person.post(*forms[1][1])
        says_to_try_again(crowded, UNKNOWN)
        await sent
        says_to_try_again(locked, UNKNOWN)
        assert await in_the_box(sessions) == []
    for voter, form in forms:
        await voter.person.post(*form)
        assert voter.person.page.h1 == ["Votre vote est déposé"]
    assert len(await in_the_box(sessions)) == 2
