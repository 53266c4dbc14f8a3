"""The limited process in which a member's picture is opened, judged and drawn anew.

It runs alone (`python -I -B child.py`), takes the upload on its standard input, and answers one line of JSON
followed by the bytes of a new JPEG. With one argument it draws these words into a picture of ours instead. It knows
nothing of the portal: were a decoder subverted, there would be nothing to take.
"""

import contextlib
import ctypes
import importlib
import json
import os
import resource
import signal
import sys
import warnings
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps, ImageStat

MOST_PIXELS = 40_000_000
LONGEST_SIDE = 10_000
# The rebuilt picture: about 280 dots per inch on a letter page that fills it, 700 on a card.
KEPT_SIDE = 2_400

# A card is 85.6 by 54 mm: at 1,000 by 600 it has some 290 dots per inch, so that its smallest print (1.5 mm)
# is 17 dots high. Messaging applications that shrink photos still give 1,280 or 1,600; what is below is a
# thumbnail or a tight crop.
SHORTEST_LONG_SIDE = 1_000
SHORTEST_SHORT_SIDE = 600

# Light is judged at the ends of the histogram, not by the mean: a white card on a black table is well lit,
# and so is a bank statement that is nine tenths white paper. Dark: not even the brightest twentieth of the
# picture reaches a third of full light. Bright: hardly anything is darker than a very light grey, so print
# has been washed away.
DARK_AT_95_PERCENT = 85
BRIGHT_AT_HALF_PERCENT = 190

# Sharpness is the variance of a Laplacian at one width, taken tile by tile; the sharpest twentieth of the
# tiles speak for the picture, since a card held before a plain wall leaves most tiles empty. Measured on
# specimen cards: sharp 670, sharp but a third of the frame's width 200, dim 115, pale 88; gaussian blur of
# radius 2 gives 44, of 3 gives 10, of 6 gives 3, blurred but grainy 6 to 15. The line leaves the doubtful
# ones to the reviewer.
JUDGED_SIDE = 1_000
# Sensor grain is smoothed away first: it is sharp even when the picture is not.
GRAIN = 1.0
TILES = 12
SHARPEST = 20
BLURRED_BELOW = 25.0
LAPLACIAN = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)

# Who looks at a picture stands below it, and three times across it, so faintly that no print is hidden.
FAINT = 26
ACROSS = 3

MEMORY = 512 * 1024 * 1024
CPU_SECONDS = 5
NOBODY = 65_534

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000


class Unfit(Exception):
    """The code of the refusal, as the portal spells it; the parent alone turns it into one."""


def renounce() -> None:
    """Give up all that drawing does not need; what the machine will not let us give up is no failure."""
    libc = ctypes.CDLL(None, use_errno=True)
    # A network namespace without any interface. Ordinary users may only have one inside a user namespace of
    # their own, and containers often forbid that too; the limit on files below already keeps sockets from
    # being made.
    if libc.unshare(CLONE_NEWNET) != 0 and os.geteuid() != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    if os.geteuid() == 0:
        # Root would be above RLIMIT_NPROC and could raise every other limit again.
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Last of the prctl, because a change of user clears it.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for limit, most in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        # The three pipes stay open; no file, socket or pipe can be opened any more.
        (resource.RLIMIT_NOFILE, 3),
    ):
        resource.setrlimit(limit, (most, most))


def percentile(histogram: list[int], share: float) -> int:
    """The grey level below which this share of the pixels lies."""
    wanted = sum(histogram) * share
    seen = 0
    for level, count in enumerate(histogram):
        seen += count
        if seen >= wanted:
            return level
    return len(histogram) - 1


