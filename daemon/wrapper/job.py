"""The job itself: its output copied byte for byte.

The job stays in our process group and keeps our standard input and our terminal, so that the keyboard, prompts and job
control work as without us. Where our output is a terminal the job's is one, too: a pseudo-terminal that alters nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from daemon.wrapper import keeper, relay
from daemon.wrapper.keeper import Keeper, Stream, write_all

_CHUNK = 65_536
_LEFT = 1_048_576  # bytes read after the job's end, before the rest is the keeper's

Tell = Callable[[bytes, bytes], None]


class Pump(threading.Thread):
    """Copies one stream until its end, or until it is stopped and nothing is there to be read."""

    def __init__(self, stream: Stream, stopped: int, tell: Tell, broken: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._read, self._write, self._letter = stream
        self._stopped = stopped
        self._tell = tell
        self._broken = broken
        self.at_end = False

    def run(self) -> None:
        waiting = select.poll()
        waiting.register(self._read, select.POLLIN)
        waiting.register(self._stopped, select.POLLIN)
        left = _LEFT
        while not self.at_end:
            ready = dict(waiting.poll())
            if self._stopped in ready and (self._read not in ready or left <= 0):
                return
            left -= self._copy() if self._read in ready else 0
            if self._stopped not in ready:
                left = _LEFT

    def _copy(self) -> int:
        try:
            chunk = os.read(self._read, _CHUNK)
        except OSError:  # of a pseudo-terminal: the job has closed its side
            chunk = b""
        if not chunk:
            self.at_end = True
            return 0
        try:
            write_all(self._write, chunk)
        except OSError as error:
            # Where nobody reads any more the job is to hear of it. What else fails, such as a full disk, is lost, and
            # the job goes on.
            if error.errno == errno.EPIPE:
                self.at_end = True
                os.close(self._read)
                self._broken()
        self._tell(self._letter, chunk)
        return len(chunk)


def run(
    argv: Sequence[str], environ: Mapping[str, str], tell: Tell, hear: Callable[[int], None], keep: Sequence[int]
) -> tuple[int, float]:
    """Run the job; gives its wait status and its seconds. Signals are held afterwards.

    *tell* gets each piece of output with its letter, `o` or `e`; *hear* each signal; neither may raise or wait. *keep*:
    the descriptors that *tell* needs. Raises CannotStartError, and OSError where we cannot
    listen: nothing has run then.
    """
    streams, ends, terminals = _streams()
    mask = relay.hold_signals()
    try:
        beside = keeper.start(streams, tell, keep, sorted(set(ends.values())))
        began = time.monotonic()
        actions = [(os.POSIX_SPAWN_DUP2, end, fd) for fd, end in ends.items()]
        try:
            pid = relay.spawn(argv, environ, mask, actions)
        except relay.CannotStartError:
            if beside is not None:
                beside.end(take_over=False)
            relay.release_signals(mask)
            raise
    finally:
        for end in set(ends.values()):
            os.close(end)

    def heard(number: int) -> None:
        if number == signal.SIGWINCH:
            _resize(terminals)
        hear(number)

    stopped, stop = os.pipe()
    pumps = [Pump(stream, stopped, tell, _dropper(beside, n)) for n, stream in enumerate(streams)]
    for pump in pumps:
        pump.start()
    status = relay.Relay(pid, beside.sentry if beside is not None else None, heard).wait()
    seconds = time.monotonic() - began
    os.close(stop)
    for pump in pumps:
        pump.join()
    if beside is not None:
        beside.end(take_over=not all(pump.at_end for pump in pumps))
    return status, seconds


def _dropper(beside: Keeper | None, index: int) -> Callable[[], None]:
    return lambda: beside.drop(index) if beside is not None else None


def _streams() -> tuple[list[Stream], dict[int, int], list[tuple[int, int]]]:
    """What is copied; the job's descriptors -> its ends; pseudo-terminals, each with the terminal it stands for.

    Where output and error output are one file the job has one pipe for both, so that their order is kept.
    """
    out, err = os.fstat(1), os.fstat(2)
    one = (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino)
    streams: list[Stream] = []
    ends: dict[int, int] = {}
    terminals: list[tuple[int, int]] = []
    for fd, letter in ((1, b"o"),) if one else ((1, b"o"), (2, b"e")):
        if os.isatty(fd):
            read, end = _terminal(fd)
            terminals.append((read, fd))
        else:
            read, end = os.pipe()
        streams.append((read, fd, letter))
        ends[fd] = end
    if one:
        ends[2] = ends[1]
    return streams, ends, terminals


def _terminal(like: int) -> tuple[int, int]:
    """A pseudo-terminal that passes every byte on as it is: the terminal behind it does what terminals do."""
    import termios

    master, slave = os.openpty()
    settings = termios.tcgetattr(like)
    settings[1] &= ~termios.OPOST
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    _resize([(master, like)])
    return master, slave


def _resize(terminals: Sequence[tuple[int, int]]) -> None:
    import fcntl
    import termios

    for master, like in terminals:
        with contextlib.suppress(OSError):
            fcntl.ioctl(master, termios.TIOCSWINSZ, fcntl.ioctl(like, termios.TIOCGWINSZ, bytes(8)))
