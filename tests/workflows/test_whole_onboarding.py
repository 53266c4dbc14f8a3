"""One member from the first sign-in to approved and erased, on the real servers; and what that costs.

T59 (everything exactly once). The counts are those of performance.md §4 and go into docs/figures.md.
"""

import json
from datetime import timedelta
from uuid import UUID

import pytest

from portal.rules.identity import Verdict, certificate_number
from portal.rules.mail import MailKind
from portal.rules.onboarding import Step
from portal.store import members
from tests.builders import ballots_of
from tests.workflows.journeys import Counts, Journey, World, counts_of, until
from tests.workflows.payloads import payloads

SEVEN = ballots_of("EC")


async def to_submitted(journey: Journey) -> UUID:
    assert (await journey.sign_in()).step is Step.EMAIL
    assert (await journey.send_verification()).refusal is None
    confirmed = await journey.confirm_email(await journey.link_in_the_mail())
    assert (confirmed.refusal, confirmed.step) == (None, Step.IDENTITY)
    submission_id = await journey.upload()
    submitted = await journey.submit(submission_id)
    assert (submitted.refusal, submitted.step) == (None, Step.REGISTRATION)
    return submission_id


# As in life the member's workflow waits until nobody may undo the decision any more: that costs events.
UNDO_FOR = timedelta(seconds=1)


async def decided(journey: Journey, verdict: Verdict, reviewer_id: UUID) -> None:
    claim = await journey.world.claim(reviewer_id)
    given = await journey.world.give(claim, verdict, undo_for=UNDO_FOR)
    await journey.deliver(given.submission.id, claim.id, verdict, given.undo_until)
    await journey.erased(given.submission.id)


async def approved(journey: Journey, reviewer_id: UUID) -> Counts:
    await decided(journey, Verdict.APPROVE, reviewer_id)
    await journey.sent(MailKind.APPROVED)
    await until(journey.idle)
    return await counts_of(journey.handle)


async def test_a_member_finishes_in_one_sitting_and_is_approved(posting_world: World) -> None:
    journey = await posting_world.member()
    submission_id = await to_submitted(journey)
    assert len(await posting_world.files.stored()) == 1
    assert (await journey.register(*SEVEN)).step is Step.REVIEW

    counts = await approved(journey, await posting_world.reviewer())

    erasure = await journey.erased(submission_id)
    assert erasure.certificate == certificate_number(submission_id)
    assert (erasure.outcome, erasure.documents, erasure.versions_removed, erasure.versions_left) == (
        "approved",
        1,
        1,
        0,
    )
    assert await posting_world.files.stored() == []
    assert await journey.keys_left(submission_id) == 0
    assert (await journey.file()).step == Step.DONE.value
    async with posting_world.sessions.begin() as session:
        member = await members.by_id(session, journey.who.id)
    assert member is not None
    assert member.identity_verified_at is not None
    print(f"\none registration of 7 ballots: {counts}")  # noqa: T201
    assert counts.events <= 80
    assert counts.size <= 16 * 1024
    assert counts.transitions <= 22
    assert await journey.outbox() == {
        "verification": 1,
        "documents-received": 1,
        "registered": 1,
        "approved": 1,
    }
    await journey.sent(MailKind.REGISTERED)
    received = await journey.received()
    assert len(received) == len({message["message_id"] for message in received}) == 4
    assert await journey.actions() == {
        "file-opened": 1, "verification-asked": 1, "email-verified": 1, "documents-submitted": 1,
        "registered": 1, "decided": 1, "identity-approved": 1, "documents-erased": 1,
    }  # fmt: skip


async def test_seven_separate_registrations_stay_within_the_budget(posting_world: World) -> None:
    journey = await posting_world.member()
    await to_submitted(journey)
    for ballot in SEVEN:
        assert (await journey.register(ballot)).refusal is None

    counts = await approved(journey, await posting_world.reviewer())

    print(f"\nseven registrations: {counts}")  # noqa: T201
    # 80 before decisions could be undone (docs/decisions/0013).
    assert counts.events <= 90
    assert counts.transitions <= 25
    assert (await journey.outbox())["registered"] == 7


async def test_a_rejection_and_a_better_picture_stay_within_the_budget(posting_world: World) -> None:
    journey = await posting_world.member()
    first = await to_submitted(journey)
    await journey.register(*SEVEN)
    reviewer = await posting_world.reviewer()
    await decided(journey, Verdict.REJECT, reviewer)
    assert (await journey.file()).step == Step.IDENTITY.value
    assert await posting_world.files.stored() == []

    second = await journey.upload()
    assert (await journey.submit(second)).step is Step.REVIEW
    counts = await approved(journey, reviewer)

    print(f"\nwith one rejection and resubmission: {counts}")  # noqa: T201
    assert counts.events <= 100
    assert await posting_world.files.stored() == []
    assert (await journey.status(first), await journey.status(second)) == ("rejected", "approved")
    assert (await journey.file()).step == Step.DONE.value
    outbox = await journey.outbox()
    assert (outbox["documents-received"], outbox["rejected"], outbox["approved"]) == (2, 1, 1)


async def test_nothing_personal_reaches_temporal(posting_world: World) -> None:
    """T72: neither in a payload, nor in an id, a summary, an attribute or a failure."""
    journey = await posting_world.member()
    await to_submitted(journey)
    await journey.register(*SEVEN)
    await decided(journey, Verdict.REJECT, await posting_world.reviewer())

    history = (await journey.handle.fetch_history()).to_json()
    description = str((await journey.handle.describe()).raw_description)
    said = " ".join(str(payload) for _, payload in payloads(json.loads(history)))
    who = journey.who
    personal = [
        who.given_name, who.family_name, who.number, who.street, who.city, who.postal_code,
        journey.email, "exemple",
    ]  # fmt: skip
    for text in (history, description, said):
        assert [word for word in personal if word.casefold() in text.casefold()] == []
    assert str(who.id) in said, "the check reads what it should"


async def test_whoever_signs_in_again_finds_the_file_where_it_stands(posting_world: World) -> None:
    journey = await posting_world.member()
    await to_submitted(journey)

    assert (await journey.sign_in()).step is Step.REGISTRATION
    assert (await journey.actions())["file-opened"] == 1


@pytest.mark.parametrize("group", ["TR", "BdP"])
async def test_a_member_of_another_group_registers_for_their_own_ballots(world: World, group: str) -> None:
    journey = await world.member(verified=True, group=group)
    await journey.until_submitted()

    assert (await journey.register(*ballots_of(group))).step is Step.REVIEW
