"""What people read of the rules: a table of all, and the runbook of the alerts."""

from __future__ import annotations

from collections.abc import Iterable

from dashboards.rules.model import JOB, Alert, Group, alerts, records


def table(groups: Iterable[Group]) -> str:
    """docs/rules.md."""
    groups = tuple(groups)
    lines = [
        "# Rules for Prometheus",
        "",
        "Made by `python -m dashboards.rules` from `dashboards/rules/`; a test compares. The file for Prometheus is",
        "`dashboards/prometheus/barograph.rules.yml`. All alerts are about Barograph itself: what it finds in the",
        "infrastructure it tells by its own ways out ([alerting.md](alerting.md), [sinks.md](sinks.md)).",
        "",
        f"Scrape Barograph as the job `{JOB}`: an alert that it is gone needs a name to miss. `--runbook URL` "
        f"writes the",
        "rules with the address under which you serve `docs/runbooks/`. How to route them: "
        "[alertmanager.md](alertmanager.md).",
        "",
        "## Recording rules",
        "",
        "| name | what it is |",
        "|---|---|",
        *(f"| `{rule.name}` | {rule.about} |" for rule in records(groups)),
        "",
        "## Alerts",
        "",
        "Where the metrics of an alert are missing, the one in the last column fires. Without one, their "
        "absence is how",
        "things are well: nothing waits, no child runs, no report is wanted.",
        "",
        "| alert | severity | after | what | missing metrics |",
        "|---|---|---|---|---|",
        *(_row(rule) for rule in alerts(groups)),
    ]
    return "\n".join(lines) + "\n"


def _row(rule: Alert) -> str:
    missing = f"`{rule.missing}`" if rule.missing else ""
    name = f"[`{rule.name}`](runbooks/barograph.md#{rule.name.lower()})"
    return f"| {name} | {rule.severity} | {rule.hold or 'at once'} | {rule.summary} | {missing} |"


def runbook(groups: Iterable[Group]) -> str:
    """docs/runbooks/barograph.md: an anchor for each alert."""
    lines = [
        "# Runbook: Barograph itself",
        "",
        "Made by `python -m dashboards.rules`; a test compares. One section for each alert of",
        "`dashboards/prometheus/barograph.rules.yml`. The dashboard is “Barograph itself”.",
    ]
    for rule in alerts(groups):
        lines += [
            "",
            f"## {rule.name}",
            "",
            f"**{rule.summary}.** Severity {rule.severity}" + (f", after {rule.hold}." if rule.hold else ", at once."),
            "",
            f"- **What it means**: {rule.means}",
            f"- **What to look at**: {rule.look}",
            f"- **What to do**: {rule.do}",
        ]
    return "\n".join(lines) + "\n"
