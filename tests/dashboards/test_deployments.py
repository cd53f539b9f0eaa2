"""The figures of production where something is missing: what is not known is left out, and is no 0."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.dashboards.reading import asked, dashboards, substituted
from tests.tools.programs import promtool

NOBODY_RECORDED = {"applies": 0, "successes": 0, "failures": 0, "unrecorded": 2, "cycle_ratio": 0, "cycle_changes": 2}
CYCLE_NOT_KNOWN = {"applies": 4, "successes": 3, "failures": 1, "unrecorded": 0, "cycle_changes": 0}
MOSTLY_KEPT = {"applies": 8, "successes": 8, "failures": 0, "unrecorded": 0, "cycle_ratio": 0.75, "cycle_changes": 8}
STACKS = "Stacks of production, worst first"
WRONG, FAILING, KEPT = (f"{STACKS} / {ref}" for ref in "ABC")
RATE, CYCLE, LEAD = "Change failure rate / A", "Through the recorded cycle / A", "Median lead time / A"
DEPLOYED, UNRECORDED = "Deployments / A", "Unrecorded changes / A"

# What there is of each stack -> query -> stack ("" for all of them) -> value. A query without one has no result.
CASES: dict[str, tuple[Mapping[str, Mapping[str, float]], Mapping[str, Mapping[str, float]]]] = {
    "nothing at all": ({}, {}),
    "only what nobody recorded": (
        {"a": NOBODY_RECORDED},
        {WRONG: {"a": 2}, KEPT: {"a": 0}, CYCLE: {"": 0}, DEPLOYED: {"": 0}, UNRECORDED: {"": 2}},
    ),
    "of one the cycle is not known": (
        {"a": NOBODY_RECORDED, "b": CYCLE_NOT_KNOWN, "c": MOSTLY_KEPT},
        {
            WRONG: {"a": 2, "b": 1, "c": 0}, FAILING: {"b": 0.25, "c": 0}, KEPT: {"a": 0, "c": 0.75},
            RATE: {"": 1 / 12}, CYCLE: {"": 0.6}, DEPLOYED: {"": 11}, UNRECORDED: {"": 2},
        },
    ),
    "lead times of two of three": (
        {"a": {"lead_seconds": 60}, "b": {"lead_seconds": 300}, "c": MOSTLY_KEPT},
        {
            WRONG: {"c": 0}, FAILING: {"c": 0}, KEPT: {"c": 0.75}, RATE: {"": 0}, CYCLE: {"": 0.75}, LEAD: {"": 180},
            DEPLOYED: {"": 8}, UNRECORDED: {"": 0},
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(CASES))
def test_what_is_not_known_is_left_out(case: str, tmp_path: Path) -> None:
    """Of the part of none there is no result, and a stack of which nothing is known does not count for others."""
    there, wanted = CASES[case]
    series = [
        {"series": "barograph_snapshot_timestamp_seconds", "values": "0"},  # of now: the tests' time begins at 0
        *({"series": f'barograph_deployment_{name}{{stack="{stack}"}}', "values": f"{value:g}"}
        for stack, figures in there.items() for name, value in figures.items()),
    ]  # fmt: skip
    ours = {one.where.split(" / ", 1)[1]: one.expr for one in asked(dashboards()["barograph-executions"])}
    tests = [
        {
            "expr": substituted(ours[query], {"stack": "a|b|c"}), "eval_time": "0",
            "exp_samples": _samples(wanted.get(query, {})),
        }
        for query in (WRONG, FAILING, KEPT, RATE, CYCLE, LEAD, DEPLOYED, UNRECORDED)
    ]  # fmt: skip
    file = tmp_path / "figures.json"  # JSON is YAML
    file.write_text(json.dumps({"tests": [{"input_series": series, "promql_expr_test": tests}]}), encoding="utf-8")
    done = subprocess.run(
        [promtool(), "test", "rules", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _samples(values: Mapping[str, float]) -> Sequence[Mapping[str, object]]:
    return [{"labels": f'{{stack="{stack}"}}' if stack else "{}", "value": value} for stack, value in values.items()]
