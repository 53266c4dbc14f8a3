"""What is left of a picture that was taken: its pixels, sealed; neither its past nor its name."""

import pytest
from PIL import Image
from sqlalchemy import text

from portal.settings import Settings
from portal.store import Sessions, identity
from portal.store.files import MinioFiles
from portal.store.sealing import EpochKeys, unseal
from tests.api.conftest import Visit
from tests.api.test_documents import CARD, Body, send_card, signed_in
from tests.conftest import Servers
from tests.pictures import uploads

CANARY = b"canari-des-tests-4711"


async def test_nothing_but_pixels_is_stored_and_only_sealed(
    visit: Visit, sessions: Sessions, files: MinioFiles, api_settings: Settings, servers: Servers
) -> None:
    """T43, T56: where it was taken, by what, and what was written into it is gone; the store holds no picture."""
    person, member = await signed_in(visit, sessions)
    exif = Image.Exif()
    exif[0x010F] = CANARY.decode()
    exif.get_ifd(0x8825)[0x001D] = CANARY.decode()
    marked = uploads.with_segments(
        uploads.saved(uploads.opened(CARD), exif=exif.tobytes(), icc_profile=CANARY),
        uploads.segment(0xFE, CANARY),
        uploads.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + CANARY),
        uploads.segment(0xED, b"Photoshop 3.0\0" + CANARY),
    )
    marked += b"<html><script>" + CANARY
    assert marked.count(CANARY) >= 6
    assert await send_card(person, marked) == 200
    async with sessions.begin() as session:
        submission = await session.scalar(text("select id from submission where member_id = :m"), {"m": member.id})
        (document,) = await identity.documents_of(session, submission)
    sealed = await files.get(document.object_key)
    clear = unseal(
        EpochKeys(api_settings.key_folder), document.id, ciphertext=sealed, wrapped_key=document.wrapped_key,
        epoch=document.epoch,
    )  # fmt: skip
    assert clear.startswith(b"\xff\xd8\xff")
    assert clear.endswith(b"\xff\xd9")
    assert CANARY not in clear
    assert not any(name in clear for name in (b"Exif", b"ICC_PROFILE", b"Photoshop", b"ns.adobe", b"<script"))
    stored = [file for file in (servers.objects.folder / api_settings.s3_bucket).rglob("*") if file.is_file()]
    assert [file.name for file in stored] == [document.object_key]
    raw = stored[0].read_bytes()
    assert raw == sealed
    assert b"\xff\xd8\xff" not in raw[:16]
    assert CANARY not in raw
    assert clear[200:300] not in raw


async def test_the_name_of_the_file_leaves_no_trace(
    visit: Visit, sessions: Sessions, files: MinioFiles, api_settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    """T44."""
    person, _ = await signed_in(visit, sessions)
    await person.get("/fr/profil/identite")
    token = person.page.form("/identite").fields["form_token"]
    shown: list[str] = []
    for name in (f"../../{CANARY.decode()}.jpg", f"..\\{CANARY.decode()}\0.jpg", f"x\r\nX-Evil: {CANARY.decode()}\r\n"):
        body = Body(token, 0)
        head = body.head.replace(b'filename="a.jpg"', b'filename="' + name.encode() + b'"')
        content = head + CARD + f"\r\n--{body.boundary}--\r\n".encode()
        await person.post("/fr/profil/identite", content=content, headers=body.headers)
        assert person.response.status_code in (200, 400, 422), name
        assert CANARY.decode() not in person.response.text
        assert CANARY.decode() not in str(person.response.headers)
        shown += [image["src"] for image in person.page.images]
    assert shown
    headers = {"Sec-Fetch-Dest": "image"}
    await person.get(shown[0], headers=headers)
    assert person.response.headers["content-disposition"] == 'inline; filename="document.jpg"'
    assert all(CANARY.decode() not in file.key for file in await files.stored())
    async with sessions.begin() as session:
        tables = await session.scalars(text("select tablename from pg_tables where schemaname = 'public'"))
        for table in tables.all():
            rows = await session.scalar(
                text(f"select count(*) from \"{table}\" t where t::text like '%{CANARY.decode()}%'")
            )
            assert rows == 0, table
    logged = capfd.readouterr()
    assert CANARY.decode() not in logged.out + logged.err
