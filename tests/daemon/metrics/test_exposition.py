"""What Prometheus gets: accepted by promtool, by the strict OpenMetrics parser, and never half an update."""

from __future__ import annotations

import subprocess
import threading
import time
import urllib.request
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from alerts.base import DeliveryState
from checks import discover
from checks.base import Outcome
from daemon.metrics import CATALOGUE, OwnMetrics, Snapshot, document, measure_metrics
from daemon.web import create_app, serving
from tests.daemon.web.world import CHECKS, HOSTILE, HOUR, NOW, World, full_world, reading, world
from tests.tools.programs import promtool

ROOT = Path(__file__).parents[3]


def observed(made: World) -> World:
    """Give every counter and histogram something to show."""
    made.own.count("barograph_guard_refusals_total")
    made.own.count("barograph_delivery_errors_total", sink="slack", reason="ambiguous")
    made.own.observe("barograph_delivery_latency_seconds", 0.3, sink="slack", tier="critical")
    made.own.observe("barograph_delivery_latency_seconds", 7.0, sink="slack", tier="critical")
    return made


def samples(snapshot: Snapshot) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every series of the text format, with its value."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_text(snapshot.text.decode())
        for sample in family.samples
    }


def values(snapshot: Snapshot, name: str, **labels: str) -> list[float]:
    """The values of a metric's series that have these labels."""
    return [v for (n, found), v in samples(snapshot).items() if n == name and labels.items() <= set(found)]


def test_promtool_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    """`promtool check metrics` passes without lint, hostile label values included."""
    with full_world(tmp_path) as made:
        text = observed(made).snapshots().refresh().text
    done = subprocess.run(
        [promtool(), "check", "metrics"], input=text, capture_output=True, timeout=60, check=False,
        env={"TF_CLI_CONFIG_FILE": "/dev/null"},
    )  # fmt: skip
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, "", "")


def test_both_formats_parse_and_agree(tmp_path: Path) -> None:
    """The strict OpenMetrics parser takes it, and both formats hold the same series."""
    with full_world(tmp_path) as made:
        snapshot = observed(made).snapshots().refresh()
    open_metrics = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_openmetrics(snapshot.openmetrics.decode())  # type: ignore[no-untyped-call]  # no types there
        for sample in family.samples
    }
    assert open_metrics == samples(snapshot)
    assert any(HOSTILE in value for _, labels in open_metrics for _, value in labels)


