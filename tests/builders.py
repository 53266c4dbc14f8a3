"""People, campaigns and ballots for tests: plain functions with sensible defaults."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID, uuid4

from sqlalchemy import select

from portal.rules.accounts import Role
from portal.rules.doors import Door, Status
from portal.rules.links import hash_of
from portal.store import Session
from portal.store.accounts import Account, StaffRole
from portal.store.ballots import Ballot, Candidate
from portal.store.campaigns import Campaign
from portal.store.doors import DoorRequest
from portal.store.factors import Authenticator, Passkey
from portal.store.members import Member
from portal.store.sealing import seal_shared
from tests import keys
from tests.keys_of_votes import TRUSTEES

_numbers = count(900_001)

# code, kind, groups: the campaign of 2017 (brief §2). EC has 7, TR 6, BdP 5.
BALLOTS_2017 = (
    ("ec-ratification", "ratification", ["EC"]),
    ("ec-directors", "election", ["EC"]),
    ("tr-ratification", "ratification", ["TR"]),
    ("financial-statements", "resolution", ["EC", "TR", "BdP"]),
    ("auditors", "resolution", ["EC", "TR", "BdP"]),
    ("hr-committee", "resolution", ["EC", "TR", "BdP"]),
    ("pension", "resolution", ["EC", "TR", "BdP"]),
    ("president", "resolution", ["EC", "TR", "BdP"]),
)


def ballots_of(group: str) -> list[str]:
    return [code for code, _, groups in BALLOTS_2017 if group in groups]


async def a_campaign(
    session: Session,
    *,
    registration_opens: timedelta = timedelta(days=-14),
    opens: timedelta = timedelta(days=1),
    closes: timedelta = timedelta(days=12),
    ends: timedelta = timedelta(days=26),
    password_cutoff: datetime | None = None,
    election_key: bytes | None = None,
    candidates: bool = False,
) -> Campaign:
    """A campaign with the eight ballots, its instants counted from now; nobody stands in its election unless asked."""
    now = datetime.now(UTC).replace(microsecond=0)
    campaign = Campaign(
        id=uuid4(),
        code=f"c{uuid4().hex[:8]}",
        title_fr="Votes de 2017",
        title_en="2017 votes",
        time_zone="America/Toronto",
        registration_opens=now + registration_opens,
        opens=now + opens,
        closes=now + closes,
        ends=now + ends,
        password_cutoff=password_cutoff,
        election_key=election_key,
        trustees=TRUSTEES if election_key else None,
        # Until its questions are there: they stay as they are once voting is open.
        status="draft",
    )
    session.add(campaign)
    await session.flush()
    for position, (code, kind, groups) in enumerate(BALLOTS_2017):
        session.add(
            Ballot(
                id=uuid4(),
                campaign_id=campaign.id,
                code=code,
                position=position,
                kind=kind,
                title_fr=f"Vote {code}",
                title_en=f"Ballot {code}",
                question_fr="Êtes-vous d’accord ?",
                question_en="Do you agree?",
                groups=groups,
                members_only=True,
            )
        )
    await session.flush()
    if candidates:
        election = await session.scalar(
            select(Ballot.id).where(Ballot.campaign_id == campaign.id, Ballot.code == "ec-directors")
        )
        session.add_all([
            Candidate(id=uuid4(), ballot_id=election, position=position, name=name)
            for position, name in enumerate(("Toinette", "Scapin", "Dorine"), start=1)
        ])  # fmt: skip
        await session.flush()
    campaign.status = "open"
    await session.flush()
    return campaign


async def a_member(
    session: Session,
    *,
    group: str = "EC",
    standing: str = "member",
    language: str = "fr",
    given_name: str = "Jean-Baptiste",
    family_name: str = "Poquelin",
    email: str | None = "",
    verified: bool = False,
    password_hash: str | None = None,
    password_set_at: datetime | None = None,
) -> Member:
    """A person on the roll with their account; `email=""` makes a fresh address, None leaves it unknown."""
    number = str(next(_numbers))
    member = Member(
        id=uuid4(), number=number, given_name=given_name, family_name=family_name, street="12, rue du Théâtre",
        city="Gatineau", province="QC", postal_code="J8X 1A1", group=group, standing=standing, language=language,
    )  # fmt: skip
    session.add(member)
    await session.flush()
    now = datetime.now(UTC)
    session.add(
        Account(
            id=uuid4(),
            member_id=member.id,
            email=f"m{uuid4().hex[:10]}@exemple.test" if email == "" else email,
            email_verified_at=now if verified else None,
            password_hash=password_hash,
            password_set_at=(password_set_at or now) if password_hash else None,
        )
    )
    await session.flush()
    return member


async def a_staff_account(
    session: Session,
    *roles: Role,
    member_id: UUID | None = None,
    email: str | None = None,
    password_hash: str | None = None,
    key: bool = True,
) -> Account:
    """Somebody of the staff; with a key that `Person.sign_in` shows when asked, unless `key` is False."""
    account = Account(
        id=uuid4(), member_id=member_id, email=email or f"s{uuid4().hex[:10]}@exemple.test",
        email_verified_at=datetime.now(UTC), password_hash=password_hash,
        password_set_at=datetime.now(UTC) if password_hash else None,
    )  # fmt: skip
    session.add(account)
    await session.flush()
    session.add_all([StaffRole(account_id=account.id, role=role.value) for role in roles])
    await session.flush()
    if key:
        await a_passkey(session, account.id)
    return account


async def a_role(session: Session, account_id: UUID, role: Role) -> None:
    """Make somebody who has an account one of the staff, with the key that `Person.sign_in` shows."""
    session.add(StaffRole(account_id=account_id, role=role.value))
    await session.flush()
    await a_passkey(session, account_id)


async def a_passkey(session: Session, account_id: UUID, *, name: str = "clé des tests") -> Passkey:
    """The key of somebody whom tests make up (tests/keys.py)."""
    passkey = Passkey(
        id=uuid4(), account_id=account_id, credential_id=keys.credential_of(account_id), public_key=keys.Key().public,
        sign_count=0, name=name,
    )  # fmt: skip
    session.add(passkey)
    await session.flush()
    return passkey


async def an_authenticator(session: Session, account_id: UUID, *, secret: bytes) -> str:
    """An app that shows codes, registered for somebody: what it shares with the portal of this secret.

    `factors.code_at(shared, moment)` is what it shows.
    """
    shared = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    session.add(
        Authenticator(
            account_id=account_id, secret=seal_shared(secret, account_id, shared.encode()),
            confirmed_at=datetime.now(UTC),
        )
    )  # fmt: skip
    await session.flush()
    return shared


# What somebody typed at each door.
TYPED: dict[Door, dict[str, str]] = {
    Door.REGISTER_EMAIL: {"given_name": "Jean-Baptiste", "family_name": "Poquelin", "postal_code": "J8X 1A1"},
    Door.JOIN: {
        "given_name": "Marie", "family_name": "Rollet", "street": "4, rue du Fort", "city": "Québec", "province": "QC",
        "postal_code": "G1R 4S9", "employer": "Statistique Canada", "group": "EC", "language": "fr",
        "declaration": "yes",
    },
}  # fmt: skip


async def a_request(
    session: Session,
    door: Door = Door.REGISTER_EMAIL,
    *,
    status: Status = Status.PROVEN,
    member: Member | None = None,
    number: str | None = None,
    language: str = "fr",
    email: str | None = None,
    asked: timedelta = timedelta(hours=-2),
) -> DoorRequest:
    """A form that was sent, and its address proven an hour later unless it was only asked.

    A member who joins was signed in; for the other door the number is all there is until it is accepted.
    """
    asked_at = datetime.now(UTC) + asked
    number = number or (member.number if member else None)
    request = DoorRequest(
        id=uuid4(), kind=door.value, status=status.value, language=language, number=number,
        email=email or f"d{uuid4().hex[:10]}@exemple.test",
        said={**TYPED[door], **({"number": number} if number else {})},
        member_id=member.id if member and (door is Door.JOIN or status is Status.ACCEPTED) else None,
        token_hash=hash_of(uuid4().hex),
        asked_at=asked_at,
        proven_at=None if status is Status.ASKED else asked_at + timedelta(hours=1),
    )  # fmt: skip
    session.add(request)
    await session.flush()
    return request
