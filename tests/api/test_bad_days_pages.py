"""The pages of what goes wrong: in the reader's language, with a way on, and without a word of the machinery."""

import pytest
from sqlalchemy import text

from portal.rules.refusals import Refusal
from portal.store import Sessions
from portal.text import gettext
from tests.api.conftest import PASSWORD, Visit
from tests.api.test_documents import says, signed_in

HEADINGS = {404: "Page introuvable", 403: "Demande refusée", 422: "Nous n'avons pas pu lire ce formulaire"}


@pytest.mark.parametrize(("language", "home", "sign_in"), [("fr", "accueil", "connexion"), ("en", "home", "sign-in")])
async def test_an_error_is_a_page_in_the_readers_language_with_a_way_back(
    visit: Visit, sessions: Sessions, language: str, home: str, sign_in: str
) -> None:
    """Unknown addresses, wrong methods, strange forms, forms from elsewhere; `check` looks at each page."""
    person, _ = await signed_in(visit, sessions, language)
    said = {status: gettext(language)(heading) for status, heading in HEADINGS.items()}
    picture = "/fr/profil/identite/image/x" if language == "fr" else "/en/profile/identity/picture/x"
    wrong: list[tuple[str, str, dict[str, str], int]] = [
        ("GET", f"/{language}/nowhere", {}, 404),
        ("GET", picture, {}, 422),
        ("POST", f"/{language}/{home}", {}, 405),
        ("POST", f"/{language}/{sign_in}", {"email": "a@b.test", "password": "p" * 2000}, 422),
        ("POST", f"/{language}/{sign_in}", {"email": "a@b.test", "password": PASSWORD, "role": "officer"}, 422),
    ]
    for method, address, data, status in wrong:
        if method == "GET":
            await person.get(address)
        else:
            await person.post(address, data)
        assert person.response.status_code == status, address
        assert person.page.lang == f"{language}-CA", address
        assert PASSWORD not in person.response.text
        if status in said:
            assert person.page.h1 == [said[status]], address
        # Nobody is looked up for an address that leads nowhere: from there to the entrance.
        way_on = person.page.html.partition("<main")[2]
        assert f'href="/{language}/{home}"' in way_on or f'href="/{language}/"' in way_on, address
        for word in ("Traceback", "pydantic", "value_error", '"detail"'):
            assert word not in person.response.text, address
    await person.post(f"/{language}/{sign_in}", {}, headers={"Sec-Fetch-Site": "cross-site"})
    assert person.response.status_code == 403
    assert person.page.h1 == [said[403]]
    assert person.page.lang == f"{language}-CA"


async def test_without_a_campaign_a_member_reads_that_there_is_nothing_to_do(visit: Visit, sessions: Sessions) -> None:
    person, member = await signed_in(visit, sessions)
    async with sessions.begin() as session:
        await session.execute(
            text("insert into registration (ballot_id, member_id) select id, :m from ballot where code = 'president'"),
            {"m": member.id},
        )
        # Its closing would move earlier, which the database refuses.
        await session.execute(text("alter table campaign disable trigger all"))
        await session.execute(
            text(
                "update campaign set registration_opens = now() - interval '9 days', opens = now() - interval '8 days',"
                " closes = now() - interval '7 days', ends = now() - interval '6 days'"
            )
        )
        await session.execute(text("alter table campaign enable trigger all"))
    for address in ("/fr/accueil", "/fr/profil", "/fr/votes", "/fr/profil/identite"):
        await person.get(address)
        assert person.response.status_code == 200, address
        assert says(person, Refusal.NO_CAMPAIGN), address
        assert person.page.h1 == ["Aucun vote pour le moment"]
        # What came of the last one is not lost with its end.
        assert "/fr/votes/comptes" in person.page.links
    await person.submit("/deconnexion")
    assert person.page.h1 == ["Vous avez quitté le portail"]
