"""A whole vote in real browsers, from the ceremony to the published result: two counts, no choice written anywhere."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser
from sqlalchemy import text

from deploy.servers import start_temporal
from portal.rules.canonical import fingerprint
from portal.rules.vote_files import read_election, read_result
from portal.rules.votes import YES, receipt_of
from tests.journeys.choices import CHOICE, KEY, RECEIPT, Sought, found, places, plant, written_down
from tests.journeys.election_day import CANARIES, CROWD, Day
from tests.journeys.mails import until
from tests.journeys.officers import Officers
from tests.journeys.people import Town
from tests.journeys.stack import Stack
from tests.journeys.tab import visiting


@pytest.mark.timeout(600)
async def test_a_whole_vote_from_the_key_to_the_result_and_nobody_wrote_down_a_choice(
    alone: Stack, chromium: Browser, tmp_path: Path
) -> None:
    """T81, T89, T90, T93, T98, T99: a rehearsal of everything, with one officer away at the count."""
    stack, town = alone, Town(alone)
    day = Day(stack, town, chromium)
    await day.arrange()
    await stack.start()
    officers = Officers(town, chromium, tmp_path / "laptop", day.code)
    await officers.enter()
    await _set_the_key(officers)

    no_scripts, translator, librarian = await day.voter(), await day.voter("TR", language="en"), await day.voter("BdP")
    approved, refused = await day.voter(confirmed=False), await day.voter(confirmed=False)
    last, late = await day.voter(), await day.voter()
    await day.open()
    await day.in_a_browser(no_scripts, "ec-directors", *CANARIES.values(), scripts=False)
    await day.in_a_browser(translator, "pension", "Yes", language="en")
    await day.in_a_browser(librarian, "president", "Oui")
    await day.crowd()
    await day.provisional(approved, "1")
    await day.provisional(refused, "1")

    closes = await _close(day, last, late)
    await day.approve(approved)
    await day.refuse(refused)
    await _still_open_until_the_end(day, officers, refused)
    await day.instants(ends=datetime.now(UTC))
    assert {vote.state for vote in (await day.mine(refused)).values()} == {"set-aside"}
    await officers.seal()
    urn = await officers.fetch_urn()
    await _urn_is_what_was_cast(day, (officers.folder / urn).read_bytes(), closes)
    first, second = officers.sign_and_count(urn)
    assert first.read_bytes() == second.read_bytes(), "two programs, one result"
    assert _counted(first) == EXPECTED

    # Before the numbers are known here: whatever is found now was learned from a vote.
    await _nothing_is_found(stack, Sought(set(day.receipts.values()), officers.key()))
    await _publish(day, officers, first, second)
    await _receipts_are_in_the_list(day, refused)


async def _set_the_key(officers: Officers) -> None:
    said = officers.hold_ceremony()
    election = read_election("election.json", (officers.folder / "election.json").read_bytes())
    mark = fingerprint(election.public_key)
    assert mark in said
    words = await officers.set_key()
    assert mark.replace(" ", "") in words.replace(" ", ""), "what was read aloud is what is on the page"


async def _close(day: Day, last: Any, late: Any) -> datetime:
    """T81: the workers and Temporal are away when the vote closes, and nobody notices."""
    stack = day.stack
    after = await day.ready(late)
    assert stack.worker is not None
    stack.worker.kill()
    stack.temporal.stop()
    closes = await day.in_the_last_second(last, "3")
    await until(lambda: _past(closes), within=10, what="the close")
    said = await day.deposit(after, str(YES))
    assert "Aucun vote n'a été déposé" in said
    assert after.response.status_code < 500
    async with stack.sessions.begin() as session:
        assert not await session.scalar(text("select count(*) from vote where cast_at >= :at"), {"at": closes})
        (cast,) = (await day.mine(last)).values()
    assert closes - timedelta(seconds=1) < cast.cast_at < closes
    assert not await day.mine(late)
    stack.temporal = start_temporal(stack.folder.parent / "temporal", stack.temporal.port)
    stack.start_worker()
    return closes


async def _past(instant: datetime) -> bool:
    return datetime.now(UTC) > instant


async def _still_open_until_the_end(day: Day, officers: Officers, refused: Any) -> None:
    """A refusal can be contested for a week, but not beyond the end of the campaign; until then no box is sealed."""
    async with day.stack.sessions.begin() as session:
        ends = await session.scalar(text("select ends from campaign where id = :id"), {"id": day.campaign_id})
        assert ends is not None
        soon = datetime.now(UTC) + timedelta(days=2)
    await day.instants(ends=soon)
    (vote,) = (await day.mine(refused)).values()
    assert (vote.state, vote.because, vote.settled_by) == ("open", "refused", soon)
    async with officers.at_the_portal(0, "/urne") as tab:
        words = await tab.words()
        assert "Votes encore provisoires" in words
        assert await tab.page.get_by_role("button", name="Proposer de sceller l'urne").count() == 0


async def _urn_is_what_was_cast(day: Day, content: bytes, closes: datetime) -> None:
    """T97, T98: every vote that counts and no other, by its hash, without a voter."""
    urn = json.loads(content)
    async with day.stack.sessions.begin() as session:
        rows = await session.execute(
            text(
                "select b.code, v.digest, v.state from settled_vote v join ballot b on b.id = v.ballot_id"
                " where v.cast_at < :closes"
            ),
            {"closes": closes},
        )
        cast = [(row.code, receipt_of(bytes(row.digest)), row.state) for row in rows]
        members = set(await session.scalars(text("select member_id::text from vote")))
        entries = await session.scalar(text("select count(*) from journal where action = 'voted'"))
    assert sorted(receipt for _, receipt, _ in cast) == sorted(day.receipts.values())
    assert entries == len(cast)
    counts = {one["code"]: len(one["ciphertexts"]) for one in urn["ballots"]}
    for code, count in counts.items():
        assert count == sum(of == code and state == "counts" for of, _, state in cast), code
    assert sum(one["set_aside"] for one in urn["ballots"]) == 1
    assert not [member for member in members if member.encode() in content]


# Votes, answers in order, and what came of it; of everything that somebody voted in.
EXPECTED = {
    "ec-directors": (CROWD + 1, [CROWD + 1] * len(CANARIES), "elected"),
    "pension": (1, [1, 0, 0], "adopted"),
    "president": (CROWD + 3, [2, CROWD, 1], "not-adopted"),
}


def _counted(file: Path) -> dict[str, tuple[int, list[int], str]]:
    result = read_result(file.name, file.read_bytes())
    return {
        code: (one.votes, [one.options[option] for option in sorted(one.options)], one.outcome.value)
        for _, code, one in result.ballots
        if one.votes
    }


async def _nothing_is_found(stack: Stack, sought: Sought) -> None:
    """T89, T90: in a backup, the write-ahead log, any log, Temporal, a mail; and the same search would find it."""
    await written_down(stack)
    assert found(stack, sought) == {}
    await plant(stack, sought)
    await written_down(stack)
    hits = found(stack, sought)
    assert set(hits) == set(places(stack)), "the search would find it everywhere"
    assert not {where: kinds for where, kinds in hits.items() if not kinds >= {CHOICE, KEY}}
    assert all(RECEIPT in hits[where] for where in ("log of the processes", "temporal", "mails"))
    async with stack.sessions.begin() as session:
        await session.execute(text("drop table planted"))


async def _publish(day: Day, officers: Officers, first: Path, second: Path) -> None:
    """Anybody may read it; of a ballot with one vote nothing but the outcome."""
    assert "identiques à l'octet près" in await officers.publish(first, second)
    async with visiting(day.chromium, day.stack.origin, "fr") as visitor:
        tab = await visitor.tab()
        await tab.go(f"/fr/resultats/{day.code}")
        assert await tab.page.locator("table").count() == 2
        table = await tab.page.locator("table").nth(1).inner_text()
        assert [line.split("\t") for line in table.splitlines() if line[:3] in ("Oui", "Non", "Abs")] == [
            ["Oui", "2"], ["Non", str(CROWD)], ["Abstention", "1"]
        ]  # fmt: skip
        assert "seule l'issue est publiée" in await tab.words()


async def _receipts_are_in_the_list(day: Day, refused: Any) -> None:
    """T98: every receipt of a vote that counts; the one that was set aside is named as that."""
    anybody = day.stack.visit()
    set_aside = day.receipts.pop(f"{refused.id} president")
    listed: dict[str, list[str]] = {}
    for whose, receipt in day.receipts.items():
        code = whose.split()[1]
        if code not in listed:
            answer = await anybody.get(f"/fr/recus/{day.code}/{code}/liste.txt")
            listed[code] = answer.text.split()
        assert receipt in listed[code]
    assert sum(map(len, listed.values())) == len(day.receipts)
    for receipt, says in ((day.receipts["crowd-0 president"], "est dans l'urne"), (set_aside, "est mis de côté")):
        await anybody.get(f"/fr/recus/{day.code}/president")
        await anybody.submit("/president", receipt=receipt.lower())
        assert says in anybody.page.text
    assert "mis de côté" in await day.counted_page(refused)
