"""A run as the fold of its events: pure, and the same in whatever order, and however often, the events came.

An event is the JSON object that was sent (see docs/executions.md). *seq* orders those of a run; what a run says of
itself is believed, but for its end: only an event of its end ends it, and only silence makes it lost.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from checks.base import Json
from checks.runs.impact import Gathered, Impact
from checks.runs.model import Doing, Status, Trouble

HEARTBEAT = timedelta(seconds=30)
MISSED = 3  # heartbeats in a row, until a run is lost
_ORPHANS = frozenset({Doing.CREATE, Doing.UPDATE, Doing.DELETE, Doing.REPLACE, Doing.IMPORT, Doing.OTHER})
_LONGEST = 1e9  # seconds that are believed
_STOPPED = frozenset({1, 2, 15})  # SIGHUP, SIGINT, SIGTERM: somebody stopped it
_STARTED = frozenset({"started", "start", "in_progress", "progress", "begun"})
_DONE = frozenset({"done", "complete", "completed", "ok", "success", "succeeded"})
_FAILED = frozenset({"failed", "errored", "error"})
# Words of commands that never are a value, wherever they stand.
_WORDS = frozenset({
    "apply", "atmos", "destroy", "import", "init", "output", "plan", "refresh", "state", "terraform", "tofu",
    "validate", "workflow", "workspace",
})  # fmt: skip


class State(StrEnum):
    """How a run stands. LOST: nothing was heard of it for too long, and nobody knows how it ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Sent:
    """One event as it is stored. *at* is what the sender's clock said; *received* what ours did."""

    seq: int
    event: str
    at: datetime
    received: datetime
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of a workflow. *code* None: its end was not heard."""

    index: int
    name: str = ""
    command: str | None = None  # None: not told
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    code: int | None = None
    resume: str = ""  # the command that goes on from it, as Atmos said

    @property
    def inert(self) -> bool:
        """A step whose command is known to be empty: it does nothing."""
        return self.command is not None and not self.command.strip()

    @property
    def failed(self) -> bool:
        return bool(self.code)


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """What Terraform did for a while: init, workspace, plan, apply."""

    name: str
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    code: int | None = None  # None: not told
    where: tuple[str, str] = ("", "")  # folder and workspace


@dataclass(frozen=True, slots=True)
class Touched:
    """What was done to one resource."""

    address: str
    doing: str
    status: Status
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """All that is known of a run."""

    run_id: str
    told: bool = False  # whether its start was heard: before, what it is a run of is not known
    workflow: str = ""
    file: str = ""
    stack: str = ""
    component: str = ""
    argv: tuple[str, ...] = ()
    actor: str = ""
    host: str = ""
    commit: str = ""
    dirty: bool | None = None
    committed_at: datetime | None = None
    url: str = ""
    attempt: int = 1
    expected_steps: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    state: State = State.RUNNING
    code: int | None = None
    signal: str = ""
    seconds: float | None = None
    interrupted: bool = False  # somebody told it to stop
    steps: tuple[StepRow, ...] = ()
    phases: tuple[PhaseRow, ...] = ()
    resources: tuple[Touched, ...] = ()
    applied: tuple[int, int, int, int] | None = None  # added, changed, destroyed, imported, as Terraform summed it up
    planned: tuple[int, int, int, int] | None = None
    troubles: tuple[Trouble, ...] = ()
    notes: tuple[str, ...] = ()
    rollback: str = ""  # how to go back: a link, a commit, a run
    emergency: bool = False
    heard_at: datetime | None = None
    impacts: tuple[Impact, ...] = ()  # what its plans would do, as they were heard

    @property
    def over(self) -> bool:
        return self.state is not State.RUNNING

    @property
    def failed_step(self) -> StepRow | None:
        """The step that failed, or in which the run was when it failed; None where the run ended well."""
        if self.state is State.SUCCEEDED:
            return None
        for step in self.steps:
            if step.failed:
                return step
        if self.state in (State.FAILED, State.LOST, State.CANCELLED):
            return next((step for step in reversed(self.steps) if step.begun_at and step.ended_at is None), None)
        return None

    @property
    def failed_apply(self) -> PhaseRow | None:
        """An apply that failed and was not done again at the same place."""
        last = {phase.where: phase for phase in self.phases if phase.name == "apply"}
        return next((phase for phase in last.values() if phase.code), None)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Addresses of what was begun to be changed and has no end, of a run that did not end well."""
        if self.state in (State.SUCCEEDED, State.RUNNING):
            return ()
        return tuple(row.address for row in self.resources if row.status is Status.STARTED and row.doing in _ORPHANS)

    @property
    def changes(self) -> tuple[int, int, int]:
        """Resources added, changed, destroyed: as Terraform summed up, else as they were heard to end."""
        if self.applied is not None:
            return self.applied[:3]
        done = [row.doing for row in self.resources if row.status is Status.DONE]
        added, changed = done.count(Doing.CREATE) + done.count(Doing.REPLACE), done.count(Doing.UPDATE)
        return added, changed, done.count(Doing.DELETE) + done.count(Doing.REPLACE)

    @property
    def deployed(self) -> bool:
        """Whether something was applied, as far as was heard."""
        touched = any(row.doing in _ORPHANS and row.status is not Status.PLANNED for row in self.resources)
        return self.applied is not None or touched or any(phase.name == "apply" for phase in self.phases)


