"""Every no, every reason and every label is said in both languages, each time with what to do next."""

import pytest

from portal.rules.counting import Counted, Outcome
from portal.rules.identity import Reason
from portal.rules.onboarding import IdentityState, Step
from portal.rules.refusals import Refusal
from portal.rules.votes import BallotKind, Majority
from portal.text import LANGUAGES, gettext, hint, identity, not_decided_in_time, reason, results, say, status, step
from portal.text.labels import HINTS, Status

# A sentence that accuses, or that stops at «error», is not ours.
HARSH = (
    "erreur",
    "invalide",
    "interdit",
    "refusé",
    "fraude",
    "error",
    "invalid",
    "forbidden",
    "denied",
    "fraud",
)


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_is_one_sentence_in_both_languages(refusal: Refusal) -> None:
    french, english = say(refusal, "fr"), say(refusal, "en")
    assert french != english
    for sentence in (french, english):
        assert sentence.endswith(".")
        assert ". " not in sentence
        assert "%" not in sentence
        assert not any(word in sentence.lower() for word in HARSH)


@pytest.mark.parametrize("code", Reason)
def test_every_reason_has_its_remedy_in_both_languages(code: Reason) -> None:
    french, english = reason(code, "fr"), reason(code, "en")
    assert french.reason != english.reason
    assert french.remedy != english.remedy
    for sentence in (french.reason, french.remedy, english.reason, english.remedy):
        assert sentence.endswith(".")
        assert not any(word in sentence.lower() for word in HARSH)


def test_not_decided_in_time_apologizes_in_both_languages() -> None:
    assert "excusons" in not_decided_in_time("fr").reason
    assert "apologize" in not_decided_in_time("en").reason


def test_every_label_exists_in_both_languages() -> None:
    for language in LANGUAGES:
        said = [step(code, language) for code in Step]
        said += [identity(code, language) for code in IdentityState]
        said += [status(code, language) for code in Status]
        said += [hint(name, language) for name in HINTS]
        assert all(said)
        assert len(set(said)) == len(said)


def test_the_settings_change_the_number_that_is_said() -> None:
    assert "15" in say(Refusal.PASSWORD_TOO_SHORT, "fr")
    assert "at least 20 characters" in say(Refusal.PASSWORD_TOO_SHORT, "en", password=20).lower()
    assert "20" in hint("password", "fr", password=20)


def test_a_language_that_is_not_ours_is_a_mistake_of_the_code() -> None:
    with pytest.raises(ValueError, match="not one of our languages"):
        gettext("de")


NAMES = {1: "Jeanne Mance", 2: "Marie Rollet", 3: "Louis Hébert"}


def outcome(
    counted: Counted, *, majority: Majority = Majority.HALF, seats: int = 1, on_paper: bool = False
) -> list[str]:
    """In French and in English, with plain spaces."""
    said = [results.outcome(counted, majority, None, seats, NAMES, lang, on_paper=on_paper) for lang in ("fr", "en")]
    return [words.replace("\N{NO-BREAK SPACE}", " ") for words in said]


def test_who_is_elected_is_said_in_both_languages() -> None:
    counted = Counted(BallotKind.ELECTION, 40, 30, 0, 0, {1: 20, 2: 15, 3: 5}, Outcome.ELECTED, (1, 2))
    assert outcome(counted, seats=2) == [
        "Élus ou élues : Jeanne Mance, Marie Rollet.", "Elected: Jeanne Mance, Marie Rollet.",
    ]  # fmt: skip


def test_of_candidates_who_are_level_it_is_said_for_how_many_seats() -> None:
    counted = Counted(BallotKind.ELECTION, 40, 30, 0, 0, {1: 9, 2: 9, 3: 9}, Outcome.ELECTED, (), (1, 2, 3))
    names = "Jeanne Mance, Marie Rollet, Louis Hébert."
    assert outcome(counted, seats=2) == [
        f"À égalité pour 2 sièges, à départager par tirage au sort : {names}",
        f"Tied for 2 seats, to be decided by drawing lots: {names}",
    ]
    assert outcome(counted, seats=1)[0].startswith("À égalité pour le dernier siège")


def test_a_tie_that_needed_two_thirds_is_not_said_to_have_needed_more_yes_than_no() -> None:
    counted = Counted(BallotKind.RATIFICATION, 40, 30, 0, 0, {1: 15, 2: 15}, Outcome.NOT_ADOPTED)
    assert outcome(counted)[0].startswith("Non adopté : autant de oui que de non")
    assert outcome(counted, majority=Majority.TWO_THIRDS)[0].startswith("Non adopté : il fallait les deux tiers")


def test_an_outcome_says_that_the_ballots_of_the_post_are_not_in_it() -> None:
    counted = Counted(BallotKind.RATIFICATION, 40, 30, 0, 0, {1: 16, 2: 14}, Outcome.ADOPTED)
    assert outcome(counted, on_paper=True) == [
        "Adopté : plus de oui que de non. Votes en ligne seulement.",
        "Adopted: more said yes than no. Online votes only.",
    ]
