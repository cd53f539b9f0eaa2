"""`barograph exec`, from its arguments to the exit code. Whatever fails here, the job runs, and its end is ours."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from daemon.wrapper import relay
from daemon.wrapper.options import USAGE, Options, UsageError, parse

if TYPE_CHECKING:
    from daemon.wrapper.feed import Feed

_T = TypeVar("_T")

USAGE_ERROR = 2
SPOOLED, SENT, AWAY = b"s", b"d", b"a"  # what the scribe says at the end

_SPOOL_SECONDS = 0.25
_FLUSH_SECONDS = 2.0
_SHIMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shims")


def main(arguments: Sequence[str]) -> int:
    """Run what *arguments* say. Gives the exit code of the job; of a job that died by a signal, dies by it, too."""
    try:
        options = parse(arguments)
    except UsageError as error:
        sys.stderr.write(f"barograph exec: {error}\nTry `barograph exec --help`.\n")
        return USAGE_ERROR
    if options.on("help"):
        sys.stdout.write(USAGE)
        return 0
    if options.on("flush"):
        from daemon.wrapper.flushing import flush

        return flush(os.environ)
    return Wrapped(options, relay.own_environment()).run()


def run_id(unix_ms: int, randomness: bytes) -> str:
    """A UUID of version 7 (RFC 9562) of a time and ten random bytes: ids of later runs sort later."""
    number = (unix_ms & (1 << 48) - 1) << 80 | int.from_bytes(randomness[:10], "big")
    number = number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Wrapped:
    """One job."""

    def __init__(self, options: Options, environ: dict[str, str]) -> None:
        self._options = options
        self._given = environ
        self._debug = options.on("verbose") or bool(environ.get("BAROGRAPH_EXEC_DEBUG"))
        self._trouble = ""
        self._scribe: _Scribe | None = None
        self.run_id = run_id(time.time_ns() // 1_000_000, os.urandom(10))

    def run(self) -> int:
        """Run the job to its end; gives the exit code."""
        from daemon.wrapper import job

        argv = self._options.command
        environ = self._try(self._prepared) or self._given
        keep = self._scribe.keep if self._scribe is not None else ()
        try:
            status, seconds = job.run(argv, environ, self._tell, self._hear, keep)
        except relay.CannotStartError as error:
            code = relay.cannot_start(argv, error.cause)
            self._try(lambda: self._ended(code << 8, 0.0))
            return code
        except OSError as error:
            return self._without_us(argv, error)
        self._try(lambda: self._ended(status, seconds))
        return relay.end_as(status)

    def _without_us(self, argv: Sequence[str], error: OSError) -> int:
        """We cannot listen, as without a standard output or with too many open files: become the job."""
        self._say(f"not recorded: {error.strerror}")
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        try:
            os.execvpe(argv[0], list(argv), self._given)  # noqa: S606  (in our place)
        except OSError as failed:
            return relay.cannot_start(argv, failed)

    def _prepared(self) -> dict[str, str]:
        """The scribe started; gives the job's environment."""
        environ = dict(self._given)
        report = -1
        if not self._options.on("no-shim") and sys.platform == "linux":
            report = self._stand_in(environ)
        try:
            self._scribe = _start_scribe(self._options, self._given, self.run_id, report)
        finally:
            if report >= 0:
                os.close(report)
        environ["BAROGRAPH_RUN_ID"] = self.run_id
        return environ

    def _stand_in(self, environ: dict[str, str]) -> int:
        """Put our stand-ins in front of terraform and tofu; gives the descriptor at which they are heard."""
        if not os.access(os.path.join(_SHIMS, "terraform"), os.X_OK):
            self._trouble = "no stand-in for terraform is installed"
            return -1
        read, write = os.pipe()
        command = environ.get("ATMOS_COMPONENTS_TERRAFORM_COMMAND")
        if command:
            environ["BAROGRAPH_EXEC_COMMAND"] = command
            environ["ATMOS_COMPONENTS_TERRAFORM_COMMAND"] = os.path.join(_SHIMS, "atmos-terraform")
        environ["PATH"] = f"{_SHIMS}:{environ.get('PATH', os.defpath)}"
        environ["BAROGRAPH_EXEC_PYTHON"] = sys.executable
        environ["BAROGRAPH_EXEC_FOLDER"] = os.getcwd()
        environ["BAROGRAPH_EXEC_REPORT"] = f"/proc/{os.getpid()}/fd/{write}"  # opened anew by whoever reports
        return read

    def _tell(self, letter: bytes, data: bytes) -> None:
        scribe = self._scribe
        if scribe is not None:
            self._try(lambda: scribe.feed.output(letter, data))

    def _hear(self, number: int) -> None:
        scribe = self._scribe
        if scribe is not None and number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            self._try(lambda: scribe.feed.say(b"i", str(number)))

    def _ended(self, status: int, seconds: float) -> None:
        scribe = self._scribe
        if scribe is None:
            self._say("not recorded")
            return
        wait = not self._options.on("no-wait")
        scribe.feed.finish(_SPOOL_SECONDS if wait else 0.0, f"{status} {seconds:.6f}")
        said = _listen(scribe.status) if wait else b""
        words = {SENT: "recorded and sent", AWAY: "recorded; to be sent later", SPOOLED: "recorded; still being sent"}
        self._say(words.get(said[-1:], "being recorded") + f" as {self.run_id}")

    def _say(self, what: str) -> None:
        if self._debug:
            more = f" ({self._trouble})" if self._trouble else ""
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"barograph: {what}{more}\n")
                sys.stderr.flush()

    def _try(self, what: Callable[[], _T]) -> _T | None:
        """What *what* gives; None where it fails: a fault of ours is not the job's."""
        try:
            return what()
        except Exception as error:  # noqa: BLE001  (see above)
            self._trouble = self._trouble or type(error).__name__
            return None


