"""Every mail, in both languages and every case, compared with the letter we approved.

After a change of words: `GOLDEN_REWRITE=1 pytest tests/mails`, then read the difference before committing it.
"""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from activities.rendering import MAILS, Letter, Letters
from portal.rules.decisions import APPEAL_ANSWERED_WITHIN
from portal.rules.doors import ANSWER_WITHIN, FIRST_LINK_VALID, PROOF_VALID, Door
from portal.rules.doors import Reason as DoorReason
from portal.rules.identity import Reason
from portal.rules.mail import MailKind
from portal.text import LANGUAGES, reason, why_not

GOLDEN = Path(__file__).parent / "golden"
ORIGIN = "https://portail.example"
LETTERS = Letters(ORIGIN, "aide@portail.example")
PARTS = {"subject": "subject.txt", "txt": "body.txt", "html": "body.html"}

Facts = dict[str, object]

OPENS = datetime(2017, 2, 20, 5, tzinfo=UTC)
CLOSES = datetime(2017, 3, 3, 21, tzinfo=UTC)
ERASED: Facts = {"erased_at": datetime(2017, 2, 17, 15, 12, tzinfo=UTC), "certificate": "7Q4M-K2XR"}
NOT_ERASED: Facts = {"erased_at": None, "certificate": None}
LINK = f"{ORIGIN}/fr/courriel/verifier?jeton=specimen-0000"
FORGOTTEN = f"{ORIGIN}/fr/mot-de-passe/renouveler"

TITLES = {
    "fr": ["Ratification : entente de principe du groupe EC", "États financiers"],
    "en": ["Ratification: EC group tentative agreement", "Financial statements"],
}
CAMPAIGN = {"fr": "Votes de l'hiver 2017", "en": "Winter 2017 votes"}


def _common(language: str) -> Facts:
    home = f"{ORIGIN}/{language}/"
    return {
        "given_name": "Marguerite",
        "family_name": "Bourgeoys",
        "origin": ORIGIN,
        "home_url": home,
        "votes_url": home + "votes",
        "profile_url": home + {"fr": "profil", "en": "profile"}[language],
        "campaign": {
            "title": CAMPAIGN[language],
            "opens": OPENS,
            "closes": CLOSES,
            "zone": ZoneInfo("America/Toronto"),
        },
    }


