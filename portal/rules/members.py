"""Who is on the roll, in which group and in what standing."""

from enum import StrEnum


class Group(StrEnum):
    EC = "EC"
    TR = "TR"
    BDP = "BdP"


class Standing(StrEnum):
    """A dues-payer pays like a member and is not one (brief §2)."""

    MEMBER = "member"
    DUES_PAYER = "dues-payer"


class Language(StrEnum):
    FR = "fr"
    EN = "en"
