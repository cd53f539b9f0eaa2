"""The catalogue keeps its own conventions, and everything in it can be seen."""

from __future__ import annotations

import re
import subprocess
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from checks import discover
from daemon.metrics import CATALOGUE, CORE, Type, measure_metrics
from daemon.metrics.catalogue import UNITS
from daemon.metrics.snapshot import OPENMETRICS, TEXT, _families, _Fixed, wants_openmetrics, within
from daemon.metrics.workings import Series
from daemon.web import create_app, serving
from tests.daemon.metrics.everything import LEFT_OUT, everything
from tests.daemon.metrics.test_exposition import samples
from tests.daemon.web.world import reading, world
from tests.tools.programs import promtool

MEASURES = measure_metrics({name: check() for name, check in discover().items()})
ALL = {**CATALOGUE, **MEASURES}

# Prometheus sets some of these by itself; the others name a single thing, of which there may be any number.
NO_LABELS = {
    "job", "instance", "le", "quantile", "__name__", "address", "resource", "arn", "id", "uuid", "run_id", "url",
    "fingerprint", "error", "message", "path", "user", "ip",
}  # fmt: skip
# Words for units and for times that are not the base unit, or no unit at all.
NO_WORDS = {
    "ms", "millis", "milliseconds", "minutes", "hours", "days", "kb", "mb", "gb", "mib", "gib", "percent", "pct",
    "count", "sum", "bucket", "info", "number", "num", "dollars", "time", "date", "age", "unixtime",
}  # fmt: skip


def test_names_follow_the_conventions() -> None:
    """Snake case in our namespace; units last, base units only; `_total` for counters alone; no word twice in a row."""
    for metric in ALL.values():
        name, words = metric.name, metric.name.split("_")
        assert re.fullmatch(r"barograph(_[a-z0-9]+)+", name)
        assert name.endswith("_total") == (metric.type is Type.COUNTER)
        assert all(one != other for one, other in pairwise(words)), "a word stutters"
        if name != "barograph_build_info":
            assert not NO_WORDS & set(words)
        body = [word for word in metric.family.split("_") if word in UNITS]
        assert body in ([], [metric.family.split("_")[-1]]), "a unit is the last word, and there is one"
        if "timestamp" in words:
            assert (name.endswith("_timestamp_seconds"), metric.type) == (True, Type.GAUGE)
        if "duration" in words or "latency" in words:
            assert metric.family.endswith("_seconds")
        assert not name.endswith("_created")
        assert (metric.buckets != ()) == (metric.type is Type.HISTOGRAM)


def test_help_is_a_sentence() -> None:
    """It begins with a capital, ends with a full stop, says more than the name, and a time says when."""
    for metric in ALL.values():
        assert metric.help[0].isupper() or metric.help[0].isdigit() or metric.help[0] == "`"
        assert metric.help.endswith(".")
        assert "\n" not in metric.help
        assert len(metric.help) <= 240


def test_labels_are_bounded_words() -> None:
    """None that Prometheus sets, and none that names a resource, a run or a person."""
    for metric in ALL.values():
        assert not NO_LABELS & set(metric.labels)
        assert len(set(metric.labels)) == len(metric.labels)
        assert all(re.fullmatch(r"[a-z][a-z_]*", label) for label in metric.labels)


def test_no_two_metrics_share_a_family() -> None:
    """`x` and `x_total` would be one family in OpenMetrics, and so would a histogram and its parts."""
    families = [metric.family for metric in ALL.values()]
    assert len(set(families)) == len(families)
    histograms = [metric.name for metric in ALL.values() if metric.type is Type.HISTOGRAM]
    parts = {f"{name}{end}" for name in histograms for end in ("_bucket", "_count", "_sum")}
    assert not parts & set(families)


def test_everything_in_the_catalogue_can_be_seen(tmp_path: Path) -> None:
    """Each metric of the daemon has a series in a world that has all there is; both tools take the whole of it."""
    with everything(tmp_path) as made:
        made.look("tls", reading("arn:x", values={"expiry_timestamp_seconds": 5.0}), check="certificates")
        snapshot = made.snapshots().refresh()
    families = {
        family.name: family
        for family in parse_openmetrics(snapshot.openmetrics.decode())  # type: ignore[no-untyped-call]  # no types there
    }
    assert {metric.family for metric in CATALOGUE.values()} - set(families) == {LEFT_OUT}
    for metric in CATALOGUE.values():
        if metric.name != LEFT_OUT:
            found = families[metric.family]
            assert (found.type, found.documentation, found.unit) == (metric.type.value, metric.help, metric.unit)
    done = subprocess.run(
        [promtool(), "check", "metrics"], input=snapshot.text, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, "", "")


