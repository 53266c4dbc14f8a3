"""Whatever is typed at a door: a clear sentence per field, nothing lost, and nobody learns who is on the roll."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from api.doors import readable_address
from api.renewal import ANSWER_AFTER
from portal.rules.doors import FIELDS, OPTIONAL, Door
from portal.rules.links import hash_of
from portal.rules.refusals import Refusal
from portal.store import Sessions
from portal.text import LANGUAGES, needed
from portal.text.addresses import path
from tests import builders
from tests.api.conftest import Visit
from tests.api.looking import change, count, known, mails_to, says
from tests.api.person import Person
from tests.api.test_doors import JOIN, REGISTER, an_address, an_application, ask, prove, typed_for
from tests.conftest import Servers

PAGES = {Door.REGISTER_EMAIL: "register-email", Door.JOIN: "join"}
# Nothing, too much, pictures, a second line; and what only a line of free words may hold.
NOTHING = ("", " ", "\u202e\u202c")
NEVER = ("x" * 10_000, "🙂🙃", "Jean\r\nBcc: evil@exemple.test")
WORDS = ("<script>alert(1)</script>", "\u202e' or 1=1 --", "{{ 7*7 }}", "١٢٣٤٥٦")
FREE = ("street", "city", "employer")


def nonsense(door: Door, field: str) -> tuple[str, ...]:
    nothing = () if field in OPTIONAL[door] else NOTHING
    return (*nothing, *NEVER, *(() if field in FREE else WORDS))


def right(door: Door, number: str = "900999") -> dict[str, str]:
    if door is Door.JOIN:
        return an_application("rollet@exemple.test")
    return {
        "number": number, "given_name": "Marie", "family_name": "Rollet", "postal_code": "g1r4s9",
        "email": "rollet@exemple.test",
    }  # fmt: skip


def asks_for(person: Person, field: str, *, optional: bool = False) -> bool:
    """Whether the page says what will work in this field, once its spaces are plain."""
    said = needed(field, person.language, optional=optional)
    return " ".join(said.split()) in " ".join(person.page.text.split())


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_each_field_that_needs_another_look_says_so_in_one_sentence_and_keeps_what_was_typed(
    visit_alone: Visit, sessions: Sessions, door: Door, language: str
) -> None:
    """T30, T111: shown inert in its field; no mail leaves."""
    person = visit_alone(language)
    page = path(PAGES[door], language)
    for field in (*FIELDS[door], "email"):
        for typed in nonsense(door, field):
            await person.post(page, {**right(door), field: typed})
            assert person.response.status_code == 422, (field, typed[:30])
            assert asks_for(person, field, optional=field in OPTIONAL[door])
            assert person.page.html.count("govuk-error-message") == 1, (field, typed[:30])
            assert "<script>alert" not in person.page.html
            if field not in ("province", "group", "language", "declaration"):
                kept = person.page.form(page.rpartition("/")[2]).fields[field]
                assert kept.split() == typed.split()
    assert await count(sessions, "select count(*) from outbox") == 0
    assert await count(sessions, "select count(*) from door_request") == 0


async def test_everything_wrong_at_once_is_said_at_once(visit_alone: Visit) -> None:
    person = visit_alone()
    await person.post(JOIN)
    for field in ("given_name", "street", "province", "postal_code", "email", "employer", "group", "declaration"):
        assert asks_for(person, field), field
    assert "Erreur" in person.page.title


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (" Marie@Exemple.CA ", "marie@exemple.ca"),
        ("marie@École.ca", "marie@xn--cole-9oa.ca"),
        ("marie@XN--COLE-9OA.ca", "marie@xn--cole-9oa.ca"),
        ("marie@e\u0301cole.ca", "marie@xn--cole-9oa.ca"),
        ("marie+votes@exemple.ca", "marie+votes@exemple.ca"),
        ("marie\u200b@exemple.ca", "marie@exemple.ca"),
        ("é@exemple.ca", None),
        ("marie@exemple", None),
        ("marie@exemple.ca, evil@exemple.ca", None),
        ("marie@exemple.ca\r\nBcc: evil@exemple.ca", None),
        ("Marie <marie@exemple.ca>", None),
        ("marie@[127.0.0.1]", None),
        (f"{'m' * 300}@exemple.ca", None),
    ],
)
def test_two_spellings_of_one_address_are_one_and_two_addresses_are_none(typed: str, meant: str | None) -> None:
    """T111, T112, T113."""
    assert readable_address(typed) == meant


async def test_what_is_meant_is_understood(visit_alone: Visit, sessions: Sessions) -> None:
    """Capitals, spaces, accents written either way, a name of another script: a person compares."""
    person, email = visit_alone(), an_address()
    await ask(
        person, REGISTER,
        {"number": "900 123", "given_name": "Rene\u0301e-Zoe\u0308", "family_name": "O’Brien d'Авилов",
         "postal_code": "k1a-0b1", "email": f"  {email.upper()} "},
    )  # fmt: skip
    assert person.page.h1 == ["Regardez vos courriels"]
    row = "select count(*) from door_request where email = :email and number = '900123' and said ->> 'postal_code' = :p"
    assert await count(sessions, row, email=email, p="K1A 0B1") == 1
    assert (
        await count(sessions, "select count(*) from door_request where said ->> 'given_name' = :n", n="Renée-Zoë") == 1
    )


async def test_six_kinds_of_people_get_the_same_bytes_after_the_same_time(visit: Visit, sessions: Sessions) -> None:
    """T01, T02: on the roll or not, with an address or without, a member or not, asked before or not."""
    without = await known(sessions, email=None)
    dues_payer = await known(sessions, standing="dues-payer")
    active = await known(sessions, verified=True)
    async with sessions.begin() as session:
        asked = await builders.a_request(session, number=(await builders.a_member(session)).number)
    assert asked.email and asked.number
    numbers = {
        "unknown": ("999999", an_address()),
        "without address": (without.member.number, an_address()),
        "dues-payer": (dues_payer.member.number, dues_payer.email),
        "active": (active.member.number, active.email),
        "another's address": (without.member.number, active.email),
        "asked before": (asked.number, asked.email),
    }

    async def answer(page: str, typed: dict[str, str]) -> tuple[int, list[tuple[str, str]], str]:
        person = visit()
        clock = asyncio.get_running_loop().time
        await ask_once(person, page, typed)
        began = clock()
        await ask_once(person, page, typed)
        assert clock() - began >= ANSWER_AFTER
        return person.response.status_code, sorted(person.response.headers.items()), person.response.text

    async def ask_once(person: Person, page: str, typed: dict[str, str]) -> None:
        await person.get(page)
        await person.submit(page.rpartition("/")[2], **typed)

    for page in (REGISTER, JOIN):
        found = {}
        for kind, (number, email) in numbers.items():
            typed = typed_for(active.member, email, number=number)
            if page == JOIN:
                typed = an_application(email, number=number)
            found[kind] = await answer(page, typed)
        for kind, given in found.items():
            assert given == found["unknown"], kind
        assert found["unknown"][0] == 200


async def test_one_address_gets_three_mails_an_hour_and_nobody_is_told(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T114: whoever types it, at whichever door; ten a day."""
    email = an_address()
    for n in range(5):
        await ask(visit(), REGISTER, typed_for((await known(sessions)).member, email, number=f"9000{10 + n}"))
        person = visit()
        await ask(person, JOIN, an_application(email))
        assert person.page.h1 == ["Regardez vos courriels"]
    assert await count(sessions, "select count(*) from outbox where kind = 'door-proof'") == 3
    await change(sessions, "update attempt set since = since - interval '61 minutes'")
    for n in range(20):
        await ask(visit(), REGISTER, typed_for((await known(sessions)).member, email, number=f"9001{10 + n}"))
    assert await count(sessions, "select count(*) from outbox where kind = 'door-proof'") == 3
    assert len(await mails_to(servers, email, "Confirmez que cette adresse", at_least=3)) == 3


