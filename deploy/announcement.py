"""What a running demo says of itself: demo.json for programs, a table for people."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from deploy.cast import KEY_HOLDERS, STAFF, Person, State, cast
from deploy.state import ENVIRONMENT, PROJECT
from portal.rules.canonical import fingerprint
from portal.rules.ceremony import Wrong
from portal.rules.members import Standing
from portal.rules.vote_files import read_election

# The people whose account is printed have the first numbers.
PRINTED_BELOW = "900100"


@dataclass(frozen=True)
class Login:
    """One way in. Without a password it is activated by the member number."""

    role: str
    email: str
    password: str | None
    member_number: str | None
    group: str | None
    language: str
    name: str
    note: str


@dataclass(frozen=True)
class Addresses:
    portal: str
    mailbox: str | None
    temporal_ui: str | None
    temporal_address: str
    namespace: str
    s3: str
    database: str


@dataclass(frozen=True)
class KeyFile:
    """What one officer brings to the count: files of the folder, and what the second of them says."""

    code: str
    email: str
    key: str
    passphrase_file: str
    passphrase: str


@dataclass(frozen=True)
class Ceremony:
    """The officers' side of the vote, and how it is counted in a terminal once the box is closed."""

    folder: str
    fingerprint: str
    officers: list[KeyFile]
    commands: list[str]


def logins() -> list[Login]:
    """The printed accounts of the demo world."""
    people = [_member(person) for person in cast() if person.number < PRINTED_BELOW]
    staff = [
        Login(s.role, s.email, s.password, None, None, "fr", s.role.capitalize(), f"staff: {s.role}, with a code")
        for s in STAFF
    ]
    return people + staff


def _member(person: Person) -> Login:
    note: str = person.state.value
    if person.old_password:
        note = "password older than the cut-off: to be renewed first"
    elif person.standing is Standing.DUES_PAYER:
        note = "pays dues without being a member: no ballot"
    elif person.state is State.NEW:
        note = "new: activate with the member number"
    role = "member" if person.standing is Standing.MEMBER else "dues-payer"
    name = f"{person.name.given} {person.name.family}"
    return Login(
        role,
        person.name.email,
        person.password,
        person.number,
        person.group,
        person.name.language,
        name,
        note,
    )


def read_world(owner_url: str) -> tuple[list[Login], dict[str, str | None] | None]:
    """Those of the printed accounts that the database has, and the campaign that members see."""
    with psycopg.connect(owner_url.replace("postgresql+psycopg", "postgresql", 1)) as connection:
        found = connection.execute("select email from account where email is not null").fetchall()
        row = connection.execute(
            "select code, election_key, registration_opens, opens, closes, ends from campaign"
            " where status = 'open' and not rehearsal order by ends <= now(), registration_opens limit 1"
        ).fetchone()
    known = {email for (email,) in found}
    campaign = None
    if row is not None:
        names = ("registration_opens", "opens", "closes", "ends")
        instants = {name: at.astimezone(UTC).isoformat() for name, at in zip(names, row[2:], strict=True)}
        campaign = {"code": row[0], **instants, "key": fingerprint(row[1]) if row[1] else None}
    return [login for login in logins() if login.email in known], campaign


def ceremony_of(folder: Path, campaign: Mapping[str, str | None] | None) -> Ceremony | None:
    """The ceremony that was held in this folder, if the campaign's key is from there."""
    try:
        election = read_election("election.json", (folder / "election.json").read_bytes())
    except (OSError, Wrong):
        return None
    if campaign is None or campaign["key"] != fingerprint(election.public_key):
        return None
    officers = [KeyFile(o.code, o.email, o.key_file, o.passphrase_file, o.passphrase) for o in KEY_HOLDERS]
    return Ceremony(str(folder), fingerprint(election.public_key), officers, _commands(election.campaign, officers[:2]))


def _commands(campaign: str, two: Sequence[KeyFile]) -> list[str]:
    """Any two of the three will do; these are the first."""
    urn = f"urn-{campaign}"
    officers = " ".join(f"--officer {one.key} --passphrase-file {one.passphrase_file}" for one in two)
    signed = " ".join(f"{urn}.sig-{one.code}.json" for one in two)
    count = f"--urn {urn}.json --signatures {signed} {officers}"
    return [
        f"python -m portal ceremony sign {urn}.json {officers} --rehearsal",
        f"python -m portal ceremony open {count} --out result-{campaign}.json --rehearsal",
        f"node {PROJECT / 'deploy' / 'count.mjs'} {count} --out again-{campaign}.json --rehearsal",
        f"cmp result-{campaign}.json again-{campaign}.json",
    ]


