"""The second factor of staff: passkeys, and the codes of an authenticator for whoever has none (T19, T20).

The only place of the portal that knows pyotp.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import pyotp
from sqlalchemy import BigInteger, ForeignKey, Index, Integer, cast, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.accounts import CHALLENGE_VALID, CODE_STEP, CODE_WINDOW, MOST_PASSKEYS
from portal.rules.links import keyed
from portal.rules.refusals import Refusal
from portal.store import Session
from portal.store.accounts import forget_tries, try_password
from portal.store.base import Base, NewId
from portal.store.sealing import SealBroken, seal_shared, unseal_shared
from portal.store.sessions import SignIn


class Passkey(Base):
    """A key of one person's: what the portal knows opens nothing."""

    __tablename__ = "passkey"
    __table_args__ = (Index(None, "account_id"),)

    id: Mapped[NewId]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    # How often the key says it was used: a copy of it falls behind. Keys that are kept in step by their maker say 0.
    sign_count: Mapped[int] = mapped_column(BigInteger)
    # What its owner calls it.
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    used_at: Mapped[datetime | None]


class Authenticator(Base):
    """What an authenticator app shares with the portal, sealed (RFC 6238)."""

    __tablename__ = "authenticator"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    # None until its first code is typed.
    secret: Mapped[bytes | None]
    # Shown as a picture to be read by the app, until its first code replaces the one before.
    offered: Mapped[bytes | None]
    # The step of the last code that was taken: no code is taken twice, nor one from before.
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    confirmed_at: Mapped[datetime | None]


class KnownBrowser(Base):
    """A family of browser that somebody of the staff has signed in with (portal/rules/browsers.py)."""

    __tablename__ = "known_browser"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    browser: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


@dataclass(frozen=True, slots=True)
class Held:
    """The factors of one person."""

    passkeys: Sequence[Passkey]
    # Since when an authenticator is registered.
    codes_since: datetime | None

    @property
    def count(self) -> int:
        return len(self.passkeys) + (self.codes_since is not None)


async def held(session: Session, account_id: UUID) -> Held:
    keys = await session.scalars(
        select(Passkey).where(Passkey.account_id == account_id).order_by(Passkey.created_at, Passkey.id)
    )
    since = await session.scalar(
        select(Authenticator.confirmed_at).where(
            Authenticator.account_id == account_id, Authenticator.secret.is_not(None)
        )
    )
    return Held(keys.all(), since)


# --- codes -------------------------------------------------------------------------------------------------------


async def try_code(session: Session, account_id: UUID, code: str, *, secret: bytes) -> Refusal | None:
    """Take a code of their authenticator, once; why not, if it is not taken. `secret` is the portal's own.

    Tries are slowed down as those of a password are: a wrong one counts, hence the caller commits whatever the answer.
    """
    tries = keyed(secret, "factor", str(account_id))
    if not await try_password(session, tries):
        return Refusal.TOO_MANY_TRIES
    row = await _locked(session, account_id)
    step = None if row is None else await _step_of(session, account_id, row.secret, code, row.last_step, secret)
    if step is None:
        return Refusal.FACTOR_CODE_WRONG
    await session.execute(update(Authenticator).where(Authenticator.account_id == account_id).values(last_step=step))
    await forget_tries(session, tries)
    return None


async def offer_authenticator(session: Session, account_id: UUID, *, secret: bytes) -> None:
    """Make what a new authenticator will share with us; the one in use stays in use until its first code."""
    sealed = seal_shared(secret, account_id, pyotp.random_base32().encode())
    await session.execute(
        insert(Authenticator)
        .values(account_id=account_id, offered=sealed)
        .on_conflict_do_update(index_elements=[Authenticator.account_id], set_={"offered": sealed})
    )


async def offered(session: Session, account_id: UUID, *, secret: bytes) -> str | None:
    """What the authenticator on offer is to be told."""
    sealed = await session.scalar(select(Authenticator.offered).where(Authenticator.account_id == account_id))
    if sealed is None:
        return None
    try:
        return unseal_shared(secret, account_id, sealed).decode()
    except SealBroken:
        # The portal's secret is another since: a new offer is made.
        return None


def address_of(shared: str, *, email: str, issuer: str) -> str:
    """What the picture says to the app."""
    return pyotp.TOTP(shared).provisioning_uri(name=email, issuer_name=issuer)


async def confirm_authenticator(session: Session, account_id: UUID, code: str, *, secret: bytes) -> Refusal | None:
    """Its first code: from here on it is the one that counts. Why not, if the code is not taken."""
    tries = keyed(secret, "factor", str(account_id))
    if not await try_password(session, tries):
        return Refusal.TOO_MANY_TRIES
    row = await _locked(session, account_id)
    step = None if row is None else await _step_of(session, account_id, row.offered, code, None, secret)
    if row is None or step is None:
        return Refusal.FACTOR_CODE_WRONG
    await session.execute(
        update(Authenticator)
        .where(Authenticator.account_id == account_id)
        .values(secret=row.offered, offered=None, last_step=step, confirmed_at=func.clock_timestamp())
    )
    await forget_tries(session, tries)
    return None


