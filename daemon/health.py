"""How the daemon itself is: what it tells of itself, and two judgements of that: is it alive, is it of use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.schedule import CLOCK_TOLERANCE
from daemon.standing import overdue
from daemon.store import JobRow

BEAT_STALE_AFTER = timedelta(seconds=60)
DELIVERY_SLOW_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Task:
    """How a periodic job of the daemon itself does."""

    every: float  # seconds
    due: datetime  # by when it is to have ended well again
    last_success: datetime | None = None  # None: it never ended without an error


@dataclass(frozen=True, slots=True)
class Workings:
    """What only the metrics tell: how the parts of the daemon do."""

    tasks: Mapping[str, Task] = field(default_factory=dict)  # by name
    waiting: tuple[datetime, ...] = ()  # since when each look that waits for its region does
    children: int | None = None  # processes of ours that run now; None: nobody counts them
    oldest_child: datetime | None = None  # when it was started; None: none runs
    disk_free_bytes: int | None = None
    written_at: datetime | None = None  # when something was last stored
    copied_at: datetime | None = None  # when a backup was last made
    reports_due: Mapping[str, datetime] = field(default_factory=dict)  # by name of the report
    intervals: Mapping[tuple[str, str], timedelta] = field(default_factory=dict)  # (check, place) -> how often


@dataclass(frozen=True, slots=True)
class Health:
    """What the daemon tells of itself at one moment."""

    started_at: datetime
    version: str
    store_open: bool = True
    scheduler_beat: datetime | None = None  # None: it has not beaten yet
    scheduler_lateness: float = 0.0  # seconds, of the last started job
    running: frozenset[tuple[str, str]] = frozenset()  # (check, place) pairs at work
    expected: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)  # (check, place) -> labels
    unrecorded: Mapping[tuple[str, str], str] = field(default_factory=dict)  # (check, place) -> why not stored
    children: int | None = None  # processes of ours that run now; None: nobody counts them
    inventory_loaded_at: datetime | None = None  # None: never loaded
    inventory_stale_because: str = ""  # the last load failed, and an older inventory is used, or none
    outdated: Mapping[tuple[str, str], str] = field(default_factory=dict)  # (check, place or "" for all) -> why old
    instances: Mapping[str, int] = field(default_factory=dict)  # by status: watched, disabled, abstract, left_out
    inventory_problems: tuple[str, ...] = ()
    delivery_troubles: tuple[str, ...] = ()  # one sentence each: a broken credential, a channel that refuses
    store_bytes: int | None = None
    paid_usd: float | None = None  # estimated, for requests to AWS today (UTC); None: it cannot be told
    paid_limit_usd: float | None = None
    workings: Workings = field(default_factory=Workings)


def why_not_alive(health: Health, now: datetime) -> list[str]:
    """Reasons to restart the process; empty while it lives."""
    quiet = (now - (health.scheduler_beat or health.started_at)).total_seconds()
    if quiet < -CLOCK_TOLERANCE.total_seconds():
        return ["the clock was set back, and the scheduler has not beaten since"]
    return [f"the scheduler has not beaten for {int(quiet)} s"] if quiet > BEAT_STALE_AFTER.total_seconds() else []


def why_not_ready(
    health: Health,
    jobs: Iterable[JobRow],
    backlog: Mapping[str, tuple[int, datetime | None]],
    now: datetime,
) -> list[str]:
    """Reasons why nobody should rely on it now; empty while it is of use.

    A job counts once it was due and is older than two of its periods; a check that could not look is no reason: it
    says so itself.
    """
    reasons = why_not_alive(health, now)
    if not health.store_open:
        reasons.append("the store is closed")
    if health.scheduler_beat is None:
        reasons.append("the scheduler has not started")
    if health.inventory_loaded_at is None:
        reasons.append("the inventory is not loaded")
    checks = {check for check, _ in health.expected}
    late = [
        job
        for job in jobs
        if overdue(job, now)
        and (job.check, job.place) not in health.running
        # A place that was left out for a problem is told of as that, and waiting for it would never end.
        and (job.check not in checks or (job.check, job.place) in health.expected)
    ]
    if late:
        reasons.append(f"{len(late)} jobs are overdue, {late[0].check} at {late[0].place} among them")
    if health.unrecorded:
        (check, place), why = next(iter(health.unrecorded.items()))
        reasons.append(f"{len(health.unrecorded)} looks could not be stored, {check} at {place} among them: {why}")
    for channel, (count, oldest) in sorted(backlog.items()):
        if oldest is not None and now - oldest > DELIVERY_SLOW_AFTER:
            minutes = int((now - oldest).total_seconds() // 60)
            reasons.append(f"{count} messages wait for {channel}, the oldest for {minutes} minutes")
    return [*reasons, *health.delivery_troubles]
