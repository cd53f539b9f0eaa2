"""What was seen is kept from look to look: an event appears once in CloudTrail and does not heal.

One *case* gathers what one principal did of one kind in one family on one day (UTC). It stays open until nothing more
of it was seen for a while, so that it is told once, grows in place while it goes on, and ends with a word. A case of
the next day is another one: what goes on for weeks is heard of each day, and what was acknowledged yesterday does not
hide what is done today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from checks.base import Json
from checks.trail.events import Event
from checks.trail.sorting import Activity

VERSION = 1
SHOWN = 20  # events of a case that are kept with all they say; the others are counted
MOST = 1000  # cases apart; what comes when there are so many is gathered in one of its kind and day
NAMES = 50  # different operations of a case that are counted apart


@dataclass(frozen=True, slots=True)
class Case:
    """What one principal did, of one kind, in one family, on one day."""

    activity: Activity
    principal: str
    family: str
    day: str  # 2026-06-01
    first: datetime
    last: datetime
    count: int = 0
    names: Mapping[str, int] = field(default_factory=dict)  # operation -> how often
    events: tuple[Mapping[str, Json], ...] = ()  # the first ones, for people
    over: bool = False  # nothing more came: told once, and then forgotten

    @property
    def key(self) -> str:
        """Stable for its life, and different for different cases."""
        return "/".join((self.activity, self.principal, self.family, self.day))

    def with_event(self, event: Event) -> Case:
        names = dict(self.names)
        if event.name in names or len(names) < NAMES:
            names[event.name] = names.get(event.name, 0) + 1
        events = (*self.events, _shown(event)) if len(self.events) < SHOWN else self.events
        return replace(
            self, first=min(self.first, event.at), last=max(self.last, event.at), count=self.count + 1, names=names,
            events=events, over=False,
        )  # fmt: skip


def _shown(event: Event) -> Mapping[str, Json]:
    found: dict[str, Json] = {
        "id": event.id, "at": event.at.isoformat(), "what": f"{event.source}:{event.name}", "who": event.principal,
        "from": event.address, "via": event.via, "resources": list(event.resources),
        "parameters": list(event.parameters), "error": event.error, "write": event.write,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known after a look."""

    mark: datetime | None = None  # all before was seen; None: nothing yet
    step: timedelta | None = None  # how much is asked for at a time, where less than usual was too much
    seen: Mapping[str, datetime] = field(default_factory=dict)  # events told, as far back as they may be listed again
    cases: Mapping[str, Case] = field(default_factory=dict)
    gaps: tuple[tuple[datetime, datetime, datetime], ...] = ()  # from, to, when that was found: nobody can look there

    def add(self, found: Iterable[tuple[Event, Activity, str]]) -> Memory:
        """With events of a slice, those known left out."""
        cases, seen = dict(self.cases), dict(self.seen)
        fresh: dict[str, datetime] = {}
        for event, activity, family in found:
            if event.id in seen:
                continue
            day = event.at.astimezone(UTC).date().isoformat()
            new = Case(activity, event.principal, family, day, event.at, event.at)
            if new.key not in cases and len(cases) >= MOST:
                new = replace(new, principal="many", family="many")
            cases[new.key] = cases.get(new.key, new).with_event(event)
            fresh[event.id] = event.at
        return replace(self, cases=cases, seen={**seen, **fresh})

    @property
    def newest(self) -> datetime | None:
        """When the newest event was that was told: by CloudTrail's clock. None: no event is known."""
        return max(self.seen.values(), default=None)

    def moved(self, mark: datetime, overlap: timedelta) -> Memory:
        """With all before *mark* seen; ids that cannot come again are forgotten. Those of the newest events stay."""
        oldest = min(mark, self.newest or mark) - 2 * overlap
        seen = {name: at for name, at in self.seen.items() if at >= oldest}
        return replace(self, mark=mark, seen=seen)

    def aged(self, open_for: timedelta) -> Memory:
        """Cases end when all was seen for *open_for* after their last event; those that were told over are dropped."""
        if self.mark is None:
            return self
        cases = {
            key: replace(case, over=case.last + open_for < self.mark)
            for key, case in self.cases.items()
            if not case.over
        }
        gaps = tuple(gap for gap in self.gaps if gap[2] + open_for >= self.mark)
        return replace(self, cases=cases, gaps=gaps)


def to_json(memory: Memory) -> Json:
    """What place.keep() takes."""
    return {
        "version": VERSION,
        "mark": memory.mark.isoformat() if memory.mark else None,
        "step": memory.step.total_seconds() if memory.step else None,
        "seen": {name: at.isoformat() for name, at in memory.seen.items()},
        "cases": [
            {
                "activity": case.activity.value, "principal": case.principal, "family": case.family, "day": case.day,
                "first": case.first.isoformat(), "last": case.last.isoformat(), "count": case.count,
                "names": dict(case.names), "events": [dict(event) for event in case.events], "over": case.over,
            }
            for case in memory.cases.values()
        ],
        "gaps": [[moment.isoformat() for moment in gap] for gap in memory.gaps],
    }  # fmt: skip


def from_json(kept: Json | None) -> Memory:
    """What to_json() gave; nothing where there is none. Raises ValueError for what a newer version has written."""
    if kept is None:
        return Memory()
    if kept["version"] != VERSION:
        raise ValueError("what was kept of earlier looks is of another version of Barograph")
    at = datetime.fromisoformat
    cases = [
        Case(
            Activity(one["activity"]), one["principal"], one["family"], one["day"], at(one["first"]), at(one["last"]),
            one["count"], one["names"], tuple(one["events"]), one["over"],
        )
        for one in kept["cases"]
    ]  # fmt: skip
    return Memory(
        mark=at(kept["mark"]) if kept["mark"] else None,
        step=timedelta(seconds=kept["step"]) if kept["step"] else None,
        seen={name: at(text) for name, text in kept["seen"].items()},
        cases={case.key: case for case in cases},
        gaps=tuple((at(start), at(end), at(found)) for start, end, found in kept["gaps"]),
    )
