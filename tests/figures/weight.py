"""What a member's page weighs on the wire when nothing of it was seen before: requests and bytes, which are exact."""

from typing import Any

from playwright.async_api import Browser, BrowserContext

from tests.journeys.tab import visiting

MOST_REQUESTS = 6
MOST_BYTES = 60_000

PAGES = ("connexion", "accueil", "profil", "profil/identite", "votes", "dossier", "messages")


async def weigh(context: BrowserContext, address: str) -> tuple[int, int]:
    """How many requests, and how many bytes with their headers; without photos and the guide's pictures."""
    page = await context.new_page()
    browser = await context.new_cdp_session(page)
    pictures: set[str] = set()
    sizes: dict[str, int] = {}

    def answered(event: dict[str, Any]) -> None:
        if event["response"]["mimeType"] in ("image/jpeg", "image/webp"):
            pictures.add(event["requestId"])

    def finished(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = int(event["encodedDataLength"])

    browser.on("Network.responseReceived", answered)
    browser.on("Network.loadingFinished", finished)
    await browser.send("Network.enable")
    await browser.send("Network.setCacheDisabled", {"cacheDisabled": True})
    await page.goto(address)
    await page.wait_for_load_state("networkidle")
    await page.close()
    weighed = [size for request, size in sizes.items() if request not in pictures]
    assert weighed, "nothing came"
    return len(weighed), sum(weighed)


async def table(browser: Browser, origin: str, cookie: str) -> None:
    print(f"\nA member's page, never seen before: requests (≤ {MOST_REQUESTS}) and bytes on the wire (≤ {MOST_BYTES})")
    async with visiting(browser, origin, "fr") as visitor:
        await visitor.become(cookie)
        for slug in PAGES:
            requests, size = await weigh(visitor.context, f"{origin}/fr/{slug}")
            print(f"  {slug:<26} {requests} requests, {size} bytes")
