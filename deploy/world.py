"""Fills an empty database and bucket with the demo world: `python -m deploy.world`."""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
from argon2 import PasswordHasher

from deploy import codes
from deploy.cast import DECIDED, STAFF, UNDER_REVIEW, Person, State, cast
from deploy.doors import some_requests
from deploy.next_campaign import a_draft
from deploy.papers import draw, store
from deploy.questions import QUESTIONS, TITLE_EN, TITLE_FR
from deploy.refusals import a_refusal
from deploy.story import Story, tell
from deploy.troubles import some_troubles
from portal.settings import Settings
from portal.store import Session, Sessions, factors, open_database, sessions_of
from portal.store.accounts import Account, StaffRole, by_email
from portal.store.ballots import Ballot, Registration
from portal.store.base import Base
from portal.store.campaigns import Campaign
from portal.store.factors import Authenticator
from portal.store.files import Files, MinioFiles
from portal.store.journal import Entry
from portal.store.members import Member
from portal.store.sealing import EpochKeys, seal_shared

CODE = "acep-2017"
ZONE = ZoneInfo("America/Toronto")
PASSWORD_CUTOFF = datetime(2016, 11, 11, tzinfo=ZONE)
OLD_PASSWORD_SET = datetime(2015, 3, 1, 12, tzinfo=UTC)
OPENS_IN = timedelta(minutes=10)

# As the portal hashes (api/passwords.py), which would otherwise hash anew at the first sign-in.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def a_campaign(now: datetime, opens_in: timedelta) -> Campaign:
    """The campaign whose registration is open and whose vote opens in a moment."""
    last_day = now.astimezone(ZONE).date() + timedelta(days=11)
    closes = datetime.combine(last_day, time(16), ZONE).astimezone(UTC)
    opens = now + opens_in
    return Campaign(
        id=uuid4(),
        code=CODE,
        title_fr=TITLE_FR,
        title_en=TITLE_EN,
        time_zone=ZONE.key,
        registration_opens=now - timedelta(days=14),
        opens=opens,
        closes=closes,
        ends=closes + timedelta(days=14),
        calendar_version=1,
        password_cutoff=PASSWORD_CUTOFF.astimezone(UTC),
    )


def some_ballots(campaign_id: UUID) -> list[Ballot]:
    return [
        Ballot(
            id=uuid4(), campaign_id=campaign_id, code=q.code, position=position, kind=q.kind,
            title_fr=q.title_fr, title_en=q.title_en, question_fr=q.question_fr, question_en=q.question_en,
            groups=list(q.groups), members_only=True,
        )
        for position, q in enumerate(QUESTIONS)
    ]  # fmt: skip


def _member(person: Person, story: Story) -> Member:
    home = person.home
    return Member(
        id=story.member_id, number=person.number, given_name=person.name.given,
        family_name=person.name.family, street=home.street, city=home.city, province=home.province,
        postal_code=home.postal_code, group=person.group, standing=person.standing.value,
        language=person.name.language,
        identity_verified_at=story.decided_at if story.approved else None,
    )  # fmt: skip


def _account(person: Person, story: Story, nobodys_hash: str) -> Account:
    account = Account(id=uuid4(), member_id=story.member_id, email=person.email, email_verified_at=story.verified_at)
    if person.password is not None:
        account.password_hash = _HASHER.hash(person.password)
        account.password_set_at = OLD_PASSWORD_SET if person.old_password else story.started_at
    elif person.state is not State.NEW:
        # Whoever has a file has chosen a password; nobody knows this one, and one hash serves them all.
        account.password_hash, account.password_set_at = nobodys_hash, story.started_at
    return account


async def seed(
    sessions: Sessions,
    files: Files,
    keys: EpochKeys,
    *,
    secret: bytes,
    opens_in: timedelta = OPENS_IN,
    now: datetime | None = None,
) -> Campaign:
    """Write the whole world in one transaction: an interrupted start begins again from nothing."""
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    people = cast()
    campaign = a_campaign(now, opens_in)
    ballots = some_ballots(campaign.id)
    next_campaign = a_draft(now, ZONE)
    stories = tell(people, campaign, now)
    waiting = [
        (person, story.submission_id)
        for person, story in zip(people, stories, strict=True)
        if person.state in UNDER_REVIEW and story.submission_id is not None
    ]
    papers = await draw(waiting)
    submitted = {story.submission_id: story.submitted_at for story in stories}
    documents = await store(papers, files, keys, submitted)
    async with sessions.begin() as session:
        await _write(session, [campaign])
        await _write(session, ballots)
        for prepared in ([next_campaign[0]], next_campaign[1], next_campaign[2]):
            await _write(session, prepared)
        rolled = await _write_people(session, people, stories)
        accounts = {account.member_id: account.id for account in rolled if account.member_id is not None}
        reviewers, operator = await _write_staff(session, now)
        reviewer = reviewers[0]
        await _write_codes(session, secret)
        with_ids = [(person, story.member_id) for person, story in zip(people, stories, strict=True)]
        for rows in some_requests(with_ids, operator.id, secret, now):
            await _write(session, rows)
        await _write(session, [story.file(campaign) for story in stories if story.has_file])
        journal: list[Entry] = []
        for story in stories:
            if story.refused_id is not None and story.refused_sent_at is not None:
                for left in a_refusal(
                    campaign, story.member_id, story.refused_id, sent_at=story.refused_sent_at,
                    reviewers=(reviewers[0].id, reviewers[1].id),
                ):  # fmt: skip
                    journal += [row for row in left if isinstance(row, Entry)]
                    await _write(session, [row for row in left if not isinstance(row, Entry)])
        await _write(session, [row for story in stories for row in story.submissions(campaign)])
        await _write(session, documents)
        decided = [s for p, s in zip(people, stories, strict=True) if p.state in DECIDED]
        for stage in zip(*(story.decision(reviewer.id) for story in decided), strict=True):
            await _write(session, stage)
        await _write(session, _registrations(ballots, stories))
        journal += [entry for story in stories for entry in story.journal(campaign, reviewer.id)]
        # Whoever verifies the journal takes an entry older than those before it for one that was slipped in.
        journal.sort(key=lambda entry: entry.at)
        await _write(session, journal)
        await _write(session, [mail for story in stories for mail in story.mails(campaign, accounts[story.member_id])])
        for trouble in some_troubles(with_ids, rolled, campaign, operator.id, secret, now):
            await _write(session, trouble)
    return campaign


