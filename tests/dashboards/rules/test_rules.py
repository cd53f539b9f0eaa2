"""The rules: taken by promtool, each alert seen firing and not firing, every metric in them in the catalogue."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest

from alerts.sinks.alertmanager import labels as sink_labels
from checks import discover
from checks.base import Kind, Tier
from daemon.metrics import CATALOGUE, CORE, Type, measure_metrics
from dashboards.rules.every import GROUPS
from dashboards.rules.model import RUNBOOK, Alert, Record, alerts, records, said_by, written
from dashboards.rules.page import runbook, table
from tests.dashboards.rules.cases import CASES, PLACE, TARGET, Case
from tests.tools.programs import promtool, promtools

ROOT = Path(__file__).parents[3]
RULES = ROOT / "dashboards" / "prometheus" / "barograph.rules.yml"
ALERTS = {rule.name: rule for rule in alerts(GROUPS)}
FIRES_ALWAYS = "BarographWatchdog"
_AT = 'instance="b:9877",job="barograph"'
EVERY: list[Record | Alert] = [rule for group in GROUPS for rule in group.rules]


def run(*words: str, tool: str = "") -> str:
    """Run promtool; its output if all is well."""
    done = subprocess.run([tool or promtool(), *words], capture_output=True, timeout=120, check=False, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def judged(folder: Path, tests: list[Mapping[str, Any]], tool: str = "", *, step: int = 1) -> str:
    """Have promtool run unit tests on the rules, which are evaluated every *step* minutes. JSON is YAML."""
    path = folder / "tests.yml"
    # Without an order promtool has none, and a rule may see what is recorded one evaluation later.
    order = [group.name for group in GROUPS]
    path.write_text(json.dumps({
        "rule_files": [str(RULES)], "evaluation_interval": f"{step}m", "group_eval_order": order, "tests": tests,
    }))  # fmt: skip
    return run("test", "rules", str(path), tool=tool)


def expected(alert: Alert, description: str, labels: Mapping[str, str]) -> Mapping[str, Any]:
    said = {**said_by(alert), "description": description}
    return {"exp_labels": {**labels, "severity": alert.severity}, "exp_annotations": said}


def seen(case: Case) -> Mapping[str, Any]:
    """promtool's test of one case: firing with these very labels and texts, and not a minute before."""
    alert = ALERTS[case.alert]
    return {
        "name": case.alert, "interval": f"{case.step}m", "input_series": case.inputs(),
        "alert_rule_test": [
            {"eval_time": f"{case.quiet}m", "alertname": case.alert, "exp_alerts": []},
            {
                "eval_time": f"{case.fires}m", "alertname": case.alert,
                "exp_alerts": [expected(alert, case.description, case.labels)],
            },
        ],
    }  # fmt: skip


def test_the_files_are_what_the_rules_say() -> None:
    """Made by `python -m dashboards.rules`, and not by hand."""
    assert RULES.read_text(encoding="utf-8") == written(GROUPS)
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == table(GROUPS)
    assert (ROOT / "docs" / "runbooks" / "barograph.md").read_text(encoding="utf-8") == runbook(GROUPS)


def test_promtool_takes_them() -> None:
    """Every promtool there is, with every lint that it knows fatal."""
    for tool in promtools():
        said = run("check", "rules", "--lint=all", "--lint-fatal", str(RULES), tool=tool)
        assert f"SUCCESS: {len(records(GROUPS)) + len(ALERTS)} rules found" in said


def test_every_alert_has_a_case() -> None:
    """One that was never seen firing is no alert. The one that always fires has a test of its own."""
    assert {case.alert for case in CASES} | {FIRES_ALWAYS} == set(ALERTS)
    assert all(case.quiet == case.fires - case.step for case in CASES)


def test_every_alert_fires_when_it_must_and_not_before(tmp_path: Path) -> None:
    """With these very labels, annotations and links; by every promtool there is."""
    for tool in promtools():
        for step in {case.step for case in CASES}:
            judged(tmp_path, [seen(case) for case in CASES if case.step == step], tool, step=step)