def _cases(language: str) -> Iterator[tuple[MailKind, str, Facts]]:
    titles = TITLES[language]
    blurred = reason(Reason.UNREADABLE, language)
    why = {"reason": blurred.reason, "remedy": blurred.remedy}
    received = datetime(2017, 2, 16, 1, 30, tzinfo=UTC)
    yield MailKind.INVITATION, "", {"ballots_count": 7}
    yield MailKind.INVITATION, "one", {"ballots_count": 1}
    expires = datetime(2017, 2, 16, 14, tzinfo=UTC)
    yield MailKind.VERIFICATION, "", {"link": LINK, "code": "482913", "expires": expires}
    yield MailKind.RENEWAL, "", {"link": LINK, "expires": expires}
    one = {"received_at": received, "documents_count": 1}
    yield MailKind.DOCUMENTS_RECEIVED, "", one
    yield MailKind.DOCUMENTS_RECEIVED, "two", {**one, "documents_count": 2}
    yield MailKind.APPROVED, "", {**ERASED, "registrations": titles}
    yield MailKind.APPROVED, "erasing", {**NOT_ERASED, "registrations": titles}
    yield MailKind.APPROVED, "none", {**ERASED, "registrations": []}
    appeal: Facts = {
        "appeal_until": datetime(2017, 2, 24, 15, 12, tzinfo=UTC), "appeal_url": f"{ORIGIN}/{language}/contest",
    }  # fmt: skip
    no_appeal: Facts = {**appeal, "appeal_until": None}
    sure: Facts = {"vote_settled_by": None}
    provisional: Facts = {"vote_settled_by": datetime(2017, 3, 10, 21, tzinfo=UTC)}
    yield MailKind.REJECTED, "", {**why, **ERASED, **appeal, **sure}
    yield MailKind.REJECTED, "erasing", {**why, **NOT_ERASED, **no_appeal, **sure}
    yield MailKind.REJECTED, "voted", {**why, **ERASED, **appeal, **provisional}
    yield MailKind.IDENTITY_REFUSED, "", {**why, **ERASED, **appeal, **sure}
    yield MailKind.IDENTITY_REFUSED, "final", {**why, "remedy": "", **NOT_ERASED, **no_appeal, **sure}
    yield MailKind.IDENTITY_REFUSED, "voted", {**why, **ERASED, **appeal, **provisional}
    promised: Facts = {"received_at": received, "documents_count": 1, "answer_by": received + APPEAL_ANSWERED_WITHIN}
    yield MailKind.APPEAL_RECEIVED, "", promised
    yield MailKind.APPEAL_LATE, "", promised
    waits: Facts = {
        "since": received,
        "answer_by": promised["answer_by"],
        "desk_url": f"{ORIGIN}/{language}/operations",
    }
    yield MailKind.REVIEW_WAITING, "", {**waits, "given_name": "", "campaign": None, "late": False}
    yield MailKind.REVIEW_WAITING, "late", {**waits, "given_name": "", "campaign": None, "late": True}
    yield MailKind.EXPIRED, "", {**ERASED, **sure}
    yield MailKind.EXPIRED, "erasing", {**NOT_ERASED, **sure}
    yield MailKind.EXPIRED, "voted", {**ERASED, **provisional}
    yield MailKind.REGISTERED, "", {"ballots": titles, "provisional": False}
    yield MailKind.REGISTERED, "provisional", {"ballots": titles[:1], "provisional": True}
    stop: Facts = {"unsubscribe": f"{ORIGIN}/{language}/rappels?jeton=specimen-0000"}
    for nth, step in enumerate(("email", "identity", "registration"), start=1):
        yield MailKind.REMINDER, step, {"step": step, "nth": nth, "opens": OPENS, **stop}
    yield MailKind.VOTING_OPEN, "", {"ballots_count": 7, "missing": None}
    yield MailKind.VOTING_OPEN, "one", {"ballots_count": 1, "missing": None}
    for step in ("email", "identity", "registration", "review", "refused"):
        yield MailKind.VOTING_OPEN, step, {"ballots_count": 0, "missing": step}
    for moment in ("half-way", "two-days", "four-hours"):
        yield MailKind.NOT_YET_VOTED, moment, {"moment": moment, "missing": None, "ballots": titles, **stop}
    last: Facts = {"moment": "four-hours", "ballots": titles[:1], **stop}
    yield MailKind.NOT_YET_VOTED, "missing", {**last, "missing": "identity"}
    yield MailKind.NOT_YET_VOTED, "review", {**last, "missing": "review"}
    yield MailKind.ON_PAPER, "", {"marked_at": received, "revocable": True}
    yield MailKind.ON_PAPER, "open", {"marked_at": received, "revocable": False}
    yield MailKind.PARTICIPATION, "", {"ballots": titles, "left": 0, "provisional": False}
    yield MailKind.PARTICIPATION, "provisional", {"ballots": titles[:1], "left": 2, "provisional": True}
    yield MailKind.PASSWORD_CHANGED, "", {"changed_at": received, "renew_url": f"{ORIGIN}/{language}/renew"}
    yield MailKind.STAFF_INVITATION, "", {"given_name": "", "link": LINK, "expires": expires}
    entry: Facts = {"given_name": "", "signed_in_at": received, "keys_url": f"{ORIGIN}/{language}/keys"}
    yield MailKind.STAFF_SIGNED_IN, "", {**entry, "browser": ("Firefox", "Windows")}
    yield MailKind.STAFF_SIGNED_IN, "unknown", {**entry, "browser": None}
    yield MailKind.CLOSED, "", {}
    settled: Facts = {
        "counts": False, "ballots": titles, "because": "rejected", "reason": blurred.reason, "appealed": False,
        "my_votes_url": f"{ORIGIN}/{language}/counted",
    }  # fmt: skip
    yield MailKind.VOTE_SETTLED, "", {**settled, "counts": True, "because": None, "reason": ""}
    yield MailKind.VOTE_SETTLED, "aside", settled
    yield MailKind.VOTE_SETTLED, "aside-appeal", {**settled, "ballots": titles[:1], "appealed": True}
    yield MailKind.VOTE_SETTLED, "aside-withdrawn", {**settled, "because": "withdrawn", "reason": ""}
    yield MailKind.VOTE_SETTLED, "aside-end", {**settled, "because": "abandoned", "reason": ""}
    yield MailKind.VOTE_SETTLED, "aside-nothing", {**settled, "because": None, "reason": ""}
    yield MailKind.CAMPAIGN_CANCELLED, "", {"cancelled_at": received}
    why = {"fr": "Une panne a fermé le portail pendant deux heures.", "en": "An outage closed the portal for 2 hours."}
    yield MailKind.CLOSING_MOVED, "", {"why": why[language]}
    out: Facts = {"results_at": datetime(2017, 3, 6, 22, tzinfo=UTC)}
    yield MailKind.RESULTS, "", {**out, "results_url": f"{ORIGIN}/{language}/results"}
    yield from _door_cases(language, received)


