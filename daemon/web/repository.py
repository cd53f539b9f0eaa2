"""The repository page's content as plain data: what is watched of it, and what is wrong in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from checks.base import Json, Outcome
from daemon.inventory.model import ABSTRACT, Inventory
from daemon.store import ReadingRow

CHECK = "repository"


@dataclass(frozen=True, slots=True)
class Cell:
    """A component in a stack: how it is listed, and why where that needs a reason."""

    status: str  # "watched", "disabled", "left out", "abstract"
    place: str = ""  # key of the place where it is looked at; empty: nowhere
    why: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """Stacks across, components down; None where a stack does not have the component."""

    stacks: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause that the `repository` check found."""

    summary: str
    code: str
    outcome: Outcome
    stale_reason: str
    atmos_says: str
    affected: str
    remedy: str
    owner: str
    places: tuple[str, ...]
    cases: tuple[str, ...]
    follows: tuple[str, ...]


def grid(inventory: Inventory) -> Grid:
    """Every instance of *inventory*, what is left out of it too."""
    cells: dict[str, dict[str, Cell]] = {}
    for watched in inventory.watched:
        one = watched.instance
        status = "watched" if one.enabled else "disabled"
        cells.setdefault(one.component, {})[one.stack] = Cell(status, one.key)
    for left_out in inventory.left_out:
        status = "abstract" if left_out.reason == ABSTRACT else "left out"
        why = "" if status == "abstract" else left_out.reason
        cells.setdefault(left_out.component, {}).setdefault(left_out.stack, Cell(status, why=why))
    stacks = tuple(sorted({stack for row in cells.values() for stack in row}))
    rows = tuple((name, tuple(cells[name].get(stack) for stack in stacks)) for name in sorted(cells))
    counts: dict[str, int] = {}
    for row in cells.values():
        for cell in row.values():
            counts[cell.status] = counts.get(cell.status, 0) + 1
    return Grid(stacks, rows, counts)


def causes(readings: Iterable[ReadingRow]) -> list[Cause]:
    """The causes among the readings of the `repository` check, those that blind first, as the check orders them."""
    found = [_cause(row) for row in readings if row.check == CHECK and row.resource != row.place]
    return sorted(found, key=lambda one: (one.outcome is not Outcome.UNHEALTHY, one.code, one.summary))


def unread(readings: Iterable[ReadingRow]) -> list[str]:
    """Why the reading of the repository is not complete; empty where it is."""
    return [row.summary for row in readings if row.resource == row.place and row.outcome is Outcome.UNKNOWN]


def _cause(row: ReadingRow) -> Cause:
    evidence = row.evidence
    return Cause(
        summary=row.summary,
        code=row.verdict,
        outcome=row.outcome,
        stale_reason=row.stale_reason,
        atmos_says=_text(evidence.get("atmos_says")),
        affected=_text(evidence.get("affected")),
        remedy=_text(evidence.get("remedy")),
        owner=_text(evidence.get("owner")),
        places=_texts(evidence.get("places")),
        cases=_texts(evidence.get("cases")),
        follows=_texts(evidence.get("follows")),
    )


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list | tuple) else ()
