"""What must hold of a dashboard before anybody loads it: rules of Grafana's linter, and our own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

import promql_parser as promql
from grafana_foundation_sdk.models import units

from daemon.metrics import Metric
from tests.dashboards.promql import RISING, Read, nodes
from tests.dashboards.reading import Json, asked, panels, substituted, variables

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
TRANSFORMATIONS = frozenset({"merge", "organize", "groupingToMatrix"})
MAPPINGS = frozenset({"value", "range", "special"})
TYPES = frozenset({"stat", "table", "timeseries", "bargauge"})
CELLS = frozenset({"color-text", "color-background"})
GREENS = re.compile(r"green|#56A64B|#73BF69|#37872D|#96D98D|#C8F2C2", re.IGNORECASE)
REFRESH_ON_TIME = 2
WIDTH = 24
# What Grafana itself sets.
BUILT_IN = frozenset({"__rate_interval", "__all_variables", "__url_time_range", "__value", "__data"})
_WINDOW = "1m"


def valid_units() -> frozenset[str]:
    """Every unit that Grafana knows, by the SDK's own list."""
    hints = vars(units)["__annotations__"]
    return frozenset(str(get_args(hint)[0]) for hint in hints.values() if get_origin(hint) is Literal)


def lint(dashboard: Json, catalogue: Mapping[str, Metric], uids: Collection[str]) -> list[str]:
    """Everything that is wrong, each with its place. *uids*: of all dashboards there are."""
    found = [*_frame(dashboard), *_variables(dashboard), *_grid(dashboard), *_links(dashboard, uids)]
    for panel in panels(dashboard):
        found += (f"{dashboard['uid']} / {panel.get('title')}: {problem}" for problem in _panel(panel))
    for one in asked(dashboard):
        found += (
            f"{one.where}: {problem}" for problem in _query(one.expr, one.target, one.panel, catalogue, dashboard)
        )
    return found


def _frame(dashboard: Json) -> Iterator[str]:
    if dashboard.get("editable") is not False:
        yield "the dashboard is editable: changes made by hand would be lost"
    if not re.fullmatch(r"barograph-[a-z]+", dashboard.get("uid", "")):
        yield f"the uid {dashboard.get('uid')!r} is not one of ours"
    for key in ("title", "description", "refresh"):
        if not dashboard.get(key):
            yield f"the dashboard has no {key}"
    if "id" in dashboard:
        yield "an id belongs to one Grafana: imported elsewhere it overwrites another dashboard"
    titles = [panel["title"] for panel in panels(dashboard)]
    if twice := sorted({title for title in titles if title and titles.count(title) > 1}):
        yield f"two panels have one title: {twice}"
    ids = [panel.get("id") for panel in dashboard["panels"]]
    if None in ids or 0 in ids or len(set(ids)) != len(ids):
        yield f"panel ids are missing or not unique: {ids}"


def _variables(dashboard: Json) -> Iterator[str]:
    known = variables(dashboard)
    if (known.get("datasource") or {}).get("type") != "datasource":
        yield "there is no variable for the data source"
    for name, each in known.items():
        if each["type"] == "query":
            if each.get("refresh") != REFRESH_ON_TIME:
                yield f"variable {name} is not asked again when the time range changes"
            if each.get("datasource") != DATASOURCE:
                yield f"variable {name} has a data source of its own"
            if not (each.get("multi") and each.get("includeAll")):
                yield f"variable {name} cannot be several or all"
        if not each.get("label"):
            yield f"variable {name} has no label"


def _grid(dashboard: Json) -> Iterator[str]:
    taken: dict[tuple[int, int], int] = {}
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        if at["x"] + at["w"] > WIDTH:
            yield f"panel {panel['id']} goes beyond the right edge"
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                if (other := taken.setdefault((x, y), panel["id"])) != panel["id"]:
                    yield f"panels {other} and {panel['id']} overlap"
                    return
    depth = max(y for _, y in taken) + 1
    if len(taken) != depth * WIDTH:
        yield "the grid has holes"


def _addresses(value: object) -> Iterator[str]:
    """Every address anywhere in it."""
    if isinstance(value, dict):
        if isinstance(url := value.get("url"), str):
            yield url
        for each in value.values():
            yield from _addresses(each)
    if isinstance(value, list):
        for each in value:
            yield from _addresses(each)


def _links(dashboard: Json, uids: Collection[str]) -> Iterator[str]:
    known = variables(dashboard)
    for url in _addresses(dashboard):
        inner = re.match(r"/d/([^?/]*)", url)
        if inner and inner[1] not in uids:
            yield f"{url} leads to no dashboard"
        if not inner and not re.match(r"\$\{(status_page|runbook)\}", url):
            yield f"{url} leads to a fixed place"
        for name in re.findall(r"\$\{(\w+)", url):
            if name not in known and name not in BUILT_IN:
                yield f"{url} uses a variable that there is not: {name}"
    for each in dashboard["links"]:
        if each["url"].startswith("/d/") and not (each.get("includeVars") and each.get("keepTime")):
            yield f"the link {each['title']} forgets what is chosen"


