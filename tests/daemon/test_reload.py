"""What a reload must not do: let two couriers send at once, or forget that it was told to stop."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from daemon.delivering import alone
from daemon.obeying import stop_waits
from daemon.orders import RELOAD, STOP


def test_two_couriers_never_work_at_once() -> None:
    """The second begins when the first has ended, though that one was told to end long before."""
    lock = threading.Lock()
    at_work: list[str] = []
    order: list[tuple[str, ...]] = []
    held_up, release = threading.Event(), threading.Event()

    def first(stop: threading.Event) -> None:
        at_work.append("first")
        held_up.set()
        release.wait(10)
        at_work.remove("first")

    def second(stop: threading.Event) -> None:
        order.append(tuple(at_work))

    one = threading.Thread(target=alone(lock, first), args=(threading.Event(),))
    other = threading.Thread(target=alone(lock, second), args=(threading.Event(),))
    one.start()
    assert held_up.wait(10)
    other.start()
    other.join(0.6)
    assert other.is_alive()
    release.set()
    one.join(10)
    other.join(10)
    assert order == [()]


def test_a_courier_that_waits_for_its_turn_ends_when_told() -> None:
    """It does not hold up a stop, and it has sent nothing."""
    lock, stop = threading.Lock(), threading.Event()
    ran: list[int] = []
    with lock:
        thread = threading.Thread(target=alone(lock, lambda stop: ran.append(1)), args=(stop,))
        thread.start()
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
    assert ran == []


@pytest.mark.parametrize(
    ("queued", "stops", "left"),
    [([], False, 0), ([RELOAD, RELOAD], False, 1), ([RELOAD, STOP], True, 0), ([STOP, RELOAD], True, 0)],
)
def test_a_stop_goes_before_reloads(queued: list[str], stops: bool, left: int) -> None:
    """Whatever waits, nothing new is begun once a stop is among it; many reloads are one."""
    commands: SimpleQueue[str] = SimpleQueue()
    for command in queued:
        commands.put(command)
    assert stop_waits(commands) is stops
    assert commands.qsize() == left


def test_a_signal_that_comes_just_before_the_wait_is_not_slept_through() -> None:
    """Its handler runs in the main thread, which an endless wait would never let run."""
    code = (
        "import signal, sys, threading\n"
        "from daemon.obeying import next_of\n"
        "from daemon.orders import STOP, Commands\n"
        "commands = Commands()\n"
        "signal.signal(signal.SIGTERM, lambda *_: commands.put(STOP))\n"
        # Held back from the main thread, so that another one takes it: the wait is not interrupted by it.
        "other = threading.Thread(target=threading.Event().wait, daemon=True)\n"
        "other.start()\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        "print('ready', flush=True)\n"
        "sys.exit(next_of(commands) != STOP)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGTERM)
        try:
            assert child.wait(20) == 0
        finally:
            child.kill()
