"""The demo's ceremony: held once, with files of which any two officers' open what was sealed to its key."""

import random
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy import ceremony
from deploy.announcement import Ceremony, ceremony_of
from deploy.cast import KEY_HOLDERS, STAFF
from deploy.earlier import complete_vote, staff_missing
from deploy.state import PROJECT
from deploy.voters import vote_for, voters
from deploy.world import CODE, OPENS_IN, SETTLED_IN, Window, a_campaign, seed, some_ballots
from portal.rules.canonical import fingerprint
from portal.rules.votes import Majority
from portal.store import Sessions, campaigns, drafts, members, votes
from portal.store.files import MinioFiles
from portal.store.sealing import EpochKeys
from tests.conftest import SECRET
from tests.node import executable

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("held") / "ceremony"
    ceremony.hold(folder, CODE, NOW)
    return folder


def announced(folder: Path) -> Ceremony:
    key = fingerprint(ceremony.hold(folder, CODE, NOW).public_key)
    said = ceremony_of(folder, {"code": CODE, "key": key})
    assert said is not None
    return said


def test_the_holders_of_the_key_are_the_three_officers() -> None:
    officers = [staff.email for staff in STAFF if staff.role == "officer"]
    assert [one.email for one in KEY_HOLDERS] == officers
    assert [one.code for one in KEY_HOLDERS] == ["officer-1", "officer-2", "officer-3"]


def test_it_is_held_once_and_its_files_are_for_one_person_alone(held: Path) -> None:
    first = {path.name: path.read_bytes() for path in held.iterdir()}
    ceremony.hold(held, CODE, NOW + timedelta(days=1))
    assert {path.name: path.read_bytes() for path in held.iterdir()} == first
    assert held.stat().st_mode & 0o077 == 0
    assert not [path for path in held.iterdir() if path.stat().st_mode & 0o077]
    assert [path.name for path in held.parent.iterdir()] == ["ceremony"]


def test_an_interrupted_one_is_held_again_from_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "ceremony.draft").mkdir()
    (tmp_path / "ceremony.draft" / "officer-1.key.pem").write_bytes(b"half of a k")
    ceremony.hold(tmp_path / "ceremony", CODE, NOW)
    assert {path.name for path in tmp_path.iterdir()} == {"ceremony"}


@pytest.mark.parametrize("two", [(0, 1), (0, 2), (1, 2)])
def test_any_two_of_them_open_the_key_with_the_passphrases_that_are_printed(
    held: Path, two: tuple[int, int], tmp_path: Path
) -> None:
    officers = [announced(held).officers[at] for at in two]
    for one in officers:
        (tmp_path / one.code).write_text(one.passphrase)
    tried = subprocess.run(
        [
            sys.executable, "-m", "portal", "ceremony", "try", "--rehearsal", "--election", held / "election.json",
            "--shares", held / "shares.json",
            *(word for one in officers for word in ("--officer", held / one.key)),
            *(word for one in officers for word in ("--passphrase-file", tmp_path / one.code)),
        ],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tried.returncode == 0, tried.stderr


def test_its_commands_are_announced_only_for_a_key_that_is_from_there(held: Path, tmp_path: Path) -> None:
    assert ceremony_of(held, {"code": CODE, "key": None}) is None
    assert ceremony_of(held, {"code": CODE, "key": "0000"}) is None
    assert ceremony_of(tmp_path, {"code": CODE, "key": announced(held).fingerprint}) is None


def test_the_window_of_a_rehearsal_is_minutes_and_ends_minutes_later() -> None:
    soon = a_campaign(NOW, Window(timedelta(minutes=1), timedelta(minutes=6)), None)
    assert (soon.opens, soon.closes) == (NOW + timedelta(minutes=1), NOW + timedelta(minutes=6))
    assert soon.ends == soon.closes + SETTLED_IN
    usual = a_campaign(NOW, Window(), None)
    assert usual.opens == NOW + OPENS_IN
    assert usual.ends - usual.closes == timedelta(days=14)


async def test_the_world_is_seeded_with_the_key_the_candidates_and_the_majority(
    sessions: Sessions, files: MinioFiles, held: Path, tmp_path: Path
) -> None:
    election = ceremony.hold(held, CODE, NOW)
    await seed(sessions, files, EpochKeys(tmp_path / "keys"), secret=SECRET.encode(), election=election)
    async with sessions.begin() as session:
        campaign = await campaigns.by_code(session, CODE)
        assert campaign is not None
        assert campaign.election_key == election.public_key
        assert campaign.trustees == [one.json() for one in election.trustees]
        asked = {ballot.code: (ballot, stand) for ballot, stand in await drafts.questions(session, campaign.id)}
        # Before the opening nobody votes, whoever asks; from then on those whom nobody plays do.
        chance = random.Random(1)
        numbers = voters()
        assert await vote_for(session, campaign, numbers[0], chance) == 0
        campaign.opens = datetime.now(UTC)
        await session.flush()
        last = await members.by_number(session, numbers[-1])
        assert last is not None
        assert sum([await vote_for(session, campaign, number, chance) for number in numbers[-12:]]) >= 5 * 12
        assert await vote_for(session, campaign, numbers[-1], chance) == 0, "they have voted"
        assert {cast.state for cast in (await votes.of_member(session, campaign.id, last.id)).values()} == {"open"}
    seats, stand = asked["ec-directors"]
    assert (seats.choose, len(stand)) == (2, 4)
    assert sum(one.text_fr is None for one in stand) == 1
    assert asked["president"][0].majority == Majority.TWO_THIRDS.value


@pytest.mark.parametrize("opened", [False, True])
async def test_a_world_of_before_there_were_votes_is_completed_until_it_is_open(
    sessions: Sessions, held: Path, opened: bool
) -> None:
    now = datetime.now(UTC)
    async with sessions.begin() as session:
        campaign = a_campaign(now, Window(-timedelta(hours=1) if opened else OPENS_IN), None)
        session.add(campaign)
        await session.flush()
        for ballot in some_ballots(campaign.id):
            ballot.choose, ballot.majority = 1, Majority.HALF.value
            session.add(ballot)
        await session.flush()
        assert len(await staff_missing(session)) == len(STAFF)
    for _ in range(2):
        async with sessions.begin() as session:
            await complete_vote(session, CODE, held)
    async with sessions.begin() as session:
        found = await campaigns.by_code(session, CODE)
        assert found is not None
        asked = {ballot.code: (ballot, stand) for ballot, stand in await drafts.questions(session, found.id)}
    assert (found.election_key is None) == opened
    seats, stand = asked["ec-directors"]
    assert (seats.choose, len(stand)) == ((1, 0) if opened else (2, 4))
    assert (asked["president"][0].majority == Majority.TWO_THIRDS.value) == (not opened)


def test_what_is_announced_for_the_count_is_understood(held: Path) -> None:
    """The files are not there yet: each command says so, and not that it was used wrongly."""
    for command in announced(held).commands:
        words = shlex.split(command)
        program = {"python": sys.executable, "node": executable()}.get(words[0], words[0])
        said = subprocess.run(
            [program, *words[1:]], cwd=held, env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert said.returncode == 2, command
        assert "usage" not in said.stderr, said.stderr
