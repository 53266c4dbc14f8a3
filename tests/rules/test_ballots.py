"""Whose ballot it is (T78), and until which instant one may register."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from portal.rules.ballots import Electorate, may_register, ready_to_register, registration_open
from portal.rules.members import Group, Standing
from portal.rules.refusals import Refusal
from tests.builders import BALLOTS_2017

OPENS = datetime(2017, 2, 3, 14, tzinfo=UTC)
CLOSES = datetime(2017, 3, 3, 21, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)

OF_2017 = {code: Electorate(frozenset(Group(g) for g in groups)) for code, _, groups in BALLOTS_2017}


@pytest.mark.parametrize(("group", "count"), [(Group.EC, 7), (Group.TR, 6), (Group.BDP, 5)])
def test_ec_has_seven_ballots_tr_six_and_bdp_five(group: Group, count: int) -> None:
    own = [c for c, e in OF_2017.items() if may_register(e, group=group, standing=Standing.MEMBER) is None]

    assert len(own) == count


@pytest.mark.parametrize("group", Group)
def test_a_dues_payer_has_none_and_hears_why_for_each(group: Group) -> None:
    for code, electorate in OF_2017.items():
        refusal = may_register(electorate, group=group, standing=Standing.DUES_PAYER)
        theirs = group.value in {c: g for c, _, g in BALLOTS_2017}[code]
        assert refusal is (Refusal.MEMBERS_ONLY if theirs else Refusal.BALLOT_NOT_YOURS)


@pytest.mark.parametrize(("group", "standing"), [*product(Group, Standing)])
def test_a_mandated_vote_is_for_every_employee_of_the_unit(group: Group, standing: Standing) -> None:
    mandated = Electorate(frozenset({Group.TR}), members_only=False)

    refusal = may_register(mandated, group=group, standing=standing)

    assert refusal is (None if group is Group.TR else Refusal.BALLOT_NOT_YOURS)


@pytest.mark.parametrize(
    ("at", "refusal"),
    [
        (OPENS - INSTANT, Refusal.REGISTRATION_NOT_OPEN),
        (OPENS, None),
        (CLOSES - INSTANT, None),
        (CLOSES, Refusal.REGISTRATION_CLOSED),
        (CLOSES + INSTANT, Refusal.REGISTRATION_CLOSED),
    ],
)
def test_registration_opens_at_its_instant_and_ends_before_the_closing(at: datetime, refusal: Refusal | None) -> None:
    assert registration_open(opens=OPENS, closes=CLOSES, at=at) is refusal


@pytest.mark.parametrize(
    ("email", "documents", "chosen", "refusal"),
    [
        (False, False, ["pension"], Refusal.EMAIL_NOT_VERIFIED),
        (False, True, ["pension"], Refusal.EMAIL_NOT_VERIFIED),
        (True, False, ["pension"], Refusal.DOCUMENTS_NEEDED),
        (True, True, [], Refusal.NO_BALLOT_CHOSEN),
        (True, True, ["pension", "tr-ratification"], Refusal.BALLOT_NOT_YOURS),
        (True, True, ["no-such-ballot"], Refusal.BALLOT_NOT_YOURS),
        (True, True, ["pension"], None),
        (True, True, ["pension", "auditors"], None),
    ],
)
def test_no_step_before_registering_can_be_skipped(
    email: bool, documents: bool, chosen: list[str], refusal: Refusal | None
) -> None:
    answer = ready_to_register(
        email_verified=email,
        documents_in=documents,
        chosen=chosen,
        own=["pension", "auditors", "ec-directors"],
    )

    assert answer is refusal