async def remove_authenticator(session: Session, account_id: UUID) -> bool:
    removed = await session.scalar(
        delete(Authenticator).where(Authenticator.account_id == account_id).returning(Authenticator.account_id)
    )
    return removed is not None


async def _locked(session: Session, account_id: UUID) -> Authenticator | None:
    """Two tries of one code come one after the other."""
    return await session.scalar(
        select(Authenticator)
        .where(Authenticator.account_id == account_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


async def _step_of(
    session: Session, account_id: UUID, sealed: bytes | None, code: str, last: int | None, secret: bytes
) -> int | None:
    """The step whose code this is, by the database's clock; None if none, or one that is spent."""
    typed = "".join(code.split())
    if sealed is None or not (typed.isascii() and typed.isdigit()):
        return None
    try:
        codes = pyotp.TOTP(unseal_shared(secret, account_id, sealed).decode())
    except SealBroken:
        return None
    now = await session.scalar(select(cast(func.extract("epoch", func.clock_timestamp()), BigInteger)))
    assert now is not None, "a clock always answers"
    step = int(now) // CODE_STEP
    near = range(step - CODE_WINDOW, step + CODE_WINDOW + 1)
    right = [s for s in near if secrets.compare_digest(codes.generate_otp(s), typed) and (last is None or s > last)]
    return min(right, default=None)


def code_at(shared: str, at: datetime) -> str:
    """The code an authenticator shows at a moment: for the tests, which have no telephone."""
    return pyotp.TOTP(shared).at(at)


# --- passkeys ----------------------------------------------------------------------------------------------------


async def keep_challenge(session: Session, token_hash: bytes, challenge: bytes) -> None:
    """What a key must sign next in this session; the one before is worth nothing from here on."""
    await session.execute(
        update(SignIn)
        .where(SignIn.token_hash == token_hash)
        .values(challenge=challenge, challenge_at=func.clock_timestamp())
    )


async def take_challenge(session: Session, token_hash: bytes) -> bytes | None:
    """The challenge that waits for an answer, once: whatever becomes of the answer, it serves no other."""
    waiting = select(SignIn.challenge, SignIn.challenge_at, func.clock_timestamp().label("now"))
    row = (await session.execute(waiting.where(SignIn.token_hash == token_hash).with_for_update())).one_or_none()
    if row is None or row.challenge is None:
        return None
    await session.execute(update(SignIn).where(SignIn.token_hash == token_hash).values(challenge=None))
    return bytes(row.challenge) if row.now < row.challenge_at + CHALLENGE_VALID else None


async def passkey_of(session: Session, account_id: UUID, credential_id: bytes) -> Passkey | None:
    """The key with this id, if it is this person's."""
    return await session.scalar(
        select(Passkey).where(Passkey.account_id == account_id, Passkey.credential_id == credential_id)
    )


async def passkey_used(session: Session, passkey: Passkey, sign_count: int) -> bool:
    """Write down what the key says of its use; False if it goes back, or was used at this very moment elsewhere."""
    ahead = or_(Passkey.sign_count < sign_count, (Passkey.sign_count == 0) & (literal(sign_count, Integer) == 0))
    used = await session.scalar(
        update(Passkey)
        .where(Passkey.id == passkey.id, ahead)
        .values(sign_count=sign_count, used_at=func.clock_timestamp())
        .returning(Passkey.id)
    )
    return used is not None


async def add_passkey(
    session: Session, account_id: UUID, *, credential_id: bytes, public_key: bytes, sign_count: int, name: str
) -> Refusal | None:
    """Keep a new key; why not, if there are enough or it is somebody's already."""
    count = await session.scalar(select(func.count()).where(Passkey.account_id == account_id))
    if (count or 0) >= MOST_PASSKEYS:
        return Refusal.TOO_MANY_PASSKEYS
    added = await session.scalar(
        insert(Passkey)
        .values(
            id=uuid4(), account_id=account_id, credential_id=credential_id, public_key=public_key,
            sign_count=sign_count, name=name,
        )
        .on_conflict_do_nothing(index_elements=[Passkey.credential_id])
        .returning(Passkey.id)
    )  # fmt: skip
    return None if added is not None else Refusal.PASSKEY_KNOWN


async def remove_passkey(session: Session, account_id: UUID, passkey_id: UUID) -> bool:
    removed = await session.scalar(
        delete(Passkey).where(Passkey.id == passkey_id, Passkey.account_id == account_id).returning(Passkey.id)
    )
    return removed is not None


# --- where from --------------------------------------------------------------------------------------------------


async def new_browser(session: Session, account_id: UUID, browser: str | None) -> bool:
    """Remember what somebody signs in with; True if they have signed in before, and never with this."""
    if browser is None:
        return False
    before = await session.scalar(select(func.count()).where(KnownBrowser.account_id == account_id))
    added = await session.scalar(
        insert(KnownBrowser)
        .values(account_id=account_id, browser=browser)
        .on_conflict_do_nothing()
        .returning(KnownBrowser.account_id)
    )
    return bool(before) and added is not None
