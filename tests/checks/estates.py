"""An estate whose places, variables and names are given, with a memory that works: for tests of checks."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from checks.base import Instance, Json, LookFailed, Outcome
from checks.estate import KEY, Answer, Note, Seen

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def note(resource: str, *, outcome: Outcome = Outcome.HEALTHY, verdict: str = "seen", **more: Json) -> Note:
    return Note(resource, outcome, verdict, **more)


def seen(place: str, *notes: Note, gap: str = "", tried: bool = True) -> Seen:
    account, _, region = place.partition("/")
    return Seen(place, {"account": account, "region": region}, notes, None if gap else NOW, tried, gap)


@dataclass
class FakeEstate:
    """checks.estate.EstatePlace."""

    places: Mapping[str, Sequence[Seen]] = field(default_factory=dict)  # by check
    instances: Sequence[Instance] = ()
    given: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    dns: Mapping[tuple[str, str], Answer | LookFailed] = field(default_factory=dict)
    inventory_gap: str = ""
    clock: datetime = NOW
    memory: dict[str, Json] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    kept: dict[str, Json] = field(default_factory=dict)

    key = KEY

    @property
    def labels(self) -> Mapping[str, str]:
        return {"stage": "all"}

    def now(self) -> datetime:
        return self.clock

    def seen(self, check: str) -> Sequence[Seen]:
        return self.places.get(check, ())

    def variables(self, names: Collection[str]) -> Mapping[str, Mapping[str, Json]]:
        found = {key: {name: given[name] for name in names if name in given} for key, given in self.given.items()}
        return {key: some for key, some in found.items() if some}

    def resolve(self, name: str, kind: str = "A") -> Answer:
        return self._answer(name, kind)

    def delegation(self, zone: str) -> Answer:
        return self._answer(zone, "delegation")

    def _answer(self, name: str, kind: str) -> Answer:
        self.asked.append((name, kind))
        found = self.dns.get((name, kind), LookFailed("timeout", "no answer"))
        if isinstance(found, LookFailed):
            raise found
        return found

    def recall(self, name: str) -> Json | None:
        return self.kept.get(name, self.memory.get(name))

    def keep(self, name: str, value: Json) -> None:
        self.kept[name] = json.loads(json.dumps(value))

    def later(self, **changes: object) -> FakeEstate:
        """The same estate at the next look, with what was kept."""
        return replace(self, memory={**self.memory, **self.kept}, kept={}, asked=[], **changes)  # type: ignore[arg-type]  # fields, by name
