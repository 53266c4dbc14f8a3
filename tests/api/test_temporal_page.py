"""The page of ready queries: each is understood by a real server, counted, linked, and shown to operators alone."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.worker import Worker

from api.app import create_app
from portal.rules.accounts import Role
from portal.rules.members import Group
from portal.rules.onboarding import Step
from portal.rules.queries import Ready, ReadyQuery, ready_queries
from portal.settings import Settings
from portal.store import Sessions
from portal.store.files import MinioFiles
from portal.temporal import connect
from portal.text.queries import QUERIES, TOPICS, said_query
from tests import builders
from tests.api.conftest import Visit, visits
from tests.api.test_documents import send_card, signed_in
from tests.api.test_documents_access import a_desk
from tests.workflows.journeys import until
from workflows.attributes import ATTEMPT, CAMPAIGN, GROUP, STEP, WAITING_SINCE

NOW = datetime.now(UTC)


def by_code(campaign: str | None) -> dict[Ready, ReadyQuery]:
    return {asked.code: asked for asked in ready_queries(campaign, NOW)}


@pytest.mark.parametrize("campaign", ["c2017", None, 'c" OR WorkflowId != "'])
async def test_every_query_is_understood_by_a_real_server(client: Client, campaign: str | None) -> None:
    for asked in ready_queries(campaign, NOW):
        assert (await client.count_workflows(asked.query)).count >= 0, asked


async def test_a_campaign_whose_code_is_a_question_asks_nothing_more(client: Client) -> None:
    everything = (await client.count_workflows("")).count
    found = await client.count_workflows(by_code('c" OR WorkflowId != "')[Ready.REVIEW].query)
    assert found.count == 0 <= everything


def test_every_query_has_words_and_names_nobody() -> None:
    asked = by_code("c2017")
    assert set(asked) == set(QUERIES) == set(Ready)
    assert {query.topic for query in asked.values()} == set(TOPICS)
    for language in ("fr", "en"):
        said = [said_query(code, language) for code in Ready]
        assert len({s.title for s in said}) == len(said)
    for query in asked.values():
        assert "@" not in query.query
        assert "Name" not in query.query


async def test_what_is_counted_is_what_is_there(visit: Visit, sessions: Sessions) -> None:
    sent, _ = await signed_in(visit, sessions, group="TR")
    await send_card(sent)
    operator = await a_desk(visit, sessions, Role.OPERATOR)

    async def counted() -> bool:
        await operator.get("/fr/operations/temporal")
        # On a busy machine a count may be late: the page says so, and has it at the next look.
        return tag_of(operator.page.html, Ready.OPEN_TR) == "1" and "des nombres manquent" not in operator.page.text

    await until(counted)
    assert tag_of(operator.page.html, Ready.OPEN_EC) == "0"
    assert tag_of(operator.page.html, Ready.STUCK_REGISTRATION) == "0"


def tag_of(html: str, code: Ready) -> str:
    """The number beside a question."""
    heading = html.partition(f'id="{code}"')[2].partition("</h3>")[0]
    return heading.partition("govuk-tag")[2].partition(">")[2].partition("<")[0].strip()


async def test_each_link_opens_the_ui_with_the_query_and_the_line_to_type_says_the_same(
    visit: Visit, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    for language, words in (("fr", "Questions à Temporal"), ("en", "Questions for Temporal")):
        await operator.get(f"/{language}/operations/temporal")
        assert operator.page.h1 == [words]
        links = [urlsplit(link) for link in operator.page.links if "8233" in link and "query=" in link]
        queries = [parse_qs(link.query)["query"][0] for link in links]
        assert len(queries) == len(Ready)
        wanted = f'PortalCampaign = "{campaign.code}"'
        assert sum(wanted in query for query in queries) == 9
        assert all(link.path == "/namespaces/default/workflows" for link in links)
        for query in queries:
            assert query in operator.page.text, query
        assert operator.page.text.count("temporal workflow list --address 127.0.0.1:") == len(Ready)
    await operator.get("/fr/operations")
    assert "/fr/operations/temporal" in operator.page.links


async def test_only_operators_open_it(visit: Visit, sessions: Sessions) -> None:
    member, _ = await signed_in(visit, sessions)
    for somebody in (member, await a_desk(visit, sessions, Role.REVIEWER), await a_desk(visit, sessions, Role.OFFICER)):
        await somebody.get("/fr/operations/temporal")
        assert somebody.response.status_code == 403
        assert "WorkflowType" not in somebody.page.html


async def test_without_temporal_the_page_stands_without_counts_and_says_so(
    api_settings: Settings, files: MinioFiles, sessions: Sessions
) -> None:
    """T110: the questions and their links need no server; the page waits for none."""
    away = await connect("127.0.0.1:1", "default", lazy=True)
    async with visits(create_app(api_settings, client=away, task_queue="nobody")) as visit:
        operator = await a_desk(visit, sessions, Role.OPERATOR)
        began = asyncio.get_running_loop().time()
        await operator.get("/fr/operations/temporal")
        assert asyncio.get_running_loop().time() - began < 4
    assert operator.response.status_code == 200
    assert "des nombres manquent" in operator.page.text
    assert "govuk-tag" not in operator.page.html
    assert len([link for link in operator.page.links if "query=" in link]) == len(Ready)


async def test_the_lists_find_who_waits_where(client: Client) -> None:
    """Each kind of query against workflows that nobody works on, with the attributes that files have."""

    def attributes(step: str, days: int, attempt: int) -> TypedSearchAttributes:
        return TypedSearchAttributes(
            [
                SearchAttributePair(CAMPAIGN, "q2017"),
                SearchAttributePair(STEP, step),
                SearchAttributePair(GROUP, Group.BDP.value),
                SearchAttributePair(WAITING_SINCE, NOW - timedelta(days=days)),
                SearchAttributePair(ATTEMPT, attempt),
            ]
        )

    started = [
        await client.start_workflow(
            "OnboardingWorkflow", id=f"query-test-{step}-{days}", task_queue="nobody",
            search_attributes=attributes(step, days, attempt),
        )
        for step, days, attempt in (
            (Step.REVIEW, 1, 1), (Step.REVIEW, 3, 3), (Step.EMAIL, 8, 1), (Step.EMAIL, 6, 1), (Step.IDENTITY, 8, 4),
            (Step.REGISTRATION, 8, 1),
        )
    ]  # fmt: skip
    asked = by_code("q2017")
    wanted = {
        Ready.REVIEW: 2, Ready.REVIEW_LATE: 1, Ready.STUCK_EMAIL: 1, Ready.STUCK_IDENTITY: 1,
        Ready.STUCK_REGISTRATION: 1, Ready.OPEN_BDP: 6, Ready.OPEN_EC: 0, Ready.MANY_ATTEMPTS: 2,
    }  # fmt: skip

    async def found() -> bool:
        counts = {code: (await client.count_workflows(asked[code].query)).count for code in wanted}
        return counts == wanted

    await until(found)
    for handle in started:
        await handle.terminate("tried")
    ended = asked[Ready.ENDED_BY_HAND].query + ' AND WorkflowId STARTS_WITH "query-test-"'
    await until(lambda: _count(client, ended, len(started)))


async def _count(client: Client, query: str, wanted: int) -> bool:
    return (await client.count_workflows(query)).count == wanted


@workflow.defn(name="OnboardingWorkflow", sandboxed=False)
class Mistaken:
    """As after a mistake in a release."""

    @workflow.run
    async def run(self) -> None:
        raise ValueError("a mistake of ours")


async def test_what_a_release_has_blocked_is_in_the_list_and_leaves_it_when_mended(client: Client) -> None:
    """T65: poison makes one blocked case that staff can list, and others flow."""
    blocked = by_code(None)[Ready.BLOCKED].query + ' AND WorkflowId = "mistaken-file"'
    handle = await client.start_workflow("OnboardingWorkflow", id="mistaken-file", task_queue="mistaken")
    async with Worker(client, task_queue="mistaken", workflows=[Mistaken]):
        await until(lambda: _count(client, blocked, 1), within=40)
    await handle.terminate("tried")
    await until(lambda: _count(client, blocked, 0))
