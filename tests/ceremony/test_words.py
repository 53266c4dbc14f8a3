"""What the commands say of every bad input: both languages, the file, and what to do; never a trace of Python."""

import json
import re
from pathlib import Path

import pytest

from portal.rules.ceremony import MISUSED, ONLINE, REFUSED, Fault, Wrong
from portal.text.ceremony import FAULTS, SAID, Said, fault, said
from tests.ceremony.conftest import Ceremony
from tests.urns import Made


def words_of(sentence: str) -> dict[str, str]:
    return dict.fromkeys(re.findall(r"%\((\w+)\)s", sentence), "x")


def test_everything_has_words_in_both_languages() -> None:
    assert set(FAULTS) == set(Fault)
    assert set(SAID) == set(Said)
    for one, sentence in FAULTS.items():
        error = Wrong(one, **words_of(sentence))
        assert fault(error, "fr") != fault(error, "en")
        assert error.status in (REFUSED, MISUSED, ONLINE)
    for what, sentence in SAID.items():
        assert said(what, "fr", **words_of(sentence)) != said(what, "en", **words_of(sentence))


def test_a_file_of_another_kind_is_named_with_what_it_is(
    made: Made, ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    officers = ["--officer", made.key(1), "--officer", made.key(2)]
    signatures = sorted(made.folder.glob("urn.sig-*"))
    opening: list[object] = ["open", "--out", "result.json", *officers]
    cases: list[tuple[int, str, list[object]]] = [
        (1, "scrutin/shares/v1", [*opening, "--urn", "urn.json", "--signatures", *signatures, "--shares", "urn.json"]),
        (1, "scrutin/urn/v1", [*opening, "--urn", "election.json", "--signatures", *signatures]),
        (1, "scrutin/signature/v1", [*opening, "--urn", "urn.json", "--signatures", "shares.json", *signatures]),
        (1, "officer-1.pub.json is not a file of keys", ["sign", "urn.json", "--officer", made.public(1)]),
        (1, "scrutin/election/v1", ["sign", "urn.json", "--election", "shares.json", "--officer", made.key(1)]),
        (1, "scrutin/urn/v1", ["sign", "election.json", "--officer", made.key(1)]),
        (1, "phrase.txt is not as it was written", ["check", "phrase.txt"]),
        (2, "nothing.json: there is no file", ["check", "nothing.json"]),
        (2, "cannot be read", ["check", "."]),
        (2, "Two officers are needed: there are 1", ["try", "--officer", made.key(1)]),
        (2, "there is no file", ["officer", "officer-7", "--out", "nowhere"]),
    ]
    for status, words, command in cases:
        extra = 1 if command[0] == "officer" else None
        assert ceremony(*command, phrases=extra) == status, words
        told = capsys.readouterr().err
        assert words in told
        assert "Traceback" not in told
    assert not (made.folder / "result.json").exists()


def test_one_passphrase_for_two_officers_is_not_guessed_about(made: Made, ceremony: Ceremony) -> None:
    officers = ["--officer", made.key(1), "--officer", made.key(2)]
    assert ceremony("try", *officers, phrases=1) == 2


def test_what_stands_in_a_file_does_not_write_on_the_screen(
    made: Made, ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    """A format or a name with the codes that clear a terminal."""
    forged = made.folder / "forged.json"
    for content in ({"format": "\x1b[2J\x1b[1A"}, {"format": "scrutin/urn/v1", "\x1b[2J": 1}):
        forged.write_text(json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
        assert ceremony("check", forged) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_help_says_how_each_command_ends(capsys: pytest.CaptureFixture[str], ceremony: Ceremony) -> None:
    for act in ("open", "destroy"):
        with pytest.raises(SystemExit):
            ceremony(act, "--help", rehearsal=False)
        assert "Exit status: 0 done; 1" in " ".join(capsys.readouterr().out.split())


def test_signatures_are_never_passed_over(made: Made, ceremony: Ceremony) -> None:
    """Without --election, that of the folder is taken; a wrong signature is refused by `check` as well."""
    one, three = sorted(made.folder.glob("urn.sig-*"))
    assert ceremony("check", "urn.json", "--signatures", one, three, rehearsal=False) == 0
    forged = json.loads(one.read_text()) | {"by": "officer-2"}
    Path("forged.json").write_text(json.dumps(forged, sort_keys=True, separators=(",", ":")))
    assert ceremony("check", "urn.json", "--signatures", three, "forged.json", rehearsal=False) == 1
    assert ceremony("check", "urn.json", "--signatures", three, rehearsal=False) == 1
