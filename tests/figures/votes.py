"""How many votes a second, and whether the last minutes lose one: `python -m tests.figures.votes --help`."""

import argparse
import asyncio
import os
import random
import secrets
import statistics
import sys
import tempfile
import threading
import time
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from deploy.processes import LOOPBACK
from portal.rules.links import hash_of
from portal.rules.votes import digest_of, encode
from portal.store import Session, Sessions, journal, open_database, sessions_of, votes
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.sealing import seal_vote
from portal.text.addresses import path
from tests import builders, keys_of_votes
from tests.figures.ground import Ground, ground

HOUR = timedelta(hours=1)
FORM_TOKEN = "figures"
# So many of the surge send another vote at the same moment, and so many come after the close.
TWICE, LATE = 0.05, 0.03

# Members of EC, each with an account, a file and a session that was proven a moment ago.
CROWD = (
    """
    insert into member (id, number, given_name, family_name, street, city, province, postal_code, "group", standing,
                        language)
    select gen_random_uuid(), (910000 + n)::text, 'Membre', 'Numéro ' || n, n || ', rue du Théâtre', 'Gatineau', 'QC',
           'J8X 1A1', 'EC', 'member', 'fr' from generate_series(1, :members) n
    """,
    """
    insert into account (id, member_id, email, email_verified_at, password_hash, password_set_at)
    select gen_random_uuid(), m.id, 'm' || m.number || '@exemple.test', now(), 'x', now() from member m
    """,
)
FILES = """
    insert into onboarding (campaign_id, member_id, step, calendar_version)
    select :campaign, id, 'done', 1 from member on conflict do nothing
    """
PLACES = """
    insert into registration (ballot_id, member_id, confirmed_at)
    select b.id, m.id, now() from ballot b join member m on m."group" = any(b.groups) where b.campaign_id = :campaign
    """


@dataclass(frozen=True)
class Question:
    """A ballot as its voters' programs know it."""

    campaign_id: UUID
    ballot_id: UUID
    code: str
    info: bytes
    definition: str

    def seal(self) -> bytes:
        return seal_vote(keys_of_votes.PUBLIC, encode([random.randint(1, 3)]), self.info)


async def a_vote(there: Ground, **calendar: timedelta) -> tuple[Campaign, list[Question]]:
    """A campaign in which everybody is registered for the seven ballots of EC."""
    async with there.sessions.begin() as session:
        campaign = await builders.a_campaign(session, election_key=keys_of_votes.PUBLIC, **calendar)  # type: ignore[arg-type]
        for statement in (FILES, PLACES):
            await session.execute(text(statement), {"campaign": campaign.id})
        questions = [await _question(session, campaign, code) for code in builders.ballots_of("EC")]
    async with there.sessions.begin() as session:
        await session.execute(text("analyze"))
    return campaign, questions


async def _question(session: Session, campaign: Campaign, code: str) -> Question:
    ballot = (await session.scalars(select(Ballot).where(Ballot.campaign_id == campaign.id, Ballot.code == code))).one()
    definition = await votes.definition_of(session, campaign.code, ballot)
    return Question(campaign.id, ballot.id, code, definition.info, definition.sha256)


async def let_in(sessions: Sessions, members: int) -> dict[UUID, str]:
    """So many members, and the token of a session of each."""
    async with sessions.begin() as session:
        for statement in CROWD:
            await session.execute(text(statement), {"members": members} if ":members" in statement else {})
        rows = (await session.execute(text("select member_id, id from account where member_id is not null"))).all()
        tokens = {row.member_id: secrets.token_urlsafe(32) for row in rows}
        await session.execute(
            text(
                "insert into sign_in (token_hash, account_id, kind, form_token, expires_at, stepped_up_at)"
                " values (:hash, :account, 'member', :form, now() + interval '9 hours', now() + interval '8 hours')"
            ),
            [{"hash": hash_of(tokens[row.member_id]), "account": row.id, "form": FORM_TOKEN} for row in rows],
        )
    return tokens


