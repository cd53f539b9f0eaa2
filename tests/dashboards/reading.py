"""Dashboards as they are committed, taken apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "dashboards" / "json"

Json = dict[str, Any]


def dashboards() -> dict[str, Json]:
    """uid -> dashboard, of every committed file."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    return {each["uid"]: each for each in found}


def panels(dashboard: Json) -> Iterator[Json]:
    """Every panel that shows something; rows are headings."""
    yield from (panel for panel in dashboard["panels"] if panel["type"] != "row")


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a dashboard."""

    where: str  # dashboard, panel, query: for people
    expr: str
    instant: bool
    target: Mapping[str, Any]
    panel: Mapping[str, Any]


def asked(dashboard: Json) -> Iterator[Asked]:
    """Every query of every panel, and of every annotation."""
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            where = f"{dashboard['uid']} / {panel['title']} / {target['refId']}"
            yield Asked(where, target["expr"], bool(target.get("instant")), target, panel)
    for each in dashboard["annotations"]["list"]:
        yield Asked(
            f"{dashboard['uid']} / annotation {each['name']}", each["expr"], False, each, {"type": "annotation"}
        )


def variables(dashboard: Json) -> dict[str, Json]:
    """Name -> variable, in the order in which they stand."""
    return {each["name"]: each for each in dashboard["templating"]["list"]}


def substituted(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables replaced, in either way to write them. What is not known stays."""
    return re.sub(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))", lambda m: values.get(m[1] or m[2], m[0]), text)


def all_of(values: list[str]) -> str:
    """What Grafana's Prometheus data source makes of several chosen values."""
    escaped = [re.sub(r"([\\^$*+?.()|\[\]{}])", r"\\\\\1", each) for each in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
