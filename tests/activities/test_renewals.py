"""What the end of a renewal does to the records, as the worker's role: once, whatever is repeated."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.renewals import RenewalActivities, RenewalOf, RenewalState
from portal.rules.accounts import RENEWAL_VALID, Purpose
from portal.rules.links import hash_of
from portal.store import Sessions, accounts, links, renewals
from portal.store.members import Member
from tests import builders
from tests.activities.test_doors import DAY, mails
from tests.store.cases import run


async def a_renewal(sessions: Sessions, *, used: bool) -> tuple[UUID, Member]:
    async with sessions.begin() as session:
        member = await builders.a_member(session)
        account = await accounts.of_member(session, member.id)
        assert account is not None
        link_id = uuid4()
        assert await links.make(
            session, link_id=link_id, account=account, purpose=Purpose.RENEWAL, token_hash=hash_of(str(link_id)),
            valid=RENEWAL_VALID,
        )  # fmt: skip
        if used:
            assert await links.use(session, link_id, Purpose.RENEWAL, account.id)
    return link_id, member


@pytest.mark.parametrize("used", [True, False])
async def test_a_renewal_is_closed_once_and_only_one_that_was_used_proves_the_address(
    sessions: Sessions, as_worker: Sessions, used: bool
) -> None:
    link_id, member = await a_renewal(sessions, used=used)
    acting = RenewalActivities(as_worker)
    assert (await ActivityEnvironment().run(acting.take_up_renewal, RenewalOf(link_id))).used is used
    for _ in range(2):
        closed: RenewalState = await ActivityEnvironment().run(acting.close_renewal, RenewalOf(link_id))
        assert closed.member_id == (member.id if used else None)
    assert await mails(sessions) == []
    async with sessions.begin() as session:
        account = await accounts.of_member(session, member.id)
        codes = list(await session.scalars(text("select code from journal where action = 'renewal-closed'")))
    assert account is not None
    assert (account.email_verified_at is not None) is used
    assert codes == ["used" if used else "expired"]


async def test_the_relay_finds_a_renewal_nobody_heard_of(sessions: Sessions, as_worker: Sessions) -> None:
    link_id, _ = await a_renewal(sessions, used=True)

    async def unheard() -> list[tuple[UUID, bool]]:
        async with sessions.begin() as session:
            found = await renewals.unheard(session, overdue=timedelta(seconds=10), asleep=DAY)
            return [(u.link_id, u.used) for u in found]

    assert await unheard() == []
    await run(sessions, "update link set created_at = created_at - interval '1 minute'")
    assert await unheard() == [(link_id, True)]
    await ActivityEnvironment().run(RenewalActivities(as_worker).close_renewal, RenewalOf(link_id))
    assert await unheard() == []
