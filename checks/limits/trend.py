"""When a quota will be full: a robust line through what was used. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

DAY = 86_400.0
_POINTS = 3  # fewer tell no direction
_SPAN = DAY  # seconds; what happened within a day is no trend
KEPT = 60  # points that are kept of one quota
EVERY = DAY / 2  # seconds between two kept points
LONGEST = 30 * DAY  # how far back a trend looks

Point = tuple[float, float]  # (Unix time in seconds, used)


def slope(history: Sequence[Point]) -> float | None:
    """Growth per second: the median of the slopes between all pairs (Theil and Sen). None: too little is known.

    A single jump, such as a test that made a thousand things and removed them, moves it hardly at all.
    """
    points = sorted(set(history))
    if len(points) < _POINTS or points[-1][0] - points[0][0] < _SPAN:
        return None
    rises = [
        (later[1] - sooner[1]) / (later[0] - sooner[0])
        for index, sooner in enumerate(points)
        for later in points[index + 1 :]
        if later[0] > sooner[0]
    ]
    return median(rises) if rises else None


def seconds_left(history: Sequence[Point], used: float, limit: float) -> float | None:
    """Seconds until *used* reaches *limit* as it grows; 0 where it has; None: it does not grow, or nobody can tell."""
    if used >= limit:
        return 0.0
    growth = slope(history)
    if growth is None or growth <= 0:
        return None
    return (limit - used) / growth


def remembered(history: Sequence[Point], now: float, used: float) -> list[Point]:
    """The history with what is used now: points not too close, not too old, not too many; newest last."""
    fresh = [(at, value) for at, value in sorted(history) if now - LONGEST <= at < now]
    if len(fresh) > 1 and fresh[-1][0] - fresh[-2][0] < EVERY:
        fresh.pop()  # the newest of the last look, too close to the one before it to stay
    return [*fresh, (now, used)][-KEPT:]