# --- the statement alone -----------------------------------------------------------------------------------------

Vote = tuple[Question, UUID, bytes]


def _sealed(questions: Sequence[Question], members: Sequence[UUID], count: int) -> list[Vote]:
    pairs = [(question, member) for member in members for question in questions][:count]
    assert len(pairs) == count, "more members are needed"
    return [(question, member, question.seal()) for question, member in pairs]


def _compiled() -> tuple[str, dict[str, Any]]:
    """The statement of `votes.cast` as psycopg takes it."""
    compiled = votes._CAST_AND_SAID.compile(dialect=PGDialect_psycopg())  # type: ignore[no-untyped-call]
    constants = {name: Jsonb(value) if value == {} else value for name, value in compiled.params.items()}
    return str(compiled), constants


def bare(url: str, prepared: Sequence[Vote], connections: int) -> float:
    """Votes a second by psycopg alone, a commit for each."""
    statement, constants = _compiled()
    left, gate = iter(prepared), threading.Lock()
    taken = Counter[bool]()

    def keep_voting() -> None:
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            while True:
                with gate:
                    one = next(left, None)
                if one is None:
                    return
                question, member, ciphertext = one
                entry = journal.to_write(
                    "voted", actor="member", actor_id=member, member_id=member, campaign_id=question.campaign_id,
                    subject_id=question.ballot_id, key=f"voted:{question.ballot_id}:{member}",
                )  # fmt: skip
                wish = {"campaign": question.campaign_id, "ballot": question.ballot_id, "voter": member}
                row = connection.execute(statement, {**constants, **wish, "sealed": ciphertext, **entry}).fetchone()
                with gate:
                    taken[row is not None] += 1

    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(lambda _: keep_voting(), range(connections)))
    took = time.perf_counter() - began
    assert taken == Counter({True: len(prepared)}), taken
    return len(prepared) / took


async def through_the_store(url: str, prepared: Sequence[Vote], connections: int) -> float:
    """Votes a second by `votes.cast`, as the page calls it."""
    engine = open_database(url, pool_size=connections)
    left = iter(prepared)

    async def keep_voting() -> None:
        for question, member, ciphertext in left:
            async with sessions_of(engine).begin() as session:
                assert await votes.cast(
                    session, campaign_id=question.campaign_id, ballot_id=question.ballot_id, member_id=member,
                    ciphertext=ciphertext,
                )  # fmt: skip

    try:
        began = time.perf_counter()
        await asyncio.gather(*(keep_voting() for _ in range(connections)))
        return len(prepared) / (time.perf_counter() - began)
    finally:
        await engine.dispose()


async def statement_alone(there: Ground, members: Sequence[UUID], count: int) -> None:
    print(f"\nThe statement alone, {count} votes each, a commit a vote, votes/s")
    # As the pages' role on the same server.
    async with there.sessions() as session:
        bind = session.get_bind()
        url = bind.engine.url.set(username="scrutin_api").render_as_string(hide_password=False)
    for connections in (1, 8):
        for name in ("psycopg", "votes.cast"):
            # Later than the one that the pages show.
            _, questions = await a_vote(there, registration_opens=-2 * HOUR, opens=-HOUR, closes=9 * HOUR)
            prepared = _sealed(questions, members, count)
            if name == "psycopg":
                rate = await asyncio.to_thread(bare, url.replace("+psycopg", ""), prepared, connections)
            else:
                rate = await through_the_store(url, prepared, connections)
            print(f"  {name:<12} {connections} connections {rate:8.0f}")


# --- through the pages -------------------------------------------------------------------------------------------


@dataclass
class Sent:
    """One form that was sent, as its sender's own ledger has it."""

    question: Question
    member: UUID
    digest: bytes
    answer: str = "unanswered"
    # From the moment it was to be sent, so that a queue in front of the portal counts.
    took: float = 0.0


