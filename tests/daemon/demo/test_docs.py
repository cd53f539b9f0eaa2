"""What docs/demo.md says is planted is what is planted."""

from __future__ import annotations

from pathlib import Path

from checks.kinds import Tier
from daemon.demo.mischief import Expected, Mischief, all_mischief, calm
from daemon.demo.repository import INSTANCES

DOCS = Path(__file__).parents[3] / "docs" / "demo.md"


def table() -> str:
    """One row for each thing planted and each check that must find it."""
    rows = sorted((check, item.name, item) for item in all_mischief() for check in _checks(item))
    lines = [f"| `{check}` | {name} | {_says(check, item)} |" for check, name, item in rows]
    return "\n".join(["| check | planted | must be found |", "|---|---|---|", *lines])


def _checks(item: Mischief) -> set[str]:
    return {one.check for one in item.expected} | ({"drift"} if item.instance is not None else set())


def _says(check: str, item: Mischief) -> str:
    found = [_finding(one) for one in item.expected if one.check == check]
    verdict = [f"verdict `{item.verdict}`"] if check == "drift" else []
    return "; ".join(verdict + sorted(found))


def _finding(one: Expected) -> str:
    times = f"{one.times} × " if one.times > 1 else ""
    return f"{times}`{one.kind}`, {one.tier}{', posted' if one.tier is not Tier.INFO else ''}"


def life() -> list[tuple[str, str]]:
    """What docs/demo.md says happens afterwards: (what happens, what must come of it)."""
    section = DOCS.read_text(encoding="utf-8").partition("## The life of alerts")[2]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [(happens, says) for _, happens, says in rows[1:]]


def test_the_table_is_that_of_the_program() -> None:
    """A row for each, none outdated."""
    assert table() in DOCS.read_text(encoding="utf-8")


def test_the_calm_ones_are_named() -> None:
    """Which instance is left alone is said, and how many there are."""
    text = DOCS.read_text(encoding="utf-8")
    assert all(f"`{instance.key}`" in text for instance in calm())
    assert len(INSTANCES) == 9
    assert "nine component instances" in text
