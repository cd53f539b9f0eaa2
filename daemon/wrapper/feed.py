"""What the wrapper tells its scribe, through a pipe that is never waited for.

A frame is one write of at most PIPE_BUF bytes, so that it comes whole or not at all, whoever writes it: a letter, two
bytes of length, and so many bytes. Letters: `o` and `e` are output and error output; `g` says how many bytes of which
were left out; `i` is a signal that came. The job's end has a pipe of its own, which is never full.
"""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Iterator

FRAME = select.PIPE_BUF
_HEAD = 3
_ROOM = FRAME - _HEAD
_MOST = 8 * 1_048_576  # bytes that wait in memory for a scribe that is behind
_PIPE = 1_048_576


class Feed:
    """The wrapper's end. Every method gives up rather than wait or fail."""

    def __init__(self, fd: int, end: int) -> None:
        """*end*: the pipe for the job's end."""
        import threading

        self.fd = fd
        self._end = end
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._gap = 0
        self._closed = False
        os.set_blocking(fd, False)
        widen(fd)

    def output(self, letter: bytes, data: bytes) -> None:
        """Bytes that the job printed."""
        with self._lock:
            if self._closed:
                return
            if self._bytes > _MOST and not self._drain():
                self._gap += len(data)
                return
            self._fill_gap(letter)
            view = memoryview(data)
            for start in range(0, len(view), _ROOM):
                self._put(letter, bytes(view[start : start + _ROOM]))
            self._drain()

    def say(self, letter: bytes, text: str) -> None:
        """A short word."""
        with self._lock:
            self._put(letter, text.encode()[:_ROOM])
            self._drain()

    def finish(self, seconds: float, end: str) -> None:
        """Give the scribe what still waits, for so long at most, then *end* and how many bytes it will not get."""
        until = time.monotonic() + seconds
        with self._lock:
            while not self._drain() and not self._closed and time.monotonic() < until:
                waiting = select.poll()
                waiting.register(self.fd, select.POLLOUT)
                waiting.poll(20)
            missed = self._gap + sum(len(frame) - _HEAD for frame in self._waiting if frame[:1] in (b"o", b"e"))
            os.write(self._end, f"{end} {missed}".encode())
            os.close(self._end)
            if not self._closed:
                self._closed = True
                os.close(self.fd)

    def _fill_gap(self, letter: bytes) -> None:
        if self._gap:
            self._put(b"g", f"{letter.decode()}{self._gap}".encode())
            self._gap = 0

    def _put(self, letter: bytes, data: bytes) -> None:
        frame = letter + len(data).to_bytes(2, "big") + data
        self._waiting.append(frame)
        self._bytes += len(frame)

    def _drain(self) -> bool:
        """Write what fits; whether nothing waits any more."""
        while self._waiting and not self._closed:
            try:
                os.write(self.fd, self._waiting[0])
            except BlockingIOError:
                return False
            except OSError:  # no scribe any more
                self._closed = True
                self._waiting.clear()
                self._bytes = 0
                os.close(self.fd)
                return True
            self._bytes -= len(self._waiting.popleft())
        return True


def widen(fd: int) -> None:
    """Let a pipe hold more, where the system lets us."""
    try:
        import fcntl

        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE)
    except (OSError, AttributeError, ImportError):
        return


class Frames:
    """The scribe's end: frames out of bytes, however those are cut."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The frames that *data* completes: letter and content."""
        whole = self._rest + data
        start = 0
        while len(whole) - start >= _HEAD:
            end = start + _HEAD + int.from_bytes(whole[start + 1 : start + _HEAD], "big")
            if end > len(whole):
                break
            yield whole[start : start + 1], whole[start + _HEAD : end]
            start = end
        self._rest = whole[start:]
