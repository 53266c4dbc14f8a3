"""Specimen identity cards, obviously fake, for the demo and for the tests."""

import math
import random
import unicodedata
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

# Pillow's own typeface has no accented letters: the accents of French are drawn over the plain ones, as
# strokes in parts of the letter's height, from the middle of the letter.
ACCENTS = {
    "\u0301": ((-0.06, -0.06, 0.12, -0.22),),  # acute
    "\u0300": ((-0.12, -0.22, 0.06, -0.06),),  # grave
    "\u0302": ((-0.14, -0.06, 0.0, -0.22), (0.0, -0.22, 0.14, -0.06)),  # circumflex
    "\u0308": ((-0.13, -0.12, -0.08, -0.12), (0.08, -0.12, 0.13, -0.12)),  # diaeresis
    "\u0327": ((0.02, 1.0, -0.06, 1.18),),  # cedilla
}

WORDS = "MOLIÈRE\nJean-Baptiste\n1, rue du Théâtre\nMontréal QC  H0H 0H0"


INK = (15, 15, 25)


def write(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], words: str, size: float, colour: tuple[int, ...] | int
) -> None:
    """Print one line with its accents, from its upper left corner."""
    font = ImageFont.load_default(size)
    plain = ""
    for letter in unicodedata.normalize("NFD", words):
        if letter not in ACCENTS:
            plain += letter
            continue
        before = font.getlength(plain[:-1])
        middle = at[0] + before + font.getlength(plain[-1]) / 2
        _, upper, _, lower = draw.textbbox(at, plain[-1], font=font)
        # An accent takes the place of the dot of an i; the foot of the line is the foot of the letter.
        tall = size * 0.9
        for x0, y0, x1, y1 in ACCENTS[letter]:
            top = lower - tall if letter == "\u0327" else upper
            draw.line(
                (middle + x0 * tall, top + y0 * tall, middle + x1 * tall, top + y1 * tall),
                fill=colour,
                width=max(2, round(size * 0.08)),
            )
    draw.text(at, plain, fill=colour, font=font)


def specimen_card(width: int = 1600, height: int = 1000, text: str = WORDS, seed: int = 1) -> bytes:
    """The JPEG of a card of the Province of Nowhere with these lines, which nobody takes for a real one."""
    chance = random.Random(seed)
    tint = tuple(chance.randint(195, 235) for _ in range(3))
    dark = tuple(chance.randint(20, 90) for _ in range(3))
    card = Image.new("RGB", (width, height), tint)
    draw = ImageDraw.Draw(card)
    unit = min(width / 1600, height / 1000)

    def print_at(x: float, y: float, words: str, size: float, colour: tuple[int, ...] = INK) -> None:
        write(draw, (x * width, y * height), words, max(8, size * unit), colour)

    # The fine waves that cards have.
    for wave in range(14):
        phase, tall = chance.uniform(0, math.tau), chance.uniform(15, 40) * unit
        points = [
            (x, height * (wave + 0.5) / 14 + tall * math.sin(phase + x / (90 * unit))) for x in range(0, width + 8, 8)
        ]
        draw.line(points, fill=tuple(max(0, shade - 28) for shade in tint), width=max(1, round(2 * unit)))

    draw.rectangle((0, 0, width, 0.15 * height), fill=dark)
    print_at(0.03, 0.025, "PROVINCE DE NULLE PART / PROVINCE OF NOWHERE", 46, (255, 255, 255))
    print_at(0.03, 0.09, "Carte imaginaire · Imaginary card · Sans aucune valeur · Worthless", 34, (255, 255, 255))

    _draw_face(draw, chance, (0.04 * width, 0.22 * height, 0.32 * width, 0.80 * height), dark, unit)
    for number, line in enumerate(text.splitlines()):
        print_at(0.36, 0.22 + 0.095 * number, line, 62)
    # What members are asked to hide is hidden.
    for x, words in ((0.36, "No"), (0.62, "Signature")):
        print_at(x, 0.70, words, 34)
        draw.rectangle(((x + 0.11) * width, 0.70 * height, (x + 0.24) * width, 0.745 * height), fill=(0, 0, 0))
    print_at(0.36, 0.77, f"Exp.  {2040 + seed % 10}-12-31", 40)

    # The word across the whole card, half transparent, turned.
    stamp = Image.new("L", (width, height), 0)
    write(ImageDraw.Draw(stamp), (0.12 * width, 0.36 * height), "SPÉCIMEN", 260 * unit, 110)
    card.paste((200, 20, 40), (0, 0), stamp.rotate(18, resample=Image.Resampling.BICUBIC))
    print_at(0.03, 0.90, "SPÉCIMEN · SPECIMEN · SPÉCIMEN · SPECIMEN · SPÉCIMEN · SPECIMEN", 40, (200, 20, 40))

    out = BytesIO()
    card.save(out, format="JPEG", quality=90)
    return out.getvalue()


def _draw_face(
    draw: ImageDraw.ImageDraw,
    chance: random.Random,
    frame: tuple[float, float, float, float],
    dark: tuple[int, ...],
    unit: float,
) -> None:
    """A face that is a drawing, in the place of the photo."""
    left, upper, right, lower = frame
    line = max(2, round(5 * unit))
    draw.rectangle(frame, fill=(245, 245, 240), outline=dark, width=line)
    middle, radius = (left + right) / 2, 0.3 * (right - left)
    eyes = upper + 0.38 * (lower - upper)
    skin = chance.choice(((255, 224, 189), (234, 192, 134), (198, 134, 66), (141, 85, 36)))
    draw.chord((left + line, lower - 1.1 * radius, right - line, lower + 1.1 * radius - line), 180, 360, fill=dark)
    draw.ellipse((middle - radius, eyes - radius, middle + radius, eyes + 1.3 * radius), fill=skin, outline=dark)
    for eye in (middle - 0.45 * radius, middle + 0.45 * radius):
        draw.ellipse((eye - 8 * unit, eyes - 8 * unit, eye + 8 * unit, eyes + 8 * unit), fill=(0, 0, 0))
    smile = (middle - 0.5 * radius, eyes, middle + 0.5 * radius, eyes + 0.8 * radius)
    draw.arc(smile, 20, 160, fill=(120, 20, 20), width=line)
