"""What may change in a campaign, and what a change does to its notices."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.ballots import Electorate
from portal.rules.campaign_changes import FELT, Effect, Fate, effects, instant, may_move, out_of_order, usable_code
from portal.rules.campaigns import Calendar, NoticeKind, notices, still_true
from portal.rules.manifests import Line, manifest_of
from portal.rules.members import Group
from portal.rules.refusals import Refusal

TORONTO = ZoneInfo("America/Toronto")
DAY = timedelta(days=1)
NOW = datetime(2027, 2, 1, 15, tzinfo=UTC)
OLD = Calendar(1, NOW - 14 * DAY, NOW + 10 * DAY, NOW + 22 * DAY, NOW + 30 * DAY)


def moved(**instants: datetime) -> Calendar:
    given = {name: getattr(OLD, name) for name in ("registration_opens", "opens", "closes", "ends")}
    return Calendar(2, **{**given, **instants})


# --- instants as they are typed


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("20", "2", "2027", "00:00"), datetime(2027, 2, 20, 5, tzinfo=UTC)),
        (("3", "03", "2027", "16 h 00"), datetime(2027, 3, 3, 21, tzinfo=UTC)),
        (("3", "7", "2027", "9h05"), datetime(2027, 7, 3, 13, 5, tzinfo=UTC)),
        (("30", "2", "2027", "16:00"), Refusal.DATE_UNREADABLE),
        (("", "2", "2027", "16:00"), Refusal.DATE_UNREADABLE),
        (("1", "2", "27", "16:00"), Refusal.DATE_UNREADABLE),
        (("1", "2", "2027", "25:00"), Refusal.TIME_UNREADABLE),
        (("1", "2", "2027", "midi"), Refusal.TIME_UNREADABLE),
        # The clocks go forward at 2:00 on 14 March, and back at 2:00 on 7 November.
        (("14", "3", "2027", "02:30"), Refusal.TIME_SKIPPED),
        (("14", "3", "2027", "03:00"), datetime(2027, 3, 14, 7, tzinfo=UTC)),
        (("7", "11", "2027", "01:30"), Refusal.TIME_TWICE),
        (("7", "11", "2027", "02:00"), datetime(2027, 11, 7, 7, tzinfo=UTC)),
    ],
)
def test_an_instant_is_local_to_the_campaign_and_never_guessed_at(
    typed: tuple[str, str, str, str], said: datetime | Refusal
) -> None:
    assert instant(*typed, TORONTO) == said


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001  (local, hence without a zone)
def test_an_instant_that_is_taken_is_the_one_that_was_typed(local: datetime) -> None:
    typed = instant(str(local.day), str(local.month), str(local.year), f"{local:%H:%M}", TORONTO)
    if isinstance(typed, datetime):
        assert typed.astimezone(TORONTO).replace(tzinfo=None) == local.replace(second=0, microsecond=0)
    else:
        assert typed in (Refusal.TIME_SKIPPED, Refusal.TIME_TWICE)


def test_a_code_is_made_of_plain_letters() -> None:
    assert usable_code("acep-2027")
    assert not any(usable_code(typed) for typed in ("", "a", "Été", "a b", "-a", "a/b", "x" * 41, "ab\n"))


# --- what may move


@pytest.mark.parametrize(
    ("new", "no"),
    [
        (moved(closes=OLD.closes + DAY), {}),
        (moved(opens=OLD.opens - DAY), {}),
        (moved(closes=OLD.closes - DAY), {"closes": Refusal.CLOSING_ONLY_LATER}),
        (moved(registration_opens=NOW + DAY), {"registration_opens": Refusal.ALREADY_HAPPENED}),
        (moved(opens=NOW - DAY), {"opens": Refusal.INSTANT_PASSED}),
        (moved(opens=OLD.closes), {"closes": Refusal.DATES_OUT_OF_ORDER}),
        (moved(closes=OLD.ends + DAY), {"ends": Refusal.DATES_OUT_OF_ORDER}),
    ],
)
def test_what_has_happened_is_not_moved_and_a_closing_only_later(new: Calendar, no: dict[str, Refusal]) -> None:
    assert may_move(OLD, new, at=NOW) == no


def test_an_end_moves_only_later_once_people_vote() -> None:
    earlier, later = moved(ends=OLD.ends - DAY), moved(ends=OLD.ends + DAY)
    assert may_move(OLD, earlier, at=OLD.opens - DAY) == {}
    assert may_move(OLD, earlier, at=OLD.opens) == {"ends": Refusal.END_ONLY_LATER}
    assert may_move(OLD, later, at=OLD.opens) == {}


def test_an_opening_that_was_is_not_moved() -> None:
    assert may_move(OLD, moved(opens=OLD.opens + DAY), at=OLD.opens) == {"opens": Refusal.ALREADY_HAPPENED}
    assert may_move(OLD, moved(closes=OLD.closes + DAY), at=OLD.closes) == {"closes": Refusal.ALREADY_HAPPENED}


# --- what a change does


def fates(new: Calendar, *, sent: set[str], at: datetime) -> dict[NoticeKind, Fate]:
    return {effect.kind: effect.fate for effect in effects(OLD, new, sent=sent, at=at)}


def marks(calendar: Calendar, *kinds: NoticeKind) -> set[str]:
    return {notice.mark for notice in notices(calendar) if notice.kind in kinds}


def test_an_opening_moved_moves_what_is_to_come_of_it() -> None:
    new = moved(opens=OLD.opens + 2 * DAY)
    said = fates(new, sent=marks(OLD, NoticeKind.INVITATION), at=NOW)
    assert said[NoticeKind.INVITATION] is Fate.SENT
    assert said[NoticeKind.BEFORE_OPENING] is said[NoticeKind.VOTING_OPEN] is said[NoticeKind.HALF_WAY] is Fate.MOVED
    assert said[NoticeKind.TWO_DAYS] is said[NoticeKind.CLOSED] is Fate.SAME


def test_a_closing_moved_after_its_notice_was_sent_has_it_sent_again() -> None:
    at = OLD.closes - timedelta(hours=40)
    new = moved(closes=OLD.closes + 5 * DAY)
    sent = marks(OLD, NoticeKind.INVITATION, NoticeKind.VOTING_OPEN, NoticeKind.HALF_WAY, NoticeKind.TWO_DAYS)
    said = fates(new, sent=sent, at=at)
    assert said[NoticeKind.TWO_DAYS] is Fate.AGAIN
    assert said[NoticeKind.FOUR_HOURS] is Fate.MOVED
    assert said[NoticeKind.VOTING_OPEN] is Fate.SENT


def test_a_cancelling_drops_whatever_is_to_come_and_says_so() -> None:
    cancelled = Calendar(2, OLD.registration_opens, OLD.opens, OLD.closes, NOW, NOW)
    said = fates(cancelled, sent=marks(OLD, NoticeKind.INVITATION), at=NOW)
    assert said.pop(NoticeKind.CANCELLED) is Fate.NEW
    assert said.pop(NoticeKind.INVITATION) is Fate.SENT
    assert set(said.values()) == {Fate.DROPPED}
    assert [notice.kind for notice in notices(cancelled)] == [NoticeKind.CANCELLED]


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    hours = sorted(draw(st.lists(st.integers(-600, 1200), min_size=4, max_size=4, unique=True)))
    return Calendar(1, *(NOW + timedelta(hours=h) for h in hours))


@given(calendars(), calendars(), st.sets(st.sampled_from(list(NoticeKind))))
def test_nothing_is_counted_twice_and_nothing_is_forgotten(old: Calendar, new: Calendar, told: set[NoticeKind]) -> None:
    sent = marks(old, *told)
    said: list[Effect] = effects(old, new, sent=sent, at=NOW)
    assert max(Counter(effect.kind for effect in said).values(), default=0) <= 1
    by_kind = {effect.kind: effect for effect in said}
    for notice in notices(new):
        due = notice.mark not in sent and notice.until > NOW
        effect = by_kind.get(notice.kind)
        assert due == (effect is not None and effect.will == notice.due), notice
    for notice in notices(old):
        if notice.mark in sent:
            assert by_kind[notice.kind].fate in (Fate.SENT, Fate.AGAIN)
        elif notice.until > NOW:
            assert by_kind[notice.kind].fate not in (Fate.SENT, Fate.AGAIN, Fate.NEW)
    assert all((effect.fate in FELT) or effect.was is not None for effect in said)


@given(calendars(), st.sets(st.sampled_from(list(NoticeKind))))
def test_a_calendar_that_does_not_move_is_felt_by_nobody(calendar: Calendar, told: set[NoticeKind]) -> None:
    said = effects(calendar, calendar, sent=marks(calendar, *told), at=NOW)
    assert not [effect for effect in said if effect.fate in FELT]


def test_a_notice_of_an_instant_that_moved_is_no_longer_true() -> None:
    (mark,) = marks(OLD, NoticeKind.TWO_DAYS)
    assert still_true(mark, OLD)
    assert not still_true(mark, moved(closes=OLD.closes + DAY))


@given(calendars())
def test_instants_in_their_order_are_in_order(calendar: Calendar) -> None:
    assert out_of_order(calendar) == {}


# --- the roll


def test_a_manifest_is_the_same_in_whatever_order_the_roll_is_read() -> None:
    everybody = [("all", Electorate(frozenset(Group), members_only=False)), ("ec", Electorate(frozenset({Group.EC})))]
    roll = [Line("900001", "EC", "member"), Line("900002", "TR", "dues-payer")]
    first = manifest_of(roll, everybody)
    assert first == manifest_of(reversed(roll), everybody)
    assert first.lines == 2
    for other in (Line("900002", "TR", "member"), Line("900002", "EC", "dues-payer"), Line("900003", "TR", "member")):
        # A dues-payer of another group, one who has become a member, somebody else.
        assert manifest_of([roll[0], other], everybody).sha256 != first.sha256
