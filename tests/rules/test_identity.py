"""Which documents make a set, and that a rejection always says why."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.identity import (
    ACCEPTED,
    ERASURE_TARGET,
    KINDS,
    NOTE_MAX_LENGTH,
    OVER,
    UNDECIDED_FOR,
    Proof,
    Reason,
    SubmissionStatus,
    Verdict,
    certificate_number,
    complete_set,
    erased_by,
    reason_given,
)  # fmt: skip
from portal.rules.refusals import Refusal

BY_PROOF = {proof: [kind.code for kind in ACCEPTED if kind.proof is proof] for proof in Proof}


@pytest.mark.parametrize("code", BY_PROOF[Proof.BOTH])
def test_one_card_with_photo_and_address_is_enough(code: str) -> None:
    assert complete_set([code]) is None


@pytest.mark.parametrize("code", BY_PROOF[Proof.PHOTO] + BY_PROOF[Proof.ADDRESS])
def test_half_a_proof_asks_for_the_other_half(code: str) -> None:
    assert complete_set([code]) is Refusal.SECOND_DOCUMENT_MISSING


@pytest.mark.parametrize(("photo", "address"), [*product(BY_PROOF[Proof.PHOTO], BY_PROOF[Proof.ADDRESS])])
def test_a_photo_and_an_address_make_a_set_in_either_order(photo: str, address: str) -> None:
    assert complete_set([photo, address]) is None
    assert complete_set([address, photo]) is None


@pytest.mark.parametrize("half", [Proof.PHOTO, Proof.ADDRESS])
def test_the_same_half_twice_is_not_a_set(half: Proof) -> None:
    for first, second in product(BY_PROOF[half], repeat=2):
        assert complete_set([first, second]) is Refusal.SECOND_DOCUMENT_MISSING


@pytest.mark.parametrize(
    "kinds",
    [
        [],
        [""],
        ["health-insurance"],
        ["credit-card"],
        ["driving-licence", "sin-card"],
        ["passport", "lease", "lease"],
    ],
)
def test_nothing_what_is_not_accepted_and_too_many_are_no_set(kinds: list[str]) -> None:
    assert complete_set(kinds) is Refusal.DOCUMENT_KIND_MISSING


def test_the_list_says_every_kind_once_in_both_languages() -> None:
    assert len(KINDS) == len(ACCEPTED)
    for language in ("fr", "en"):
        names = [kind.name(language) for kind in ACCEPTED]
        assert all(names)
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("reason", Reason)
def test_a_coded_reason_is_enough_except_for_other(reason: Reason) -> None:
    refusal = reason_given(Verdict.REJECT, reason, "", "")

    assert refusal is (Refusal.REASON_NEEDED if reason is Reason.OTHER else None)


@pytest.mark.parametrize(
    ("fr", "en", "refusal"),
    [
        ("La photo est celle d'un chat.", "The photo is of a cat.", None),
        ("La photo est celle d'un chat.", "", Refusal.REASON_NEEDED),
        ("", "The photo is of a cat.", Refusal.REASON_NEEDED),
        ("La photo est celle d'un chat.", " \n\t", Refusal.REASON_NEEDED),
        ("x" * NOTE_MAX_LENGTH, "y", None),
        ("x" * (NOTE_MAX_LENGTH + 1), "y", Refusal.REASON_NEEDED),
        ("x", "y" * (NOTE_MAX_LENGTH + 1), Refusal.REASON_NEEDED),
    ],
)
def test_other_says_why_in_both_languages_and_briefly(fr: str, en: str, refusal: Refusal | None) -> None:
    assert reason_given(Verdict.REJECT, Reason.OTHER, fr, en) is refusal


def test_a_rejection_without_a_reason_is_refused_and_an_approval_needs_none() -> None:
    assert reason_given(Verdict.REJECT, None, "texte", "text") is Refusal.REASON_NEEDED
    assert reason_given(Verdict.APPROVE, None, "", "") is None


@given(submission=st.uuids(version=4), other=st.uuids(version=4))
def test_a_certificate_number_is_fixed_readable_and_of_one_submission(submission: UUID, other: UUID) -> None:
    number = certificate_number(submission)

    assert number == certificate_number(submission)
    assert [len(part) for part in number.split("-")] == [1, 4, 4, 4]
    assert (number == certificate_number(other)) == (submission.hex[:12] == other.hex[:12])


def test_every_ending_is_over_and_nothing_else_is() -> None:
    assert set(SubmissionStatus) - OVER == {SubmissionStatus.STAGED, SubmissionStatus.SUBMITTED}


AT = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
FAR = AT + timedelta(days=365)


@pytest.mark.parametrize(
    ("status", "submitted_at", "over_at", "ends", "by"),
    [
        # Nobody decides: thirty days, or the end of the campaign if that comes first; then the target.
        (SubmissionStatus.SUBMITTED, AT, None, FAR, AT + UNDECIDED_FOR + ERASURE_TARGET),
        (SubmissionStatus.SUBMITTED, AT, None, AT + timedelta(days=2), AT + timedelta(days=2) + ERASURE_TARGET),
        # Over: the target counts from there.
        (SubmissionStatus.REJECTED, AT, AT + timedelta(hours=5), FAR, AT + timedelta(hours=5) + ERASURE_TARGET),
        (SubmissionStatus.ABANDONED, None, AT + timedelta(hours=2), FAR, AT + timedelta(hours=2) + ERASURE_TARGET),
        # Never sent: the sweep finds it.
        (SubmissionStatus.STAGED, None, None, FAR, AT + timedelta(hours=3)),
    ],
)
def test_pictures_are_gone_by_an_instant_that_can_be_promised(
    status: SubmissionStatus, submitted_at: datetime | None, over_at: datetime | None, ends: datetime, by: datetime
) -> None:
    assert erased_by(status, staged_at=AT, submitted_at=submitted_at, over_at=over_at, ends=ends) == by
