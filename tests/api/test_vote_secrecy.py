"""What a vote leaves behind: lines of one length, envelopes of one length, and no trace of the choice anywhere."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, text

from api.assets import Assets
from portal.rules.choices import value_of
from portal.rules.votes import BallotKind, encode, options_of
from portal.settings import Settings
from portal.store import Sessions
from portal.store.ballots import Ballot, Candidate
from portal.store.campaigns import Campaign
from tests.api.booths import a_voter, in_the_box, said_by
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import everything
from tests.api.person import Person
from tests.api.test_web_logs import served

ROOT = Path(__file__).resolve().parents[2]
# An option that nothing else is called, by number and by name.
CANARY, NAME = 31_337, "Canari Jaune-Serin"


@asynccontextmanager
async def at(origin: str) -> AsyncIterator[Person]:
    """Somebody with a browser, at a process of its own."""

    async def as_browsers_do(_: httpx.Response) -> None:
        for cookie in client.cookies.jar:
            cookie.secure = False

    hooks = {"response": [as_browsers_do]}
    async with httpx.AsyncClient(base_url=origin, timeout=30, trust_env=False, event_hooks=hooks) as client:
        yield Person(client)


async def a_canary(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(text("set local session_replication_role = replica"))
        ballot = (await session.scalars(select(Ballot).where(Ballot.code == "ec-directors"))).one()
        session.add(Candidate(ballot_id=ballot.id, position=CANARY, name=NAME))
        await session.flush()


@pytest.mark.parametrize("broken", [False, True])
async def test_no_log_no_journal_and_no_failure_holds_the_choice(
    sessions: Sessions, api_settings: Settings, visit_alone: Visit, tmp_path: Path, broken: bool
) -> None:
    """T96, T91: the path without scripts, in a real process at DEBUG, also when the records break in the middle."""
    voter = await a_voter(visit_alone, sessions)
    await a_canary(sessions)
    async with sessions.begin() as session:
        email = await session.scalar(text("select email from account where member_id = :m"), {"m": voter.member.id})
    with served(api_settings, tmp_path) as (origin, log):
        async with at(origin) as person:
            voter.person = person
            await person.sign_in(str(email), PASSWORD)
            await voter.enter("ec-directors")
            form = voter.form
            await voter.review(CANARY, code="ec-directors")
            assert NAME in person.page.text
            if broken:
                async with sessions.begin() as session:
                    await session.execute(text("revoke insert on vote from scrutin_api"))
            await voter.cast(CANARY, code="ec-directors")
            assert person.response.status_code == (500 if broken else 200)
            assert NAME not in person.page.text
            # Refused with a reason, and refused unread.
            for more in ({"choice": [str(CANARY), str(CANARY)]}, {"choice": str(CANARY), "x": "1"}):
                await person.post("/fr/votes/ec-directors/bulletin/depot", {**form, **more})
        written = log.read_text()
    assert "vote-cast.fr" in written
    assert ("page-failed" in written) is broken
    rows = await everything(sessions, but=("candidate",))
    kept = json.dumps(rows, default=str, ensure_ascii=False)
    assert '"voted"' in kept or broken
    for trace in (str(CANARY), NAME, NAME.replace(" ", "+"), f"{CANARY:x}"):
        assert trace not in written, trace
        assert trace not in kept, trace
    if not broken:
        ((code, sealed),) = await in_the_box(sessions)
        assert await said_by(sessions, code, sealed) == (CANARY,)


async def test_two_choices_write_the_same_lines(
    sessions: Sessions, api_settings: Settings, visit_alone: Visit, tmp_path: Path
) -> None:
    """T91: but for the milliseconds and the time of day."""
    said = []
    voters = [await a_voter(visit_alone, sessions)]
    with served(api_settings, tmp_path) as (origin, log):
        for choice in (1, "blank"):
            voter = voters[-1]
            async with sessions.begin() as session:
                email = await session.scalar(
                    text("select email from account where member_id = :m"), {"m": voter.member.id}
                )
            async with at(origin) as person:
                voter.person = person
                await person.sign_in(str(email), PASSWORD)
                await voter.enter()
                before = log.stat().st_size
                await voter.review(choice)
                await voter.cast(choice)
                assert person.page.h1 == ["Votre vote est déposé"]
                lines = log.read_text()[before:]
            said.append([re.sub(r'"(ms|timestamp)": ("[^"]*"|[\d.]+)', "", line) for line in lines.splitlines()])
            async with sessions.begin() as session:
                campaign = (await session.scalars(select(Campaign))).one()
            voters.append(await a_voter(visit_alone, sessions, campaign))
    first, second = said
    assert first == second
    assert any("vote-cast.fr" in line for line in first)


async def test_every_envelope_has_one_length(visit_alone: Visit, sessions: Sessions) -> None:
    """T92: either language, blank, one, or as many as there can be; T88: the numbers mean the same in both."""
    voter = await a_voter(visit_alone, sessions)
    for code, choice in (
        ("president", [1]),
        ("auditors", [3]),
        ("pension", ["blank"]),
        ("ec-directors", [1, 3]),
    ):
        await voter.enter(code)
        await voter.cast(*choice, code=code)
    voter.person.language = "en"
    for code, choice in (("hr-committee", [2]), ("financial-statements", ["blank"])):
        await voter.enter(code)
        await voter.cast(*choice, code=code)
    sealed = await in_the_box(sessions)
    assert len(sealed) == 6
    assert {len(one) for _, one in sealed} == {145}
    assert {len(encode(range(1, count + 1))) for count in range(32)} == {64}


async def test_both_languages_show_the_same_numbers(visit_alone: Visit, sessions: Sessions) -> None:
    """T88: in the same order, each under its own label; a candidate under one name."""
    voter = await a_voter(visit_alone, sessions)
    for code, kind in (("president", BallotKind.RESOLUTION), ("ec-ratification", BallotKind.RATIFICATION)):
        shown = {}
        for language in ("fr", "en"):
            voter.person.language = language
            await voter.enter(code)
            html = voter.person.page.html
            values = re.findall(r'name="choice" type="radio" value="(\w+)"', html)
            labels = re.findall(r'govuk-radios__label" for="choice[-\d]*">\s*([^<]+?)\s*</label>', html)
            shown[language] = list(zip(values, labels, strict=True))
        expected = {
            language: [(value_of(o.id), o.label(language)) for o in options_of(kind)] for language in ("fr", "en")
        }
        assert shown["fr"] == [*expected["fr"], ("blank", "Vote blanc")]
        assert shown["en"] == [*expected["en"], ("blank", "Blank vote")]


async def test_the_program_that_seals_is_the_one_that_was_published(visit_alone: Visit, sessions: Sessions) -> None:
    """T95: in the decision record, on the page of the vote, in the second counter, and by the browser itself."""
    served_bytes = Assets().files["hpke.js"].content
    mark = sha256(served_bytes).hexdigest()
    assert served_bytes == (ROOT / "deploy" / "hpke.mjs").read_bytes() == (ROOT / "api/static/hpke.js").read_bytes()
    assert mark in (ROOT / "docs" / "decisions" / "0022-sealed-in-the-browser.md").read_text()
    voter = await a_voter(visit_alone, sessions)
    await voter.enter()
    html = voter.person.page.html
    assert mark in html
    scripts = re.findall(r'<script src="/static/\w+/([\w.]+)" integrity="(sha384-[^"]+)"', html)
    assert {name: Assets().integrity(name) for name, _ in scripts} == dict(scripts)
    assert {name for name, _ in scripts} == {"portal.js", "hpke.js", "booth.js"}
    assert html.count("<script") == 3


async def test_what_is_read_again_has_one_length_whatever_was_chosen(visit_alone: Visit, sessions: Sessions) -> None:
    """T91: without scripts, lengths on the wire say nothing from the second page on."""
    voter = await a_voter(visit_alone, sessions)
    for code, choices in (
        ("president", ([1], [2], [3], ["blank"])),
        ("ec-directors", ([1], [3], [1, 2], [2, 3], ["blank"])),
    ):
        await voter.enter(code)
        pages, sent = set(), set()
        for choice in choices:
            person = await voter.review(*choice, code=code)
            fields = re.findall(r'name="choice" value="([^"]*)"', person.page.html)
            # But for the seconds that are left, which are nobody's choice.
            pages.add(len(re.sub(r'data-left="[^"]*"', "", person.page.html).encode()))
            sent.add(tuple(len(field) for field in fields))
            await voter.enter(code)
        assert len(pages) == 1, (code, pages)
        assert len(sent) == 1, (code, sent)
