"""Which changes of production went through the recorded cycle: out of what runs and states left. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from checks.base import Json, Owner
from checks.comply.model import Resource, Result
from checks.comply.rules import Expected, results
from checks.estate import Seen
from checks.kinds import DEVELOPMENT, STAGING

RULE = "cycle"
RUNS, STATES = "execution", "state"  # the checks that leave it
CYCLE = " cycle"  # how the record of executions calls its reading of a place


@dataclass(slots=True)
class Adherence:
    """The changes of one stack, as far as they were seen lately. *open*: why it is not known of some."""

    kept: int = 0
    broken: list[str] = field(default_factory=list)  # runs
    unrecorded: list[str] = field(default_factory=list)  # changes of states that no run explains
    emergencies: int = 0
    open: list[str] = field(default_factory=list)

    @property
    def share(self) -> float | None:
        """The part of changes that went through the cycle, 0 to 1; None: no change was seen, so nobody knows."""
        outside = len(self.broken) + len(self.unrecorded)
        return self.kept / (self.kept + outside) if self.kept + outside else None

    def json(self) -> dict[str, Json]:
        """As evidence."""
        found: dict[str, Json] = {
            "adherence": self.share, "kept": self.kept, "broken": len(self.broken),
            "unrecorded": len(self.unrecorded), "emergencies": self.emergencies, "open": self.open[:20],
        }  # fmt: skip
        return found if self.share is not None else {**found, "why": "not known: no change was seen lately"}


def adherence(runs: Sequence[Seen], states: Sequence[Seen]) -> Mapping[str, Adherence]:
    """Stack -> its changes."""
    found: dict[str, Adherence] = {}
    for place, told in _notes(runs, lambda resource: resource.endswith(CYCLE)):
        one = found.setdefault(place.labels.get("stack", ""), Adherence())
        one.kept += _number(told.get("kept"))
        one.emergencies += _number(told.get("emergencies"))
        named = told.get("broken_runs")
        named = [str(run) for run in named] if isinstance(named, list) else []
        missing = _number(told.get("broken")) - len(named)
        one.broken += [*named, *(f"{place.place} apply {n + 1}" for n in range(missing))]
        said = told.get("open")
        one.open += [str(why) for why in said] if isinstance(said, list) else []
    for place, told in _notes(states, lambda resource: resource.startswith("changes of ")):
        number = _number(told.get("unrecorded"))
        if number:
            one = found.setdefault(place.labels.get("stack", ""), Adherence())
            one.unrecorded += [f"{place.place} change {n + 1}" for n in range(number)]
    found.pop("", None)
    return found


def judged(stack: str, owner: Owner, stage: str, changes: Adherence, expected: Expected) -> Iterable[Result]:
    """What the rule says of each change of a stack of production; nothing of one of which it is not known."""
    if stage in (STAGING, DEVELOPMENT):
        return
    each = [
        *((f"{stack} apply {n + 1}", "") for n in range(changes.kept)),
        *((run, "did not keep to the cycle") for run in changes.broken),
        *((change, "belongs to no recorded run") for change in changes.unrecorded),
    ]
    for name, why in each:
        change = Resource(name, "execution:apply", name, owner, stage, {RULE: why})
        yield from (result for result in results(change, expected) if result.rule == RULE)


def _notes(seen: Iterable[Seen], wanted: Any) -> Iterable[tuple[Seen, Mapping[str, Json]]]:
    for place in seen:
        for note in place.notes:
            if wanted(note.resource):
                yield place, note.evidence


def _number(value: Json) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100_000 else 0