def test_a_wrong_expectation_is_found(tmp_path: Path) -> None:
    """The test above can fail: another text, or a minute too early, is an error."""
    case = next(case for case in CASES if case.alert == "BarographDown")
    for wrong in (Case(case.alert, case.fires, case.quiet, case.series, "Another text."),
                  Case(case.alert, case.quiet, case.quiet - 1, case.series, case.description)):  # fmt: skip
        with pytest.raises(AssertionError, match="FAILED"):
            judged(tmp_path, [seen(wrong)])


def silent(series: Mapping[str, str], firing: Mapping[str, tuple[Mapping[str, str], str]], at: str) -> dict[str, Any]:
    """Nothing fires at *at* but *firing*: name -> labels and description."""
    return {
        "interval": "10m", "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {
                "eval_time": at, "alertname": name,
                "exp_alerts": [expected(alert, firing[name][1], firing[name][0])] if name in firing else [],
            }
            for name, alert in ALERTS.items()
        ],
    }  # fmt: skip


def test_a_scheduler_that_never_began_is_stalled_too(tmp_path: Path) -> None:
    """Without a first beat its time is that of the start; with one, the start is long ago and nothing is wrong."""
    name = "BarographSchedulerStalled"
    said = "The scheduler of b:9877 has not beaten for 10m 0s: no look is begun."
    begun, beat = f"barograph_start_timestamp_seconds{{{_AT}}}", f"barograph_scheduler_beat_timestamp_seconds{{{_AT}}}"
    judged(tmp_path, [
        {
            "interval": "1m", "input_series": [{"series": begun, "values": "0x20"}],
            "alert_rule_test": [
                {"eval_time": "10m", "alertname": name, "exp_alerts": [expected(ALERTS[name], said, TARGET)]},
            ],
        },
        {
            "interval": "1m",
            "input_series": [{"series": begun, "values": "0x20"}, {"series": beat, "values": "0+60x20"}],
            "alert_rule_test": [{"eval_time": "10m", "alertname": name, "exp_alerts": []}],
        },
    ])  # fmt: skip


def test_a_clock_that_is_ahead_is_told(tmp_path: Path) -> None:
    """Every age would be too small, and metrics that stand still would look fresh."""
    name = "BarographSnapshotOld"
    said = "The metrics of b:9877 are 5m 0s from now: what they say may not hold any more."
    judged(tmp_path, [{
        "interval": "1m",
        "input_series": [{"series": f"barograph_snapshot_timestamp_seconds{{{_AT}}}", "values": "300+60x20"}],
        "alert_rule_test": [
            {"eval_time": "10m", "alertname": name, "exp_alerts": [expected(ALERTS[name], said, TARGET)]},
        ],
    }])  # fmt: skip


def test_what_was_given_up_long_ago_is_not_told_again(tmp_path: Path) -> None:
    """Messages refused before a gap in the scrapes, or before the pod got another address, are no news."""
    dead = 'barograph_delivery_messages{instance="%s",job="barograph",state="dead"}'
    judged(tmp_path, [{
        "interval": "1m",
        "input_series": [
            {"series": dead % "b:9877", "values": "3x10 _x60 3x60"},
            {"series": dead % "new:9877", "values": "_x60 3x60"},
        ],
        "alert_rule_test": [
            {"eval_time": f"{minute}m", "alertname": "BarographUndeliverable", "exp_alerts": []}
            for minute in (5, 62, 75, 100)
        ],
    }])  # fmt: skip