def record_of(run_id: str, events: Iterable[Sent], lost: bool = False) -> RunRecord:
    """The record of a run. *lost*: it was silent for too long; an end that came after all goes before that."""
    ordered: dict[int, Sent] = {}
    for sent in events:
        ordered.setdefault(sent.seq, sent)
    found = _Fold()
    for seq in sorted(ordered):
        found.take(ordered[seq])
    return found.record(run_id, lost)


def resource_of(place: str, workflow: str) -> str:
    """What stands for all runs of one workflow at one place: the next success of the same ends its troubles."""
    return f"{place} {workflow}" if place != workflow else place


def place_of(record: RunRecord) -> str:
    """Where a run belongs: its component instance, its stack, or the workflow itself."""
    if record.stack and record.component:
        return f"{record.stack}/{record.component}"
    return record.stack or record.component or workflow_of(record)


def workflow_of(record: RunRecord) -> str:
    """The workflow's name; the command where none was given, without what may hold a value."""
    return record.workflow or _called(record.argv) or "a run that did not say what it is"


def _called(argv: Sequence[str]) -> str:
    """The first words of a command: no folder, no option, no `NAME=value`; of scripts, or after `-var`, known words."""
    found, after_option = [], False
    for number, argument in enumerate(argv[:3]):
        words = argument.split()
        for at, word in enumerate(words):
            program = number == 0 and at == 0
            safe = program or word in _WORDS or not (after_option or len(words) > 1)
            after_option = word.startswith("-") and "=" not in word
            if safe and not word.startswith("-") and "=" not in word:
                found.append(word.rpartition("/")[2] if program else word)
    return " ".join(found)


def resume_command(record: RunRecord) -> str:
    """The command that goes on from the step that failed; empty: it cannot be told.

    Atmos takes one name of a workflow: where more stands beside it, it asks a person (and fails in CI).
    """
    step = record.failed_step
    if step is not None and step.resume and "(sensitive)" not in step.resume:
        return step.resume
    argv = list(record.argv)
    if step is None or not step.name or argv[:2] != ["atmos", "workflow"] or len(argv) < 3:
        return ""
    if any("=" in word and not word.startswith("-") for word in argv) or any("(sensitive)" in word for word in argv):
        return ""
    if "--from-step" in argv:
        at = argv.index("--from-step")
        del argv[at : at + 2]
    kept = [word for word in argv if not word.startswith("--from-step=")]
    return shlex.join([*kept, "--from-step", step.name])


