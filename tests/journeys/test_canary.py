"""Nothing of an identity document is left anywhere, whichever way it ended."""

import asyncio
import base64
import os
import re
import sqlite3
import tempfile
import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio.client import Client

from portal.rules.identity import SubmissionStatus
from portal.rules.members import Group
from portal.rules.onboarding import Step
from portal.store import identity
from portal.store.identity import Document, Erasure
from portal.store.sealing import EpochKeys, KeyDestroyed, unseal
from portal.temporal import connect
from tests.api.conftest import PASSWORD
from tests.journeys.alone import dump
from tests.journeys.canary import CORE, Descriptors, Searcher, canary, encodings
from tests.journeys.canary_story import FAMILY, PHRASE, STREET, Story
from tests.journeys.mails import until
from tests.journeys.stack import Stack

# Python, the servers and Chromium keep temporary files here unless told otherwise.
TEMPORARY = (tempfile.gettempdir(), "/var/tmp", "/dev/shm")

CHECKOUT = Path(__file__).resolve().parents[2]


def test_the_searcher_finds_what_is_planted(tmp_path: Path) -> None:
    """A searcher that finds nothing proves nothing: every kind, plain and encoded, at odd places."""
    jpeg, name = canary("PLANTED")
    key = os.urandom(32)
    searcher = Searcher()
    for form in encodings(CORE):
        searcher.words[form] = "marker"
    searcher.add_picture(jpeg)
    searcher.add_secret("key", key)
    searcher.add_text("street", STREET)
    searcher.add_number("number", "912345")
    noise = os.urandom(100_003)
    at = jpeg.rindex(b"\xff\xda") + 5000
    planted = {
        "plain": (noise + jpeg + noise, {"marker", "picture"}),
        "window": (noise[:4999] + jpeg[at : at + 64] + noise, {"picture"}),
        "key": (noise + key, {"key"}),
        "hex": (noise + key.hex().encode(), {"key"}),
        "street": (noise + STREET.encode() + noise, {"street"}),
        "number": (noise + b'{"number": 912345}', {"number"}),
    }
    for ahead in range(3):
        odd = b"x" * ahead
        planted[f"base64-{ahead}"] = (_base64(odd + jpeg), {"marker", "picture"})
        planted[f"base64-key-{ahead}"] = (_base64(odd + key + odd), {"key"})
        planted[f"base64-number-{ahead}"] = (_base64(odd + b'{"number": "912345"}'), {"number"})
    for file, (content, _) in planted.items():
        (tmp_path / file).write_bytes(content)
    (tmp_path / name).write_bytes(b"")
    (tmp_path / "nothing").write_bytes(noise + b" 1912345 0.912345 ")
    found = searcher.search_files([tmp_path])
    expected = {str(tmp_path / file): kinds for file, (_, kinds) in planted.items()}
    assert found == expected | {str(tmp_path / name): {"marker"}}
    watched = Descriptors(os.getpid(), (str(tmp_path),))
    with tempfile.TemporaryFile(dir=tmp_path):
        watched.look()
    assert watched.seen, "a file without a name is seen as well"


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data)


@pytest.mark.timeout(180)
async def test_nothing_of_an_identity_document_is_left_anywhere_however_it_ended(alone: Stack) -> None:
    """The canary test of §2.8: T43, T51, T53, T54, T55, T56, T57, T58, T72."""
    began = time.time()
    stack = alone
    client = await connect(stack.temporal.address, "default")
    story = Story(stack, client)
    await story.arrange()
    named = {FAMILY: "family name", STREET: "street", PHRASE: "password", PASSWORD: "password"}
    for secret, name in named.items():
        story.fact.nameless.add_text(name, secret)
    await stack.start()
    assert stack.api is not None
    descriptors = Descriptors(stack.api.pid, (*TEMPORARY, str(stack.temporary)))
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(descriptors, over))
    watching.start()
    try:
        await story.approve()
        await story.reject()
        await story.replace_then_withdraw()
        await story.expire_without_a_workflow()
        await story.cancel()
        await story.provoke_errors()
        await _erase_a_stray(story)
    finally:
        over.set()
        watching.join()
    # Our own folder may lie in the temporary one: its logs and keys are no temporary files.
    # So may this checkout: the first use of a module reads its files.
    kept = (f"{stack.folder}/logs/", str(stack.keys), f"{CHECKOUT}/")
    rolled = [seen for seen in descriptors.seen if not seen.startswith(kept)]
    assert rolled == [], "T53: an upload was rolled to a file"
    assert descriptors.looks > 100

    await _check_certificates(story)
    (histories := stack.folder / "histories").mkdir()
    await _export_histories(client, histories)
    stack.stop_portal()
    dump(stack, stack.folder / "dump.sql")
    stack.temporal.stop()
    for server in (stack.servers.objects, stack.servers.mailbox, stack.servers.postgres):
        server.stop()
    _search(story, began)
    _check_visibility(story)
    _check_backups_are_dead(story)


