"""What a rule is, and how rules become the file that Prometheus reads. Standard library only."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

RUNBOOK = "https://runbooks.example.org/barograph/"  # where docs/runbooks/ is served
DASHBOARD = "/d/barograph-itself"  # on whichever Grafana
JOB = "barograph"  # how the rules want Barograph to be scraped


@dataclass(frozen=True, slots=True)
class Record:
    """A recording rule. *name* is `level:metric:operations`; the level is what its series are told apart by."""

    name: str
    expr: str
    about: str


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule with its part of the runbook.

    *severity* is a tier of the guideline. *hold*: for how long *expr* has to be true; empty: not at all. *missing*:
    which alert fires where its metrics are missing; empty: their absence is how things are well.
    """

    name: str
    severity: str
    expr: str
    summary: str
    description: str
    means: str
    look: str
    do: str
    hold: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that Prometheus works out one after the other, every *interval*."""

    name: str
    rules: Sequence[Record | Alert]
    interval: str = "30s"


def alerts(groups: Iterable[Group]) -> list[Alert]:
    return [rule for group in groups for rule in group.rules if isinstance(rule, Alert)]


def records(groups: Iterable[Group]) -> list[Record]:
    return [rule for group in groups for rule in group.rules if isinstance(rule, Record)]


def said_by(alert: Alert, runbook: str = RUNBOOK) -> Mapping[str, str]:
    """What an alert says."""
    return {
        "summary": alert.summary,
        "description": alert.description,
        "runbook_url": f"{runbook}barograph.md#{alert.name.lower()}",
        "dashboard": DASHBOARD,
    }


def written(groups: Iterable[Group], runbook: str = RUNBOOK) -> str:
    """The rule file. A text in double quotes is the same in JSON and in YAML."""
    lines = [
        "# Made by `python -m dashboards.rules`; a test compares. What each alert means: docs/runbooks/barograph.md",
        "groups:",
    ]
    for group in groups:
        lines += [f"  - name: {group.name}", f"    interval: {group.interval}", "    rules:"]
        for rule in group.rules:
            lines += _record(rule) if isinstance(rule, Record) else _alert(rule, runbook)
    return "\n".join(lines) + "\n"


def _record(rule: Record) -> Iterator[str]:
    yield f"      - record: {rule.name}"
    yield from _expr(rule.expr)


def _alert(rule: Alert, runbook: str) -> Iterator[str]:
    yield f"      - alert: {rule.name}"
    yield from _expr(rule.expr)
    if rule.hold:
        yield f"        for: {rule.hold}"
    yield from ("        labels:", f"          severity: {rule.severity}", "        annotations:")
    for name, text in said_by(rule, runbook).items():
        yield f"          {name}: {json.dumps(text, ensure_ascii=False)}"


def _expr(expr: str) -> Iterator[str]:
    yield "        expr: |-"
    yield from textwrap.indent(textwrap.dedent(expr).strip(), " " * 10).splitlines()
