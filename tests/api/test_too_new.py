"""Whoever was given a role today reads from when they may be one of two, on every form of two, and finds no button."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text

from portal.rules.accounts import Role
from portal.rules.campaign_changes import ChangeKind
from portal.rules.refusals import Refusal
from portal.store import Session, Sessions, accounts, staff
from portal.store.ballots import Ballot
from portal.text.moments import moment
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import change, count, known, says
from tests.api.person import Person
from tests.api.test_campaigns import NEW, WHY, prepared, typed
from tests.api.test_documents_access import a_desk
from tests.api.test_roll import confirm, upload
from tests.roll_files import line_of, written
from tests.store.running import a_vote, close, officer, open_for_votes, signed

DAY = timedelta(days=1)


async def since_today(visit: Visit, sessions: Sessions, role: Role = Role.OFFICER) -> tuple[Person, str]:
    """Somebody of the staff whom an officer has just given this role, and from when on they may sign, in words."""
    person = await a_desk(visit, sessions, Role.REVIEWER if role is Role.OFFICER else Role.AUDITOR)
    boss, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        account = await _newest(session)
        if role is Role.OFFICER:
            await staff.act(session, staff.Act.ASK_OFFICER, actor_id=other, account_id=account)
        asked = await staff.asked(session, account, staff.Act.ASK_OFFICER)
        await staff.act(
            session, staff.Act.GRANT, actor_id=boss, account_id=account, role=role, confirms=asked.id if asked else None
        )
        until = await staff.too_new_until(session, account, Role.OFFICER, Role.OPERATOR)
    assert until is not None
    assert abs(until - datetime.now(UTC) - DAY) < timedelta(minutes=1)
    return person, plain(f"à partir du {moment(until, language='fr')}")


def plain(words: str) -> str:
    return words.replace("\u00a0", " ")


async def _newest(session: Session) -> UUID:
    (found,) = [one for role in (Role.REVIEWER, Role.AUDITOR) for one in await accounts.with_role(session, role)]
    return found


async def pages(visit: Visit, sessions: Sessions) -> dict[ChangeKind, str]:
    """Where each kind of change is proposed, by campaigns for which it is time."""
    async with sessions.begin() as session:
        await builders.a_member(session)
    # After the others: two at one time are not opened.
    days = {"registration_opens": 30, "opens": 50, "closes": 60, "ends": 70}
    dates = {part: value for name, n in days.items() for part, value in typed(name, NEW + n * DAY).items()}
    await prepared(await a_desk(visit, sessions, Role.OPERATOR), **dates)
    async with sessions.begin() as session:
        to_come = await builders.a_campaign(session)
        over, held, sealed, published = [await open_for_votes(session) for _ in range(4)]
        await a_vote(session, sealed)
    for campaign in (over, held, sealed, published):
        await close(sessions, campaign)
    one, other = await officer(sessions), await officer(sessions)
    assert await signed(sessions, held.id, ChangeKind.HOLD, one, other) is None
    assert await signed(sessions, sealed.id, ChangeKind.SEAL, one, other) is None
    out = "update campaign set results_at = clock_timestamp() - interval '16 days' where id = :id"
    await change(sessions, out, id=published.id)
    async with sessions.begin() as session:
        question = await session.scalar(select(Ballot.id).where(Ballot.campaign_id == to_come.id).limit(1))
    return {
        ChangeKind.OPEN: "/fr/campagne/votes-2027/ouverture",
        ChangeKind.MOVE: f"/fr/campagne/{to_come.code}/calendrier",
        ChangeKind.CANCEL: f"/fr/campagne/{to_come.code}/annulation",
        ChangeKind.WORDS: f"/fr/campagne/{to_come.code}/question/{question}",
        ChangeKind.KEY: f"/fr/campagne/{to_come.code}/cle",
        ChangeKind.SEAL: f"/fr/campagne/{over.code}/urne",
        ChangeKind.HOLD: f"/fr/campagne/{over.code}/contestation",
        ChangeKind.RELEASE: f"/fr/campagne/{held.code}/contestation",
        ChangeKind.RESULTS: f"/fr/campagne/{sealed.code}/resultats",
        ChangeKind.DESTROYED: f"/fr/campagne/{published.code}/destruction",
    }


async def buttons(person: Person, kind: ChangeKind, address: str) -> int:
    """How many buttons its page has, in what is the page's own."""
    await person.get(address)
    assert person.response.status_code == 200, (kind, person.page.text)
    if kind is ChangeKind.MOVE:
        # The effect is for anybody to look at.
        await person.submit("/calendrier", **typed("closes", datetime.now(UTC) + 13 * DAY), **WHY)
        assert person.page.h1 == ["Vérifier avant de proposer"], person.page.text
    return person.page.html.partition("<main")[2].partition("</main>")[0].count("<button")


