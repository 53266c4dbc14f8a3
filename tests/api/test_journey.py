"""The journey of a member over HTTP, from the first sign-in to registered, approved and erased."""

import asyncio
import re
from collections.abc import Awaitable, Callable

from deploy.specimens import specimen_card
from portal.rules.accounts import Role
from portal.store import Sessions, accounts
from portal.store.files import MinioFiles
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.conftest import Servers


async def until(look: Callable[[], Awaitable[bool]], within: float = 15.0) -> None:
    """Wait for something that happens by itself."""
    end = asyncio.get_running_loop().time() + within
    while not await look():
        assert asyncio.get_running_loop().time() < end, "it never happened"
        await asyncio.sleep(0.1)


async def mail_to(servers: Servers, email: str, subject: str) -> dict[str, object]:
    found: list[dict[str, object]] = []

    async def arrived() -> bool:
        found[:] = [m for m in servers.mailbox.messages(to=email) if subject in str(m["subject"])]
        return bool(found)

    await until(arrived)
    return found[-1]


async def test_a_new_member_activates_proves_the_address_and_finishes_in_one_sitting(
    visit: Visit, sessions: Sessions, servers: Servers, files: MinioFiles
) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        member = await builders.a_member(session, family_name="Poquelin")
        account = await accounts.of_member(session, member.id)
        assert account is not None and account.email is not None
        reviewer = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH)
        assert reviewer.email is not None
    person = visit()
    await person.get("/")
    assert "Entrez" in person.page.text
    await person.sign_in(account.email, member.number)
    assert person.page.h1 == ["Première entrée"]
    await person.submit("/profil/courriel")
    assert "Nous vous avons envoyé un courriel" in person.page.text
    mail = await mail_to(servers, account.email, "Confirmez")
    code = re.search(r"\b(\d{3})\s(\d{3})\b", str(mail["text"]))
    assert code is not None
    await person.submit("/profil/code", code=code.group(0))
    assert "votre courriel est vérifié" in person.page.text
    await person.submit(
        "mot-de-passe/premier", password="les fourberies de Scapin à Hull", again="les fourberies de Scapin à Hull"
    )
    assert person.page.h1 == ["Portail des membres – page d'accueil"]
    assert "Courriel vérifié" in person.page.text

    await person.get("/fr/profil/identite")
    await person.send_documents({"file1": ("permis.jpg", specimen_card(), "image/jpeg")}, kind1="driving-licence")
    assert "Document 1, reçu le" in person.page.text
    picture = await person.client.get(
        person.page.images[0]["src"], headers={"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"}
    )
    assert picture.status_code == 200 and picture.headers["content-type"] == "image/jpeg"

    await person.get("/fr/votes")
    await person.get("/fr/votes/inscription")
    await person.submit("/votes/inscription", password="pas le bon mot de passe du tout")
    assert person.response.status_code == 403
    await person.submit("/votes/inscription", password="les fourberies de Scapin à Hull")
    assert person.page.text.count("sous réserve de la confirmation de votre identité") == 7

    desk = visit()
    await desk.sign_in(reviewer.email, PASSWORD)
    assert "1 dossier attend" in desk.page.text
    await desk.submit("/examen")
    # What the roll says is shown once the picture has been read.
    assert "Poquelin" not in desk.page.text
    await desk.compare()
    assert "Tout est identique" in desk.page.text
    await desk.decide("approve")
    assert "Votre décision est enregistrée" in desk.page.text

    async def told() -> bool:
        await person.get("/fr/accueil")
        return "a été supprimée le" in person.page.text

    await until(told)
    assert "Tout est prêt" in person.page.text
    assert await files.stored() == []
    await mail_to(servers, account.email, "identité est confirmée")
    await person.submit("/deconnexion")
    assert person.page.h1 == ["Vous avez quitté le portail"]
