"""docs/utilization.md lists every gauge with its numbers."""

from __future__ import annotations

from pathlib import Path

from checks.usage.model import GAUGES

DOC = Path(__file__).parents[3] / "docs" / "utilization.md"


def part(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def test_every_gauge_is_in_the_docs_with_its_numbers() -> None:
    """As the table in the program has them, and nothing else."""
    rows = [
        f"| `{service.value}/{name}` | {gauge.what} | {part(gauge.warn)} | {part(gauge.clear)} | {part(gauge.idle)} |"
        for (service, name), gauge in GAUGES.items()
    ]
    assert rows == [line for line in DOC.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
