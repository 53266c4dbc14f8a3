"""What holds of every page: looking changes nothing, headers, both languages, and words that stay words."""

import re
from pathlib import Path

import activities
import api
from api.portal import Portal
from portal.store import Sessions
from portal.text.addresses import path
from tests import builders
from tests.api.conftest import Visit
from tests.api.looking import World, a_world, change, everything, known, name_of, routes, signed_in, takes
from tests.api.person import Person, check
from tests.conftest import ORIGIN

# Not pages: fragments, pictures, files, and what machines ask.
BARE = {
    "status",
    "votes-status",
    "receipts-file",
    "results-file",
    "campaign-turnout-file",
    "campaign-post-file",
    "campaign-urn",
    "campaign-receipts",
    "campaign-publication",
    "picture",
    "review-picture",
    "file-data",
    "list-file",
    "calendar",
    "roll-model",
    "roll-progress",
    "roll-report",
    "healthz",
    "readyz",
    "bare",
}
ASKED = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"}


async def test_looking_at_everything_changes_nothing(visit: Visit, sessions: Sessions) -> None:
    """T27: every GET and HEAD there is, as everybody; only the trail grows, by pictures seen and data taken."""
    world = await a_world(sessions, visit)
    before = await everything(sessions)
    answers = set()
    for name, person in world.people.items():
        for route in routes():
            if takes(route, "GET"):
                for method in ("GET", "HEAD"):
                    answer = await person.client.request(method, world.address(route), headers=ASKED)
                    assert answer.status_code in (200, 303, 403, 404), (name, route.path)
                    answers.add((name, name_of(route), answer.status_code))
    assert await everything(sessions) == before
    assert {n for n, _, status in answers if status == 200} == set(world.people)
    assert ("member", "picture", 200) in answers
    assert ("reviewer", "review-picture", 200) in answers
    assert {("member", name, 200) for name in ("file", "file-data", "calendar", "messages", "message")} <= answers
    for somebody in ("stranger", "newcomer", "operator"):
        assert (somebody, "picture", 200) not in answers
        assert (somebody, "review-picture", 200) not in answers


EVERYWHERE = {
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


async def test_every_answer_wears_the_same_headers(visit: Visit, sessions: Sessions, portal: Portal) -> None:
    """T31, T32, T35: every page of everybody, every error, every file; nothing is framed, guessed or kept."""
    world = await a_world(sessions, visit)
    seen: set[int] = set()

    async def ask(person: Person, method: str, address: str, **more: object) -> None:
        answer = await person.client.request(method, address, **more)  # type: ignore[arg-type]
        seen.add(answer.status_code)
        for header, value in EVERYWHERE.items():
            assert answer.headers.get(header) == value, (address, header)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"unsafe|\*|https?:", policy)
        assert answer.headers["cache-control"].startswith("no-store"), address
        check(answer)
        if answer.status_code >= 400 and "/image/" not in address and "/static/" not in address:
            assert answer.headers["content-type"].startswith("text/html"), address

    for person in world.people.values():
        for route in routes():
            if takes(route, "GET"):
                await ask(person, "GET", world.address(route), headers=ASKED)
    stranger, member = world.people["stranger"], world.people["member"]
    same = {"Sec-Fetch-Site": "same-origin"}
    await ask(stranger, "GET", "/nulle-part")
    await ask(stranger, "GET", "/fr/connexion", headers={"Host": "evil.test"})
    await ask(stranger, "POST", "/fr/connexion")
    await ask(stranger, "PUT", "/fr/connexion", headers=same)
    await ask(stranger, "POST", "/fr/connexion", headers=same, content=b"x" * 70_000)
    await ask(stranger, "POST", "/fr/connexion", headers=same, data={"role": "operator"})
    await ask(stranger, "POST", "/fr/connexion", headers=same, data={"email": "a@exemple.test", "password": "faux"})
    for file in ("portal.css", "portal.js", "acep.svg", "nothing.css"):
        await ask(stranger, "GET", f"/static/{file}")
    portal.keys = None  # type: ignore[assignment]  # a bug, for once
    await ask(member, "GET", path("picture", "fr", document_id=world.where["document_id"]), headers=ASKED)
    assert seen >= {200, 303, 400, 401, 403, 404, 405, 413, 422, 500}


