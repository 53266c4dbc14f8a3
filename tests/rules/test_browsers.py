"""A family of browser is read from what a browser says of itself, and nothing else is."""

import pytest

from portal.rules.browsers import family, names

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0", "firefox-android"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", "firefox-linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/141.0.0.0 Safari/537.36", "chrome-windows"),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/141.0.0.0 Safari/537.36 Edg/141.0",
            "edge-windows",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 15; SM-S921W) {WEBKIT} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36",
            "samsung-android",
        ),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/141.0.0.0 Safari/537.36", "chrome-chromeos"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15",
            "safari-mac",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 CriOS/141.0 Mobile Safari/604",
            "chrome-iphone",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6) AppleWebKit/605.1.15 FxiOS/143.0 Safari/605.1.15", "firefox-iphone"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/141.0.0.0 Safari/537.36 OPR/122.0", "opera-windows"),
    ],
)
def test_a_known_browser_is_told_by_family_and_system(said: str, code: str) -> None:
    assert family(said) == code
    assert names(code) is not None


@pytest.mark.parametrize(
    "said", ["", "curl/8.5.0", "Firefox/143.0", "Linux", "x" * 100_000, "<script>", "x" * 400 + "Firefox/1 Linux"]
)
def test_what_is_not_known_is_kept_as_nothing(said: str) -> None:
    assert family(said) is None


@pytest.mark.parametrize("code", [None, "", "firefox", "firefox-", "firefox-amiga", "<b>-linux"])
def test_a_code_that_is_not_ours_has_no_names(code: str | None) -> None:
    assert names(code) is None
