"""What a member's workflow decides by what it knows, without a workflow."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from activities.onboarding import FileState
from portal.rules.campaigns import Calendar
from portal.rules.onboarding import Deadline, DeadlineKind, IdentityState, Step
from portal.rules.refusals import Refusal
from workflows.file import MemberFile

NOW = datetime(2017, 3, 3, 21, 0, tzinfo=UTC)
DAY = timedelta(days=1)
STATE = FileState(
    step=Step.EMAIL,
    email_verified=False,
    identity=IdentityState.NONE,
    submission_id=None,
    submitted_at=None,
    own=["auditors", "pension"],
    registered=[],
    last_step_at=NOW,
    reminded=0,
    reminders_in_all=0,
    calendar=Calendar(1, NOW - DAY, NOW + 10 * DAY, NOW + 40 * DAY, NOW + 60 * DAY),
)
VERIFIED = replace(STATE, email_verified=True)
SUBMITTED = replace(VERIFIED, identity=IdentityState.SUBMITTED, submission_id=uuid4(), submitted_at=NOW)
APPROVED = replace(VERIFIED, identity=IdentityState.APPROVED)


@pytest.mark.parametrize(
    ("state", "verification", "documents", "ballots"),
    [
        (STATE, None, Refusal.EMAIL_NOT_VERIFIED, Refusal.EMAIL_NOT_VERIFIED),
        (VERIFIED, Refusal.EMAIL_ALREADY_VERIFIED, None, Refusal.DOCUMENTS_NEEDED),
        (SUBMITTED, Refusal.EMAIL_ALREADY_VERIFIED, None, None),
        (APPROVED, Refusal.EMAIL_ALREADY_VERIFIED, Refusal.IDENTITY_ALREADY_APPROVED, None),
    ],
    ids=["new", "verified", "submitted", "approved"],
)
def test_what_is_refused_early(
    state: FileState, verification: Refusal | None, documents: Refusal | None, ballots: Refusal | None
) -> None:
    file = MemberFile(state)
    assert file.may_send_verification() is verification
    assert file.may_submit_documents() is documents
    assert file.may_register(["auditors"]) is ballots


def test_only_the_documents_under_review_can_be_withdrawn() -> None:
    file = MemberFile(SUBMITTED)
    assert SUBMITTED.submission_id is not None
    assert file.may_withdraw_documents(SUBMITTED.submission_id) is None
    assert file.may_withdraw_documents(uuid4()) is Refusal.NO_DOCUMENTS


def test_another_members_ballot_is_refused_whatever_the_calendar_says() -> None:
    file = MemberFile(SUBMITTED)
    file.calendar = replace(file.calendar, closes=NOW - DAY)
    assert file.may_register(["ec-ratification"]) is Refusal.BALLOT_NOT_YOURS
    assert file.may_register([]) is Refusal.NO_BALLOT_CHOSEN
    # An instant is no reason here: this calendar may be an old one.
    assert file.may_register(["auditors", "pension"]) is None


def test_the_step_and_the_deadline_follow_what_has_happened() -> None:
    file = MemberFile(VERIFIED)
    assert (file.step, file.nearest) == (Step.IDENTITY, Deadline(DeadlineKind.REMINDER, NOW + 2 * DAY))
    file.was_reminded()
    assert file.nearest == Deadline(DeadlineKind.REMINDER, NOW + 5 * DAY)
    file.was_submitted(uuid4(), NOW + 3 * DAY)
    file.registered.update(file.own)
    assert (file.step, file.nearest) == (
        Step.REVIEW,
        Deadline(DeadlineKind.IDENTITY_EXPIRY, NOW + 33 * DAY),
    )
    file.expires_no_more()
    assert file.nearest == Deadline(DeadlineKind.END, NOW + 60 * DAY)
    file.submission_over(NOW + 8 * DAY)
    assert (file.step, file.submission_id, file.reminders_in_all) == (Step.IDENTITY, None, 1)
    assert file.nearest == Deadline(DeadlineKind.REMINDER, NOW + 10 * DAY)
    file.ended = True
    assert (file.step, file.nearest.kind) == (Step.ENDED, DeadlineKind.END)


def test_the_file_does_not_change_what_it_was_made_of() -> None:
    file = MemberFile(STATE)
    file.registered.add("auditors")
    file.own.append("president")
    assert (STATE.registered, STATE.own) == ([], ["auditors", "pension"])
