"""The download: everything about the member, each part explained, nobody else and no key in it."""

import json
from typing import Any

from sqlalchemy import text

from api.export import SECTIONS
from portal.rules.links import code_of, token_of
from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import a_world, change, count, known, signed_in
from tests.api.looking import token_of as cookie_of
from tests.api.person import Person
from tests.conftest import ORIGIN, SECRET


async def data_of(person: Person, address: str = "/fr/dossier/donnees") -> dict[str, Any]:
    answer = await person.client.get(address)
    assert answer.status_code == 200
    found = json.loads(answer.text)
    assert isinstance(found, dict)
    return found


async def test_it_is_a_file_that_nobody_keeps_on_the_way(visit: Visit, sessions: Sessions) -> None:
    """T35: an attachment with a fixed name, never cached; its parts are explained in the language of the page."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit)
    answer = await person.client.get("/fr/dossier/donnees")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="scrutin-dossier.json"'
    assert answer.headers["cache-control"] == "no-store"
    french, english = await data_of(person), await data_of(person, "/en/file/data")
    for data in (french, english):
        assert set(data) - {"schema"} == set(data["schema"]["sections"]) == set(SECTIONS)
        assert (data["schema"]["name"], data["schema"]["version"]) == ("scrutin-file", 1)
    assert french["schema"]["sections"]["roll"] != english["schema"]["sections"]["roll"]
    assert french["roll"]["number"] == who.member.number
    assert french["account"]["email"] == who.email
    assert french["account"]["has_password"] is True
    assert (french["submissions"], french["registrations"], french["mails"]) == ([], [], [])


async def test_it_holds_what_happened_and_tells_that_it_was_taken(visit: Visit, sessions: Sessions) -> None:
    """T27: looking changes nothing, but for the line in the member's own trail; HEAD takes nothing."""
    world = await a_world(sessions, visit)
    member = world.people["member"]
    await change(
        sessions, "insert into registration (ballot_id, member_id) select id, :who from ballot where code = 'pension'",
        who=world.member.member.id,
    )  # fmt: skip
    await member.client.head("/fr/dossier/donnees")
    assert await count(sessions, "select count(*) from journal where action = 'data-downloaded'") == 0
    data = await data_of(member)
    draft, submission = data["submissions"]
    assert (draft["status"], submission["status"]) == ("staged", "submitted")
    assert draft["received_at"] is None
    assert submission["document_kinds"] == ["driving-licence"]
    assert submission["erased_by"] > submission["received_at"]
    assert [r["ballot"] for r in data["registrations"]] == ["pension"]
    assert [m["kind"] for m in data["mails"]] == ["documents-received"]
    assert [c["step"] for c in data["campaigns"]] == ["registration"]
    assert [s["current"] for s in data["sessions"]] == [True]
    trail = [line["action"] for line in data["trail"]]
    assert trail[0] == "data-downloaded"
    assert {"signed-in", "documents-submitted", "case-opened"} <= set(trail)
    opened = next(line for line in data["trail"] if line["action"] == "case-opened")
    assert opened["actor"] == "reviewer"


async def test_no_secret_and_nobody_else_is_in_it(visit: Visit, sessions: Sessions) -> None:
    """T14, T107: no hash, no token, no key, no code; not the id of anybody who worked on it."""
    world = await a_world(sessions, visit)
    member, who = world.people["member"], world.member
    other = await known(sessions, given_name="Armande", family_name="Béjart")
    # A link that still opens something, in a mail that was kept as it was sent.
    await change(
        sessions,
        "insert into link (id, account_id, purpose, email, token_hash, expires_at)"
        " values (gen_random_uuid(), :who, 'renewal', :email, '\\xdeadbeef', now() + interval '1 hour')",
        who=who.account.id, email=who.email,
    )  # fmt: skip
    async with sessions.begin() as session:
        (link,) = await session.scalars(text("select id from link"))
    token, code = token_of(SECRET.encode(), link), code_of(SECRET.encode(), link)
    await change(
        sessions,
        "insert into outbox (id, key, kind, lane, account_id, facts, due_at, sent_at, said_subject, said_text)"
        " select gen_random_uuid(), kind, kind, 'urgent', :who, '{}', now(), now(), 'Objet',"
        " :said from unnest(array['verification', 'renewal']) kind",
        who=who.account.id,
        said=f"Ouvrez {ORIGIN}/fr/courriel/verifier?jeton={token}\n\n    {code[:3]}\u00a0{code[3:]}\n",
    )
    answer = await member.client.get("/fr/dossier/donnees")
    data = answer.text
    assert "Ouvrez […]" in data
    async with sessions.begin() as session:
        secrets = [
            *await session.scalars(text("select password_hash from account where password_hash is not null")),
            *await session.scalars(text("select form_token from sign_in")),
            *await session.scalars(text("select encode(token_hash, 'hex') from sign_in")),
            *await session.scalars(text("select encode(wrapped_key, 'hex') from document")),
            *await session.scalars(text("select key from attempt")),
            *await session.scalars(text("select key from journal where key is not null")),
            *await session.scalars(text("select id::text from account")),
            *await session.scalars(text("select id::text from claim")),
            *await session.scalars(text("select id::text from document")),
            *await session.scalars(text("select id::text from sign_in")),
            *await session.scalars(text("select email from account where id <> :id"), {"id": who.account.id}),
        ]
    assert len(secrets) > 15
    words = [*secrets, token, code, f"{code[:3]}\u00a0{code[3:]}", "deadbeef", SECRET, PASSWORD, cookie_of(member)]
    for secret in [*words, "argon2", "Armande", other.member.number, "jeton=", "token_hash", "suspected"]:
        assert str(secret) not in data, secret


async def test_hostile_names_are_data(visit: Visit, sessions: Sessions) -> None:
    """T30: what a person is called cannot end the string it stands in."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    name = '","admin":true,"x":"</script>\\\u2028'
    person, _ = await signed_in(sessions, visit, given_name=name)
    data = await data_of(person)
    assert data["roll"]["given_name"] == name
    assert "admin" not in data["roll"]