def sharpness(grey: Image.Image) -> float:
    """The variance of the Laplacian in the sharpest tiles of a grey picture."""
    edges = grey.filter(ImageFilter.GaussianBlur(GRAIN)).filter(LAPLACIAN)
    width, height = edges.size
    found = []
    for row in range(TILES):
        for column in range(TILES):
            # One pixel is left out all round: the filter copies the border instead of filtering it.
            left, upper = 1 + column * (width - 2) // TILES, 1 + row * (height - 2) // TILES
            right, lower = 1 + (column + 1) * (width - 2) // TILES, 1 + (row + 1) * (height - 2) // TILES
            if right - left > 2 and lower - upper > 2:
                found.append(ImageStat.Stat(edges.crop((left, upper, right, lower))).var[0])
    found.sort(reverse=True)
    best = found[: max(1, len(found) // SHARPEST)]
    return sum(best) / len(best)


def judge(picture: Image.Image) -> None:
    """Refuse what no reviewer could read; legibility itself is for a person to say."""
    grey = picture.convert("L")
    grey.thumbnail((JUDGED_SIDE, JUDGED_SIDE), Image.Resampling.LANCZOS)
    histogram = grey.histogram()
    if percentile(histogram, 0.95) < DARK_AT_95_PERCENT:
        raise Unfit("picture-too-dark")
    if sharpness(grey) < BLURRED_BELOW:
        raise Unfit("picture-too-blurred")
    # After sharpness: print out of focus on white paper is pale too, and "hold it still" is then the remedy.
    if percentile(histogram, 0.005) > BRIGHT_AT_HALF_PERCENT:
        raise Unfit("picture-too-bright")


def upright(picture: Image.Image) -> Image.Image:
    """Turn the picture as its EXIF says; EXIF that cannot be read is no reason to refuse a picture."""
    try:
        return ImageOps.exif_transpose(picture)
    except MemoryError:
        raise
    except Exception:
        return picture


def redraw(upload: bytes) -> tuple[bytes, int, int]:
    """A new JPEG that has the pixels of this one and nothing else of it."""
    try:
        # A telephone's "Ultra HDR" photo is opened as MPO, a JPEG with more pictures behind: the first one is
        # the photo.
        picture: Image.Image = Image.open(BytesIO(upload), formats=["JPEG"])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unfit("picture-too-many-pixels") from None
    width, height = picture.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise Unfit("picture-too-many-pixels")
    if max(width, height) < SHORTEST_LONG_SIDE or min(width, height) < SHORTEST_SHORT_SIDE:
        raise Unfit("picture-too-small")
    # The decoder itself can decode at a half or a quarter of the size, and stays above this one.
    picture.draft("RGB", (KEPT_SIDE, KEPT_SIDE))
    picture.load()
    picture = upright(picture).convert("RGB")
    picture.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.LANCZOS)
    judge(picture)
    # A picture made from bare pixels has no comment, profile or EXIF that saving could carry over.
    bare = Image.frombytes("RGB", picture.size, picture.tobytes())
    out = BytesIO()
    bare.save(out, format="JPEG", quality=85)
    return out.getvalue(), *bare.size


def mark(jpeg: bytes, words: str, font: ImageFont.FreeTypeFont) -> tuple[bytes, int, int]:
    """The picture with these words in a strip of its own below it, and faintly across it."""
    picture = Image.open(BytesIO(jpeg), formats=["JPEG"]).convert("RGB")
    width, height = picture.size
    strip = max(20, width // 60)
    out = Image.new("RGB", (width, height + strip), "white")
    out.paste(picture, (0, 0))
    size = round(strip * 0.8)
    ImageDraw.Draw(out).text(
        (strip // 3, height + strip // 2), words, "black", font.font_variant(size=size), anchor="lm"
    )
    # Light on dark and dark on light: a picture of any colour shows them.
    faint = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(faint)
    across = font.font_variant(size=round(strip * 1.1))
    for n in range(ACROSS):
        # Another place for everybody: what two people saw cannot be laid one over the other.
        shift = sum(words.encode()) * (n + 7) % max(width // 2, 1)
        draw.text((shift, height * (n + 1) // (ACROSS + 1)), words, FAINT, across, anchor="lm")
    grey = picture.convert("L").point(lambda level: 0 if level > 127 else 255)
    out.paste(Image.merge("RGB", (grey, grey, grey)), (0, 0), faint)
    saved = BytesIO()
    out.save(saved, format="JPEG", quality=85)
    return saved.getvalue(), *out.size


def answer(upload: bytes, words: str = "", font: ImageFont.FreeTypeFont | None = None) -> tuple[dict[str, Any], bytes]:
    """What to say of this upload, and the bytes that follow."""
    try:
        jpeg, width, height = redraw(upload) if font is None else mark(upload, words, font)
    except Unfit as refusal:
        return {"refusal": str(refusal)}, b""
    except Exception:
        # Truncated, corrupt, not a JPEG after its first bytes, or more than this process may take.
        return {"refusal": "picture-damaged"}, b""
    return {"width": width, "height": height, "length": len(jpeg)}, jpeg


def main() -> None:
    warnings.simplefilter("error")
    # Some telephones and editors write these badly. They are thrown away in any case.
    for harmless in ("corrupt EXIF", "Metadata Warning", "malformed MPO"):
        warnings.filterwarnings("ignore", message=f"(?i).*{harmless}")
    # Every module is loaded while files can still be opened.
    Image.preinit()
    for name in ("ExifTags", "ImageFile", "JpegImagePlugin", "MpoImagePlugin", "TiffImagePlugin"):
        importlib.import_module(f"PIL.{name}")
    words = " ".join(sys.argv[1:])
    # Pillow's own letters, which are no file.
    font = ImageFont.load_default(size=20) if words else None
    assert font is None or isinstance(font, ImageFont.FreeTypeFont), "Pillow is built with its letters"

    renounce()
    head, body = answer(sys.stdin.buffer.read(), words, font)
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + body)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
