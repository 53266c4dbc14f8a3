"""Somebody of whom the union has no address, from the door to a vote that is in the box."""

from datetime import timedelta

from sqlalchemy import text

from portal.rules.votes import VoteState
from portal.store import Sessions, accounts, votes
from tests import builders, keys_of_votes
from tests.api.conftest import Visit
from tests.api.looking import link_in, mails_to
from tests.api.test_documents import CARD, a_file
from tests.api.test_doors import FRESH, REGISTER, a_desk, an_address, ask, decide, prove, the_request, typed_for
from tests.conftest import Servers
from tests.store.ballot_box import PRESIDENT, vote

DAY = timedelta(days=1)


async def test_a_member_without_an_address_reaches_a_vote(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """T85: door, a person's answer, password, documents, registration, vote; and the page that says it is there."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=-DAY, closes=DAY, election_key=keys_of_votes.PUBLIC)
        member = await builders.a_member(session, email=None)
    person, email = visit(), an_address()
    await ask(person, REGISTER, typed_for(member, email))
    await prove(person, servers, email)
    await decide(await a_desk(visit, sessions), (await the_request(sessions, email)).id, "accept")
    await person.get(link_in((await mails_to(servers, email, "est enregistré"))[-1]))
    await person.submit("mot-de-passe/nouveau", password=FRESH, again=FRESH)
    await person.sign_in(email, FRESH)
    await person.get("/fr/profil/identite")
    await person.send_documents({"file1": a_file(CARD)}, kind1="driving-licence")
    assert "Document 1, reçu le" in person.page.text
    await person.get("/fr/votes/inscription")
    await person.submit("/votes/inscription", password=FRESH)
    assert "sous réserve de la confirmation de votre identité" in person.page.text

    async with sessions.begin() as session:
        await vote(session, campaign, member)
        (cast,) = (await votes.of_member(session, campaign.id, member.id)).values()
        account = await accounts.of_member(session, member.id)
        written = await session.scalar(text("select count(*) from journal where action = 'voted'"))
    assert cast.state is VoteState.OPEN
    assert account is not None and account.email == email
    assert written == 1
    await person.get("/fr/votes/comptes")
    assert cast.receipt in person.page.text
    assert "Votre vote est provisoire." in person.page.text
    assert PRESIDENT in person.page.html
