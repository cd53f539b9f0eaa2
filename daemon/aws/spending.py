"""What was spent today on paid requests, by all checks together, and the limit that ends it: beyond a restart too."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

_AHEAD = timedelta(days=1)  # clocks of two machines, or of one that is set, are no further apart


class PaidLimitError(Exception):
    """The request would have cost more than may be spent today. It was not made."""


class Fact(Protocol):
    """A small fact that outlives the process."""

    def recall(self) -> str: ...  # empty: nothing is known

    def remember(self, value: str) -> None: ...


class Forgotten:
    """A fact that ends with the process."""

    def __init__(self) -> None:
        self._value = ""

    def recall(self) -> str:
        return self._value

    def remember(self, value: str) -> None:
        self._value = value


class Spending:
    """Counts dollars by UTC day before they are spent. Thread-safe.

    What cannot be written down is not spent: whatever *fact* raises comes out. A clock that is set back to an earlier
    day opens no new purse, and one that was far ahead closes none for ever: its purse is then the one of today.
    """

    def __init__(self, limit_usd: float, fact: Fact, clock: Callable[[], datetime]) -> None:
        self.limit_usd = limit_usd
        self._fact = fact
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def today_usd(self) -> float:
        """Spent today. Raises what the fact raises."""
        with self._lock:
            return self._read()[1]

    def spend(self, usd: float) -> None:
        """Take *usd* for a request that is about to be made. Raises PaidLimitError if that is more than is left."""
        with self._lock:
            day, spent = self._read()
            if spent + usd > self.limit_usd + 1e-9:  # what adding up fractions leaves
                raise PaidLimitError
            self._write(day, spent + usd)

    def give_back(self, usd: float) -> None:
        """Put back what a request did not cost, for AWS refused it."""
        with self._lock:
            day, spent = self._read()
            self._write(day, max(0.0, spent - usd))

    def _read(self) -> tuple[str, float]:
        now, told = self._clock().astimezone(UTC), self._fact.recall()
        today, ahead = now.date().isoformat(), (now + _AHEAD).date().isoformat()
        known = json.loads(told) if told else {}
        day, spent = str(known.get("day", "")), float(known.get("usd", 0.0))
        if day > ahead:
            return today, spent
        return (day, spent) if day >= today else (today, 0.0)

    def _write(self, day: str, usd: float) -> None:
        self._fact.remember(json.dumps({"day": day, "usd": round(usd, 9)}))
