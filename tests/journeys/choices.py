"""Looks for what was chosen wherever a portal writes anything, and shows that it would be found there."""

import smtplib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
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
CHOICE, NAME, RECEIPT, KEY = "a choice", "whom it was for", "a receipt", "the key of the votes"


@dataclass(frozen=True)
class Sought:
    """What only this vote has: the receipts that were shown, and the key that two officers open."""

    receipts: Collection[str]
    key: bytes


def of_choices(sought: Sought) -> Searcher:
    """What is chosen, as a form sends it, as a vote holds it, as a log would say it; and what opens votes."""
    searcher = Searcher()
    searcher.add_secret(KEY, sought.key)
    for secret in (PLAINTEXT, PLAINTEXT[:16]):
        searcher.add_secret(CHOICE, secret)
    for form in FORMS:
        searcher.add_text(CHOICE, form)
    for option in CANARIES:
        searcher.add_number(CHOICE, str(option))
    return searcher


def of_everything(sought: Sought) -> Searcher:
    """Where nobody may say whom it was for either, nor which sealed vote is whose."""
    searcher = of_choices(sought)
    for name in CANARIES.values():
        searcher.add_text(NAME, name)
    for receipt in sought.receipts:
        searcher.words[receipt.encode()] = RECEIPT
        searcher.words[receipt.replace("-", "").encode()] = RECEIPT
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


def found(stack: Stack, sought: Sought) -> dict[str, set[str]]:
    """By place; nothing where all is well."""
    hits = {}
    choices, everything = of_choices(sought), of_everything(sought)
    for name, place in places(stack).items():
        assert place.exists(), place
        # It holds the candidates themselves, whom officers wrote into the ballot.
        searcher = choices if name == "write-ahead log" else everything
        files = [place] if place.is_file() else sorted(place.rglob("*.log")) if name == "log of postgres" else None
        if files is None:
            kinds = set().union(*searcher.search_files([place]).values())
        else:
            kinds = set().union(*(searcher.search(file.read_bytes()) for file in files))
        if kinds:
            hits[name] = kinds
    return hits


async def plant(stack: Stack, sought: Sought) -> None:
    """One choice in every one of these places, by the way that leads there, with a receipt and the key."""
    # In lines that a mail does not fold.
    form = "\n".join((FORMS[0], min(sought.receipts), sought.key.hex()))
    secret = PLAINTEXT + sought.key
    async with stack.sessions.begin() as session:
        await session.execute(text("create table planted (said bytea)"))
        await session.execute(text("insert into planted values (:said)"), {"said": secret})
    client = await connect(stack.temporal.address, "default")
    handle = await client.start_workflow("Planted", form, id=f"planted-{uuid4()}", task_queue="nobody")
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "a@exemple.test", "planted@exemple.test", "Planted"
    letter.set_content(f"Votre vote : {form}\n")
    with smtplib.SMTP("127.0.0.1", stack.servers.mailbox.smtp_port) as server:
        server.send_message(letter)
    await stack.files.put(uuid4().hex, secret)
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
