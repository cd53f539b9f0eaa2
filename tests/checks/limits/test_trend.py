"""When a quota will be full: never negative, monotone, unmoved by one jump."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from checks.limits.trend import DAY, EVERY, KEPT, LONGEST, Point, remembered, seconds_left, slope

START = 1_700_000_000.0


def line(days: int, start: float, growth: float) -> list[Point]:
    """A use that grows by so much a day."""
    return [(START + day * DAY, start + day * growth) for day in range(days)]


times = st.integers(0, 40 * 86_400).map(lambda seconds: START + seconds)
amounts = st.floats(0, 1e6, allow_nan=False)
histories = st.lists(st.tuples(times, amounts), max_size=25)
limits = st.floats(0.5, 2e6, allow_nan=False)


def test_a_steady_growth_is_followed_to_the_limit() -> None:
    """Ten more each day, fifty to go: five days."""
    assert seconds_left(line(10, 0, 10), 90, 140) == 5 * DAY


def test_one_jump_moves_nothing() -> None:
    """A test that made a thousand things and removed them is no trend."""
    calm = line(15, 10, 1)
    jumped = [(at, 1000.0) if n == 7 else (at, used) for n, (at, used) in enumerate(calm)]
    assert slope(jumped) == slope(calm)


def test_too_little_tells_nothing() -> None:
    """Two points, or all within a day, are no trend; neither is one time twice."""
    assert seconds_left(line(2, 0, 10), 10, 100) is None
    assert slope([(START, 1), (START + 60, 5), (START + 120, 9)]) is None
    assert slope([(START, 1), (START, 2), (START, 3)]) is None


@given(histories, amounts, limits)
def test_time_left_is_never_negative(history: list[Point], used: float, limit: float) -> None:
    """0 exactly where the limit is reached, more than that or not known elsewhere."""
    left = seconds_left(history, used, limit)
    if used >= limit:
        assert left == 0
    else:
        assert left is None or left > 0


@given(histories, amounts, limits, limits)
def test_a_higher_limit_is_never_full_sooner(history: list[Point], used: float, one: float, other: float) -> None:
    """And whether it can be told at all does not depend on how high it is, below it."""
    low, high = sorted((one, other))
    sooner, later = seconds_left(history, used, low), seconds_left(history, used, high)
    if sooner is not None and later is not None:
        assert sooner <= later
    if used < low:
        assert (sooner is None) == (later is None)


@given(histories, amounts, amounts, limits)
def test_more_use_is_never_full_later(history: list[Point], one: float, other: float, limit: float) -> None:
    """At the same growth, who uses more has less time."""
    less, more = sorted((one, other))
    sooner, later = seconds_left(history, more, limit), seconds_left(history, less, limit)
    if sooner is not None and later is not None:
        assert sooner <= later


@given(histories, st.floats(0, 1e5))
def test_what_only_shrinks_is_never_full(history: list[Point], fall: float) -> None:
    """A use that falls or stands still has no end."""
    falling = [(at, 1e6 - number * fall) for number, (at, _) in enumerate(sorted(set(history)))]
    assert seconds_left(falling, 10, 100) is None


@given(histories, amounts)
def test_the_order_of_history_does_not_matter(history: list[Point], used: float) -> None:
    """It is a set of points."""
    assert slope(history) == slope(history[::-1])


@given(st.lists(st.integers(1, 90_000), max_size=200))
def test_what_is_remembered_stays_small(steps: list[int]) -> None:
    """Looks at any pace: the newest point is there, none is too old, and two kept ones are half a day apart."""
    now, history = START, list[Point]()
    for step in steps:
        now += step
        history = remembered(history, now, float(step))
        assert history[-1] == (now, float(step))
    assert len(history) <= KEPT
    assert all(now - at <= LONGEST for at, _ in history)
    settled = history[:-1]
    assert all(later[0] - sooner[0] >= EVERY for sooner, later in pairwise(settled))


def test_hourly_looks_make_a_trend() -> None:
    """A month of them leaves a point for each half day, and the growth is found in it."""
    history: list[Point] = []
    for hour in range(30 * 24):
        history = remembered(history, START + hour * 3600, float(hour))
    assert 50 <= len(history) <= KEPT
    growth = slope(history)
    assert growth is not None
    assert abs(growth * 3600 - 1) < 0.01
