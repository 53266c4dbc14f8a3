"""Requests from elsewhere than our own pages, and forms that hold more than ours: refused, unchanged."""

import re
from typing import Any
from uuid import uuid4

from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import World, a_world, count, everything, known, name_of, routes, signed_in, takes
from tests.api.person import Person
from tests.conftest import ORIGIN

ELSEWHERE: dict[str, dict[str, str]] = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"},
    "another site that claims our origin": {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
    "a sister site": {"Sec-Fetch-Site": "same-site", "Origin": "https://www.exemple.test"},
    "nowhere": {"Sec-Fetch-Site": "none"},
    "an old browser on another site": {"Origin": "https://evil.test"},
    "an old browser on a look-alike": {"Origin": f"{ORIGIN}.evil.test"},
    "an old browser over http": {"Origin": ORIGIN.replace("https", "http")},
    "a hidden origin": {"Origin": "null"},
    "a browser that says nothing": {},
}
# The one form that mail providers send in their readers' name: its token is its authority (RFC 8058).
FROM_ANYWHERE = {"reminders"}
# Forms of people who have no session yet: the origin is all there is to check.
ANONYMOUS = {
    "receipts", "sign-in", "forgotten", "new-password", "register-email", "join", "prove-request", "staff-invitation",
}  # fmt: skip


OF_OPERATORS = {"operations", "request-case", "request-decision", "member-act", "paper", "paper-back", "return-case"}
# Their own keys, and those of their colleagues.
OF_STAFF = {
    "staff", "keys", "key-challenge", "remove-key", "authenticator", "offer-authenticator", "remove-authenticator",
    "leave-elsewhere",
}  # fmt: skip


def owner(world: World, name: str) -> Person:
    if name.startswith("review"):
        return world.people["reviewer"]
    if name.startswith(("campaign", "ballot", "rehearsal", "staff-act", "factor", "recover")) or name in OF_STAFF:
        return world.people["officer"]
    if name in OF_OPERATORS or name.startswith("roll"):
        return world.people["operator"]
    return world.people["newcomer"] if name == "first-password" else world.people["member"]


def filled_in(world: World, name: str, form_token: str) -> dict[str, Any]:
    """What would be taken if it came from our page."""
    data = {"form_token": form_token, "password": PASSWORD, "again": PASSWORD}
    match name:
        case "sign-in":
            return {"data": {"email": world.member.email, "password": PASSWORD}}
        case "forgotten":
            return {"data": {"email": world.member.email}}
        case "reminders":
            return {"data": {"token": "x" * 43, "wanted": "non"}}
        case "new-password":
            return {"data": {"token": "x" * 43, "password": PASSWORD, "again": PASSWORD}}
        case "first-password":
            return {"data": data}
        case "register" | "register-all":
            return {"data": {"form_token": form_token, "password": PASSWORD, "key": str(uuid4())}}
        case "identity":
            files = {"file1": ("a.jpg", b"\xff\xd8\xff", "image/jpeg")}
            return {"data": {"form_token": form_token, "kind1": "driving-licence"}, "files": files}
        case "register-email" | "join":
            return {"data": {"email": world.member.email, "given_name": "Marie"}}
        case "prove-request":
            return {"data": {"token": "x" * 43}}
        case "request-case":
            return {"data": {"form_token": form_token, "numero": world.member.member.number}}
        case "request-decision":
            return {"data": {"form_token": form_token, "verdict": "accept"}}
        case "review-decision":
            return {"data": {"form_token": form_token, "verdict": "approve"}}
    return {"data": {"form_token": form_token}}


async def test_a_form_sent_from_elsewhere_is_refused_and_leaves_no_row(visit: Visit, sessions: Sessions) -> None:
    """T25, T26, T28: every POST there is, with a living session and a right form, in both languages."""
    world = await a_world(sessions, visit)
    tokens = {n: p.page.form("/deconnexion").fields["form_token"] for n, p in world.people.items() if n != "stranger"}
    tokens_of = {id(p): tokens[n] for n, p in world.people.items() if n in tokens}
    before = await everything(sessions, but=())
    posts = [(name_of(r), world.address(r)) for r in routes() if takes(r, "POST") and name_of(r) not in FROM_ANYWHERE]
    assert {n for n, _ in posts} >= {
        "sign-in",
        "sign-out",
        "register",
        "register-all",
        "identity",
        "review-decision",
    }
    for where, headers in ELSEWHERE.items():
        for name, address in posts:
            person = owner(world, name)
            sent = filled_in(world, name, tokens_of[id(person)])
            answer = await person.client.post(address, headers=headers, **sent)
            assert answer.status_code == 403, (where, address)
            assert "set-cookie" not in answer.headers
            assert "text/html" in answer.headers["content-type"]
    assert await everything(sessions, but=()) == before
    # Our page, with the token of another session, or of nobody.
    for other in ("operator", "member", None):
        for name, address in posts:
            person = owner(world, name)
            if name not in ANONYMOUS and (other is None or person is not world.people[other]):
                wrong = tokens[other] if other else "x" * 32
                answer = await person.client.post(
                    address, headers={"Sec-Fetch-Site": "same-origin"}, **filled_in(world, name, wrong)
                )
                assert answer.status_code == 403, (wrong, address)
    assert await everything(sessions, but=()) == before


async def test_other_methods_change_nothing_either(visit_alone: Visit, sessions: Sessions) -> None:
    """T25, T27: what we do not answer is not answered, from our own pages too."""
    person = visit_alone()
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await person.client.request(method, "/fr/connexion", headers=headers)
            assert answer.status_code in (403, 405), method
            assert "access-control-allow-origin" not in answer.headers


