"""The record that a key was destroyed is entered only if two who held it have signed it, and not before the day."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.rules.canonical import b64, hash_of, instant, written
from portal.rules.refusals import Refusal
from portal.store import Sessions
from portal.store.campaigns import Campaign
from tests import builders, keys_of_votes
from tests.api.conftest import Visit
from tests.api.looking import change, count, says
from tests.api.person import Person
from tests.api.test_campaigns import officers

DAY = timedelta(days=1)
NOW = datetime.now(UTC)


def a_record(campaign: Campaign, /, **more: Any) -> str:
    return written({
        "format": "scrutin/destruction/v1", "campaign": campaign.code, "destroyed_at": instant(NOW),
        "public_key": b64(keys_of_votes.PUBLIC), "shares": ["a" * 64, "a" * 64], **more,
    }).decode()  # fmt: skip


def signature(record: str, number: int, campaign: Campaign, of: str = "destruction", **more: Any) -> str:
    return keys_of_votes.signed(number, of=of, campaign=campaign.code, sha256=hash_of(record.encode()), **more)


def the_record(campaign: Campaign, /, *numbers: int, **more: Any) -> list[str]:
    """What the ceremony leaves: the record and the signatures of two."""
    record = a_record(campaign, **more)
    return [record, *(signature(record, number, campaign) for number in numbers or (1, 3))]


async def send(person: Person, campaign: Campaign, texts: list[str]) -> None:
    await person.get(f"/fr/campagne/{campaign.code}/destruction")
    files = [("file", ("x.json", text.encode(), "application/json")) for text in texts]
    await person.submit("/destruction", files=files, pasted="")


async def published(sessions: Sessions, ago: timedelta = 16 * DAY) -> Campaign:
    """A campaign whose results are out for so long."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(
            session, registration_opens=-40 * DAY, opens=-30 * DAY, closes=-20 * DAY, election_key=keys_of_votes.PUBLIC
        )
    await change(sessions, "update campaign set results_at = clock_timestamp() - cast(:ago as interval)", ago=ago)
    return campaign


BAD: dict[str, tuple[Callable[[Campaign], list[str]], Refusal]] = {
    "nothing": (lambda c: [""], Refusal.FILE_MISSING),
    "no signature": (lambda c: the_record(c)[:1], Refusal.DESTRUCTION_UNSIGNED),
    "one signature": (lambda c: the_record(c)[:2], Refusal.DESTRUCTION_UNSIGNED),
    "the same officer twice": (lambda c: the_record(c, 2, 2), Refusal.DESTRUCTION_UNSIGNED),
    "one officer under two names": (
        lambda c: [*the_record(c, 1), signature(a_record(c), 1, c, by=2)], Refusal.DESTRUCTION_UNSIGNED,
    ),
    "somebody who holds no key": (
        lambda c: [*the_record(c, 1), signature(a_record(c), 4, c)], Refusal.DESTRUCTION_UNSIGNED,
    ),
    "a right one, a right one and a wrong one": (
        lambda c: [*the_record(c), signature(a_record(c), 4, c, by=2)], Refusal.DESTRUCTION_UNSIGNED,
    ),
    "a signature of something else": (
        lambda c: [*the_record(c, 1), signature(a_record(c), 2, c, of="result")], Refusal.DESTRUCTION_UNSIGNED,
    ),
    "a byte changed after it was signed": (
        lambda c: [the_record(c)[0].replace("aaa", "aab", 1), *the_record(c)[1:]], Refusal.DESTRUCTION_UNSIGNED,
    ),
    "another campaign's": (lambda c: the_record(c, campaign="autre"), Refusal.FILE_OF_ANOTHER),
    "another key's": (lambda c: the_record(c, public_key=b64(keys_of_votes.point(7))), Refusal.FILE_OF_ANOTHER),
    "before the day": (
        lambda c: the_record(c, destroyed_at=instant(NOW - DAY - timedelta(minutes=1))), Refusal.DESTROYED_TOO_EARLY,
    ),
    "signatures alone": (lambda c: the_record(c)[1:], Refusal.DESTRUCTION_UNREADABLE),
    "two records": (lambda c: [*the_record(c), a_record(c, shares=["b" * 64])], Refusal.DESTRUCTION_UNREADABLE),
    "a name too many": (lambda c: the_record(c, note="x"), Refusal.DESTRUCTION_UNREADABLE),
    "another spelling of the instant": (
        lambda c: the_record(c, destroyed_at=NOW.isoformat()), Refusal.DESTRUCTION_UNREADABLE,
    ),
    "another file": (lambda c: [*the_record(c), "{}"], Refusal.DESTRUCTION_UNREADABLE),
    "more files than there are": (lambda c: the_record(c, 1, 2, 3, 3, 3), Refusal.FILE_TOO_LARGE),
}  # fmt: skip


async def test_a_record_without_two_right_signatures_is_not_entered(visit_alone: Visit, sessions: Sessions) -> None:
    """T103: whatever is wrong with it is said, and nothing is proposed."""
    campaign = await published(sessions)
    one, _ = await officers(visit_alone, sessions)
    for what, (texts, refusal) in BAD.items():
        await send(one, campaign, texts(campaign))
        assert says(one, refusal), (what, one.page.text)
        assert await count(sessions, "select count(*) from campaign_change") == 0, what


@pytest.mark.parametrize("pasted", [False, True])
async def test_two_of_three_have_signed_and_the_second_officer_reads_who(
    visit_alone: Visit, sessions: Sessions, pasted: bool
) -> None:
    """T103: files in whatever order, or their lines one below the other; all three signatures do no harm."""
    campaign = await published(sessions)
    one, other = await officers(visit_alone, sessions)
    texts = the_record(campaign, 1, 3, *([] if pasted else [2]))[::-1]
    if pasted:
        await one.get(f"/fr/campagne/{campaign.code}/destruction")
        await one.submit("/destruction", files={"file": ("", b"")}, pasted="\r\n".join(texts))
    else:
        await send(one, campaign, texts)
    assert "Votre proposition est enregistrée" in one.page.text
    await other.get(f"/fr/campagne/{campaign.code}")
    address = next(link for link in other.page.links if "/proposition/" in link)
    await other.get(address)
    assert ("officer-1, officer-3" if pasted else "officer-1, officer-2, officer-3") in other.page.text
    assert hash_of(a_record(campaign).encode()) in other.page.text
    await other.submit(address, verdict="confirm")
    assert await count(sessions, "select count(*) from campaign where destroyed_at is not null") == 1
