"""Where a member stands, and which deadline comes next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.identity import UNDECIDED_FOR
from portal.rules.mail import MOST_REMINDERS
from portal.rules.onboarding import (
    MEMBERS_TURN,
    REMIND_AFTER,
    Deadline,
    DeadlineKind,
    IdentityState,
    Step,
    nearest_deadline,
    step_of,
)

NONE, SUBMITTED, APPROVED, REFUSED = IdentityState
START = datetime(2017, 2, 3, 14, tzinfo=UTC)
CLOSES = datetime(2017, 3, 3, 21, tzinfo=UTC)
ENDS = datetime(2017, 3, 17, 20, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize("identity", IdentityState)
@pytest.mark.parametrize("registered", [0, 3, 7])
def test_the_address_comes_before_everything(identity: IdentityState, registered: int) -> None:
    step = step_of(email_verified=False, identity=identity, registered=registered, own_ballots=7)

    assert step is Step.EMAIL


@pytest.mark.parametrize(
    ("identity", "registered", "own", "step"),
    [
        (NONE, 0, 7, Step.IDENTITY),
        # Registered, then withdrew or was rejected: documents are needed again.
        (NONE, 7, 7, Step.IDENTITY),
        (SUBMITTED, 0, 7, Step.REGISTRATION),
        (SUBMITTED, 6, 7, Step.REGISTRATION),
        (SUBMITTED, 7, 7, Step.REVIEW),
        (APPROVED, 0, 6, Step.REGISTRATION),
        (APPROVED, 5, 6, Step.REGISTRATION),
        (APPROVED, 6, 6, Step.DONE),
        (APPROVED, 5, 5, Step.DONE),
        # A dues-payer has no ballot to register for.
        (SUBMITTED, 0, 0, Step.REVIEW),
        (APPROVED, 0, 0, Step.DONE),
    ],
)
def test_the_step_follows_from_what_is_missing(identity: IdentityState, registered: int, own: int, step: Step) -> None:
    assert step_of(email_verified=True, identity=identity, registered=registered, own_ballots=own) is step


def nearest(**changes: object) -> Deadline:
    facts: dict[str, object] = {
        "step": Step.IDENTITY,
        "last_step_at": START,
        "reminded": 0,
        "reminders_in_all": 0,
        "submitted_at": None,
        "closes": CLOSES,
        "ends": ENDS,
    }
    return nearest_deadline(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "kind", "at"),
    [
        ({}, DeadlineKind.REMINDER, START + 2 * DAY),
        ({"reminded": 1, "reminders_in_all": 1}, DeadlineKind.REMINDER, START + 5 * DAY),
        ({"reminded": 2, "reminders_in_all": 2}, DeadlineKind.END, ENDS),
        # Five in all, whoever sent them.
        ({"reminders_in_all": 4}, DeadlineKind.REMINDER, START + 2 * DAY),
        ({"reminders_in_all": 5}, DeadlineKind.END, ENDS),
        # Nobody is reminded of a step that comes too late.
        ({"last_step_at": CLOSES - 2 * DAY}, DeadlineKind.END, ENDS),
        (
            {"last_step_at": CLOSES - 2 * DAY - timedelta(seconds=1)},
            DeadlineKind.REMINDER,
            CLOSES - timedelta(seconds=1),
        ),
        # Nobody is reminded when it is not their turn.
        ({"step": Step.REVIEW}, DeadlineKind.END, ENDS),
        ({"step": Step.DONE}, DeadlineKind.END, ENDS),
        # Thirty days without a decision.
        ({"step": Step.REVIEW, "submitted_at": START}, DeadlineKind.IDENTITY_EXPIRY, START + 30 * DAY),
        ({"step": Step.REVIEW, "submitted_at": CLOSES}, DeadlineKind.END, ENDS),
        # Registering is still missing while the documents wait: the earlier of both.
        ({"step": Step.REGISTRATION, "submitted_at": START}, DeadlineKind.REMINDER, START + 2 * DAY),
        (
            {"step": Step.REGISTRATION, "submitted_at": START - 29 * DAY},
            DeadlineKind.IDENTITY_EXPIRY,
            START + DAY,
        ),
    ],
)
def test_the_nearest_deadline(changes: dict[str, object], kind: DeadlineKind, at: datetime) -> None:
    assert nearest(**changes) == Deadline(kind, at)


moments = st.datetimes(datetime(2017, 1, 1), datetime(2017, 12, 31)).map(  # noqa: DTZ001
    lambda naive: naive.replace(tzinfo=UTC)
)


@given(
    step=st.sampled_from(Step),
    last_step_at=moments,
    reminded=st.integers(0, 4),
    in_all=st.integers(0, 8),
    since=st.none() | st.timedeltas(timedelta(0), 30 * DAY),
    closes=st.timedeltas(timedelta(0), 60 * DAY),
)
def test_a_deadline_is_never_after_the_end_nor_before_the_members_last_step(
    step: Step, last_step_at: datetime, reminded: int, in_all: int, since: timedelta | None, closes: timedelta
) -> None:
    # Documents were sent at or before the last step, and are not overdue yet.
    submitted_at = None if since is None else last_step_at - since
    deadline = nearest_deadline(
        step=step,
        last_step_at=last_step_at,
        reminded=reminded,
        reminders_in_all=in_all,
        submitted_at=submitted_at,
        closes=last_step_at + closes,
        ends=last_step_at + closes + 14 * DAY,
    )

    assert last_step_at <= deadline.at <= last_step_at + closes + 14 * DAY
    if deadline.kind is DeadlineKind.REMINDER:
        assert step in MEMBERS_TURN
        assert in_all < MOST_REMINDERS
        assert deadline.at - last_step_at in REMIND_AFTER
        assert deadline.at < last_step_at + closes
    if deadline.kind is DeadlineKind.IDENTITY_EXPIRY:
        assert submitted_at is not None
        assert deadline.at == submitted_at + UNDECIDED_FOR


@given(last_step_at=moments, in_all=st.integers(0, 5))
def test_a_member_who_does_nothing_hears_at_most_twice_then_the_end_comes(last_step_at: datetime, in_all: int) -> None:
    reminded = 0
    while True:
        deadline = nearest_deadline(
            step=Step.EMAIL,
            last_step_at=last_step_at,
            reminded=reminded,
            reminders_in_all=in_all + reminded,
            submitted_at=None,
            closes=last_step_at + 20 * DAY,
            ends=last_step_at + 30 * DAY,
        )
        if deadline.kind is DeadlineKind.END:
            break
        reminded += 1

    assert reminded == min(2, MOST_REMINDERS - in_all)
