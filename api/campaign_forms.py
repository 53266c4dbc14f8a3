"""The forms of those who prepare and run votes: what is typed, and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Form
from pydantic import Field

from api.forms import Password, Sent
from portal.rules.campaign_changes import INSTANTS, instant, usable_code
from portal.rules.members import Group
from portal.rules.refusals import Refusal
from portal.rules.votes import MANDATED, MOST_CHOICES, BallotKind, Majority
from portal.store.ballots import Ballot, Candidate
from portal.store.campaigns import Campaign

# Where members of a Canadian union live.
ZONES = (
    "America/Toronto", "America/Halifax", "America/St_Johns", "America/Winnipeg", "America/Regina", "America/Edmonton",
    "America/Vancouver", "America/Whitehorse",
)  # fmt: skip
KINDS = tuple(kind.value for kind in BallotKind)
# Places of the form of an election; an empty one is nobody.
PLACES = 8

Line = Annotated[str, Field(max_length=300)]
Text = Annotated[str, Field(max_length=4000)]
Part = Annotated[str, Field(max_length=12)]


class CampaignFields(Sent):
    code: Line = ""
    title_fr: Line = ""
    title_en: Line = ""
    time_zone: Annotated[str, Field(max_length=64)] = "America/Toronto"
    registration_opens_day: Part = ""
    registration_opens_month: Part = ""
    registration_opens_year: Part = ""
    registration_opens_time: Part = ""
    opens_day: Part = ""
    opens_month: Part = ""
    opens_year: Part = ""
    opens_time: Part = ""
    closes_day: Part = ""
    closes_month: Part = ""
    closes_year: Part = ""
    closes_time: Part = ""
    ends_day: Part = ""
    ends_month: Part = ""
    ends_year: Part = ""
    ends_time: Part = ""
    password_cutoff_day: Part = ""
    password_cutoff_month: Part = ""
    password_cutoff_year: Part = ""
    password_cutoff_time: Part = ""
    rehearsal: Annotated[str, Field(max_length=8)] = ""
    rehearsal_to: Line = ""
    # Why a closing moves, as everybody is told.
    reason_fr: Line = ""
    reason_en: Line = ""
    # A move is looked at with its effect before it is proposed.
    checked: Annotated[str, Field(max_length=8)] = ""


class BallotFields(Sent):
    code: Line = ""
    position: Part = "1"
    kind: Annotated[str, Field(max_length=16)] = "resolution"
    title_fr: Line = ""
    title_en: Line = ""
    question_fr: Text = ""
    question_en: Text = ""
    ec: Annotated[str, Field(max_length=8)] = ""
    tr: Annotated[str, Field(max_length=8)] = ""
    bdp: Annotated[str, Field(max_length=8)] = ""
    whom: Annotated[str, Field(max_length=16)] = "members"
    choose: Part = "1"
    majority: Annotated[str, Field(max_length=16)] = Majority.HALF.value
    quorum_percent: Part = ""
    # One line of the form after another: name, number, and a few words in both languages.
    names: Annotated[tuple[Line, ...], Field(max_length=PLACES)] = ()
    numbers: Annotated[tuple[Part, ...], Field(max_length=PLACES)] = ()
    texts_fr: Annotated[tuple[Text, ...], Field(max_length=PLACES)] = ()
    texts_en: Annotated[tuple[Text, ...], Field(max_length=PLACES)] = ()
    reason: Text = ""

    @property
    def groups(self) -> list[str]:
        chosen = {Group.EC: self.ec, Group.TR: self.tr, Group.BDP: self.bdp}
        return [group.value for group in Group if chosen[group]]


class ChangeFields(Sent):
    verdict: Annotated[str, Field(max_length=16)] = ""
    reason: Text = ""


class MockFields(Sent):
    members: Part = ""
    password: Password = ""


CampaignForm = Annotated[CampaignFields, Form()]
BallotForm = Annotated[BallotFields, Form()]
ChangeForm = Annotated[ChangeFields, Form()]
MockForm = Annotated[MockFields, Form()]


@dataclass
class Read:
    """What a form means, and what keeps it from meaning anything, by field."""

    values: dict[str, object] = field(default_factory=dict)
    problems: dict[str, Refusal] = field(default_factory=dict)

    def instant(self, name: str) -> datetime | None:
        value = self.values.get(name)
        return value if isinstance(value, datetime) else None


def read_campaign(form: CampaignFields, *, new: bool) -> Read:
    """The whole form of a draft; every problem at once."""
    read = Read()
    if new:
        read.values["code"] = code = form.code.strip()
        if not usable_code(code):
            read.problems["code"] = Refusal.CAMPAIGN_CODE_UNUSABLE
    _both(read, form, "title")
    if form.time_zone in ZONES:
        read.values["time_zone"] = form.time_zone
        _instants(read, form, ZoneInfo(form.time_zone), (*INSTANTS, "password_cutoff"))
    else:
        read.problems["time_zone"] = Refusal.ZONE_UNKNOWN
    read.values["rehearsal_to"] = form.rehearsal_to.strip() or None
    return read


def read_calendar(form: CampaignFields, zone: ZoneInfo) -> Read:
    read = Read()
    _instants(read, form, zone, INSTANTS)
    return read


def _instants(read: Read, form: CampaignFields, zone: ZoneInfo, names: tuple[str, ...]) -> None:
    for name in names:
        typed = [str(getattr(form, f"{name}_{part}")).strip() for part in ("day", "month", "year", "time")]
        if name == "password_cutoff" and not any(typed):
            read.values[name] = None
            continue
        meant = instant(typed[0], typed[1], typed[2], typed[3], zone)
        if isinstance(meant, Refusal):
            read.problems[name] = meant
        else:
            read.values[name] = meant


def _both(read: Read, form: CampaignFields | BallotFields, name: str) -> None:
    for language in ("fr", "en"):
        words = " ".join(str(getattr(form, f"{name}_{language}")).split())
        read.values[f"{name}_{language}"] = words
        if not words:
            read.problems[f"{name}_{language}"] = Refusal.BOTH_LANGUAGES_NEEDED


def typed_campaign(campaign: Campaign) -> CampaignFields:
    """The form as it would have been filled in."""
    parts: dict[str, str] = {}
    for name in (*INSTANTS, "password_cutoff"):
        at: datetime | None = getattr(campaign, name)
        if at is not None:
            local = at.astimezone(campaign.zone)
            parts |= {
                f"{name}_day": str(local.day), f"{name}_month": str(local.month), f"{name}_year": str(local.year),
                f"{name}_time": f"{local:%H:%M}",
            }  # fmt: skip
    return CampaignFields(
        code=campaign.code, title_fr=campaign.title_fr, title_en=campaign.title_en, time_zone=campaign.time_zone,
        rehearsal="yes" if campaign.rehearsal else "", rehearsal_to=campaign.rehearsal_to or "", **parts,
    )  # fmt: skip


# --- ballots


def read_words(form: BallotFields) -> Read:
    read = Read()
    _both(read, form, "title")
    _both(read, form, "question")
    return read


def read_ballot(form: BallotFields) -> Read:
    read = read_words(form)
    read.values["code"] = code = form.code.strip()
    if not usable_code(code):
        read.problems["code"] = Refusal.CAMPAIGN_CODE_UNUSABLE
    read.values["kind"] = form.kind if form.kind in KINDS else KINDS[0]
    read.values["position"] = int(form.position) if form.position.isdecimal() else 1
    read.values["groups"] = form.groups
    if not form.groups:
        read.problems["ec"] = Refusal.ELECTORATE_NEEDED
    read.values["members_only"] = form.whom != "everybody"
    if form.kind in MANDATED and form.whom != "everybody":
        # Held for members only it would be void (FPSLRA, s. 183 and s. 184; security.md T84).
        read.problems["whom"] = Refusal.MANDATED_FOR_EVERYBODY
    read.values["majority"] = Majority.TWO_THIRDS if form.majority == Majority.TWO_THIRDS.value else Majority.HALF
    quorum = form.quorum_percent.strip().rstrip("%").strip()
    read.values["quorum_percent"] = int(quorum) if quorum.isdecimal() else None
    if quorum and not (quorum.isdecimal() and 1 <= int(quorum) <= 100):
        read.problems["quorum_percent"] = Refusal.QUORUM_UNREADABLE
    read.values["choose"] = 1
    if form.kind == "election":
        choose = int(form.choose) if form.choose.isdecimal() else 0
        read.values["choose"] = choose
        if not 1 <= choose <= min(MOST_CHOICES, len([name for name in form.names if name.strip()])):
            read.problems["choose"] = Refusal.CANDIDATES_NEEDED
    return read


def read_candidates(
    form: BallotFields, ids: Mapping[str, object]
) -> tuple[list[dict[str, object]], dict[str, Refusal]]:
    """Who stands, in the order of the form; `ids` are members by their numbers."""
    stand: list[dict[str, object]] = []
    problems: dict[str, Refusal] = {}
    if form.kind != "election":
        return stand, problems
    rows = zip(form.names, form.numbers, form.texts_fr, form.texts_en, strict=False)
    for at, (name, number, text_fr, text_en) in enumerate(rows, start=1):
        words, fr, en = " ".join(name.split()), text_fr.strip(), text_en.strip()
        if not words:
            continue
        if bool(fr) != bool(en):
            problems[f"text_{'en' if fr else 'fr'}_{at}"] = Refusal.BOTH_LANGUAGES_NEEDED
        if number.strip() and number.strip() not in ids:
            problems[f"number_{at}"] = Refusal.CANDIDATE_UNKNOWN
        stand.append(
            {
                "position": len(stand), "name": words, "text_fr": fr or None, "text_en": en or None,
                "member_id": ids.get(number.strip()),
            }
        )  # fmt: skip
    return stand, problems


def typed_ballot(ballot: Ballot, candidates: list[Candidate], numbers: Mapping[UUID, str]) -> BallotFields:
    groups = set(ballot.groups)
    return BallotFields(
        code=ballot.code, position=str(ballot.position), kind=ballot.kind, title_fr=ballot.title_fr,
        title_en=ballot.title_en, question_fr=ballot.question_fr, question_en=ballot.question_en,
        ec="yes" if "EC" in groups else "", tr="yes" if "TR" in groups else "", bdp="yes" if "BdP" in groups else "",
        whom="members" if ballot.members_only else "everybody", choose=str(ballot.choose),
        majority=ballot.majority, quorum_percent="" if ballot.quorum_percent is None else str(ballot.quorum_percent),
        names=tuple(c.name for c in candidates),
        numbers=tuple(numbers.get(c.member_id, "") if c.member_id else "" for c in candidates),
        texts_fr=tuple(c.text_fr or "" for c in candidates),
        texts_en=tuple(c.text_en or "" for c in candidates),
    )  # fmt: skip
