"""The operations desk with 25,000 on file: `python -m tests.figures.operations`. Prints; asserts nothing of time."""

import asyncio
import secrets
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import psycopg
from sqlalchemy import text

from deploy.servers import start_postgres
from portal.rules.accounts import Role, SessionKind
from portal.rules.links import hash_of
from portal.store import Sessions, autocommit_of, open_database, operations, schema, sessions_of, watch
from portal.store import sessions as sign_ins
from portal.store.campaigns import Campaign
from portal.store.operations import Line, Wanted, Where
from portal.text.tables import written
from tests import builders
from tests.figures.crowd import LOOKS, MEMBERS, gather, looked_at
from tests.figures.ground import ground

VALID = timedelta(days=3 * 365)
PIECE = 1000
PAGES = (
    "/fr/operations", "/fr/operations/liste/members", "/fr/operations/liste/members?page=400",
    "/fr/operations/liste/members?etape=some&groupe=TR", "/fr/operations/liste/stuck", "/fr/compteur",
)  # fmt: skip
# Some of the crowd have come less far, so that every list has something in it.
SPREAD = (
    "update onboarding set step = 'email', last_step_at = now() - interval '2 days' from member m"
    " where m.id = member_id and m.number::int % 10 = 1",
    "update onboarding set step = 'identity' from member m where m.id = member_id and m.number::int % 10 = 2",
    "update onboarding set step = 'registration', last_step_at = now() - interval '4 days' from member m"
    " where m.id = member_id and m.number::int % 10 = 3",
    "update account set email_verified_at = null from onboarding o where o.member_id = account.member_id"
    " and o.step = 'email'",
    "insert into submission (id, campaign_id, member_id, status, list_version, submitted_at)"
    " select gen_random_uuid(), campaign_id, member_id, 'submitted', '2026-11', now() - interval '1 day'"
    " from onboarding where step = 'review'",
)


async def took(work: Callable[[], Awaitable[object]], looks: int = 20) -> str:
    found = []
    for _ in range(looks):
        began = time.perf_counter()
        await work()
        found.append((time.perf_counter() - began) * 1000)
    found.sort()
    return f"p50 {statistics.median(found):6.1f}   p95 {found[int(looks * 0.95) - 1]:6.1f}"


async def statements(sessions: Sessions, campaign: Campaign) -> None:
    where = Where(campaign.id, VALID)

    async def counts() -> object:
        async with sessions() as session:
            return await operations.counts(session, where)

    async def post() -> object:
        async with sessions() as session:
            return await watch.post(session)

    async def flow() -> object:
        async with sessions() as session:
            return await watch.flow(session, campaign.id)

    print(f"\nStatements of the desk with {MEMBERS:,} members on file, in ms")
    for name, work in (("funnel and stuck", counts), ("mails", post), ("forecast", flow)):
        print(f"  {name:<16} {await took(work)}")


async def a_file(sessions: Sessions, campaign: Campaign) -> None:
    """The whole roll as a file, in pieces; and the most that Python held meanwhile."""
    where = Where(campaign.id, VALID)
    tracemalloc.start()
    began, last, lines, size = time.perf_counter(), "", 0, 0
    while True:
        async with sessions() as session:
            piece: list[Line] = await operations.members(session, where, Wanted(), most=PIECE, after=last)
        rows = [[x.number, x.family_name, x.given_name, x.group, x.language, x.what] for x in piece]
        size += len(written(rows, "fr"))
        lines += len(piece)
        if len(piece) < PIECE:
            break
        last = piece[-1].number
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    seconds = time.perf_counter() - began
    print(f"\nThe members' list as a file: {lines:,} lines, {size / 1e6:.1f} MB, in {seconds:.1f} s; at most"
          f" {peak / 1e6:.1f} MB held")  # fmt: skip


async def an_operator(sessions: Sessions) -> str:
    """The cookie of somebody at the desk."""
    token = secrets.token_urlsafe(32)
    async with sessions.begin() as session:
        account = await builders.a_staff_account(session, Role.OPERATOR)
        # Signed in with a key, which takes a browser.
        await sign_ins.begin(
            session, token_hash=hash_of(token), account_id=account.id, kind=SessionKind.STAFF,
            form_token=secrets.token_urlsafe(24), stepped_up=False, factor=True,
        )  # fmt: skip
    return token


async def spread(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        for statement in SPREAD:
            await session.execute(text(statement))
    async with sessions.begin() as session:
        await session.execute(text("analyze"))


async def pages() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        async with ground(folder) as there:
            async with there.sessions.begin() as session:
                campaign = await builders.a_campaign(session)
            await gather(there.sessions, campaign)
            await spread(there.sessions)
            token = await an_operator(there.sessions)
            print(f"\nPages of the desk with {MEMBERS:,} members on file, in ms ({LOOKS} looks)")
            for path in PAGES:
                found = sorted(looked_at(there, path, [token]))
                p50, p95 = statistics.median(found), found[int(len(found) * 0.95)]
                print(f"  {path:<52} p50 {p50:5.1f}   p95 {p95:5.1f} (≤ 80)")


async def alone() -> None:
    """Statements and the file, with PostgreSQL alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = start_postgres(folder / "postgres")
        try:
            postgres.create_database("scrutin")
            schema.upgrade(postgres.url("postgres", "scrutin"))
            plain = postgres.url("postgres", "scrutin").replace("+psycopg", "")
            with psycopg.connect(plain, autocommit=True) as connection:
                connection.execute("alter role scrutin_api login")
            engine = open_database(postgres.url("postgres", "scrutin"), pool_size=2)
            sessions = sessions_of(engine)
            async with sessions.begin() as session:
                campaign = await builders.a_campaign(session)
            await gather(sessions, campaign)
            await spread(sessions)
            await statements(autocommit_of(engine), campaign)
            await a_file(autocommit_of(engine), campaign)
            await engine.dispose()
        finally:
            postgres.stop()


if __name__ == "__main__":
    asyncio.run(alone())
    asyncio.run(pages())