async def test_no_form_of_two_is_offered_to_whoever_is_too_new(visit_alone: Visit, sessions: Sessions) -> None:
    """T62, T66: on every page where something is proposed; sent by hand it is refused all the same."""
    where = await pages(visit_alone, sessions)
    assert set(where) == set(ChangeKind)
    old = await a_desk(visit_alone, sessions, Role.OFFICER)
    new, from_when = await since_today(visit_alone, sessions)
    for kind, address in where.items():
        assert await buttons(old, kind, address) == 1, (kind, old.page.text)
        assert from_when not in plain(old.page.text), kind
        form = old.page.form(address.rpartition("/")[2])
        assert await buttons(new, kind, address) == 0, (kind, new.page.text)
        assert from_when in plain(new.page.text), (kind, new.page.text)
        if kind in (ChangeKind.CANCEL, ChangeKind.HOLD):
            token = {"form_token": new.page.forms[0].fields["form_token"]}
            await new.post(form.action, {**form.fields, **token, "reason": "x", "verdict": "hold"})
            assert says(new, Refusal.ROLE_TOO_NEW), (kind, new.page.text)
    assert await count(sessions, "select count(*) from campaign_change where confirmed_at is null") == 0


async def test_no_form_is_offered_to_who_stands_in_the_campaign(visit_alone: Visit, sessions: Sessions) -> None:
    """T70: the reason stands where the form would; neither confirmed nor withdrawn is what another has proposed."""
    where = await pages(visit_alone, sessions)
    async with sessions.begin() as session:
        account = await builders.a_staff_account(session, Role.OFFICER, password_hash=PASSWORD_HASH)
    assert account.email is not None
    candidate = visit_alone()
    await candidate.sign_in(account.email, PASSWORD)
    other = await a_desk(visit_alone, sessions, Role.OFFICER)
    async with sessions.begin() as session:
        member = await builders.a_member(session)
        # As if it had been found out later: the records refuse either of the two.
        await session.execute(text("set local session_replication_role = replica"))
        for statement in (
            "update account set member_id = null where member_id = :m",
            "update account set member_id = :m where id = :id",
            "insert into candidate (id, ballot_id, position, name, text_fr, text_en, member_id)"
            " select gen_random_uuid(), id, 90, 'X', '', '', :m from ballot",
        ):
            await session.execute(text(statement), {"m": member.id, "id": account.id})
    for kind, address in where.items():
        assert await buttons(candidate, kind, address) == 0, (kind, candidate.page.text)
        assert says(candidate, Refusal.CANDIDATE_CONFLICT), kind
    await other.get(where[ChangeKind.CANCEL])
    await other.submit("/annulation", reason="Erreur")
    proposal = next(form.action for form in other.page.forms if "/proposition/" in form.action)
    await candidate.get(proposal)
    assert says(candidate, Refusal.CANDIDATE_CONFLICT)
    assert "<button" not in candidate.page.html.partition("<main")[2]


async def test_neither_are_the_acts_of_two_on_the_staff(visit_alone: Visit, sessions: Sessions) -> None:
    """T62."""
    for _ in range(2):
        await officer(sessions)
    new, from_when = await since_today(visit_alone, sessions)
    async with sessions.begin() as session:
        colleague = (await builders.a_staff_account(session, Role.OPERATOR)).id
    await new.get(f"/fr/personnel/{colleague}")
    assert from_when in plain(new.page.text), new.page.text
    assert {form.fields.get("act") for form in new.page.forms}.isdisjoint({"ask-reset", "reset", "ask-officer"})


async def test_nor_is_an_import_that_somebody_else_has_proposed(visit_alone: Visit, sessions: Sessions) -> None:
    """T62."""
    own = await known(sessions)
    async with sessions.begin() as session:
        await builders.a_role(session, own.account.id, Role.OPERATOR)
    one = visit_alone()
    await one.sign_in(own.email, PASSWORD)
    await upload(one, written([line_of(own.member, own.email, street="2, rue Neuve")]))
    await confirm(one)
    address = str(one.response.url).partition("?")[0]
    new, from_when = await since_today(visit_alone, sessions, Role.OPERATOR)
    await new.get(address)
    assert from_when in plain(new.page.text), new.page.text
    assert not any(form.action.endswith("/confirmation") for form in new.page.forms)
