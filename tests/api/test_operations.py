"""The operators' page: members by step, each with the workflow to watch."""

from sqlalchemy import text

from portal.rules.accounts import Role
from portal.rules.doors import Status
from portal.store import Sessions
from tests import builders
from tests.api.conftest import Visit
from tests.api.test_documents import send_card, signed_in
from tests.api.test_documents_access import a_desk


async def test_members_are_listed_by_step_with_a_link_to_their_workflow(visit: Visit, sessions: Sessions) -> None:
    """Under the address that the Temporal UI has for a workflow, whichever its run."""
    _, first = await signed_in(visit, sessions, verified=False, family_name="Attente <b>")
    sent, second = await signed_in(visit, sessions, family_name="Envoyé", group="TR")
    await send_card(sent)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    async with sessions.begin() as session:
        code = await session.scalar(text("select code from campaign"))
    steps = {
        "email": (first, "Attente <b>", "EC"),
        "registration": (second, "Envoyé", "TR"),
    }
    for step, (member, name, group) in steps.items():
        await operator.get(f"/fr/operations?etape={step}")
        rows = operator.page.html.partition("<tbody")[2].partition("</tbody>")[0]
        assert rows.count("<tr ") == 1, step
        assert name in operator.page.text, step
        assert "<b>" not in rows, step
        assert f">{group}</td>" in rows, step
        assert f">{member.number}</td>" in rows, step
        link = f"http://127.0.0.1:8233/namespaces/default/workflows/onboarding-{code}-{member.id}"
        assert link in operator.page.links, step
    for step in ("", "identity", "done", "nonsense'--"):
        await operator.get("/fr/operations", params={"etape": step})
        assert operator.response.status_code == 200
        assert "Personne à cette étape." in operator.page.text
    assert "http://127.0.0.1:8233/namespaces/default/workflows" in operator.page.links
    assert "Envois reçus 1" in operator.page.text
    assert "Envois supprimés 0" in operator.page.text
    assert "Envois encore gardés 1" in operator.page.text
    await operator.get("/en/operations?etape=email")
    assert operator.page.lang == "en-CA"
    assert "Attente <b>" in operator.page.text


async def test_requests_that_wait_at_the_doors_are_counted_with_the_age_of_the_oldest(
    visit: Visit, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get("/fr/operations")
    assert "Demandes qui attendent une réponse 0" in operator.page.text
    assert "La plus ancienne demande" not in operator.page.text
    async with sessions.begin() as session:
        for status in (Status.PROVEN, Status.PROVEN, Status.ASKED):
            await builders.a_request(session, status=status)
    await operator.get("/fr/operations")
    assert "Demandes qui attendent une réponse 2" in operator.page.text
    assert "La plus ancienne demande attend une réponse depuis le" in operator.page.text


async def test_mails_that_came_back_are_listed_with_the_servers_answer(visit: Visit, sessions: Sessions) -> None:
    _, member = await signed_in(visit, sessions, family_name="Revenu <b>")
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get("/fr/operations")
    assert "Tous les courriels sont arrivés." in operator.page.text
    async with sessions.begin() as session:
        await session.execute(
            text(
                "insert into outbox (id, key, kind, lane, account_id, facts, due_at, failed_at, last_error)"
                " select gen_random_uuid(), 'k', 'renewal', 'urgent', id, '{}', now(), now(), '5.1.1'"
                " from account where member_id = :id"
            ),
            {"id": member.id},
        )
    await operator.get("/fr/operations")
    rows = operator.page.html.partition("Réponse du serveur")[2].partition("</tbody>")[0]
    for said in ("Revenu &lt;b&gt;", "Renouvellement du mot de passe", "5.1.1"):
        assert rows.count(said) == 1
    await operator.get("/en/operations")
    assert "Password renewal" in operator.page.html


async def test_only_operators_open_it(visit: Visit, sessions: Sessions) -> None:
    member, _ = await signed_in(visit, sessions)
    for somebody in (member, await a_desk(visit, sessions, Role.REVIEWER), await a_desk(visit, sessions, Role.OFFICER)):
        for address in ("/fr/operations", "/en/operations", "/fr/operations?etape=email"):
            await somebody.get(address)
            assert somebody.response.status_code == 403
            assert "<table" not in somebody.page.html
        assert "/fr/operations" not in somebody.page.links
    nobody = visit()
    await nobody.get("/fr/operations")
    assert nobody.page.h1 == ["Entrez"]


async def test_the_page_stands_without_a_campaign(visit: Visit, sessions: Sessions) -> None:
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get("/fr/operations")
    assert operator.response.status_code == 422
    assert "Aucun vote n'est prévu" in operator.page.text
