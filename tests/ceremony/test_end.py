"""The end of an election's key: not too early, and for good."""

import json
import os
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from portal.rules.canonical import b64, canonical, hash_of, instant
from portal.rules.ceremony import Fault, Wrong
from portal.rules.vote_files import may_destroy, read_publication
from tests.ceremony.conftest import Ceremony
from tests.urns import Made

DAY = timedelta(days=1)


def publish(made: Made, *, days_ago: float = 15.01, period: float = 15, held: bool = False, **other: object) -> Path:
    """What the portal says of a vote whose results came out some days ago."""
    results_at = datetime.now(UTC) - days_ago * DAY
    path = made.folder / "publication.json"
    path.write_bytes(canonical({
        "format": "scrutin/publication/v1", "campaign": made.election.campaign,
        "public_key": b64(made.election.public_key), "result_sha256": hash_of(b""), "results_at": instant(results_at),
        "destroy_after": instant(results_at + period * DAY), "held": held, **other,
    }))  # fmt: skip
    return path


def destroy(ceremony: Ceremony, publication: Path, *shares: object) -> int:
    return ceremony("destroy", "--publication", publication, "--shares", *shares, "--record", "destruction.json")


@pytest.mark.parametrize(
    ("publication", "words"),
    [
        ({"days_ago": 14.99}, "C'est trop tôt"),
        ({"days_ago": 40, "period": 60}, "C'est trop tôt"),
        ({"days_ago": 400, "held": True}, "Le vote est contesté"),
        ({"days_ago": 400, "period": 14.99}, "au moins quinze jours"),
        ({"days_ago": 400, "campaign": "autre"}, "n'est pas d'un scrutin publié ici"),
        ({"days_ago": 400, "public_key": b64(b"\4" * 65)}, "n'est pas d'un scrutin publié ici"),
        ({"days_ago": 400, "held": "false"}, "« held »"),
    ],
)
def test_evidence_is_not_destroyed_too_early_nor_for_another_vote(
    made: Made, ceremony: Ceremony, capsys: pytest.CaptureFixture[str], publication: dict[str, object], words: str
) -> None:
    """T103: the refusal says why, and nothing is touched."""
    before = (made.folder / "shares.json").read_bytes()
    assert destroy(ceremony, publish(made, **publication), "shares.json") == 1  # type: ignore[arg-type]
    assert words in capsys.readouterr().err.replace("\xa0", " ")
    assert (made.folder / "shares.json").read_bytes() == before
    assert not (made.folder / "destruction.json").exists()


def test_the_instant_is_exact(made: Made) -> None:
    """T103."""
    publication = read_publication("p", publish(made).read_bytes())
    with pytest.raises(Wrong) as wrong:
        may_destroy(publication, publication.destroy_after - timedelta(microseconds=1))
    assert wrong.value.fault is Fault.TOO_EARLY
    may_destroy(publication, publication.destroy_after)


def test_all_copies_are_looked_at_before_one_is_touched(made: Made, stranger: Made, ceremony: Ceremony) -> None:
    """T103: a stick of another election, one that is damaged, one that is named twice."""
    publication = publish(made)
    shares = made.folder / "shares.json"
    before = shares.read_bytes()
    damaged = made.folder / "damaged.json"
    damaged.write_bytes(before[:-9])
    other = made.folder / "other.json"
    other.write_bytes((stranger.folder / "shares.json").read_bytes())
    link = made.folder / "link.json"
    link.symlink_to(shares)
    for second in (damaged, other, shares, link, made.folder / "nothing.json"):
        assert destroy(ceremony, publication, shares, second) != 0
        assert shares.read_bytes() == before
    (made.folder / "destruction.json").write_text("of another day")
    assert destroy(ceremony, publication, shares) == 2
    assert shares.read_bytes() == before


def test_after_the_destruction_nobody_opens_a_restored_urn(
    made: Made, ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    """T102: with all three officers, their passphrases and everything that is left; the record says what is gone."""
    shares, copy = made.folder / "shares.json", made.folder / "copy.json"
    content = shares.read_bytes()
    copy.write_bytes(content)
    # Somebody who has kept a second name for the same file has an empty one.
    os.link(shares, made.folder / "kept.json")
    assert destroy(ceremony, publish(made), shares, copy) == 0
    assert not shares.exists()
    assert not copy.exists()
    assert (made.folder / "kept.json").read_bytes() == b""
    record = made.folder / "destruction.json"
    assert json.loads(record.read_bytes())["shares"] == [hash_of(content)] * 2
    assert record.stat().st_mode & 0o777 == 0o600
    officers = ["--officer", made.key(1), "--officer", made.key(2)]
    assert ceremony("sign", record, *officers) == 0
    capsys.readouterr()
    signatures = sorted(made.folder.glob("destruction.sig-*"))
    assert ceremony("check", record, "--election", "election.json", "--signatures", *signatures, rehearsal=False) == 0
    assert "officer-1, officer-2" in capsys.readouterr().out
    # The urn, its signatures and the election are there, as in a backup.
    files = sorted(file for file in made.folder.iterdir() if file.suffix == ".json")
    for first, second in combinations((1, 2, 3), 2):
        for file in (shares, *files):
            assert ceremony(
                "open", "--urn", "urn.json", "--signatures", *sorted(made.folder.glob("urn.sig-*")), "--shares", file,
                "--officer", made.key(first), "--officer", made.key(second), "--out", "result.json",
            ) != 0  # fmt: skip
    assert not (made.folder / "result.json").exists()
    assert not any(content[-900:-100] in file.read_bytes() for file in made.folder.iterdir())
