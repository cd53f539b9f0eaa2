"""How the daemon's own parts do, as series: pure functions, no library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from daemon.health import Health, Workings
from daemon.metrics.catalogue import CATALOGUE, Metric
from daemon.standing import Standing
from daemon.store import JobStateRow

Labels = tuple[str, ...]
Series = tuple[Metric, dict[Labels, float]]

REPORT, ANCHOR, STORE_CHECK, AUDIT_VERIFY = "report:", "audit anchor:", "store check", "audit verify"  # names of jobs


def one(name: str, value: float | datetime | None, labels: Labels = ()) -> Series:
    """A series with one value, or none where the value is not known: a missing series, never a 0."""
    if value is None:
        return CATALOGUE[name], {}
    return CATALOGUE[name], {labels: value.timestamp() if isinstance(value, datetime) else float(value)}


def by(name: str, values: Mapping[str, float] | Mapping[str, datetime]) -> Series:
    """A metric with one label, by the values of that."""
    told = {label: value.timestamp() if isinstance(value, datetime) else value for label, value in values.items()}
    return CATALOGUE[name], {(label,): float(value) for label, value in told.items()}


def of_workings(told: Workings) -> Iterator[Series]:
    """Tasks, children, the disk."""
    tasks = told.tasks.items()
    done = {name: task.last_success for name, task in tasks if task.last_success is not None}
    yield by("barograph_task_last_success_timestamp_seconds", done)
    yield by("barograph_task_due_timestamp_seconds", {name: task.due for name, task in tasks})
    yield by("barograph_task_interval_seconds", {name: task.every for name, task in tasks})
    yield one("barograph_children_oldest_timestamp_seconds", told.oldest_child)
    yield one("barograph_store_disk_free_bytes", told.disk_free_bytes)
    yield one("barograph_store_last_write_timestamp_seconds", told.written_at)
    yield one("barograph_store_last_backup_timestamp_seconds", told.copied_at)


def of_queues(health: Health, standings: Sequence[Standing], now: datetime) -> Iterator[Series]:
    """What is due and has not begun."""
    jobs = [each.job for each in standings if (each.job.check, each.job.place) not in health.running]
    late = [job.next_due for job in jobs if job.next_due is not None and job.next_due <= now]
    lines = {"checks": late, "aws": list(health.workings.waiting)}
    yield by("barograph_queue_waiting", {name: len(line) for name, line in lines.items()})
    oldest = {name: min(line) for name, line in lines.items() if line}
    yield by("barograph_queue_oldest_timestamp_seconds", oldest)


def of_jobs(
    jobs: Mapping[str, JobStateRow], reports_due: Mapping[str, datetime], reports_sent: Mapping[str, datetime]
) -> Iterator[Series]:
    """Reports, and the look at the database file."""
    made = {name.removeprefix(REPORT): job.last_ok for name, job in jobs.items() if name.startswith(REPORT)}
    yield by("barograph_report_last_made_timestamp_seconds", _known(made))
    yield by("barograph_report_last_sent_timestamp_seconds", reports_sent)
    yield by("barograph_report_due_timestamp_seconds", reports_due)
    check = jobs.get(STORE_CHECK)
    yield one("barograph_store_last_check_timestamp_seconds", None if check is None else check.last_end)
    yield one("barograph_store_sound", None if check is None else check.outcome == "ok")


def of_trail(newest: int | None, anchored: Mapping[str, int], jobs: Mapping[str, JobStateRow]) -> Iterator[Series]:
    """The audit trail: how long it is, who outside knows, whether it is whole."""
    yield one("barograph_audit_sequence", newest)
    yield by("barograph_audit_anchored_sequence", anchored)
    anchors = {name.removeprefix(ANCHOR): job for name, job in jobs.items() if name.startswith(ANCHOR)}
    good = {target: job.last_ok for target, job in anchors.items()}
    yield by("barograph_audit_anchor_last_success_timestamp_seconds", _known(good))
    due = {target: job.next_due for target, job in anchors.items()}
    yield by("barograph_audit_anchor_due_timestamp_seconds", _known(due))
    verified = jobs.get(AUDIT_VERIFY)
    yield one("barograph_audit_verified_timestamp_seconds", None if verified is None else verified.last_end)
    yield one("barograph_audit_intact", None if verified is None else verified.outcome == "ok")


def _known(times: Mapping[str, datetime | None]) -> Mapping[str, datetime]:
    return {name: at for name, at in times.items() if at is not None}
