"""What a running demo says of itself: demo.json for programs, a table for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from deploy.cast import STAFF, Person, State, cast
from portal.rules.members import Standing

# The people whose account is printed have the first numbers.
_PRINTED_BELOW = "900100"


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


def logins() -> list[Login]:
    """The printed accounts of the demo world."""
    people = [_member(person) for person in cast() if person.number < _PRINTED_BELOW]
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


def read_world(owner_url: str) -> tuple[list[Login], dict[str, str] | None]:
    """Those of the printed accounts that the database has, and the campaign that members see."""
    with psycopg.connect(owner_url.replace("postgresql+psycopg", "postgresql", 1)) as connection:
        found = connection.execute("select email from account where email is not null").fetchall()
        row = connection.execute(
            "select code, registration_opens, opens, closes, ends from campaign"
            " where status = 'open' and not rehearsal order by ends <= now(), registration_opens limit 1"
        ).fetchone()
    known = {email for (email,) in found}
    campaign = None
    if row is not None:
        names = ("registration_opens", "opens", "closes", "ends")
        instants = {name: at.astimezone(UTC).isoformat() for name, at in zip(names, row[1:], strict=True)}
        campaign = {"code": row[0], **instants}
    return [login for login in logins() if login.email in known], campaign


def write(
    file: Path,
    addresses: Addresses,
    accounts: Sequence[Login],
    campaign: dict[str, str] | None,
    processes: dict[str, int],
) -> None:
    """Put demo.json in place as a whole: a program that waits for it never reads half of it."""
    said = {
        **asdict(addresses),
        "accounts": [asdict(login) for login in accounts],
        "campaign": campaign,
        "processes": processes,
    }
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n")
    draft.rename(file)


def table(
    addresses: Addresses,
    accounts: Sequence[Login],
    campaign: dict[str, str] | None,
    processes: dict[str, int],
) -> str:
    """The same for the person at the keyboard."""
    parts = [_rows(_address_rows(addresses)), _rows(_account_rows(accounts))]
    if campaign is not None:
        opens, closes = (datetime.fromisoformat(campaign[name]) for name in ("opens", "closes"))
        parts.append(
            f"  Campaign {campaign['code']}: the vote opens {opens.astimezone():%Y-%m-%d %H:%M}, closes"
            f" {closes.astimezone():%Y-%m-%d %H:%M} (your clock)."
        )
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
