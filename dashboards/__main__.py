"""Writes the dashboards: `python -m dashboards [--status-page URL] [--runbook URL] [FOLDER]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from dashboards.board import Addresses
from dashboards.every import written

HERE = Path(__file__).parent / "json"


def main() -> None:
    """Write every dashboard into a folder, `dashboards/json` if none is given."""
    plain = Addresses()
    parser = argparse.ArgumentParser(prog="python -m dashboards", description="Write the Grafana dashboards.")
    parser.add_argument("folder", nargs="?", type=Path, default=HERE, help="where to write (default: dashboards/json)")
    parser.add_argument("--status-page", default=plain.status_page, help="address of Barograph's status page")
    parser.add_argument(
        "--runbook", default=plain.runbook, help="address of the runbook; the kind of an alert is added"
    )
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, text in written(Addresses(given.status_page.rstrip("/"), given.runbook)).items():
        (given.folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