async def test_a_bug_is_a_page_with_a_number_to_quote_and_nothing_more(
    visit: Visit, sessions: Sessions, portal: Portal
) -> None:
    """T34: generic words, no trace, and the person is still told that nothing is lost."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, _ = await signed_in(sessions, visit)
    portal.client = None  # type: ignore[assignment]
    await person.get("/fr/profil")
    await person.submit("/profil/courriel")
    assert person.response.status_code == 500
    assert re.search(r"\b[0-9a-f]{8}\b", person.page.text)
    for word in ("Traceback", "NoneType", "AttributeError", ".py"):
        assert word not in person.response.text


async def test_every_page_leads_to_its_twin_in_the_other_language_and_back(visit: Visit, sessions: Sessions) -> None:
    """Both languages: the same place, the same question, and every answer says which it is in."""
    world = await a_world(sessions, visit)
    seen = set()
    for person in world.people.values():
        for route in routes():
            name, language = name_of(route), route.name.rpartition(".")[2]
            if not takes(route, "GET") or name in BARE or language != "fr":
                continue
            french = f"{world.address(route)}?fait=documents-recus"
            await person.get(french)
            if str(person.response.url) != ORIGIN + french:
                continue
            assert person.response.headers["content-language"] == person.page.lang == "fr-CA"
            english = path(name, "en", **{k: v for k, v in world.where.items() if k in route.param_convertors})
            english += "?fait=documents-recus"
            assert english in person.page.links, name
            await person.get(english)
            assert str(person.response.url) == ORIGIN + english
            assert person.response.headers["content-language"] == person.page.lang == "en-CA"
            assert french in person.page.links, name
            seen.add(name)
    listed = {name_of(r) for r in routes() if takes(r, "GET")}
    assert seen == listed - BARE


async def test_pages_that_answer_a_form_lead_to_a_twin_that_exists(visit: Visit, sessions: Sessions) -> None:
    """Both languages: nobody changes language into an error, and errors have both languages."""
    world = await a_world(sessions, visit)
    for route in routes():
        if not takes(route, "POST") or name_of(route) == "sign-out":
            continue
        for person in (world.people["member"], world.people["reviewer"]):
            await person.post(world.address(route), {"form_token": "faux", "password": "x"})
            language = route.name.rpartition(".")[2]
            other = "en" if language == "fr" else "fr"
            assert person.response.headers["content-language"] == f"{language}-CA"
            toggles = [a for a in person.page.links if a.startswith(f"/{other}/")]
            assert len(toggles) == 1, (route.name, toggles)
            answer = await person.client.get(toggles[0])
            assert answer.status_code != 405, (route.name, toggles)
    person = visit()
    await person.get("/en/nowhere")
    assert person.response.status_code == 404
    assert person.page.lang == "en-CA"
    assert "/fr/" in person.page.links
    await person.get("/fr/nulle-part")
    assert person.page.lang == "fr-CA"
    assert "/en/" in person.page.links


async def test_the_bare_address_speaks_the_language_of_the_browser(visit_alone: Visit) -> None:
    """Both languages: French when the browser asks for neither."""
    for asked, language in (
        ("en-CA,en;q=0.9,fr;q=0.8", "en"),
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de-DE,de,en;q=0.5", "en"),
        ("de", "fr"),
        ("", "fr"),
        ("*", "fr"),
        ("EN-us", "en"),
        (";;,,=", "fr"),
        ("x" * 5000, "fr"),
    ):
        answer = await visit_alone().client.get("/", headers={"Accept-Language": asked})
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/{language}/", asked


HOSTILE = (
    "<script>alert(1)</script>\"><img src=x onerror=alert(1)>'-{{1234*5678}}{%raw%}${1234*5678}"
    "%(x)s%s&lt;b&gt;&amp;"
    "<!--</title></textarea>javascript:\u202egnp.exe\u2066🦆\u0301"
)


def assert_inert(person: Person) -> None:
    """Words stayed words: no tag, no attribute, no template, no entity came to life."""
    html = person.page.html
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "<!--" not in html
    assert "<b>" not in html
    assert all(image.get("src") != "x" for image in person.page.images)
    assert "7006652" not in html


async def test_hostile_words_stay_words_on_every_page(visit: Visit, sessions: Sessions) -> None:
    """T30: names, addresses, titles, questions, notes, and whatever is typed or asked."""
    world = await a_world(sessions, visit, given_name=HOSTILE, family_name=HOSTILE)
    await change(sessions, "update member set street = :x, city = :x, province = :x, postal_code = :x", x=HOSTILE)
    # Words are written while it is a draft.
    await change(sessions, "update campaign set status = 'draft'")
    await change(sessions, "update campaign set title_fr = :x, title_en = :x", x=HOSTILE)
    await change(
        sessions,
        "update ballot set title_fr = :x, title_en = :x, question_fr = :x, question_en = :x",
        x=HOSTILE,
    )
    await change(sessions, "update campaign set status = 'open'")
    await sweep(world)
    shown = {"member": "/fr/profil", "reviewer": path("review-case", "fr", claim_id=world.where["claim_id"])}
    for name, address in shown.items():
        await world.people[name].get(address)
        if name == "reviewer":
            await world.people[name].compare()
        assert HOSTILE in world.people[name].page.text, "it is shown, as it is"

    reviewer, member = world.people["reviewer"], world.people["member"]
    form = {
        "form_token": reviewer.page.form("/decision").fields["form_token"],
        "verdict": "reject",
        "reason": "other",
        "note_fr": HOSTILE,
    }
    decision = reviewer.page.form("/decision").action
    await reviewer.post(decision, {**form, "note_en": ""})
    assert reviewer.response.status_code == 422
    assert_inert(reviewer)
    await reviewer.post(decision, {**form, "note_en": HOSTILE})
    assert reviewer.response.status_code == 200
    await sweep(world)
    await member.get("/en/profile")
    assert "{{1234*5678}}" in member.page.text


async def sweep(world: World) -> None:
    """Every page of everybody."""
    for person in world.people.values():
        for route in routes():
            if takes(route, "GET") and name_of(route) not in {"picture", "review-picture"}:
                await person.get(world.address(route))
                if person.response.headers["content-type"].startswith("text/html"):
                    assert_inert(person)


async def test_hostile_words_typed_or_asked_stay_words(visit_alone: Visit, sessions: Sessions) -> None:
    """T30: what a page repeats from a form or an address; also in a page that does not exist."""
    person = visit_alone()
    for page in ("/fr/connexion", "/fr/mot-de-passe/renouveler", "/fr/mot-de-passe/nouveau"):
        field = "password" if "nouveau" in page else "email"
        await person.post(page, {field: HOSTILE[:300]})
        assert_inert(person)
    for page in ("/fr/connexion", "/fr/courriel/verifier", "/fr/mot-de-passe/nouveau", "/nulle-part", "/fr/"):
        for name in ("jeton", "token", "fait", "etape", HOSTILE):
            await person.get(page, params={name: HOSTILE})
            assert_inert(person)
    await person.get("/fr/" + HOSTILE.replace("/", "").replace("?", "").replace("#", ""))
    assert person.response.status_code == 404
    assert_inert(person)
    who = await known(sessions)
    await person.post("/fr/connexion", {"email": who.email, "password": HOSTILE[:100], "token": HOSTILE[:60]})
    assert_inert(person)


def test_no_template_turns_escaping_off() -> None:
    """T30: nothing is ever declared safe, in pages or in mails."""
    folders = [Path(str(module.__file__)).parent for module in (api, activities)]
    files = [f for folder in folders for f in folder.rglob("*") if f.suffix in (".html", ".txt", ".py")]
    assert len(files) > 50
    for file in files:
        words = file.read_text()
        assert not re.search(r"\|\s*safe\b|Markup\(|autoescape\s+false|\|\s*forceescape|innerHTML", words), file
        if file.suffix == ".html":
            assert not re.search(r"<script(?![^>]*\ssrc=)|\son[a-z]+=|\sstyle=|javascript:", words), file
    # A text that is included in a mail's HTML is not escaped: it may hold words only.
    for file in [f for f in files if f.suffix == ".html"]:
        for included in re.findall(r'include "([^"]+\.txt)"', file.read_text()):
            found = [f for f in files if f.name == included]
            assert found, included
            assert all("{{" not in f.read_text() for f in found), included
