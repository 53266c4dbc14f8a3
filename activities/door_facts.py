"""What the mails of the doors say, read from the request at the moment each is sent."""

from datetime import UTC, datetime
from uuid import UUID

from portal.rules.doors import ANSWER_WITHIN, PROOF_VALID, Door, Reason, Status, is_late
from portal.rules.links import token_of
from portal.rules.mail import MailKind
from portal.store import Session, accounts, doors, links, members
from portal.store.doors import DoorRequest
from portal.store.mail import Claimed
from portal.text import why_not
from portal.text.addresses import path, with_token

# A mail of these is worth nothing once its request stands differently.
ONLY_WHILE = {
    MailKind.DOOR_PROOF: Status.ASKED,
    MailKind.DOOR_RECEIVED: Status.PROVEN,
    MailKind.DOOR_LATE: Status.PROVEN,
    MailKind.STAFF_WAITING: Status.PROVEN,
}


class DoorFacts:
    """For people without an account the request says who reads the mail, and in which language."""

    def __init__(self, origin: str, link_secret: bytes) -> None:
        self.origin = origin
        self.link_secret = link_secret

    async def reader(self, session: Session, mail: Claimed) -> tuple[str, str, dict[str, object]] | None:
        """The address, language and name of whoever made the request; None once it is forgotten."""
        request = await doors.by_id(session, mail.request_id) if mail.request_id else None
        if request is None or request.email is None:
            return None
        # What a stranger typed is not sent to an address that nobody has proven.
        proven = request.proven_at is not None
        names = {name: request.said.get(name, "") if proven else "" for name in ("given_name", "family_name")}
        return request.email, request.language, {**names, "campaign": None}

    async def of(self, session: Session, mail: Claimed, language: str) -> dict[str, object] | None:
        """What this mail says besides, or None when its cause has vanished."""
        request = await doors.by_id(session, UUID(mail.facts["request_id"]))
        if request is None or request.status != ONLY_WHILE.get(mail.kind, request.status):
            return None
        facts: dict[str, object] = {
            "door": request.kind,
            "asked_at": request.asked_at,
            "answer_by": request.proven_at + ANSWER_WITHIN if request.proven_at else None,
            "proof_by": request.asked_at + PROOF_VALID,
            "late": is_late(request.proven_at, datetime.now(UTC)),
            "reminder": "reminder" in mail.facts,
            "proof_url": self.origin + with_token("prove-request", language, token_of(self.link_secret, request.id)),
            "form_url": self._url(request.kind, language),
            "sign_in_url": self._url("sign-in", language),
            "forgotten_url": self._url("forgotten", language),
            "desk_url": self.origin + path("request-case", language, request_id=request.id),
        }
        if mail.kind in (MailKind.EMAIL_REGISTERED, MailKind.WELCOME):
            facts |= await self._first_link(session, mail, language)
        if mail.kind is MailKind.WELCOME:
            facts |= await _welcome(session, request)
        if mail.kind is MailKind.DOOR_REFUSED:
            facts |= _why(request, language)
        return facts

    async def _first_link(self, session: Session, mail: Claimed, language: str) -> dict[str, object]:
        """Straight to choosing a password, if the link is still good; else by the usual doors."""
        link_id = UUID(mail.facts["link_id"]) if "link_id" in mail.facts else None
        link = await links.by_id(session, link_id) if link_id else None
        if link is None or link.refusal is not None:
            return {"link": None, "expires": None}
        return {
            "link": self.origin + with_token("new-password", language, token_of(self.link_secret, link.id)),
            "expires": link.expires_at,
        }

    def _url(self, page: str, language: str) -> str:
        return self.origin + path(page, language)


async def _welcome(session: Session, request: DoorRequest) -> dict[str, object]:
    """What this person has done already: nobody is sent to do it again."""
    member = await members.by_id(session, request.member_id) if request.member_id else None
    account = await accounts.of_member(session, member.id) if member else None
    return {
        "has_password": account is not None and account.password_hash is not None,
        "identified": member is not None and member.identity_verified_at is not None,
    }


def _why(request: DoorRequest, language: str) -> dict[str, object]:
    """Reason and remedy; for «other», what the person who decided wrote."""
    reason = request.refused_for or Reason.OTHER
    said = why_not(reason, language)
    note = request.note_fr if language == "fr" else request.note_en
    renew = reason is Reason.ADDRESS_ON_FILE and request.door is Door.REGISTER_EMAIL
    return {"reason": said.reason, "remedy": note or said.remedy, "renew": renew}
