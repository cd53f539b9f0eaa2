"""Work on many things at once."""

from __future__ import annotations

import threading

import pytest

from daemon.abreast import abreast


def test_results_come_in_the_order_of_their_items() -> None:
    """However many threads there are, and none for nothing."""
    for threads in (1, 3, 50):
        assert abreast(lambda number: number * 2, range(20), threads=threads, name="x") == [2 * n for n in range(20)]
    assert abreast(str, [], threads=3, name="x") == []


def test_as_many_as_allowed_are_at_work_at_once() -> None:
    """Each waits for the others: one alone would never get on."""
    together = threading.Barrier(3, timeout=60)
    assert abreast(lambda _: together.wait() >= 0, range(3), threads=3, name="x") == [True] * 3


def test_what_is_raised_gets_out() -> None:
    """The first error ends it."""
    with pytest.raises(ZeroDivisionError):
        abreast(lambda number: 1 / number, [1, 0, 1], threads=1, name="x")


def test_nobody_is_waited_for_when_all_is_to_end() -> None:
    """Work that hangs is left behind, and nothing new begins."""
    ending, hangs, began = threading.Event(), threading.Event(), []

    def work(number: int) -> None:
        began.append(number)
        ending.set()
        assert hangs.wait(60)

    try:
        assert abreast(work, range(5), threads=1, name="x", ending=ending) is None
        assert began == [0]
    finally:
        hangs.set()