class _Scribe:
    """The process that writes down and sends, as the wrapper sees it."""

    def __init__(self, feed: Feed, status: int) -> None:
        self.feed = feed
        self.status = status
        self.keep = (feed.fd,)


def _start_scribe(options: Options, environ: Mapping[str, str], run: str, report: int) -> _Scribe:
    """Fork the scribe. Raises OSError."""
    from daemon.wrapper.feed import Feed

    read, write = os.pipe()
    status_read, status_write = os.pipe()
    end_read, end_write = os.pipe()
    if os.fork():
        for fd in (read, status_write, end_read):
            os.close(fd)
        return _Scribe(Feed(write, end_write), status_read)
    try:
        from daemon.wrapper.keeper import only

        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        only({0, 1, 2, read, end_read, status_write, *((report,) if report >= 0 else ())})
        os.setsid()  # whoever ends the job's process group leaves the record whole
        os.nice(10)
        from daemon.wrapper import scribe

        scribe.write_down(options, environ, run, scribe.Ears(read, end_read, report), status_write)
    except Exception as error:  # noqa: BLE001  (its end is not the job's)
        if environ.get("BAROGRAPH_EXEC_DEBUG"):
            _note_fault(environ, run, error)
    finally:
        os._exit(0)


def _listen(status: int) -> bytes:
    """What the scribe says of the record, awaited for a short time, and longer only while the daemon answers.

    Somebody who ends us meanwhile does not wait.
    """
    began = time.monotonic()
    said = b""
    os.set_blocking(status, False)
    waiting = select.poll()
    waiting.register(status, select.POLLIN)
    while not said.endswith((SENT, AWAY)):
        until = began + (_FLUSH_SECONDS if SPOOLED in said else _SPOOL_SECONDS)
        left = until - time.monotonic()
        if left <= 0 or signal.sigpending() & {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}:
            break
        if waiting.poll(min(left, 0.05) * 1000):
            piece = os.read(status, 16)
            if not piece:
                break
            said += piece
    return said


def _note_fault(environ: Mapping[str, str], run: str, error: Exception) -> None:
    """Write down where a scribe failed, for who asked: not what the error says, as that may hold what it was about."""
    import traceback

    from daemon.wrapper.spool import folder

    place = folder(environ)
    if place is not None:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [f"{frame.filename}:{frame.lineno} {frame.name}\n" for frame in frames]
        (place / f"{run}.fault").write_text(f"{type(error).__name__}\n" + "".join(lines))
