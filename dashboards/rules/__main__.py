"""Writes the rules and what people read of them: `python -m dashboards.rules [--runbook URL] [FOLDER]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from dashboards.rules.every import GROUPS
from dashboards.rules.model import RUNBOOK, written
from dashboards.rules.page import runbook, table

ROOT = Path(__file__).parents[2]
FILES = ("dashboards/prometheus/barograph.rules.yml", "docs/rules.md", "docs/runbooks/barograph.md")


def main() -> None:
    """With a folder, only the rules are written, there."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.rules", description="Write Prometheus' rules.")
    parser.add_argument(
        "folder", nargs="?", type=Path, help="where to write the rules alone (default: this repository)"
    )
    parser.add_argument("--runbook", default=RUNBOOK, help="where docs/runbooks/ is served, with a slash at its end")
    given = parser.parse_args()
    rules = written(GROUPS, given.runbook)
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
        (given.folder / "barograph.rules.yml").write_text(rules, encoding="utf-8")
        return
    for name, text in zip(FILES, (rules, table(GROUPS), runbook(GROUPS)), strict=True):
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
