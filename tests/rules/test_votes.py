"""Which reason is given first, what is shown of a turnout, and how a receipt is typed."""

from itertools import combinations

import pytest

from portal.rules.identity import SubmissionStatus
from portal.rules.refusals import Refusal
from portal.rules.votes import (
    decode,
    digest_of,
    encode,
    receipt_of,
    refusal_of,
    typed_receipt,
)  # fmt: skip

# As it is said, from what nobody can change to what the voter can; each with how it comes about.
IN_ORDER = (
    (Refusal.CAMPAIGN_CANCELLED, {"cancelled": True}),
    (Refusal.LEFT_THE_ROLL, {"left": True}),
    (Refusal.BALLOT_NOT_YOURS, {"of_group": False}),
    (Refusal.MEMBERS_ONLY, {"of_standing": False}),
    (Refusal.VOTES_ON_PAPER, {"on_paper": True}),
    (Refusal.VOTE_CLOSED, {"late": True}),
    (Refusal.VOTE_NOT_OPEN, {"early": True}),
    (Refusal.VOTE_NOT_READY, {"has_key": False}),
    (Refusal.NOT_REGISTERED, {"registered": False}),
    (Refusal.DOCUMENTS_NEEDED, {"identified": False}),
    (Refusal.VOTE_COPIED, {"copied": True}),
)
NOTHING = {
    "cancelled": False, "left": False, "of_group": True, "of_standing": True, "on_paper": False, "early": False,
    "late": False, "has_key": True, "registered": True, "identified": True, "last": None, "copied": False,
}  # fmt: skip


def test_of_two_obstacles_the_one_that_matters_more_is_said() -> None:
    for (first, one), (_, other) in combinations(IN_ORDER, 2):
        assert refusal_of(**{**NOTHING, **one, **other}) is first  # type: ignore[arg-type]


def test_without_an_obstacle_the_vote_may_be_sent_again() -> None:
    assert refusal_of(**NOTHING) is Refusal.VOTE_NOT_TAKEN  # type: ignore[arg-type]


@pytest.mark.parametrize("last", [None, *SubmissionStatus])
def test_what_is_missing_of_an_identity_depends_on_the_last_answer(last: SubmissionStatus | None) -> None:
    said = refusal_of(**{**NOTHING, "identified": False, "last": last})  # type: ignore[arg-type]
    expected = {
        SubmissionStatus.REFUSED: Refusal.IDENTITY_REFUSED,
        SubmissionStatus.REJECTED: Refusal.BETTER_PHOTO_NEEDED,
    }
    assert said is expected.get(last, Refusal.DOCUMENTS_NEEDED)  # type: ignore[arg-type]


def test_a_receipt_is_understood_however_it_is_typed() -> None:
    receipt = receipt_of(digest_of(b"a sealed vote"))
    assert typed_receipt(receipt) == receipt
    assert typed_receipt(f" {receipt.lower().replace('-', ' ')} ") == receipt
    assert typed_receipt(receipt[:-1]) is None
    assert typed_receipt(receipt[:-1] + "1") is None


def test_a_choice_is_the_same_after_it_was_packed_and_has_one_length() -> None:
    for choices in ((), (1,), (2, 7, 30)):
        packed = encode(choices)
        assert len(packed) == 64
        assert decode(packed, options=range(1, 31), most=3) == choices
    assert decode(encode((1, 2)), options=(1, 2, 3), most=1) is None
    assert decode(encode((4,)), options=(1, 2, 3), most=1) is None
