"""How fast the journal is chained and verified, and how much memory that takes: `python -m tests.figures.journal`."""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from deploy.servers import start_postgres
from portal.store import Sessions, chain, open_database, schema, sessions_of

ENTRIES = 100_000
FILL = """
insert into journal (actor, actor_id, action, code, member_id, key, at)
select 'member', gen_random_uuid(), (array['signed-in', 'registered', 'picture-seen'])[1 + n % 3], n::text,
       gen_random_uuid(), 'figure:' || n, now() - (:entries - n) * interval '1 ms'
from generate_series(1, :entries) n
"""


def memory() -> float:
    """The most this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def linked(sessions: Sessions) -> int:
    count = 0
    while True:
        async with sessions.begin() as session:
            made = await chain.extend(session)
        count += made
        if made == 0:
            return count


async def figures(sessions: Sessions, entries: int) -> None:
    async with sessions.begin() as session:
        await session.execute(text(FILL), {"entries": entries})
        await session.execute(text("analyze journal"))
    began = time.perf_counter()
    count = await linked(sessions)
    took = time.perf_counter() - began
    print(f"\nThe journal as a chain, {count} entries")
    print(f"  linked    {count / took:8.0f} entries a second, in steps of {chain.STEP}")
    before = memory()
    began = time.perf_counter()
    found = await chain.verify(sessions)
    took = time.perf_counter() - began
    assert found.fault is None and found.links == count, found
    print(f"  verified  {count / took:8.0f} entries a second, a million in {1e6 / count * took:.0f} s")
    print(f"  memory    {memory() - before:8.1f} MiB more while verifying, {memory():.0f} MiB in all")
    began = time.perf_counter()
    async with sessions.begin() as session:
        await chain.extend(session)
    print(f"  a look when nothing waits {1000 * (time.perf_counter() - began):.1f} ms")


async def main(entries: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = start_postgres(folder / "postgres")
        try:
            postgres.create_database("figures")
            url = postgres.url("postgres", "figures")
            schema.upgrade(url)
            engine = open_database(url, pool_size=2)
            await figures(sessions_of(engine), entries)
            await engine.dispose()
        finally:
            postgres.stop()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES))
