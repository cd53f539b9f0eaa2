"""When changes may be made: windows of the week or by cron, and freezes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from alerts.calendars import Calendar, is_working
from daemon.executions.cron import Cron


@dataclass(frozen=True, slots=True)
class Window:
    """Time in which changes may be made on stacks like *stack*: a calendar's, or *lasts* from each time of *cron*."""

    stack: str
    calendar: Calendar
    cron: Cron | None = None
    lasts: timedelta = timedelta(hours=1)

    def holds(self, at: datetime) -> bool:
        if self.cron is not None:
            began = self.cron.after(at - self.lasts, self.calendar.zone)
            return began is not None and began <= at
        return is_working(self.calendar, at)


@dataclass(frozen=True, slots=True)
class Freeze:
    """Time in which no changes may be made."""

    begins: datetime
    ends: datetime
    why: str = ""
    stack: str = "*"


def outside(windows: Sequence[Window], freezes: Sequence[Freeze], stack: str, at: datetime) -> str:
    """Why no change may be made then; empty: it may. Where no window is of the stack, all time is allowed."""
    for freeze in freezes:
        if fnmatchcase(stack, freeze.stack) and freeze.begins <= at < freeze.ends:
            return f"a freeze until {freeze.ends:%Y-%m-%d %H:%M} UTC{f' ({freeze.why})' if freeze.why else ''}"
    own = [window for window in windows if fnmatchcase(stack, window.stack)]
    if not own or any(window.holds(at) for window in own):
        return ""
    return f"none of {len(own)} windows holds at {at:%A %H:%M} UTC"