def _door_cases(language: str, asked: datetime) -> Iterator[tuple[MailKind, str, Facts]]:
    """As `activities/door_facts.py` gives them."""
    for door in Door:
        common: Facts = {
            "door": door.value, "asked_at": asked, "answer_by": asked + ANSWER_WITHIN, "proof_by": asked + PROOF_VALID,
            "late": False, "reminder": False, "proof_url": f"{ORIGIN}/fr/demande/confirmer?jeton=specimen-0000",
            "form_url": f"{ORIGIN}/fr/devenir-membre", "sign_in_url": f"{ORIGIN}/fr/connexion",
            "forgotten_url": FORGOTTEN, "desk_url": f"{ORIGIN}/fr/demandes/7",
        }  # fmt: skip
        case = door.value
        yield MailKind.DOOR_PROOF, case, {**common, "given_name": ""}
        yield MailKind.DOOR_RECEIVED, case, common
        yield MailKind.STAFF_WAITING, case, {**common, "given_name": ""}
    yield MailKind.STAFF_WAITING, "late", {**common, "given_name": "", "late": True}
    overdue: Facts = {"over_at": asked, "desk_url": f"{ORIGIN}/{language}/operations", "given_name": ""}
    yield MailKind.STAFF_ALARM, "", overdue
    yield MailKind.DOOR_PROOF, "reminder", {**common, "given_name": "", "reminder": True}
    yield MailKind.DOOR_LAPSED, "", {**common, "given_name": ""}
    yield MailKind.DOOR_LATE, "", common
    said = why_not(DoorReason.NAME_DIFFERS, language)
    yield MailKind.DOOR_REFUSED, "", {**common, "reason": said.reason, "remedy": said.remedy, "renew": False}
    said = why_not(DoorReason.ADDRESS_ON_FILE, language)
    yield MailKind.DOOR_REFUSED, "renew", {**common, "reason": said.reason, "remedy": said.remedy, "renew": True}
    for kind in (MailKind.EMAIL_REGISTERED, MailKind.WELCOME):
        new: Facts = {**common, "has_password": False, "identified": False}
        yield kind, "", {**new, "link": LINK, "expires": asked + FIRST_LINK_VALID}
        yield kind, "no-link", {**new, "link": None, "expires": None}
    done: Facts = {"has_password": True, "identified": True, "link": None, "expires": None}
    yield MailKind.WELCOME, "done", {**common, **done}
    yield MailKind.ALREADY_MEMBER, "", common
    yield MailKind.ADDRESS_ON_FILE, "", common


ALL = [
    pytest.param(kind, language, case, facts, id=".".join(filter(None, (kind, language, case))))
    for language in LANGUAGES
    for kind, case, facts in _cases(language)
]
each_mail = pytest.mark.parametrize(("kind", "language", "case", "facts"), ALL)


def _render(kind: MailKind, language: str, facts: Facts) -> Letter:
    return LETTERS.render(kind, language, {**_common(language), **facts})


