"""Reading CloudTrail's history in slices: each is counted only when all of its pages were read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from checks.aws import AwsError, AwsPlace, ErrorClass
from checks.trail.events import Event, event_of, unique
from checks.trail.memory import Memory
from checks.trail.sorting import Activity, Rules, activities

HISTORY = timedelta(days=90)  # of events that CloudTrail can look up
STEP = timedelta(hours=6)
LEAST_STEP = timedelta(minutes=5)
_WRITES = ("ReadOnly", "false")
# Whoever signs in, and root whatever it does, are asked for apart: whether that is listed as a write is not promised.
_ALWAYS: tuple[tuple[str, str], ...] = (_WRITES, ("EventName", "ConsoleLogin"), ("Username", "root"))
_ROLES: tuple[tuple[str, str], ...] = (("EventName", "AssumeRole"), ("EventName", "AssumeRoleWithSAML"))


def read_on(
    place: AwsPlace, memory: Memory, rules: Rules, first: timedelta, overlap: timedelta, now: datetime
) -> tuple[Memory, AwsError | None]:
    """Read from where the last look ended to *now*; give what is known then, and what kept it from going on.

    Events can be listed late, by up to *overlap*: so much is read again, and what was told is not told again. A slice
    that is not read to its end moves nothing: the next look begins with it, with less at a time if that was too much.
    """
    if memory.mark is not None and memory.mark > now:
        # The clock was ahead: "seen up to there" was said of what was still to come. All after the last event is new.
        memory = replace(memory, mark=memory.newest or now - first)
    memory, start = _begin(memory, first, overlap, now)
    step = min(memory.step or STEP, STEP)
    while start < now:
        end = min(start + step, now)
        try:
            found = unique(_slice(place, rules, start, end))
        except AwsError as error:
            smaller = max(step / 2, LEAST_STEP) if error.error_class is ErrorClass.TIMEOUT else step
            return replace(memory, step=smaller), error
        memory = memory.add(_told(found, rules)).moved(end, overlap)
        start = end
    return replace(memory, step=None), None


def _begin(memory: Memory, first: timedelta, overlap: timedelta, now: datetime) -> tuple[Memory, datetime]:
    if memory.mark is None:
        return memory, now - first
    oldest = now - HISTORY
    if memory.mark < oldest:
        return replace(memory, mark=oldest, gaps=(*memory.gaps, (memory.mark, oldest, now))), oldest
    return memory, max(min(memory.mark, now) - overlap, oldest)


def _slice(place: AwsPlace, rules: Rules, start: datetime, end: datetime) -> Iterator[Event]:
    for name, value in _ALWAYS + (_ROLES if rules.privileged_roles else ()):
        rows = place.pages(
            "cloudtrail", "lookup_events", "Events",
            LookupAttributes=[{"AttributeKey": name, "AttributeValue": value}], StartTime=start, EndTime=end,
        )  # fmt: skip
        for row in rows:
            yield event_of(row if (name, value) != _WRITES else {**row, "ReadOnly": "false"}, end)


def _told(events: list[Event], rules: Rules) -> Iterator[tuple[Event, Activity, str]]:
    for event in events:
        for activity, family in activities(event, rules):
            yield event, activity, family