async def test_a_form_sent_twice_is_one_request_and_one_mail(visit_alone: Visit, sessions: Sessions) -> None:
    person, email = visit_alone(), an_address()
    await person.get(JOIN)
    form = person.page.form("devenir-membre")
    data = {**form.fields, **an_application(email)}
    await asyncio.gather(*(visit_alone().post(form.action, data) for _ in range(3)))
    assert await count(sessions, "select count(*) from door_request") == 1
    assert await count(sessions, "select count(*) from outbox") == 1
    # Filled in anew before the first is proven, its mail goes once more: it may have been lost.
    await change(sessions, "delete from attempt")
    await ask(person, JOIN, an_application(email))
    assert await count(sessions, "select count(*) from door_request") == 1
    assert await count(sessions, "select count(distinct request_id) from outbox") == 1
    assert await count(sessions, "select count(*) from outbox") == 2


async def test_the_newest_form_counts_until_its_address_is_proven_and_then_no_other(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """A slip is corrected by the form once more, and nobody spoils it by having been first."""
    async with sessions.begin() as session:
        member = await builders.a_member(session, email=None)
    person, email = visit(), an_address()
    said = "select count(*) from door_request where email = :e and said ->> 'postal_code' = :p"
    for code in ("K1A 0B1", "G1R 4S9"):
        await ask(visit(), REGISTER, typed_for(member, email, postal_code=code))
        assert await count(sessions, said, e=email, p=code) == 1
    assert await count(sessions, "select count(*) from door_request") == 1
    assert await count(sessions, "select count(*) from journal where action = 'request-taken'") == 1
    await prove(person, servers, email)
    await mails_to(servers, email, "bien reçu")
    await ask(visit(), REGISTER, typed_for(member, email, postal_code="K1A 0B1"))
    assert await count(sessions, said, e=email, p="G1R 4S9") == 1
    # The page says that a mail is on its way: it is.
    assert len(await mails_to(servers, email, "bien reçu", at_least=2)) == 2


async def test_whoever_asks_again_once_the_answer_is_late_reads_so(visit_alone: Visit, sessions: Sessions) -> None:
    """No date in the past is promised, by mail or on the page."""
    async with sessions.begin() as session:
        request = await builders.a_request(session, Door.JOIN, asked=timedelta(days=-9))
        await session.execute(text("update door_request set token_hash = :t"), {"t": hash_of("jeton")})
    assert request.email
    person = visit_alone()
    await ask(person, JOIN, an_application(request.email))
    assert person.page.h1 == ["Regardez vos courriels"]
    assert await count(sessions, "select count(*) from outbox where kind = 'door-late'") == 1
    assert await count(sessions, "select count(*) from outbox") == 1
    await person.get("/fr/demande/confirmer?jeton=jeton")
    assert "Nous avons du retard" in person.page.text
    assert "au plus tard" not in person.page.text


async def test_a_caller_who_asks_too_often_keeps_what_was_typed(visit_alone: Visit, sessions: Sessions) -> None:
    """T08: counted by the address of the connection, whatever a header says."""
    person = visit_alone()
    await ask(person, JOIN, an_application(an_address()))
    await change(sessions, "update attempt set count = 60")
    await person.get(JOIN)
    form = person.page.form("devenir-membre")
    data = {**form.fields, **an_application(an_address())}
    await person.post(form.action, data, headers={"X-Forwarded-For": f"203.0.113.{uuid4().int % 250}"})
    assert person.response.status_code == 429
    assert says(person, Refusal.TOO_MANY_TRIES)
    assert person.page.form("devenir-membre").fields["street"] == "4, rue du Fort"


async def test_what_no_form_of_ours_sends_is_refused(visit_alone: Visit, sessions: Sessions) -> None:
    """T07, T36: a field that is not asked for, a megabyte, the one character that cannot be kept."""
    person = visit_alone()
    for data, status in (
        ({**an_application("a@exemple.test"), "standing": "member"}, 422),
        ({**an_application("a@exemple.test"), "street": "x" * 1_000_000}, 413),
        ({**an_application("a@exemple.test"), "street": "a\0b"}, 422),
    ):
        await person.post(JOIN, data)
        assert person.response.status_code == status
    assert await count(sessions, "select count(*) from door_request") == 0


async def test_a_number_alone_links_no_request_of_somebody_signed_in(visit: Visit, sessions: Sessions) -> None:
    """T10: an activation proves that a number is known, not who knows it."""
    who = await known(sessions, password=False, standing="dues-payer")
    person = visit()
    await person.sign_in(who.email, who.member.number)
    await person.get(JOIN)
    assert person.page.form("devenir-membre").fields["street"] == ""
    email = an_address()
    await person.submit("devenir-membre", **an_application(email))
    assert await count(sessions, "select count(*) from door_request where member_id is null") == 1