def test_a_metric_that_is_left_out_is_no_place_that_was_never_looked_at(tmp_path: Path) -> None:
    """Without the times of the last good looks nobody knows; that they are left out is said by its own alert."""
    out = f'barograph_series_left_out{{{_AT},family="barograph_check_last_success_timestamp_seconds"}}'
    alert = ALERTS["BarographSeriesLeftOut"]
    labels = {**TARGET, "family": "barograph_check_last_success_timestamp_seconds"}
    said = ("b:9877 leaves out barograph_check_last_success_timestamp_seconds (9000 series): what uses it shows "
            "nothing.")  # fmt: skip
    judged(tmp_path, [{
        "interval": "10m",
        "input_series": [
            {"series": f"barograph_check_interval_seconds{{{_AT},{PLACE}}}", "values": "3600x20"},
            {"series": out, "values": "9000x20"},
        ],
        "alert_rule_test": [
            {"eval_time": "180m", "alertname": "BarographNeverLooked", "exp_alerts": []},
            {"eval_time": "180m", "alertname": alert.name, "exp_alerts": [expected(alert, said, labels)]},
        ],
    }], step=10)  # fmt: skip


def test_missing_metrics_are_never_silence(tmp_path: Path) -> None:
    """No target: one alert says so. One that gives nothing: another. All else is silent, but the proof of life."""
    always: dict[str, tuple[Mapping[str, str], str]] = {FIRES_ALWAYS: ({}, ALERTS[FIRES_ALWAYS].description)}
    absent: dict[str, tuple[Mapping[str, str], str]] = {
        "BarographAbsent": ({"job": "barograph"}, ALERTS["BarographAbsent"].description)
    }
    said = ALERTS["BarographSilent"].description.replace("{{ $labels.instance }}", "b:9877")
    up = 'up{instance="b:9877",job="barograph"}'
    judged(tmp_path, [
        silent({"other": "1x20"}, always | absent, "180m"),
        silent({up: "1x20"}, always | {"BarographSilent": (TARGET, said)}, "180m"),
    ], step=10)  # fmt: skip


def test_what_catches_missing_metrics_exists() -> None:
    """Each alert names one that fires where its metrics are missing, or needs none; the chain has an end."""
    for alert in ALERTS.values():
        chain = [alert.name]
        while ALERTS[chain[-1]].missing:
            chain.append(ALERTS[chain[-1]].missing)
            assert chain[-1] in ALERTS
            assert len(chain) < 6, chain
    assert {alert.missing for alert in ALERTS.values()} - {""} <= set(ALERTS)


def test_what_the_daemon_always_gives_is_what_its_silence_is_told_of() -> None:
    """Who relies on BarographSilent asks for nothing that the limit of series could take away."""
    recorded = {rule.name: rule.expr for rule in records(GROUPS)}
    for alert in ALERTS.values():
        if alert.missing == "BarographSilent":
            asked = [name for name, _ in selectors(alert.expr)]
            asked = [
                name for each in asked for name in (dict(selectors(recorded[each])) if each in recorded else [each])
            ]
            assert asked
            assert set(asked) <= CORE, f"{alert.name} may lose {set(asked) - CORE}"


MEASURES = measure_metrics({name: check() for name, check in discover().items()})
FROM_OUTSIDE = {"up": (), "process_start_time_seconds": ()}
OWN_LABELS = {"job", "instance", "le", "__name__"}


def known() -> Mapping[str, tuple[str, ...]]:
    """Every metric that a rule may ask for, with its labels: the catalogue's, and what rules record."""
    found: dict[str, tuple[str, ...]] = dict(FROM_OUTSIDE)
    for metric in (*CATALOGUE.values(), *MEASURES.values()):
        for name in (
            [f"{metric.name}{end}" for end in ("_bucket", "_sum", "_count")]
            if metric.type is Type.HISTOGRAM
            else [metric.name]
        ):
            found[name] = metric.labels
    for rule in records(GROUPS):
        found[rule.name] = tuple(
            sorted({label for _, labels in selectors(rule.expr) for label in (*labels, *grouped(rule.expr))})
        )
    return found


def nodes(expr: Any) -> Iterator[Any]:
    """Every node of a parsed expression."""
    yield expr
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        child = getattr(expr, name, None)
        if child is not None and not isinstance(child, (str, int, float)):
            yield from nodes(child)
    for child in getattr(expr, "args", ()):
        yield from nodes(child)


