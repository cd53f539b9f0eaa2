"""Runs Terraform for a stand-in (`shims/`), and tells the job's scribe which phase it was, and how it ended.

Run with ``python -S -E -s standin.py REAL ARGUMENT…``; the standard library is all it needs. BAROGRAPH_EXEC_REPORT
names the pipe. Whatever fails here, the real program runs as if nobody stood before it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import time
from collections.abc import Iterable, Mapping, Sequence

PHASES = {"init": "init", "workspace": "workspace", "plan": "plan", "apply": "apply", "destroy": "apply"}
_LONGEST = 4_096  # bytes that a pipe takes in one piece (PIPE_BUF)


def main(argv: Sequence[str]) -> int:
    """Run `argv[0]` with the rest; gives its exit code."""
    # After the standard library: what else is installed there must not come before it.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    mask: Iterable[int] = ()
    try:
        from daemon.wrapper import keeper, relay

        environ = relay.own_environment()
        mask = relay.hold_signals()
        sentry = keeper.sentry()
        pid = relay.spawn(argv, environ, mask, path=argv[0])
    except Exception:  # noqa: BLE001  (a fault of ours is not Terraform's: nothing was started yet)
        return _become(argv, mask)
    began = time.monotonic()
    report = environ.get("BAROGRAPH_EXEC_REPORT", "")
    about: dict[str, object] = {}
    with contextlib.suppress(Exception):
        about = describe(argv[1:], environ, os.getcwd(), pid)
        applied = about["phase"] == "apply" and _read_plan(argv, environ, mask, about, report)
        tell(report, {"report": "start", **about, "asked": applied})
    status = relay.Relay(pid, sentry).wait()
    with contextlib.suppress(Exception):
        # With -detailed-exitcode Terraform ends so where there are changes.
        if about["phase"] == "plan" and status in (0, 2 << 8):
            about["asked"] = _read_plan(argv, environ, mask, about, report)
    with contextlib.suppress(Exception):
        code = os.waitstatus_to_exitcode(status)
        ended: dict[str, object] = {"rc": code if code >= 0 else 128 - code, "duration": time.monotonic() - began}
        if code < 0:
            ended["signal"] = -code
        tell(report, {"report": "end", **about, **ended})
    return relay.end_as(status)


def _read_plan(
    argv: Sequence[str], environ: Mapping[str, str], mask: Iterable[int], about: Mapping[str, object], report: str
) -> bool:
    """Let the plan file of a call, if it has one, be read beside it; whether it is."""
    if sys.platform != "linux" or environ.get("BAROGRAPH_EXEC_IMPACT") == "0":
        return False
    from daemon.wrapper import plans

    name = plans.saved(argv[1:], environ)
    if not name:
        return False
    try:
        fd = plans.open_plan(_folder(argv[1:], os.getcwd()), name)
        plans.aside(fd, argv, environ, mask, about, report)
    except OSError:
        return False
    return True


def _folder(argv: Sequence[str], folder: str) -> str:
    for word in argv:
        if word.startswith(("-chdir=", "--chdir=")):
            folder = os.path.join(folder, word.partition("=")[2])
    return folder


def describe(argv: Sequence[str], environ: Mapping[str, str], folder: str, pid: int) -> dict[str, object]:
    """What is told of a call: its phase, the component's folder and the workspace; nothing of its arguments."""
    words = [word for word in argv if not word.startswith("-")]
    folder = _folder(argv, folder)
    base = environ.get("BAROGRAPH_EXEC_FOLDER") or os.path.dirname(folder)
    workspace = environ.get("TF_WORKSPACE", "")
    if not workspace:
        data = os.path.join(folder, environ.get("TF_DATA_DIR") or ".terraform", "environment")
        with contextlib.suppress(OSError), open(data, encoding="utf-8", errors="replace") as file:
            workspace = file.read(200).strip()
    if words[:1] == ["workspace"] and len(words) > 2:
        workspace = words[-1]
    return {
        "call": f"{pid}-{time.time_ns() // 1_000_000}", "phase": PHASES.get(words[0] if words else "", ""),
        "operation": " ".join(words[:2] if words[:1] == ["workspace"] else words[:1]),
        "component": os.path.relpath(folder, base)[-400:], "workspace": workspace[:200],
    }  # fmt: skip


def tell(report: str, what: Mapping[str, object]) -> None:
    """Write one line to the pipe *report*; never waits. Raises OSError."""
    line = json.dumps(what).encode() + b"\n"
    fd = os.open(report, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if stat.S_ISFIFO(os.fstat(fd).st_mode) and len(line) <= _LONGEST:
            os.write(fd, line)
    finally:
        os.close(fd)


def _become(argv: Sequence[str], mask: Iterable[int]) -> int:
    """Be the real program."""
    import signal

    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execv(argv[0], list(argv))  # noqa: S606  (in our place: nothing is to be left of us)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
