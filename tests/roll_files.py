"""Files of the union's system, as tests write them."""

from collections.abc import Iterable, Sequence

from portal.store.members import Member

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
