"""Documents over HTTP: what is too much, what is no photo, and what is left of either: nothing."""

import gc
import io
import os
import struct
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import text

from deploy.specimens import specimen_card
from portal.rules.refusals import Refusal
from portal.store import Session, Sessions, accounts
from portal.store.files import MinioFiles
from portal.store.members import Member
from portal.text import say
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.person import Person
from tests.pictures import uploads

CARD = specimen_card(1000, 630)
MIB = 1024 * 1024


# --- people and uploads, for these tests and their neighbours ----------------------------------------------------


async def address_of(session: Session, member: Member) -> str:
    account = await accounts.of_member(session, member.id)
    assert account is not None
    assert account.email is not None
    return account.email


async def a_ready_member(sessions: Sessions, **more: object) -> tuple[Member, str]:
    """A member with a password and a proven address, in a campaign if there is none yet; and the address."""
    async with sessions.begin() as session:
        if not await session.scalar(text("select count(*) from campaign")):
            await builders.a_campaign(session)
        member = await builders.a_member(session, **({"verified": True, "password_hash": PASSWORD_HASH} | more))  # type: ignore[arg-type]
        return member, await address_of(session, member)


async def signed_in(visit: Visit, sessions: Sessions, language: str = "fr", **more: object) -> tuple[Person, Member]:
    """Such a member, in."""
    member, email = await a_ready_member(sessions, language=language, **more)
    person = visit(language)
    await person.sign_in(email, PASSWORD)
    assert person.response.status_code == 200
    return person, member


def a_file(content: bytes, name: str = "permis.jpg") -> tuple[str, bytes, str]:
    return (name, content, "image/jpeg")


async def send_card(person: Person, content: bytes = CARD, kind: str = "driving-licence") -> int:
    """Send one picture by the form; the status of the answer."""
    slug = "/fr/profil/identite" if person.language == "fr" else "/en/profile/identity"
    await person.get(slug)
    await person.send_documents({"file1": a_file(content)}, kind1=kind)
    return person.response.status_code


def says(person: Person, refusal: Refusal) -> bool:
    """Whether the page says this refusal, in its reader's language."""
    return " ".join(say(refusal, person.language).split()) in person.page.text


async def nothing_kept(sessions: Sessions, files: MinioFiles) -> bool:
    async with sessions.begin() as session:
        rows = await session.scalar(text("select (select count(*) from submission) + (select count(*) from document)"))
    return rows == 0 and await files.stored() == []


async def forget_uploads(sessions: Sessions) -> None:
    """As if it were tomorrow: ten uploads a day."""
    async with sessions.begin() as session:
        await session.execute(text("delete from attempt"))


# --- too much ----------------------------------------------------------------------------------------------------


