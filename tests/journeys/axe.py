"""What is wrong with the page at hand: what axe-core says of WCAG 2.2 A and AA and of best practice, and its shape."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.journeys.tab import DESK, PHONE

AXE = (Path(__file__).parents[1] / "vendor" / "axe.min.js").read_text()

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

RUN = """([tags, but]) => axe.run(document, {
  runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'], preload: false,
  rules: Object.fromEntries(but.map(rule => [rule, { enabled: false }])),
}).then(found => found.violations)"""

# The first heading is the page's own; before it may stand only what has just happened.
LOOK = """() => ({
  lang: document.documentElement.lang,
  h1: document.querySelectorAll('h1').length,
  headings: [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
    .filter(h => !h.closest('.govuk-error-summary, .govuk-notification-banner')).map(h => Number(h.tagName[1])),
})"""

TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"

# A telephone of the smallest kind; and a desk at 400 %, which is as narrow, with little height and four times the dots.
NARROW = ({"height": 640, "deviceScaleFactor": 1}, {"height": 200, "deviceScaleFactor": 4})


async def violations(page: Page, *, but: Sequence[str] = ()) -> list[str]:
    """One line for each element: the rule, where, and what is wrong with it. The page's own policy stays in force."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    found: list[dict[str, Any]] = await page.evaluate(RUN, [TAGS, list(but)])
    return [
        f"{rule['id']}: {' '.join(node['target'][0].split())}: {' '.join(node['failureSummary'].split())}"
        for rule in found
        for node in rule["nodes"]
    ]


async def wrong_with(page: Page, language: str) -> list[str]:
    """Everything that is not as it should be with the page at hand, by itself and at every size."""
    wrong = []
    found = await page.evaluate(LOOK)
    if (found["lang"], found["h1"]) != (f"{language}-CA", 1) or not in_order(found["headings"]):
        wrong.append(str(found))
    if not (await page.title()).removesuffix("Portail des membres").removesuffix("Member portal").strip(" –"):
        wrong.append("no title")
    for size in (DESK, PHONE):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        wrong += [f"{size['width']} px: {what}" for what in await violations(page)]
        if await page.evaluate(TOO_WIDE):
            wrong.append(f"wider than {size['width']} px")
    device = await page.context.new_cdp_session(page)
    for narrow in NARROW:
        await device.send("Emulation.setDeviceMetricsOverride", {"width": 320, "mobile": False, **narrow})
        if await page.evaluate(TOO_WIDE):
            wrong.append(f"wider than 320 px, {narrow}")
    await device.send("Emulation.clearDeviceMetricsOverride")
    await device.detach()
    return wrong


def in_order(levels: list[int]) -> bool:
    return levels[:1] == [1] and all(after <= before + 1 for before, after in pairwise(levels))