class _Fold:
    """Takes the events in the order of their numbers."""

    def __init__(self) -> None:
        self.start: Sent | None = None
        self.end: Sent | None = None
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.heard: datetime | None = None
        self.interrupted = False
        self.steps: dict[int, StepRow] = {}
        self.phases: list[PhaseRow] = []
        self.rows: dict[tuple[int, str, str], Touched] = {}
        self.call = 0
        self.applied: list[int] | None = None
        self.planned: list[int] | None = None
        self.troubles: list[Trouble] = []
        self.notes: list[str] = []
        self.plans = Gathered()

    def take(self, sent: Sent) -> None:
        self.first = sent.at if self.first is None else min(self.first, sent.at)
        self.last = sent.at if self.last is None else max(self.last, sent.at)
        self.heard = sent.received if self.heard is None else max(self.heard, sent.received)
        match sent.event:
            case "run.start":
                self.start = self.start or sent
            case "run.end":
                self.end = self.end or sent
            case "interrupt":
                self.interrupted = True
            case "heartbeat":
                pass
            case "step.start" | "step.end":
                self._step(sent)
            case "phase.start" | "phase.end":
                self._phase(sent)
            case "resource":
                self._resource(sent)
            case "summary":
                self._summary(sent)
            case "impact":
                self.plans.event(sent.at, sent.body)
            case "error":
                self._trouble(sent)
            case _:
                text = _text(sent.body, "text") or _text(sent.body, "message")
                if text:
                    self.notes.append(text)

    def _step(self, sent: Sent) -> None:
        index = _number(sent.body, "index")
        key = index if index is not None else self._step_of(sent)
        row = self.steps.get(key) or StepRow(key)
        command = sent.body.get("command")
        row = replace(
            row, name=_text(sent.body, "name") or row.name, command=command if isinstance(command, str) else row.command
        )
        if sent.event == "step.start":
            self.steps[key] = replace(row, begun_at=row.begun_at or sent.at)
        else:
            code = _number(sent.body, "rc")
            self.steps[key] = replace(
                row, ended_at=sent.at, code=row.code if code is None else code,
                resume=_text(sent.body, "resume") or row.resume,
            )  # fmt: skip

    def _step_of(self, sent: Sent) -> int:
        """Which step an event without a number is of: Atmos' output tells of an end in several, and by name at most."""
        last = max(self.steps, default=-1)
        if sent.event == "step.start":
            return last + 1
        name = _text(sent.body, "name")
        return next((key for key, row in self.steps.items() if name and row.name == name), max(last, 0))

    def _phase(self, sent: Sent) -> None:
        name = _text(sent.body, "phase") or _text(sent.body, "name") or "terraform"
        where = (_text(sent.body, "component"), _text(sent.body, "workspace"))
        if sent.event == "phase.start":
            self.call += name == "init" or (name == "plan" and bool(self.phases) and self.phases[-1].name == "apply")
            self.phases.append(PhaseRow(name, sent.at, where=where))
            return
        code = _number(sent.body, "rc")
        open_ = [n for n, one in enumerate(self.phases) if one.name == name and one.ended_at is None]
        for number in sorted(open_, key=lambda n: (self.phases[n].where == where, n), reverse=True)[:1]:
            self.phases[number] = replace(self.phases[number], ended_at=sent.at, code=code)
            return
        self.phases.append(PhaseRow(name, None, sent.at, code, where))

    def _resource(self, sent: Sent) -> None:
        body = sent.body
        address, doing = _text(body, "addr") or _text(body, "address"), _text(body, "action") or "other"
        if not address:
            return
        call = _number(body, "call")
        key = (self.call if call is None else call, address, doing)
        row = self.rows.get(key) or Touched(address, doing, Status.PLANNED)
        word = _text(body, "status").lower()
        if word == Status.PLANNED:
            self.plans.planned(key[0], sent.at, address, doing, _text(body, "order"))
        if word in _STARTED and row.status not in (Status.DONE, Status.FAILED):
            row = replace(row, status=Status.STARTED, begun_at=row.begun_at or sent.at)
        elif word in _DONE:
            row = replace(row, status=Status.DONE, ended_at=sent.at)
        elif word in _FAILED:
            row = replace(row, status=Status.FAILED, ended_at=sent.at)
        elif word == Status.UNFINISHED:
            row = replace(row, status=Status.STARTED, begun_at=row.begun_at or sent.at)
        seconds = body.get("elapsed", body.get("seconds"))
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < _LONGEST:
            row = replace(row, seconds=float(seconds))
        self.rows[key] = replace(row, id=_text(body, "id") or row.id)

    def _summary(self, sent: Sent) -> None:
        body = sent.body
        names = (("add", "added"), ("change", "changed"), ("remove", "removed"), ("import", "imported"))
        counts = [next((n for name in pair if (n := _number(body, name)) is not None), 0) for pair in names]
        if _text(body, "operation") == "plan":
            self.plans.summed(self.call, sent.at, counts)
            self.planned = [a + b for a, b in zip(self.planned or [0] * 4, counts, strict=True)]
        else:
            self.applied = [a + b for a, b in zip(self.applied or [0] * 4, counts, strict=True)]

    def _trouble(self, sent: Sent) -> None:
        body = sent.body
        trouble = Trouble(
            _text(body, "summary") or _text(body, "message"), _text(body, "detail"),
            _text(body, "address") or _text(body, "addr"), _text(body, "file"), _number(body, "line") or 0,
        )  # fmt: skip
        if trouble.summary:
            self.troubles.append(trouble)
        for key, row in self.rows.items():
            if trouble.address and row.address == trouble.address and row.status is Status.STARTED:
                self.rows[key] = replace(row, status=Status.FAILED, ended_at=sent.at)

    def record(self, run_id: str, lost: bool) -> RunRecord:
        start = self.start.body if self.start else {}
        argv = start.get("argv")
        words = tuple(str(word) for word in argv) if isinstance(argv, list | tuple) else ()
        if not words and isinstance(argv, str):
            words = (argv,)
        began = self.start.at if self.start else self.first
        record = RunRecord(
            run_id, self.start is not None, _text(start, "workflow"), _text(start, "file"), _text(start, "stack"),
            _text(start, "component"), words, _text(start, "actor"), _text(start, "host"),
            _text(start, "git_sha") or _text(start, "commit"), _truth(start.get("git_dirty")),
            _moment(start.get("git_committed_at", start.get("committed_at"))),
            _text(start, "ci_url") or _text(start, "url"),
            _number(start, "attempt") or 1, _count(start.get("expected_steps")), began, interrupted=self.interrupted,
            steps=tuple(self.steps[key] for key in sorted(self.steps)), phases=tuple(self.phases),
            resources=tuple(self.rows.values()), troubles=tuple(self.troubles), notes=tuple(self.notes),
            applied=_four(self.applied), planned=_four(self.planned), heard_at=self.heard,
            impacts=self.plans.impacts(), rollback=_text(start, "rollback"), emergency=start.get("emergency") is True,
        )  # fmt: skip
        if self.end is None:
            return replace(record, state=State.LOST if lost else State.RUNNING)
        return _ended(record, self.end)


