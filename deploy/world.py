"""Fills an empty database and bucket with the demo world: `python -m deploy.world`."""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
from argon2 import PasswordHasher

from deploy import ceremony, codes, earlier
from deploy.cast import DECIDED, STAFF, UNDER_REVIEW, Person, Staff, State, cast
from deploy.doors import some_requests
from deploy.next_campaign import a_draft
from deploy.opening import signed_opening
from deploy.papers import draw, store
from deploy.questions import QUESTIONS, TITLE_EN, TITLE_FR, candidates_of
from deploy.refusals import a_refusal
from deploy.story import Story, tell
from deploy.troubles import some_troubles
from portal.rules.vote_files import Election
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
# How long after a closing that was asked for the campaign ends.
SETTLED_IN = timedelta(minutes=10)

# As the portal hashes (api/passwords.py), which would otherwise hash anew at the first sign-in.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@dataclass(frozen=True)
class Window:
    """When the vote opens and closes, counted from the first start; without a closing, as a union has it."""

    opens_in: timedelta = OPENS_IN
    closes_in: timedelta | None = None

    def closes(self, now: datetime) -> datetime:
        if self.closes_in is not None:
            return now + self.closes_in
        last_day = now.astimezone(ZONE).date() + timedelta(days=11)
        return datetime.combine(last_day, time(16), ZONE).astimezone(UTC)

    def ends(self, now: datetime) -> datetime:
        """Provisional votes have to be settled by then: at a rehearsal within minutes."""
        return self.closes(now) + (timedelta(days=14) if self.closes_in is None else SETTLED_IN)


def a_campaign(now: datetime, window: Window, election: Election | None) -> Campaign:
    """The campaign whose registration is open and whose vote opens in a moment."""
    return Campaign(
        id=uuid4(),
        code=CODE,
        title_fr=TITLE_FR,
        title_en=TITLE_EN,
        time_zone=ZONE.key,
        registration_opens=now - timedelta(days=14),
        opens=now + window.opens_in,
        closes=window.closes(now),
        ends=window.ends(now),
        calendar_version=1,
        password_cutoff=PASSWORD_CUTOFF.astimezone(UTC),
        election_key=election.public_key if election else None,
        trustees=[one.json() for one in election.trustees] if election else None,
    )


def some_ballots(campaign_id: UUID) -> list[Ballot]:
    return [
        Ballot(
            id=uuid4(), campaign_id=campaign_id, code=q.code, position=position, kind=q.kind,
            title_fr=q.title_fr, title_en=q.title_en, question_fr=q.question_fr, question_en=q.question_en,
            groups=list(q.groups), members_only=True, choose=q.choose, majority=q.majority.value,
            quorum_percent=q.quorum_percent,
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
    window: Window = Window(),
    election: Election | None = None,
    now: datetime | None = None,
) -> Campaign:
    """Write the whole world in one transaction: an interrupted start begins again from nothing."""
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    people = cast()
    campaign = a_campaign(now, window, election)
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
        await _write(session, [candidate for ballot in ballots for candidate in candidates_of(ballot)])
        for prepared in ([next_campaign[0]], next_campaign[1], next_campaign[2]):
            await _write(session, prepared)
        rolled = await _write_people(session, people, stories)
        accounts = {account.member_id: account.id for account in rolled if account.member_id is not None}
        staff = await _write_staff(session, STAFF, now)
        reviewers, operator = staff["reviewer"], staff["operator"][0]
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
        journal += await signed_opening(session, campaign, [officer.id for officer in staff["officer"]])
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


async def _write_staff(session: Session, staff: Sequence[Staff], now: datetime) -> dict[str, list[Account]]:
    """Accounts of people who are on no roll, by role."""
    accounts = [
        Account(
            id=uuid4(), member_id=None, email=one.email, email_verified_at=now,
            password_hash=_HASHER.hash(one.password), password_set_at=now,
        )
        for one in staff
    ]  # fmt: skip
    await _write(session, accounts)
    await _write(session, [StaffRole(account_id=a.id, role=s.role) for a, s in zip(accounts, staff, strict=True)])
    by_role: dict[str, list[Account]] = {}
    for one, account in zip(staff, accounts, strict=True):
        by_role.setdefault(one.role, []).append(account)
    return by_role


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


async def _complete(settings: Settings, folder: Path) -> None:
    """A world that an earlier release made up gets what has come since."""
    engine = open_database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            missing = await earlier.staff_missing(session)
            await _write_staff(session, missing, datetime.now(UTC))
            await _write_codes(session, settings.secret.get_secret_value().encode())
            await earlier.complete_vote(session, CODE, folder)
    finally:
        await engine.dispose()


async def _seed_from(settings: Settings, folder: Path, window: Window) -> None:
    files = MinioFiles(
        settings.s3_endpoint, settings.s3_access_key, settings.s3_secret_key.get_secret_value(),
        settings.s3_bucket, region=settings.s3_region, secure=settings.s3_secure,
    )  # fmt: skip
    engine = open_database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        secret = settings.secret.get_secret_value().encode()
        election = ceremony.hold(folder, CODE, datetime.now(UTC))
        keys = EpochKeys(settings.key_folder)
        await seed(sessions_of(engine), files, keys, secret=secret, window=window, election=election)
    finally:
        await engine.dispose()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.world", description=__doc__)
    parser.add_argument("--ceremony", type=Path, required=True, metavar="FOLDER", help="where the officers' keys are")
    parser.add_argument("--opens-in-minutes", type=float, default=OPENS_IN / timedelta(minutes=1))
    parser.add_argument("--closes-in-minutes", type=float)
    asked = parser.parse_args(arguments)
    opens, closes = asked.opens_in_minutes, asked.closes_in_minutes
    window = Window(timedelta(minutes=opens), None if closes is None else timedelta(minutes=closes))
    settings = Settings()
    if is_empty(settings.database_url.get_secret_value()):
        asyncio.run(_seed_from(settings, asked.ceremony, window))
    else:
        asyncio.run(_complete(settings, asked.ceremony))
    return 0


if __name__ == "__main__":
    sys.exit(main())
