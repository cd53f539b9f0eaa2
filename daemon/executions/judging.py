"""Judging: what came in is folded, and what comes of it is recorded like any other look.

Everything is read from the store, so that a process killed at any point goes on where it was: a run is `dirty` until
what it came to, and what that did to incidents, are committed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from checks.base import Instance, Outcome, Reading
from checks.runs.cycle import Judged as Kept
from checks.runs.model import Status
from checks.runs.record import RunRecord, State, place_of, record_of, resource_of, workflow_of
from checks.runs.told import CHECK, KEPT, Standing, decides, reading_of, verdict_of
from daemon.executions.after import Aftercare
from daemon.executions.approving import keep_steps
from daemon.executions.guideline import Guideline
from daemon.executions.intake import Storing, counts_of
from daemon.executions.locks import holders_of
from daemon.executions.schedules import Expected, Schedule, expect
from daemon.places import labels_of
from daemon.record import Recorder, Run
from daemon.store import Transaction, aftercare, executions
from daemon.store.executions import ExecutionRow, Judged

log = logging.getLogger(__name__)

STUCK_TIMES = 3  # the 95th percentile of what such runs took
STUCK_RUNS = 5  # that ended well, before anything is called usual
STUCK_LEAST = timedelta(minutes=10)
UNTOLD = timedelta(minutes=2)  # for the start of a run to come after its other events
PATIENCE = timedelta(minutes=10)  # for the inventory to load, which knows the stages
CYCLE_AGAIN = timedelta(minutes=10)  # what was not kept to, or may still come, is looked at again
FAILPOINTS = ("before_record", "within_record", "after_record")  # where a test may end the process


@dataclass
class Judge:
    """Judges what has changed. `tick` is safe to miss, to run late and to run twice; not beside itself."""

    store: Storing
    recorder: Recorder
    clock: Callable[[], datetime]
    instances: Callable[[], Iterable[Instance] | None] = lambda: ()  # None: the inventory has not loaded yet
    schedules: Sequence[Schedule] = ()
    stuck_after: timedelta | None = None  # of a run without history; None: never
    retention: timedelta = timedelta(days=400)
    on_resources: Callable[[str, str, int], None] = lambda action, result, count: None  # that a run ended with
    cycle: Guideline | None = None  # what applies are held against
    after: Aftercare | None = None  # what is known of the time after applies
    failpoint: Callable[[str], None] = lambda name: None
    _awaited: dict[str, datetime] = field(default_factory=dict, init=False)  # places to look at again by the clock
    _asked: set[str] = field(default_factory=set, init=False)  # stacks of which something was agreed to since
    _began: datetime | None = field(default=None, init=False)
    _instances: tuple[Instance, ...] = field(default=(), init=False)

    def run(self) -> None:
        """tick(), for a scheduler."""
        self.tick()

    def again(self, stack: str) -> None:
        """Have the applies of a stack judged anew with the next tick. Safe from any thread."""
        self._asked.add(stack)

    def leave(self, gone: Collection[str]) -> None:
        """Give up the incidents of places that are in no listing any more, but for those that a schedule names."""
        kept = {one.place for one in self.schedules}
        for check, place in self.recorder.jobs():
            if check == CHECK and place in gone and place not in kept:
                self._awaited.pop(place, None)
                self.recorder.retire(CHECK, place, "the instance is not listed any more", self.clock())

    def tick(self) -> int:
        """Judge what is new and what is due; give how many places were looked at.

        Raises what went wrong, StoreError among it, with the rest done.
        """
        now = self.clock()
        if self._began is None:
            self._began = now
            self._await_all(now)
        self._await_asked(now)
        with self.store.transaction() as tx:
            # What could not be heard because nobody listened is not silent yet.
            executions.silent(tx.db, now, self._began)
            executions.mark_stuck(tx.db, now)
        known = self.instances()
        if known is None and now - self._began < PATIENCE:
            return 0  # whose stage nobody knows yet would count as production
        self._instances = tuple(known or ())
        places: dict[str, list[tuple[str, Judged, int]]] = {}
        with self.store.read() as view:
            waiting = executions.dirty(view.db, now - UNTOLD)
        wrong = [self._spared(partial(self._judge, row, places, now)) for row in waiting]
        for place in self._due(now):
            places.setdefault(place, [])
        wrong += [self._spared(partial(self._look, place, judged, now)) for place, judged in places.items()]
        for error in filter(None, wrong):
            raise error
        return len(places)

    @staticmethod
    def _spared(do: Callable[[], None]) -> Exception | None:
        """One run that cannot be judged must not keep the others from being told."""
        try:
            do()
        except Exception as error:  # noqa: BLE001 - tick() raises it once the others are done
            return error
        return None

    def forget(self) -> None:
        """Remove runs that are older than the retention, and were not the last of their kind."""
        while True:
            with self.store.transaction() as tx:
                if not executions.forget(tx.db, self.clock() - self.retention):
                    return

    def _judge(self, row: ExecutionRow, places: dict[str, list[tuple[str, Judged, int]]], now: datetime) -> None:
        with self.store.read() as view:
            fresh = executions.find(view.db, row.run_id)
            events = executions.events_of(view.db, row.run_id)
        if fresh is None:
            return
        lost = fresh.lost_at is not None
        record = record_of(row.run_id, events, lost)
        judged = self._judged(record, fresh, now)
        told = judged.decides or row.decides or fresh.stuck_at is not None or row.state != judged.state
        if not told:
            with self.store.transaction() as tx:
                executions.judge(tx.db, row.run_id, judged, fresh.events)
            return
        if row.ended_at is not None:  # what it did was counted when it first ended, or was lost
            judged = replace(judged, counts={name: told for name, told in judged.counts.items() if name != "doing"})
        places.setdefault(judged.place, []).append((row.run_id, judged, fresh.events))
        if row.place not in ("", judged.place):
            places.setdefault(row.place, [])

    def _judged(self, record: RunRecord, row: ExecutionRow, now: datetime) -> Judged:
        place, workflow = place_of(record), workflow_of(record)
        added, changed, destroyed = record.changes
        doing: dict[str, int] = {}
        for touched in record.resources:
            if touched.status in (Status.DONE, Status.FAILED):
                key = f"{touched.doing}.{touched.status}"
                doing[key] = doing.get(key, 0) + 1
        resource = resource_of(place, workflow)
        started = min(record.started_at or row.started_at, row.received_at)
        return Judged(
            place, resource, workflow, record.stack, record.component, str(record.state), decides(record), started,
            record.ended_at or (row.lost_at if record.state is State.LOST else None), record.seconds,
            verdict_of(record),
            {"added": added, "changed": changed, "destroyed": destroyed, "actor": record.actor,
             "commit": record.commit, "doing": counts_of(doing),
             "committed_at": None if record.committed_at is None else record.committed_at.isoformat()},
            row.was_lost, None if record.over else self._stuck_after(resource),
        )  # fmt: skip

    def _stuck_after(self, resource: str) -> float | None:
        with self.store.read() as view:
            usual = executions.durations(view.db, resource)
        if len(usual) >= STUCK_RUNS:
            slow = usual[min(len(usual) - 1, int(len(usual) * 0.95))]
            return max(STUCK_TIMES * slow, STUCK_LEAST.total_seconds())
        return None if self.stuck_after is None else self.stuck_after.total_seconds()

    def _due(self, now: datetime) -> list[str]:
        """Places where something is due by the clock: schedules that were missed or met, deployments of last week."""
        with self.store.read() as view:
            found = executions.aged(view.db, now - KEPT)
        for schedule in self.schedules:
            if self._expected(schedule, now)[1]:
                found.append(schedule.place)
        if self.after is not None:
            found += self.after.due()
        return found + [place for place, at in self._awaited.items() if at <= now]

    def _expected(self, schedule: Schedule, now: datetime) -> tuple[Expected, bool]:
        """How it stands, and whether that was not told yet."""
        with self.store.read() as view:
            success = executions.last_success(view.db, schedule.resource)
            known = executions.peek_schedule(view.db, schedule.name)
        if known is None:
            with self.store.transaction() as tx:
                known = executions.schedule(tx.db, schedule.name, now)
        since = max(known.known_at, success.started_at) if success is not None else known.known_at
        expected = expect(schedule, since, now)
        return expected, expected.mark != known.judged

    def _look(self, place: str, judged: Sequence[tuple[str, Judged, int]], now: datetime) -> None:
        """Write what runs came to, and what that says of their place: one transaction."""
        self.failpoint("before_record")
        # First the rows, in a transaction of their own that leaves them dirty: what follows reads them.
        with self.store.transaction() as tx:
            for run_id, one, _ in judged:
                executions.judge(tx.db, run_id, one, -1)
        stack, component = self._where(place, judged)
        instances = self._instances
        instance = next((one for one in instances if (one.stack, one.component) == (stack, component)), None)
        labels = self._labels(stack, component, instance, instances, place)
        stage = str(labels.get("stage", ""))
        held = self._judged_cycle(stack, component, stage, now)
        readings = (
            *self._readings(place, instance, now),
            *self._held(place, stack, component, stage, held, now),
            *self._after(place, now),
        )
        marks = {one.name: self._expected(one, now)[0].mark for one in self.schedules if one.place == place}

        def within(tx: Transaction) -> None:
            for run_id, one, seen in judged:
                executions.judge(tx.db, run_id, one, seen)
            for name, mark in marks.items():
                executions.set_schedule(tx.db, replace(executions.schedule(tx.db, name, now), judged=mark))
            for kept in held:
                aftercare.set_cycle(tx.db, kept.apply.run_id, adheres=kept.adheres)
                keep_steps(tx, kept.approvals, now)
            aftercare.told(tx.db, place)
            self.failpoint("within_record")

        if not readings:
            with self.store.transaction() as tx:
                within(tx)
        else:
            self.recorder.record(Run(CHECK, place, labels, now, self.clock(), readings), None, within)
        for _, one, _ in judged:
            doing = one.counts.get("doing") if one.ended_at is not None else None
            for key, count in doing.items() if isinstance(doing, dict) else ():
                action, _, result = key.rpartition(".")  # the action is a sender's text, and may have dots
                self.on_resources(action, result, count)
        self.failpoint("after_record")

    def _await_all(self, now: datetime) -> None:
        """After a start nobody knows what is awaited where."""
        if self.cycle is not None:
            with self.store.read() as view:
                recent = executions.places_since(view.db, now - self.cycle.rules.told)
            self._awaited = dict.fromkeys(recent, now)

    def _await_asked(self, now: datetime) -> None:
        asked = {self._asked.pop() for _ in range(len(self._asked))}
        if asked and self.cycle is not None:
            with self.store.read() as view:
                recent = executions.places_since(view.db, now - self.retention)
            mine = [place for place in recent if any(f"{place}/".startswith(f"{stack}/") for stack in asked)]
            self._awaited |= dict.fromkeys(mine, now)

    def _judged_cycle(self, stack: str, component: str, stage: str, now: datetime) -> Sequence[Kept]:
        if self.cycle is None or not stack:
            return ()
        with self.store.read() as view:
            return self.cycle.judged(view, stack, component, stage, self._instances, now)

    def _held(
        self, place: str, stack: str, component: str, stage: str, held: Sequence[Kept], now: datetime
    ) -> Iterable[Reading]:
        """What was applied there, held against the guideline's cycle."""
        self._awaited.pop(place, None)
        if self.cycle is None or not stack:
            return
        with self.store.read() as view:
            owed = self.cycle.owed(view, stack, component, now)
        reading = self.cycle.told(stack, component, stage, [*owed, *held], now)
        if reading is not None:
            if reading.outcome is not Outcome.HEALTHY:
                self._awaited[place] = now + CYCLE_AGAIN
            yield reading

    def _after(self, place: str, now: datetime) -> Iterable[Reading]:
        """What became of the stack after what was applied there."""
        if self.after is not None:
            with self.store.read() as view:
                yield from self.after.readings(view, place, now)

    def _where(self, place: str, judged: Sequence[tuple[str, Judged, int]]) -> tuple[str, str]:
        for _, one, _ in judged:
            if one.place == place:
                return one.stack, one.component
        for schedule in self.schedules:
            if schedule.place == place:
                return schedule.stack, schedule.component
        with self.store.read() as view:
            known = executions.listed(view.db, 1, place=place)
        return (known[0].stack, known[0].component) if known else ("", "")

    def _labels(
        self, stack: str, component: str, instance: Instance | None, instances: Sequence[Instance], place: str
    ) -> Mapping[str, str]:  # fmt: skip
        if instance is not None:
            return labels_of(instance)
        labels = {"stack": stack, "component": component}
        stages = {one.stage for one in instances if one.stack == stack and stack}
        named = next((one.stage for one in self.schedules if one.place == place and one.stage), "")
        stage = next(iter(stages)) if len(stages) == 1 else named
        same = next((one for one in instances if one.stack == stack and stack), None)
        if same is not None:
            shared = labels_of(same)
            labels |= {name: shared[name] for name in ("tenant", "environment", "account", "region")}
        # A stage that is not known counts as production.
        return labels | {"stage": stage}

    def _readings(self, place: str, instance: Instance | None, now: datetime) -> Iterable[Reading]:
        with self.store.read() as view:
            known = dict(executions.resources_at(view.db, place))
        for schedule in self.schedules:
            if schedule.place == place:
                known.setdefault(schedule.resource, schedule.workflow)
        for resource, workflow in sorted(known.items()):
            reading = self._reading(resource, workflow, instance, now)
            if reading is not None:
                yield reading

    def _reading(self, resource: str, workflow: str, instance: Instance | None, now: datetime) -> Reading | None:
        with self.store.read() as view:
            last = executions.latest(view.db, resource)
            slow = executions.latest(view.db, resource, deciding=False)
            usual = executions.durations(view.db, resource)
            records = {
                row.run_id: record_of(row.run_id, executions.events_of(view.db, row.run_id), row.lost_at is not None)
                for row in (last, slow)
                if row is not None
            }
            care = aftercare.find(view.db, last.run_id) if last is not None else None
            holders = holders_of(view, records[last.run_id]) if last is not None else {}
        expected = next((self._expected(one, now)[0] for one in self.schedules if one.resource == resource), None)
        standing = Standing(
            resource, workflow, records[last.run_id] if last is not None else None,
            usual[len(usual) // 2] if len(usual) >= STUCK_RUNS else None,
            records[slow.run_id] if slow is not None else None,
            (slow.stuck_after or 0.0) if slow is not None else 0.0,
            expected.overdue_since if expected is not None else None, expected.why if expected is not None else "",
            last.was_lost if last is not None else False, health=care.verdict if care is not None else {},
            cost=dict(care.notes.get("cost") or {}) if care is not None else {},
            usual_of=len(usual), holders=holders,
        )  # fmt: skip
        reading = reading_of(standing, instance, now)
        if reading.outcome is Outcome.UNKNOWN and expected is None and not reading.findings:
            return None
        if reading.outcome is Outcome.UNKNOWN and expected is not None:
            return replace(reading, outcome=Outcome.NOT_APPLICABLE)  # it is not due yet
        return reading
