"""A workflow that has not heard of a change in the records looks again, instead of refusing by what it remembers."""

from deploy.specimens import specimen_card
from portal.store import Sessions, accounts, members
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.test_journey import mail_to
from tests.conftest import Servers


async def test_a_new_address_on_the_roll_can_be_proven_though_the_workflow_remembers_the_old_one(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        member = await builders.a_member(session, verified=True, password_hash=PASSWORD_HASH)
        account = await accounts.of_member(session, member.id)
        assert account is not None and account.email is not None
    person = visit()
    await person.sign_in(account.email, PASSWORD)
    new = f"nouvelle-{account.email}"
    async with sessions.begin() as session:
        known = await accounts.of_member(session, member.id)
        assert known is not None
        known.email, known.email_verified_at = new, None
    await person.get("/fr/profil")
    assert "Courriel non vérifié" in person.page.text
    await person.submit("/profil/courriel")
    await mail_to(servers, new, "Confirmez")


async def test_documents_are_taken_again_after_the_name_on_the_roll_has_changed(
    visit: Visit, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        member = await builders.a_member(session, verified=True, password_hash=PASSWORD_HASH)
        account = await accounts.of_member(session, member.id)
        assert account is not None and account.email is not None
        await members.verify_identity(session, member.id)
    person = visit()
    await person.sign_in(account.email, PASSWORD)
    async with sessions.begin() as session:
        known = await members.by_id(session, member.id)
        assert known is not None
        known.family_name = "Béjart"
    await person.get("/fr/profil/identite")
    await person.send_documents({"file1": ("a.jpg", specimen_card(), "image/jpeg")}, kind1="driving-licence")
    assert "Document 1, reçu le" in person.page.text
