"""Requests at the doors of the demo: one that waits for an answer, one whose answer is late, one accepted last week."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from deploy.cast import Person
from deploy.people import DOMAIN
from portal.rules.doors import ANSWER_WITHIN, STAFF_REMINDED, Door, Moment, Status, Verdict
from portal.rules.links import hash_of, token_of
from portal.rules.mail import MailKind, lane
from portal.rules.members import Standing
from portal.store.doors import DoorRequest
from portal.store.mail import Mail

_DAY = timedelta(days=1)
# Who is on no roll yet.
_STRANGER = {
    "given_name": "Cyrano", "family_name": "de Bergerac", "street": "20, rue de l'Hôtel-de-Ville", "city": "Gatineau",
    "province": "QC", "postal_code": "J8X 4H2", "employer": "Bureau de la traduction", "group": "TR",
    "language": "fr", "declaration": "yes",
}  # fmt: skip


def some_requests(
    people: Sequence[tuple[Person, UUID]], operator_id: UUID, secret: bytes, now: datetime
) -> tuple[list[DoorRequest], list[Mail]]:
    """The requests, and the mails that were sent about them by now."""
    nameless = next(person for person, _ in people if person.email is None)
    joined, joined_id = next((p, i) for p, i in people if p.standing is Standing.MEMBER and p.email is not None)
    waiting = _request(Door.REGISTER_EMAIL, _typed(nameless), nameless.name.email, now - _DAY, secret)
    waiting.number = nameless.number
    late = _request(Door.JOIN, _STRANGER, f"cyrano.debergerac@{DOMAIN}", now - 6 * _DAY, secret)
    accepted = _request(Door.JOIN, {**_STRANGER, **_typed(joined)}, joined.name.email, now - 9 * _DAY, secret)
    accepted.member_id, accepted.number = joined_id, joined.number
    accepted.status, accepted.verdict = Status.ACCEPTED.value, Verdict.ACCEPT.value
    accepted.decided_by = operator_id
    accepted.decided_at = accepted.ended_at = now - 7 * _DAY
    mails = [_sent(MailKind.DOOR_RECEIVED, one, one.proven_at) for one in (waiting, late, accepted)]
    mails.append(_sent(MailKind.WELCOME, accepted, accepted.ended_at))
    mails.append(_sent(MailKind.DOOR_LATE, late, late.proven_at, ANSWER_WITHIN))
    for moment, after in ((Moment.STAFF_REMINDER, STAFF_REMINDED), (Moment.LATE, ANSWER_WITHIN)):
        mails.append(_sent(MailKind.STAFF_WAITING, late, late.proven_at, after, moment.value, operator_id))
    return [waiting, late, accepted], mails


def _typed(person: Person) -> dict[str, str]:
    return {
        "number": person.number, "given_name": person.name.given, "family_name": person.name.family,
        "postal_code": person.home.postal_code,
    }  # fmt: skip


def _request(door: Door, said: dict[str, str], email: str, asked_at: datetime, secret: bytes) -> DoorRequest:
    request_id = uuid4()
    return DoorRequest(
        id=request_id, kind=door.value, status=Status.PROVEN.value, language="fr", email=email, said=said,
        token_hash=hash_of(token_of(secret, request_id)), asked_at=asked_at, proven_at=asked_at + timedelta(hours=1),
    )  # fmt: skip


def _sent(
    kind: MailKind, request: DoorRequest, since: datetime | None, after: timedelta = timedelta(0),
    occasion: str = "once", account_id: UUID | None = None,
) -> Mail:  # fmt: skip
    """As the workflow would have had it sent: what it does when it starts finds these done."""
    assert since is not None
    return Mail(
        id=uuid4(), key=f"{kind}:{request.id}:{occasion}:{account_id or request.id}", kind=kind.value,
        lane=lane(kind).value, account_id=account_id, request_id=None if account_id else request.id,
        facts={"request_id": str(request.id)}, queued_at=since + after, due_at=since + after, sent_at=since + after,
        attempts=1,
    )  # fmt: skip
