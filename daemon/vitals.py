"""What the daemon tells of itself, gathered from its parts at one moment."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from checks.base import Place
from checks.runs.model import Doing, Status
from daemon.aws import Asked, Spending, Waited
from daemon.health import Health, Workings
from daemon.inventory.model import ABSTRACT, Inventory
from daemon.metrics import OwnMetrics
from daemon.record import Run
from daemon.runner import Runner
from daemon.scheduler import Scheduler
from daemon.store import Store, StoreError, Timed, mark_of


def vitals(
    started: datetime,
    store: Store,
    scheduler: Scheduler,
    runner: Runner,
    inventory: Inventory | None,
    watched: Mapping[tuple[str, str], Place],
    troubles: tuple[str, ...],
    unrecorded: Mapping[tuple[str, str], str],
    failure: str = "",
    of_instances: Collection[str] = (),
    held: Mapping[tuple[str, str], str] | None = None,
    spending: Spending | None = None,
    workings: Workings | None = None,
) -> Health:
    """Gather it. *inventory* None: none has loaded yet, because of *failure* (empty: it was not tried yet).

    *of_instances*: the checks that look at component instances. *held*: (check, place) -> why it is not looked at now,
    though it may still be there. *workings*: how the parts do; see workings_of().
    """
    stale = inventory.stale_because if inventory is not None else failure
    return Health(
        started_at=started,
        version=version("barograph"),
        scheduler_beat=scheduler.beat_at,
        scheduler_lateness=scheduler.lateness_seconds,
        running=runner.running,
        unrecorded=unrecorded,
        expected={key: place.labels for key, place in watched.items()},
        inventory_loaded_at=inventory.loaded_at if inventory is not None else None,
        inventory_stale_because=stale,
        outdated={
            **(held or {}),
            **{(check, key): why for check in of_instances for key, why in _outdated(inventory, stale).items()},
        },
        instances=_by_status(inventory) if inventory is not None else {},
        inventory_problems=tuple(problem.summary for problem in inventory.problems) if inventory is not None else (),
        delivery_troubles=troubles,
        store_bytes=_size(store.path),
        paid_usd=paid_today(spending),
        paid_limit_usd=None if spending is None else spending.limit_usd,
        children=None if workings is None else workings.children,
        workings=workings or Workings(),
    )


def workings_of(
    now: datetime,
    store: Store,
    scheduler: Scheduler,
    children: Collection[float],
    waiting: Collection[datetime],
    intervals: Mapping[tuple[str, str], timedelta],
    reports_due: Mapping[str, datetime | None],
) -> Workings:
    """Gather it. *children*: for how many seconds each runs; *waiting*: since when each look in line does."""
    return Workings(
        tasks=scheduler.tasks,
        waiting=tuple(waiting),
        children=len(children),
        oldest_child=now - timedelta(seconds=max(children)) if children else None,
        disk_free_bytes=_free(store.path),
        written_at=store.written_at,
        copied_at=_changed_at(mark_of(store.path)),
        reports_due={name: due for name, due in reports_due.items() if due is not None},
        intervals=intervals,
    )


def _outdated(inventory: Inventory | None, stale: str) -> Mapping[str, str]:
    """Keys of instances ("": all) -> why no look at them says how they are now."""
    if stale:
        return {"": f"the inventory does not load: {stale}"}
    if inventory is None:
        return {}
    held = dict.fromkeys(inventory.held, "it is not listed any more; another listing has to say the same")
    left_out = {f"{one.stack}/{one.component}": f"it is not watched: {one.reason}" for one in inventory.left_out}
    return held | left_out


def _by_status(inventory: Inventory) -> Mapping[str, int]:
    disabled = sum(not watched.instance.enabled for watched in inventory.watched)
    abstract = sum(one.reason == ABSTRACT for one in inventory.left_out)
    return {
        "watched": len(inventory.watched) - disabled,
        "disabled": disabled,
        "abstract": abstract,
        "left_out": len(inventory.left_out) - abstract,
    }


def _size(path: Path) -> int | None:
    """Bytes of the database with its write-ahead log; None if it cannot be told."""
    try:
        wal = path.with_name(f"{path.name}-wal")
        return path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
    except OSError:
        return None


def _free(path: Path) -> int | None:
    """Bytes that its disk has for us; None if it cannot be told."""
    try:
        disk = os.statvfs(path)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize


def _changed_at(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def watched_by(own: OwnMetrics) -> Timed:
    """What the store tells, as metrics."""
    for operation in ("read", "write"):
        own.count("barograph_store_errors_total", 0.0, operation=operation)

    def timed(what: str, seconds: float) -> None:
        if what.endswith(" error"):
            own.count("barograph_store_errors_total", operation=what.removesuffix(" error"))
        else:
            own.observe(f"barograph_store_{what}_duration_seconds", seconds)

    return timed


def count_trouble(own: OwnMetrics, what: str, job_id: str) -> None:
    """Count what the scheduler could not do as it should."""
    if what == "failed":
        own.count("barograph_task_failures_total", task=job_id)
    else:
        own.count("barograph_scheduler_missed_total")


def count_request(own: OwnMetrics, asked: Asked) -> None:
    """Count a request to AWS, and what it is estimated to cost."""
    labels = {"service": asked.service, "operation": asked.operation}
    own.count("barograph_aws_requests_total", result=asked.result, **labels)
    if asked.usd:
        own.count("barograph_aws_estimated_cost_usd_total", asked.usd, **labels)


def count_resources(own: OwnMetrics, action: str, result: str, count: int) -> None:
    """Count what a run did to resources. Words that a sender made up are one: a label is bounded."""
    known = action if action in frozenset(Doing) else "other"
    ended = result if result in (Status.DONE, Status.FAILED) else "other"
    own.count("barograph_run_resources_total", count, action=known, result=ended)


def count_wait(own: OwnMetrics, waited: Waited) -> None:
    """Count what a request waited for the rate of its service."""
    own.count("barograph_aws_rate_wait_seconds_total", waited.seconds, service=waited.service)


def paid_today(spending: Spending | None) -> float | None:
    """Dollars; None: it cannot be told."""
    try:
        return None if spending is None else spending.today_usd
    except StoreError:
        return None


def count_run(own: OwnMetrics, run: Run) -> None:
    """Count what a run said that no store keeps: a counter must not go back when a reading is replaced."""
    for reading in run.readings:
        phantoms = reading.values.get("phantoms", 0.0)
        if phantoms:
            own.count("barograph_plan_phantoms_total", phantoms)
        refused = sum(finding.cause == "guard refused" for finding in reading.findings)
        if refused:
            own.count("barograph_guard_refusals_total", refused)
