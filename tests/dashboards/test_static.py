"""The dashboards as text: current, whole, and without what a linter would find."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from checks import discover
from daemon.metrics import CATALOGUE, measure_metrics
from daemon.runner import OWN_CHECKS
from dashboards import names
from dashboards.board import TITLES, Addresses
from dashboards.drift import VERDICTS
from dashboards.every import plain, written
from dashboards.fleet import OF_OTHERS, OF_STACKS
from tests.dashboards.lint import lint, valid_units
from tests.dashboards.reading import FOLDER, Json, dashboards, panels

ALL = dashboards()
KNOWN = {**CATALOGUE, **measure_metrics({name: check() for name, check in discover().items()})}
uid = pytest.mark.parametrize("uid", sorted(ALL))


def test_the_committed_files_are_current() -> None:
    """`make dashboards` writes exactly what is committed, and nothing else is there."""
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == written(Addresses())


def test_there_are_six() -> None:
    """One for each question, under the name by which the others link to it."""
    assert set(ALL) == set(TITLES)
    assert len({each["title"] for each in ALL.values()}) == len(ALL) == 6


@uid
def test_nothing_is_unknown_to_grafana(uid: str) -> None:
    """Read by the SDK and written again it is the same: no field that Grafana does not know."""
    register_default_plugins()
    read = Dashboard.from_json(copy.deepcopy(ALL[uid]))
    assert plain(read) == ALL[uid]


@uid
def test_the_linter_has_nothing_to_say(uid: str) -> None:
    """Templated data source, titles, descriptions, units, PromQL, names and labels of the catalogue, links, grid."""
    assert lint(ALL[uid], KNOWN, set(ALL)) == []


def test_every_metric_that_is_named_is_in_the_catalogue() -> None:
    """A metric that is renamed breaks this, not a panel at somebody's wall."""
    ours = {v for k, v in vars(names).items() if k.isupper() and not v.startswith("process_")}
    assert ours - set(KNOWN) == set()


def test_every_metric_that_is_named_is_shown() -> None:
    """A constant that no dashboard uses is a panel that was forgotten."""
    shown = set(re.findall(r"\w+", "".join(path.read_text(encoding="utf-8") for path in FOLDER.iterdir())))
    shown |= {word.removesuffix("_bucket") for word in shown}
    assert {name for k, name in vars(names).items() if k.isupper()} - shown == set()


def test_every_check_has_its_column() -> None:
    """A new check stands in the matrix where somebody put it, not at its end."""
    assert sorted((*OF_STACKS, *OF_OTHERS)) == sorted({*discover(), *OWN_CHECKS})


def test_every_verdict_has_its_rank() -> None:
    """A verdict without one would be no row of the table."""
    assert set(VERDICTS) == {*discover()["drift"]().verdicts, "unknown"}


def test_a_figure_of_production_without_data_says_so() -> None:
    """In every number and in every cell that may be empty; it is never 0, and never good."""
    found = {panel["id"]: panel["fieldConfig"] for panel in panels(ALL["barograph-executions"])}
    words = {id_: {found[id_]["defaults"]["noValue"], *_words(found[id_]["defaults"])} for id_ in range(26, 32)}
    assert words == {key: {"no data"} for key in range(26, 32)}
    cells = {
        override["matcher"]["options"]: _words({p["id"]: p["value"] for p in override["properties"]})
        for override in found[32]["overrides"]
    }
    assert {title for title, word in cells.items() if word == {"no data"}} == {
        "Failure rate", "Through the cycle", "Lead", "Restored in",
    }  # fmt: skip


def _words(field: Json) -> set[str]:
    """What stands for a value that is missing."""
    return {m["options"]["result"]["text"] for m in field.get("mappings", ()) if m["type"] == "special"}


def test_addresses_can_be_given() -> None:
    """Whoever generates them for an organisation puts in its own status page and runbook."""
    text = written(Addresses("https://barograph.acme.example", "https://wiki.acme.example/runbooks/"))[
        "barograph-fleet.json"
    ]
    found = {each["name"]: each["query"] for each in json.loads(text)["templating"]["list"]}
    assert found["status_page"] == "https://barograph.acme.example"
    assert found["runbook"] == "https://wiki.acme.example/runbooks/"


def _first(dashboard: Json, kind: str) -> Json:
    return next(panel for panel in panels(dashboard) if panel["type"] == kind)


