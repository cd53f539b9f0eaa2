"""The redacted differences of an instance, out of the evidence of its readings and incidents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from checks.base import Json
from daemon.web.words import value

SIDES = ("recorded", "actual", "desired")
KEYS = ("differences", "diff")


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute: what the state recorded, what is there, what the code asks for. None: that side says nothing."""

    path: str
    sides: tuple[str | None, ...]  # in the order of SIDES

    @property
    def moved(self) -> bool:
        """Whether what is there differs from what was recorded."""
        return self.sides[0] != self.sides[1]


@dataclass(frozen=True, slots=True)
class Differing:
    """What differs in one resource."""

    address: str
    what: str  # "update, drift"
    note: str
    more: int  # attributes beyond what was stored
    lines: tuple[Line, ...]


def differences(evidences: Iterable[Mapping[str, Json]]) -> list[Differing]:
    """Every difference once, in the order found."""
    found: dict[Differing, None] = {}
    for evidence in evidences:
        for key in KEYS:
            items = evidence.get(key)
            if isinstance(items, list | tuple):
                found.update(dict.fromkeys(_differing(item) for item in items))
    return list(found)


def other_evidence(evidence: Mapping[str, Json]) -> list[tuple[str, str]]:
    """What else was seen, as (name, text)."""
    return [
        (str(name), value(given)) for name, given in evidence.items() if name not in KEYS and given not in (None, "")
    ]


def _differing(item: Json) -> Differing:
    if not isinstance(item, Mapping):
        return Differing("", "", value(item), 0, ())
    words = [str(item[name]) for name in ("action", "class", "cls") if item.get(name)]
    notes = [str(item["note"])] if item.get("note") else []
    notes += [f"silenced by {item['ignored_by']}"] if item.get("ignored_by") else []
    more = item["more"] if isinstance(item.get("more"), int) else 0
    return Differing(str(item.get("address") or ""), ", ".join(words), "; ".join(notes), more, tuple(_lines(item)))


def _lines(item: Mapping[str, Json]) -> Iterator[Line]:
    paths = item.get("paths")
    if isinstance(paths, list | tuple):
        for each in paths:
            if isinstance(each, Mapping):
                yield _line(each)
    elif any(side in item for side in SIDES):
        yield _line(item)


def _line(item: Mapping[str, Json]) -> Line:
    return Line(str(item.get("path") or ""), tuple(value(item[side]) if side in item else None for side in SIDES))
