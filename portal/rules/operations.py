"""What operators look at: how far members have come, who is stuck and why, and what needs a look now."""

from datetime import timedelta
from enum import StrEnum


class Stage(StrEnum):
    """How far a member has come in the campaign; each stage holds the ones after it, but for registering.

    Registering does not wait for the review, hence the stages after it may hold more people than the identity does.
    """

    ROLL = "roll"
    SIGNED_IN = "signed-in"
    EMAIL = "email"
    DOCUMENTS = "documents"
    IDENTITY = "identity"
    SOME = "some"
    ALL = "all"
    # In every ballot they are registered for.
    VOTED = "voted"


# What leads to a list of names. Who has not voted yet is nobody's business: it is counted over everybody, and that is
# all (by group, officers see the turnout of groups that are large enough).
LISTED = tuple(stage for stage in Stage if stage is not Stage.VOTED)


class Act(StrEnum):
    """What an operator may do for a member: safe to repeat, and it takes no decision from anybody."""

    RESEND = "resend"
    REOPEN = "reopen"
    PAPER = "paper"
    # Of a case that a reviewer has open.
    RETURN = "return"


class Stuck(StrEnum):
    """Why somebody does not get on. A member has one: the first of these, since the later ones depend on it."""

    NO_ADDRESS = "no-address"
    BOUNCED = "bounced"
    UNCONFIRMED = "unconfirmed"
    REJECTED = "rejected"
    REVIEW_LATE = "review-late"
    PARTLY = "partly"
    # Found by asking Temporal, hence on a list of its own.
    NO_WORKFLOW = "no-workflow"


# Most people open a mail within a day; who has not by then has not got it, or has lost sight of it.
UNCONFIRMED_AFTER = timedelta(hours=24)
# A better photo is asked for; after two reminders' time a person should ask what is in the way.
REJECTED_AFTER = timedelta(days=3)
# As promised on the page of the doors: an answer in five working days, which is a week.
REVIEW_LATE_AFTER = timedelta(days=7)
# Registered for some ballots and not for the others: in 2017 the ballot that everybody had was cast 40 % less.
PARTLY_AFTER = timedelta(days=3)

# One safe act for each reason.
ACT_FOR = {
    # No mail reaches them: the post does.
    Stuck.NO_ADDRESS: Act.PAPER,
    # Whoever opens the link clears the mark: it is the proof that mail arrives.
    Stuck.BOUNCED: Act.RESEND,
    Stuck.UNCONFIRMED: Act.RESEND,
    # Their workflow reads the records again, arms its timers again, and delivers what is due.
    Stuck.REJECTED: Act.REOPEN,
    Stuck.REVIEW_LATE: Act.REOPEN,
    Stuck.PARTLY: Act.REOPEN,
    Stuck.NO_WORKFLOW: Act.REOPEN,
}


class PaperReason(StrEnum):
    """Why somebody votes on paper."""

    ASKED = "asked"
    NO_EMAIL = "no-email"
    NO_DEVICE = "no-device"
    ACCESSIBILITY = "accessibility"
    LOCKED_OUT = "locked-out"


class Alert(StrEnum):
    """What needs a look now."""

    DOCUMENT_OVERDUE = "document-overdue"
    DOCUMENT_LATE = "document-late"
    NUMBER_PATH_CLOSED = "number-path-closed"
    MAILS_BOUNCE = "mails-bounce"
    MAILS_WAIT = "mails-wait"
    SECOND_LOOKS_WAIT = "second-looks-wait"
    REVIEWER_OPENS_MANY = "reviewer-opens-many"
    VOTES_TO_SETTLE = "votes-to-settle"
    REQUESTS_LATE = "requests-late"
    REVIEW_LATE = "review-late"
    WORKFLOWS_MISSING = "workflows-missing"
    KEY_MISSING = "key-missing"


# Fewer is somebody's address; this many in an hour is our own name at a server.
BOUNCES_AN_HOUR = 5
# Provisional votes hold up the count: so long before the first must be settled, somebody looks.
SETTLE_SOON = timedelta(days=2)
# A mail that is due leaves in seconds: this long, and the relay or the server is away.
MAIL_WAITS_AFTER = timedelta(minutes=10)
