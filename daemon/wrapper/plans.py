"""What a saved plan would do, told by a process of its own beside a stand-in: neither Terraform nor the job waits.

The process asks the job's own Terraform for the plan as JSON, through a descriptor of the very file that was saved,
reduces it (`checks.plans.impact`) and tells the scribe. Nothing else of the plan leaves it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

SECONDS = 120.0  # that Terraform may take to show a plan, where BAROGRAPH_EXEC_SHOW_SECONDS says nothing else
MOST = 64 * 1_048_576  # bytes of a plan as JSON that are read
MOST_FILE = 256 * 1_048_576  # bytes of a plan file
_MEMORY = 2 * 1_073_741_824  # bytes of address space for reading it
_LINE = 3_900  # bytes of what is told in one piece: less than a pipe takes at once (PIPE_BUF)
_WAIT_MS = 10_000  # for the scribe to take a piece
_VALUED = frozenset(
    {"var", "var-file", "target", "exclude", "replace", "parallelism", "lock-timeout", "state", "state-out", "backup",
     "generate-config-out", "out"}
)  # fmt: skip


def saved(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """The plan file that a call of Terraform writes (`plan -out`) or applies, as it is named; empty: none."""
    verb, words = _words(argv, environ)
    if verb == "plan":
        found = ""
        for number, word in enumerate(words):
            name, equals, value = word.lstrip("-").partition("=")
            if word.startswith("-") and name == "out":
                found = value if equals else next(iter(words[number + 1 : number + 2]), "")
        return found
    if verb != "apply" or not words or words[-1].startswith("-"):
        return ""
    before = words[-2] if len(words) > 1 else ""
    takes_it = before.startswith("-") and "=" not in before and before.lstrip("-") in _VALUED
    return "" if takes_it else words[-1]


def _words(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """(what is called, its arguments), with those that the environment puts before them."""
    at = next((number for number, word in enumerate(argv) if not word.startswith("-")), None)
    if at is None:
        return "", []
    more: list[str] = []
    for name in ("TF_CLI_ARGS", f"TF_CLI_ARGS_{argv[at]}"):
        with contextlib.suppress(ValueError):
            more += shlex.split(environ.get(name, ""))
    return argv[at], [*more, *argv[at + 1 :]]


def seconds(environ: Mapping[str, str]) -> float:
    """How long Terraform may take to show a plan."""
    told = environ.get("BAROGRAPH_EXEC_SHOW_SECONDS", "")
    return min(float(told), 3_600.0) if told.isdecimal() else SECONDS


def open_plan(folder: str, name: str) -> int:
    """A descriptor of the plan file *name* as Terraform in *folder* means it. Raises OSError where it is no file."""
    import stat

    fd = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{name} is no file")
    return fd


def aside(
    plan: int,
    argv: Sequence[str],
    environ: Mapping[str, str],
    mask: Iterable[int],
    about: Mapping[str, Any],
    report: str,
) -> None:
    """Fork the process that reads the open file *plan*; returns at once. *argv*: the real program and its arguments.

    Raises OSError where no process can be had.
    """
    if os.fork():
        os.close(plan)
        return
    try:
        os.setsid()  # what ends the job's group does not wait for it, and is not kept from ending
        _least_of_all()
        told = os.open(report, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        from daemon.wrapper.keeper import only

        only({0, 1, 2, plan, told})  # the job's output would not end before us
        for line in _lines(plan, argv, environ, mask, about):
            _send(told, line)
    finally:
        with contextlib.suppress(OSError):
            os.killpg(os.getpid(), signal.SIGKILL)  # and what Terraform left running
        os._exit(0)


def _least_of_all() -> None:
    """Let everything else go first: the processor, and, where memory ends, this is what ends."""
    with contextlib.suppress(OSError):
        os.nice(19)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def _lines(
    plan: int, argv: Sequence[str], environ: Mapping[str, str], mask: Iterable[int], about: Mapping[str, Any]
) -> Iterator[bytes]:  # fmt: skip
    head = {name: about.get(name) for name in ("workspace", "component", "operation")}
    head = {"report": "impact", "plan": about.get("call"), **head}
    try:
        before = digest(plan)
        shown = show(plan, argv, environ, mask)
        if digest(plan) != before:
            raise UnreadError("the plan file was written to while it was read")
        _bound(seconds(environ))
        yield from lines_of(_reduced(shown), {**head, "digest": before})
    except UnreadError as error:
        yield _line({**head, "part": 0, "parts": 1, "why": str(error)})
    except MemoryError:
        yield _line({**head, "part": 0, "parts": 1, "why": "the plan as data takes more memory than is given to it"})
    except Exception as error:  # noqa: BLE001  (its text may quote the plan)
        yield _line({**head, "part": 0, "parts": 1, "why": f"the plan could not be read: {type(error).__name__}"})


class UnreadError(Exception):
    """The plan could not be read; the text says why, and nothing of the plan."""


def digest(plan: int) -> str:
    """SHA-256 of the file, in hex. Raises UnreadError where it is too large."""
    import hashlib

    if os.fstat(plan).st_size > MOST_FILE:
        raise UnreadError(f"the plan file has more than {MOST_FILE >> 20} MiB")
    found, at = hashlib.sha256(), 0
    while piece := os.pread(plan, 1_048_576, at):
        found.update(piece)
        at += len(piece)
    return found.hexdigest()


def show(plan: int, argv: Sequence[str], environ: Mapping[str, str], mask: Iterable[int]) -> bytes:
    """The plan as JSON. Raises UnreadError."""
    from daemon.wrapper import relay

    os.set_inheritable(plan, True)
    read, write = os.pipe()
    where = [word for word in argv[1:] if word.startswith(("-chdir=", "--chdir="))][:1]
    words = [argv[0], *where, "show", "-json", "-no-color", f"/proc/self/fd/{plan}"]
    try:
        pid = relay.spawn(words, _quiet(environ), mask, [(os.POSIX_SPAWN_DUP2, write, 1)], path=argv[0])
    except relay.CannotStartError as error:
        raise UnreadError(f"`show` could not be started: {error}") from None
    os.close(write)
    shown = _read(read, seconds(environ))
    _, status = os.waitpid(pid, 0)
    if status:
        raise UnreadError(f"`show -json` of the plan file ended with {os.waitstatus_to_exitcode(status)}")
    return shown


def _quiet(environ: Mapping[str, str]) -> dict[str, str]:
    """The job's environment, but for what would change the call, or write to the job's own files."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("TF_CLI_ARGS", "TF_LOG", "BAROGRAPH_")) and name != "TF_REATTACH_PROVIDERS"
    }  # fmt: skip
    return {**kept, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}