def _registrations(ballots: list[Ballot], stories: list[Story]) -> list[Registration]:
    ids = {ballot.code: ballot.id for ballot in ballots}
    return [
        Registration(
            ballot_id=ids[code], member_id=story.member_id, registered_at=story.registered_at,
            confirmed_at=story.decided_at if story.approved else None,
        )
        for story in stories
        for code in story.registered
    ]  # fmt: skip


async def _write_people(session: Session, people: list[Person], stories: list[Story]) -> list[Account]:
    """Roll and accounts."""
    nobodys_hash = _HASHER.hash(secrets.token_hex(32))
    pairs = list(zip(people, stories, strict=True))
    await _write(session, [_member(person, story) for person, story in pairs])
    accounts = [_account(person, story, nobodys_hash) for person, story in pairs]
    await _write(session, accounts)
    return accounts


async def _write_staff(session: Session, now: datetime) -> tuple[list[Account], Account]:
    """Accounts of people who are on no roll; the reviewers' and the operator's are returned."""
    accounts = [
        Account(
            id=uuid4(), member_id=None, email=staff.email, email_verified_at=now,
            password_hash=_HASHER.hash(staff.password), password_set_at=now,
        )
        for staff in STAFF
    ]  # fmt: skip
    await _write(session, accounts)
    roles = [StaffRole(account_id=a.id, role=s.role) for a, s in zip(accounts, STAFF, strict=True)]
    await _write(session, roles)
    with_role = [(staff.role, account) for account, staff in zip(accounts, STAFF, strict=True)]
    reviewers = [account for role, account in with_role if role == "reviewer"]
    return reviewers, next(account for role, account in with_role if role == "operator")


async def _write_codes(session: Session, secret: bytes) -> None:
    """The authenticator of whoever of the staff has none: also in a world made by a release that asked for none."""
    for email, shared in codes.by_email().items():
        account = await by_email(session, email)
        if account is not None and not (await factors.held(session, account.id)).count:
            sealed = seal_shared(secret, account.id, shared.encode())
            await session.merge(Authenticator(account_id=account.id, secret=sealed, confirmed_at=datetime.now(UTC)))
    await session.flush()


async def _write(session: Session, rows: Sequence[Base]) -> None:
    # One kind at a time: without relationships the unit of work does not know which must come first.
    session.add_all(rows)
    await session.flush()


def is_empty(url: str) -> bool:
    """Whether nobody is on the roll: only then is a world made up."""
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql", 1)) as connection:
        found = connection.execute("select exists (select from member) or exists (select from campaign)").fetchone()
    return found is not None and not found[0]


async def _complete(settings: Settings) -> None:
    engine = open_database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            await _write_codes(session, settings.secret.get_secret_value().encode())
    finally:
        await engine.dispose()


async def _seed_from(settings: Settings, opens_in: timedelta) -> None:
    files = MinioFiles(
        settings.s3_endpoint, settings.s3_access_key, settings.s3_secret_key.get_secret_value(),
        settings.s3_bucket, region=settings.s3_region, secure=settings.s3_secure,
    )  # fmt: skip
    engine = open_database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        secret = settings.secret.get_secret_value().encode()
        await seed(sessions_of(engine), files, EpochKeys(settings.key_folder), secret=secret, opens_in=opens_in)
    finally:
        await engine.dispose()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.world", description=__doc__)
    parser.add_argument("--opens-in-minutes", type=float, default=OPENS_IN / timedelta(minutes=1))
    opens_in = timedelta(minutes=parser.parse_args(arguments).opens_in_minutes)
    settings = Settings()
    if is_empty(settings.database_url.get_secret_value()):
        asyncio.run(_seed_from(settings, opens_in))
    else:
        asyncio.run(_complete(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
