"""Somebody with a browser: keeps cookies, fills in forms, and checks that every page is decent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.keys import Key

# Where the second factor is asked for.
FACTOR = ("/connexion/cle", "/sign-in/key")

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """What a test asks of a page: its title, headings, words, forms and ids. Unclosed tags are an error."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.title = ""
        self.h1: list[str] = []
        self.lang = ""
        self.forms: list[Form] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str]] = []
        self.inline: list[str] = []
        self._open: list[str] = []
        self._words: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        match tag:
            case "html":
                self.lang = given.get("lang", "")
            case "a":
                self.links.append(given.get("href", ""))
            case "img":
                self.images.append(given)
            case "form":
                assert given.get("action"), "a form without an action"
                self.forms.append(Form(given["action"], given.get("method", "get")))
            case "input" | "select" | "button" if self.forms and given.get("name"):
                self.forms[-1].fields[given["name"]] = given.get("value", "")
            case "script" | "style" if "src" not in given:
                self.inline.append(tag)
            case "h1":
                self.h1.append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open, f"closed without being opened: {tag}"
            assert self._open.pop() == tag, f"badly nested: {tag}"

    def handle_data(self, data: str) -> None:
        if "title" in self._open:
            self.title += data
        elif "script" not in self._open:
            self._words.append(data)
            if "h1" in self._open:
                self.h1[-1] += data

    def form(self, action_ends: str) -> Form:
        found = [f for f in self.forms if f.action.endswith(action_ends)]
        assert found, f"no form to {action_ends} among {[f.action for f in self.forms]}"
        return found[0]


def check(response: httpx.Response) -> Page | None:
    """What holds of every answer, whatever the test is about."""
    for header in (
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "strict-transport-security",
    ):
        assert header in response.headers, f"{header} is missing"
    if not response.headers.get("content-type", "").startswith("text/html") or not response.text:
        return None
    page = Page(response.text)
    if "<html" not in response.text:
        return page
    assert page.lang in ("fr-CA", "en-CA")
    assert len(page.h1) == 1, page.h1
    assert page.title.strip(), "a page without a title"
    assert len(page.ids) == len(set(page.ids)), "an id twice"
    assert not page.inline, f"inline {page.inline}: the policy forbids it"
    assert all(image.get("alt") for image in page.images), "a picture without words"
    assert response.headers["cache-control"].startswith("no-store")
    return page


class Person:
    """One browser. `get` and `post` follow the one redirect after a form, as a browser does."""

    def __init__(self, client: httpx.AsyncClient, language: str = "fr") -> None:
        self.client = client
        self.language = language
        self.response: httpx.Response
        self.page: Page

    async def get(self, path: str, **more: Any) -> httpx.Response:
        headers = {"Sec-Fetch-Site": "same-origin", **more.pop("headers", {})}
        return self._seen(await self.client.get(path, headers=headers, follow_redirects=True, **more))

    async def post(self, path: str, data: Mapping[str, str | list[str]] | None = None, **more: Any) -> httpx.Response:
        headers = {"Sec-Fetch-Site": "same-origin", **more.pop("headers", {})}
        return self._seen(await self.client.post(path, data=data or {}, headers=headers, follow_redirects=True, **more))

    async def submit(self, action_ends: str, files: Any = None, **fields: str) -> httpx.Response:
        """Fill in a form of the page at hand and send it."""
        form = self.page.form(action_ends)
        data = {k: v for k, v in {**form.fields, **fields}.items() if not k.startswith("file")}
        return await self.post(form.action, data, files=files)

    async def send_documents(self, files: Any, **fields: str) -> httpx.Response:
        """From the form at hand: upload, look at the pictures as they will be seen, and send them."""
        form = next(f for f in self.page.forms if f.action.endswith(("/profil/identite", "/profile/identity")))
        await self.submit(form.action, files=files, **fields)
        for checked in self.page.forms:
            if checked.action.endswith(("/identite/envoi", "/identity/send")):
                await self.submit(checked.action)
        return self.response

    async def compare(self, **read: str) -> httpx.Response:
        """On the case at hand, as a reviewer: what a picture of the tests' members shows, or something else."""
        shown = {"name": "Jean-Baptiste Poquelin", "street": "12, rue du Théâtre", "city": "Gatineau"}
        action = next(f.action for f in self.page.forms if f.action.endswith(("/comparaison", "/comparison")))
        return await self.submit(action, **{**shown, "postal_code": "J8X 1A1", **read})

    async def decide(self, verdict: str, **fields: str) -> httpx.Response:
        """On the case at hand, as a reviewer: compared before it is approved, and confirmed whatever differs."""
        if verdict == "approve" and any(f.action.endswith(("/comparaison", "/comparison")) for f in self.page.forms):
            await self.compare()
        form = next((form for form in self.page.forms if form.fields.get("verdict") == verdict), None)
        if form is None:
            # The case is not before them any more: the page says why.
            return self.response
        data = {name: value for name, value in form.fields.items() if name != "reason"}
        return await self.post(form.action, {**data, "confirmed": "yes", **fields})

    def _seen(self, response: httpx.Response) -> httpx.Response:
        self.response = response
        page = check(response)
        if page is not None:
            self.page = page
        return response

    async def sign_in(self, email: str, password: str) -> httpx.Response:
        await self.get("/fr/connexion" if self.language == "fr" else "/en/sign-in")
        await self.submit("/connexion" if self.language == "fr" else "/sign-in", email=email, password=password)
        return await self.show_key()

    async def show_key(self, key: Key | None = None) -> httpx.Response:
        """If the page at hand asks for a key, and this person has one of the tests' keys: show it."""
        asking = [f for f in self.page.forms if f.action.endswith(FACTOR) and "answer" in f.fields]
        if not asking:
            return self.response
        form = asking[0]
        options = await self.challenge(form.action, form.fields["form_token"])
        answer = (key or Key()).sign(options, self.origin)
        return await self.post(form.action, {**form.fields, "answer": answer})

    async def challenge(self, action: str, form_token: str) -> dict[str, Any]:
        """What the browser is told to sign; the page at hand stays."""
        address = action + ("/defi" if action.startswith("/fr/") else "/challenge")
        answer = await self.client.post(
            address, data={"form_token": form_token}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    @property
    def origin(self) -> str:
        return str(self.client.base_url).rstrip("/")
