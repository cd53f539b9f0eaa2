"""The daemon's own counters: what is not in the store. Kept apart, so that a new snapshot never sets them back."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from daemon.metrics.catalogue import CATALOGUE, Metric, Type

Labels = tuple[str, ...]  # values in the order of Metric.labels


class OwnMetrics:
    """Counters and histograms by name, safe from any thread. A name or label not in the catalogue is a ValueError."""

    def __init__(self, catalogue: Mapping[str, Metric] = CATALOGUE) -> None:
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._counts: dict[str, dict[Labels, float]] = {}
        self._histograms: dict[str, dict[Labels, list[float]]] = {}  # one per bucket, +Inf, then the sum

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a counter. Raises ValueError for a negative amount too."""
        values = self._values(name, Type.COUNTER, labels)
        if amount < 0:
            raise ValueError(f"{name}: a counter only grows")
        with self._lock:
            series = self._counts.setdefault(name, {})
            series[values] = series.get(values, 0.0) + amount

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Add one observation to a histogram."""
        values = self._values(name, Type.HISTOGRAM, labels)
        buckets = self._catalogue[name].buckets
        with self._lock:
            row = self._histograms.setdefault(name, {}).setdefault(values, [0.0] * (len(buckets) + 2))
            row[bisect_left(buckets, value)] += 1
            row[-1] += value

    def counters(self) -> Iterator[tuple[Metric, dict[Labels, float]]]:
        """Every counter of the catalogue; one without labels is there from the start, at 0."""
        with self._lock:
            counts = {name: dict(series) for name, series in self._counts.items()}
        for metric in self._catalogue.values():
            if metric.type is Type.COUNTER:
                yield metric, counts.get(metric.name) or ({} if metric.labels else {(): 0.0})

    def histograms(self) -> Iterator[tuple[Metric, dict[Labels, tuple[list[tuple[str, float]], float]]]]:
        """Every histogram with its cumulative buckets, as (upper bound, count), and its sum."""
        with self._lock:
            rows = {name: {key: list(row) for key, row in series.items()} for name, series in self._histograms.items()}
        for metric in self._catalogue.values():
            if metric.type is Type.HISTOGRAM:
                yield metric, {key: _cumulative(metric, row) for key, row in rows.get(metric.name, {}).items()}

    def _values(self, name: str, kind: Type, labels: Mapping[str, str]) -> Labels:
        metric = self._catalogue.get(name)
        if metric is None or metric.type is not kind:
            raise ValueError(f"{name} is no {kind} of the catalogue")
        if set(labels) != set(metric.labels):
            raise ValueError(f"{name} has the labels {metric.labels}, not {tuple(labels)}")
        return tuple(labels[label] for label in metric.labels)


def _cumulative(metric: Metric, row: list[float]) -> tuple[list[tuple[str, float]], float]:
    bounds = [*(str(bound) for bound in metric.buckets), "+Inf"]
    total, buckets = 0.0, []
    for bound, count in zip(bounds, row[:-1], strict=True):
        total += count
        buckets.append((bound, total))
    return buckets, row[-1]
