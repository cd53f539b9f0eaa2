"""From what is known to series: pure functions, no library. Series are (metric, {label values: value})."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alerts.base import LIVE, DeliveryState, Incident
from checks.base import Json, Kind, Outcome, Tier
from checks.runs.dora import Figures
from daemon.health import Health
from daemon.metrics.catalogue import (
    CATALOGUE,
    INSTANCE,
    PLACE,
    HasMeasures,
    measure_metrics,
    measure_name,
)
from daemon.metrics.workings import Labels, Series, by, of_jobs, of_queues, of_trail, of_workings
from daemon.metrics.workings import one as single
from daemon.standing import Standing, effective
from daemon.store import Counts, JobStateRow
from daemon.store.executions import RunTotal
from daemon.tally import Tally

UNKNOWN_STATE = "unknown"


@dataclass(frozen=True, slots=True)
class View:
    """What the store held at one moment."""

    standings: Sequence[Standing] = ()
    incidents: Sequence[Incident] = ()  # live ones
    backlog: Mapping[str, tuple[int, datetime | None]] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    tally: Tally = field(default_factory=Tally)
    runs: Sequence[RunTotal] = ()
    jobs: Mapping[str, JobStateRow] = field(default_factory=dict)  # by name: those that are no checks
    trail: int | None = None  # the number of the newest row of the audit trail
    anchored: Mapping[str, int] = field(default_factory=dict)  # by target: the newest row that it was told
    reports_sent: Mapping[str, datetime] = field(default_factory=dict)  # by name of the report
    changes: Mapping[str, Figures] = field(default_factory=dict)  # to production, by stack


def all_series(view: View, health: Health, checks: Mapping[str, HasMeasures], now: datetime) -> Iterator[Series]:
    """Everything that is a gauge, the most important first."""
    yield from _of_daemon(health, view.counts, now)
    yield from of_workings(health.workings)
    yield from of_queues(health, view.standings, now)
    yield from of_jobs(view.jobs, health.workings.reports_due, view.reports_sent)
    yield from of_trail(view.trail, view.anchored, view.jobs)
    yield from _of_alerts(view)
    yield from _of_stacks(view)
    yield from _of_runs(view.runs)
    yield from _of_changes(view.changes)
    yield from _of_tally(view.tally)
    yield from _of_checks(view.standings, health.workings.intervals)
    yield from _of_drift(view.standings, checks)
    yield from _of_measures(view.standings, checks)


def _of_daemon(health: Health, counts: Counts, now: datetime) -> Iterator[Series]:
    yield single("barograph_build_info", 1, (health.version, platform.python_version()))
    yield single("barograph_start_timestamp_seconds", health.started_at)
    yield single("barograph_snapshot_timestamp_seconds", now)
    yield single("barograph_scheduler_beat_timestamp_seconds", health.scheduler_beat)
    yield single("barograph_scheduler_lateness_seconds", health.scheduler_lateness)
    running: dict[Labels, float] = {}
    for check, _ in health.running:
        running[(check,)] = running.get((check,), 0) + 1
    yield CATALOGUE["barograph_check_places_running"], running
    yield single("barograph_children", health.children)
    yield single("barograph_store_size_bytes", health.store_bytes)
    yield CATALOGUE["barograph_store_rows"], {(table,): float(n) for table, n in counts.tables.items()}
    yield CATALOGUE["barograph_inventory_instances"], {(word,): float(n) for word, n in health.instances.items()}
    yield single("barograph_inventory_problems", len(health.inventory_problems))
    yield single("barograph_inventory_loaded_timestamp_seconds", health.inventory_loaded_at)
    yield single("barograph_inventory_stale", bool(health.inventory_stale_because))
    yield single("barograph_aws_paid_today_usd", health.paid_usd)
    yield single("barograph_aws_paid_limit_usd", health.paid_limit_usd)


def _of_alerts(view: View) -> Iterator[Series]:
    counts: dict[Labels, float] = {(t, k, s): 0.0 for t in Tier for k in Kind for s in sorted(LIVE)}
    baseline: dict[Labels, float] = {(tier,): 0.0 for tier in Tier}
    oldest: dict[Labels, float] = {}
    for incident in view.incidents:
        counts[(incident.tier, incident.kind, incident.state)] += 1
        baseline[(incident.tier,)] += incident.baseline
        opened = incident.opened_at.timestamp()
        oldest[(incident.tier,)] = min(oldest.get((incident.tier,), opened), opened)
    yield CATALOGUE["barograph_incidents"], counts
    yield CATALOGUE["barograph_incidents_baseline"], baseline
    yield CATALOGUE["barograph_incidents_oldest_timestamp_seconds"], oldest
    messages = {str(state): view.counts.deliveries.get(state, 0) for state in DeliveryState}  # 0: the first is a rise
    yield by("barograph_delivery_messages", messages)
    yield CATALOGUE["barograph_delivery_backlog"], {(name,): float(n) for name, (n, _) in view.backlog.items()}
    waiting: dict[Labels, float] = {(name,): since.timestamp() for name, (_, since) in view.backlog.items() if since}
    yield CATALOGUE["barograph_delivery_oldest_timestamp_seconds"], waiting


def _of_stacks(view: View) -> Iterator[Series]:
    """Incidents by stack, of those that are watched and those that have any."""
    where = {
        labels["stack"]: (labels.get("tenant", ""), labels.get("stage", ""), labels["stack"])
        for labels in (*(one.labels for one in view.incidents), *(each.job.labels for each in view.standings))
        if labels.get("stack")
    }
    counts: dict[Labels, float] = {(*labels, tier): 0.0 for labels in where.values() for tier in Tier}
    for incident in view.incidents:
        stack = incident.labels.get("stack")
        if stack:
            counts[(*where[stack], incident.tier)] += 1
    yield CATALOGUE["barograph_stack_incidents"], counts


def _of_runs(runs: Sequence[RunTotal]) -> Iterator[Series]:
    """Runs by workflow, stack and how they ended; a state that no run ended in has no series."""
    took: dict[Labels, float] = {}
    good: dict[Labels, float] = {}
    active: dict[Labels, float] = {}
    ended: dict[Labels, float] = {}
    for one in runs:
        where = (one.workflow, one.stack)
        active.setdefault(where, 0.0)
        if one.state == "running":
            active[where] = float(one.count)
            continue
        ended[(*where, one.state)] = float(one.count)
        if one.seconds is not None:
            took[(*where, one.state)] = one.seconds
        if one.state == "succeeded" and one.ended_at is not None:
            good[where] = one.ended_at.timestamp()
    yield CATALOGUE["barograph_run_last_duration_seconds"], took
    yield CATALOGUE["barograph_run_last_success_timestamp_seconds"], good
    yield CATALOGUE["barograph_run_in_progress"], active
    yield CATALOGUE["barograph_run_results"], ended


def _of_changes(changes: Mapping[str, Figures]) -> Iterator[Series]:
    """What is not known has no series."""

    def series(name: str, value: Callable[[Figures], float | None]) -> Series:
        found = {(stack,): value(each) for stack, each in changes.items()}
        return CATALOGUE[name], {labels: float(each) for labels, each in found.items() if each is not None}

    yield series("barograph_deployment_applies", lambda each: each.failures.of)
    yield series("barograph_deployment_successes", lambda each: each.succeeded)
    yield series("barograph_deployment_failures", lambda each: each.failures.part)
    yield series("barograph_deployment_unwatched", lambda each: each.unwatched)
    yield series("barograph_deployment_lead_seconds", lambda each: each.lead.value)
    yield series("barograph_deployment_restore_seconds", lambda each: each.restore.value)
    yield series("barograph_deployment_unrecorded", lambda each: each.unrecorded)
    yield series("barograph_deployment_cycle_ratio", lambda each: each.cycle.ratio)
    yield series("barograph_deployment_cycle_changes", lambda each: each.cycle.of)


def _of_tally(tally: Tally) -> Iterator[Series]:
    yield CATALOGUE["barograph_check_places_planned"], {(check,): float(n) for check, n in tally.planned.items()}
    results: dict[Labels, float] = {
        (check, result): float(number)
        for check, found in tally.results.items()
        for result, number in found.items()
    }  # fmt: skip
    yield CATALOGUE["barograph_check_places"], results


def _of_checks(standings: Sequence[Standing], intervals: Mapping[tuple[str, str], timedelta]) -> Iterator[Series]:
    outcome: dict[Labels, float] = {}
    resources: dict[Labels, float] = {}
    last_run: dict[Labels, float] = {}
    last_success: dict[Labels, float] = {}
    next_run: dict[Labels, float] = {}
    interval: dict[Labels, float] = {}
    duration: dict[Labels, float] = {}
    for each in standings:
        job, labels = each.job, place_labels(each, PLACE)
        outcome.update({(*labels, word): float(word is each.outcome) for word in Outcome})
        for reading in each.readings:
            key = (*labels, effective(reading))
            resources[key] = resources.get(key, 0.0) + 1
        for series, at in ((last_run, job.last_end), (last_success, job.last_ok), (next_run, job.next_due)):
            if at is not None:
                series[labels] = at.timestamp()
        every = intervals.get((job.check, job.place))
        if every is not None:
            interval[labels] = every.total_seconds()
        if job.last_start is not None and job.last_end is not None and not job.running:
            duration[labels] = (job.last_end - job.last_start).total_seconds()
    yield CATALOGUE["barograph_check_outcome"], outcome
    yield CATALOGUE["barograph_check_last_run_timestamp_seconds"], last_run
    yield CATALOGUE["barograph_check_last_success_timestamp_seconds"], last_success
    yield CATALOGUE["barograph_check_next_run_timestamp_seconds"], next_run
    yield CATALOGUE["barograph_check_interval_seconds"], interval
    yield CATALOGUE["barograph_check_last_duration_seconds"], duration
    yield CATALOGUE["barograph_check_resources"], resources


def _of_drift(standings: Sequence[Standing], checks: Mapping[str, HasMeasures]) -> Iterator[Series]:
    """The verdict of every instance, one-hot. A look that failed or is old is unknown, not its last verdict."""
    words = tuple(checks["drift"].verdicts) if "drift" in checks else ()
    states = (*words, UNKNOWN_STATE)
    series: dict[Labels, float] = {}
    for each in standings:
        if each.job.check == "drift":
            labels = place_labels(each, ("stack", "component"))
            word = each.word if each.word in words else UNKNOWN_STATE
            series.update({(*labels, state): float(state == word) for state in states})
    yield CATALOGUE["barograph_drift_state"], series


def _of_measures(standings: Sequence[Standing], checks: Mapping[str, HasMeasures]) -> Iterator[Series]:
    """The values of readings that hold. Several resources of one place become one: see Check.measure_labels."""
    metrics = measure_metrics(checks)
    series: dict[str, dict[Labels, float]] = {name: {} for name in metrics}
    for each in standings:
        labels = place_labels(each, INSTANCE)
        for reading in each.readings:
            if effective(reading) is Outcome.UNKNOWN or each.job.outcome != "ok":
                continue
            for measure, value in reading.values.items():
                name = measure_name(each.job.check, measure)
                if name in series:
                    told = (*labels, *_told(reading.evidence, metrics[name].labels[len(INSTANCE) :]))
                    known = series[name].get(told)
                    series[name][told] = value if known is None else _joined(name, known, value)
    yield from ((metrics[name], found) for name, found in series.items())


def _told(evidence: Mapping[str, Json], names: Sequence[str]) -> Labels:
    """What a reading says of its further labels; nothing but text can be one."""
    return tuple(found if isinstance(found := evidence.get(name), str) else "" for name in names)


def _joined(name: str, one: float, other: float) -> float:
    if name.endswith("_timestamp_seconds"):
        return min(one, other)
    return max(one, other) if name.endswith("_ratio") else one + other


def place_labels(each: Standing, names: Sequence[str]) -> Labels:
    """The values of labels of a check at a place; what the place does not have is empty."""
    known = {"check": each.job.check, "place": each.job.place}
    return tuple(known.get(name) or each.job.labels.get(name, "") for name in names)
