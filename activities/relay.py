"""The relay: carries out of the records what was written there, mails first of all."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.facts import Addressed, Facts
from activities.mail import BAD_ADDRESS, BadAddress, Postman, Result, Sent, SmtpServer, envelope
from activities.rendering import Letter, Letters
from portal.rules.mail import Lane
from portal.store import (
    AsyncEngine,
    DatabaseUnavailable,
    DBAPIError,
    Sessions,
    autocommit_of,
    bounces,
    decisions,
    doors,
    mail,
    renewals,
)  # fmt: skip
from portal.store.bell import Bell
from portal.store.decisions import Undelivered
from portal.store.mail import Claimed, Said

# Connections per lane, rows per claim. One urgent mail at a time is one commit each: after a crash at most the mail
# at hand is in doubt. A notice to everybody is marked by the hundred.
CONNECTIONS = {Lane.URGENT: 2, Lane.BULK: 4}
CLAIMED_AT_ONCE = {Lane.URGENT: 1, Lane.BULK: 100}

# An idle lane looks again after this long even if no bell rings.
LOOK_AGAIN = 5.0
# A decision whose signal did not arrive is signalled again.
DECISION_OVERDUE = 10.0
DECISION_LOOK = 5.0
# No mail is begun after half of its claim: another relay must not take it meanwhile.
BEGUN_WITHIN = mail.CLAIM.total_seconds() / 2

# A door's workflow that is asleep this long is woken: it may have been ended by hand.
DOOR_ASLEEP = timedelta(days=1)

# Signals what happened to the workflow it is for, starting it if it is gone. Given by the worker.
Lost = Undelivered | doors.Unheard | renewals.Unheard
Deliver = Callable[[Lost], Awaitable[None]]


# So many refusals for good with no mail taken between them are the server's doing or ours: nobody's mail is given up
# for that, and nobody's address blamed.
MOST_IN_A_ROW = 5
# A day of refusals, ten minutes apart; the time a server is away does not count.
MOST_TRIES = 150


def wait_before(attempts: int) -> timedelta:
    """How long one mail waits after a refusal: 5 s, doubled each time, at most 10 minutes."""
    doubled: int = 2 ** min(attempts - 1, 10)
    return min(timedelta(seconds=5) * doubled, timedelta(minutes=10))


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one mail: what it said if it has left, else why not."""

    answer: Sent
    email: str = ""
    said: Said | None = None


@dataclass
class _Batch:
    """What one claim has come to so far."""

    waiting: list[Claimed]
    sent: list[Said] = field(default_factory=list)
    cancelled: list[Claimed] = field(default_factory=list)
    refused: list[tuple[Claimed, Tried]] = field(default_factory=list)

    def put(self, row: Claimed, tried: Tried | None) -> None:
        if tried is None:
            self.cancelled.append(row)
        elif tried.said is not None:
            self.sent.append(tried.said)
        else:
            self.refused.append((row, tried))


