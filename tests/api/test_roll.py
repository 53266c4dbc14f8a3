"""The roll imported through the pages: upload, preview, confirm, report; and everything that stops one."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from portal.rules.accounts import FACTOR_FRESH, Role
from portal.rules.refusals import Refusal
from portal.rules.roll import MOST_BYTES
from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import change, count, everything, known, later, notices, says, signed_in, until
from tests.api.person import Person
from tests.roll_files import line, line_of, written


async def staff(visit: Visit, sessions: Sessions, *roles: Role, language: str = "fr") -> Person:
    async with sessions.begin() as session:
        account = await builders.a_staff_account(session, *(roles or (Role.OPERATOR,)), password_hash=PASSWORD_HASH)
    person = visit(language)
    assert account.email is not None
    await person.sign_in(account.email, PASSWORD)
    return person


async def upload(person: Person, content: bytes) -> None:
    await person.get("/fr/liste" if person.language == "fr" else "/en/roll")
    await person.submit(
        "/liste" if person.language == "fr" else "/roll", files={"file": ("x.csv", content, "text/csv")}
    )


async def confirm(person: Person, **fields: str) -> None:
    await person.submit("/confirmation", **fields)


async def imported(person: Person, sessions: Sessions, content: bytes, **fields: str) -> None:
    await upload(person, content)
    await confirm(person, **fields)

    async def done() -> bool:
        return not await count(sessions, "select count(*) from roll_import where status = 'confirmed'")

    await until(done)
    await person.get(str(person.response.url).partition("?")[0])


async def test_a_file_is_looked_at_confirmed_applied_and_reported(visit: Visit, sessions: Sessions) -> None:
    """T69: under a fresh key. New, changed, gone and unchanged; names of the file go once it is applied."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    same = await known(sessions, password=False)
    moved = await known(sessions, given_name="Armande", family_name="Béjart")
    await known(sessions, family_name="Parti")
    operator = await staff(visit, sessions)
    file = written([line(), line_of(same.member, same.email), line_of(moved.member, moved.email, street="9, place X")])
    await upload(operator, file)
    page = operator.page
    assert page.h1 == ["Ce que ce fichier changerait"]
    assert "Nouvelles 1 Modifiées 1 Retirées 1 Revenues 0 Inchangées 1 Erreurs 0" in page.text, page.text
    assert "adresse (1)" in page.text
    assert "Beaucoup de personnes partent" in page.text, "one of three"
    before = await everything(sessions)
    await confirm(operator, doubts="")
    assert says(operator, Refusal.ROLL_DOUBTS_UNSEEN)
    # T69: ten minutes after the key was shown it is asked for, and the form is still filled in.
    await later(sessions, "sign_in", FACTOR_FRESH, "factor_at")
    await confirm(operator, doubts="yes")
    assert operator.page.h1 == ["Confirmez avec votre clé"]
    after = await everything(sessions, but=("journal", "sign_in"))
    assert after == {k: v for k, v in before.items() if k not in ("journal", "sign_in")}
    await operator.show_key()
    await operator.submit("/confirmation")

    async def done() -> bool:
        return bool(await count(sessions, "select count(*) from roll_import where status = 'done'"))

    await until(done)
    await operator.get(str(operator.response.url))
    assert "Ajoutées 1 Modifiées 1 Retirées 1 Revenues 0" in operator.page.text, operator.page.text
    assert await count(sessions, "select count(*) from roll_line") == 0
    new = "select count(*) from member m join account a on a.member_id = m.id where m.number = '990001'"
    assert await count(sessions, new + " and a.email = 'rollet@exemple.test' and a.password_hash is null") == 1
    assert await count(sessions, "select count(*) from member where street = '9, place X'") == 1
    assert await count(sessions, "select count(*) from member where left_at is not null") == 1
    codes = "select count(*) from journal where action = :action and coalesce(code, '') = :code"
    for action, code in (("roll-added", ""), ("roll-changed", "address"), ("roll-left", ""), ("roll-imported", "")):
        assert await count(sessions, codes, action=action, code=code) == 1, action
    await operator.get(str(operator.response.url) + "/rapport.csv")
    assert '"3";"' not in operator.response.text, "the line that changes nothing is not in it"
    assert '"4";"' in operator.response.text
    await upload(operator, file)
    assert "rien à importer" in operator.page.text
    assert "Nouvelles 0 Modifiées 0 Retirées 0 Revenues 0 Inchangées 3" in operator.page.text
    await operator.submit("/abandon")
    assert notices(operator, "liste-abandonnee")


