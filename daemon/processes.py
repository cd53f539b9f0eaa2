"""Runs other programs: no shell, no inherited environment, bounded time, bounded output, no stragglers."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_CHUNK = 65536
_GRACE_SECONDS = 5.0  # from SIGTERM to SIGKILL: Terraform needs about two
_TICK_SECONDS = 0.05  # how often the end of a child is looked for where the system has no pidfd
_ASK_SECONDS = 0.1  # how often a caller that wants to know is asked whether it has had enough
_DRAIN_SECONDS = 1.0  # how long output is read after the end, while a grandchild holds the pipe open

MIB = 1024 * 1024


class ProgramMissingError(Exception):
    """The program cannot be started: not there, or not executable. The text is for people."""


class ProcessesClosedError(Exception):
    """close() was called: nothing is started any more."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended. *stdout* and *stderr* may hold secrets."""

    rc: int | None  # exit code; None: ended by a signal
    signal: int | None
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    timed_out: bool  # the deadline passed, and we ended it
    truncated: bool  # it wrote more than allowed, and we ended it
    seconds: float
    max_rss_bytes: int  # of the largest process among it and the children it waited for
    stopped: bool = False  # close() ended it
    enough: bool = False  # the caller's own limit was reached, and we ended it


class Processes:
    """Starts children, and knows all that are alive so that they can be ended together. Thread-safe."""

    def __init__(self, *, grace_seconds: float = _GRACE_SECONDS) -> None:
        self._grace = grace_seconds
        self._lock = threading.Lock()
        self._live: set[_Child] = set()
        self._closed = False

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | str,
        env: Mapping[str, str],
        deadline: float,
        stdout_limit: int = 64 * MIB,
        stderr_limit: int = 4 * MIB,
        stdin: bytes | None = None,
        pass_fds: Sequence[int] = (),
        enough: Callable[[], bool] | None = None,
    ) -> Finished:
        """Run *argv* in *cwd* with exactly *env*, for at most *deadline* seconds, and give what came of it.

        The child leads its own session and process group, and keeps the descriptors *pass_fds* open. When time is up,
        more than *stdout_limit* or *stderr_limit* bytes come, or *enough* (asked every tenth of a second) says so, the
        group gets SIGTERM and a little later SIGKILL. Whatever of the group outlives the child is killed too.
        Raises ProgramMissingError and ProcessesClosedError.
        """
        child = self._start(argv, cwd, env, stdin, pass_fds)
        try:
            return child.finish(deadline, stdout_limit, stderr_limit, stdin or b"", self._grace, enough)
        finally:
            with self._lock:
                self._live.discard(child)

    def ages(self) -> tuple[float, ...]:
        """For how many seconds each child that is alive runs."""
        now = time.monotonic()
        with self._lock:
            return tuple(child.age(now) for child in self._live)

    def close(self) -> None:
        """End all live children (SIGTERM, then SIGKILL, within a few seconds); later runs fail."""
        with self._lock:
            self._closed = True
            live = tuple(self._live)
        for child in live:
            child.stop()
        until = time.monotonic() + self._grace + 2 * _DRAIN_SECONDS
        while time.monotonic() < until:
            with self._lock:
                if not self._live:
                    return
            time.sleep(_TICK_SECONDS)

    def _start(
        self,
        argv: Sequence[str],
        cwd: Path | str,
        env: Mapping[str, str],
        stdin: bytes | None,
        pass_fds: Sequence[int],
    ) -> _Child:
        with self._lock:
            if self._closed:
                raise ProcessesClosedError("Barograph is stopping: no further programs are started")
            child = _Child(argv, cwd, env, stdin is not None, pass_fds)
            self._live.add(child)
            return child