def _set(kind: str, *path: str | int, to: Any) -> Callable[[Json], None]:
    """Change one thing of the first panel of a kind."""

    def change(dashboard: Json) -> None:
        at: Any = _first(dashboard, kind)
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = to

    return change


def _expr(expr: str) -> Callable[[Json], None]:
    return _set("stat", "targets", 0, "expr", to=expr)


def _variable(key: str, value: object) -> Callable[[Json], None]:
    def change(dashboard: Json) -> None:
        dashboard["templating"]["list"][1][key] = value

    return change


FAULTS: dict[str, tuple[Callable[[Json], None], str]] = {
    "editable": (lambda d: d.update(editable=True), "editable"),
    "no id": (_set("stat", "id", to=None), "ids"),
    "same id": (_set("stat", "id", to=9), "ids"),
    "fixed data source": (_set("stat", "datasource", to={"type": "prometheus", "uid": "P1"}), "data source"),
    "fixed data source of a query": (_set("stat", "targets", 0, "datasource", to={"uid": "P1"}), "data source"),
    "no title": (_set("stat", "title", to=""), "no title"),
    "same title": (_set("stat", "title", to="Blind places"), "one title"),
    "no description": (_set("stat", "description", to=""), "no description"),
    "bogus unit": (_set("stat", "fieldConfig", "defaults", "unit", to="parsecs"), "no unit of Grafana"),
    "no query": (_set("stat", "targets", to=[]), "no query"),
    "no PromQL": (_expr("sum(barograph_series"), "no PromQL"),
    "unknown metric": (_expr("barograph_serie"), "not in the catalogue"),
    "unknown label": (_expr('barograph_series{stack="a"}'), "no label stack"),
    "unknown label to sum by": (_expr("sum by (stack) (barograph_series)"), "nothing there has that label"),
    "unknown label to join on": (_expr("barograph_series and on (stack) barograph_children"), "has that label"),
    "raw counter": (_expr("sum(barograph_series_dropped_total)"), "outside rate"),
    "rate of a gauge": (_expr("rate(barograph_series[$__rate_interval])"), "is a gauge"),
    "fixed window": (_expr("rate(barograph_series_dropped_total[5m])"), "instead of $__rate_interval"),
    "unknown variable": (_expr('barograph_checks_planned{check=~"$check"}'), "no variable"),
    "legend of nothing": (_set("timeseries", "targets", 0, "legendFormat", to="{{stack}}"), "legend shows stack"),
    "same refId": (_set("timeseries", "targets", 1, "refId", to="A"), "twice"),
    "green base": (_set("stat", "fieldConfig", "defaults", "thresholds", "steps", 0, "color", to="green"), "green"),
    "no null mapping": (_set("stat", "fieldConfig", "defaults", "mappings", to=[]), "null is not mapped"),
    "no word for nothing": (_set("stat", "fieldConfig", "defaults", "noValue", to=""), "no word for what is missing"),
    "last of all": (_set("stat", "options", "reduceOptions", "calcs", to=[]), "not the last"),
    "bogus transformation": (_set("table", "transformations", 0, "id", to="pivot"), "transformation pivot"),
    "bogus mapping": (_set("table", "fieldConfig", "defaults", "mappings", 0, "type", to="valueToText"), "valueToText"),
    "refresh never": (_variable("refresh", 1), "time range changes"),
    "single": (_variable("multi", False), "several or all"),
    "overlap": (_set("stat", "gridPos", "w", to=5), "overlap"),
    "too wide": (_set("table", "gridPos", "w", to=25), "right edge"),
    "dead link": (_set("stat", "fieldConfig", "defaults", "links", to=[{"url": "/d/barograph-flet"}]), "no dashboard"),
    "bogus type": (_set("stat", "type", to="singlestat"), "singlestat"),
}  # fmt: skip


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_found(fault: str) -> None:
    """Each rule finds the fault that it is there for."""
    change, wanted = FAULTS[fault]
    broken = copy.deepcopy(ALL["barograph-fleet"])
    change(broken)
    assert any(wanted in problem for problem in lint(broken, KNOWN, set(ALL)))


def test_units_are_those_of_the_sdk() -> None:
    """The list is not empty by some change of the SDK."""
    assert {"short", "s", "bytes", "percentunit", "currencyUSD", "reqps"} <= valid_units()
