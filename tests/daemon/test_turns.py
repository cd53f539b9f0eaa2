"""Turns: what is alike comes together, what hangs holds up nobody else, nothing is lost or done twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.turns import Turns

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PATIENCE = 20.0  # seconds for what takes none; only a failure waits for it


def turns(**more: object) -> Turns:
    return Turns(lambda: NOW, **more)  # type: ignore[arg-type]  # the options of one call, passed on


def held(line: Turns, lane: str = "held") -> Callable[[], None]:
    """Keep the only thread of *line* busy, so that the rest is in line before anything begins; give what lets it go."""
    began, release = threading.Event(), threading.Event()

    def hold() -> None:
        began.set()
        release.wait(PATIENCE)

    line.put("hold", lane, "", hold)
    assert began.wait(PATIENCE)
    return release.set


def test_a_region_is_looked_at_check_by_check_account_by_account() -> None:
    """However mixed they came in: the lanes in the order of their first, in each what has one rank together."""
    line, done = turns(threads=1), list[str]()
    release = held(line)
    for account in ("1", "2", "3"):
        for check in ("security", "backups"):
            for region in ("eu", "us"):
                name = f"{region} {check} {account}"
                line.put(name, region, check, lambda name=name: done.append(name))  # type: ignore[misc]
    assert len(line.waiting()) == 12
    assert set(line.waiting().values()) == {NOW}
    release()
    line.join()
    assert done == [
        f"{region} {check} {account}"
        for region in ("eu", "us")
        for check in ("backups", "security")
        for account in ("1", "2", "3")
    ]
    assert line.waiting() == {}


def test_what_waits_already_is_not_put_in_line_twice() -> None:
    """Before its turn, and within it; once begun, it may be put in line again."""
    line, done = turns(threads=1), Counter[str]()
    release = held(line)

    def again() -> None:
        done["a"] += 1
        line.put("b", "eu", "", lambda: done.update(["b"]))  # b has its turn ahead
        if done["a"] == 1:
            line.put("a", "eu", "", again)  # a has begun

    for _ in range(3):
        line.put("a", "eu", "", again)
        line.put("b", "eu", "", lambda: done.update(["b"]))
    release()
    line.join()
    assert done["a"] == 2
    assert done["b"] == 2  # the second a comes when b is done


def test_a_region_that_hangs_holds_up_its_own_turn_only() -> None:
    """Its looks take at most their share of the threads; all others are done while they hang."""
    line, release = turns(threads=12, per_lane=4, lanes=3), threading.Event()
    done, hanging, lock, at_most = Counter[str](), 0, threading.Lock(), 0

    def hang() -> None:
        nonlocal hanging, at_most
        with lock:
            hanging += 1
            at_most = max(at_most, hanging)
        release.wait(PATIENCE)
        with lock:
            hanging -= 1
        done["hung"] += 1

    others = threading.Event()

    def look() -> None:
        with lock:
            done["others"] += 1
            if done["others"] == 200:
                others.set()

    for number in range(50):
        line.put(f"hung {number}", "hung", "", hang)
    for number in range(200):
        line.put(f"other {number}", f"region {number % 10}", "", look)
    assert others.wait(PATIENCE)
    assert hanging == at_most == 4
    release.set()
    line.join()
    assert done == {"hung": 50, "others": 200}
    assert at_most == 4


def test_what_comes_during_a_turn_waits_behind_those_who_waited_longer() -> None:
    """A lane that is never empty starves nobody."""
    line, done = turns(threads=1, lanes=2), list[str]()
    release = held(line, "busy")

    def busy(number: int) -> None:
        done.append("busy")
        if number < 50:
            line.put(f"busy {number + 1}", "busy", "", lambda: busy(number + 1))

    line.put("busy 0", "busy", "", lambda: busy(0))
    line.put("other", "other", "", lambda: done.append("other"))
    release()
    line.join()
    assert len(done) == 52
    assert done.index("other") <= 2


def test_the_end_of_a_turn_is_told_once_nobody_is_left() -> None:
    """Not while one of its looks runs, and not when the same lane goes on at once."""
    ended = list[str]()
    line = turns(threads=4, on_end=ended.append)
    barrier = threading.Barrier(3)

    def look() -> None:
        barrier.wait(PATIENCE)
        assert ended == []

    for number in range(3):
        line.put(f"eu {number}", "eu", "", look)
    line.join()
    assert ended == ["eu"]


def test_what_fails_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Neither a look that raises, nor what is told of the end."""

    def fail(_: object = None) -> None:
        raise ValueError("no")

    done = list[int]()
    line = turns(threads=1, on_end=fail)
    line.put("bad", "eu", "", fail)
    line.put("good", "us", "", lambda: done.append(1))
    line.join()
    assert done == [1]
    assert "bad ended with ValueError" in caplog.text


def test_a_system_without_threads_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be begun waits, and is begun with the next that comes."""
    line, done, start = turns(), list[str](), threading.Thread.start

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    line.put("first", "eu", "", lambda: done.append("first"))
    assert list(line.waiting()) == ["first"]
    monkeypatch.setattr(threading.Thread, "start", start)
    line.put("second", "eu", "", lambda: done.append("second"))
    line.join()
    assert sorted(done) == ["first", "second"]


def test_nothing_begins_after_the_stop() -> None:
    """What waits is dropped, what comes is not taken; what runs may end."""
    line, done = turns(threads=1), list[str]()
    release = held(line)
    line.put("late", "eu", "", lambda: done.append("late"))
    line.stop()
    line.put("later", "eu", "", lambda: done.append("later"))
    release()
    line.join()
    assert done == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz")), max_size=60),
    st.integers(1, 6), st.integers(1, 4), st.integers(1, 4),
)  # fmt: skip
def test_everything_is_done_once_within_the_bounds(
    looks: list[tuple[str, str]], threads: int, lanes: int, per_lane: int
) -> None:
    """Whatever comes in, and however few threads there are."""
    line = turns(threads=threads, lanes=lanes, per_lane=per_lane)
    lock, running, done = threading.Lock(), Counter[str](), Counter[int]()

    def look(number: int, lane: str) -> None:
        with lock:
            running[lane] += 1
            assert running[lane] <= per_lane
            assert running.total() <= threads
            assert sum(count > 0 for count in running.values()) <= lanes
        with lock:
            running[lane] -= 1
            done[number] += 1

    for number, (lane, rank) in enumerate(looks):
        line.put(str(number), lane, rank, lambda number=number, lane=lane: look(number, lane))  # type: ignore[misc]
    line.join()
    assert done == Counter(range(len(looks)))
