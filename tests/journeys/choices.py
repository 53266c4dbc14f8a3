"""Looks for what was chosen wherever a portal writes anything, and shows that it would be found there."""

import smtplib
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

from portal.rules.votes import encode
from portal.temporal import connect
from tests.journeys.alone import dump
from tests.journeys.canary import Searcher
from tests.journeys.election_day import CANARIES
from tests.journeys.mails import until
from tests.journeys.stack import Stack

# All 64 bytes, and what no run of zeros is mistaken for.
PLAINTEXT = encode(CANARIES)
FORMS = (*(f"choice={option}" for option in CANARIES), *(f'value="{option}"' for option in CANARIES))
CHOICE, NAME = "a choice", "whom it was for"


def of_choices() -> Searcher:
    """What is chosen, as a form sends it, as a vote holds it, and as a log would say it."""
    searcher = Searcher()
    for secret in (PLAINTEXT, PLAINTEXT[:16]):
        searcher.add_secret(CHOICE, secret)
    for form in FORMS:
        searcher.add_text(CHOICE, form)
    for option in CANARIES:
        searcher.add_number(CHOICE, str(option))
    return searcher


def of_candidates() -> Searcher:
    """Where nobody may say whom it was for either."""
    searcher = of_choices()
    for name in CANARIES.values():
        searcher.add_text(NAME, name)
    return searcher


def places(stack: Stack) -> dict[str, Path]:
    """Everything that is written while people vote, by what it is."""
    everything = stack.folder.parent
    return {
        "dump": stack.folder / "dump.sql",
        "write-ahead log": everything / "postgres" / "data" / "pg_wal",
        "log of postgres": everything / "postgres",
        "log of the processes": stack.folder / "logs",
        "temporal": everything / "temporal",
        "mails": everything / "mailbox",
        "temporary files": stack.temporary,
        "objects": everything / "objects",
    }


async def written_down(stack: Stack) -> None:
    """What is still in memory goes to where it will be kept; the names of candidates are data of the ballot."""
    async with stack.sessions.begin() as session:
        await session.execute(text("select pg_switch_wal()"))
    async with stack.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("checkpoint"))
    dump(stack, stack.folder / "dump.sql", "candidate")


def found(stack: Stack) -> dict[str, set[str]]:
    """By place; nothing where all is well."""
    hits = {}
    for name, place in places(stack).items():
        assert place.exists(), place
        # The data of PostgreSQL and its log hold the candidates themselves.
        searcher = of_choices() if name == "write-ahead log" else of_candidates()
        files = [place] if place.is_file() else sorted(place.rglob("*.log")) if name == "log of postgres" else None
        if files is None:
            kinds = set().union(*searcher.search_files([place]).values())
        else:
            kinds = set().union(*(searcher.search(file.read_bytes()) for file in files))
        if kinds:
            hits[name] = kinds
    return hits


async def plant(stack: Stack) -> None:
    """One choice in every one of these places, by the way that leads there."""
    form = FORMS[0]
    async with stack.sessions.begin() as session:
        await session.execute(text("create table planted (said bytea)"))
        await session.execute(text("insert into planted values (:said)"), {"said": PLAINTEXT})
    client = await connect(stack.temporal.address, "default")
    handle = await client.start_workflow("Planted", form, id=f"planted-{uuid4()}", task_queue="nobody")
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "a@exemple.test", "planted@exemple.test", "Planted"
    letter.set_content(f"Votre vote : {form}\n")
    with smtplib.SMTP("127.0.0.1", stack.servers.mailbox.smtp_port) as server:
        server.send_message(letter)
    await stack.files.put(uuid4().hex, PLAINTEXT)
    for log in (stack.log("api"), next(places(stack)["log of postgres"].rglob("*.log"))):
        with log.open("a") as lines:
            lines.write(f"POST /fr/votes/president/bulletin/depot {form}\n")
    (stack.temporary / "upload").write_text(form)
    await _arrived(lambda: _letter_is_there(stack))
    await handle.describe()


async def _letter_is_there(stack: Stack) -> bool:
    return bool(stack.servers.mailbox.messages("planted@exemple.test"))


async def _arrived(look: Callable[[], Awaitable[bool]]) -> None:
    await until(look, within=20, what="the planted letter")
