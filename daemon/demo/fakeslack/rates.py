"""Slack's rate limits as token buckets (docs.slack.dev/apis/web-api/rate-limits)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Rates:
    """How much is allowed. A rate of 0 means no limit."""

    post_per_second: float = 1.0  # chat.postMessage, per channel
    post_burst: int = 10
    tier3_per_minute: float = 50.0  # per method
    tier2_per_minute: float = 20.0  # per method

    @classmethod
    def unlimited(cls) -> Rates:
        """For tests that are not about rates."""
        return cls(0.0, 1, 0.0, 0.0)


TIERS: Mapping[str, int] = {
    "chat.update": 3, "chat.delete": 3, "conversations.history": 3, "conversations.replies": 3,
    "conversations.info": 3, "conversations.list": 2, "conversations.join": 3, "files.getUploadURLExternal": 3,
    "files.completeUploadExternal": 3, "apps.connections.open": 2,
}  # fmt: skip


@dataclass
class _Bucket:
    tokens: float
    at: datetime


@dataclass
class Limiter:
    """All buckets. Not thread-safe: call it under the workspace's lock."""

    rates: Rates
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)

    def take(self, method: str, channel: str, now: datetime) -> int:
        """Take one call: 0 if it is allowed, else the whole seconds after which to come back."""
        if method in ("chat.postMessage", "chat.postEphemeral"):
            return self._take((method, channel), self.rates.post_per_second, self.rates.post_burst, now)
        tier = TIERS.get(method)
        if tier is None:
            return 0
        per_minute = self.rates.tier3_per_minute if tier == 3 else self.rates.tier2_per_minute
        return self._take((method, ""), per_minute / 60, max(1, int(per_minute)), now)

    def _take(self, key: tuple[str, str], per_second: float, burst: int, now: datetime) -> int:
        if per_second <= 0:
            return 0
        bucket = self._buckets.setdefault(key, _Bucket(float(burst), now))
        elapsed = max(0.0, (now - bucket.at).total_seconds())
        bucket.tokens, bucket.at = min(float(burst), bucket.tokens + elapsed * per_second), now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return max(1, math.ceil((1 - bucket.tokens) / per_second))
