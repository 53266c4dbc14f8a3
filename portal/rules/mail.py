"""Which mails the union writes, how urgent each is, and when none may leave."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from hashlib import sha256
from zoneinfo import ZoneInfo


class MailKind(StrEnum):
    INVITATION = "invitation"
    VERIFICATION = "verification"
    RENEWAL = "renewal"
    DOCUMENTS_RECEIVED = "documents-received"
    APPROVED = "approved"
    REJECTED = "rejected"
    IDENTITY_REFUSED = "identity-refused"
    APPEAL_RECEIVED = "appeal-received"
    APPEAL_LATE = "appeal-late"
    # To the staff: a case needs somebody else, or an appeal is late.
    REVIEW_WAITING = "review-waiting"
    EXPIRED = "expired"
    REGISTERED = "registered"
    REMINDER = "reminder"
    VOTING_OPEN = "voting-open"
    NOT_YET_VOTED = "not-yet-voted"
    # Somebody of the staff has noted that they vote by mail: online voting is closed to them.
    ON_PAPER = "on-paper"
    PARTICIPATION = "participation"
    # A provisional vote counts now, or was set aside.
    VOTE_SETTLED = "vote-settled"
    CLOSED = "closed"
    CAMPAIGN_CANCELLED = "campaign-cancelled"
    CLOSING_MOVED = "closing-moved"
    RESULTS = "results"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105  (a mail, not a password)
    # The doors beside the entrance.
    DOOR_PROOF = "door-proof"
    DOOR_LAPSED = "door-lapsed"
    DOOR_RECEIVED = "door-received"
    DOOR_LATE = "door-late"
    DOOR_REFUSED = "door-refused"
    EMAIL_REGISTERED = "email-registered"
    WELCOME = "welcome"
    ALREADY_MEMBER = "already-member"
    ADDRESS_ON_FILE = "address-on-file"
    STAFF_WAITING = "staff-waiting"
    STAFF_INVITATION = "staff-invitation"
    STAFF_SIGNED_IN = "staff-signed-in"
    STAFF_ALARM = "staff-alarm"


class Lane(StrEnum):
    """Two lanes of the relay, so that a bulk run never delays what somebody waits for."""

    URGENT = "urgent"
    BULK = "bulk"


# What the member asked for or did a moment ago: it may leave at any hour.
JUST_ASKED = frozenset(
    {
        MailKind.VERIFICATION, MailKind.RENEWAL, MailKind.DOCUMENTS_RECEIVED, MailKind.APPEAL_RECEIVED,
        MailKind.REGISTERED, MailKind.PASSWORD_CHANGED, MailKind.DOOR_PROOF, MailKind.DOOR_RECEIVED,
        MailKind.PARTICIPATION, MailKind.ON_PAPER, MailKind.ALREADY_MEMBER, MailKind.STAFF_INVITATION,
        MailKind.STAFF_SIGNED_IN,
    }
)  # fmt: skip

# Whoever reads one of these in the mailbox can act with it: its link and its code are shown nowhere else.
CARRIES_A_KEY = frozenset({MailKind.VERIFICATION, MailKind.RENEWAL, MailKind.STAFF_INVITATION})

# To everybody at one instant, hence through the bulk lane and spread.
TO_EVERYBODY = frozenset(
    {
        MailKind.INVITATION, MailKind.VOTING_OPEN, MailKind.NOT_YET_VOTED, MailKind.CLOSED,
        MailKind.CAMPAIGN_CANCELLED, MailKind.CLOSING_MOVED, MailKind.RESULTS,
    }
)  # fmt: skip

# What a person may do without: these alone carry List-Unsubscribe, since only these it silences. That a vote is held,
# open or over is owed to every voter, reminders or not: an invitation tells of a vote, it does not repeat itself.
REMINDERS = frozenset({MailKind.REMINDER, MailKind.NOT_YET_VOTED})

# Reminders of a missing step, the member's own and the campaign's together.
MOST_REMINDERS = 5


def lane(kind: MailKind) -> Lane:
    """Nobody waits for a reminder; the campaign's own goes to thousands at once, and so do the last hour's votes."""
    by_the_thousand = kind in TO_EVERYBODY or kind in (MailKind.REMINDER, MailKind.PARTICIPATION)
    return Lane.BULK if by_the_thousand else Lane.URGENT


@dataclass(frozen=True, slots=True)
class Courtesy:
    """When mail may leave: the quiet hours (local, whole hours) and over how long a crowd is spread."""

    quiet_from: int = 21
    quiet_until: int = 7
    spread: timedelta = timedelta(minutes=30)

    def is_quiet(self, at: datetime, zone: ZoneInfo) -> bool:
        hour = at.astimezone(zone).hour
        if self.quiet_from == self.quiet_until:
            return False
        if self.quiet_from < self.quiet_until:
            return self.quiet_from <= hour < self.quiet_until
        return hour >= self.quiet_from or hour < self.quiet_until

    def earliest(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The first moment at or after `at` that is not quiet."""
        if not self.is_quiet(at, zone):
            return at
        local = at.astimezone(zone)
        day = local.date()
        if local.hour >= self.quiet_until:
            day += timedelta(days=1)
        return datetime.combine(day, time(self.quiet_until), zone).astimezone(at.tzinfo)


def send_at(kind: MailKind, *, due: datetime, to: str, courtesy: Courtesy, zone: ZoneInfo) -> datetime:
    """When a mail of this kind, due now, may leave for this person.

    What was just asked for leaves at once. Anything else waits for the end of the quiet hours. A notice to
    everybody is spread over `courtesy.spread` by a hash of the person, so a repeated run gives the same moment.
    """
    if kind in JUST_ASKED:
        return due
    start = courtesy.earliest(due, zone)
    if kind not in TO_EVERYBODY:
        return start
    share = int.from_bytes(sha256(f"{kind}:{to}".encode()).digest()[:4]) / 2**32
    return courtesy.earliest(start + courtesy.spread * share, zone)
