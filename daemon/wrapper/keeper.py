"""A small process beside the wrapper, in its process group.

It tells which signals went to the whole group (`relay.Sentry`). And it has the job's output in hand as well: should the
wrapper be killed, or end while something that the job started still holds its output, the keeper passes that output on.
A job does not die of a pipe that nobody reads.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence

from daemon.wrapper.relay import FORWARDED, Sentry

_LOOK_SECONDS = 0.2  # how soon it notices that the wrapper is gone
_CHUNK = 65_536

Stream = tuple[int, int, bytes]  # read here, write there; its letter in the feed


class Keeper:
    """The other process, as the wrapper sees it."""

    def __init__(self, pid: int, told: int, control: int) -> None:
        self._pid = pid
        self._control = control
        self.sentry = Sentry(pid, told)

    def drop(self, index: int) -> None:
        """Let go of a stream that nobody reads any more, so that the job hears of it."""
        with contextlib.suppress(OSError):
            os.write(self._control, bytes([index]))

    def end(self, *, take_over: bool) -> None:
        """End it; with *take_over* it stays until what the job left open is closed."""
        with contextlib.suppress(OSError):
            if take_over:
                os.close(self._control)
            else:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)


def start(
    streams: Sequence[Stream], feed: Callable[[bytes, bytes], None], keep: Sequence[int], close: Sequence[int]
) -> Keeper | None:
    """Fork a keeper; signals are held already. None: no process could be had, and the job runs without one.

    *feed* gets what it passes on; *keep* are the descriptors that this needs. *close*: the job's ends of its pipes.
    """
    told_read, told_write = os.pipe()
    control_read, control_write = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        for fd in (told_read, told_write, control_read, control_write):
            os.close(fd)
        return None
    if pid:
        os.close(told_write)
        os.close(control_read)
        return Keeper(pid, told_read, control_write)
    try:
        for fd in close:
            os.close(fd)
        only({told_write, control_read, *keep, *(fd for read, write, _ in streams for fd in (read, write))})
        held = dict(enumerate(streams))
        _watch(told_write, control_read, held)
        os.close(told_write)
        _pass_on(list(held.values()), feed)
    finally:
        os._exit(0)


def sentry() -> Sentry | None:
    """A sentry alone, that ends when we do; signals are held already. None: no process could be had."""
    keeper = start((), lambda letter, data: None, (), ())
    return keeper.sentry if keeper is not None else None


def only(wanted: set[int]) -> None:
    """Close every descriptor but these: what is inherited is somebody's pipe, who waits for its end."""
    highest = os.sysconf("SC_OPEN_MAX") if sys.platform == "linux" else 4096
    low = 0
    for fd in [*sorted(wanted), highest]:
        if low < fd:  # Python 3.11 closes everything where both are 0
            os.closerange(low, fd)
        low = fd + 1


def _watch(told: int, control: int, held: dict[int, Stream]) -> None:
    """Tell of signals until nobody holds the other end of *control*; let go of the streams that are named there."""
    os.set_blocking(control, False)
    while True:
        if sys.platform == "linux":
            info = signal.sigtimedwait(FORWARDED, _LOOK_SECONDS)
            number = info.si_signo if info is not None else 0
        else:
            import time

            time.sleep(_LOOK_SECONDS)
            number = 0
        if number:
            with contextlib.suppress(OSError):
                os.write(told, bytes([number]))
        with contextlib.suppress(BlockingIOError):
            named = os.read(control, 16)
            if not named:
                return
            for index in named:
                if index in held:
                    read, write, _ = held.pop(index)
                    os.close(read)
                    os.close(write)


def _pass_on(streams: Sequence[Stream], feed: Callable[[bytes, bytes], None]) -> None:
    import select

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody reads the output any more: the job is to hear of it, too
    where = {read: (write, letter) for read, write, letter in streams}
    waiting = select.poll()
    for read in where:
        waiting.register(read, select.POLLIN)
    while where:
        for read, _ in waiting.poll():
            write, letter = where[read]
            try:
                chunk = os.read(read, _CHUNK)
            except OSError:  # a terminal whose other side is closed
                chunk = b""
            if not chunk:
                waiting.unregister(read)
                del where[read]
                with contextlib.suppress(OSError):
                    os.close(read)
                    os.close(write)
                continue
            write_all(write, chunk)
            feed(letter, chunk)


def write_all(fd: int, data: bytes) -> None:
    """Write all of *data*, also where the descriptor was left non-blocking by somebody else. Raises OSError."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            import select

            waiting = select.poll()
            waiting.register(fd, select.POLLOUT)
            waiting.poll()
