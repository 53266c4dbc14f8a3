"""Every picture is rebuilt from its pixels, and what is not a fit picture is refused kindly and cheaply."""

import io
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress

import pytest
from PIL import Image, ImageStat

from deploy.specimens import specimen_card
from portal import pictures
from portal.pictures import rebuild
from portal.rules.refusals import Refusal, Refused
from tests.pictures import uploads

CARD = specimen_card()
SMALL_CARD = specimen_card(1000, 625)


async def refusal_of(upload: bytes) -> Refusal:
    with pytest.raises(Refused) as caught:
        await rebuild(upload)
    return caught.value.refusal


def segments_of(jpeg: bytes) -> list[int]:
    """The markers of a baseline JPEG up to its only scan, then what ends it."""
    found, at = [], 2
    while True:
        assert jpeg[at] == 0xFF
        found.append(jpeg[at + 1])
        if jpeg[at + 1] == 0xDA:
            assert jpeg.endswith(b"\xff\xd9")
            return found
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")


def in_format(name: str) -> Callable[[], bytes]:
    return lambda: uploads.saved(uploads.opened(SMALL_CARD), format=name)


# --- what is accepted ---


async def test_a_specimen_card_is_accepted_and_keeps_its_look() -> None:
    picture = await rebuild(CARD)

    assert (picture.width, picture.height) == (1600, 1000)
    before, after = uploads.opened(CARD).convert("RGB"), uploads.opened(picture.jpeg)
    assert after.size == (1600, 1000)
    for channel, other in zip(ImageStat.Stat(before).mean, ImageStat.Stat(after).mean, strict=True):
        assert abs(channel - other) < 2


async def test_a_telephone_photo_is_scaled_to_what_a_reviewer_needs() -> None:
    photo = uploads.saved(uploads.photo(4000, 3000))

    picture = await rebuild(photo)

    assert (picture.width, picture.height) == (2400, 1800)
    assert len(picture.jpeg) < 2 * 1024 * 1024


@pytest.mark.parametrize("progressive", [False, True])
async def test_forty_megapixels_fit_in_the_memory_of_the_child(*, progressive: bool) -> None:
    photo = uploads.saved(uploads.photo(7296, 5472), progressive=progressive, quality=80, subsampling=0)

    assert (await rebuild(photo)).width == 2400


async def test_a_photo_lying_on_its_side_is_turned_upright() -> None:
    """T43: the orientation is obeyed, then forgotten."""
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = uploads.saved(uploads.opened(CARD).transpose(Image.Transpose.ROTATE_90), exif=exif)

    picture = await rebuild(lying)

    assert (picture.width, picture.height) == (1600, 1000)
    upright, expected = uploads.opened(picture.jpeg).convert("L"), uploads.opened(CARD).convert("L")
    corner = (0, 0, 400, 150)
    assert abs(ImageStat.Stat(upright.crop(corner)).mean[0] - ImageStat.Stat(expected.crop(corner)).mean[0]) < 3


async def test_a_telephone_file_with_several_pictures_gives_its_first() -> None:
    """T38: "Ultra HDR" photos open as MPO."""
    out = io.BytesIO()
    other = Image.new("RGB", (800, 600), (255, 0, 0))
    uploads.opened(CARD).save(out, format="MPO", save_all=True, append_images=[other])
    assert Image.open(io.BytesIO(out.getvalue())).format == "MPO"

    picture = await rebuild(out.getvalue())

    assert (picture.width, picture.height) == (1600, 1000)
    assert picture.jpeg.count(b"\xff\xd8\xff") == 1


async def test_a_film_behind_the_photo_does_not_count_as_scans() -> None:
    """T40: a "motion photo" carries megabytes of film after its end, where FF DA occurs by chance."""
    film = uploads.noise(6 * 1024 * 1024)
    assert film.count(b"\xff\xda") > pictures.MOST_SCANS

    assert (await rebuild(CARD + film)).width == 1600


@pytest.mark.parametrize("mode", ["L", "CMYK"])
async def test_grey_and_print_colours_are_accepted(mode: str) -> None:
    picture = await rebuild(uploads.saved(uploads.opened(CARD).convert(mode)))

    assert uploads.opened(picture.jpeg).mode == "RGB"


async def test_unreadable_exif_is_no_reason_to_refuse() -> None:
    broken = uploads.with_segments(CARD, uploads.segment(0xE1, b"Exif\0\0MM\0\x2a\xff\xff\xff\xff" + b"\xff" * 60))

    assert (await rebuild(broken)).width == 1600


# --- what is left behind ---


