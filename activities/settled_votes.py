"""« Votre vote est réglé »: told once, by whatever settles a provisional vote."""

from collections.abc import Set

from activities.onboarding import Records
from portal.rules.mail import MailKind
from portal.rules.votes import VoteState
from portal.store import Session, mail, settling
from portal.store.onboarding import Whole


async def tell(session: Session, records: Records, whole: Whole, before: Set[VoteState] = frozenset()) -> None:
    """Tell the member what their votes have come to, unless they are still open or were never in doubt.

    Asked after the act. `before` is what they were before a decision: a vote that counted then is no news.
    """
    campaign, member = whole.campaign, whole.member
    if campaign.cancelled:
        return
    now = await settling.states(session, campaign.id, member.id)
    state = None
    if VoteState.SET_ASIDE in now:
        state = VoteState.SET_ASIDE
    elif VoteState.OPEN in before and now == {VoteState.COUNTS}:
        state = VoteState.COUNTS
    if state is None:
        return
    row = records.mail(
        whole, MailKind.VOTE_SETTLED, key=settling.mail_key(campaign.id, member.id, state), facts={"state": state.value}
    )
    if row is not None:
        await mail.queue(session, row)
