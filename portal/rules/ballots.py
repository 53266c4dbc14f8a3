"""Which ballots a member may register for, and when."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from portal.rules.members import Group, Standing
from portal.rules.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Electorate:
    """Whose ballot it is; a legally mandated vote is for every employee of the unit, member or not."""

    groups: frozenset[Group]
    members_only: bool = True


def may_register(electorate: Electorate, *, group: Group, standing: Standing) -> Refusal | None:
    """Why this ballot is not this person's, or None."""
    if group not in electorate.groups:
        return Refusal.BALLOT_NOT_YOURS
    if electorate.members_only and standing is not Standing.MEMBER:
        return Refusal.MEMBERS_ONLY
    return None


def registration_open(*, opens: datetime, closes: datetime, at: datetime) -> Refusal | None:
    """Registration stays open until the vote closes, that instant excluded (brief §1, §5)."""
    if at < opens:
        return Refusal.REGISTRATION_NOT_OPEN
    if at >= closes:
        return Refusal.REGISTRATION_CLOSED
    return None


def ready_to_register(
    *, email_verified: bool, documents_in: bool, chosen: Collection[str], own: Collection[str], on_paper: bool = False
) -> Refusal | None:
    """What still comes before registering for these ballots, or None.

    Whoever votes on paper votes nowhere else: nobody could tell the two votes apart afterwards.
    """
    if on_paper:
        return Refusal.VOTES_ON_PAPER
    if not email_verified:
        return Refusal.EMAIL_NOT_VERIFIED
    if not documents_in:
        return Refusal.DOCUMENTS_NEEDED
    if not chosen:
        return Refusal.NO_BALLOT_CHOSEN
    if any(ballot not in own for ballot in chosen):
        return Refusal.BALLOT_NOT_YOURS
    return None
