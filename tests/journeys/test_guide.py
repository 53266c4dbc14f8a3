"""The pages still say what the pictures of the guide show, and the guide is light on a telephone."""

from playwright.async_api import Browser, Response

from portal.text.addresses import path
from tests.guide import words
from tests.guide.story import Story
from tests.journeys.stack import Stack
from tests.journeys.tab import visiting


async def test_every_picture_of_the_guide_is_true(stack: Stack, chromium: Browser) -> None:
    """The story that the guide tells, walked in French at a desk and in English on a telephone."""
    seen = await Story(stack, chromium).tell()
    moved = words.difference(seen)
    assert not moved, f"the pages have moved on, run `make guide`:\n{moved}"

    weight: list[int] = []

    async def weigh(response: Response) -> None:
        weight.append((await response.request.sizes())["responseBodySize"])

    async with visiting(chromium, stack.origin, "en", phone=True) as visitor:
        tab = await visitor.tab()
        tab.page.on("response", weigh)
        await tab.go(path("guide", "en"))
        await tab.page.wait_for_load_state("networkidle")
        assert sum(weight) < 250_000, "what is there before anybody scrolls"
        pictures = tab.page.locator("main img")
        assert await pictures.count() > 10
        for picture in await pictures.all():
            await picture.scroll_into_view_if_needed()
            shown = await picture.evaluate("async i => { await i.decode(); return i.currentSrc }")
            assert shown.endswith("-phone.webp")
        await tab.look()


def test_a_page_that_says_something_else_is_named_and_another_day_is_nothing_else() -> None:
    """What would go unnoticed, or be noticed every year."""
    known = words.stored()
    assert words.difference(known) == ""
    renamed = known | {"fr/sign-in": ["Ouvrez" if line == "Entrez" else line for line in known["fr/sign-in"]]}
    assert "fr/sign-in, now" in words.difference(renamed)
    assert "+Ouvrez" in words.difference(renamed)
    assert "en/votes, pictured" in words.difference({k: v for k, v in known.items() if k != "en/votes"})
    for one, other in (
        ("reçu le lundi 1er février 2027 à 19 h 10 HNE", "reçu le mardi 15 février 2028 à 9 h 05 HNE"),
        ("by Friday, February 5, 2027 at 4:00 EST", "by Monday, February 14, 2028 at 10:30 EST"),
        ("Certificat S-20AC-E917-02A3", "Certificat S-9F00-0001-ABCD"),
        ("moliere@exemple.test", "anne.shirley@example.test"),
        ("permis.jpg (0,2 Mo)", "permis.jpg (1,4 Mo)"),
    ):
        assert words.masked(one) == words.masked(other), one
