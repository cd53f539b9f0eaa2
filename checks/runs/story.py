"""The events of a run, put together: its steps, its calls of Terraform, its resources, what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from checks.runs.model import (
    Doing,
    Heard,
    Interrupted,
    Phase,
    PhaseBegun,
    ResourceEvent,
    Status,
    StepBegun,
    StepFailed,
    Summary,
    Trouble,
)

_T = TypeVar("_T")

RESOURCES, TROUBLES, STEPS, CALLS = 5_000, 100, 500, 500  # that are kept; more are counted


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a workflow."""

    command: str = ""
    name: str = ""
    begun_at: datetime | None = None
    failed: bool = False
    exit_code: int | None = None
    resume: str = ""


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """What was done to one resource in one call of Terraform."""

    call: int
    address: str
    doing: Doing
    status: Status
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of Terraform, from its init."""

    phase: Phase
    begun_at: datetime | None
    phases: tuple[tuple[Phase, datetime | None], ...] = ()
    workspace: str = ""
    planned: Summary | None = None
    applied: Summary | None = None


@dataclass
class Story:
    """What is known of a run so far. Give it each event once, in order."""

    steps: list[Step] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    interrupted: bool = False
    left_out: int = 0  # resources, steps, calls and errors beyond what is kept
    _code: int | None = None
    _rows: dict[tuple[int, str, Doing], ResourceRow] = field(default_factory=dict)

    def hear(self, heard: Heard, now: datetime) -> None:
        """Take in one event. *now* stands in where the output names no time."""
        at, event = heard.at or now, heard.event
        match event:
            case PhaseBegun():
                self._phase(event, at)
            case ResourceEvent():
                self._resource(event, at)
            case Summary():
                self._summary(event, at)
            case Trouble():
                self._trouble(event, at)
            case StepBegun():
                self._add(self.steps, Step(event.command, event.name, at), STEPS)
            case StepFailed():
                self._failed(event, at)
            case Interrupted():
                self.interrupted = True

    @property
    def resources(self) -> tuple[ResourceRow, ...]:
        """In the order in which they were first heard of."""
        return tuple(self._rows.values())

    @property
    def unfinished(self) -> tuple[ResourceRow, ...]:
        """What was begun and has no end yet. After the run they may exist although no state has them."""
        changing = (row for row in self._rows.values() if row.doing is not Doing.READ)
        return tuple(row for row in changing if row.status is Status.STARTED)

    @property
    def changed(self) -> Mapping[str, int]:
        """Resources that were created, updated, deleted and imported, by what was done: what was heard to end."""
        done: dict[str, int] = {}
        for row in self._rows.values():
            if row.status is Status.DONE and row.doing is not Doing.READ:
                done[row.doing] = done.get(row.doing, 0) + 1
        return done

    def over(self) -> None:
        """The run has ended: what has no end by now never had one."""
        for key, row in self._rows.items():
            if row.status is Status.STARTED:
                self._rows[key] = replace(row, status=Status.UNFINISHED)

    def _call(self, at: datetime) -> int:
        if not self.calls:
            self.calls.append(Call(Phase.PLAN, at, ((Phase.PLAN, at),)))
        return len(self.calls) - 1

    def _phase(self, event: PhaseBegun, at: datetime) -> None:
        last = self.calls[-1] if self.calls else None
        again = last is not None and last.phase is event.phase and last.applied is None
        if again and not event.workspace:
            return
        ended = last is not None and (last.applied is not None or last.phase is Phase.APPLY)
        anew = event.phase is Phase.INIT or (event.phase is Phase.PLAN and ended)
        if last is None or anew or (event.phase is Phase.APPLY and last.applied is not None):
            self._add(self.calls, Call(event.phase, at, ((event.phase, at),), event.workspace), CALLS)
            return
        phases = last.phases if again else (*last.phases, (event.phase, at))
        self.calls[-1] = replace(
            last, phase=event.phase, phases=phases, workspace=event.workspace or last.workspace
        )  # fmt: skip

    def _resource(self, event: ResourceEvent, at: datetime) -> None:
        call = self._call(at)
        if event.doing is not Doing.READ and event.status is not Status.PLANNED:
            self._phase(PhaseBegun(Phase.APPLY), at)
            call = len(self.calls) - 1
        key = (call, event.address, event.doing)
        before = self._rows.get(key)
        if before is None and len(self._rows) >= RESOURCES:
            self.left_out += 1
            return
        if event.status in (Status.STARTED, Status.DONE, Status.FAILED):
            self._rows.pop((call, event.address, Doing.REPLACE), None)  # its halves are told one by one
        row = before or ResourceRow(call, event.address, event.doing, event.status)
        if row.status in (Status.DONE, Status.FAILED) and event.status in (Status.PLANNED, Status.STARTED):
            return
        ended = at if event.status in (Status.DONE, Status.FAILED) else row.ended_at
        begun = row.begun_at or (at if event.status is not Status.PLANNED else None)
        time = event.seconds if event.seconds is not None else row.seconds
        self._rows[key] = replace(
            row, status=event.status, begun_at=begun, ended_at=ended, seconds=time, id=event.id or row.id
        )  # fmt: skip

    def _summary(self, event: Summary, at: datetime) -> None:
        number = self._call(at)
        call = self.calls[number]
        if event.operation == "plan":
            self.calls[number] = replace(call, planned=event)
        else:
            self.calls[number] = replace(call, applied=event)

    def _trouble(self, event: Trouble, at: datetime) -> None:
        self._add(self.troubles, event, TROUBLES)
        # Terraform's human output tells a resource's failure in no other way.
        for key, row in self._rows.items():
            if row.address == event.address and row.status is Status.STARTED and key[0] == len(self.calls) - 1:
                self._rows[key] = replace(row, status=Status.FAILED, ended_at=at)

    def _failed(self, event: StepFailed, at: datetime) -> None:
        last = self.steps[-1] if self.steps else None
        if last is None and not event.name:
            self._code = event.exit_code  # of a step whose name comes next, or of no step at all
            return
        if last is None or (event.name and last.name not in ("", event.name)):
            self._add(self.steps, Step(), STEPS)
            last = self.steps[-1]
        code = event.exit_code if event.exit_code is not None else last.exit_code
        self.steps[-1] = replace(
            last, failed=True, name=event.name or last.name, exit_code=self._code if code is None else code,
            resume=event.resume or last.resume,
        )  # fmt: skip

    def _add(self, to: list[_T], one: _T, most: int) -> None:
        if len(to) < most:
            to.append(one)
        else:
            self.left_out += 1


def tell(events: Iterable[Heard], now: datetime) -> Story:
    """The story of these events, of a run that has ended."""
    story = Story()
    for heard in events:
        story.hear(heard, now)
    story.over()
    return story