def selectors(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every metric that is asked for, with the labels that it is chosen by."""
    return [
        (node.name or "", tuple(matcher.name for matcher in node.matchers.matchers))
        for node in nodes(promql.parse(text))
        if isinstance(node, promql.VectorSelector)
    ]


def grouped(text: str) -> set[str]:
    """Every label that is kept, matched or set: `by (…)`, `on (…)`, label_replace."""
    found = {
        label for part in re.findall(r"(?:by|on|group_left)\s*\(([^)]*)\)", text) for label in re.split(r"[,\s]+", part)
    }
    found |= set(re.findall(r'label_replace\([^"]*"([a-z]+)"', text))
    return found - {""}


def test_every_metric_in_a_rule_is_in_the_catalogue() -> None:
    """With labels that it has; so that renaming one breaks this and not an alert."""
    there = known()
    for rule in EVERY:
        asked = selectors(rule.expr)
        assert asked or rule.name == FIRES_ALWAYS
        for name, labels in asked:
            assert name in there, f"{rule.name} asks for {name}"
            assert set(labels) <= set(there[name]) | OWN_LABELS, f"{rule.name} chooses {name} by {labels}"
        given = {label for name, _ in asked for label in there[name]} | OWN_LABELS | {"ends", "stack"}
        assert grouped(rule.expr) <= given, f"{rule.name} groups by {grouped(rule.expr) - given}"
        if isinstance(rule, Alert):
            used = set(re.findall(r"\$labels\.([a-z_]+)", rule.summary + rule.description))
            assert used <= given, f"{rule.name} speaks of {used - given}"


def test_counters_are_only_asked_for_their_growth() -> None:
    """A counter without rate() or increase() starts anew with the daemon, and means nothing by itself."""
    counters = [m.name for m in CATALOGUE.values() if m.type is Type.COUNTER]
    for rule in EVERY:
        for name in counters:
            assert all(
                re.search(r"(rate|increase)\(\s*$", rule.expr[: found.start()])
                for found in re.finditer(rf"\b{name}\b", rule.expr)
            ), f"{rule.name} uses {name} as it is"


def test_names_of_recording_rules_say_what_they_are() -> None:
    """level:metric:operations; no alert records, and no name is there twice."""
    names = [rule.name for rule in records(GROUPS)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_]+:barograph_[a-z0-9_]+:[a-z0-9_]+", name) for name in names)


def test_alerts_say_all_that_people_need() -> None:
    """Tiers of the guideline; a summary, sentences as description, a section in the runbook."""
    text = (ROOT / "docs" / "runbooks" / "barograph.md").read_text(encoding="utf-8")
    anchors = {heading.lower() for heading in re.findall(r"^## (\S+)$", text, re.MULTILINE)}
    for alert in ALERTS.values():
        assert alert.severity in set(Tier)
        assert alert.name.startswith("Barograph")
        assert not alert.summary.endswith(".")
        assert "{{" not in alert.summary, "one summary, whatever it is about: it is grouped by"
        assert alert.description.endswith(".")
        assert said_by(alert)["runbook_url"] == f"{RUNBOOK}barograph.md#{alert.name.lower()}"
        assert alert.name.lower() in anchors


def test_no_alert_has_the_name_of_what_the_sink_tells() -> None:
    """Alertmanager sink's alerts are named for the kinds; a route must be able to tell both apart."""
    said = {"tier": "warning", "check": "drift", "fingerprint": "v1:a", "labels": {}}
    assert not {sink_labels({**said, "kind": kind})["alertname"] for kind in Kind} & set(ALERTS)


def test_every_rule_is_of_one_kind() -> None:
    """Groups hold records and alerts; nothing is lost between data and file."""
    text = RULES.read_text(encoding="utf-8")
    assert re.findall(r"^      - record: (\S+)$", text, re.MULTILINE) == [rule.name for rule in records(GROUPS)]
    assert re.findall(r"^      - alert: (\S+)$", text, re.MULTILINE) == list(ALERTS)
    assert all(isinstance(rule, (Record, Alert)) for group in GROUPS for rule in group.rules)
