"""Local days and times: which instants they are, and how much of a length of time is working time. Pure.

Local times are worked out with zoneinfo, so that the days on which clocks change have their real length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEK = frozenset(range(7))
WORKING_WEEK = frozenset(range(5))
_MIDNIGHT = time()
_DAY = timedelta(days=1)
_HORIZON = timedelta(days=400)  # without working time, after which a calendar is taken to have none
_STRIDE = timedelta(hours=12)  # no zone changes its offset twice within this
_PIECE = timedelta(days=14)  # looked at in one go: most questions end within it


def local_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Give the one UTC instant that stands for wall-clock *at* on *day* in *zone*.

    A time that happens twice (autumn) is taken the first time; one that does not happen (spring) is moved on by the
    length of the gap. So every local day has exactly one.
    """
    return datetime.combine(day, at, tzinfo=zone).replace(fold=0).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Time that counts: what a clock on the wall of *zone* shows, on *days* (0 is Monday), from *opens* to *closes*.

    *closes* at midnight is the end of the day. *yearly*: (month, day) of holidays that are the same every year.
    Raises ValueError where no time would count.
    """

    zone: ZoneInfo
    days: frozenset[int] = WORKING_WEEK
    holidays: frozenset[date] = frozenset()
    opens: time = _MIDNIGHT
    closes: time = _MIDNIGHT
    yearly: frozenset[tuple[int, int]] = frozenset()

    def __post_init__(self) -> None:
        if not self.days or not self.days <= WEEK:
            raise ValueError("a calendar has at least one day of the week, 0 (Monday) to 6")
        if self.closes != _MIDNIGHT and self.closes <= self.opens:
            raise ValueError(f"a day ends ({self.closes:%H:%M}) later than it begins ({self.opens:%H:%M})")

    def counts(self, day: date) -> bool:
        """Whether any of the local *day* is working time."""
        return day.weekday() in self.days and day not in self.holidays and (day.month, day.day) not in self.yearly


def is_working(calendar: Calendar | None, at: datetime) -> bool:
    """Whether *at* is working time. None: all time is."""
    if calendar is None:
        return True
    wall = at.astimezone(calendar.zone).replace(tzinfo=None, fold=0)
    begin, end = _hours(calendar, wall.date())
    return calendar.counts(wall.date()) and begin <= wall < end


def between(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """Give how much of the time from *start* to *end* is working time; nothing where *end* is not later."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)  # within one zone, Python would subtract what walls show
    if calendar is None:
        return max(end - start, timedelta())
    return sum((later - earlier for earlier, later in _spans(calendar, start, end)), timedelta())


def after(calendar: Calendar | None, start: datetime, length: timedelta) -> datetime:
    """Give when *length* of working time has passed since *start*: the first such moment.

    A day counts for as long as it really is: 23 hours where clocks go forward. Where no time counts for more than a
    year, the calendar is passed over, for a deadline that never comes would hide what it is for.
    """
    start = start.astimezone(UTC)
    if calendar is None or length <= timedelta():
        return start + length
    left, until = length, start
    while True:
        since, until = until, until + _HORIZON
        idle = True
        for earlier, later in _spans(calendar, since, until):
            idle = False
            if left <= later - earlier:
                return earlier + left
            left -= later - earlier
        if idle:
            return start + length


def next_moment(calendar: Calendar | None, start: datetime) -> datetime:
    """Give *start* where it is working time, else the first moment of the next; *start* where there is none."""
    if calendar is None:
        return start
    found = next(iter(_spans(calendar, start, start + _HORIZON)), None)
    return start if found is None else found[0]


def _hours(calendar: Calendar, day: date) -> tuple[datetime, datetime]:
    """When a local day opens and closes, as a clock on the wall shows it."""
    begin = datetime.combine(day, calendar.opens)
    end = datetime.combine(day, calendar.closes)
    return begin, end + _DAY if calendar.closes == _MIDNIGHT else end


def _spans(calendar: Calendar, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of working time from *start* to *end*, in order, in UTC."""
    for since, until, offset in _steady(calendar.zone, start.astimezone(UTC), end.astimezone(UTC)):
        # While the offset stays the same, the wall's clock runs like any other.
        first, last = (at.replace(tzinfo=None) + offset for at in (since, until))
        day = first.date()
        while datetime.combine(day, _MIDNIGHT) < last:
            if calendar.counts(day):
                opens, closes = _hours(calendar, day)
                earlier, later = max(first, opens), min(last, closes)
                if earlier < later:
                    yield (earlier - offset).replace(tzinfo=UTC), (later - offset).replace(tzinfo=UTC)
            day += _DAY


def _steady(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Cut the time from *start* to *end* where the zone's offset from UTC changes; give each piece with its offset."""
    since, at, offset = start, start, _offset(zone, start)
    while at < end:
        ahead = min(at + _STRIDE, end)
        if _offset(zone, ahead) != offset:
            change = _change(zone, at, ahead, offset)
            yield since, change, offset
            since, offset = change, _offset(zone, change)
            at = change
        elif ahead - since > _PIECE:
            yield since, ahead, offset
            since = at = ahead
        else:
            at = ahead
    if since < end:
        yield since, end, offset


def _change(zone: ZoneInfo, same: datetime, other: datetime, offset: timedelta) -> datetime:
    """The first whole second at which the offset is not *offset* any more."""
    low, high = int(same.timestamp()), int(-(-other.timestamp() // 1))
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, datetime.fromtimestamp(middle, UTC)) == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