def test_every_measure_can_be_told(tmp_path: Path) -> None:
    """The measures of all checks at once, with their labels and units: taken by both."""
    registry = CollectorRegistry(auto_describe=False)
    series: list[Series] = [(metric, {("x",) * len(metric.labels): 1.0}) for metric in MEASURES.values()]
    registry.register(_Fixed([*_families(series)]))
    families = [
        *parse_openmetrics(generate_openmetrics(registry).decode())  # type: ignore[no-untyped-call]  # no types there
    ]
    assert {(family.name, family.unit) for family in families} == {(m.name, m.unit) for m in MEASURES.values()}
    done = subprocess.run([promtool(), "check", "metrics"], input=generate_latest(registry), capture_output=True,
                          timeout=60, check=False)  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_openmetrics_is_whole(tmp_path: Path) -> None:
    """It ends with `# EOF`, tells units, and holds no exemplar and no `_created` series."""
    with everything(tmp_path) as made:
        text = made.snapshots().refresh().openmetrics.decode()
    assert text.endswith("\n# EOF\n")
    assert "# UNIT barograph_store_size_bytes bytes\n" in text
    assert not [line for line in text.splitlines() if line.split("{")[0].split(" ")[0].endswith("_created")]
    assert not [line for line in text.splitlines() if not line.startswith("#") and " # {" in line]


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("text/plain;version=0.0.4", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", True),
        ("application/openmetrics-text;version=2.0.0", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=nonsense", False),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.9", False),
        # Prometheus 2.53 and 3.5, as they ask.
        ("application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", True),
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;"
         "version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
         "*/*;q=0.2", True),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
         "text/plain;version=0.0.4;q=0.3", False),
    ],
)  # fmt: skip
def test_the_format_is_the_one_that_was_asked_for(accept: str, wanted: bool) -> None:
    """OpenMetrics for who likes it at least as well; the text format for everybody else."""
    assert wants_openmetrics(accept) is wanted


def test_the_content_type_says_what_is_served(tmp_path: Path) -> None:
    """Over HTTP too, and caches are told that it depends on what was asked for."""
    with world(tmp_path) as made:
        snapshots = made.snapshots()
        snapshots.refresh()
        with serving(create_app(made.deps(snapshots))) as port:
            for accept, kind, end in ((OPENMETRICS, OPENMETRICS, b"# EOF\n"), ("*/*", TEXT, b"\n")):
                asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
                with urllib.request.urlopen(asked, timeout=10) as answer:
                    assert (answer.headers["Content-Type"], answer.headers["Vary"]) == (kind, "Accept")
                    assert answer.read().endswith(end)


GROWING = [metric for metric in CATALOGUE.values() if metric.name not in CORE]


@given(
    st.lists(st.integers(0, 40), min_size=len(GROWING), max_size=len(GROWING)), st.integers(0, 30),
    st.integers(0, 200), st.randoms(use_true_random=False),
)  # fmt: skip
def test_what_is_left_out_is_the_same_every_time(sizes: list[int], own: int, limit: int, random: object) -> None:
    """It depends on how many series there are, not on their order; the daemon's own always stay; the cap holds."""
    core: Series = (CATALOGUE["barograph_incidents"], {(str(n), "", ""): 0.0 for n in range(own)})
    series: list[Series] = [core]
    other: list[Series] = [core]
    for metric, size in zip(GROWING, sizes, strict=True):
        keys = [(str(n),) for n in range(size)]
        series.append((metric, dict.fromkeys(keys, 1.0)))
        random.shuffle(keys)  # type: ignore[attr-defined]  # hypothesis' Random
        other.append((metric, dict.fromkeys(keys, 1.0)))
    budget = within(series, limit)
    assert budget == within(other, limit)
    assert budget.kept[0] == core
    assert budget.total == own + sum(sizes)
    given_ = sum(len(found) for _, found in budget.kept) + len(budget.left_out)
    assert given_ <= max(limit, own + len(budget.left_out))
    assert sum(len(found) for _, found in budget.kept) + sum(budget.left_out.values()) == budget.total
    assert not budget.left_out or budget.total > limit
    for metric, found in zip(GROWING, [found for _, found in series[1:]], strict=True):
        assert ((metric, found) in budget.kept) != (metric.name in budget.left_out)


def test_what_is_left_out_is_named_and_counted(tmp_path: Path) -> None:
    """With far too small a limit the daemon still tells all of itself, and which metrics are missing."""
    with everything(tmp_path) as made:
        full = made.snapshots().refresh()
        snapshots = made.snapshots(limit=1)
        cut = snapshots.refresh()
    there = {name for name, _ in samples(full) if name.startswith("barograph_")}
    here = {name for name, _ in samples(cut) if name.startswith("barograph_")}
    missing = {dict(labels)["family"] for name, labels in samples(cut) if name == LEFT_OUT}
    assert there - here == missing
    assert missing == {name for name in there if name in ALL and name not in CORE} | {"barograph_drift_changes"}
    assert samples(cut)[("barograph_series_dropped_total", frozenset())] == 1.0 + cut.dropped
    assert samples(cut)[("barograph_series", frozenset())] == full.series == cut.series
