"""Runs a program in our place: its signals, its stops and its end are ours.

The standard library is all it needs, and little of it: it runs before every job and before every Terraform of one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

NOT_FOUND = 127  # as shells end
NOT_EXECUTABLE = 126

_SI_KERNEL = 0x80  # linux/siginfo.h: the terminal sent it, so that the whole foreground group has it
_ANSWER_MS = 5
_STOP_SECONDS = 1.0
_KINDS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTSTP", "SIGCONT")
FORWARDED = frozenset(signal.Signals[name] for name in _KINDS)
_AWAITED = FORWARDED | {signal.SIGCHLD}
# Python ignores these, and what is ignored would stay so in the child.
_PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)


def hold_signals() -> set[int]:
    """Let signals wait until `Relay.wait` takes them. Gives the mask that the child is to have."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED))


def release_signals(mask: Iterable[int]) -> None:
    """Take signals as before `hold_signals`."""
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def find(program: str, environ: Mapping[str, str]) -> str:
    """The file that *program* names on the PATH of *environ*. Raises OSError as `exec` would."""
    if "/" in program:
        return program
    found = ""
    for folder in environ.get("PATH", os.defpath).split(":"):
        path = os.path.join(folder or ".", program)
        if os.path.isfile(path):
            if os.access(path, os.X_OK):
                return path
            found = path
    number = errno.EACCES if found else errno.ENOENT
    raise OSError(number, os.strerror(number), program)


def own_environment() -> dict[str, str]:
    """The environment that we were given: under the C locale Python has added to it (PEP 538)."""
    environ = dict(os.environ)
    if environ.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8"):
        with contextlib.suppress(OSError), open("/proc/self/environ", "rb") as given:
            if not any(pair.startswith(b"LC_CTYPE=") for pair in given.read().split(b"\0")):
                del environ["LC_CTYPE"]
    return environ


def spawn(
    argv: Sequence[str],
    environ: Mapping[str, str],
    mask: Iterable[int],
    actions: Sequence[tuple[int, int, int]] = (),
    *,
    path: str = "",
) -> int:
    """Start *argv*, as *path* or as found on the PATH of *environ*; gives its process id.

    Raises CannotStartError.
    """

    def start(file: str, words: list[str]) -> int:
        return os.posix_spawn(
            file, words, environ, file_actions=list(actions), setsigmask=mask, setsigdef=_PYTHON_IGNORES
        )

    try:
        path = path or find(argv[0], environ)
        try:
            return start(path, list(argv))
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            return start("/bin/sh", ["/bin/sh", path, *argv[1:]])  # a script without #!: as shells do
    except OSError as error:
        raise CannotStartError(error) from error


def cannot_start(argv: Sequence[str], error: OSError) -> int:
    """Say that the program cannot be started, in the way of shells; gives the exit code."""
    missing = error.errno == errno.ENOENT
    why = "command not found" if missing and "/" not in argv[0] else error.strerror
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"barograph: {argv[0]}: {why}\n")
        sys.stderr.flush()
    return NOT_FOUND if missing else NOT_EXECUTABLE


def end_as(status: int) -> int:
    """End as the child of this wait status did: by the signal that it died of, else give its exit code."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    number = -code
    with contextlib.suppress(OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # one core is enough
    with contextlib.suppress(OSError, ValueError):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    return 128 + number  # process 1 of a container does not die of signals


class CannotStartError(Exception):
    """There is no such program, or the system does not take it for one."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(cause.strerror)
        self.cause = cause


class Sentry:
    """Whether a signal that we got went to our whole process group: another process of the group got it, too.

    Whoever ends a job by its process group has told the child as well: passing the signal on would be a second one,
    and Terraform leaves its state behind on the second. The sentry is a child of ours.
    """

    def __init__(self, pid: int, told: int) -> None:
        """*told*: the end of a pipe to which the sentry writes the number of each signal it gets, as one byte."""
        self._pid = pid
        self._told = told
        self._seen: dict[int, int] = {}
        os.set_blocking(told, False)

    def got(self, number: int) -> bool:
        """Whether the sentry got the signal *number*, too; asked once for each that we got."""
        waiting = select.poll()
        waiting.register(self._told, select.POLLIN)
        waiting.poll(_ANSWER_MS)
        with contextlib.suppress(OSError):
            for byte in os.read(self._told, 512):
                self._seen[byte] = self._seen.get(byte, 0) + 1
        seen = self._seen.get(number, 0)
        if seen > 0 or self._is_pending(number):  # sent to it, though it had no time yet to say so
            self._seen[number] = seen - 1
            return True
        return False

    def _is_pending(self, number: int) -> bool:
        try:
            with open(f"/proc/{self._pid}/status", "rb") as status:
                for line in status:
                    if line.startswith(b"ShdPnd:"):
                        return bool(int(line.split()[1], 16) >> (number - 1) & 1)
        except (OSError, ValueError, IndexError):
            return False
        return False


class Relay:
    """Passes signals to one child until it ends. Signals are held (`hold_signals`) and the child runs already."""

    def __init__(self, pid: int, sentry: Sentry | None, hear: Callable[[int], None] | None = None) -> None:
        """The child is in our process group. *hear* is told of each signal that came, before it is passed on."""
        self._pid = pid
        self._sentry = sentry
        self._hear = hear
        self._stopped_at = -_STOP_SECONDS
        self._halted = False  # the child has stopped, and we go on

    def wait(self) -> int:
        """Pass signals on until the child has ended; gives its wait status."""
        while True:
            pid, status = os.waitpid(self._pid, os.WNOHANG | os.WUNTRACED)
            if pid and not os.WIFSTOPPED(status):
                return status
            if pid:
                self._halted = True
                self._child_stopped()
            number, by_kernel = _next_signal()
            self._take(number, by_kernel=by_kernel)

    def _take(self, number: int, *, by_kernel: bool) -> None:
        if number in (0, signal.SIGCHLD):
            return
        if number == signal.SIGTSTP:
            self._stopped_at = time.monotonic()
        if self._hear is not None:
            self._hear(number)
        has_it = by_kernel or (self._sentry is not None and self._sentry.got(number))
        if number == signal.SIGCONT:
            self._halted = False
        if not has_it or number in (signal.SIGCONT, signal.SIGWINCH):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self._pid, number)
        if number == signal.SIGTSTP and self._halted:
            self._child_stopped()  # it has stopped sooner than we heard why

    def _child_stopped(self) -> None:
        """Stop as the child did, if we were told to: whoever waits for us sees a stopped job."""
        if time.monotonic() - self._stopped_at > _STOP_SECONDS:
            return
        self._halted = False
        os.kill(os.getpid(), signal.SIGSTOP)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._pid, signal.SIGCONT)


def _next_signal() -> tuple[int, bool]:
    """The next signal and whether the kernel sent it; 0 where none came for a second."""
    if sys.platform == "linux":
        info = signal.sigtimedwait(_AWAITED, 1.0)
        return (info.si_signo, info.si_code >= _SI_KERNEL) if info is not None else (0, False)
    number = signal.sigwait(_AWAITED)  # macOS does not tell who sent it: from the keyboard come these three
    return number, number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