async def test_a_file_with_anything_wrong_changes_nothing_and_is_not_kept(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """Every line is named, in both languages; the next file may come at once."""
    operator = await staff(visit_alone, sessions)
    before = await everything(sessions, but=("journal", "sign_in", "roll_import", "roll_problem"))
    await upload(operator, written([line(), line(group="AS"), line(number="990002", email="x")]))
    assert operator.page.h1 == ["Un fichier à corriger"]
    for words in ("2 choses sont à corriger", "3 Groupe : écrivez EC, TR ou BdP.", "4 Courriel : cette adresse"):
        assert words in operator.page.text.replace("\u00a0", " "), operator.page.text
    assert "Importer" not in operator.page.text
    await operator.get(str(operator.response.url).replace("/fr/liste", "/en/roll"))
    assert "3 Group: write EC, TR or BdP." in operator.page.text
    await operator.get(str(operator.response.url) + "/report.csv")
    assert '"3","Group: write EC, TR or BdP."' in operator.response.text
    assert await everything(sessions, but=("journal", "sign_in", "roll_import", "roll_problem")) == before
    await upload(operator, written([line()]))
    assert operator.page.h1 == ["Ce que ce fichier changerait"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (written([line()]).decode().encode("latin-1"), "n'est pas en UTF-8"),
        (written([line()]).decode().encode("utf-16"), "est en UTF-16"),
        (b"PK\x03\x04 a workbook", "C'est un classeur"),
        (bytes(5000), "n'est pas du texte"),
        (b"   ", "est vide"),
        (written([line()], delimiter=",").replace(b'"', b""), "une virgule doit être entre guillemets"),
        (written([]), "Il n'y a personne"),
        (b"Nom\nRollet\n", "Il manque la colonne « Numéro de membre »"),
    ],
)  # fmt: skip
async def test_a_bad_file_is_answered_in_clear_words(
    visit_alone: Visit, sessions: Sessions, content: bytes, words: str
) -> None:
    operator = await staff(visit_alone, sessions)
    await upload(operator, content)
    assert operator.page.h1 == ["Un fichier à corriger"]
    assert words in operator.page.text.replace("\u00a0", " "), operator.page.text
    assert await count(sessions, "select count(*) from roll_line") == 0


