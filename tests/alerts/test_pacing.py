from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.pacing import Circuit, Pace
from tests.alerts.build import NOW

SECOND = timedelta(seconds=1)


def test_a_burst_then_one_a_second() -> None:
    """Three at once, the fourth a second later; another lane is its own."""
    pace = Pace(1.0, 3)
    for _ in range(3):
        assert pace.wait("a", NOW) == 0
        pace.take("a", NOW)
    assert pace.wait("a", NOW) == 1.0
    assert pace.wait("a", NOW + SECOND) == 0
    assert pace.wait("b", NOW) == 0


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60))
def test_no_window_holds_more_than_burst_and_rate_allow(gaps: list[float]) -> None:
    """However the calls come, t seconds never see more than burst + t x rate of them."""
    pace = Pace(1.0, 3)
    now, taken = NOW, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        if pace.wait("a", now) <= 0:
            pace.take("a", now)
            taken.append(now)
    for i, first in enumerate(taken):
        for j in range(i, len(taken)):
            assert j - i + 1 <= 3 + (taken[j] - first).total_seconds() + 1e-3


def test_a_held_lane_opens_when_it_was_said() -> None:
    """To the second."""
    pace = Pace(1.0, 3)
    pace.hold("a", NOW + 30 * SECOND)
    assert pace.wait("a", NOW + 29 * SECOND) == 1.0
    assert pace.wait("a", NOW + 30 * SECOND) == 0


def test_a_clock_that_was_set_back_does_not_stop_the_lane() -> None:
    """An hour back costs a second, not an hour."""
    pace = Pace(1.0, 1)
    pace.take("a", NOW)
    back = NOW - timedelta(hours=1)
    assert pace.wait("a", back) == 1.0
    pace.take("a", back)
    assert pace.wait("a", back + 3 * SECOND) == 0


def test_a_pace_of_nothing_is_refused() -> None:
    """It would hold every message for ever."""
    with pytest.raises(ValueError, match="per_second"):
        Pace(0, 1)


def test_the_circuit_allows_one_probe_a_minute() -> None:
    """Open after one refusal; the first probe a minute later, the next a minute after that."""
    circuit = Circuit()
    assert not circuit.is_open
    circuit.open(NOW)
    assert (circuit.is_open, circuit.until_probe(NOW)) == (True, 60.0)
    later = NOW + 60 * SECOND
    assert circuit.until_probe(later) == 0
    circuit.probed(later)
    assert circuit.until_probe(later + SECOND) == 59.0
    assert circuit.until_probe(NOW - timedelta(days=1)) == 0
    circuit.close()
    assert not circuit.is_open