async def test_nothing_but_pixels_is_kept() -> None:
    """T43: EXIF, GPS, comment, profile, XMP, APP11, thumbnail, trailing bytes."""
    names = ("make", "gps", "comment", "profile", "xmp", "app11", "app13", "thumb", "jfxx", "trailing")
    marks = {name: f"MARK-{name}-{'x' * 20}".encode() for name in names}
    thumbnail = uploads.saved(Image.new("RGB", (160, 100), (1, 2, 3)), comment=marks["thumb"])
    exif = Image.Exif()
    exif[0x010F] = marks["make"].decode()
    exif.get_ifd(0x8825)[0x001D] = marks["gps"].decode()
    upload = (
        uploads.with_segments(
            uploads.saved(
                uploads.opened(CARD),
                exif=exif.tobytes() + thumbnail,
                comment=marks["comment"],
                icc_profile=marks["profile"] * 20,
                xmp=b"<x:xmpmeta>" + marks["xmp"] + b"</x:xmpmeta>",
            ),
            uploads.segment(0xE0, b"JFXX\0\x10" + thumbnail.replace(marks["thumb"], marks["jfxx"])),
            uploads.segment(0xEB, b"JP\0\1" + marks["app11"]),
            uploads.segment(0xED, b"Photoshop 3.0\0" + marks["app13"]),
        )
        + marks["trailing"]
    )
    for name, mark in marks.items():
        assert mark in upload, name

    picture = await rebuild(upload)

    assert b"MARK" not in picture.jpeg
    assert set(segments_of(picture.jpeg)) == {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}
    assert segments_of(picture.jpeg).count(0xE0) == 1
    # The one segment of an application that stays is the plain "JFIF" that every JPEG opens with.
    assert picture.jpeg[2:20] == b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"


def zip_archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("evil.txt", "EVIL")
    return out.getvalue()


SCRIPT = b"=1;alert('EVIL')/*"
POLYGLOTS = {
    "html-behind": CARD + b"<html><script>EVIL</script></html>",
    "zip-behind": CARD + zip_archive(),
    "html-in-comment": uploads.with_segments(CARD, uploads.segment(0xFE, b"<html><script>EVIL</script>")),
    "script-in-header": uploads.with_segments(CARD, uploads.segment(0xE0, SCRIPT.ljust(0x2F2A - 2, b"\0"))),
    "pdf-in-comment": uploads.with_segments(CARD, uploads.segment(0xFE, b"%PDF-1.4 EVIL")),
}


@pytest.mark.parametrize("name", POLYGLOTS)
async def test_a_file_that_is_also_something_else_comes_out_as_one_jpeg(name: str) -> None:
    """T41."""
    picture = await rebuild(POLYGLOTS[name])

    for trace in (b"EVIL", b"<html", b"PK\x03\x04", b"%PDF", b"alert("):
        assert trace not in picture.jpeg
    assert picture.jpeg == (await rebuild(CARD)).jpeg


# --- what is refused ---

NOT_JPEG: dict[str, Callable[[], bytes]] = {
    "png": in_format("PNG"),
    "gif": in_format("GIF"),
    "tiff": in_format("TIFF"),
    "bmp": in_format("BMP"),
    "webp": in_format("WEBP"),
    "pdf": in_format("PDF"),
    "svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
    "heic": lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 4000,
    "jpeg-2000": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 4000,
    "html": lambda: b"<!doctype html><p>" + CARD,
    "two-bytes": lambda: b"\xff\xd8",
}


@pytest.mark.parametrize("name", NOT_JPEG)
async def test_what_is_not_a_jpeg_is_refused_under_any_name(name: str) -> None:
    """T38."""
    assert await refusal_of(NOT_JPEG[name]()) is Refusal.PICTURE_NOT_JPEG


async def test_other_formats_behind_the_first_bytes_of_a_jpeg_are_refused() -> None:
    """T38: the decoder is not asked to guess."""
    disguised = b"\xff\xd8\xff" + in_format("PNG")()

    assert await refusal_of(disguised) is Refusal.PICTURE_DAMAGED


async def test_no_file_is_refused() -> None:
    assert await refusal_of(b"") is Refusal.PICTURE_MISSING


async def test_eight_mebibytes_are_accepted_and_one_byte_more_is_not() -> None:
    """T37: the size of the picture."""
    padded = CARD + b"\0" * (8 * 1024 * 1024 - len(CARD))

    assert (await rebuild(padded)).width == 1600
    assert await refusal_of(padded + b"\0") is Refusal.PICTURE_TOO_HEAVY


async def test_a_bomb_of_256_megapixels_is_refused_without_being_decoded() -> None:
    """T39."""
    bomb = uploads.saved(Image.new("L", (16_000, 16_000), 200), quality=20)
    assert len(bomb) < 8 * 1024 * 1024

    begun = time.monotonic()
    assert await refusal_of(bomb) is Refusal.PICTURE_TOO_MANY_PIXELS
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("size", [(65_500, 65_500), (16_000, 16_000), (9_000, 8_000), (10_001, 700), (700, 10_001)])
async def test_a_forged_size_is_refused_without_being_decoded(size: tuple[int, int]) -> None:
    """T39."""
    assert await refusal_of(uploads.forged_size(SMALL_CARD, *size)) is Refusal.PICTURE_TOO_MANY_PIXELS


