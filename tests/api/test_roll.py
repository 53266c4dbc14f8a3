"""The roll imported through the pages: upload, preview, confirm, report; and everything that stops one."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from portal.rules.accounts import Role
from portal.rules.refusals import Refusal
from portal.rules.roll import MOST_BYTES
from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import count, everything, known, notices, says, signed_in, until
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
    await person.submit("/confirmation", password=PASSWORD, **fields)


async def imported(person: Person, sessions: Sessions, content: bytes, **fields: str) -> None:
    await upload(person, content)
    await confirm(person, **fields)

    async def done() -> bool:
        return not await count(sessions, "select count(*) from roll_import where status = 'confirmed'")

    await until(done)
    await person.get(str(person.response.url).partition("?")[0])


async def test_a_file_is_looked_at_confirmed_applied_and_reported(visit: Visit, sessions: Sessions) -> None:
    """New, changed, gone and unchanged, with real counts; names of the file go once it is applied."""
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
    await operator.submit("/confirmation", password="pas le bon mot de passe", doubts="yes")
    assert says(operator, Refusal.WRONG_PASSWORD)
    after = await everything(sessions, but=("journal", "sign_in"))
    assert after == {k: v for k, v in before.items() if k != "sign_in"}
    await confirm(operator, doubts="yes")

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
    assert '"3","' not in operator.response.text, "the line that changes nothing is not in it"
    assert '"4","' in operator.response.text
    await upload(operator, file)
    assert "rien à importer" in operator.page.text
    assert "Nouvelles 0 Modifiées 0 Retirées 0 Revenues 0 Inchangées 3" in operator.page.text
    await operator.submit("/abandon")
    assert notices(operator, "liste-abandonnee")
