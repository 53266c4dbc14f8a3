"""Takes a page as it stands, at a desk and on a telephone, with a frame around what the step is about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import FloatRect, Locator, Page, ViewportSize

from tests.guide.words import Words, words_of

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "api" / "static" / "guide"

SHAPES: dict[str, ViewportSize] = {"desk": {"width": 1000, "height": 800}, "phone": {"width": 390, "height": 844}}

FRAME = """element => { element.style.outline = '4px solid #c25e00'; element.style.outlineOffset = '4px' }"""
UNFRAME = """element => { element.style.outline = ''; element.style.outlineOffset = '' }"""
AROUND = 16
# What opens the menu, on a telephone only.
MENU = ".govuk-js-service-navigation-toggle"
# What a picture should weigh at most, and how many colours it may have to get there: a page has few, a photo many.
HEAVY = 40_000
COLOURS = (128, 64, 40, 24)


@dataclass
class Camera:
    """For one language; one that takes no pictures only reads."""

    language: str
    taking: bool
    words: Words = field(default_factory=dict)

    async def take(
        self,
        page: Page,
        name: str,
        *framed: Locator,
        since: Locator | None = None,
        until: Locator | None = None,
        menu: bool = False,
    ) -> None:
        """From the top of the page, or from `since`, down to `until`, or to what is framed; with the menu open."""
        if menu:
            await _open_menu(page)
        for target in framed:
            await target.wait_for()
        self.words[f"{self.language}/{name}"] = await words_of(page)
        if not self.taking:
            return
        for shape, size in SHAPES.items():
            await page.set_viewport_size(size)
            if menu:
                await _open_menu(page)
            await _settle(page)
            for target in framed:
                await target.evaluate(FRAME)
            clip = await _clip(since, [until] if until else framed, size["width"])
            png = await page.screenshot(full_page=True, clip=clip, animations="disabled", caret="hide")
            for target in framed:
                await target.evaluate(UNFRAME)
            _write(PICTURES / self.language / f"{name}-{shape}.webp", png)
        await page.set_viewport_size(SHAPES["desk"])

    async def whole(self, page: Page, shape: str, file: Path, until: Locator) -> None:
        """A picture for readers of the project, without a frame."""
        if not self.taking:
            return
        await page.set_viewport_size(SHAPES[shape])
        await _settle(page)
        clip = await _clip(None, [until], SHAPES[shape]["width"])
        png = await page.screenshot(full_page=True, clip=clip, animations="disabled", caret="hide")
        Image.open(BytesIO(png)).convert("RGB").quantize(256).save(file, optimize=True)
        await page.set_viewport_size(SHAPES["desk"])


async def _open_menu(page: Page) -> None:
    """It folds on a telephone, and there only."""
    if page.viewport_size == SHAPES["phone"]:
        await page.locator(MENU).click()


async def _settle(page: Page) -> None:
    """Nothing has the focus, and every picture is there."""
    await page.evaluate("""async () => {
      document.activeElement?.blur();
      scrollTo(0, 0);
      await Promise.all([...document.images].map(image => image.decode().catch(() => null)));
    }""")


async def _clip(since: Locator | None, until: Sequence[Locator], width: int) -> FloatRect:
    top = max(0.0, (await _box(since))["y"] - AROUND) if since else 0.0
    boxes = [await _box(target) for target in until]
    bottom = max(box["y"] + box["height"] for box in boxes) + AROUND
    return {"x": 0, "y": top, "width": width, "height": bottom - top}


async def _box(target: Locator) -> FloatRect:
    box = await target.bounding_box()
    assert box is not None, f"{target} is not to be seen"
    return box


def _write(file: Path, png: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.open(BytesIO(png)).convert("RGB")
    for colours in COLOURS:
        few = picture.quantize(colours, kmeans=1, dither=Image.Dither.NONE).convert("RGB")
        # Letters stay sharp without loss.
        few.save(file, format="WEBP", lossless=True, quality=80, method=4)
        if file.stat().st_size <= HEAVY:
            return
