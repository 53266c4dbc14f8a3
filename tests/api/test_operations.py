"""The operations desk: every number leads to its list, every list is a page and a file, and operators only see them."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from api.portal import Portal
from portal.rules.accounts import Role
from portal.rules.doors import Status
from portal.rules.identity import SubmissionStatus
from portal.rules.operations import LISTED
from portal.rules.refusals import Refusal
from portal.store import Sessions, campaigns, members
from portal.text.operations import List
from tests import builders, keys_of_votes
from tests.api.conftest import Visit
from tests.api.looking import change, count, says
from tests.api.person import Person
from tests.api.test_documents import send_card, signed_in
from tests.api.test_documents_access import a_desk
from tests.store.ballot_box import DAY, a_provisional_voter, an_open_campaign, later
from tests.store.cases import a_submission

ALL_LISTS = [listed for listed in List if listed is not List.NO_WORKFLOW]


async def taken(person: Person, address: str) -> httpx.Response:
    """A file, as a browser downloads it."""
    return await person.client.get(address, headers={"Sec-Fetch-Site": "same-origin"})


def cells(answer: httpx.Response, separator: str) -> list[list[str]]:
    assert answer.status_code == 200
    words = answer.content.decode()
    assert words.startswith("\ufeff")
    return list(csv.reader(io.StringIO(words[1:], newline=""), delimiter=separator))


async def test_every_number_of_the_desk_leads_to_a_list_of_that_length(visit: Visit, sessions: Sessions) -> None:
    await signed_in(visit, sessions, verified=False)
    sent, _ = await signed_in(visit, sessions, group="TR", language="en")
    await send_card(sent)
    async with sessions.begin() as session:
        await builders.a_member(session, group="BdP", email=None)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get("/fr/operations")
    numbers = re.findall(r'href="(/fr/operations/liste/[^"]+)">(\d+)<', operator.page.html)
    assert len(numbers) > len(LISTED) * 6
    assert ("/fr/operations/liste/kept", "1") in numbers
    for address, number in numbers:
        await operator.get(unescape(address))
        assert operator.response.status_code == 200
        assert operator.page.html.count("<tr ") == (int(number) + 1 if int(number) else 0), address
        said = re.search(r"(\d+) lignes?", operator.page.text)
        assert said is not None and said[1] == number, address
    await operator.get("/en/operations")
    assert operator.page.lang == "en-CA"
    assert "Registered for all their votes" in operator.page.text


async def test_the_drawing_says_the_same_as_the_table_and_needs_no_colour(visit: Visit, sessions: Sessions) -> None:
    await signed_in(visit, sessions, group="TR")
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get("/fr/operations")
    drawing = operator.page.html.partition("<svg")[2].partition("</svg>")[0]
    assert 'role="img"' in drawing
    assert "<title" in drawing and "<desc" in drawing
    assert "style=" not in drawing
    assert drawing.count("TR 1") == 3
    for stage in ("Au registre", "Courriel vérifié", "Inscrits à tous leurs votes"):
        assert f">{stage}</text>" in drawing


async def test_members_are_listed_by_what_their_file_waits_for(visit: Visit, sessions: Sessions) -> None:
    """Each with a page of their own, and there the workflow under the address that the Temporal UI has for it."""
    _, first = await signed_in(visit, sessions, verified=False, family_name="Attente <b>")
    sent, second = await signed_in(visit, sessions, family_name="Envoyé", group="TR")
    await send_card(sent)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    async with sessions.begin() as session:
        code = await session.scalar(text("select code from campaign"))
    for step, member, name in (("email", first, "Attente <b>"), ("registration", second, "Envoyé")):
        await operator.get(f"/fr/operations/liste/members?attend={step}")
        rows = operator.page.html.partition("<tbody")[2].partition("</tbody>")[0]
        assert rows.count("<tr ") == 1, step
        assert name in operator.page.text
        assert "<b>" not in rows
        assert f">{member.number}</td>" in rows
        await operator.get(f"/fr/operations/membre/{member.id}")
        assert operator.page.h1 == [f"Jean-Baptiste {name}"]
        link = f"http://127.0.0.1:8233/namespaces/default/workflows/onboarding-{code}-{member.id}"
        assert link in operator.page.links
    for query in ("attend=done", "etape=all", "groupe=BdP", "langue=en"):
        await operator.get(f"/fr/operations/liste/members?{query}")
        assert "Personne ne répond à ces critères." in operator.page.text, query
    for query in ("attend=nonsense'--", "etape=%00", "page=0", "page=99999999999", "page=-1"):
        await operator.get(f"/fr/operations/liste/members?{query}")
        assert "2 lignes" in operator.page.text, query


async def test_a_long_list_comes_fifty_at_a_time_in_an_order_that_stays(visit: Visit, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        for _ in range(120):
            await builders.a_member(session)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    seen: list[str] = []
    for number in (1, 2, 3):
        await operator.get(f"/fr/operations/liste/members?groupe=EC&page={number}")
        page = re.findall(r">(9\d{5})</td>", operator.page.html)
        assert len(page) == (50, 50, 20)[number - 1]
        assert f"Page {number} de 3" in operator.page.text
        seen += page
    assert seen == sorted(set(seen))
    assert "/fr/operations/liste/members?groupe=EC&amp;page=2" in operator.page.html
    answer = await taken(operator, "/fr/operations/fichier/members?groupe=EC")
    assert [row[0] for row in cells(answer, ";")[1:]] == seen


@pytest.mark.parametrize("listed", ALL_LISTS)
async def test_every_list_is_a_page_and_a_file_in_both_languages(
    visit: Visit, sessions: Sessions, portal: Portal, listed: List
) -> None:
    """Whatever it lists stands in it: a stuck member, a mail, a sign-in, a case, a picture, a vote on paper."""
    _, member = await signed_in(visit, sessions, verified=False, family_name="Jourdain")
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    async with sessions.begin() as session:
        campaign = await session.scalar(text("select id from campaign"))
        account = await session.scalar(text("select id from account where member_id = :id"), {"id": member.id})
        email = await session.scalar(text("select email from account where member_id = :id"), {"id": member.id})
    match listed:
        case List.STUCK:
            await change(sessions, "update account set email_bounced_at = now() where id = :id", id=account)
        case List.UNSENT:
            await change(
                sessions,
                "insert into outbox (id, key, kind, lane, account_id, campaign_id, facts, due_at)"
                " values (gen_random_uuid(), 'later', 'invitation', 'bulk', :id, :campaign, '{}',"
                " now() + interval '1 day')",
                campaign=campaign, id=account,
            )  # fmt: skip
        case List.BOUNCED:
            await change(
                sessions,
                "insert into outbox (id, key, kind, lane, account_id, facts, due_at, failed_at, last_error)"
                " values (gen_random_uuid(), 'k', 'renewal', 'urgent', :id, '{}', now(), now(), '5.1.1')",
                id=account,
            )
        case List.SLOWED_DOWN:
            stranger = visit()
            for _ in range(6):
                await stranger.sign_in(str(email), "ce n'est pas le bon mot de passe")
        case List.CASES | List.UNDELETED | List.KEPT:
            status = SubmissionStatus.WITHDRAWN if listed is List.UNDELETED else SubmissionStatus.SUBMITTED
            async with sessions.begin() as session:
                found = await campaigns.by_id(session, campaign)
                assert found is not None
                await a_submission(session, found, member, status=status)
        case List.SECOND_LOOKS:
            async with sessions.begin() as session:
                found = await campaigns.by_id(session, campaign)
                assert found is not None
                contested = await a_submission(session, found, member, status=SubmissionStatus.REJECTED)
                appeal = await a_submission(session, found, member, since=timedelta(days=2))
                appeal.appeal_of = contested.id
        case List.PROVISIONAL:
            async with sessions.begin() as session:
                # Whatever the window says: what is asked here is how it is listed.
                await session.execute(text("set local session_replication_role = replica"))
                await session.execute(
                    text(
                        "insert into registration (ballot_id, member_id)"
                        " select id, :member from ballot where code = 'president'"
                    ),
                    {"member": member.id},
                )
                await session.execute(
                    text(
                        "insert into vote (ballot_id, member_id, ciphertext)"
                        " select id, :member, decode(repeat('00', 145), 'hex') from ballot where code = 'president'"
                    ),
                    {"member": member.id},
                )
        case List.PAPER:
            await change(
                sessions,
                "insert into paper_voter (id, campaign_id, member_id, reason, by_id)"
                " select gen_random_uuid(), :campaign, :member, 'asked', account_id from staff_role",
                campaign=campaign, member=member.id,
            )  # fmt: skip
    for language, page, file, separator in (
        ("fr", "/fr/operations/liste", "/fr/operations/fichier", ";"),
        ("en", "/en/operations/list", "/en/operations/file", ","),
    ):
        await operator.get(f"{page}/{listed}")
        assert "Jean-Baptiste Jourdain" in operator.page.text
        assert operator.page.lang == f"{language}-CA"
        answer = await taken(operator, f"{file}/{listed}")
        header, *rows = cells(answer, separator)
        assert len(rows) == 1
        assert len(header) == len(rows[0])
        assert rows[0][:5] == [member.number, "Jourdain", "Jean-Baptiste", "EC", "fr"]
        assert header[0] == {"fr": "Numéro", "en": "Number"}[language]
        name = f'attachment; filename="scrutin-{listed}-{datetime.now(UTC):%Y}'
        assert answer.headers["content-disposition"].startswith(name)
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert str(email) not in answer.text
    assert await count(sessions, "select count(*) from journal where action = 'list-exported'") == 2
    assert await count(sessions, "select count(*) from journal where code = :code", code=f"{listed}:1") == 2


async def test_a_file_holds_nothing_that_a_spreadsheet_would_run(visit: Visit, sessions: Sessions) -> None:
    """T116: whatever a name begins with, its cell begins with a quote; and who took the list is written down."""
    hostile = ["=HYPERLINK(1)", "@SUM(A1)", "\t=1", "+1", "-1", "\r=1", "＝1", " =1"]
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        for name in hostile:
            await builders.a_member(session, family_name=name, given_name='Ana; "Ânes"')
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    rows = cells(await taken(operator, "/fr/operations/fichier/members"), ";")[1:]
    assert [row[1] for row in rows] == [f"'{name}" for name in hostile]
    assert {row[2] for row in rows} == {'Ana; "Ânes"'}
    async with sessions.begin() as session:
        entry = (
            await session.execute(text("select actor, code, member_id from journal where action = 'list-exported'"))
        ).one()
    assert tuple(entry) == ("operator", f"members:{len(hostile)}", None)


async def test_what_needs_a_look_now_stands_at_the_top(visit: Visit, sessions: Sessions, portal: Portal) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get("/fr/operations")
    assert "sans clé de scrutin" in operator.page.text, "it opens tomorrow, and nobody could vote"
    await change(
        sessions, "update campaign set election_key = :key, trustees = '[]'", key=keys_of_votes.PUBLIC
    )  # fmt: skip
    await operator.get("/fr/operations")
    assert "Rien ne presse." in operator.page.text
    async with sessions.begin() as session:
        await builders.a_request(session, asked=timedelta(days=-7))
        await builders.a_request(session, status=Status.ASKED)
        late = await a_submission(
            session, campaign, member, status=SubmissionStatus.REJECTED, since=timedelta(minutes=20)
        )
        await a_submission(session, campaign, await builders.a_member(session), since=timedelta(days=8))
        for _ in range(5):
            await session.execute(
                text(
                    "insert into outbox (id, key, kind, lane, account_id, facts, due_at, failed_at)"
                    " select gen_random_uuid(), gen_random_uuid()::text, 'renewal', 'urgent', id, '{}', now(), now()"
                    " from account where member_id = :member"
                ),
                {"member": member.id},
            )
        await session.execute(
            text("insert into attempt (key, since, last_at, count) values (:key, now(), now(), 50)"),
            {"key": portal.counter("numbers", "all")},
        )
    await operator.get("/fr/operations")
    for said in (
        "Une pièce d'identité attend sa suppression depuis plus de 15 minutes.",
        "5 courriels sont revenus depuis une heure",
        "Trop de numéros de membre devinés",
        "Un dossier attend l'examen depuis plus de 7 jours.",
        "Une demande attend une réponse qui était promise plus tôt.",
    ):
        assert said in operator.page.text.replace("\N{NO-BREAK SPACE}", " "), said
    assert "Demandes qui attendent une réponse" in operator.page.text
    await change(sessions, "update submission set over_at = now() - interval '61 minutes' where id = :id", id=late.id)
    await operator.get("/fr/operations")
    alarm = operator.page.html.partition("app-alert--grave")[2]
    assert "aurait dû être supprimée il y a plus d'une heure" in unescape(alarm)
    assert alarm.index("Urgent") < 40


async def test_whoever_is_on_the_telephone_is_found_by_number(visit: Visit, sessions: Sessions) -> None:
    await signed_in(visit, sessions, verified=False)
    async with sessions.begin() as session:
        number = await session.scalar(text("select number from member"))
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get("/fr/operations")
    await operator.submit("/fr/operations", numero=f" {number} ")
    assert operator.page.h1 == [await name_of(sessions, str(number))]
    # A number stands in no address, whether it is found or not.
    assert str(number) not in str(operator.response.url)
    for wrong in ("999999", "Molière", ""):
        await operator.get("/fr/operations")
        await operator.submit("/fr/operations", numero=wrong)
        assert says(operator, Refusal.ROLL_NUMBER_UNKNOWN), wrong
        assert operator.page.h1 == ["Opérations"]


async def name_of(sessions: Sessions, number: str) -> str:
    async with sessions.begin() as session:
        member = await members.by_number(session, number)
    assert member is not None
    return member.name


async def test_only_operators_open_any_of_it(visit: Visit, sessions: Sessions) -> None:
    member, someone = await signed_in(visit, sessions)
    addresses = [
        "/fr/operations", "/en/operations", "/fr/operations/liste/members", "/en/operations/file/members",
        f"/fr/operations/membre/{someone.id}", f"/fr/operations/membre/{someone.id}/papier",
    ]  # fmt: skip
    for somebody in (member, await a_desk(visit, sessions, Role.REVIEWER), await a_desk(visit, sessions, Role.OFFICER)):
        for address in addresses:
            await somebody.get(address)
            assert somebody.response.status_code == 403
            assert "<table" not in somebody.page.html
        assert "/fr/operations" not in somebody.page.links
    nobody = visit()
    await nobody.get("/fr/operations")
    assert nobody.page.h1 == ["Entrez"]
    assert await count(sessions, "select count(*) from journal where action = 'list-exported'") == 0


async def test_the_desk_stands_without_a_campaign_and_says_when_a_list_is_none(
    visit: Visit, sessions: Sessions
) -> None:
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get("/fr/operations")
    assert operator.response.status_code == 422
    assert "Aucun vote n'est prévu" in operator.page.text
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    for address in ("/fr/operations/liste/secrets", "/fr/operations/fichier/members%27", "/en/operations/list/x"):
        await operator.get(address)
        assert operator.response.status_code == 404
        assert says(operator, Refusal.LIST_UNKNOWN)
    await operator.get(f"/fr/operations/membre/{uuid4()}")
    assert operator.response.status_code == 404
    assert says(operator, Refusal.MEMBER_UNKNOWN)


async def test_provisional_votes_are_told_of_two_days_before_the_first_is_due(visit: Visit, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
        await a_provisional_voter(session, campaign)
    await later(sessions, 3 * DAY)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get("/fr/operations")
    assert "Votes provisoires" in operator.page.text
    assert "vote provisoire à régler dans les deux jours" not in operator.page.text
    await later(sessions, 5 * DAY)
    await operator.get("/fr/operations")
    assert "Une personne a un vote provisoire à régler dans les deux jours" in operator.page.text
    assert "/fr/operations/liste/provisional" in operator.page.links