@dataclass
class Senders:
    """Browsers that are already on the page: a form each, over connections that stay open."""

    there: Ground
    tokens: dict[UUID, str]
    ledger: list[Sent] = field(default_factory=list)
    _local: threading.local = field(default_factory=threading.local)

    def send(self, one: Sent, ciphertext: bytes, due: float) -> None:
        form = {
            "form_token": FORM_TOKEN, "definition": one.question.definition,
            "sealed": urlsafe_b64encode(ciphertext).decode().rstrip("="),
        }  # fmt: skip
        headers = {
            "Host": self.there.host, "Cookie": f"__Host-session={self.tokens[one.member]}",
            "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        target = path("vote-cast", "fr", code=one.question.code)
        try:
            try:
                answer = self._asked(target, urlencode(form), headers)
            except (OSError, HTTPException):
                # A connection that nobody used for a while is closed; a browser asks again on another, and so do we.
                answer = self._asked(target, urlencode(form), headers)
        except (OSError, HTTPException) as error:
            one.answer = type(error).__name__
        else:
            location = answer.headers.get("location") or ""
            done = answer.status == 303 and path("vote-done", "fr", code=one.question.code) in location
            one.answer = ("again" if "fait=" in location else "taken") if done else str(answer.status)
        one.took = time.perf_counter() - due

    def _asked(self, target: str, form: str, headers: dict[str, str]) -> HTTPResponse:
        wire: HTTPConnection | None = getattr(self._local, "wire", None)
        if wire is None:
            port = self.there.host.removeprefix("localhost:")
            wire = self._local.wire = HTTPConnection(LOOPBACK, int(port), timeout=60)
        try:
            wire.request("POST", target, form, headers)
            answer = wire.getresponse()
            answer.read()
        except (OSError, HTTPException):
            wire.close()
            raise
        return answer

    def run(self, plan: Iterator[tuple[float, Sent, bytes]], at_once: int) -> float:
        """Send each at its moment, or as soon as a sender is free; how long it took."""
        gate = threading.Lock()
        began = time.perf_counter()

        def keep_sending() -> None:
            while True:
                with gate:
                    due, one, ciphertext = next(plan, (0.0, None, b""))
                    if one is None:
                        return
                    self.ledger.append(one)
                due = began + due if due else time.perf_counter()
                time.sleep(max(0.0, due - time.perf_counter()))
                self.send(one, ciphertext, due)

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda _: keep_sending(), range(at_once)))
        return time.perf_counter() - began


def _form(question: Question, member: UUID) -> tuple[Sent, bytes]:
    ciphertext = question.seal()
    return Sent(question, member, digest_of(ciphertext)), ciphertext


def _percentiles(ledger: Sequence[Sent]) -> str:
    took = sorted(one.took * 1000 for one in ledger)
    return f"p50 {statistics.median(took):.0f} ms, p95 {took[int(len(took) * 0.95)]:.0f} ms, longest {took[-1]:.0f} ms"


async def sustained(there: Ground, tokens: dict[UUID, str], count: int, at_once: int) -> Campaign:
    campaign, questions = await a_vote(there, opens=-HOUR, closes=9 * HOUR)
    plan = [(0.0, *_form(question, member)) for question in questions for member in tokens][:count]
    senders = Senders(there, tokens)
    took = await asyncio.to_thread(senders.run, iter(plan), at_once)
    print(f"\nThrough the pages, {len(plan)} votes by {at_once} senders without a pause")
    print(f"  {len(plan) / took:.0f} votes/s, {_percentiles(senders.ledger)}, answers {_answers(senders.ledger)}")
    return campaign


def _answers(ledger: Sequence[Sent]) -> dict[str, int]:
    return dict(Counter(one.answer for one in ledger))