def _panel(panel: Json) -> Iterator[str]:
    if panel["type"] not in TYPES:
        yield f"the type {panel['type']} is not one that is tested"
    for key in ("title", "description"):
        if not panel.get(key):
            yield f"no {key}"
    if panel.get("datasource") != DATASOURCE:
        yield "its data source is not the variable"
    targets = panel.get("targets") or []
    if not targets:
        yield "no query"
    refs = [target.get("refId") for target in targets]
    if len(set(refs)) != len(refs):
        yield f"a refId stands twice: {refs}"
    if any(target.get("datasource") != DATASOURCE for target in targets):
        yield "a query's data source is not the variable"
    yield from _fields(panel)
    for each in panel.get("transformations", ()):
        if each.get("id") not in TRANSFORMATIONS:
            yield f"transformation {each.get('id')} is not one that is tested"


def _fields(panel: Json) -> Iterator[str]:
    known = valid_units()
    defaults = panel["fieldConfig"]["defaults"]
    properties = [p for override in panel["fieldConfig"]["overrides"] for p in override["properties"]]
    found: dict[str, list[Any]] = {
        "unit": [defaults["unit"]] if "unit" in defaults else [],
        "mappings": [defaults.get("mappings", [])],
        "thresholds": [defaults["thresholds"]] if "thresholds" in defaults else [],
        "custom.cellOptions": [],
    }
    for each in properties:
        found.setdefault(each["id"], []).append(each["value"])
    if panel["type"] != "table" and not found["unit"]:
        yield "no unit"
    for unit in found["unit"]:
        if unit not in known:
            yield f"{unit} is no unit of Grafana"
    for mappings in found["mappings"]:
        for each in mappings:
            if each.get("type") not in MAPPINGS:
                yield f"mapping {each.get('type')} is not one that is tested"
    for cell in found["custom.cellOptions"]:
        if cell.get("type") not in CELLS:
            yield f"cell {cell.get('type')} is not one that is tested"
    yield from _never_green(panel, found["thresholds"])


def _never_green(panel: Json, thresholds: list[Json]) -> Iterator[str]:
    """What is missing, or asked wrongly, must not look good."""
    defaults = panel["fieldConfig"]["defaults"]
    for each in thresholds:
        if GREENS.search(each["steps"][0]["color"]):
            yield "what is missing takes the colour of the first step, which is green"
    if panel["type"] in {"stat", "bargauge"}:
        if not defaults.get("thresholds"):
            yield "no thresholds: Grafana's own begin with green"
        if not defaults.get("noValue") or GREENS.search(defaults["noValue"]):
            yield "no word for what is missing"
        nulls = [m for m in defaults.get("mappings", ()) if m["type"] == "special" and "null" in m["options"]["match"]]
        if not nulls or any(GREENS.search(m["options"]["result"].get("color", "")) for m in nulls):
            yield "null is not mapped to a neutral word"
    if panel["type"] == "stat" and panel["options"]["reduceOptions"]["calcs"] != ["lastNotNull"]:
        yield "the number is not the last that there is"


def _query(
    expr: str, target: Mapping[str, Any], panel: Mapping[str, Any], catalogue: Mapping[str, Metric], dashboard: Json
) -> Iterator[str]:
    known = variables(dashboard)
    for name in re.findall(r"\$\{?(\w+)", expr):
        if not name.isdigit() and name not in known and name not in BUILT_IN:
            yield f"${name} is no variable here"
    plain = substituted(expr, {**dict.fromkeys(known, "x"), "__rate_interval": _WINDOW})
    try:
        tree = promql.parse(plain)
    except ValueError as error:
        yield f"is no PromQL: {error}"
        return
    yield from _windows(expr, tree)
    read = Read(catalogue)
    labels = read.labels(tree)
    yield from read.problems
    for legend in ("legendFormat", "titleFormat", "textFormat"):
        for label in re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get(legend) or ""):
            if label not in labels:
                yield f"the legend shows {label}, which the result does not have"
    if panel["type"] == "table":
        yield from _columns(panel, labels)


def _windows(expr: str, tree: promql.Expr) -> Iterator[str]:
    """A window of a rate is `$__rate_interval`; one that is part of what a stat says stands in its title."""
    fixed = re.findall(r"\[(?!\$__rate_interval\])([^\]]*)\]", expr)
    rated = [n for n in nodes(tree) if isinstance(n, promql.Call) and n.func.name in RISING]
    allowed = {"1h"} if "increase" in {n.func.name for n in rated} else set()
    if rated and set(fixed) - allowed:
        yield f"a rate over {fixed} instead of $__rate_interval"


def _columns(panel: Mapping[str, Any], labels: frozenset[str]) -> Iterator[str]:
    """What a table renames, or makes a matrix of, is in its result."""
    for each in panel.get("transformations", ()):
        options = each.get("options") or {}
        if each["id"] == "groupingToMatrix":
            wanted = {options["rowField"], options["columnField"]}
        elif any(t["id"] == "groupingToMatrix" for t in panel["transformations"]):
            continue
        else:
            wanted = {name for name in options.get("renameByName", {}) if not name.startswith("Value")}
        if missing := wanted - labels:
            yield f"the table shows {sorted(missing)}, which the result does not have"
