"""A campaign's opening and closing as a calendar file that any agenda can read."""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from icalendar import Alarm, Calendar, Event

from portal.text.catalogues import HTML_LANGUAGES, N_, gettext

# Before the closing: the last evening on which nobody has to hurry.
REMINDED_BEFORE = timedelta(days=1)

_OPENING = N_("Le vote ouvre : %(title)s")
_CLOSING = N_("Le vote ferme : %(title)s")
_REMINDER = N_("Le vote ferme dans un jour : %(title)s")
_WHERE = N_("Pour voter : %(url)s")


def calendar_file(
    *, code: str, title: str, version: int, opens: datetime, closes: datetime, at: datetime, url: str, language: str
) -> bytes:
    """Two events in UTC. The same campaign gives the same ids, so that a newer file moves what an older one put."""
    translate = gettext(language)
    host = urlsplit(url).hostname

    def event(name: str, words: str, instant: datetime) -> Event:
        made = Event()
        made.add("uid", f"{code}-{name}@{host}")
        made.add("sequence", version)
        made.add("dtstamp", at)
        made.add("dtstart", instant)
        # An instant: without this some agendas fill the whole day.
        made.add("dtend", instant)
        made.add("summary", translate(words) % {"title": title}, parameters={"language": HTML_LANGUAGES[language]})
        made.add("description", translate(_WHERE) % {"url": url})
        made.add("url", url)
        # Nobody is busy because a vote opens.
        made.add("transp", "TRANSPARENT")
        return made

    closing = event("closes", _CLOSING, closes)
    reminder = Alarm()
    reminder.add("action", "DISPLAY")
    reminder.add("description", translate(_REMINDER) % {"title": title})
    reminder.add("trigger", -REMINDED_BEFORE)
    closing.add_component(reminder)

    calendar = Calendar()
    calendar.add("prodid", f"-//ACEP CAPE//Scrutin//{language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event("opens", _OPENING, opens))
    calendar.add_component(closing)
    written: bytes = calendar.to_ical()
    return written