class _Child:
    """One running child; only the thread that called run() reads from it."""

    def __init__(
        self, argv: Sequence[str], cwd: Path | str, env: Mapping[str, str], wants_stdin: bool, pass_fds: Sequence[int]
    ) -> None:  # fmt: skip
        self._began = time.monotonic()
        self._stop = threading.Event()
        try:
            self._popen = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.PIPE if wants_stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                close_fds=True,
                pass_fds=tuple(pass_fds),
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            missing = f"the folder {cwd}" if not Path(cwd).is_dir() else f"the program {argv[0]}"
            raise ProgramMissingError(f"{missing} is not there") from error
        except (PermissionError, OSError) as error:
            raise ProgramMissingError(f"the program {argv[0]} cannot be started: {error.strerror}") from error
        except ValueError:  # its text may quote the value
            odd = "an argument or variable holds what no program can be given, such as a zero byte"
            raise ProgramMissingError(f"the program {argv[0]} cannot be started: {odd}") from None

    def age(self, now: float) -> float:
        """Seconds since it was started; *now* is monotonic."""
        return now - self._began

    def stop(self) -> None:
        self._stop.set()

    def finish(
        self,
        deadline: float,
        stdout_limit: int,
        stderr_limit: int,
        stdin: bytes,
        grace: float,
        enough: Callable[[], bool] | None,
    ) -> Finished:
        assert self._popen.stdout is not None
        assert self._popen.stderr is not None
        out, err = _Sink(stdout_limit), _Sink(stderr_limit)
        pidfd = _pidfd(self._popen.pid)
        ending = _Ending(self._began + deadline, grace)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._popen.stdout, selectors.EVENT_READ, out)
                selector.register(self._popen.stderr, selectors.EVENT_READ, err)
                if self._popen.stdin is not None:
                    os.set_blocking(self._popen.stdin.fileno(), False)
                    selector.register(self._popen.stdin, selectors.EVENT_WRITE, _Source(stdin))
                if pidfd is not None:
                    selector.register(pidfd, selectors.EVENT_READ, None)
                self._watch(selector, out, err, ending, pidfd, enough)
        except BaseException:
            self._kill(signal.SIGKILL)
            self._reap(out, err, ending)
            raise
        finally:
            if pidfd is not None:
                os.close(pidfd)
        return self._reap(out, err, ending)

    def _watch(
        self,
        selector: selectors.BaseSelector,
        out: _Sink,
        err: _Sink,
        ending: _Ending,
        pidfd: int | None,
        enough: Callable[[], bool] | None,
    ) -> None:
        """Move bytes until the child has ended and its pipes are closed, or drained for long enough."""
        while True:
            for key, _ in selector.select(_TICK_SECONDS if pidfd is None else 2 * _TICK_SECONDS):
                if key.data is not None and not key.data.move(key.fd):
                    selector.unregister(key.fileobj)
                    if isinstance(key.data, _Source) and self._popen.stdin is not None:
                        self._popen.stdin.close()
            now = time.monotonic()
            if self._has_ended():
                if ending.ended_at is None:
                    ending.ended_at = now
                    if pidfd is not None:
                        selector.unregister(pidfd)
                    # What is left of the group. The leader is still a zombie, so the group's id is still ours.
                    self._kill(signal.SIGKILL)
                open_pipes = any(isinstance(key.data, _Sink) for key in selector.get_map().values())
                if not open_pipes or now > ending.ended_at + _DRAIN_SECONDS:
                    return
            else:
                ending.asks(now, enough)
                if number := ending.due(now, full=out.full or err.full, told=self._stop.is_set()):
                    self._kill(number)

    def _reap(self, out: _Sink, err: _Sink, ending: _Ending) -> Finished:
        _, status, usage = os.wait4(self._popen.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self._popen.returncode = code  # reaped here, for the memory figure: Popen must not wait for the id again
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        return Finished(
            rc=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            stdout=bytes(out.data),
            stderr=bytes(err.data),
            timed_out=ending.timed_out,
            truncated=out.full or err.full,
            seconds=time.monotonic() - self._began,
            # Linux counts in KiB, macOS in bytes (getrusage(2) of each).
            max_rss_bytes=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            stopped=ending.stopped,
            enough=ending.enough,
        )

    def _has_ended(self) -> bool:
        # WNOWAIT leaves the zombie in place, so that its process group's id cannot be given to somebody else yet.
        return os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _kill(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, number)


@dataclass
class _Ending:
    """Why and when a child is ended by us, and when it ended."""

    late_after: float  # monotonic seconds
    grace: float
    timed_out: bool = False
    stopped: bool = False
    enough: bool = False
    terminated_at: float | None = None
    ended_at: float | None = None
    asked_at: float = 0.0

    def asks(self, now: float, enough: Callable[[], bool] | None) -> None:
        """Ask whether the caller has had enough, a few times a second."""
        if enough is not None and not self.enough and now - self.asked_at >= _ASK_SECONDS:
            self.asked_at = now
            self.enough = enough()

    def due(self, now: float, *, full: bool, told: bool) -> int:
        """The signal to send now; 0: none."""
        if self.terminated_at is not None:
            return signal.SIGKILL if now - self.terminated_at > self.grace else 0
        late = now > self.late_after
        if not (late or told or full or self.enough):
            return 0
        self.timed_out, self.stopped, self.terminated_at = late, told and not late, now
        return signal.SIGTERM


class _Sink:
    """Collects output up to a limit."""

    def __init__(self, limit: int) -> None:
        self.data = bytearray()
        self.full = False
        self._limit = limit

    def move(self, fd: int) -> bool:
        """Read once; False at the end of the stream. What is over the limit is read and dropped."""
        chunk = os.read(fd, _CHUNK)
        room = self._limit - len(self.data)
        self.data += chunk[:room]
        self.full = self.full or len(chunk) > room
        return bool(chunk)


class _Source:
    """Feeds standard input."""

    def __init__(self, data: bytes) -> None:
        self._rest = memoryview(data)

    def move(self, fd: int) -> bool:
        try:
            written = os.write(fd, self._rest[:_CHUNK])
        except BrokenPipeError:
            return False
        self._rest = self._rest[written:]
        return bool(self._rest)


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # no Linux, or a sandbox that forbids it: the end is polled for
        return None
