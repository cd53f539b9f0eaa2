"""What is to run when: whether a run is overdue. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from daemon.executions.cron import Cron


@dataclass(frozen=True, slots=True)
class Schedule:
    """One thing that is pinged, or is to run by the clock. Without *every* and *cron* it is never overdue."""

    name: str  # its slug
    workflow: str
    stack: str = ""
    component: str = ""
    stage: str = ""
    every: timedelta | None = None
    cron: Cron | None = None
    grace: timedelta = timedelta(hours=1)
    uuid: str = ""  # in its address; who knows it may ping
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    @property
    def place(self) -> str:
        if self.stack and self.component:
            return f"{self.stack}/{self.component}"
        return self.stack or self.component or self.workflow

    @property
    def resource(self) -> str:
        """As checks.runs.record.resource_of has it."""
        return f"{self.place} {self.workflow}" if self.place != self.workflow else self.place


@dataclass(frozen=True, slots=True)
class Expected:
    """When the next run is due, and whether it is late."""

    due: datetime | None = None
    overdue_since: datetime | None = None
    why: str = ""

    @property
    def mark(self) -> str:
        """What has to be told once: equal as long as there is nothing new to say."""
        return "" if self.overdue_since is None else self.overdue_since.isoformat()


def expect(schedule: Schedule, since: datetime, now: datetime) -> Expected:
    """*since*: when a run that ended well was begun last, or since when the schedule is known."""
    if schedule.cron is not None:
        due = schedule.cron.after(since, schedule.zone)
        how = f"it is to run at {schedule.cron.text} ({schedule.zone.key})"
    elif schedule.every is not None:
        due, how = since + schedule.every, f"it is to run every {_span(schedule.every)}"
    else:
        return Expected()
    if due is None or now <= due + schedule.grace:
        return Expected(due)
    last = since.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Expected(due, due + schedule.grace, f"{how}, and no run has ended well since {last}")


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
