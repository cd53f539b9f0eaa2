"""The cached answer of `/metrics`: rendered when something changed, swapped in whole. Imports prometheus_client."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from alerts.base import LIVE
from checks.base import Tier
from checks.runs.dora import WINDOW
from daemon.executions.production import production
from daemon.health import Health
from daemon.metrics.catalogue import CATALOGUE, CORE, HasMeasures, Metric, Type
from daemon.metrics.own import OwnMetrics
from daemon.metrics.series import View, all_series
from daemon.metrics.workings import Series
from daemon.standing import standings
from daemon.store import Reader, StoreError, audit, executions, reports
from daemon.tally import Tally, tally

log = logging.getLogger(__name__)

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

VERSIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {"application/openmetrics-text": frozenset({"0.0.1", "1.0.0"}), "text/plain": frozenset({"0.0.4", "1.0.0"})}
)
RUNS_OF = timedelta(days=30)
AT_MOST_EVERY = 2.0  # seconds
AT_LEAST_EVERY = 15.0  # seconds: what is old must show as old though nothing happens


class Readable(Protocol):
    """What is needed of the store."""

    def read(self) -> AbstractContextManager[Reader]: ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One complete answer in both formats."""

    text: bytes
    openmetrics: bytes
    at: datetime | None = None
    series: int = 0
    dropped: int = 0

    def answer(self, accept: str) -> tuple[bytes, str]:
        """The body and its content type for a client's Accept header."""
        if wants_openmetrics(accept):
            return self.openmetrics, OPENMETRICS
        return self.text, TEXT


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header likes OpenMetrics 1.0 at least as well as the text format; without one: no."""
    best = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for part in accept.split(","):
        kind, *rest = (each.strip().lower() for each in part.split(";"))
        given = dict(each.split("=", 1) for each in rest if "=" in each)
        if kind in best and given.get("version", "1.0.0").strip('"') in VERSIONS[kind]:
            best[kind] = max(best[kind], _quality(given.get("q", "1")))
    return best["application/openmetrics-text"] > 0 and best["application/openmetrics-text"] >= best["text/plain"]


def _quality(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0.0 <= found <= 1.0 else 0.0


NOTHING_YET = Snapshot(b"", b"# EOF\n")


class Snapshots:
    """Builds snapshots and holds the current one. `current` never waits and never touches the store."""

    def __init__(
        self,
        store: Readable,
        health: Callable[[], Health],
        checks: Mapping[str, HasMeasures],
        own: OwnMetrics,
        clock: Callable[[], datetime],
        series_limit: int = 20_000,
    ) -> None:
        self._store = store
        self._health = health
        self._checks = checks
        self._own = own
        self._clock = clock
        self._limit = series_limit
        self._current = NOTHING_YET
        self._tally: Tally | None = None
        self._dirty = threading.Event()
        self._process = ProcessCollector(registry=None)

    @property
    def current(self) -> Snapshot:
        return self._current

    @property
    def tally(self) -> Tally | None:
        """How all places stood when the snapshot was built; None: none was built yet."""
        return self._tally

    def changed(self) -> None:
        """Say that there is something new to show; safe from any thread, returns at once."""
        self._dirty.set()

    def refresh(self) -> Snapshot:
        """Build a snapshot now and make it the current one. Raises StoreError if the store cannot be read."""
        self._dirty.clear()
        now, health = self._clock(), self._health()
        with self._store.read() as view:
            jobs, readings = view.jobs(), view.readings()
            found = standings(jobs, readings, now, health.expected, health.unrecorded, health.outdated)
            incidents = view.incidents(LIVE)
            critical = {(one.check, one.place) for one in incidents if one.tier is Tier.CRITICAL}
            counted = tally(health.expected, found, critical)
            runs = executions.totals(view.db, RUNS_OF, now)
            changes = production(view, now - WINDOW, now)
            head = audit.head(view.db)
            seen = View(
                found, incidents, view.backlog(), view.counts(), counted, runs, view.job_states(),
                None if head is None else head.seq, audit.anchored(view.db), reports.sent(view.db), changes,
            )  # fmt: skip
        if not counted.whole:
            log.error("places planned and counted never: %s, twice: %s", counted.lost[:5], counted.doubled[:5])
        self._tally = counted
        series: list[Series] = [*all_series(seen, health, self._checks, now), *self._own.counters()]
        self._current = self._render(series, now)
        return self._current

    def run(self, stop: threading.Event) -> None:
        """Refresh on change, at most every two seconds, and every fifteen anyway; until *stop*."""
        while not stop.is_set():
            try:
                self.refresh()
            except StoreError as error:
                log.error("metrics stay as they were: %s", error)
            except Exception as error:
                log.error("metrics stay as they were: %s", type(error).__name__, exc_info=error)
            if stop.wait(AT_MOST_EVERY):
                return
            self._dirty.wait(AT_LEAST_EVERY - AT_MOST_EVERY)

    def _render(self, series: Iterable[Series], now: datetime) -> Snapshot:
        found: list[Series] = [*series, (CATALOGUE["barograph_series_limit"], {(): float(self._limit)})]
        budget = within(_by_rank(found), self._limit, _own_series(self._own))
        if budget.left_out:
            self._own.count("barograph_series_dropped_total", sum(budget.left_out.values()))
        dropped = CATALOGUE["barograph_series_dropped_total"]
        told: list[Series] = [
            (CATALOGUE["barograph_series"], {(): float(budget.total)}),
            (
                CATALOGUE["barograph_series_left_out"],
                {(name,): float(count) for name, count in sorted(budget.left_out.items())},
            ),
            (dropped, dict(self._own.counters())[dropped]),
        ]
        kept = [*told, *(each for each in budget.kept if each[0] is not dropped)]
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Fixed([*_families(kept), *_histograms(self._own), *self._process.collect()]))
        openmetrics: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]  # the library has no types here
        return Snapshot(generate_text(registry), openmetrics, now, budget.total, sum(budget.left_out.values()))


@dataclass(frozen=True, slots=True)
class Budget:
    """What of all series is given."""

    kept: Sequence[Series]
    left_out: Mapping[str, int]  # by metric: how many series it has
    total: int  # how many there are, those left out among them


def within(series: Sequence[Series], limit: int, before: int = 0) -> Budget:
    """Keep what the daemon says of itself, and of the rest each metric that fits whole, in the order given.

    A metric cut in two would sum to less than there is, and nothing would show it. *before*: series that are given
    besides. The same series give the same, whatever their order within a metric.
    """
    total = before + sum(len(found) for _, found in series)
    left = limit - before - sum(len(found) for metric, found in series if metric.name in CORE)
    if total > limit:  # each that is left out is named in a series of its own
        left -= sum(bool(found) for metric, found in series if metric.name not in CORE)
    kept: list[Series] = []
    left_out: dict[str, int] = {}
    for metric, found in series:
        if metric.name in CORE:
            kept.append((metric, found))
        elif not found or len(found) <= left:
            kept.append((metric, found))
            left -= len(found)
        else:
            left_out[metric.name] = len(found)
    return Budget(kept, left_out, total)


def _by_rank(series: Iterable[Series]) -> list[Series]:
    """In the order of the catalogue, measures last, so that a small budget is spent on what matters."""
    rank = {name: number for number, name in enumerate(CATALOGUE)}
    return sorted(series, key=lambda item: (rank.get(item[0].name, len(rank)), item[0].name))


def _own_series(own: OwnMetrics) -> int:
    """How many series the histograms are, and the one that tells how many there are."""
    return 1 + sum(len(rows) * (len(metric.buckets) + 3) for metric, rows in own.histograms())


def _families(series: Iterable[Series]) -> Iterator[Family]:
    for metric, found in series:
        if found:
            family = _empty(metric)
            for values, value in found.items():
                family.add_metric([str(each) for each in values], value)
            yield family


def _empty(metric: Metric) -> GaugeMetricFamily | CounterMetricFamily:
    kind = CounterMetricFamily if metric.type is Type.COUNTER else GaugeMetricFamily
    return kind(metric.family, metric.help, labels=metric.labels, unit=metric.unit)


def _histograms(own: OwnMetrics) -> Iterator[Family]:
    for metric, rows in own.histograms():
        if rows:
            family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels, unit=metric.unit)
            for values, (buckets, total) in rows.items():
                family.add_metric(list(values), buckets, total)
            yield family


class _Fixed(Collector):
    """Families that were put together before."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families