async def test_no_file_and_one_that_is_too_heavy_are_said_without_reading_it(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T37: 200 MB are refused by their announced length; a liar is cut off."""
    operator = await staff(visit_alone, sessions)
    await operator.get("/fr/liste")
    await operator.submit("/liste")
    assert says(operator, Refusal.ROLL_FILE_MISSING)
    form = operator.page.form("/liste")
    read = 0

    async def endless() -> Any:
        nonlocal read
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\n'
        while read < 200 * 1024 * 1024:
            read += 64 * 1024
            yield b"x" * 64 * 1024

    multipart = {"Content-Type": "multipart/form-data; boundary=x"}
    for headers, most in (({"Content-Length": str(200 * 1024 * 1024)}, 0), ({}, MOST_BYTES * 1.1)):
        read = 0
        await operator.post(form.action, content=endless(), headers={**multipart, **headers})
        assert operator.response.status_code == 413
        assert says(operator, Refusal.ROLL_FILE_TOO_HEAVY)
        assert read <= most
    await operator.get("/fr/liste")
    await operator.submit("/liste", files={"file": ("x.csv", b"x" * (MOST_BYTES + 1), "text/csv")})
    assert operator.response.status_code == 413
    assert await count(sessions, "select count(*) from roll_import") == 0


async def test_two_imports_at_once_are_one_and_a_draft_is_resumed_or_thrown_away(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """By anybody at the desk; a file that is confirmed or gone is decided no more."""
    one, two = await staff(visit_alone, sessions), await staff(visit_alone, sessions)
    await two.get("/fr/liste")
    form = two.page.form("/liste")
    await upload(one, written([line()]))
    draft = str(one.response.url)
    await two.post(form.action, form.fields, files={"file": ("x.csv", written([line()]), "text/csv")})
    assert two.response.status_code == 409
    assert says(two, Refusal.ROLL_IMPORT_UNDER_WAY)
    await two.get("/fr/liste")
    assert "Un import est en cours" in two.page.text
    link = next(address for address in two.page.links if address.startswith("/fr/liste/") and "csv" not in address)
    await two.get(link)
    assert str(two.response.url) == draft
    fields = two.page.form("/confirmation")
    await two.submit("/abandon")
    assert notices(two, "liste-abandonnee")
    assert await count(sessions, "select count(*) from roll_line") == 0
    await one.submit("/confirmation")
    assert says(one, Refusal.ROLL_IMPORT_OVER)
    assert one.page.h1 == ["Import abandonné"]
    await two.post(fields.action, fields.fields)
    assert says(two, Refusal.ROLL_IMPORT_OVER)
    await upload(two, written([line()]))
    assert two.page.h1 == ["Ce que ce fichier changerait"]


async def test_a_file_with_nothing_to_import_gives_way_to_the_next(visit_alone: Visit, sessions: Sessions) -> None:
    same = await known(sessions, password=False)
    operator = await staff(visit_alone, sessions)
    await upload(operator, written([line_of(same.member, same.email)]))
    assert "il n'y a rien à importer" in operator.page.text
    await operator.get("/fr/liste")
    assert "Un import est en cours" not in operator.page.text
    await upload(operator, written([line_of(same.member, same.email), line()]))
    assert operator.page.h1 == ["Ce que ce fichier changerait"]
    assert await count(sessions, "select count(*) from roll_import where status = 'abandoned'") == 1


async def test_an_import_that_does_not_get_on_is_stopped_from_its_page(visit_alone: Visit, sessions: Sessions) -> None:
    """No worker is there: nothing of it was done, hence it is abandoned. T69: under a fresh key."""
    operator = await staff(visit_alone, sessions)
    await upload(operator, written([line()]))
    await confirm(operator)
    await operator.get(str(operator.response.url).partition("?")[0])
    assert operator.page.h1 == ["Import en cours"]
    await later(sessions, "sign_in", FACTOR_FRESH, "factor_at")
    await operator.submit("/abandon")
    assert operator.page.h1 == ["Confirmez avec votre clé"]
    await operator.show_key()
    await operator.submit("/abandon")
    assert notices(operator, "liste-abandonnee")
    assert await count(sessions, "select count(*) from roll_import where stopped_by is not null") == 1
    assert await count(sessions, "select count(*) from journal where action = 'roll-stopped'") == 1
    await upload(operator, written([line()]))
    assert operator.page.h1 == ["Ce que ce fichier changerait"]


async def test_what_changed_since_the_preview_is_looked_at_again(visit_alone: Visit, sessions: Sessions) -> None:
    operator = await staff(visit_alone, sessions)
    await upload(operator, written([line()]))
    await known(sessions, family_name="Entretemps")
    await confirm(operator)
    assert says(operator, Refusal.ROLL_CHANGED_MEANWHILE)
    assert "Entretemps" in operator.page.text
    assert await count(sessions, "select count(*) from roll_change") == 0


async def test_after_voting_opened_another_person_confirms(visit: Visit, sessions: Sessions) -> None:
    """T67: an operator proposes, an officer confirms; nobody is both, in the page or in the database."""
    async with sessions.begin() as session:
        await builders.a_campaign(session, opens=timedelta(days=-1))
    operator, officer = await staff(visit, sessions), await staff(visit, sessions, Role.OFFICER, language="en")
    await upload(operator, written([line()]))
    assert "une deuxième personne devra le confirmer" in operator.page.text
    form = operator.page.form("/confirmation")
    await confirm(operator)
    assert notices(operator, "liste-proposee")
    assert "Une deuxième personne doit confirmer" in operator.page.text
    token = operator.page.form("/abandon").fields["form_token"]
    await operator.post(form.action, {**form.fields, "form_token": token})
    assert operator.response.status_code == 403
    assert says(operator, Refusal.ROLL_SECOND_PERSON)
    await officer.get("/en/roll")
    assert "Upload the union's list" not in officer.page.text
    await officer.get(next(a for a in officer.page.links if a.startswith("/en/roll/") and "csv" not in a))
    assert "Someone else proposed this import" in officer.page.text
    await confirm(officer)

    async def done() -> bool:
        return bool(await count(sessions, "select count(*) from roll_import where status = 'done'"))

    await until(done)
    assert await count(sessions, "select count(*) from roll_import where proposed_by <> confirmed_by") == 1
    assert await count(sessions, "select count(*) from member where number = '990001'") == 1


async def test_a_change_of_nobodys_electorate_needs_one_person_while_voting_is_open(
    visit: Visit, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session, opens=timedelta(days=-1))
    who = await known(sessions)
    operator = await staff(visit, sessions)
    await imported(operator, sessions, written([line_of(who.member, who.email, street="9, place X")]))
    assert operator.page.h1 == ["Rapport d'import"]


async def test_the_roll_is_for_operators_and_officers(visit_alone: Visit, sessions: Sessions) -> None:
    """T62: and a file is uploaded by an operator."""
    for role, allowed in ((Role.REVIEWER, False), (Role.AUDITOR, False), (Role.OFFICER, True)):
        person = await staff(visit_alone, sessions, role)
        await person.get("/fr/liste")
        assert (person.response.status_code == 200) == allowed, role
        if allowed:
            token = person.page.form("/deconnexion").fields["form_token"]
            await person.post(
                "/fr/liste", {"form_token": token}, files={"file": ("x.csv", written([line()]), "text/csv")}
            )
            assert person.response.status_code == 403
    assert await count(sessions, "select count(*) from roll_import") == 0


async def test_a_member_sees_what_a_file_changed_and_looks_again_where_they_stand(
    visit: Visit, sessions: Sessions
) -> None:
    """The identity was confirmed for another address; the member's own words say who changed it."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit, verified=True)
    await person.get("/fr/profil")
    operator = await staff(visit, sessions)
    await imported(
        operator, sessions, written([line_of(who.member, who.email, city="Ottawa", group="TR")]), doubts="yes"
    )
    await person.get("/fr/dossier")
    assert "Fiche modifiée d'après le fichier du syndicat" in person.page.text
    assert "adresse, groupe" in person.page.text
    assert "Une ou un responsable" in person.page.text
    await imported(operator, sessions, written([line()]), doubts="yes")
    for address in ("/fr/accueil", "/fr/votes", "/fr/profil", "/fr/profil/identite"):
        await person.get(address)
        assert "vous n'êtes plus au registre des membres" in person.page.text.lower(), address
    assert "Je veux devenir membre" not in person.page.text
    other = visit("en")
    await other.sign_in(who.email, PASSWORD)
    assert "you are no longer on the membership roll" in other.page.text


async def test_a_language_that_was_chosen_stays_whatever_the_file_says(visit: Visit, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit)
    await person.get("/fr/dossier")
    await person.post("/fr/dossier/langue", {**person.page.form("dossier/langue").fields, "language": "fr"})
    operator = await staff(visit, sessions)
    await upload(operator, written([line_of(who.member, who.email, language="en")]))
    assert "rien à importer" in operator.page.text


async def test_a_table_to_take_away_holds_no_formula(visit_alone: Visit, sessions: Sessions) -> None:
    """T116: names from a file are text in a spreadsheet, whatever they begin with; who took them is written down."""
    operator = await staff(visit_alone, sessions)
    names = ("=HYPERLINK(1)", "@SUM(1)", "+1", "-1", " =1")
    await upload(
        operator, written([line(number=f"99000{n}", email="", given_name=name) for n, name in enumerate(names)])
    )
    await operator.get(f"{operator.response.url}/rapport.csv")
    assert operator.response.headers["content-type"] == "text/csv; charset=utf-8"
    rows = operator.response.text.splitlines()[1:]
    assert len(rows) == len(names)
    assert all("\"'" in row for row in rows), rows
    assert await count(sessions, "select count(*) from journal where action = 'roll-downloaded'") == 1
    await operator.get("/fr/liste/modele.csv")
    assert operator.response.text.startswith("\ufeff")
    model = operator.response.content
    await operator.get("/fr/liste")
    for draft in [a for a in operator.page.links if a.startswith("/fr/liste/") and "csv" not in a][:1]:
        await operator.get(draft)
        await operator.submit("/abandon")
    await upload(operator, model)
    assert "Nouvelles 2" in operator.page.text, operator.page.text


async def test_no_name_of_a_file_leaves_the_staging_table(visit: Visit, sessions: Sessions) -> None:
    """T54, T72: the workflow is told an id; the journal holds codes."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    operator = await staff(visit, sessions)
    await imported(operator, sessions, written([line(given_name="Canari", street="1, rue du Canari")]))
    async with sessions.begin() as session:
        for table in ("roll_import", "roll_change", "roll_problem", "journal", "roll_line"):
            rows = await session.scalars(text(f"select to_jsonb(t)::text from {table} t"))
            assert not [row for row in rows if "Canari" in row], table


async def test_an_open_page_asks_how_far_it_is_until_it_is_led_to_the_report(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """Nobody runs it here; asking by itself keeps no session alive."""
    operator = await staff(visit_alone, sessions)
    await upload(operator, written([line()]))
    await confirm(operator)
    assert operator.page.h1 == ["Import en cours"]
    assert "http-equiv" in operator.page.html, "without scripts as well"
    address = str(operator.response.url) + "/progres"
    await later(sessions, "sign_in", timedelta(minutes=10), "seen_at")
    await operator.get(address)
    assert "0 sur 1" in operator.page.text
    tag = operator.response.headers["etag"]
    await operator.get(address, headers={"If-None-Match": tag})
    assert operator.response.status_code == 304
    await later(sessions, "sign_in", timedelta(minutes=6), "seen_at")
    answer = await operator.client.get(address)
    assert answer.status_code in (303, 401), "fifteen minutes without an act"
    other = await staff(visit_alone, sessions)
    await change(sessions, "update roll_import set status = 'done', live = null, finished_at = now()")
    await other.get(address)
    assert other.page.h1 == ["Rapport d'import"]