def memory() -> int:
    """What this process holds at the moment."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Body:
    """A form with one file, sent piece by piece, which keeps an eye on us meanwhile."""

    def __init__(self, form_token: str, size: int, *, kind: str = "driving-licence") -> None:
        self.boundary = uuid4().hex
        self.size = size
        self.taken = 0
        self.peak = 0
        self.opened: set[str] = set()
        self.rolled: list[bool] = []
        self._before = open_files()
        fields = {"form_token": form_token, "kind1": kind}
        parts = [
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()
        ]
        parts.append(
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="file1"; filename="a.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        )
        self.head = "".join(parts).encode()

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Type": f"multipart/form-data; boundary={self.boundary}"}

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self.head
        piece = CARD[:256].ljust(256 * 1024, b"\x55")
        while self.taken < self.size:
            self.taken += len(piece)
            yield piece
            self.peak = max(self.peak, memory())
            self.opened |= open_files() - self._before
            if self.taken % (4 * MIB) == 0:
                self.rolled += [f._rolled for f in gc.get_objects() if isinstance(f, SpooledTemporaryFile)]  # type: ignore[attr-defined]
        yield f"\r\n--{self.boundary}--\r\n".encode()


def open_files() -> set[str]:
    """Every file of this process, deleted ones too, that is neither a socket nor a pipe."""
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            where = os.readlink(f"/proc/self/fd/{descriptor}")
        except FileNotFoundError:
            continue
        if where.startswith("/") and not where.startswith("/dev/"):
            found.add(where)
    return found


def test_a_temporary_file_would_be_noticed() -> None:
    """The control of the test below."""
    before = open_files()
    with SpooledTemporaryFile(max_size=1) as file:
        file.write(b"more than one byte")
        assert any(where.startswith(tempfile.gettempdir()) for where in open_files() - before)


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_a_photo_of_nine_mebibytes_is_refused_by_a_page_that_says_so(
    visit: Visit, sessions: Sessions, files: MinioFiles, language: str
) -> None:
    """T37, T53: and no file is opened on any disk while it arrives."""
    person, _ = await signed_in(visit, sessions, language)
    slug = "/fr/profil/identite" if language == "fr" else "/en/profile/identity"
    await person.get(slug)
    body = Body(person.page.form(slug).fields["form_token"], 9 * MIB)
    await person.post(slug, content=body.pieces(), headers=body.headers)
    assert person.response.status_code == 413
    assert says(person, Refusal.PICTURE_TOO_HEAVY)
    assert '<option value="driving-licence" selected' in person.page.html
    assert body.taken == 9 * MIB
    assert body.opened == set()
    assert body.rolled
    assert not any(body.rolled)
    assert await nothing_kept(sessions, files)


async def test_a_body_without_end_is_cut_off_early_and_memory_stays_flat(
    visit: Visit, sessions: Sessions, files: MinioFiles
) -> None:
    """T37, T53: 100 MiB in pieces of unknown number."""
    person, _ = await signed_in(visit, sessions)
    await person.get("/fr/profil/identite")
    body = Body(person.page.form("/identite").fields["form_token"], 100 * MIB)
    before = memory()
    await person.post("/fr/profil/identite", content=body.pieces(), headers=body.headers)
    assert person.response.status_code == 413
    assert person.page.h1 == ["Pas tout à fait"]
    assert says(person, Refusal.PICTURE_TOO_HEAVY)
    assert body.taken <= 18 * MIB
    assert body.peak - before < 60 * MIB
    assert body.opened == set()
    assert not any(body.rolled)
    assert await nothing_kept(sessions, files)
    await person.get("/fr/accueil")
    assert person.response.status_code == 200


async def test_a_body_that_announces_too_much_is_not_read_at_all(visit: Visit, sessions: Sessions) -> None:
    """T37."""
    person, _ = await signed_in(visit, sessions)
    body = Body("whatever", 100 * MIB)
    headers = {**body.headers, "Content-Length": str(100 * MIB)}
    await person.post("/fr/profil/identite", content=body.pieces(), headers=headers)
    assert person.response.status_code == 413
    assert says(person, Refusal.PICTURE_TOO_HEAVY)
    assert body.taken == 0


async def test_nobody_has_a_large_body_read_without_signing_in(visit: Visit, sessions: Sessions) -> None:
    """T37: the guard comes before the body."""
    await a_ready_member(sessions)
    person = visit()
    body = Body("whatever", 16 * MIB)
    await person.post("/fr/profil/identite", content=body.pieces(), headers=body.headers)
    assert person.response.status_code == 401
    assert body.taken < MIB


# --- no photo ----------------------------------------------------------------------------------------------------


def saved_as(kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1000, 630), (90, 120, 60)).save(out, format=kind, **more)
    return out.getvalue()


def progressive(count: int) -> bytes:
    return uploads.with_scans(uploads.saved(uploads.opened(CARD).resize((160, 100)), progressive=True), count)


def sixty_megapixels() -> bytes:
    return uploads.saved(Image.new("L", (10_000, 6_000), 128))


HOSTILE: dict[str, tuple[bytes, Refusal]] = {
    "PNG": (saved_as("PNG"), Refusal.PICTURE_NOT_JPEG),
    "GIF": (saved_as("GIF"), Refusal.PICTURE_NOT_JPEG),
    "TIFF": (saved_as("TIFF"), Refusal.PICTURE_NOT_JPEG),
    "WebP": (saved_as("WEBP"), Refusal.PICTURE_NOT_JPEG),
    "BMP": (saved_as("BMP"), Refusal.PICTURE_NOT_JPEG),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', Refusal.PICTURE_NOT_JPEG),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", Refusal.PICTURE_NOT_JPEG),
    "HEIC": (struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(4096), Refusal.PICTURE_NOT_JPEG),
    "a bomb of 60 megapixels": (sixty_megapixels(), Refusal.PICTURE_TOO_MANY_PIXELS),
    "a header of 65,500 by 65,500": (uploads.forged_size(CARD, 65_500, 65_500), Refusal.PICTURE_TOO_MANY_PIXELS),
    "a thousand scans": (progressive(1_000), Refusal.PICTURE_TOO_INTRICATE),
    "half a file": (CARD[: len(CARD) // 2], Refusal.PICTURE_DAMAGED),
    "three bytes": (b"\xff\xd8\xff", Refusal.PICTURE_DAMAGED),
    "too dark": (uploads.dimmed(CARD, 0.08), Refusal.PICTURE_TOO_DARK),
}


async def test_what_is_no_good_photo_is_refused_with_its_own_sentence_and_nothing_is_kept(
    visit: Visit, sessions: Sessions, files: MinioFiles
) -> None:
    """T38, T39, T40: all of them named .jpg; and the kind chosen is still chosen."""
    person, _ = await signed_in(visit, sessions)
    for what, (content, refusal) in HOSTILE.items():
        assert await send_card(person, content, kind="nexus") == 422, what
        assert says(person, refusal), what
        assert person.page.title.startswith("Erreur"), what
        assert '<option value="nexus" selected' in person.page.html, what
        await forget_uploads(sessions)
    assert await nothing_kept(sessions, files)


async def test_a_refusal_is_said_in_english_to_who_reads_english(visit: Visit, sessions: Sessions) -> None:
    person, _ = await signed_in(visit, sessions, "en")
    assert await send_card(person, HOSTILE["PNG"][0]) == 422
    assert person.page.lang == "en-CA"
    assert says(person, Refusal.PICTURE_NOT_JPEG)
    assert say(Refusal.PICTURE_NOT_JPEG, "fr") not in person.page.text


async def test_a_photo_of_a_telephone_with_two_pictures_in_one_file_is_taken(
    visit: Visit, sessions: Sessions, files: MinioFiles
) -> None:
    """T38: "Ultra HDR" photos open as MPO."""
    person, _ = await signed_in(visit, sessions)
    out = io.BytesIO()
    second = uploads.opened(CARD).resize((250, 158))
    uploads.opened(CARD).save(out, format="MPO", save_all=True, append_images=[second])
    assert await send_card(person, out.getvalue()) == 200
    assert "Document 1, reçu le" in person.page.text
    assert len(await files.stored()) == 1


async def test_what_is_missing_is_asked_for_and_what_was_chosen_stays_chosen(
    visit: Visit, sessions: Sessions, files: MinioFiles
) -> None:
    """Nothing chosen, no kind, no picture, one of two, two that prove the same, a kind we do not know."""
    person, _ = await signed_in(visit, sessions)
    one, two = {"file1": a_file(CARD)}, {"file1": a_file(CARD), "file2": a_file(CARD)}
    cases: list[tuple[dict[str, str], dict[str, tuple[str, bytes, str]], Refusal]] = [
        ({}, {"file1": a_file(b"", "")}, Refusal.PICTURE_MISSING),
        ({"kind1": "driving-licence"}, {"file1": a_file(b"", "")}, Refusal.PICTURE_MISSING),
        ({}, one, Refusal.DOCUMENT_KIND_MISSING),
        ({"kind1": "health-insurance"}, one, Refusal.DOCUMENT_KIND_MISSING),
        ({"kind1": "passport"}, one, Refusal.SECOND_DOCUMENT_MISSING),
        ({"kind1": "lease"}, one, Refusal.SECOND_DOCUMENT_MISSING),
        ({"kind1": "passport", "kind2": "employer-card"}, two, Refusal.SECOND_DOCUMENT_MISSING),
        ({"kind1": "passport", "kind2": "lease"}, one, Refusal.PICTURE_MISSING),
    ]
    for kinds, pictures, refusal in cases:
        await person.get("/fr/profil/identite")
        await person.submit("/identite", files=pictures, **kinds)
        assert person.response.status_code == 422, kinds
        assert says(person, refusal), kinds
        known = [k for k in kinds.values() if k != "health-insurance"]
        assert person.page.html.count(" selected>") == len(known), kinds
        assert all(f'<option value="{kind}" selected' in person.page.html for kind in known)
    assert await nothing_kept(sessions, files)
    async with sessions.begin() as session:
        # None of these has been looked at: none counts against the ten of the day.
        assert await session.scalar(text("select coalesce(max(count), 0) from attempt where count > 1")) == 0


async def test_the_eleventh_upload_of_a_day_is_refused_and_at_most_one_submission_stays(
    visit: Visit, sessions: Sessions, files: MinioFiles
) -> None:
    """T45."""
    person, _ = await signed_in(visit, sessions)
    for _ in range(2):
        assert await send_card(person) == 200
    for _ in range(8):
        assert await send_card(person, HOSTILE["PNG"][0]) == 422
    assert await send_card(person) == 429
    assert says(person, Refusal.TOO_MANY_UPLOADS)
    assert "retry-after" in person.response.headers
    assert len(await files.stored()) <= 2
    other, _ = await signed_in(visit, sessions)
    assert await send_card(other) == 200
