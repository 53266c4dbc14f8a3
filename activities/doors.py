"""What a request at one of the doors does to the records: reminded of, answered, applied or lapsed."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.onboarding import Policy
from portal.rules.accounts import Purpose, Role
from portal.rules.doors import FIRST_LINK_VALID, OVER, Door, Moment, Reason, Status, Verdict
from portal.rules.links import hash_of, token_of
from portal.rules.mail import MailKind, send_at
from portal.rules.members import Standing
from portal.store import Session, Sessions, accounts, campaigns, doors, journal, links, members, onboarding
from portal.store import mail as outbox
from portal.store.accounts import Account
from portal.store.doors import DoorRequest
from portal.store.members import Member
from portal.text import TORONTO

# Asks a member's workflow in a campaign, if it runs, to take the file up from the records. Given by the worker.
LookAgain = Callable[[str, UUID], Awaitable[None]]


@dataclass(frozen=True)
class RequestOf:
    """Which request: all that a workflow is told."""

    request_id: UUID


@dataclass(frozen=True)
class MomentOf:
    request_id: UUID
    moment: Moment
    # Which one of those that come back.
    turn: int = 0


@dataclass(frozen=True)
class RequestState:
    """Where a request stands, in codes and instants."""

    status: Status
    asked_at: datetime
    proven_at: datetime | None = None
    # Whose file now stands differently.
    member_id: UUID | None = None


@dataclass(frozen=True)
class FileToLookAt:
    member_id: UUID


class DoorActivities:
    """One transaction each; a repeat finds the status changed, or the mail's key taken."""

    def __init__(self, sessions: Sessions, policy: Policy, link_secret: bytes, look: LookAgain) -> None:
        self.sessions = sessions
        self.policy = policy
        self.link_secret = link_secret
        self.look = look

    @activity.defn
    async def take_up_request(self, order: RequestOf) -> RequestState:
        """Read the request; from here on the relay knows that its workflow has heard of it."""
        async with self.sessions.begin() as session:
            request = await self._held(session, order.request_id)
            status = Status(request.status)
            return RequestState(
                status,
                request.asked_at,
                request.proven_at,
                request.member_id if status is Status.ACCEPTED else None,
            )

    @activity.defn
    async def meet_moment(self, order: MomentOf) -> None:
        """What time brings about, unless the request has moved on by itself."""
        async with self.sessions.begin() as session:
            request = await self._held(session, order.request_id)
            status = Status(request.status)
            if status is Status.ASKED and order.moment is Moment.PROOF_REMINDER:
                if await doors.is_newest_unproven(session, request):
                    await self._mail(session, request, MailKind.DOOR_PROOF, "reminder", facts={"reminder": "yes"})
            elif status is Status.ASKED and order.moment is Moment.LAPSE:
                await self._close(session, request, Status.LAPSED, code=Status.LAPSED.value)
                # Many forms with one address are one reminder and one end, not a mail for each (T114).
                if await doors.is_newest_unproven(session, request):
                    await self._mail(session, request, MailKind.DOOR_LAPSED)
            elif status is Status.PROVEN and order.moment is Moment.RECEIVED:
                await self._received(session, request)
            elif status is Status.PROVEN and order.moment in (Moment.STAFF_REMINDER, Moment.LATE):
                if order.moment is Moment.LATE:
                    await self._mail(session, request, MailKind.DOOR_LATE)
                await self._remind_staff(session, request, order.moment.value)
            elif status is Status.PROVEN and order.moment is Moment.STILL_WAITING:
                await self._remind_staff(session, request, f"{order.moment}-{order.turn}")

    @activity.defn
    async def apply_request_decision(self, order: RequestOf) -> None:
        """What somebody at the desk decided; back to the desk if the records no longer allow it."""
        async with self.sessions.begin() as session:
            request = await self._held(session, order.request_id)
            if request.status != Status.DECIDED.value:
                return
            if request.verdict == Verdict.REFUSE.value:
                await self._refuse(session, request)
            elif await doors.stands(session, request):
                await self._accept(session, request)
            else:
                doors.back_to_the_desk(request)
                await journal.write(
                    session, "request-returned", actor=journal.SYSTEM, member_id=request.member_id,
                    subject_id=request.id,
                )  # fmt: skip
                await self._remind_staff(session, request, f"returned-{uuid4()}")

    @activity.defn
    async def look_again_at_file(self, order: FileToLookAt) -> None:
        """Let the member's workflow go on from what has just changed, if there is a campaign and a file."""
        async with self.sessions.begin() as session:
            campaign = await campaigns.current(session)
            file = await onboarding.of_member(session, campaign.id, order.member_id) if campaign else None
        if campaign is not None and file is not None and file.ended_at is None:
            await self.look(campaign.code, order.member_id)

    async def _held(self, session: Session, request_id: UUID) -> DoorRequest:
        request = await doors.take_up(session, request_id)
        if request is None:
            raise ApplicationError("no such request", type="NoSuchRequest", non_retryable=True)
        return request

    # --- endings --------------------------------------------------------------------------------------------

    async def _received(self, session: Session, request: DoorRequest) -> None:
        """Who proved to read the mailbox of a member needs nobody's decision to hear that they are one."""
        account = await accounts.by_email(session, request.email or "")
        member = await members.by_id(session, account.member_id) if account and account.member_id else None
        if request.door is Door.JOIN and member is not None and member.standing == Standing.MEMBER.value:
            request.reason = Reason.ALREADY_MEMBER.value
            await self._close(session, request, Status.REFUSED, code=Reason.ALREADY_MEMBER.value)
            await self._mail(session, request, MailKind.ALREADY_MEMBER)
        else:
            await self._mail(session, request, MailKind.DOOR_RECEIVED)

    async def _refuse(self, session: Session, request: DoorRequest) -> None:
        why = request.refused_for
        await self._close(session, request, Status.REFUSED, code=request.reason)
        await self._mail(
            session, request, MailKind.ALREADY_MEMBER if why is Reason.ALREADY_MEMBER else MailKind.DOOR_REFUSED
        )
        if request.door is not Door.REGISTER_EMAIL or request.number is None:
            return
        member = await members.by_number(session, request.number)
        on_file = await accounts.of_member(session, member.id) if member is not None else None
        # Whoever knows the number may be an acquaintance: the owner hears of it, whatever the reason (T18).
        if on_file is not None and on_file.email not in (None, request.email):
            await self._mail(session, request, MailKind.ADDRESS_ON_FILE, account_id=on_file.id)

    async def _accept(self, session: Session, request: DoorRequest) -> None:
        member = await self._member(session, request)
        account = await self._account(session, member, request)
        link_id = await self._first_link(session, account, request)
        await self._close(session, request, Status.ACCEPTED, code=Status.ACCEPTED.value)
        kind = MailKind.WELCOME if request.door is Door.JOIN else MailKind.EMAIL_REGISTERED
        await self._mail(session, request, kind, facts={"link_id": str(link_id)} if link_id else {})

    async def _member(self, session: Session, request: DoorRequest) -> Member:
        """The entry of the roll: the one there is, in good standing, or a new one as typed and compared."""
        request.member_id = request.member_id or request.compared_id
        if request.member_id is None:
            said = request.said
            assert request.roll_number is not None and request.roll_group is not None, "decided with both"
            request.member_id = await members.enrol(
                session, number=request.roll_number, given_name=said["given_name"], family_name=said["family_name"],
                street=said["street"], city=said["city"], province=said["province"], postal_code=said["postal_code"],
                group=request.roll_group, standing=Standing.MEMBER.value, language=said["language"],
            )  # fmt: skip
        member = await members.by_id(session, request.member_id)
        assert member is not None, "an entry of the roll is never deleted"
        if request.door is Door.JOIN:
            member.standing = Standing.MEMBER.value
        return member

    async def _account(self, session: Session, member: Member, request: DoorRequest) -> Account:
        """The way in: an address on file stays, one that was missing is the proven one."""
        account = await accounts.open_for(session, member.id)
        if account.email is None:
            account.email = request.email
        if account.email == request.email and account.email_verified_at is None:
            account.email_verified_at = datetime.now(UTC)
        await session.flush()
        return account

    async def _first_link(self, session: Session, account: Account, request: DoorRequest) -> UUID | None:
        """For whoever has no password yet: the answer leads straight to choosing one."""
        if account.password_hash is not None or account.email != request.email:
            return None
        link_id = uuid5(NAMESPACE_OID, f"first-link:{request.id}")
        made = await links.make(
            session, link_id=link_id, account=account, purpose=Purpose.RENEWAL,
            token_hash=hash_of(token_of(self.link_secret, link_id)), valid=FIRST_LINK_VALID,
        )  # fmt: skip
        return link_id if made else None

    async def _close(self, session: Session, request: DoorRequest, status: Status, *, code: str | None) -> None:
        assert status in OVER
        await doors.end(session, request, status)
        await journal.write(
            session, "request-closed", actor=journal.SYSTEM, member_id=request.member_id, subject_id=request.id,
            code=code, key=f"request-closed:{request.id}",
        )  # fmt: skip

    # --- mails ----------------------------------------------------------------------------------------------

    async def _remind_staff(self, session: Session, request: DoorRequest, occasion: str) -> None:
        for account_id in await accounts.with_role(session, Role.OPERATOR):
            await self._mail(session, request, MailKind.STAFF_WAITING, occasion, account_id=account_id)

    async def _mail(
        self, session: Session, request: DoorRequest, kind: MailKind, occasion: str = "once", *,
        account_id: UUID | None = None, facts: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """To the address that was typed, or to an account; the same occasion is one mail."""
        to = account_id or request.id
        await outbox.queue(
            session,
            outbox.to_queue(
                key=f"{kind}:{request.id}:{occasion}:{to}",
                kind=kind,
                account_id=account_id,
                request_id=None if account_id else request.id,
                campaign_id=None,
                due_at=send_at(kind, due=datetime.now(UTC), to=str(to), courtesy=self.policy.courtesy, zone=TORONTO),
                facts={"request_id": str(request.id), **(facts or {})},
            ),
        )