async def test_a_thousand_scans_are_refused_at_once_and_without_a_child() -> None:
    """T40."""
    progressive = uploads.saved(Image.new("RGB", (2400, 1600), (200, 190, 180)), progressive=True)
    bomb = uploads.with_scans(progressive, 1_000)
    assert bomb.count(b"\xff\xda") == 1_000

    begun = time.monotonic()
    with pytest.raises(Refused) as caught:
        pictures.first_photo(bomb)
    assert time.monotonic() - begun < 0.2
    assert caught.value.refusal is Refusal.PICTURE_TOO_INTRICATE
    assert await refusal_of(bomb) is Refusal.PICTURE_TOO_INTRICATE


async def test_sixty_four_scans_are_read() -> None:
    """T40: the other side of the line; the decoder itself is held by its five seconds."""
    progressive = uploads.saved(uploads.opened(CARD), progressive=True)

    assert (await rebuild(uploads.with_scans(progressive, 64))).width == 1600
    assert await refusal_of(uploads.with_scans(progressive, 65)) is Refusal.PICTURE_TOO_INTRICATE


BOMBS_FOR_THE_WALK: dict[str, Callable[[], bytes]] = {
    "tiny-segments": lambda: uploads.with_segments(CARD, uploads.segment(0xFE, b"") * 2_000_000),
    "fill-bytes": lambda: b"\xff\xd8" + b"\xff" * 9_000_000,
    "stuffed-bytes": lambda: b"\xff\xd8\xff\xda\0\2" + b"\xff\0" * 5_000_000,
    "restarts": lambda: b"\xff\xd8\xff\xda\0\2" + b"\xff\xd0" * 5_000_000,
}


@pytest.mark.parametrize("name", BOMBS_FOR_THE_WALK)
async def test_what_walks_the_segments_is_not_the_new_bomb(name: str) -> None:
    """T40: eight mebibytes of the worst it could meet."""
    bomb = BOMBS_FOR_THE_WALK[name]()[: 8 * 1024 * 1024]

    begun = time.monotonic()
    with suppress(Refused):
        pictures.first_photo(bomb)
    assert time.monotonic() - begun < 0.5
    assert await refusal_of(bomb) in (Refusal.PICTURE_TOO_INTRICATE, Refusal.PICTURE_DAMAGED)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
async def test_a_truncated_picture_is_refused_kindly(share: float) -> None:
    """T38: asked for again, not an error of ours."""
    assert await refusal_of(CARD[: int(len(CARD) * share)]) is Refusal.PICTURE_DAMAGED


async def test_bytes_that_only_begin_like_a_jpeg_are_refused_kindly() -> None:
    assert await refusal_of(b"\xff\xd8\xff" + uploads.noise(50_000)) is Refusal.PICTURE_DAMAGED


@pytest.mark.parametrize(
    ("width", "height", "fit"),
    [(1000, 600, True), (999, 700, False), (1200, 599, False), (600, 1000, True), (320, 200, False)],
)
async def test_a_thumbnail_is_too_small(width: int, height: int, *, fit: bool) -> None:
    card = specimen_card(width, height)

    if fit:
        assert (await rebuild(card)).width == width
    else:
        assert await refusal_of(card) is Refusal.PICTURE_TOO_SMALL


async def test_a_picture_taken_in_the_dark_is_refused() -> None:
    assert await refusal_of(uploads.dimmed(CARD, 0.2)) is Refusal.PICTURE_TOO_DARK
    assert (await rebuild(uploads.dimmed(CARD, 0.5))).width == 1600


async def test_a_picture_washed_out_by_light_is_refused() -> None:
    assert await refusal_of(uploads.washed_out(CARD, 0.2)) is Refusal.PICTURE_TOO_BRIGHT
    assert (await rebuild(uploads.washed_out(CARD, 0.5))).width == 1600


@pytest.mark.parametrize("radius", [3, 6, 12])
async def test_a_picture_out_of_focus_is_refused(radius: float) -> None:
    assert await refusal_of(uploads.blurred(CARD, radius_at_1000=radius)) is Refusal.PICTURE_TOO_BLURRED


async def test_a_slightly_soft_picture_is_left_to_the_reviewer() -> None:
    assert (await rebuild(uploads.blurred(CARD, radius_at_1000=1.5))).width == 1600


async def test_grain_does_not_pass_for_sharpness() -> None:
    shaken = uploads.opened(uploads.blurred(CARD, radius_at_1000=6)).convert("RGB")
    grain = Image.merge("RGB", [Image.effect_noise(shaken.size, 40)] * 3)

    assert await refusal_of(uploads.saved(Image.blend(shaken, grain, 0.3))) is Refusal.PICTURE_TOO_BLURRED


@pytest.mark.parametrize("grey", [255, 128])
async def test_an_empty_picture_is_refused(grey: int) -> None:
    empty = uploads.saved(Image.new("RGB", (1600, 1000), (grey, grey, grey)))

    assert await refusal_of(empty) is Refusal.PICTURE_TOO_BLURRED
