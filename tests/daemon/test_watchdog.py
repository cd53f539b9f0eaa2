"""The watchdog ends a process whose scheduler is dead, and no other."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from daemon.scheduler import BEAT, CLOCK_LOOK
from daemon.watchdog import EVERY, EXIT_CODE, Watchdog, stalled

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_beat_in_the_last_minute_is_alive() -> None:
    """Age of the beat decides; before the first beat, age of the process does."""
    assert stalled(START, START, START + timedelta(seconds=60)) == ""
    assert "61 s" in stalled(START, START, START + timedelta(seconds=61))
    assert stalled(None, START, START + timedelta(seconds=59)) == ""
    assert stalled(None, START, START + timedelta(seconds=90)) != ""


def run(beats: list[datetime | None], times: list[datetime]) -> list[int]:
    """Run a watchdog over scripted beats and times until they are used up; give the exit codes it asked for."""
    stop = threading.Event()
    ended: list[int] = []
    ticks = iter(times)

    def clock() -> datetime:
        return next(ticks)

    def beat() -> datetime | None:
        value = beats.pop(0)
        if not beats:
            stop.set()
        return value

    Watchdog(beat, clock, ended.append).run(stop, every=0.001)
    return ended


def test_a_dead_scheduler_ends_the_process_after_a_second_look() -> None:
    """Two looks in a row without a beat end it; one alone may be a jump of the clock."""
    late = START + timedelta(minutes=10)
    assert run([START, START, START], [START, late, late, late]) == [EXIT_CODE]
    assert run([START, late, late], [START, late, late, late]) == []


def test_a_beat_in_the_future_proves_nothing() -> None:
    """A clock set back must not blind the watchdog until it has caught up; the next beat sets it right."""
    assert "set back" in stalled(START, START, START - timedelta(hours=1))
    back = START - timedelta(hours=1)
    assert run([START, START, START], [START, back, back, back]) == [EXIT_CODE]
    assert run([START, back, back], [START, back, back, back]) == []


def test_a_jump_of_the_clock_gives_the_scheduler_time_for_a_beat() -> None:
    """Between two looks of the watchdog there is always one whole beat, with the time to notice a step back."""
    assert BEAT.total_seconds() + CLOCK_LOOK < EVERY
