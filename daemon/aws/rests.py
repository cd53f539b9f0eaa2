"""Lists that were empty when they were last asked for, and rest for a day.

Most services of most regions are used by nobody, and asking for their lists every hour is most of what a sweep asks. A
check says of which of its lists "none" means that there is nothing to look at, and nothing else (`Check.rests`). What
it learns is kept with its look, at its place; what is found in such a list by any check ends the rest for all.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from checks.base import Json

KEPT = "empty_lists"  # the name under which a look keeps what it learned
REST = timedelta(days=1)
_EARLY = timedelta(minutes=5)  # a daily look that comes a little early asks, or it would wait for another day


class Filled:
    """When lists that may rest were last seen with something in them, by anyone. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at: dict[tuple[str, str], datetime] = {}
        self._woken: dict[tuple[str, str], datetime] = {}  # (account, region) -> when something may have come there

    def note(self, account: str, key: str, at: datetime) -> None:
        """Something was in the list at *at*; whatever else was asked of it, by a filter."""
        with self._lock:
            known = self._at.setdefault((account, _unfiltered(key)), at)
            self._at[account, _unfiltered(key)] = max(known, at)

    def wake(self, account: str, region: str, at: datetime) -> None:
        """Something may have come there at *at*: no list of the region rests that was empty before."""
        with self._lock:
            self._woken[account, region] = max(self._woken.get((account, region), at), at)

    def since(self, account: str, key: str, then: datetime) -> bool:
        """Whether the list had something in it, or may have had, at or after *then*."""
        region = (*key.split(" ", 3), "", "")[2]
        with self._lock:
            found = (self._at.get((account, _unfiltered(key))), self._woken.get((account, region)))
        return any(at is not None and at >= then for at in found)


@dataclass
class Rests:
    """What one look knows of its lists that may rest. Times are UTC."""

    account: str
    lists: Collection[str]  # "rds:describe_db_instances"
    now: Callable[[], datetime]
    recall: Callable[[str], Json | None]
    keep: Callable[[str, Json], None]
    filled: Filled
    _told: dict[str, datetime] = field(default_factory=dict)
    _known: dict[str, float] | None = None

    def may(self, service: str, method: str) -> bool:
        """Whether the list is one that may rest."""
        return f"{service}:{method}" in self.lists

    def rests(self, key: str) -> bool:
        """Whether *key* was empty less than a day ago, and nothing was seen in it since: it is not asked for."""
        at = self._empty_at(key)
        if at is None or not timedelta() <= self.now() - at < REST - _EARLY:
            return False
        if self.filled.since(self.account, key, at):
            return False
        self._told[key] = at
        return True

    def note(self, key: str, *, empty: bool, at: datetime) -> None:
        """Learn what the list was when it was asked for, which was *at* then: it may be that of another look."""
        known = self._load()
        if empty:
            self._told[key] = at
            known[key] = at.timestamp()
            self.keep(KEPT, dict(known))
            return
        self.filled.note(self.account, key, at)
        if known.pop(key, None) is not None:
            self.keep(KEPT, dict(known))

    def told(self) -> Mapping[str, datetime]:
        """The lists that this look took for empty since the last call, and when each was really asked for."""
        found, self._told = self._told, {}
        return found

    def _empty_at(self, key: str) -> datetime | None:
        at = self._load().get(key)
        return None if at is None else datetime.fromtimestamp(at, UTC)

    def _load(self) -> dict[str, float]:
        if self._known is None:
            kept = self.recall(KEPT)
            # What else stands there was written by somebody else: nothing is known then, and all is asked.
            items: Mapping[Any, Any] = kept if isinstance(kept, Mapping) else {}
            self._known = {str(key): float(at) for key, at in items.items() if isinstance(at, int | float)}
        return self._known


def key_of(region: str, service: str, method: str, parameters: Mapping[str, Any]) -> str:
    """The name of one list, the same in every process."""
    asked = json.dumps(parameters, sort_keys=True, default=str) if parameters else ""
    return " ".join(part for part in (service, method, region, asked) if part)


def _unfiltered(key: str) -> str:
    return " ".join(key.split(" ", 3)[:3])