def write(
    file: Path,
    addresses: Addresses,
    accounts: Sequence[Login],
    campaign: Mapping[str, str | None] | None,
    ceremony: Ceremony | None,
    processes: dict[str, int],
) -> None:
    """Put demo.json in place as a whole: a program that waits for it never reads half of it."""
    said = {
        **asdict(addresses),
        "accounts": [asdict(login) for login in accounts],
        "campaign": campaign,
        "ceremony": asdict(ceremony) if ceremony else None,
        "processes": processes,
    }
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n")
    draft.rename(file)


def table(
    addresses: Addresses,
    accounts: Sequence[Login],
    campaign: Mapping[str, str | None] | None,
    ceremony: Ceremony | None,
    processes: dict[str, int],
) -> str:
    """The same for the person at the keyboard."""
    parts = [_rows(_address_rows(addresses)), _rows(_account_rows(accounts))]
    if campaign is not None:
        opens, closes, ends = (_clock(campaign[name]) for name in ("opens", "closes", "ends"))
        parts.append(
            f"  Campaign {campaign['code']}: the vote opens {opens}, closes {closes}, and is settled by {ends}"
            " (your clock)."
        )
        parts.append("\n".join(_ceremony_lines(campaign, ceremony)))
    if addresses.mailbox:
        parts.append(f"  Staff are also asked for a code of six digits: read it at {addresses.mailbox}/codes")
    if "worker" in processes:
        parts.append(
            f"  Kill the worker if you like, with kill -9 {processes['worker']}: it is started again.\n"
            "  Ctrl-C stops everything and keeps the data; `make demo-reset` forgets them."
        )
    return "\n\n".join(parts)


def _address_rows(addresses: Addresses) -> list[tuple[str, ...]]:
    rows = [
        ("Portal", addresses.portal),
        ("Mailbox", addresses.mailbox),
        ("Temporal UI", addresses.temporal_ui),
        ("Temporal", f"{addresses.temporal_address}, namespace {addresses.namespace}"),
        ("Object store", addresses.s3),
        ("PostgreSQL", addresses.database),
    ]
    return [(name, address) for name, address in rows if address]


def _clock(instant: str | None) -> str:
    return f"{datetime.fromisoformat(instant).astimezone():%Y-%m-%d %H:%M}" if instant else "-"


def _ceremony_lines(campaign: Mapping[str, str | None], ceremony: Ceremony | None) -> list[str]:
    if ceremony is None:
        if campaign["key"]:
            return ["  The key of this vote was made elsewhere: whoever made it counts."]
        return [
            "  No key was made for this vote before it opened: nobody can vote in it. `make demo-reset` begins anew."
        ]
    rows = [("HOLDS THE KEY AS", "E-MAIL", "KEY FILE", "PASSPHRASE")]
    return [
        "  The key of this vote was made by three officers at the first start; any two of them open the votes. In real",
        "  life this happens on a laptop that is off the network, and each officer keeps key file and passphrase from",
        f"  everybody: this is a demonstration, and all of it lies in {ceremony.folder}",
        _rows([*rows, *((one.code, one.email, one.key, one.passphrase) for one in ceremony.officers)]),
        "  While it is open, those whom nobody plays can vote too: `python -m deploy.voters`.",
        "  Once the vote has closed, two officers seal the box on the portal and save its file there. To count:",
        f"    . {Path(ceremony.folder).parent / ENVIRONMENT}; cd {ceremony.folder}",
        *(f"    {command}" for command in ceremony.commands),
    ]


def _account_rows(accounts: Sequence[Login]) -> list[tuple[str, ...]]:
    rows = [("ROLE", "GROUP", "LANG", "E-MAIL", "PASSWORD OR NUMBER", "WHERE THEY STAND")]
    for login in accounts:
        secret = login.password or f"{login.member_number} (member number)"
        rows.append((login.role, login.group or "", login.language, login.email, secret, login.note))
    return list(rows)


def _rows(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"  {line.rstrip()}" for line in lines)
