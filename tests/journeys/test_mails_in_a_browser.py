"""The page of every mail, as a mail program shows it: by day, by night, and on the smallest telephone."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser

from tests.journeys.axe import TOO_WIDE, violations

GOLDEN = sorted((Path(__file__).parents[1] / "mails" / "golden").glob("*.html"))

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# A mail is shown inside the page of a mail program, which has landmarks of its own.
OF_PAGES = ["region", "landmark-one-main"]


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_every_mail_can_be_read_by_day_by_night_and_on_a_telephone(chromium: Browser, language: str) -> None:
    mails = [path for path in GOLDEN if path.name.split(".")[1] == language]
    assert len(mails) > 20
    wrong: list[str] = []
    page = await chromium.new_page(viewport={"width": 320, "height": 640})
    for path in mails:
        await page.set_content(path.read_text())
        if await page.evaluate(TOO_WIDE):
            wrong.append(f"{path.name}: wider than 320 px")
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            wrong += [f"{path.name}, {scheme}: {what}" for what in await violations(page, but=OF_PAGES)]
        # The last was by night, or there is none.
        night = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert night == "rgb(17, 22, 27)", path.name
    await page.close()
    assert wrong == []
