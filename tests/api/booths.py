"""Campaigns whose vote is open, their voters, and the forms of the booth as they are sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from portal.rules.choices import value_of
from portal.rules.votes import decode
from portal.store import Session, Sessions, onboarding, votes
from portal.store.ballots import Ballot, Candidate
from portal.store.campaigns import Campaign
from portal.store.members import Member
from tests import builders, keys_of_votes
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.person import Person

HOUR = timedelta(hours=1)
CODE = "president"


def written(choice: Sequence[int | str]) -> list[str]:
    """As the fields of a form hold it; a word stands for itself."""
    return [value_of(one) if isinstance(one, int) else one for one in choice]


async def a_vote(
    session: Session,
    *,
    opens: timedelta = -HOUR,
    closes: timedelta = HOUR,
    key: bool = True,
    rehearsal: bool = False,
) -> Campaign:
    """A campaign that is being voted, with three candidates for two seats."""
    campaign = await builders.a_campaign(
        session, opens=opens, closes=closes, election_key=keys_of_votes.PUBLIC if key else None
    )
    # As if the question had been written before the vote opened: triggers keep it as it is from then on.
    await session.execute(text("set local session_replication_role = replica"))
    campaign.rehearsal = rehearsal
    ballot = (
        await session.scalars(select(Ballot).where(Ballot.campaign_id == campaign.id, Ballot.code == "ec-directors"))
    ).one()
    ballot.choose = 2
    for position, name in enumerate(("Marguerite Bourgeoys", "Jeanne Mance", "Marie Rollet"), start=1):
        session.add(
            Candidate(
                ballot_id=ballot.id, position=position, name=name, text_fr=f"{name} se présente.",
                text_en=f"{name} is standing.",
            )
        )  # fmt: skip
    await session.flush()
    await session.execute(text("set local session_replication_role = origin"))
    return campaign


async def rehearses(session: Session, campaign_id: UUID, member_id: UUID) -> None:
    """This member is a mock one, made for a rehearsal."""
    await session.execute(
        text("update member set rehearsal_id = :c, number = '9' || right(number, 4) || 'R' where id = :m"),
        {"c": campaign_id, "m": member_id},
    )


async def register_for_all(session: Session, campaign_id: UUID, member: Member, *, confirmed: bool = True) -> None:
    """Registered for every ballot of their group, as if some time ago, in a file that is open."""
    campaign = await session.get_one(Campaign, campaign_id)
    await onboarding.open_file(session, campaign, member.id)
    await session.execute(
        text(
            "insert into registration (ballot_id, member_id, confirmed_at)"
            " select id, :member, case when :confirmed then clock_timestamp() end from ballot"
            " where campaign_id = :campaign and :group = any(groups)"
        ),
        {"member": member.id, "campaign": campaign_id, "group": member.group, "confirmed": confirmed},
    )
    if confirmed:
        await session.execute(text("update member set identity_verified_at = now() where id = :id"), {"id": member.id})


@dataclass
class Voter:
    """Somebody signed in, and what of theirs the records hold."""

    person: Person
    member: Member
    sessions: Sessions

    def address(self, end: str = "", code: str = CODE) -> str:
        french = self.person.language == "fr"
        return f"/fr/votes/{code}/bulletin{end}" if french else f"/en/votes/{code}/ballot{end}"

    async def enter(self, code: str = CODE) -> None:
        """To the question, through the page that asks for the password if it does."""
        await self.person.get(self.address(code=code))
        if "password" in self.person.page.forms[-1].fields:
            await self.person.post(self.address(code=code), {**self.person.page.forms[-1].fields, "password": PASSWORD})

    @property
    def form(self) -> dict[str, Any]:
        """The hidden fields of the form at hand."""
        fields = next(f for f in self.person.page.forms if f.fields.get("definition")).fields
        return {name: fields[name] for name in ("form_token", "definition")}

    async def review(self, *choice: int | str, code: str = CODE, **more: Any) -> Person:
        end = "/relecture" if self.person.language == "fr" else "/review"
        await self.person.post(self.address(end, code), {**self.form, "choice": written(choice), **more})
        return self.person

    async def cast(self, *choice: int | str, code: str = CODE, **more: Any) -> Person:
        """« Déposer mon vote » without scripts, straight from the page at hand."""
        end = "/depot" if self.person.language == "fr" else "/cast"
        await self.person.post(self.address(end, code), {**self.form, "choice": written(choice), **more})
        return self.person


async def a_voter(
    visit: Visit, sessions: Sessions, campaign: Campaign | None = None, *, language: str = "fr", group: str = "EC",
    confirmed: bool = True, **more: Any,
) -> Voter:  # fmt: skip
    """Registered and signed in; in a campaign of their own if none is given."""
    async with sessions.begin() as session:
        campaign = campaign or await a_vote(session, **more)
        member = await builders.a_member(
            session, group=group, language=language, verified=True, password_hash=PASSWORD_HASH
        )
        await register_for_all(session, campaign.id, member, confirmed=confirmed)
        email = await session.scalar(text("select email from account where member_id = :m"), {"m": member.id})
    person = visit(language)
    await person.sign_in(str(email), PASSWORD)
    assert person.response.status_code == 200
    return Voter(person, member, sessions)


async def in_the_box(sessions: Sessions) -> list[tuple[str, bytes]]:
    """Every vote there is, by the code of its ballot; only the owner of the database can read it."""
    async with sessions.begin() as session:
        rows = await session.execute(
            text("select b.code, v.ciphertext from vote v join ballot b on b.id = v.ballot_id order by v.cast_at")
        )
        return [(row.code, bytes(row.ciphertext)) for row in rows]


async def said_by(sessions: Sessions, code: str, sealed: bytes) -> tuple[int, ...] | None:
    """What a sealed vote says, opened as the count does."""
    async with sessions.begin() as session:
        ballot = (await session.scalars(select(Ballot).where(Ballot.code == code))).one()
        campaign = await session.get_one(Campaign, ballot.campaign_id)
        definition = await votes.definition_of(session, campaign.code, ballot)
    plain = keys_of_votes.opened(sealed, definition.info)
    return decode(plain, options=[option.id for option in definition.options], most=definition.most)
