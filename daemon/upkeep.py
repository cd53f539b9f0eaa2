"""What the daemon does for itself between looks: sums up baselines, watches its own delivery and schedule, prunes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from alerts.base import LIVE, DeliveryState, Incident
from alerts.lifecycle import COULD_NOT_LOOK
from checks.base import Finding, Kind, Outcome, Reading
from daemon.record import Recorder, Run
from daemon.standing import overdue
from daemon.store import DamagedError, JobRow, Store, look_at_file
from daemon.tally import Tally, tally_reading

log = logging.getLogger(__name__)

CHECK, PLACE = "barograph", "self"
LABELS = {"stage": "all"}  # it looks after every stage
MISSED_PERIODS = 3
TRIES_BEFORE_STALE = 12  # of a place never looked at with success: an hour of "busy", looked at every 5 minutes
DEAD_FOR = timedelta(days=7)  # how long a message that could not be delivered is told of
RECORD_AT_LEAST = timedelta(hours=1)
STORE_CHECK = "store check"
CHECK_STORE_EVERY = timedelta(days=1)
KEPT_FOR_REPORTS = timedelta(weeks=11)  # nine weeks, and a report that is made up to two weeks later


class Upkeep:
    """Periodic jobs. Each is safe to miss, and safe to run twice."""

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        clock: Callable[[], datetime],
        expected: Callable[[], Mapping[tuple[str, str], timedelta]],
        retention: timedelta,
        counted: Callable[[], Tally | None] = lambda: None,
    ) -> None:
        """*expected* gives how often each (check, place) that is watched now is to be looked at.

        *counted*: how many of them stand how; None: nobody has counted yet.
        """
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._expected = expected
        self._retention = retention
        self._counted = counted
        self._since: dict[tuple[str, str], datetime] = {}  # when each place was first known to be watched
        self._lock = threading.Lock()
        self._recorded: tuple[object, datetime] | None = None

    def baselines(self) -> None:
        """Sum up the first looks that are complete, or have waited long enough: all checks' in one message."""
        expected = self._expected()
        seen = {(job.check, job.place) for job in self._store.jobs() if job.first_ok is not None}
        if expected:  # while the inventory loads nobody knows how much there is to wait for
            self._recorder.announce_baseline(sum(key not in seen for key in expected), self._clock())

    def look_at_self(self) -> None:
        """Record what the daemon fails to do: places nobody has looked at for long, messages that cannot be sent."""
        now, expected = self._clock(), self._expected()
        with self._lock:
            self._since = {key: self._since.get(key, now) for key in expected}
            since = self._since
        with self._store.read() as view:
            readings: tuple[Reading, ...] = (
                schedule_reading(view.jobs(), view.incidents(LIVE), expected, since, now),
                delivery_reading(
                    [(d.id, d.channel, d.error, d.created_at) for d in view.deliveries(DeliveryState.DEAD)], now
                ),
            )
        counted = self._counted()
        readings += (tally_reading(counted),) if counted is not None else ()
        told = [(reading.verdict, reading.summary) for reading in readings]
        with self._lock:
            if self._recorded is not None and self._recorded[0] == told and now - self._recorded[1] < RECORD_AT_LEAST:
                return
        self._recorder.record(Run(CHECK, PLACE, LABELS, now, self._clock(), readings), now + 2 * RECORD_AT_LEAST)
        with self._lock:
            self._recorded = (told, now)

    def check_store(self) -> None:
        """Look at the structure of the database file, and keep what came of it."""
        try:
            look_at_file(self._store.path)
            why = ""
        except DamagedError as error:
            why = str(error)
            log.error("%s", why)
        self._store.save_outcome(STORE_CHECK, self._clock(), CHECK_STORE_EVERY, why)

    def prune(self) -> None:
        """Remove what is older than the retention, and nothing that a weekly report compares with."""
        pruned = self._store.prune(self._clock(), max(self._retention, KEPT_FOR_REPORTS))
        log.info("pruned the store", extra={"pruned": str(pruned)})


def schedule_reading(
    jobs: Iterable[JobRow],
    live: Iterable[Incident],
    expected: Mapping[tuple[str, str], timedelta],
    since: Mapping[tuple[str, str], datetime],
    now: datetime,
) -> Reading:
    """Say whether each watched place was looked at with success within three of its periods.

    *since* tells of each expected (check, place) when it was first known to be watched. A place that already has an
    incident for "could not look" is told of there.
    """
    if not expected:
        # While the inventory loads, nothing is late because nothing is known: that ends no incident.
        return Reading("schedule", Outcome.UNKNOWN, "nothing_watched", "no place is known to be watched yet")
    told = {(one.check, one.place) for one in live if one.kind is Kind.MONITORING and one.key == COULD_NOT_LOOK}
    known = {(job.check, job.place): job for job in jobs}
    stale = sorted(
        f"{check} at {place}"
        for (check, place), every in expected.items()
        if (check, place) not in told and _late(known.get((check, place)), every, since.get((check, place), now), now)
    )
    if not stale:
        return Reading("schedule", Outcome.HEALTHY, "on_time", "no place is late that has no incident of its own")
    shown = ", ".join(stale[:5]) + (f" and {len(stale) - 5} more" if len(stale) > 5 else "")
    summary = f"No good look for more than {MISSED_PERIODS} periods: {shown}"
    finding = Finding(
        Kind.MONITORING, "stale", summary, remedy="barograph check -c barograph.yml", evidence={"places": stale[:200]}
    )  # fmt: skip
    return Reading("schedule", Outcome.UNHEALTHY, "stale", summary, (finding,))


def _late(job: JobRow | None, every: timedelta, since: datetime, now: datetime) -> bool:
    if job is None or job.last_end is None:
        return now - since > MISSED_PERIODS * every  # in line, and its turn does not come
    if overdue(job, now):
        return True
    if job.last_ok is None:
        return job.runs >= TRIES_BEFORE_STALE
    return now - job.last_ok > MISSED_PERIODS * every


def delivery_reading(dead: Iterable[tuple[str, str, str, datetime | None]], now: datetime) -> Reading:
    """Say whether every message could be delivered. *dead*: (id, channel, error, stored at) of those that could not."""
    recent = [each for each in dead if each[3] is not None and now - each[3] < DEAD_FOR]
    if not recent:
        return Reading(
            "delivery", Outcome.HEALTHY, "delivered", f"no message was refused in the last {DEAD_FOR.days} days"
        )
    summary = f"{len(recent)} messages were refused in every form, the last for {recent[-1][1]}: {recent[-1][2]}"
    finding = Finding(
        Kind.MONITORING, "undeliverable", summary, remedy="See the status page for what they said.",
        evidence={"deliveries": [each[0] for each in recent[:50]]},
    )  # fmt: skip
    return Reading("delivery", Outcome.UNHEALTHY, "undeliverable", summary, (finding,))
