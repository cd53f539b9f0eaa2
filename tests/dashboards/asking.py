"""Asks a real Prometheus everything that the dashboards would ask it, as they would, and tells what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.dashboards.reading import Asked, Json, all_of, asked, substituted, variables
from tests.dashboards.server import QueryError, Server

SECONDS = 60.0  # how far back graphs look
STEP = 2.0
RATE_INTERVAL = "8s"  # four scrapes
_QUERY = re.compile(r"label_values\((.+), (\w+)\)")


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody chose on a dashboard."""

    name: str  # for people
    chosen: Mapping[str, list[str]]  # variable -> values; the others are All
    values: Mapping[str, str]  # variable -> what stands in queries


def choose(server: Server, dashboard: Json, name: str, chosen: Mapping[str, list[str]]) -> Choice:
    """Ask for the values of the variables one after the other, as Grafana does, All for what is not chosen.

    Raises AssertionError for a variable with no values, or without the chosen one.
    """
    values: dict[str, str] = {"datasource": "x", "__rate_interval": RATE_INTERVAL}
    for each in variables(dashboard).values():
        if each["type"] == "textbox":
            values[each["name"]] = each["query"]
        if each["type"] == "query":
            values[each["name"]] = all_of(_values(server, each, values, chosen.get(each["name"])))
    return Choice(name, chosen, values)


def _values(server: Server, variable: Json, known: Mapping[str, str], chosen: list[str] | None) -> list[str]:
    found = _QUERY.fullmatch(substituted(variable["query"]["query"], known))
    assert found, f"{variable['name']} asks {variable['query']['query']}"
    values = server.label_values(found[2], found[1])
    if pattern := variable.get("regex"):
        values = [each for each in values if re.match(pattern.strip("/"), each)]
    assert values, f"the variable {variable['name']} has no values"
    if chosen is None:
        return values
    assert set(chosen) <= set(values), f"{variable['name']} has no {chosen}, only {values}"
    return chosen


def problems(server: Server, dashboard: Json, choice: Choice, empty: Mapping[str, str]) -> Iterator[str]:
    """What goes wrong with the queries of a dashboard. *empty*: what may have no result, with its reason."""
    for one in asked(dashboard):
        expr = substituted(one.expr, choice.values)
        where = f"[{choice.name}] {one.where}"
        if "$" in re.sub(r'"\$1"', "", expr):
            yield f"{where}: a variable is left: {expr}"
            continue
        try:
            found = server.instant(expr) if one.instant else server.range(expr, SECONDS, STEP)
        except QueryError as error:
            yield f"{where}: {error}: {expr}"
            continue
        if not found and one.where not in empty:
            yield f"{where}: no result: {expr}"
        yield from (f"{where}: {problem}" for problem in _labels(one, found))


def _labels(one: Asked, found: list[Mapping[str, Mapping[str, str]]]) -> Iterator[str]:
    """A legend that shows nothing, or the same for two series, is no legend."""
    legend = one.target.get("legendFormat")
    if not legend or not found:
        return
    shown = [re.sub(r"\{\{(\w+)\}\}", lambda m, each=each: each["metric"].get(m[1], ""), legend) for each in found]  # type: ignore[misc]  # mypy cannot infer a default
    if any(not each.strip() for each in shown):
        yield f"the legend {legend} is empty for a series"
    if len(set(shown)) != len(shown):
        yield f"the legend {legend} is the same for several series"
