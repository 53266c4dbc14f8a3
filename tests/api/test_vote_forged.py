"""Forms of the booth that no page of ours sent: each is refused with a reason, and nothing is in the box."""

from collections.abc import Sequence

from sqlalchemy import select

from portal.rules.choices import value_of
from portal.rules.refusals import Refusal
from portal.store import Sessions
from portal.store.campaigns import Campaign
from tests.api.booths import a_voter, in_the_box
from tests.api.conftest import Visit
from tests.api.test_documents import says

DEPOSIT = "/fr/votes/president/bulletin/depot"


async def test_only_the_answers_of_this_ballot_are_taken_and_no_more_than_it_allows(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T79: a number of another ballot, two answers, signs, spaces, other digits, names, nothing at all."""
    voter = await a_voter(visit_alone, sessions)
    await voter.enter()
    wrong: list[tuple[Sequence[int | str], Refusal]] = [
        ([], Refusal.NOTHING_CHOSEN),
        ([1, 2], Refusal.TOO_MANY_CHOICES),
        ([1, "blank"], Refusal.BLANK_AND_MORE),
        *(
            ([value], Refusal.CHOICE_UNKNOWN)
            for value in (
                "1", "4", "00004", "0", "-1",
                "000001", "1e9", "1000000000", "65537", "01", "+1", " 1", "1.0", "١", "true", "null", "[1]", "{}",
                "Oui", "", "BLANK", "1,2", "<b>1</b>",
            )
        ),
        ([1, 1], Refusal.CHOICE_UNKNOWN),
        (["blank", "blank"], Refusal.CHOICE_UNKNOWN),
    ]  # fmt: skip
    for choice, refusal in wrong:
        for send in (voter.review, voter.cast):
            person = await send(*choice)
            assert (person.response.status_code, says(person, refusal)) == (422, True), choice
    await voter.enter("ec-directors")
    for choice, refusal in (
        ([1, 2, 3], Refusal.TOO_MANY_CHOICES),
        ([1, 4], Refusal.CHOICE_UNKNOWN),
    ):
        person = await voter.cast(*choice, code="ec-directors")
        assert (person.response.status_code, says(person, refusal)) == (422, True), choice
    assert await in_the_box(sessions) == []


async def test_a_sealed_vote_has_one_form(visit_alone: Visit, sessions: Sessions) -> None:
    """T79: too short, too long, other letters, padded, no key at its head, or together with a choice."""
    voter = await a_voter(visit_alone, sessions)
    await voter.enter()
    good = "B" + "A" * 193
    wrong = [
        "A",
        good[:-1],
        good + "A",
        good + "==",
        good[:-1] + "+",
        good[:-1] + "é",
        "A" * 194,
        "=" * 194,
        "\n" + good,
    ]
    for sealed in wrong:
        person = await voter.cast(sealed=sealed)
        assert person.response.status_code == 422
        assert says(person, Refusal.VOTE_UNREADABLE), sealed
    person = await voter.cast(1, sealed=good)
    assert says(person, Refusal.VOTE_UNREADABLE)
    # What is longer than any form of ours, or has a field of its own, is refused unread.
    form = voter.form
    for more in ({"sealed": "A" * 5000}, {"option": "1"}, {"choice[]": "1"}):
        await person.post(DEPOSIT, {**form, **more})
        assert person.response.status_code == 422
    assert await in_the_box(sessions) == []


async def test_a_form_sent_from_elsewhere_casts_nothing(visit_alone: Visit, sessions: Sessions) -> None:
    """T25: with a valid cookie, and even with the token of another session."""
    voter = await a_voter(visit_alone, sessions)
    await voter.enter()
    form = {**voter.form, "choice": value_of(1)}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        assert (await voter.person.post(DEPOSIT, form, headers=headers)).status_code == 403
    async with sessions.begin() as session:
        campaign = (await session.scalars(select(Campaign))).one()
    other = await a_voter(visit_alone, sessions, campaign)
    await other.enter()
    assert (await other.person.post(DEPOSIT, form)).status_code == 403
    assert await in_the_box(sessions) == []