def _read(fd: int, within: float) -> bytes:
    until = time.monotonic() + within
    pieces: list[bytes] = []
    size = 0
    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise UnreadError(f"`show -json` of the plan file did not end within {within:g} s")
        if not waiting.poll(left * 1000):
            continue
        piece = os.read(fd, 1_048_576)
        if not piece:
            return b"".join(pieces)
        size += len(piece)
        if size > MOST:
            raise UnreadError(f"the plan as data has more than {MOST >> 20} MiB")
        pieces.append(piece)


def _bound(within: float) -> None:
    """Give up, in this process, what takes too much memory, or more seconds of a processor than *within*."""
    import resource

    def give_up(number: int, frame: object) -> None:
        raise UnreadError(f"reading the plan takes more than {within:g} s")

    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with contextlib.suppress(OSError, ValueError):
        signal.signal(signal.SIGXCPU, give_up)
        used = int(time.process_time() + within) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (used, used + 10))


def _reduced(shown: bytes) -> Any:
    from checks.plans.impact import reduced
    from checks.plans.model import NotJudgeable

    try:
        plan = json.loads(shown)
    except (ValueError, RecursionError):
        raise UnreadError("what `show -json` gave is no JSON") from None
    try:
        return reduced(plan)
    except NotJudgeable as error:
        raise UnreadError(str(error)) from None


def lines_of(found: Any, head: Mapping[str, Any]) -> list[bytes]:
    """What is told of a plan, in pieces that a pipe takes whole: the head, and then rows."""
    from checks.plans.effects import counted

    # Those of which room is asked are fewer than fit.
    by_use = sorted(found.created.items(), key=lambda one: (not counted(one[0]), one[0]))
    created = [f"{kind[:60]} {number}" for kind, number in by_use[:40]]
    first = {**head, **found.counts, "partial": found.partial, "created": created}
    pieces: list[list[Mapping[str, Any]]] = [[]]
    sizes = [len(_line(first)) + 40]
    left_out = found.left_out
    for row in found.rows:
        size = len(json.dumps(row)) + 2
        if size > _LINE - 400:
            left_out += 1  # one address as long as that
            continue
        if sizes[-1] + size > _LINE:
            pieces.append([])
            sizes.append(len(_line(head)) + 40)
        pieces[-1].append(row)
        sizes[-1] += size
    first["left_out"] = left_out
    return [
        _line({**(head if part else first), "part": part, "parts": len(pieces), "rows": rows})
        for part, rows in enumerate(pieces)
    ]  # fmt: skip


def _line(told: Mapping[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in told.items() if value not in ("", None)}).encode() + b"\n"


def _send(fd: int, line: bytes) -> None:
    """Write one piece, once there is room for all of it."""
    waiting = select.poll()
    waiting.register(fd, select.POLLOUT)
    until = time.monotonic() + _WAIT_MS / 1000
    while time.monotonic() < until:
        waiting.poll(100)
        try:
            os.write(fd, line)
        except BlockingIOError:
            continue
        return