class RelayActivities:
    """Works in shifts: Temporal begins the next one, here or wherever a worker is left."""

    def __init__(
        self,
        sessions: Sessions,
        engine: AsyncEngine,
        facts: Facts,
        letters: Letters,
        server: SmtpServer,
        deliver: Deliver,
        shift: timedelta = timedelta(minutes=5),
    ) -> None:
        self.sessions = sessions
        self.autocommit = autocommit_of(engine)
        self.engine = engine
        self.facts = facts
        self.letters = letters
        self.server = server
        self.deliver = deliver
        self.shift = shift
        self.refused_in_a_row = 0

    @activity.defn
    async def relay(self) -> None:
        """One shift: send what is due, deliver decisions that got lost, and say every second that we live."""
        bell = Bell(self.engine, CONNECTIONS)
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            ears = group.create_task(bell.listen())
            lanes = [group.create_task(self._lane(lane, bell, over)) for lane in Lane for _ in range(CONNECTIONS[lane])]
            lanes.append(group.create_task(self._decisions(over)))
            try:
                await self._until_over()
            finally:
                # Also when we are cancelled: a library may swallow that in one lane, which would go on for ever.
                over.set()
                bell.ring(for_good=True)
            await asyncio.gather(*lanes)
            ears.cancel()

    async def _until_over(self) -> None:
        """Until the shift ends or the worker is told to stop; a heartbeat a second meanwhile."""
        end = asyncio.get_running_loop().time() + self.shift.total_seconds()
        stopping = asyncio.create_task(activity.wait_for_worker_shutdown())
        try:
            while asyncio.get_running_loop().time() < end and not stopping.done():
                activity.heartbeat()
                await asyncio.wait([stopping], timeout=1)
        finally:
            stopping.cancel()

    async def _lane(self, lane: Lane, bell: Bell, over: asyncio.Event) -> None:
        postman = Postman(self.server)
        away = 0
        try:
            while not over.is_set():
                async with self.sessions.begin() as session:
                    claimed = await mail.claim(session, lane, CLAIMED_AT_ONCE[lane])
                if not claimed:
                    await bell.wait(lane, await self._idle_for(lane))
                elif await self._send_all(postman, claimed, over):
                    away = 0
                else:
                    away += 1
                    await self._pause(over, min(2.0 ** min(away, 5), 30.0))
        finally:
            await postman.hang_up()

    async def _idle_for(self, lane: Lane) -> float:
        async with self.autocommit() as session:
            wait = await mail.next_due(session, lane)
        if wait is None:
            return LOOK_AGAIN
        return min(LOOK_AGAIN, max(0.05, wait.total_seconds()))

    async def _pause(self, over: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await over.wait()
        except TimeoutError:
            pass

    async def _send_all(self, postman: Postman, claimed: list[Claimed], over: asyncio.Event) -> bool:
        """Send a claim and write down what became of it; False when the server is away."""
        batch = _Batch(waiting=list(claimed))
        end = asyncio.get_running_loop().time() + BEGUN_WITHIN
        away = False
        try:
            while batch.waiting and not away and not over.is_set() and asyncio.get_running_loop().time() < end:
                row = batch.waiting[0]
                tried = await self._send_one(postman, row)
                away = tried is not None and tried.answer.result is Result.AWAY
                if not away:
                    batch.waiting.pop(0)
                    batch.put(row, tried)
        finally:
            # Also when we are stopped in the middle: what was sent must not be sent again.
            await asyncio.shield(self._write_down(batch))
        return not away

    async def _write_down(self, batch: _Batch) -> None:
        async with self.sessions.begin() as session:
            if batch.sent:
                await mail.mark_sent(session, batch.sent)
            for note, rows in ((mail.mark_cancelled, batch.cancelled), (mail.release, batch.waiting)):
                if rows:
                    await note(session, [row.id for row in rows])
            for row, tried in batch.refused:
                code = tried.answer.code
                if tried.answer.result in (Result.NEVER, Result.NOBODY):
                    blamed = [tried.email] if tried.answer.result is Result.NOBODY else []
                    await bounces.came_back(session, row.id, code, blamed)
                elif row.attempts >= MOST_TRIES and datetime.now(UTC) > row.queued_at + mail.TRIED_FOR:
                    await mail.mark_failed(session, row.id, code)
                else:
                    await mail.postpone(session, row.id, wait_before(row.attempts), code)

    async def _send_one(self, postman: Postman, row: Claimed) -> Tried | None:
        """What became of one mail, None if its cause has vanished; one that cannot be written holds up no other."""
        try:
            async with self.autocommit() as session:
                to = await self.facts.of(session, row)
            if to is None:
                return None
            letter = self.letters.render(row.kind, to.language, to.facts)
            said = self._kept(row, letter, to)
            message = envelope(self.server, letter, to, key=row.key, kind=row.kind)
        except (DBAPIError, *DatabaseUnavailable):
            raise
        except BadAddress:
            return Tried(Sent(Result.NOBODY, BAD_ADDRESS), to.email if to else "")
        except Exception as error:
            # For a day: until then a release of ours may know how to write it.
            return Tried(Sent(Result.LATER, type(error).__name__))
        sender = self.server.return_path(row.kind, row.id)
        answer = self._weighed(await postman.send(message, sender=sender, email=to.email))
        return Tried(answer, to.email, said if answer.result is Result.SENT else None)

    def _weighed(self, answer: Sent) -> Sent:
        """A refusal beside all those before it: when every mail is refused alike, each is tried again."""
        if answer.result is Result.SENT:
            self.refused_in_a_row = 0
        elif answer.result in (Result.NEVER, Result.NOBODY) and answer.code != BAD_ADDRESS:
            self.refused_in_a_row += 1
            if self.refused_in_a_row > MOST_IN_A_ROW:
                return Sent(Result.LATER, answer.code)
        return answer

    def _kept(self, row: Claimed, letter: Letter, to: Addressed) -> Said:
        """What the message centre will show. A mail without anything secret is not written a second time."""
        if not to.blanked:
            return Said(row.id, letter.subject, letter.text)
        return Said(row.id, *self.letters.words(row.kind, to.language, {**to.facts, **to.blanked}))

    async def _decisions(self, over: asyncio.Event) -> None:
        """What was lost between a commit of the pages and Temporal: decisions, and what happens at the doors."""
        overdue = timedelta(seconds=DECISION_OVERDUE)
        while not over.is_set():
            async with self.autocommit() as session:
                lost: list[Lost] = [
                    *await decisions.undelivered(session, older_than_seconds=DECISION_OVERDUE),
                    *await doors.unheard(session, overdue=overdue, asleep=DOOR_ASLEEP),
                    *await renewals.unheard(session, overdue=overdue, asleep=DOOR_ASLEEP),
                ]
            for one in lost:
                try:
                    await self.deliver(one)
                except Exception as error:
                    # Mails do not wait for it, and the next look finds it again.
                    activity.logger.warning("a signal was not delivered: %s", type(error).__name__)
            await self._pause(over, DECISION_LOOK)