def test_every_metric_is_in_the_catalogue_with_its_labels(tmp_path: Path) -> None:
    """No series has a name, type or label that the catalogue does not give; nothing names a resource."""
    known = {**CATALOGUE, **measure_metrics(CHECKS)}
    with full_world(tmp_path) as made:
        text = observed(made).snapshots().refresh().text.decode()
    assert "aws_s3_bucket" not in text
    seen = set()
    for family in parse_text(text):
        if family.name.startswith("process_"):
            continue
        name = f"{family.name}_total" if family.type == "counter" else family.name
        metric = known[name]
        seen.add(name)
        assert (family.type, family.documentation) == (metric.type.value, metric.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
    assert {"barograph_drift_state", "barograph_check_outcome", "barograph_drift_changes"} <= seen


def test_the_page_of_metrics_is_made_from_the_catalogue() -> None:
    """docs/metrics.md is what the catalogue and the checks say; `python -m daemon.metrics` writes it."""
    wanted = document({name: check() for name, check in discover().items()})
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == wanted


def test_outcomes_are_one_hot(tmp_path: Path) -> None:
    """Each check at a place has exactly one outcome, each instance exactly one drift state."""
    with full_world(tmp_path) as made:
        snapshot = made.snapshots().refresh()
    for name, label in (("barograph_check_outcome", "outcome"), ("barograph_drift_state", "state")):
        sums: dict[frozenset[tuple[str, str]], float] = {}
        for (found, labels), value in samples(snapshot).items():
            if found == name:
                rest = frozenset(pair for pair in labels if pair[0] != label)
                sums[rest] = sums.get(rest, 0) + value
        assert len(sums) == 6
        assert set(sums.values()) == {1.0}


def test_messages_of_every_state_are_there_from_the_start(tmp_path: Path) -> None:
    """At 0, so that the first message that is given up is a rise."""
    with world(tmp_path) as made:
        snapshot = made.snapshots().refresh()
    assert {state: values(snapshot, "barograph_delivery_messages", state=state) for state in DeliveryState} == {
        state: [0] for state in DeliveryState
    }


def test_a_look_that_is_overdue_counts_for_nothing(tmp_path: Path) -> None:
    """Its resources are unknown and its measures are gone: what nobody renews is not exported as if it held."""
    with world(tmp_path) as made:
        made.look("vpc", reading("acme-prod/vpc", values={"changes": 2.0}), ago=3 * HOUR)
        snapshot = made.snapshots().refresh()
    assert values(snapshot, "barograph_drift_changes") == []
    assert values(snapshot, "barograph_check_resources", outcome="unknown") == [1.0]
    assert values(snapshot, "barograph_check_resources", outcome="healthy") == []


def test_a_look_that_could_not_be_stored_is_unknown(tmp_path: Path) -> None:
    """What the store says is older than the last look: the page and the metrics must not go on saying it."""
    with world(tmp_path) as made:
        place = made.look("vpc", reading("acme-prod/vpc"))
        made.health = replace(made.health, unrecorded={("drift", place): "the disk is full"})
        snapshot = made.snapshots().refresh()
    assert values(snapshot, "barograph_check_outcome", place=place, outcome="healthy") == [0.0]
    assert values(snapshot, "barograph_check_outcome", place=place, outcome="unknown") == [1.0]


def test_what_is_not_known_is_unknown_or_absent(tmp_path: Path) -> None:
    """A failed look is unknown, keeps its last success and gives no measures; a place never seen has no success."""
    with world(tmp_path) as made:
        at = NOW - timedelta(minutes=90)
        place = made.look("vpc", reading("acme-prod/vpc", values={"changes": 2.0}), ago=NOW - at)
        before = made.snapshots().refresh()
        made.look("vpc", failure=("denied", "AccessDenied"))
        after = made.snapshots().refresh()
        made.look("new", failure=("timeout", "no answer"))
        never = made.snapshots().refresh()
    success = "barograph_check_last_success_timestamp_seconds"
    assert values(before, "barograph_drift_changes") == [2.0]
    assert values(after, "barograph_drift_changes") == []
    assert values(after, success, place=place) == [at.timestamp()]
    assert values(after, "barograph_check_outcome", place=place, outcome="unknown") == [1.0]
    assert values(after, "barograph_drift_state", component="vpc", state="unknown") == [1.0]
    assert values(after, "barograph_drift_state", component="vpc", state="in_sync") == [0.0]
    assert values(never, success, component="new") == []


def test_age_alone_makes_unknown(tmp_path: Path) -> None:
    """With no new run at all, a healthy place is unknown once a look is missing for a whole period."""
    with world(tmp_path) as made:
        made.look("vpc", reading("acme-prod/vpc"), ago=timedelta(0))
        snapshots = made.snapshots()
        healthy = snapshots.refresh()
        made.move(2 * HOUR + timedelta(seconds=1))
        stale = snapshots.refresh()
    assert values(healthy, "barograph_check_outcome", outcome="healthy") == [1.0]
    assert values(stale, "barograph_check_outcome", outcome="healthy") == [0.0]
    assert values(stale, "barograph_check_outcome", outcome="unknown") == [1.0]


def test_measures_of_several_resources_become_one(tmp_path: Path) -> None:
    """Of times the earliest counts, of all else the sum."""
    with world(tmp_path) as made:
        made.look("tls", reading("arn:one", values={"expiry_timestamp_seconds": 200.0}),
                  reading("arn:two", values={"expiry_timestamp_seconds": 100.0}), check="certificates")  # fmt: skip
        made.look("app", reading("a", values={"changes": 1.0}), reading("b", values={"changes": 2.0}))
        snapshot = made.snapshots().refresh()
    assert values(snapshot, "barograph_certificates_expiry_timestamp_seconds") == [100.0]
    assert values(snapshot, "barograph_drift_changes") == [3.0]
    assert values(snapshot, "barograph_check_resources", component="app", outcome="healthy") == [2.0]


def test_measures_can_have_bounded_labels_of_their_own(tmp_path: Path) -> None:
    """They come from the evidence of readings; of a ratio the highest counts; what is no text is no label."""
    told = [("L-1", 0.5), ("L-1", 0.9), ("L-2", 0.1), (7, 0.2)]
    with world(tmp_path) as made:
        made.look("q", *(
            reading(f"arn:{n}", values={"usage_ratio": ratio}, evidence={"service_code": "vpc", "quota_code": code})
            for n, (code, ratio) in enumerate(told)
        ), check="quotas")  # fmt: skip
        snapshot = made.snapshots().refresh()
    name = "barograph_quotas_usage_ratio"
    assert values(snapshot, name, service_code="vpc", quota_code="L-1") == [0.9]
    assert values(snapshot, name, service_code="vpc", quota_code="L-2") == [0.1]
    assert values(snapshot, name, service_code="vpc", quota_code="") == [0.2]


def test_the_budget_keeps_what_matters(tmp_path: Path) -> None:
    """Over the limit, metrics are left out whole, and counted; the daemon's own stay."""
    with world(tmp_path) as made:
        for number in range(40):
            made.look(f"c{number}", reading(f"acme-prod/c{number}"))
        full = made.snapshots().refresh()
        snapshots = made.snapshots(limit=350)
        cut = snapshots.refresh()
        again = snapshots.refresh()
    assert full.dropped == 0
    assert len([name for name, _ in samples(full) if name.startswith("barograph_")]) == full.series
    assert len([name for name, _ in samples(cut) if name.startswith("barograph_")]) <= 350
    assert values(cut, "barograph_series_dropped_total") == [float(cut.dropped)]
    assert values(again, "barograph_series_dropped_total") == [float(cut.dropped + again.dropped)]
    assert len(values(cut, "barograph_incidents")) == len(values(full, "barograph_incidents"))
    assert len(values(cut, "barograph_check_outcome")) == len(values(full, "barograph_check_outcome")) == 160
    assert values(cut, "barograph_check_resources") == []
    assert values(cut, "barograph_series_left_out", family="barograph_check_resources") == [40.0]


def test_series_of_what_is_gone_are_gone(tmp_path: Path) -> None:
    """A place that is watched no more has no series after the next snapshot."""
    with world(tmp_path) as made:
        place = made.look("old", reading("acme-prod/old"))
        snapshots = made.snapshots()
        assert values(snapshots.refresh(), "barograph_check_outcome", place=place)
        with made.store.transaction() as tx:
            tx.forget_job("drift", place, NOW)
        assert not values(snapshots.refresh(), "barograph_check_outcome", place=place)


def test_own_counters_refuse_what_the_catalogue_does_not_know() -> None:
    """A misspelt name, a wrong label or a negative amount is a ValueError, not a new series."""
    own = OwnMetrics()
    with pytest.raises(ValueError, match="no counter of the catalogue"):
        own.count("barograph_guard_refusal_total")
    with pytest.raises(ValueError, match="no counter of the catalogue"):
        own.count("barograph_delivery_latency_seconds", tier="info")
    with pytest.raises(ValueError, match="has the labels"):
        own.count("barograph_guard_refusals_total", why="x")
    with pytest.raises(ValueError, match="has the labels"):
        own.observe("barograph_delivery_latency_seconds", 1.0)
    with pytest.raises(ValueError, match="only grows"):
        own.count("barograph_guard_refusals_total", -1)


def test_histograms_are_cumulative(tmp_path: Path) -> None:
    """A bucket counts what is at most its bound, and +Inf counts everything."""
    with world(tmp_path) as made:
        for seconds in (0.1, 0.3, 100_000.0):
            made.own.observe("barograph_delivery_latency_seconds", seconds, sink="slack", tier="info")
        snapshot = made.snapshots().refresh()
    bucket = "barograph_delivery_latency_seconds_bucket"
    assert [values(snapshot, bucket, le=le) for le in ("0.1", "0.25", "0.5", "+Inf")] == [[1.0], [1.0], [2.0], [3.0]]
    assert values(snapshot, "barograph_delivery_latency_seconds_sum", tier="info") == [pytest.approx(100_000.4)]


def test_scrapes_during_refresh_see_whole_snapshots(tmp_path: Path) -> None:
    """A hundred scrapes while snapshots are rebuilt: each has all places and both halves of what changes together."""
    with world(tmp_path) as made:
        places = [f"c{number}" for number in range(6)]

        def look(value: float, outcome: Outcome) -> None:
            with made.store.transaction() as tx:
                for name in places:
                    place = f"acme-prod/{name}"
                    tx.save_readings("drift", place, [reading(place, outcome, "drift", values={"changes": value})], NOW)

        for name in places:
            made.look(name, reading(f"acme-prod/{name}"))
        look(1.0, Outcome.UNHEALTHY)
        snapshots = made.snapshots()
        snapshots.refresh()
        stop = threading.Event()
        rounds = 0

        def churn() -> None:
            nonlocal rounds
            while not stop.is_set():
                rounds += 1
                look(float(rounds % 2), Outcome.UNHEALTHY if rounds % 2 else Outcome.HEALTHY)
                snapshots.refresh()

        thread = threading.Thread(target=churn)
        with serving(create_app(made.deps(snapshots))) as port:
            thread.start()
            try:
                seen = set()
                for _ in range(100):
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                        body = Snapshot(answer.read(), b"")
                    changes = values(body, "barograph_drift_changes")
                    unhealthy = values(body, "barograph_check_outcome", outcome="unhealthy")
                    assert len(changes) == len(unhealthy) == len(places)
                    assert len({*changes, *unhealthy}) == 1
                    seen.add(changes[0])
            finally:
                stop.set()
                thread.join()
        assert rounds > 1
        assert seen == {0.0, 1.0}


def test_one_odd_row_does_not_freeze_the_metrics(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a refresh trips over is logged; the thread goes on, and the next refresh is a new snapshot."""
    with world(tmp_path) as made:
        made.health = replace(made.health, version="\ud800")
        snapshots = made.snapshots()
        stop = threading.Event()
        thread = threading.Thread(target=snapshots.run, args=(stop,))
        thread.start()
        until = time.monotonic() + 20
        while "UnicodeEncodeError" not in caplog.text and time.monotonic() < until:
            time.sleep(0.01)
        made.health = replace(made.health, version="1")
        snapshots.changed()
        while snapshots.current.at is None and time.monotonic() < until:
            time.sleep(0.01)
        stop.set()
        snapshots.changed()
        thread.join(20)
    assert "UnicodeEncodeError" in caplog.text
    assert snapshots.current.at is not None


def test_a_store_that_cannot_be_read_leaves_the_last_snapshot(tmp_path: Path) -> None:
    """The thread that refreshes outlives a failing store, and the last snapshot stays."""
    with world(tmp_path) as made:
        snapshots = made.snapshots()
        kept = snapshots.refresh()
        made.store.close()
        stop = threading.Event()
        thread = threading.Thread(target=snapshots.run, args=(stop,))
        thread.start()
        stop.set()
        snapshots.changed()
        thread.join(10)
        assert not thread.is_alive()
        assert snapshots.current is kept
