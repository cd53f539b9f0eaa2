"""How fast, and whether at all: a token bucket per lane and a circuit for a credential that Slack refuses.

Nothing here sleeps or reads a clock: *now* comes in, seconds to wait go out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(slots=True)
class Pace:
    """Token buckets by lane (a channel, a method), each *burst* deep and refilled *per_second*."""

    per_second: float
    burst: int
    _tokens: dict[str, tuple[float, datetime]] = field(default_factory=dict)
    _held: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError(f"a pace needs per_second > 0 and burst >= 1, not {self.per_second} and {self.burst}")

    def wait(self, lane: str, now: datetime) -> float:
        """Seconds until the lane is free; 0 if it is."""
        held = (self._held[lane] - now).total_seconds() if lane in self._held else 0.0
        missing = 1.0 - self._level(lane, now)
        return max(0.0, held, missing / self.per_second)

    def take(self, lane: str, now: datetime) -> None:
        """Use one token. Call it only when wait() gave 0."""
        self._tokens[lane] = (self._level(lane, now) - 1.0, now)

    def hold(self, lane: str, until: datetime) -> None:
        """Close the lane: Slack said until when."""
        self._held[lane] = until

    def _level(self, lane: str, now: datetime) -> float:
        tokens, at = self._tokens.get(lane, (float(self.burst), now))
        # A clock that was set back must not stop the lane until it has caught up.
        return min(float(self.burst), tokens + max(0.0, (now - at).total_seconds()) * self.per_second)


@dataclass(slots=True)
class Circuit:
    """Open after one refusal of the credential; then one probe per *probe_every* and nothing else."""

    probe_every: timedelta = timedelta(seconds=60)
    _opened_at: datetime | None = None
    _probed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self._opened_at is not None

    def open(self, now: datetime) -> None:
        """The credential was refused."""
        self._opened_at = self._opened_at or now
        self._probed_at = now

    def close(self) -> None:
        """A probe was answered."""
        self._opened_at = self._probed_at = None

    def until_probe(self, now: datetime) -> float:
        """Seconds until the next probe may be made; 0 if it may."""
        if self._probed_at is None:
            return 0.0
        passed = (now - self._probed_at).total_seconds()
        return 0.0 if passed < 0 else max(0.0, self.probe_every.total_seconds() - passed)

    def probed(self, now: datetime) -> None:
        self._probed_at = now
