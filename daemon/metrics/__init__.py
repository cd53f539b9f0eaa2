"""Prometheus metrics: a catalogue, the daemon's own counters, and the cached snapshot. Imports prometheus_client."""

from daemon.metrics.catalogue import CATALOGUE, CORE, Metric, Type, document, measure_metrics
from daemon.metrics.own import OwnMetrics
from daemon.metrics.snapshot import Snapshot, Snapshots

__all__ = [
    "CATALOGUE", "CORE", "Metric", "OwnMetrics", "Snapshot", "Snapshots", "Type", "document", "measure_metrics",
]  # fmt: skip