@each_mail
def test_the_letter_is_the_one_we_approved(kind: MailKind, language: str, case: str, facts: Facts) -> None:
    letter = _render(kind, language, facts)
    parts = {"subject": letter.subject + "\n", "txt": letter.text, "html": letter.html}
    name = ".".join(filter(None, (kind, language, case)))
    for ending, said in parts.items():
        golden = GOLDEN / f"{name}.{ending}"
        if os.environ.get("GOLDEN_REWRITE") == "1":
            golden.parent.mkdir(exist_ok=True)
            golden.write_text(said, encoding="utf-8")
        assert said == golden.read_text(encoding="utf-8"), f"{golden.name}: GOLDEN_REWRITE=1 after reading it"


def test_no_approved_letter_is_left_over() -> None:
    names = {f"{param.id}.{ending}" for param in ALL for ending in PARTS}
    assert {path.name for path in GOLDEN.iterdir()} == names


@each_mail
def test_a_letter_is_safe_to_open(kind: MailKind, language: str, case: str, facts: Facts) -> None:
    letter = _render(kind, language, facts)
    assert len(letter.subject.splitlines()) == 1
    assert 5 < len(letter.subject) <= 78
    lowered = letter.html.lower()
    for remote in ("<img", "<link", "<script", "<iframe", "src=", "url(", "@import", "background="):
        assert remote not in lowered
    addresses = re.findall(r'href="([^"]*)"', letter.html)
    assert all(address.startswith(ORIGIN) for address in addresses)
    assert lowered.count('class="button"') == 1
    # The button's address stands as text in both parts, for whoever cannot press it.
    button = re.search(r'class="button" href="([^"]*)"', letter.html)
    assert button is not None
    assert f">{button[1]}</a>" in letter.html
    assert f"\n{button[1]}\n" in letter.text
    assert "prefers-color-scheme: dark" in letter.html
    assert '<meta name="color-scheme" content="light dark">' in letter.html
    assert f'lang="{language}-CA"' in letter.html


@each_mail
def test_the_text_part_reads_well(kind: MailKind, language: str, case: str, facts: Facts) -> None:
    text = _render(kind, language, facts).text
    assert "\n\n\n" not in text
    assert not re.search(r"<[a-z/]|&[a-z#0-9]+;|[{}]", text)
    assert all(len(line) <= 76 or "://" in line for line in text.splitlines())
    password = {"fr": "jamais votre mot de passe", "en": "never ask for your password"}[language]
    assert password in text


@pytest.mark.parametrize("kind", MailKind)
def test_every_kind_has_its_three_parts(kind: MailKind) -> None:
    assert {path.name for path in (MAILS / kind).iterdir()} == set(PARTS.values())
    assert any(param.id == kind or str(param.id).startswith(f"{kind}.") for param in ALL)


def test_every_folder_is_a_kind() -> None:
    assert {path.name for path in MAILS.iterdir() if path.is_dir()} == set(MailKind)


def test_no_template_trusts_what_it_is_given() -> None:
    for path in MAILS.rglob("*.*"):
        source = path.read_text(encoding="utf-8")
        assert "|safe" not in source.replace(" ", ""), path
        assert "autoescape" not in source, path


def test_what_both_parts_share_holds_no_fact() -> None:
    """A text that a page includes is not escaped there."""
    for path in MAILS.glob("_*.txt"):
        assert path.name == "_base.txt" or "{{" not in path.read_text(encoding="utf-8"), path


HOSTILE = '<script>alert("x")</script>\r\nBcc: everybody@portail.example'


@each_mail
def test_a_hostile_name_is_only_a_name(kind: MailKind, language: str, case: str, facts: Facts) -> None:
    hostile = {
        key: HOSTILE if isinstance(value, str) and key in ("reason", "remedy", "certificate") else value
        for key, value in facts.items()
    }
    common = _common(language)
    campaign = common["campaign"]
    assert isinstance(campaign, dict)
    letter = LETTERS.render(
        kind,
        language,
        {**common, "given_name": HOSTILE, "campaign": {**campaign, "title": HOSTILE}, **hostile},
    )
    assert "<script" not in letter.html
    assert "\n" not in letter.subject
    assert "\r" not in letter.subject


def test_a_letter_outside_any_campaign_speaks_the_hours_of_ottawa() -> None:
    facts = {**_common("fr"), "campaign": None, "link": LINK, "expires": CLOSES}
    assert "16\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}00 HNE" in LETTERS.render(MailKind.RENEWAL, "fr", facts).text
