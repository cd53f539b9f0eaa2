"""The process beside a job that hears its output, writes events down and sends them. The job never waits for it.

It hears through `feed`, and from the stand-ins for Terraform. What it imports for understanding output it imports once
there is some.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from checks.runs import wire
from daemon.wrapper.feed import Frames
from daemon.wrapper.options import Options
from daemon.wrapper.spool import Spool, folder

# Fields of fixed words, and those that the listener has scrubbed.
_CLEAN = frozenset(
    {"action", "addr", "call", "class", "detail", "id", "operation", "phase", "source", "status", "summary"}
)

if TYPE_CHECKING:
    from checks.plans.redact import Scrubber
    from checks.runs.listener import Listener
    from checks.runs.model import Heard

HEARTBEAT = 30.0  # seconds
_LOOK = 0.5
_PLANS = 1_000  # of one run
_CHUNK = 1_048_576
_LEFT = 2 * _CHUNK  # bytes that are heard after the job's end
_LINGER = 30.0  # seconds beyond those of `show` for which it waits, after the job's end, for what a plan would do
_AFTERWARDS = 8.0  # seconds for which it still tries to send once the job has ended


def write_down(options: Options, environ: Mapping[str, str], run_id: str, ears: Ears, status: int) -> None:
    """Hear a run to its end. *status* is told `s` (all is on disk), then `d` (all is sent) or `a` (it is not)."""
    from daemon.wrapper.outbox import Outbox

    place = folder(environ)
    spool = Spool(place, run_id)
    outbox = Outbox(spool, environ, place, run_id)
    outbox.start()
    scribe = Scribe(options, environ, run_id, outbox.add)
    scribe.begin()
    scribe.hear(ears)
    spool.sync()
    _say(status, b"s")
    if scribe.awaits:
        # Who waits for the job's end does not wait for what a plan would do.
        _say(status, b"d" if outbox.hurry(_AFTERWARDS) else b"a")
        from daemon.wrapper.plans import seconds

        scribe.linger(ears.report, seconds(environ) + _LINGER)
        spool.sync()
    sent = outbox.finish(_AFTERWARDS, lambda: _say(status, b"a"))
    _say(status, b"d" if sent else b"a")


def _say(status: int, word: bytes) -> None:
    with contextlib.suppress(OSError):
        os.write(status, word)


class Ears(NamedTuple):
    """Where a scribe hears: descriptors."""

    feed: int
    end: int
    report: int  # -1: there are no stand-ins


class Scribe:
    """One run, as it is heard."""

    def __init__(
        self, options: Options, environ: Mapping[str, str], run_id: str, add: Callable[[bytes], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        """*add* gets each event as a line."""
        self._options = options
        self._environ = environ
        self._run_id = run_id
        self._add = add
        self._now = now
        self._began = now()
        self._seq = 0
        self._lock = threading.Lock()
        self._scrub: Scrubber | None = None
        self._listeners: dict[bytes, Listener] = {}
        self._phase = ""
        self._calls: set[str] = set()
        self._plans: dict[str, dict[str, Any]] = {}  # calls whose plan is being read: what is known of them
        self._parts: dict[str, set[int]] = {}
        self._reports = b""
        self._steps = 0
        self._heard = 0
        self._missed = 0
        self._git: dict[str, Any] | None = None
        self._started = False

    # From the job's process

    def begin(self) -> None:
        """Ask git; the first event waits for its answer, for a second."""
        threading.Thread(target=self._ask_git, daemon=True).start()

    def hear(self, ears: Ears) -> None:
        """Take frames and reports until the job has ended, and all that was told of it is heard."""
        frames = Frames()
        waiting = select.poll()
        for fd in (ears.feed, ears.end, ears.report):
            if fd >= 0:
                waiting.register(fd, select.POLLIN)
        end = b""
        left = _LEFT
        beat = time.monotonic() + HEARTBEAT
        while True:
            ready = dict(waiting.poll(_LOOK * 1000 if not end else 0))
            if ears.report in ready:
                data = _read(ears.report)
                if not data:
                    waiting.unregister(ears.report)
                self._take_reports(data)
            if ears.end in ready:
                end = _read(ears.end)
                waiting.unregister(ears.end)
            if self._git is not None:
                self.start()
            if time.monotonic() >= beat:
                beat += HEARTBEAT
                self.tell("heartbeat", {"heard": min(self._heard, wire.MAX_SEQ), "missed": self._missed})
            data = _read(ears.feed) if ears.feed in ready else b""
            for letter, content in frames.take(data):
                self.frame(letter, content)
            # What the job left running may print for ever.
            left -= len(data) if end else 0
            if (end and (not data or left < 0)) or (ears.feed in ready and not data):
                self._over(end)
                return

    @property
    def awaits(self) -> bool:
        """Whether something is still to be told of a plan."""
        return bool(self._plans)

    def linger(self, report: int, seconds: float) -> None:
        """Hear what is told of plans once the job has ended; of those that nobody tells of any more, say so."""
        until = time.monotonic() + seconds
        waiting = select.poll()
        if report >= 0:
            waiting.register(report, select.POLLIN)
        while report >= 0 and self._plans and (left := until - time.monotonic()) > 0:
            if waiting.poll(left * 1000):
                data = _read(report)
                if not data:
                    break  # nobody holds the other end
                self._take_reports(data)
        for call, about in list(self._plans.items()):
            self.tell(
                "impact", {**about, "plan": call, "part": 0, "parts": 1, "why": "no answer came of the plan file"}
            )
        self._plans.clear()

    def _take_reports(self, data: bytes) -> None:
        *lines, rest = (self._reports + data).split(b"\n")
        for line in lines:
            self.reported(line)
        self._reports = rest[: select.PIPE_BUF]

    def _over(self, end: bytes) -> None:
        """The job has ended; without *end* nobody knows how: the wrapper was killed."""
        self.start()
        for listener in self._listeners.values():
            for heard in listener.close():
                self._told(heard)
        self._end_phase()
        if end:
            status, seconds, missed = end.split()
            self._missed += int(missed)
            self._end(int(status), float(seconds))

    def frame(self, letter: bytes, content: bytes) -> None:
        """One frame of the feed."""
        if letter in (b"o", b"e"):
            self._heard += len(content)
            self._output(letter, content)
        elif letter == b"g":
            self._missed += int(content[1:])
            self._output(content[:1], b"\n")  # what comes next is no end of the line before the gap
        elif letter == b"i":
            self.tell("interrupt", {"signal": int(content)})

    def reported(self, line: bytes) -> None:
        """What a stand-in for Terraform says: the begin or the end of a phase."""
        try:
            told = json.loads(line)
            event = {"start": "phase.start", "end": "phase.end", "impact": "impact"}[told["report"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if event == "impact":
            self._impact(told)
            return
        self._await_plan(told)
        if event == "phase.start":
            self._end_phase()
            self._calls.add(str(told.get("call"))[:80])
            if len(self._calls) > 10_000:
                return
        self.tell(event, {**{name: told.get(name) for name in wire.FIELDS[event]}, "source": "shim"})

    def _await_plan(self, told: Mapping[str, Any]) -> None:
        call = str(told.get("call"))[:80]
        if told.get("asked") is True and call not in self._parts and len(self._parts) < _PLANS:
            self._plans[call] = {name: told.get(name) for name in ("workspace", "component", "operation")}

    def _impact(self, told: Mapping[str, Any]) -> None:
        call, part = str(told.get("plan"))[:80], told.get("part")
        if not isinstance(part, int) or (call not in self._parts and len(self._parts) >= _PLANS):
            return
        heard = self._parts.setdefault(call, set())
        heard.add(part)
        if told.get("parts") == len(heard):
            self._plans.pop(call, None)
        self.tell("impact", {name: told.get(name) for name in wire.FIELDS["impact"]})

    # Events

    def start(self) -> None:
        """Say that the run began, once."""
        if self._started:
            return
        self._started = True
        from daemon.wrapper import facts

        data: dict[str, Any] = {
            **self._options.texts, **facts.surroundings(self._environ), **(self._git or {}),
            "argv": facts.shown_argv(self._options.command, self._scrubber()), "expected_steps": self._options.steps,
            **{name.replace("-", "_"): True for name in ("emergency", "dry-run") if self._options.on(name)},
            "shim": not self._options.on("no-shim"),
        }  # fmt: skip
        self._event(0, "run.start", data, self._began)

    def tell(self, name: str, data: Mapping[str, Any], at: datetime | None = None) -> None:
        """One event more. Number 0 is kept for the start, which may be written later."""
        with self._lock:
            self._seq += 1
            seq = self._seq
        self._event(seq, name, data, at or self._now())

    def _event(self, seq: int, name: str, data: Mapping[str, Any], at: datetime) -> None:
        head = {"schema": wire.SCHEMA, "run_id": self._run_id, "seq": seq, "event": name, "ts": wire.stamp(at)}
        told = {
            key: value if key in _CLEAN else self._clean(value)
            for key, value in data.items()
            if value not in ("", None)
        }
        event = wire.parse({**head, **told})
        self._add(wire.line(event))

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str) and value:
            return self._scrubber().text(value)
        if isinstance(value, dict):
            return {key: self._clean(item) for key, item in value.items()}
        return [self._clean(item) for item in value] if isinstance(value, list) else value

    def _end(self, status: int, seconds: float) -> None:
        code = os.waitstatus_to_exitcode(status)
        data: dict[str, Any] = {"rc": code if code >= 0 else 128 - code, "duration": seconds, "missed": self._missed}
        if code < 0:
            data["signal"] = -code
        self.tell("run.end", {**data, "complete": self._missed == 0})

    # The job's output

    def _output(self, letter: bytes, data: bytes) -> None:
        if letter not in self._listeners:
            from checks.runs.listener import Listener

            self._listeners[letter] = Listener(self._scrubber().text)
        for heard in self._listeners[letter].feed(data):
            self._told(heard)

    def _told(self, heard: Heard) -> None:
        from checks.runs import travel

        name, data = travel.told(heard.event)
        if name == "phase.start":
            # The stand-ins know better; and `plan` is told by many lines.
            if self._calls or data["phase"] == self._phase:
                return
            self._end_phase()
            self._phase = data["phase"]
        elif name == "step.start":
            data["index"] = self._steps
            self._steps += 1
        self.tell(name, data, heard.at)

    def _end_phase(self) -> None:
        if self._phase:
            self.tell("phase.end", {"phase": self._phase, "source": "output"})
            self._phase = ""

    def _scrubber(self) -> Scrubber:
        if self._scrub is None:
            from daemon.wrapper.facts import scrubber

            self._scrub = scrubber(self._environ, self._options.command)
        return self._scrub

    def _ask_git(self) -> None:
        found: dict[str, Any] = {}
        with contextlib.suppress(OSError):
            from daemon.wrapper import facts

            found = facts.git(Path.cwd(), self._environ)
        self._git = found


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, _CHUNK)
    except OSError:
        return b""
