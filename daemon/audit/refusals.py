"""Sign-ins over HTTP that were refused, as rows of the audit trail: few, however many there are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.store import Store

EVERY = timedelta(minutes=10)  # between two rows about the same
MOST = 50  # different ones that are told apart; the rest is summed up
OTHERS = ("unknown", "others")


@dataclass(slots=True)
class _Seen:
    times: int
    first: datetime
    last: datetime
    where: str


class Refusals:
    """Counts what was refused, and writes one row for each who and why at most every EVERY. Safe from any thread."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._written: dict[tuple[str, str], datetime] = {}

    def note(self, who: str, why: str, where: str) -> None:
        """*who*: the name of the token, if there is one; *where*: what was asked for, without anything secret."""
        now = self._clock()
        with self._lock:
            key = (who or "unknown", why)
            if key not in self._seen and len(self._seen) >= MOST:
                key = OTHERS
            seen = self._seen.setdefault(key, _Seen(0, now, now, where))
            seen.times, seen.last = seen.times + 1, now

    def flush(self, *, everything: bool = False) -> None:
        """Write what is due; *everything*: what is not due too. What could not be stored is kept for the next time."""
        now = self._clock()
        with self._lock:
            self._written = {key: at for key, at in self._written.items() if timedelta(0) <= now - at < EVERY}
            due = {key: seen for key, seen in self._seen.items() if everything or key not in self._written}
            if not due:
                return
            with self._store.transaction() as tx:
                for (who, why), seen in due.items():
                    tx.audit(who, "access.refused", {
                        "why": why, "times": seen.times, "from": seen.first, "to": seen.last, "first_asked": seen.where,
                    })  # fmt: skip
            for key in due:
                del self._seen[key]
                self._written[key] = now
