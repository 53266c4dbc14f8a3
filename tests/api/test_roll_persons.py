"""Whom a file of the roll is about: oneself, which takes somebody else; and nobody of a rehearsal."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.rules.accounts import Role
from portal.store import Sessions, drafts, roll_diff
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import count, everything, known, notices, until
from tests.api.test_roll import confirm, staff, upload
from tests.roll_files import line, line_of, written


async def test_whoever_a_file_is_about_needs_somebody_else_to_confirm_it(visit: Visit, sessions: Sessions) -> None:
    """T62: of one's own entry one proposes at most; in the pages and in the database."""
    own = await known(sessions)
    account = own.account
    async with sessions.begin() as session:
        await builders.a_role(session, account.id, Role.OPERATOR)
    one, two = visit(), await staff(visit, sessions, Role.OFFICER)
    await one.sign_in(str(account.email), PASSWORD)
    await upload(one, written([line_of(own.member, account.email, street="2, rue Neuve")]))
    assert "Cet import change votre propre fiche : après vous" in one.page.text
    await confirm(one)
    assert notices(one, "liste-proposee"), one.page.text
    assert "Cet import change votre propre fiche : demandez" in one.page.text
    address = str(one.response.url).partition("?")[0]
    await two.get(address)
    seen = two.page.form("/confirmation").fields["seen"]
    token = one.page.form("/abandon").fields["form_token"]
    await one.post(f"{address}/confirmation", {"form_token": token, "seen": seen, "doubts": ""})
    assert one.response.status_code == 403
    async with sessions() as session:
        entry = (await session.execute(text("select id from roll_import"))).scalar_one()
        await roll_diff.plan(session, entry)
        decided = text("update roll_import set status = 'confirmed', confirmed_by = :id, confirmed_at = now()")
        with pytest.raises(IntegrityError, match="their own entry"):
            await session.execute(decided, {"id": account.id})
    await confirm(two)

    async def done() -> bool:
        return bool(await count(sessions, "select count(*) from roll_import where status = 'done'"))

    await until(done)
    assert await count(sessions, "select count(*) from member where street = '2, rue Neuve'") == 1


async def test_a_rehearsal_and_the_list_of_the_union_do_not_know_each_other(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """A member who was made up is not gone because no list has them; their number is none that a list may have."""
    same = await known(sessions)
    async with sessions.begin() as session:
        rehearsal = await builders.a_campaign(session, opens=timedelta(days=-1))
        await session.execute(text("update campaign set rehearsal = true"))
        assert await drafts.add_mock_members(session, rehearsal.id, 3, PASSWORD_HASH) is None
    operator = await staff(visit_alone, sessions)
    await operator.get("/fr/liste")
    await upload(operator, written([line(number="90001R"), line_of(same.member, same.email)]))
    assert operator.page.h1 != ["Ce que ce fichier changerait"]
    assert "90001R" not in (await everything(sessions, but=("member",))).get("roll_line", "")
    await upload(operator, written([line(), line_of(same.member, same.email)]))
    assert "Nouvelles 1 Modifiées 0 Retirées 0 Revenues 0 Inchangées 1 Erreurs 0" in operator.page.text
    assert "une deuxième personne" not in operator.page.text, "a rehearsal is no vote"


async def test_in_the_hour_before_the_opening_nobody_is_told_that_voting_is_open(
    visit_alone: Visit, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session, opens=timedelta(minutes=30))
    operator = await staff(visit_alone, sessions)
    await operator.get("/fr/liste")
    assert 'data-choose="Choisir un fichier"' in operator.page.html, "in the language of the page, not of the browser"
    await upload(operator, written([line()]))
    assert "Un vote est proche, ouvert ou pas encore dépouillé" in operator.page.text
    assert "Le vote est ouvert" not in operator.page.text
