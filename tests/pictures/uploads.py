"""What members, and others, might send instead of a plain photo."""

import random
import struct
from io import BytesIO

from PIL import Image, ImageFilter

from deploy.specimens import specimen_card


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """The same picture with these segments right after its first two bytes."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(BytesIO(jpeg), formats=["JPEG"])


def saved(picture: Image.Image, **options: object) -> bytes:
    out = BytesIO()
    picture.save(out, **({"format": "JPEG", "quality": 88} | options))  # type: ignore[arg-type]
    return out.getvalue()


def photo(width: int = 4000, height: int = 3000) -> Image.Image:
    """A card on a wooden table, as a telephone takes it, with the grain of its sensor."""
    table = Image.effect_noise((width // 4, height // 4), 12).resize((width, height)).convert("L")
    wood = Image.merge("RGB", [table.point(lambda grey, shade=shade: grey * shade // 128) for shade in (120, 90, 60)])
    card = opened(specimen_card(width * 7 // 10, width * 7 // 16))
    wood.paste(card, ((width - card.width) // 2, (height - card.height) // 2))
    return wood


def blurred(jpeg: bytes, *, radius_at_1000: float) -> bytes:
    picture = opened(jpeg)
    radius = radius_at_1000 * max(picture.size) / 1000
    return saved(picture.filter(ImageFilter.GaussianBlur(radius)))


def dimmed(jpeg: bytes, share: float) -> bytes:
    return saved(opened(jpeg).point(lambda level: int(level * share)))


def washed_out(jpeg: bytes, share: float) -> bytes:
    return saved(opened(jpeg).point(lambda level: int(255 - (255 - level) * share)))


def forged_size(jpeg: bytes, width: int, height: int) -> bytes:
    """A small file whose header promises a huge picture."""
    at = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2"))
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def with_scans(jpeg: bytes, count: int) -> bytes:
    """A genuine progressive picture whose last scan is said again and again."""
    last = jpeg.rfind(b"\xff\xda")
    scan = jpeg[last:-2]
    return jpeg[:-2] + scan * (count - jpeg.count(b"\xff\xda")) + jpeg[-2:]


def noise(length: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(length)
