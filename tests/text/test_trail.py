"""Everything that the portal writes into the journal can be read by the member it is about."""

import ast
from pathlib import Path

import pytest

from activities.identity import OUTCOMES
from portal.rules.identity import OVER, Reason, Verdict
from portal.rules.mail import MailKind
from portal.rules.onboarding import MEMBERS_TURN
from portal.store.roll_apply import ACTIONS as OF_IMPORTS
from portal.store.staff import ACTIONS as ACTS
from portal.text import LANGUAGES, mail_name, outcome, said
from portal.text.trail import ACTIONS, ACTORS, OTHER_ACTION, PICTURES

ROOT = Path(__file__).resolve().parents[2]
# How an action gets into the journal, and which argument it may be: of the journal itself, of a step, of the stories
# of the demo, of a page's own shorthand.
WRITERS = {"write": (1, 2), "to_write": (0,), "note": (1,), "_note": (2,)}


def written() -> tuple[set[str], set[str]]:
    """Every action and every actor named where something is written down."""
    # Written by one statement for many members at once.
    actions = set(OF_IMPORTS.values())
    actors: set[str] = set()
    for package in ("portal/store", "portal/commands", "activities", "api", "deploy/story.py"):
        path = ROOT / package
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    places = WRITERS.get(_called(node), ())
                    actions |= {
                        word for place in places for arg in node.args[place : place + 1] for word in _words(arg)
                    }
                if isinstance(node, ast.keyword) and node.arg == "actor":
                    actors |= _words(node.value)
    return actions, actors


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _words(node: ast.expr) -> set[str]:
    match node:
        case ast.Constant(value=str(word)):
            return {word}
        case ast.JoinedStr(values=[ast.Constant(value="identity-"), _]):
            return {f"identity-{status.value}" for status in OUTCOMES.values()}
        case ast.IfExp(body=one, orelse=other):
            return _words(one) | _words(other)
        case ast.Subscript(value=ast.Name(id="ACTIONS")):
            # What an officer does, by its kind.
            return set(ACTS.values())
        case ast.JoinedStr():
            raise AssertionError(f"an action nobody can look up: {ast.unparse(node)}")
        case _:
            return set()


def test_every_action_in_the_code_has_words_and_no_words_are_of_nothing() -> None:
    actions, _ = written()
    assert len(actions) > 25
    assert actions - set(ACTIONS) == set()
    assert set(ACTIONS) - actions == set()


def test_every_actor_in_the_code_has_words() -> None:
    _, actors = written()
    assert {"member", "reviewer", "unknown"} <= actors
    assert actors - set(ACTORS) == set()


def test_words_differ_between_the_languages_and_from_each_other() -> None:
    for language in LANGUAGES:
        lines = [said("member", action, None, language).what for action in ACTIONS]
        assert len(set(lines)) == len(lines)
    for action in ACTIONS:
        assert said("system", action, None, "fr").what != said("system", action, None, "en").what


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_that_says_more_is_said(language: str) -> None:
    for status in OVER:
        assert said("system", "documents-closed", status.value, language).more == outcome(status, language)
    for verdict in Verdict:
        assert said("reviewer", "decided", verdict.value, language).more
    for reason in Reason:
        more = said("reviewer", "identity-rejected", reason.value, language).more
        assert more.endswith(".")
        assert "fraud" not in more
    for step in MEMBERS_TURN:
        assert said("system", "reminded", step.value, language).more
    assert said("member", "picture-seen", None, language).picture
    assert len({said("x", a, None, language).picture for a in ACTIONS}) == 2
    assert set(PICTURES) <= set(ACTIONS)


def test_one_vote_and_several_are_counted_in_both_languages() -> None:
    one, two = "pension", "pension,president"
    assert said("member", "registered", one, "fr").more == "1 vote"
    assert said("member", "registered", two, "fr").more == "2 votes"
    assert said("member", "registered", two, "en").more == "2 votes"
    assert said("member", "registered", None, "fr").more == ""


def test_what_a_newer_portal_wrote_is_still_a_line() -> None:
    line = said("robot", "teleported", "there", "fr")
    assert (line.who, line.what, line.more) == ("Une personne de l'équipe", OTHER_ACTION, "")


def test_every_kind_of_mail_has_a_name() -> None:
    for language in LANGUAGES:
        names = [mail_name(kind, language) for kind in MailKind]
        assert len(set(names)) == len(names)