async def surge(there: Ground, tokens: dict[UUID, str], seconds: float, at_once: int) -> None:
    """Everybody votes in everything in the last minutes, ever more of them, some twice and some too late."""
    campaign, questions = await a_vote(there, opens=-2 * HOUR, closes=-HOUR)
    chance = random.Random(2017)
    plan: list[tuple[float, Sent, bytes]] = []
    for member in tokens:
        for question in questions:
            # Twice as many in the last half as in the first, and a few after the end.
            due = seconds * (chance.uniform(1.0, 1.02) if chance.random() < LATE else chance.random() ** 0.5)
            copies = 2 if chance.random() < TWICE else 1
            plan += [(max(due, 1e-6), *_form(question, member)) for _ in range(copies)]
    plan.sort(key=lambda form: form[0])
    async with there.sessions.begin() as session:
        closes = await session.scalar(
            text("update campaign set closes = clock_timestamp() + :s where id = :c returning closes"),
            {"s": timedelta(seconds=seconds), "c": campaign.id},
        )
    senders = Senders(there, tokens)
    took = await asyncio.to_thread(senders.run, iter(plan), at_once)
    print(f"\nThe last {seconds:.0f} seconds: {len(tokens)} members, {len(questions)} ballots, {len(plan)} forms sent")
    before = [one for one in senders.ledger if one.answer in ("taken", "again")]
    print(f"  took {took:.0f} s, answered with a receipt: {_percentiles(before)}")
    print(f"  answers {_answers(senders.ledger)}")
    await _compare(there.sessions, campaign.id, closes, senders.ledger)


async def _compare(sessions: Sessions, campaign_id: UUID, closes: object, ledger: Sequence[Sent]) -> None:
    """The box beside the senders' ledger."""
    async with sessions.begin() as session:
        rows = (
            await session.execute(
                text(
                    "select v.ballot_id, v.member_id, v.digest, v.cast_at >= :closes as late from vote v"
                    " join ballot b on b.id = v.ballot_id where b.campaign_id = :c"
                ),
                {"closes": closes, "c": campaign_id},
            )
        ).all()
    box = {(row.ballot_id, row.member_id): bytes(row.digest) for row in rows}
    sent: dict[tuple[UUID, UUID], set[bytes]] = {}
    for one in ledger:
        sent.setdefault((one.question.ballot_id, one.member), set()).add(one.digest)
    taken = [one for one in ledger if one.answer == "taken"]
    lost = sum(box.get((one.question.ballot_id, one.member)) != one.digest for one in taken)
    twice = len(rows) - len(box) + sum(n > 1 for n in Counter((o.question.ballot_id, o.member) for o in taken).values())
    strange = sum(digest not in sent.get(where, set()) for where, digest in box.items())
    untold = len(box) - len({(one.question.ballot_id, one.member) for one in taken})
    print(
        f"  in the box {len(box)}: late {sum(row.late for row in rows)}, lost {lost}, double {twice}, that nobody sent"
        f" {strange}, taken without an answer {untold}"
    )


async def main(asked: argparse.Namespace) -> None:
    print(f"Machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        async with ground(folder) as there:
            tokens = await let_in(there.sessions, asked.members)
            if asked.pages or asked.surge:
                over = await sustained(there, tokens, asked.pages, asked.senders) if asked.pages else None
                if over is not None:
                    # The pages show the first campaign that has not ended.
                    async with there.sessions.begin() as session:
                        await session.execute(text("set local session_replication_role = replica"))
                        await session.execute(
                            text("update campaign set opens = opens - interval '9 hours', closes = opens, ends = opens"
                                 " where id = :c"), {"c": over.id},
                        )  # fmt: skip
                if asked.surge:
                    await surge(there, tokens, asked.surge, asked.senders)
            if asked.bare:
                await statement_alone(there, list(tokens), asked.bare)
    print(f"\nLoad at the end {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=5000, help="who have a session; each has seven ballots")
    parser.add_argument("--bare", type=int, default=4000, help="votes of each bare loop; 0: none")
    parser.add_argument("--pages", type=int, default=2000, help="votes through the pages without a pause; 0: none")
    parser.add_argument(
        "--surge", type=float, default=600, metavar="SECONDS", help="how long before the close; 0: none"
    )
    parser.add_argument("--senders", type=int, default=32, help="forms on their way at once")
    asyncio.run(main(parser.parse_args()))
