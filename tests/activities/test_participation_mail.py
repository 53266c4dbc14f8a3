"""The mail that says that a vote is recorded: what it says, what it never says, and how often."""

import logging

import pytest
from sqlalchemy import text

from deploy.servers import Mailbox
from portal.rules.mail import MailKind
from portal.store import Sessions
from portal.store.votes import Taken
from tests import builders, voting
from tests.activities.conftest import Relaying
from tests.activities.mails import eventually
from tests.store.cases import a_submission, run

CODES = ("pension", "auditors")


async def test_the_mail_names_the_ballots_and_neither_it_nor_its_way_holds_a_receipt(
    sessions: Sessions, as_api: Sessions, relaying: Relaying, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    """T98: the message as the server got it, the row of the outbox, and everything that was logged meanwhile."""
    caplog.set_level(logging.DEBUG)
    async with sessions.begin() as session:
        campaign = await voting.an_open_vote(session)
        member = await builders.a_member(session, verified=True, language="en")
        await voting.registered(session, campaign, member, *builders.ballots_of("EC"))
        await session.execute(text("update registration set confirmed_at = null where ballot_id in"
                                   " (select id from ballot where code = 'auditors')"))  # fmt: skip
        ballots = [await voting.ballot_of(session, campaign, code) for code in CODES]
        # Under review, hence one of the two is provisional.
        await a_submission(session, campaign, member)
    taken: list[Taken] = []
    for ballot in ballots:
        async with as_api.begin() as session:
            one = await voting.vote(session, campaign, member, ballot)
            assert one is not None
            taken.append(one)
    # The hour is over; both votes belong to one, or the test began in the last second of one.
    await run(sessions, "update outbox set due_at = clock_timestamp()")

    async def all_sent() -> bool:
        async with sessions() as session:
            return not await session.scalar(text("select count(*) from outbox where sent_at is null"))

    async with relaying(mailbox):
        await eventually(all_sent)
    messages = mailbox.messages()
    async with sessions.begin() as session:
        rows = (await session.execute(text("select o::text as row, kind from outbox o"))).all()
    assert {row.kind for row in rows} == {MailKind.PARTICIPATION.value}
    assert len(messages) == len(rows) in (1, 2)
    said = repr(messages) + repr(rows) + caplog.text
    flat = " ".join(str(rows[0].row).split())
    assert "Ballot pension" in flat and "Ballot auditors" in flat and "Ballot president" not in flat
    assert "You have 5 votes left to cast" in flat
    assert "Your identity is still to be confirmed" in flat
    assert "Was it not you who voted?" in flat
    for one in taken:
        for receipt in voting.forms_of(one.digest):
            assert receipt not in said
