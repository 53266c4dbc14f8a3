"""Forms of the booth that no page of ours sent: each is refused with a reason, and nothing is in the box."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence

import pytest
from sqlalchemy import select

from portal.rules.choices import value_of
from portal.rules.refusals import Refusal
from portal.rules.votes import encode
from portal.store import Sessions, votes
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.sealing import seal_vote
from tests import builders, keys_of_votes
from tests.api.booths import a_voter, in_the_box
from tests.api.conftest import Visit
from tests.api.looking import change
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


MATRIX = [
    # on the roll, registered, confirmed, in review, on paper, key
    (True, True, True, False, False, True),
    (True, True, False, True, False, True),
    (True, True, False, False, False, True),
    (True, False, False, True, False, True),
    (True, False, True, False, False, True),
    (False, True, True, False, False, True),
    (True, True, True, False, True, True),
    (True, True, True, False, False, False),
]


@pytest.mark.parametrize("state", MATRIX)
async def test_no_step_is_skipped_by_an_address(
    visit_alone: Visit, sessions: Sessions, state: tuple[bool, ...]
) -> None:
    """T77: whatever is missing, no address of the booth shows the question or takes a vote."""
    on_roll, registered, confirmed, waiting, paper, key = state
    voter = await a_voter(visit_alone, sessions, confirmed=confirmed, key=key)
    allowed = on_roll and registered and (confirmed or waiting) and not paper and key
    member = voter.member.id
    if waiting:
        await change(
            sessions,
            "insert into submission (id, campaign_id, member_id, status, list_version, submitted_at)"
            " select gen_random_uuid(), id, :m, 'submitted', '1', clock_timestamp() from campaign",
            m=member,
        )
    if not registered:
        await change(sessions, "delete from registration where member_id = :m", m=member)
    if paper:
        async with sessions.begin() as session:
            by = await builders.a_staff_account(session)
        await change(
            sessions,
            "insert into paper_voter (id, campaign_id, member_id, reason, by_id)"
            " select gen_random_uuid(), id, :m, 'asked', :by from campaign",
            m=member, by=by.id,
        )  # fmt: skip
    if not on_roll:
        await change(sessions, "update member set left_at = now() where id = :m", m=member)
    await change(sessions, "update sign_in set stepped_up_at = clock_timestamp()")
    async with sessions.begin() as session:
        ballot = (await session.scalars(select(Ballot).where(Ballot.code == "president"))).one()
        campaign = await session.get_one(Campaign, ballot.campaign_id)
        definition = await votes.definition_of(session, campaign.code, ballot)
    await voter.person.get("/fr/votes")
    token = next(f.fields["form_token"] for f in voter.person.page.forms if "form_token" in f.fields)
    sealed = seal_vote(keys_of_votes.PUBLIC, encode([1]), definition.info)
    form = {"form_token": token, "definition": definition.sha256}
    await voter.person.get("/fr/votes/president/bulletin")
    assert ("Choisissez une seule réponse" in voter.person.page.text) is allowed
    await voter.person.post("/fr/votes/president/bulletin/relecture", {**form, "choice": value_of(1)})
    assert ("Vous avez choisi : Oui" in voter.person.page.text) is allowed
    packed = urlsafe_b64encode(sealed).decode().rstrip("=")
    for more in ({"choice": value_of(1)}, {"sealed": packed}):
        await voter.person.post(DEPOSIT, {**form, **more})
        assert (len(await in_the_box(sessions)) == 1) is allowed
    if not allowed:
        assert voter.person.response.status_code in (403, 409)
        await voter.person.get("/fr/votes/president/recu")
        assert "Votre reçu" not in voter.person.page.text
