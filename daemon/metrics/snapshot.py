"""The cached answer of `/metrics`: rendered when something changed, swapped in whole. Imports prometheus_client."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from alerts.base import LIVE
from checks.base import Tier
from daemon.health import Health
from daemon.metrics.catalogue import CATALOGUE, HasMeasures, Metric, Type
from daemon.metrics.own import OwnMetrics
from daemon.metrics.series import Labels, Series, View, all_series
from daemon.standing import standings
from daemon.store import Reader, StoreError, executions
from daemon.tally import Tally, tally

log = logging.getLogger(__name__)

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

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
        if "application/openmetrics-text" in accept:
            return self.openmetrics, OPENMETRICS
        return self.text, TEXT


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
            seen = View(found, incidents, view.backlog(), view.counts(), counted, runs)
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
        kept, total = _within(_by_rank(series), self._limit)
        dropped = max(0, total - self._limit)
        if dropped:
            self._own.count("barograph_series_dropped_total", dropped)
        known = dict(self._own.counters())
        about: dict[str, dict[Labels, float]] = {
            "barograph_series": {(): float(total)},
            "barograph_series_dropped_total": known[CATALOGUE["barograph_series_dropped_total"]],
        }
        kept = [(metric, about.get(metric.name) or found) for metric, found in kept]
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Fixed([*_families(kept), *_histograms(self._own), *self._process.collect()]))
        openmetrics: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]  # the library has no types here
        return Snapshot(generate_text(registry), openmetrics, now, total, dropped)


def _by_rank(series: Iterable[Series]) -> list[Series]:
    """In the order of the catalogue, measures last, so that a small budget is spent on what matters."""
    rank = {name: number for number, name in enumerate(CATALOGUE)}
    found: list[Series] = [*series, (CATALOGUE["barograph_series"], {(): 0.0})]
    return sorted(found, key=lambda item: rank.get(item[0].name, len(rank)))


def _within(series: list[Series], limit: int) -> tuple[list[Series], int]:
    """At most *limit* series, and how many there were."""
    kept: list[Series] = []
    total = 0
    for metric, found in series:
        room = max(0, limit - total)
        total += len(found)
        kept.append((metric, found if len(found) <= room else dict(list(found.items())[:room])))
    return kept, total


def _families(series: Iterable[Series]) -> Iterator[Family]:
    for metric, found in series:
        if found:
            family = _empty(metric)
            for values, value in found.items():
                family.add_metric([str(each) for each in values], value)
            yield family


def _empty(metric: Metric) -> GaugeMetricFamily | CounterMetricFamily:
    if metric.type is Type.COUNTER:
        return CounterMetricFamily(metric.name.removesuffix("_total"), metric.help, labels=metric.labels)
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)


def _histograms(own: OwnMetrics) -> Iterator[Family]:
    for metric, rows in own.histograms():
        if rows:
            family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
            for values, (buckets, total) in rows.items():
                family.add_metric(list(values), buckets, total)
            yield family


class _Fixed(Collector):
    """Families that were put together before."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families
