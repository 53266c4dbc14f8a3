"""A page left open keeps itself up to date: said once, without being loaded again, and without asking for ever."""

from playwright.async_api import Browser, Request

from tests.journeys.mails import until
from tests.journeys.people import Town, cookie_of, register, send
from tests.journeys.tab import visiting

# What a screen reader is given to say: each time the region is filled anew.
LISTEN = """() => {
  window.neverReloaded = true;
  window.said = [];
  const region = document.querySelector('[role=status]');
  new MutationObserver(() => window.said.push(region.innerText)).observe(region, { childList: true });
}"""


async def test_the_open_home_says_once_that_the_identity_is_confirmed(town: Town, chromium: Browser) -> None:
    """Within 6 s of the decision; afterwards the page asks less and less: a dozen times in ten minutes."""
    account = await town.a_member()
    member = await town.enter(account)
    await send(member)
    await register(member)
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        await visitor.become(cookie_of(member))
        tab = await visitor.tab()
        # Timers of the page go by this clock, which runs by itself until it is moved on.
        await tab.page.clock.install()
        asked: list[Request] = []
        tab.page.on("request", lambda request: asked.append(request) if "/profil/etat" in request.url else None)
        await tab.go("/fr/accueil")
        assert "C'est à nous" in await tab.words()
        assert asked == [], "it knows what it has just been told"
        await tab.page.evaluate(LISTEN)

        await town.decide(account, "approve")
        await tab.shows("Tout est prêt", within=6)
        said = await tab.page.evaluate("window.said")
        assert len(said) == 1
        assert "Identité confirmée" in said[0]
        assert await tab.page.evaluate("window.neverReloaded")

        async def quiet() -> bool:
            return "Certificat" in await tab.words()

        await until(quiet)
        before = len(asked)
        for _ in range(40):
            await tab.page.clock.run_for(15_000)
            await tab.page.wait_for_timeout(50)
        assert 3 <= len(asked) - before <= 20
        assert await tab.page.evaluate("window.neverReloaded")