def _ended(record: RunRecord, end: Sent) -> RunRecord:
    body = end.body
    code, signal = _number(body, "rc"), body.get("signal")
    told = body.get("duration", body.get("seconds"))
    number = isinstance(told, int | float) and not isinstance(told, bool)
    seconds = float(told) if number and 0 <= told < _LONGEST else None
    if seconds is None and record.started_at is not None:
        seconds = max(0.0, (end.at - record.started_at).total_seconds())
    state = _state(record, code, signal, _text(body, "result"))
    if state is State.SUCCEEDED and record.failed_apply is not None:
        state = State.FAILED  # a pipe, or a script that goes on, has an exit code of its own
    name = "" if signal in (None, "", 0) else str(signal)
    return replace(record, state=state, code=code, signal=name, ended_at=end.at, seconds=seconds)


def _state(record: RunRecord, code: int | None, signal: object, result: str) -> State:
    if result in (State.SUCCEEDED, State.FAILED, State.CANCELLED):
        # A word of the sender's that its own exit code gainsays is not believed.
        return State.FAILED if result == State.SUCCEEDED and (code or signal) else State(result)
    if _stopped(signal) or code in (128 + 1, 128 + 2, 128 + 15):
        return State.CANCELLED
    if code == 2 and not record.troubles and any(word.startswith("-detailed-exitcode") for word in record.argv):
        return State.SUCCEEDED  # how Terraform says that a plan has changes
    # An end without an exit code is no success: nobody said so.
    return State.SUCCEEDED if code == 0 and signal in (None, "", 0) else State.FAILED


def _stopped(signal: object) -> bool:
    if isinstance(signal, int):
        return signal in _STOPPED
    return isinstance(signal, str) and signal.upper().removeprefix("SIG") in {"HUP", "INT", "TERM", "1", "2", "15"}


def _text(body: Mapping[str, Json], name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""


def _number(body: Mapping[str, Any], name: str) -> int | None:
    found = body.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _count(told: object) -> int | None:
    if isinstance(told, list | tuple):
        return len(told)
    return told if isinstance(told, int) and not isinstance(told, bool) else None


def _truth(told: object) -> bool | None:
    return told if isinstance(told, bool) else None


def _moment(told: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _four(found: list[int] | None) -> tuple[int, int, int, int] | None:
    return None if found is None else (found[0], found[1], found[2], found[3])
