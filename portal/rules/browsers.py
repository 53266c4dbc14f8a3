"""Which family of browser somebody uses, on what: enough to know one's own session by."""

# The first that is found: nearly every browser also names those it wants to be taken for.
_BROWSERS = (
    ("edge", ("Edg/", "EdgA/", "EdgiOS/")),
    ("opera", ("OPR/",)),
    ("samsung", ("SamsungBrowser/",)),
    ("firefox", ("Firefox/", "FxiOS/")),
    ("chrome", ("Chrome/", "CriOS/")),
    ("safari", ("Safari/",)),
)
_SYSTEMS = (
    ("windows", ("Windows NT",)),
    ("android", ("Android",)),
    ("iphone", ("iPhone",)),
    ("ipad", ("iPad",)),
    ("mac", ("Macintosh",)),
    ("chromeos", ("CrOS",)),
    ("linux", ("Linux",)),
)

BROWSER_NAMES = {
    "edge": "Edge",
    "opera": "Opera",
    "samsung": "Samsung Internet",
    "firefox": "Firefox",
    "chrome": "Chrome",
    "safari": "Safari",
}
SYSTEM_NAMES = {
    "windows": "Windows",
    "android": "Android",
    "iphone": "iPhone",
    "ipad": "iPad",
    # An iPad says of itself that it is a Mac.
    "mac": "Mac, iPad",
    "chromeos": "ChromeOS",
    "linux": "Linux",
}

# What a browser says of itself is as long as it likes.
_READ = 400


def family(user_agent: str) -> str | None:
    """A short code like «firefox-android», None for what we do not know; versions and models are not kept."""
    said = user_agent[:_READ]
    browser = _first(_BROWSERS, said)
    system = _first(_SYSTEMS, said)
    return f"{browser}-{system}" if browser and system else None


def names(code: str | None) -> tuple[str, str] | None:
    """The browser and the system of a code, as their makers call them."""
    browser, _, system = (code or "").partition("-")
    if browser not in BROWSER_NAMES or system not in SYSTEM_NAMES:
        return None
    return BROWSER_NAMES[browser], SYSTEM_NAMES[system]


def _first(table: tuple[tuple[str, tuple[str, ...]], ...], said: str) -> str | None:
    return next((code for code, marks in table if any(mark in said for mark in marks)), None)
