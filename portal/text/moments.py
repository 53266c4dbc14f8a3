"""Dates, hours and numbers as a member reads them: a deadline always has its weekday, hour and zone."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from babel.units import format_unit

from portal.text.catalogues import LOCALES, NBSP

TORONTO = ZoneInfo("America/Toronto")

# CLDR's own long form is «16 h 00 min 00 s»; nobody writes a closing time that way.
_HOUR = {"fr": f"H'{NBSP}h{NBSP}'mm", "en": f"h:mm'{NBSP}'a"}


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a moment without a zone means nothing to a reader")
    return at.astimezone(zone)


def _day_pattern(on: date, language: str) -> str:
    if language == "en":
        return "EEEE, MMMM d, y"
    return "EEEE '1er' MMMM y" if on.day == 1 else "EEEE d MMMM y"


def _zone_name(local: datetime, language: str) -> str:
    return format_datetime(local, "z", tzinfo=local.tzinfo, locale=LOCALES[language])


def day(at: datetime | date, zone: ZoneInfo = TORONTO, *, language: str) -> str:
    """vendredi 3 mars 2017 / Friday, March 3, 2017"""
    on = _local(at, zone).date() if isinstance(at, datetime) else at
    return format_date(on, _day_pattern(on, language), locale=LOCALES[language])


def hour(at: datetime, zone: ZoneInfo = TORONTO, *, language: str) -> str:
    """16 h 00 / 4:00 p.m."""
    local = _local(at, zone)
    return format_datetime(local, _HOUR[language], tzinfo=zone, locale=LOCALES[language])


# A list of waiting cases says the same closing fifty times.
@lru_cache(maxsize=1024)
def moment(at: datetime, zone: ZoneInfo = TORONTO, *, language: str) -> str:
    """vendredi 3 mars 2017 à 16 h 00 HNE / Friday, March 3, 2017 at 4:00 p.m. EST"""
    local = _local(at, zone)
    link = "à" if language == "fr" else "at"
    on, clock = day(local, zone, language=language), hour(local, zone, language=language)
    return f"{on} {link} {clock} {_zone_name(local, language)}"


@lru_cache(maxsize=1024)
def instant(at: datetime, zone: ZoneInfo = TORONTO, *, language: str) -> str:
    """ven. 3 mars 2017, 16 h 00 HNE / Fri, Mar 3, 2017, 4:00 p.m. EST: for a table; it breaks before its hour only."""
    local = _local(at, zone)
    pattern = "EEE, MMM d, y" if language == "en" else "EEE '1er' MMM y" if local.day == 1 else "EEE d MMM y"
    on = format_date(local.date(), pattern, locale=LOCALES[language]).replace(" ", NBSP)
    return f"{on}, {hour(local, zone, language=language)}{NBSP}{_zone_name(local, language)}"


def window(opens: datetime, closes: datetime, zone: ZoneInfo = TORONTO, *, language: str) -> str:
    """du lundi 20 février 2017 à 0 h 00 au vendredi 3 mars 2017 à 16 h 00 HNE / from Monday … to Friday …

    The zone is named once, and twice when the clocks change in between.
    """
    first, last = _local(opens, zone), _local(closes, zone)
    french = language == "fr"
    zones = _zone_name(first, language), _zone_name(last, language)
    first_zone = "" if zones[0] == zones[1] else f" {zones[0]}"
    start = f"{hour(first, zone, language=language)}{first_zone}"
    end = f"{hour(last, zone, language=language)} {zones[1]}"
    if first.date() == last.date():
        on = day(first, zone, language=language)
        return f"le {on}, de {start} à {end}" if french else f"on {on}, from {start} to {end}"
    from_day, to_day = day(first, zone, language=language), day(last, zone, language=language)
    if french:
        return f"du {from_day} à {start} au {to_day} à {end}"
    return f"from {from_day} at {start} to {to_day} at {end}"


def lasting(period: timedelta, *, language: str) -> str:
    """45 minutes, 3 heures, 2 jours / 45 minutes, 3 hours, 2 days: rounded down, never less than a minute."""
    if period < timedelta(hours=1):
        unit, seconds = "minute", 60
    elif period < timedelta(days=2):
        unit, seconds = "hour", 3600
    else:
        unit, seconds = "day", 86_400
    return _counted(max(int(period.total_seconds()) // seconds, 1), unit, language)


@lru_cache(maxsize=1024)
def _counted(count: int, unit: str, language: str) -> str:
    return format_unit(count, f"duration-{unit}", "long", locale=LOCALES[language]).replace(" ", NBSP)


def number(value: int | float | Decimal, *, language: str) -> str:
    """13 000 / 13,000"""
    return format_decimal(value, locale=LOCALES[language])


def per_cent(per_mille: int, *, language: str) -> str:
    """25,6 % / 25.6%: always one decimal, so that two pages cannot differ by their rounding."""
    said = format_decimal(Decimal(per_mille) / 10, format="#,##0.0", locale=LOCALES[language])
    return f"{said}{NBSP}%" if language == "fr" else f"{said}%"
