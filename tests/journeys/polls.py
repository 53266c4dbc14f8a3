"""A portal whose vote is open, and voters with browsers: what the journeys of the booth begin with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from playwright.async_api import Browser
from sqlalchemy import text

from tests import builders
from tests.api.booths import a_vote, register_for_all
from tests.api.conftest import PASSWORD, PASSWORD_HASH
from tests.journeys.people import cookie_of
from tests.journeys.stack import Stack
from tests.journeys.tab import Tab, visiting


@dataclass
class Polls:
    """No worker: nothing of a vote waits for one."""

    stack: Stack
    campaign_id: UUID

    @classmethod
    async def of(cls, stack: Stack) -> "Polls":
        async with stack.sessions.begin() as session:
            campaign = await a_vote(session)
        await stack.files.check_policy()
        stack.start_api()
        return cls(stack, campaign.id)

    async def window(self, opens: timedelta, closes: timedelta) -> None:
        """From now on, whatever it was."""
        async with self.stack.sessions.begin() as session:
            await session.execute(text("set local session_replication_role = replica"))
            await session.execute(
                text(
                    "update campaign set opens = clock_timestamp() + cast(:opens as interval),"
                    " closes = clock_timestamp() + cast(:closes as interval) where id = :id"
                ),
                {"opens": opens, "closes": closes, "id": self.campaign_id},
            )

    async def a_voter(self, *, language: str = "fr", group: str = "EC") -> tuple[UUID, str]:
        """Registered and signed in: the member, and the cookie."""
        async with self.stack.sessions.begin() as session:
            await session.execute(text("delete from attempt"))
            member = await builders.a_member(
                session, group=group, language=language, verified=True, password_hash=PASSWORD_HASH
            )
            await register_for_all(session, self.campaign_id, member)
            email = await session.scalar(text("select email from account where member_id = :m"), {"m": member.id})
        person = self.stack.visit(language)
        await person.sign_in(str(email), PASSWORD)
        return member.id, cookie_of(person)

    async def votes_of(self, member_id: UUID) -> list[tuple[str, bytes]]:
        async with self.stack.sessions.begin() as session:
            rows = await session.execute(
                text(
                    "select b.code, v.ciphertext from vote v join ballot b on b.id = v.ballot_id"
                    " where v.member_id = :m order by v.cast_at"
                ),
                {"m": member_id},
            )
            return [(row.code, bytes(row.ciphertext)) for row in rows]

    @asynccontextmanager
    async def tab(self, chromium: Browser, cookie: str, *, language: str = "fr", **more: Any) -> AsyncIterator[Tab]:
        async with visiting(chromium, self.stack.origin, language, **more) as visitor:
            await visitor.become(cookie)
            yield await visitor.tab()


async def unlock(tab: Tab, code: str = "president") -> None:
    """To the question, with the password."""
    french = tab.visitor.language == "fr"
    await tab.go(f"/fr/votes/{code}/bulletin" if french else f"/en/votes/{code}/ballot")
    if await tab.page.locator("#password").count():
        await tab.fill(password=PASSWORD)
        await tab.press("Continuer" if french else "Continue")
