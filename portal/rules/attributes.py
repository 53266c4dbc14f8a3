"""What operators may search Temporal by: codes, figures and instants, never a person.

Values stay readable in Temporal's own database: nothing may be added here that names anybody.
"""

from enum import StrEnum


class Attribute(StrEnum):
    """The search attributes, under the names that the Temporal UI shows."""

    CAMPAIGN = "PortalCampaign"
    # Of a file: its step. Of a request at a door: its status.
    STEP = "PortalStep"
    GROUP = "PortalGroup"
    # Since when it waits at that step.
    WAITING_SINCE = "PortalWaitingSince"
    # How many submissions of identity documents there have been.
    ATTEMPT = "PortalAttempt"


class Kind(StrEnum):
    """How Temporal keeps one."""

    KEYWORD = "Keyword"
    DATETIME = "Datetime"
    INT = "Int"


KINDS: dict[Attribute, Kind] = {
    Attribute.CAMPAIGN: Kind.KEYWORD,
    Attribute.STEP: Kind.KEYWORD,
    Attribute.GROUP: Kind.KEYWORD,
    Attribute.WAITING_SINCE: Kind.DATETIME,
    Attribute.ATTEMPT: Kind.INT,
}
