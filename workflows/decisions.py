"""The decisions of reviewers, from their signal to their effect: each waits for its moment, the records decide."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.identity import Applied, ApplyDecision, IdentityActivities, LateAppeal
    from portal.rules.identity import Verdict
    from portal.rules.onboarding import Deadline, DeadlineKind
    from workflows import records
    from workflows.messages import DecisionMade, MemberToOnboard

# A signal proves nothing: one that asks for a longer wait than this is taken to the records at once.
LONGEST_WAIT = timedelta(minutes=10)
# The clocks of the records and of Temporal may differ: asked too early, it is asked again no sooner than this.
ASKED_AGAIN = timedelta(seconds=1)


class Decisions:
    """Signalled and not applied yet."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Verdict, DecisionMade]] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def heard(self, verdict: Verdict, made: DecisionMade, now: datetime) -> None:
        moment = made.effective_at
        if moment is not None and not now < moment <= now + LONGEST_WAIT:
            made = replace(made, effective_at=None)
        self._waiting.append((verdict, made))

    def not_yet(self, verdict: Verdict, made: DecisionMade, until: datetime, now: datetime) -> None:
        """The records hold it, for a moment that is still to come."""
        self._waiting.append((verdict, replace(made, effective_at=max(until, now + ASKED_AGAIN))))

    def is_due(self, now: datetime) -> bool:
        return any(_due(made, now) for _, made in self._waiting)

    def take_due(self, now: datetime) -> tuple[Verdict, DecisionMade]:
        """The first whose moment has come."""
        first = next(index for index, (_, made) in enumerate(self._waiting) if _due(made, now))
        return self._waiting.pop(first)

    def nearest(self, deadline: Deadline) -> Deadline:
        """The deadline, or the moment of a decision that comes before it.

        The end of the campaign waits for what was decided before it.
        """
        moments = [made.effective_at for _, made in self._waiting if made.effective_at is not None]
        if moments and (min(moments) < deadline.at or deadline.kind is DeadlineKind.END):
            return Deadline(DeadlineKind.DECISION, min(moments))
        return deadline


def _due(made: DecisionMade, now: datetime) -> bool:
    return made.effective_at is None or made.effective_at <= now


async def apply(whose: MemberToOnboard, verdict: Verdict, made: DecisionMade) -> Applied:
    """Ask the records whether it was decided so, and let it take effect."""
    return await records.write(
        IdentityActivities.apply_decision,
        ApplyDecision(whose.campaign_id, whose.member_id, made.submission_id, made.claim_id, verdict),
        f"decision: {verdict}",
    )


async def apologise(whose: MemberToOnboard, submission_id: UUID) -> None:
    """The answer to an appeal was promised by now."""
    await records.write(
        IdentityActivities.appeal_late,
        LateAppeal(whose.campaign_id, whose.member_id, submission_id),
        "apologise for the late answer to an appeal",
    )
