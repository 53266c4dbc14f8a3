"""Files of the union's system, as tests write them."""

from collections.abc import Iterable, Sequence
from uuid import UUID, uuid4

from portal.rolls.child import copied
from portal.rolls.emails import valid_email
from portal.rules.accounts import Role
from portal.rules.roll_file import read
from portal.store import Sessions, roll, roll_diff
from portal.store.members import Member
from tests import builders

HEADER = "Numéro;Prénom;Nom de famille;Courriel;Adresse;Ville;Province;Code postal;Groupe;Statut;Langue"
# Somebody whose line is good.
GOOD = {
    "number": "990001", "given_name": "Marie", "family_name": "Rollet", "email": "rollet@exemple.test",
    "street": "4, rue du Fort", "city": "Québec", "province": "QC", "postal_code": "G1R 4S9", "group": "EC",
    "standing": "membre", "language": "fr",
}  # fmt: skip


def line(**more: str) -> dict[str, str]:
    return {**GOOD, **more}


def line_of(member: Member, email: str | None = None, **more: str) -> dict[str, str]:
    """As the union's system has somebody who is on the roll."""
    return {
        "number": member.number, "given_name": member.given_name, "family_name": member.family_name,
        "email": email or "", "street": member.street, "city": member.city, "province": member.province,
        "postal_code": member.postal_code, "group": member.group,
        "standing": "membre" if member.standing == "member" else "cotisant", "language": member.language, **more,
    }  # fmt: skip


def written(lines: Iterable[dict[str, str]], header: str = HEADER, delimiter: str = ";") -> bytes:
    rows: Sequence[str] = [
        delimiter.join(f'"{value}"' if delimiter in value else value for value in one.values()) for one in lines
    ]
    return ("\r\n".join([header.replace(";", delimiter), *rows]) + "\r\n").encode()


async def a_roll_draft(sessions: Sessions, content: bytes) -> UUID:
    """A file uploaded by an operator, as the pages stage it."""
    import_id = uuid4()
    rows: list[str] = []
    found = read(content, valid_email, lambda one: rows.append(copied(str(import_id), one)))
    assert not found.wrong, found.problems
    async with sessions.begin() as session:
        operator = await builders.a_staff_account(session, Role.OPERATOR)
        assert await roll.begin(session, import_id, operator.id, lines=found.lines, wrong=0, problems=[], ignored=[])
        await roll.stage(session, "".join(rows).encode())
    return import_id


async def confirmed(sessions: Sessions, import_id: UUID) -> int:
    """Its plan, confirmed by a second operator; how many rows."""
    async with sessions.begin() as session:
        operator = await builders.a_staff_account(session, Role.OPERATOR)
        entry = await roll.held(session, import_id)
        assert entry is not None
        planned = await roll_diff.plan(session, import_id)
        await roll.confirm(session, entry, operator.id, planned)
    return planned