async def test_an_old_browser_on_our_own_page_is_believed_by_its_origin(visit_alone: Visit, sessions: Sessions) -> None:
    """T28: Origin alone, when it is ours."""
    who = await known(sessions)
    person = visit_alone()
    answer = await person.client.post(
        "/fr/connexion", data={"email": who.email, "password": PASSWORD}, headers={"Origin": ORIGIN}
    )
    assert answer.status_code == 303
    assert await count(sessions, "select count(*) from sign_in") == 1


EVIL = (
    "//evil.test", "\\\\evil.test", "https:evil.test", "https://evil.test/", "/%2f/evil.test",
    "/\t/evil.test", "javascript:alert(1)", "evil.test#@", "x&fait=mot-de-passe", "a\r\nSet-Cookie: b=c",
)  # fmt: skip


async def test_no_address_of_ours_leads_to_another_site(visit: Visit, sessions: Sessions) -> None:
    """T33: whatever stands in the question, every way out is a page of ours."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    who = await known(sessions)
    for evil in EVIL:
        person = visit()
        for name in ("next", "suite", "url", "redirect", "jeton", "token", "fait"):
            for page in ("/", "/fr/connexion", "/fr/courriel/verifier", "/fr/votes"):
                answer = await person.client.get(page, params={name: evil})
                location = answer.headers.get("location", "/")
                assert re.match(r"/(?![/\\])", location), location
        await person.get("/fr/connexion", params={"jeton": evil})
        assert all(a.startswith(("/fr/", "/en/")) for a in person.page.links if not a.startswith(("#", "mailto:")))
        answer = await person.client.post(
            "/fr/connexion", data={"email": who.email, "password": PASSWORD, "token": evil},
            headers={"Sec-Fetch-Site": "same-origin"},
        )  # fmt: skip
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/fr/courriel/verifier?jeton=")
        assert "&" not in answer.headers["location"]
        assert len(answer.headers.get_list("set-cookie")) == 1


async def test_a_strange_path_is_simply_not_found(visit_alone: Visit) -> None:
    """T33: no helpful redirect to somewhere that a stranger chose."""
    for path in (
        "//evil.test",
        "//evil.test/%2e%2e",
        "/fr//evil.test",
        "/\\evil.test",
        "/fr/connexion/",
        "/FR/connexion",
    ):
        answer = await visit_alone().client.get(f"{ORIGIN}{path}")
        assert answer.status_code == 404, path
        assert "location" not in answer.headers


async def test_what_only_developers_need_is_not_there(visit_alone: Visit) -> None:
    """T34: no documentation, no schema, no metrics, no name of what we run on."""
    person = visit_alone()
    for path in (
        "/docs",
        "/redoc",
        "/openapi.json",
        "/docs/oauth2-redirect",
        "/metrics",
        "/debug",
        "/admin",
        "/.env",
        "/.git/HEAD",
        "/static/",
        "/static/../api/app.py",
        "/static/%2e%2e/app.py",
        "/server-status",
    ):
        await person.get(path)
        assert person.response.status_code == 404, path
        assert person.page.h1 == ["Page introuvable"]
    for word in ("server", "x-powered-by", "via"):
        assert word not in person.response.headers


# What comes with a file is read by the page itself; a role is a field of what officers do, who act within minutes of a
# key.
REFUSED = {
    "campaign-key": (422, 403),
    "campaign-result": (422, 403),
    "campaign-destroyed": (422, 403),
    "identity": (422, 403),
    "appeal": (403,),
    "roll": (403,),
    "staff-act": (422, 403),
}


async def test_a_form_with_a_field_more_is_refused_and_changes_nothing(visit: Visit, sessions: Sessions) -> None:
    """T36: role, standing or verified cannot be slipped in; every POST there is."""
    world = await a_world(sessions, visit)
    before = await everything(sessions)
    for route in routes():
        if not takes(route, "POST") or not route.name.endswith(".fr"):
            continue
        name = name_of(route)
        person = owner(world, name)
        token = person.page.form("/deconnexion").fields["form_token"]
        for extra in (
            "role",
            "kind",
            "is_member",
            "email_verified_at",
            "id_status",
            "member_id",
            "form_token[]",
        ):
            sent = filled_in(world, name, token)
            sent["data"] = {**sent["data"], extra: "operator"}
            answer = await person.client.post(world.address(route), headers={"Sec-Fetch-Site": "same-origin"}, **sent)
            assert answer.status_code in REFUSED.get(name, (422,)), (name, extra)
            assert PASSWORD not in answer.text
    assert await everything(sessions) == before


async def test_a_field_given_twice_has_one_meaning(visit: Visit, sessions: Sessions) -> None:
    """T36: the last one counts for every check alike, and a question in the address is no field of a form."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    _, who = await signed_in(sessions, visit)
    other = await known(sessions)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    thief = visit()
    body = f"email={other.email}&email={who.email}&password=faux&password={PASSWORD.replace(' ', '+')}"
    await thief.post("/fr/connexion", content=body, headers=form)
    assert await count(sessions, "select count(*) from sign_in where account_id = :id", id=who.account.id) == 2
    assert await count(sessions, "select count(*) from sign_in where account_id = :id", id=other.account.id) == 0
    await thief.post(f"/fr/connexion?email={other.email}&password={PASSWORD}", content="", headers=form)
    assert thief.response.status_code == 401
    for content_type, content in (
        ("application/json", '{"email": "a", "password": "b"}'),
        ("text/plain", "email=a"),
        ("multipart/form-data", "nonsense"),
        ("application/x-www-form-urlencoded", "%%%=&&;"),
    ):
        await thief.post("/fr/connexion", content=content, headers={"Content-Type": content_type})
        assert thief.response.status_code in (400, 401, 422), content_type
