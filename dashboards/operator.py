"""The rules as the Prometheus operator wants them: `python -m dashboards.operator > …/prometheusrule.yaml`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parent / "prometheus"
NOTE = "# Made of dashboards/prometheus by `make docs`: edit it there.\n"


def rule_files(folder: Path = RULES) -> list[Path]:
    """The files of rules, in the order of their names; none if there is no *folder*."""
    return sorted(folder.glob("*.rules.yml"))


def prometheus_rule(files: Iterable[Path]) -> dict[str, Any]:
    """A PrometheusRule with the groups of all *files*. Raises ValueError for two groups of one name."""
    groups: list[dict[str, Any]] = []
    for file in files:
        groups += yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    names = [group["name"] for group in groups]
    if len(set(names)) != len(names):
        raise ValueError(f"the names of groups must differ in a PrometheusRule: {', '.join(sorted(names))}")
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "barograph", "labels": {"app.kubernetes.io/name": "barograph"}},
        "spec": {"groups": groups},
    }


def document(files: Iterable[Path]) -> str:
    """The same as YAML."""
    return NOTE + yaml.safe_dump(prometheus_rule(files), sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    print(document(rule_files()), end="")  # noqa: T201 - its output is the file
