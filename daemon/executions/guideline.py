"""Recorded runs held against the guideline's cycle: from what is stored to what checks.runs.cycle judges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from checks.base import Instance, Reading
from checks.kinds import STAGING
from checks.runs.agreed import Approval, Subject
from checks.runs.cycle import APPLY, APPROVAL, WORDS, Judged, Rules, Step, World, judge, overdue, reading_of
from checks.runs.record import RunRecord, Sent, State, StepRow, record_of, workflow_of
from daemon.executions.github import run_of_page
from daemon.executions.windows import Freeze, Window, outside
from daemon.store import Reader, Transaction, approvals, executions

_MOST = 200  # runs of one stack that are read
STEP = f"the step {APPROVAL}"  # how an approval came that was given by running it
_BEGINS = frozenset({"step.start", "phase.start"})
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_DRY = frozenset({"--dry-run", "--dry-run=true", "-dry-run"})


@dataclass(frozen=True, slots=True)
class Named:
    """Which of the guideline's steps a workflow, or a command of a step, is. *match*: a pattern."""

    match: str
    word: str


@dataclass(frozen=True, slots=True)
class Guideline:
    """What is configured. *needs*: pattern of components -> components of the same stack that they depend on."""

    rules: Rules = field(default_factory=Rules)
    named: tuple[Named, ...] = ()
    windows: tuple[Window, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def reading(
        self, view: Reader, stack: str, component: str, stage: str, instances: Iterable[Instance], now: datetime
    ) -> Reading | None:
        """What to say of the applies at a place; None: there were none lately."""
        judged = self.judged(view, stack, component, stage, instances, now)
        return self.told(stack, component, stage, [*self.owed(view, stack, component, now), *judged], now)

    def told(self, stack: str, component: str, stage: str, judged: Sequence[Judged], now: datetime) -> Reading | None:
        """reading(), of what is judged already."""
        place = f"{stack}/{component}" if component else stack
        return reading_of(f"{place} cycle", stage, judged, self.rules, now)

    def judged(
        self, view: Reader, stack: str, component: str, stage: str, instances: Iterable[Instance], now: datetime,
        begin: datetime | None = None, most: int = _MOST, read: dict[str, list[Step]] | None = None,
    ) -> Sequence[Judged]:  # fmt: skip
        """All applies at a place of which is told; with *begin*, those since then, out of the *most* last runs.

        *read* keeps what was read of a stack, for who asks of all its places with the same bounds.
        """
        since = (now - self.rules.told if begin is None else begin) - self.rules.fresh
        kept = {} if read is None else read
        steps = self._steps(view, stack, since, most, kept)
        applies = [one for one in steps if one.word == APPLY and one.component == component and not one.dry_run]
        if not applies:
            return []
        uat = sorted({one.stack for one in instances if one.stage == STAGING})
        staging = [one for name in uat for one in self._steps(view, name, since, most, kept) if one.word == APPLY]
        given = approvals.since(view.db, since - self.rules.approval_holds)
        known = {one.mark for one in given}  # what is stored may have been revoked since
        given += [one for one in _approved(steps) if one.mark not in known]
        needs = tuple(name for match, names in self.needs.items() if fnmatchcase(component, match) for name in names)
        why = {one.run_id: outside(self.windows, self.freezes, stack, one.began) for one in applies}
        world = World(steps, staging, given, why, {component: needs})
        return [judge(one, stage, world, self.rules, now) for one in applies]

    def owed(self, view: Reader, stack: str, component: str, now: datetime) -> list[Judged]:
        """Emergencies of before, as far as nobody has reviewed them: that is told of until somebody does."""
        since = now - self.rules.told - self.rules.fresh
        found = []
        for run_id in executions.emergencies(view.db, stack, since):
            events = executions.events_of(view.db, run_id)
            for step in steps_of(record_of(run_id, events), events, self.named):
                if step.word == APPLY and step.component == component and step.emergency and not step.dry_run:
                    given = approvals.about(view.db, run_id, "", "")
                    found += [one for one in [overdue(step, given, self.rules, now)] if one is not None]
        return found

    def _steps(
        self, view: Reader, stack: str, since: datetime, most: int, kept: dict[str, list[Step]]
    ) -> list[Step]:  # fmt: skip
        if stack in kept:
            return kept[stack]
        found: list[Step] = kept.setdefault(stack, [])
        for row in executions.of_stack(view.db, stack, since, most):
            events = executions.events_of(view.db, row.run_id)
            found += steps_of(record_of(row.run_id, events, row.lost_at is not None), events, self.named)
        return found


@dataclass(frozen=True, slots=True)
class Run:
    """A recorded run, as people agree to it."""

    subject: Subject
    emergency: bool = False
    dry_run: bool = False
    over: bool = False
    asks: bool = False  # it is at a step that waits for an approval, or is called an apply and has told of none yet


def run_of(view: Reader | Transaction, run_id: str, named: Sequence[Named]) -> Run | None:
    """A run by its id; None: there is none."""
    row = executions.find(view.db, run_id)
    if row is None:
        return None
    events = executions.events_of(view.db, run_id)
    record = record_of(run_id, events, row.lost_at is not None)
    steps = steps_of(record, events, named)
    first = min(
        (one for one in steps if one.word == APPLY and not _waits(one, record)), key=lambda one: one.began, default=None
    )
    began, heard = (None, None) if first is None else (first.began, first.heard)
    whole = _whole(record, events)
    subject = Subject(
        run_id, record.stack or row.stack, record.commit, record.actor, workflow_of(record), whole.within, began, heard,
    )  # fmt: skip
    held = any(one.word == APPROVAL and one.state is State.RUNNING for one in steps)
    asked = any(sent.event == "log" and sent.body.get("waits") for sent in events)
    named_so = any(one.word == APPLY for one in steps) or record.workflow == APPLY
    asks = not record.over and began is None and (held or asked or named_so)
    return Run(subject, whole.emergency, whole.dry_run, record.over, asks)


def _waits(step: Step, record: RunRecord) -> bool:
    """Whether a run that is called an apply has not told that it began to apply."""
    plain = not any(one.name == "apply" for one in record.phases) and not record.deployed
    return plain and not record.over and step.began == record.started_at


def steps_of(record: RunRecord, events: Sequence[Sent], named: Sequence[Named]) -> list[Step]:
    """What a run did of the guideline's steps: as a whole, and by its own steps."""
    began = record.started_at
    if began is None:
        return []
    whole = _whole(record, events)
    found = [
        _part(whole, row, record, word) for row in record.steps
        if row.begun_at is not None and (word := _word((row.name, row.command or ""), named))
    ]  # fmt: skip
    word = _word((workflow_of(record), " ".join(record.argv)), named)
    if not word and record.deployed and not any(one.word == APPLY for one in found):
        word = APPLY
    if word and not any(one.word == word for one in found):
        phase = next((one.begun_at for one in record.phases if one.name == "apply" and one.begun_at), None)
        when = phase if word == APPLY and phase is not None else began
        found.append(_with(whole, word, when, record.ended_at, record.state))
    heard: dict[datetime, datetime] = {}
    for sent in events:
        if sent.event in _BEGINS:
            heard[sent.at] = min(sent.received, heard.get(sent.at, sent.received))
    return [replace(one, heard=heard.get(one.began)) for one in found]


def _whole(record: RunRecord, events: Iterable[Sent]) -> Step:
    """A run as one step that has no word yet."""
    said = next((sent.body for sent in events if sent.event == "run.start"), {})
    return Step(
        record.run_id, "", record.started_at or _EVER, record.ended_at, record.state, record.stack, record.component,
        record.commit, record.actor, record.dirty, bool(_DRY & set(record.argv)) or said.get("dry_run") is True,
        record.emergency, record.rollback, workflow_of(record),
        run_of_page(record.url, record.attempt if "attempt" in said else 0),
    )  # fmt: skip


def _part(whole: Step, row: StepRow, record: RunRecord, word: str) -> Step:
    later = [one.begun_at for one in record.steps if one.index > row.index and one.begun_at is not None]
    ended = row.ended_at or min(later, default=record.ended_at)
    if row.code is not None:
        state = State.FAILED if row.code else State.SUCCEEDED
    else:  # Atmos tells of no end that was good; but what came after it did begin
        state = State.SUCCEEDED if later or record.state is State.SUCCEEDED else record.state
    return _with(whole, word, row.begun_at or whole.began, ended, state)


def _with(whole: Step, word: str, began: datetime, ended: datetime | None, state: State) -> Step:
    return Step(
        whole.run_id, word, began, ended, state, whole.stack, whole.component, whole.commit, whole.actor, whole.dirty,
        whole.dry_run, whole.emergency, whole.rollback, whole.workflow, whole.within,
    )  # fmt: skip


def _word(names: Iterable[str], named: Sequence[Named]) -> str:
    """The first row that fits decides; else a name that is the guideline's own."""
    known = [name.strip() for name in names if name.strip()]
    for row in named:
        if any(fnmatchcase(name, row.match) for name in known):
            return row.word
    return next((name for name in known if name in WORDS), "")


def _approved(steps: Iterable[Step]) -> Iterable[Approval]:
    """Approvals that were given by running the step of that name."""
    for step in steps:
        if step.word == APPROVAL and step.state is State.SUCCEEDED and step.commit and not step.dry_run:
            named = f"{step.run_id}\n{step.component}\n{step.began.isoformat()}"
            yield Approval(
                step.actor, step.ended or step.began, commit=step.commit, stack=step.stack, via=STEP,
                note=f"run {step.run_id}", mark=hashlib.sha256(f"step\n{named}".encode()).hexdigest()[:32],
            )  # fmt: skip
