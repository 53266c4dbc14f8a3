"""The calendar file of the campaign, as a member's browser gets it."""

from icalendar import Calendar, Event
from sqlalchemy import text

from portal.store import Sessions, campaigns
from tests import builders
from tests.api.conftest import Visit
from tests.api.looking import signed_in
from tests.conftest import ORIGIN


def events(content: bytes) -> list[Event]:
    calendar = Calendar.from_ical(content)
    assert isinstance(calendar, Calendar)
    return calendar.events


async def test_it_says_the_instants_of_the_records_and_moves_with_them(visit: Visit, sessions: Sessions) -> None:
    """Brief §6: both languages, the same events; a closing that moved gives the same event a newer sequence."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
    person, _ = await signed_in(sessions, visit)
    ids = set()
    for address, name, votes in (
        ("/fr/dossier/calendrier.ics", "calendrier.ics", "/fr/votes"),
        ("/en/file/calendar.ics", "calendar.ics", "/en/votes"),
    ):
        answer = await person.client.get(address)
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        opening, closing = events(answer.content)
        assert (opening.start, closing.start) == (campaign.opens, campaign.closes)
        assert opening.url == closing.url == ORIGIN + votes
        assert closing.sequence == 1
        ids.add((opening.uid, closing.uid))
    assert len(ids) == 1
    async with sessions.begin() as session:
        later = await session.scalar(text("select closes + interval '1 day' from campaign"))
        await campaigns.move(session, campaign.id, closes=later)
    _, closing = events((await person.client.get("/fr/dossier/calendrier.ics")).content)
    assert closing.start == later
    assert closing.sequence == 2
    assert closing.uid in next(iter(ids))