def _watch(descriptors: Descriptors, over: threading.Event) -> None:
    while not over.wait(0.002):
        descriptors.look()


async def _erase_a_stray(story: Story) -> None:
    """T57: an object that no record knows, older than an hour."""
    files = story.stack.files
    key = uuid4().hex
    await files.put(key, os.urandom(1000))
    stored = next((story.stack.servers.objects.folder / story.stack.bucket).rglob(key))
    long_ago = time.time() - 7200
    os.utime(stored, (long_ago, long_ago))
    await asyncio.sleep(1.2)  # as long as the server remembers what it listed
    await story.sweep()

    async def gone() -> bool:
        return not await files.stored()

    await until(gone, what="the stray's deletion")


async def _check_certificates(story: Story) -> None:
    """T51: a certificate for each ending, no version left, the bucket empty."""
    endings = {"approved", "rejected", "replaced", "withdrawn", "expired", "abandoned"}
    assert set(story.fact.learned) == endings
    async with story.stack.sessions.begin() as session:
        for ending, learned in story.fact.learned.items():
            erasure = await identity.erasure_of(session, learned.submission_id)
            assert erasure is not None
            assert erasure.outcome == SubmissionStatus(ending).value
            assert (erasure.documents, erasure.versions_left) == (1, 0)
            document = await session.get(Document, learned.document_id)
            assert document is not None
            assert document.wrapped_key is None
        assert len(list(await session.scalars(select(Erasure)))) == len(endings)
    assert await story.stack.files.stored() == []
    kept = [p for p in story.stack.servers.objects.folder.rglob("*") if p.is_file()]
    assert kept == []


async def _export_histories(client: Client, folder: Path) -> None:
    """T54: every history, as an operator would export it and as the server keeps it."""
    count = 0
    async for execution in client.list_workflows():
        history = await client.get_workflow_handle(execution.id, run_id=execution.run_id).fetch_history()
        (folder / f"{execution.id}-{execution.run_id}.json").write_text(history.to_json())
        raw = b"".join(event.SerializeToString() for event in history.events)
        (folder / f"{execution.id}-{execution.run_id}.bin").write_bytes(raw)
        count += 1
    assert count >= 8, "five members or more, the relay, the campaign, the sweeps"


def _search(story: Story, began: float) -> None:
    stack = story.stack
    everything = stack.folder.parent
    searched = story.fact.everywhere.search_files([everything])
    assert searched == {}, "T56: left in a volume"
    # Other tests write there as well, but nothing of ours.
    found = story.fact.everywhere.search_files(map(Path, TEMPORARY), since=began, but="pytest-of-")
    assert found == {}, "T53: left in a temporary folder"
    nameless = [everything / "temporal", stack.folder / "histories", stack.folder / "logs"]
    logs = list(everything.rglob("*.log"))
    assert {log.stem for log in logs} >= {"api", "worker", "postgres", "temporal", "rclone", "mailbox"}
    found = story.fact.nameless.search_files(nameless)
    found |= {str(log): hits for log in logs if (hits := story.fact.nameless.search(log.read_bytes()))}
    assert found == {}, "T54, T55: a person is named where none may be"
    # The same search finds them where they belong.
    assert story.fact.nameless.search((stack.folder / "dump.sql").read_bytes()) == {
        "e-mail", "member number", "family name", "street"
    }  # fmt: skip
    letters = set().union(*story.fact.nameless.search_files([everything / "mailbox" / "mails"]).values())
    assert letters >= {"verification token", "e-mail"}


def _check_visibility(story: Story) -> None:
    """T72: what operators list is encrypted by no codec: no address, number or name in any column."""
    database = sqlite3.connect(story.stack.folder.parent / "temporal" / "temporal.db")
    rows = database.execute("select * from executions_visibility").fetchall()
    database.close()
    assert len(rows) >= 8
    listed = "\n".join(str(value) for row in rows for value in row).encode()
    assert story.campaign_code.encode() in listed
    assert b"@exemple.test" not in listed
    # Whoever it may be: no address, and no number of a member that stands by itself.
    assert not re.search(rb"[\w.+-]+@[\w-]+\.\w", listed)
    assert not re.search(rb"(?<![\w.:-])9\d{5}(?![\w.:-])", listed)
    # The search attributes are among what was searched: their columns have names of the server's own.
    values = {value for row in rows for value in row}
    assert values & set(Step)
    assert values & set(Group)
    assert story.fact.nameless.search(listed) == set()


def _check_backups_are_dead(story: Story) -> None:
    """T56: an old copy of ciphertext and wrapped key is worth nothing once the day's key is gone."""
    keys = EpochKeys(story.stack.keys)
    assert {keys.destroy(learned.epoch) for learned in story.fact.learned.values()} >= {True}
    for learned in story.fact.learned.values():
        with pytest.raises(KeyDestroyed):
            unseal(
                keys, learned.document_id, ciphertext=learned.ciphertext, wrapped_key=learned.wrapped_key,
                epoch=learned.epoch,
            )  # fmt: skip
