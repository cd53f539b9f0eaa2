"""After applies: asks for looks at what the stack has, and keeps what they say of its health.

Everything is kept in the store and worked out from it anew, so that a process killed at any point goes on where it
was; what nobody looked at meanwhile is a gap in the looks, and told as that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from checks.base import Instance, Json, Outcome, Reading
from checks.kinds import DEVELOPMENT, STAGING
from checks.runs import after, aftermath
from checks.runs.after import CLOSING, SIGNS, UNSURE, Health, Period, Planned, Rules, Seen, Verdict
from checks.runs.aftermath import Aftermath
from checks.runs.record import RunRecord, Sent, State, record_of
from checks.runs.told import is_deployment
from daemon.executions.intake import Storing
from daemon.store import Reader, aftercare, executions
from daemon.store.aftercare import DONE, PLANNING, RUNNING, SKIPPED, WATCHING, CareRow, Spell
from daemon.store.read import reading_of
from daemon.store.rows import ReadingRow
from daemon.store.sql import rows

TOLERANCE = timedelta(minutes=2)  # a clock set back by less changes nothing
CONFIRM = timedelta(minutes=1)  # what one look alone saw is looked at again so soon
HEARD = timedelta(days=1)  # runs that were heard of since then are looked through
TOLD = timedelta(days=7)  # for how long a run's aftermath is a reading
WORSE_TOLD = timedelta(days=30)  # the same, where something got worse and is not well again
PATIENCE = timedelta(minutes=10)  # for the inventory to load, which knows the stages
PLANS = 10  # of one run
DRIFT, STATE = "drift", "state"
_WORDS = frozenset({"apply", "deploy", "destroy"})


class Nearby(Protocol):
    """What is around a stack: the checks that look at its resources, and whose a resource is."""

    def places(self, stack: str) -> Iterable[tuple[str, str]]:
        """(check, place) of each look at which something of the stack may be seen."""

    def look(self, check: str, place: str) -> bool:
        """Ask for a look, soon; False: nobody looks at that."""

    def mine(self, stack: str, resource: str, place: str) -> bool:
        """Whether a resource that was seen at a place is the stack's."""

    def unowned(self, stack: str) -> str:
        """Why it is not known what all is the stack's; empty: it is."""


@dataclass
class Aftercare:
    """`tick` is safe to miss, to run late and to run twice; not beside itself, nor beside the judge."""

    store: Storing
    clock: Callable[[], datetime]
    nearby: Nearby
    rules: Rules = field(default_factory=Rules)
    instances: Callable[[], Iterable[Instance] | None] = lambda: ()  # None: the inventory has not loaded yet
    failpoint: Callable[[str], None] = lambda name: None  # where a test may end the process
    _began: datetime | None = field(default=None, init=False)

    def run(self) -> None:
        """tick(), for a scheduler."""
        self.tick()

    def tick(self) -> int:
        """Take up what began, go on with what is under way; give how many stacks are watched.

        Raises what went wrong with one run, StoreError among it, with the others done.
        """
        now = self.clock()
        self._began = self._began or now
        known = self.instances()
        if known is None and timedelta() <= now - self._began < PATIENCE:
            return 0  # whose stage nobody knows yet would count as production
        stages = {one.stack: one.stage for one in known or ()}
        with self.store.read() as view:
            others = [stack for stack, stage in stages.items() if stage in (STAGING, DEVELOPMENT)]
            new = aftercare.candidates(view.db, now - HEARD, others)
        wrong = [_spared(partial(self._take_up, run_id, now)) for run_id in new]
        with self.store.read() as view:
            open_ = aftercare.under_way(view.db)
            worse = aftercare.worse_at(view.db, now - WORSE_TOLD)
        wrong += [
            _spared(partial(self._mend, row)) for row in worse if row.state == DONE and aftermath.still(row.verdict)
        ]
        wrong += [_spared(partial(self._care, row, tuple(known or ()), now)) for row in open_]
        for error in filter(None, wrong):
            raise error
        return len(open_)

    # -- one run --------------------------------------------------------------------------------------------------

    def _take_up(self, run_id: str, now: datetime) -> None:
        with self.store.read() as view:
            row, before = executions.find(view.db, run_id), aftercare.find(view.db, run_id)
            events = executions.events_of(view.db, run_id)
        if row is None:
            return
        record = record_of(run_id, events, row.lost_at is not None)
        began = record.started_at or row.started_at
        applied = applied_at(events) or began
        taken = CareRow(
            run_id, row.stack, row.place, row.workflow, RUNNING, began, applied, now, now,
            events=row.events, notes={} if before is None else before.notes,
        )  # fmt: skip
        if before is not None and before.state == DONE and before.ended == ended_at(record, events, row.lost_at):
            taken = replace(before, events=row.events)  # what came late changes nothing here
        if not record.over and not _may_apply(record):
            return  # it may yet; it is asked again
        if record.over and not is_deployment(record):
            taken = replace(taken, state=SKIPPED)
        with self.store.transaction() as tx:
            aftercare.save(tx.db, taken)

    def _care(self, row: CareRow, instances: Sequence[Instance], now: datetime) -> None:
        with self.store.read() as view:
            execution = executions.find(view.db, row.run_id)
            events = executions.events_of(view.db, row.run_id)
        if execution is None:
            return
        record = record_of(row.run_id, events, execution.lost_at is not None)
        care = self._as_it_is(row, record, events, ended_at(record, events, execution.lost_at), now)
        if care.state in (SKIPPED, DONE) or not self.rules.enabled:
            self._keep(row, replace(care, events=execution.events))
            return
        places = _places(care, self.nearby.places(care.stack))
        care = replace(care, notes={**care.notes, "places": [list(each) for each in places]})
        care = self._look(care, places, record, instances, now)
        self.failpoint("looked")
        with self.store.read() as view:
            seen, itself = self._seen(view, care, places, now)
            finished = self._finished(care, seen, now)
            care = replace(care, notes={**care.notes, "itself": itself})
            if care.state == WATCHING and finished:
                care = self._plan(view, care, record, instances, now)
            if care.state == PLANNING:
                seen = replace(seen, plans=self._plans(view, care, now))
        final = finished and care.state != WATCHING and all(one.verdict or one.why for one in seen.plans)
        found = after.verdict(_period(care), seen, self.rules, now, final=final)
        care = replace(
            care, health=str(found.health), verdict=aftermath.stored(found), state=DONE if final else care.state
        )
        self._keep(row, replace(care, seen_at=now, events=execution.events))
        self.failpoint("kept")

    def _as_it_is(
        self, row: CareRow, record: RunRecord, events: Sequence[Sent], ended: datetime | None, now: datetime
    ) -> CareRow:  # fmt: skip
        """The row with what is known of the run now."""
        notes = dict(row.notes)
        if row.seen_at > now + TOLERANCE:
            notes["set_back"] = True
        care = replace(row, notes=notes, applied=applied_at(events) or row.applied)
        if ended is None:
            # Where nobody watches, nothing says that it is watched.
            seen = care if self.rules.enabled else replace(care, health="", verdict={})
            return replace(seen, state=RUNNING, ended=None, until=None)
        if care.state != RUNNING and care.ended == ended:
            return care if self.rules.enabled or care.state not in (WATCHING, PLANNING) else _given_up(care)
        if not is_deployment(record):
            return replace(care, state=SKIPPED, ended=ended)
        care = replace(care, state=WATCHING, ended=ended, until=ended + self.rules.watch, looked_at=None)
        if applied_nothing(record):
            return replace(care, state=DONE, health=str(Health.UNCHANGED), verdict=aftermath.stored(_UNCHANGED))
        if not self.rules.enabled:
            return replace(care, state=DONE, health=str(Health.NOT_WATCHED), verdict=aftermath.stored(_OFF))
        return care

    def _look(
        self, care: CareRow, places: Sequence[tuple[str, str]], record: RunRecord, instances: Sequence[Instance],
        now: datetime,
    ) -> CareRow:  # fmt: skip
        """Ask for looks where they are due: at the start, at the end, and in between."""
        if care.state not in (RUNNING, WATCHING) or (care.until is not None and now > care.until + CLOSING):
            return care
        last = care.looked_at
        closing = care.until is not None and now >= care.until and last is not None and last < care.until
        unsure = any(not one.get("confirmed") for one in aftermath.still(care.verdict))
        every = min(self.rules.every, CONFIRM) if unsure else self.rules.every
        if last is not None and timedelta() <= now - last < every and not closing:
            return care
        if last is None and care.ended is not None:  # what the run made is to be known as the stack's own
            for key in _applied_to(record, instances):
                self.nearby.look(STATE, key)
        for check, place in places:
            self.nearby.look(check, place)
        return replace(care, looked_at=now)

    def _finished(self, care: CareRow, seen: Seen, now: datetime) -> bool:
        """Whether no more looks are waited for."""
        if care.until is None:
            return False
        if care.state == PLANNING or seen.set_back or now > care.until + CLOSING:
            return True
        return now >= care.until and after.looked_at_the_end(_period(care), seen.places, seen.looks)

    def _plan(
        self, view: Reader, care: CareRow, record: RunRecord, instances: Sequence[Instance], now: datetime
    ) -> CareRow:
        """Ask for a plan of what was applied."""
        wanted: dict[str, Json] = {}
        unplanned: dict[str, Json] = {}
        assert care.until is not None
        keys = _applied_to(record, instances) if self.rules.plan else []
        if self.rules.plan and not keys:
            unplanned[care.place] = "the inventory does not have it"
        for number, key in enumerate(keys):
            if not timedelta() <= now - care.until < self.rules.planned_within:
                unplanned[key] = "nobody was there to ask for it in time"
            elif number >= PLANS:
                unplanned[key] = f"no more than {PLANS} are asked for after one run"
            elif self.nearby.look(DRIFT, key):
                wanted[key] = aftercare.verdict_before(view.db, DRIFT, key, care.began)
            else:
                unplanned[key] = "the check drift does not look at it"
        notes = {**care.notes, "plans": wanted, "unplanned": unplanned}
        return replace(care, state=PLANNING, planned_at=now, notes=notes)

    def _plans(self, view: Reader, care: CareRow, now: datetime) -> list[Planned]:
        assert care.planned_at is not None
        given_up = not timedelta() <= now - care.planned_at < self.rules.planned_within
        found = [Planned(key, why=str(why)) for key, why in dict(care.notes.get("unplanned") or {}).items()]
        for key, before in dict(care.notes.get("plans") or {}).items():
            job = view.job(DRIFT, key)
            plan = Planned(key, before=str(before), why="it did not come in time" if given_up else "")
            done = (
                job is not None and job.last_start is not None and job.last_end is not None
                and care.planned_at <= job.last_start <= job.last_end
            )  # fmt: skip
            if job is not None and done and job.outcome != "ok":
                plan = replace(plan, why=": ".join(filter(None, (job.reason, job.detail))) or "it failed")
            elif job is not None and done:
                reading = next((one for one in _readings(view, DRIFT, key) if one.resource == key), None)
                if reading is not None and reading.outcome not in _READ and reading.verdict != "busy":
                    plan = replace(plan, why=f"{reading.verdict}: {reading.summary}")
                elif reading is not None and reading.verdict != "busy":
                    plan = replace(plan, verdict=reading.verdict, summary=reading.summary, at=reading.at, why="")
            found.append(plan)
        return found

    def _mend(self, care: CareRow) -> None:
        """Note what of that which got worse is over, once nobody watches for the run any more."""
        with self.store.read() as view:
            ends = {
                str(one["mark"]): end for one in aftermath.still(care.verdict)
                if (end := _end_of(view, str(one["mark"]), datetime.fromisoformat(str(one["since"])))) is not None
            }  # fmt: skip
            once = [one for one in aftermath.still(care.verdict) if not one.get("confirmed")]
            again = {
                str(one["mark"]) for one in once
                if aftercare.seen_after(view.db, str(one["mark"]), datetime.fromisoformat(str(one["since"])))
            }  # fmt: skip
        if ends or again:
            with self.store.transaction() as tx:
                aftercare.save(tx.db, replace(care, verdict=aftermath.mended(care.verdict, ends, again), told=False))

    # -- what looks saw -------------------------------------------------------------------------------------------

    def _seen(
        self, view: Reader, care: CareRow, places: Sequence[tuple[str, str]], now: datetime
    ) -> tuple[Seen, dict[str, float]]:
        """What is known of the stack since the run began; and since when alarms say that they are in alarm."""
        readings = [one for check, place in places for one in _readings(view, check, place)]
        own = [one for one in readings if self.nearby.mine(care.stack, one.resource, one.place)]
        itself = {str(key): float(at) for key, at in dict(care.notes.get("itself") or {}).items()}
        spells = [
            sign for one in aftercare.spells(view.db, care.stack, tuple(SIGNS), care.began)
            for sign in aftercare.with_verdict(view.db, one, SIGNS[one.check]) if _meets(sign, care.began)
        ]  # fmt: skip
        since = {(one.check, one.place, one.resource): one.values.get(_SINCE) for one in readings}
        for spell in spells:
            told = since.get((spell.check, spell.place, spell.resource))
            if spell.ended is None and told is not None:
                itself.setdefault(_mark(spell), told)
        end = min(care.until, now) if care.until is not None else now
        seen = Seen(
            places, aftercare.looks(view.db, places, care.began), tuple(_wrong(one, itself) for one in spells),
            tuple(_blind(care, readings, own)), sum(one.outcome in _READ and not one.stale for one in own),
            self.nearby.unowned(care.stack), aftercare.others(view.db, care.stack, care.run_id, care.applied, end),
            set_back=bool(care.notes.get("set_back")),
        )  # fmt: skip
        return seen, itself

    def _keep(self, before: CareRow, now: CareRow) -> None:
        """Store it; what is new to people is told by the judge."""
        news = (before.health, before.verdict) != (now.health, now.verdict)
        with self.store.transaction() as tx:
            aftercare.save(tx.db, replace(now, told=before.told and not news))

    # -- for the judge --------------------------------------------------------------------------------------------

    def due(self) -> list[str]:
        """Places whose readings do not say yet what is known."""
        with self.store.read() as view:
            return aftercare.untold(view.db)

    def readings(self, view: Reader, place: str, now: datetime) -> Sequence[Reading]:
        """What to say at *place* of what came after its applies."""
        found = []
        for care in aftercare.at_place(view.db, place, now - TOLD, now - WORSE_TOLD):
            if not care.health or care.health == Health.UNCHANGED:
                continue
            events = executions.events_of(view.db, care.run_id)
            said = next((sent.body for sent in events if sent.event == "run.start"), {})
            facts = {name: said.get(given) for name, given in _FACTS.items()}
            known = {name: value for name, value in facts.items() if isinstance(value, str) and value}
            found.append(Aftermath(care.run_id, care.workflow, care.verdict, known))
        told = (aftermath.reading_of(place, found), aftermath.latest_of(place, found))
        return [one for one in told if one is not None]


# What a finding says of its run <- what the run said of itself.
_FACTS = {"commit": "git_sha", "actor": "actor", "rollback": "rollback", "ci_url": "ci_url", "workflow": "workflow",
          "likely_who": "actor"}  # fmt: skip
_SINCE = "alarm_since_timestamp_seconds"
_READ = frozenset({Outcome.HEALTHY, Outcome.UNHEALTHY})
_OFF = Verdict(Health.NOT_WATCHED, "not watched after it: executions.after_apply is switched off")
_STOPPED = Verdict(
    Health.COULD_NOT_LOOK,
    "not known whether it is healthy: executions.after_apply was switched off before its watch had ended",
)
_UNCHANGED = Verdict(Health.UNCHANGED, "it applied nothing, so there was nothing to watch")


def applied_at(events: Iterable[Sent]) -> datetime | None:
    """When a run began to change things, as far as was heard; None: nothing of that was heard.

    No event happened after it arrived here, whatever the clock of its machine says: what a look saw in between would
    be taken for how it was before.
    """
    began = [
        min(one.at, one.received) for one in events if one.event == "phase.start" and one.body.get("phase") == "apply"
    ]
    return min(began, default=None)


def ended_at(record: RunRecord, events: Iterable[Sent], lost_at: datetime | None) -> datetime | None:
    """When a run ended, or was lost; None: it goes on."""
    if record.ended_at is None:
        return lost_at if record.state is State.LOST else None
    return min([record.ended_at, *(one.received for one in events if one.event == "run.end")])


def _given_up(care: CareRow) -> CareRow:
    """A run whose watch was switched off before its end: what had got worse stays so, and of the rest nobody knows."""
    if care.health == Health.WORSE:
        return replace(care, state=DONE)
    return replace(care, state=DONE, health=str(_STOPPED.health), verdict=aftermath.stored(_STOPPED))


def applied_nothing(record: RunRecord) -> bool:
    """Whether Terraform itself said that it changed nothing, and nothing was heard to be touched."""
    touched = any(str(row.status) != "planned" for row in record.resources)
    return record.state is State.SUCCEEDED and record.applied is not None and not any(record.applied) and not touched


def _may_apply(record: RunRecord) -> bool:
    """Whether a run that goes on applies, or is called so: its stack is looked at before it does."""
    words = {word for each in record.argv for word in each.replace("-", " ").split()}
    return record.deployed or bool(words & _WORDS) or is_deployment(replace(record, phases=(), planned=None))


def _applied_to(record: RunRecord, instances: Sequence[Instance]) -> list[str]:
    """Keys of the instances that were applied: the run's own, or all of its stack."""
    own = [one.key for one in instances if one.stack == record.stack and one.component == record.component]
    if record.component:
        return own
    return sorted(one.key for one in instances if one.stack == record.stack and one.enabled and not one.abstract)


def _places(care: CareRow, now: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that are looked at now, and those that were when it began: what is switched off meanwhile is a gap."""
    before = [(str(check), str(place)) for check, place in care.notes.get("places") or ()]
    return sorted({*before, *now})


def _period(care: CareRow) -> Period:
    return Period(care.began, care.applied, care.ended, care.until)


def _meets(spell: Spell, since: datetime) -> bool:
    return spell.ended is None or spell.ended >= since


def _mark(spell: Spell) -> str:
    return f"{spell.mark} {spell.began.isoformat()}"


def _wrong(spell: Spell, itself: Mapping[str, float]) -> after.Wrong:
    told = itself.get(_mark(spell))
    at = None if told is None else datetime.fromtimestamp(told, spell.began.tzinfo)
    return after.Wrong(
        spell.mark, spell.check, spell.place, spell.summary, spell.began, spell.ended, at, spell.first_look,
        spell.address,
    )  # fmt: skip


def _end_of(view: Reader, mark: str, since: datetime) -> tuple[datetime | None, bool] | None:
    """When that which was wrong at *since* ended, and whether by nobody's looking any more; None: it has not."""
    if mark.startswith(after.PLAN):
        at = aftercare.in_sync_since(view.db, DRIFT, mark.removeprefix(after.PLAN), since)
        return None if at is None else (at, False)
    return aftercare.end_of(view.db, mark, since, SIGNS)


def _blind(care: CareRow, readings: Iterable[ReadingRow], own: Sequence[ReadingRow]) -> Iterable[after.Blind]:
    """What could not be seen when it was looked at last: of the stack's own, and lists that may hold more of that."""
    mine = {(one.check, one.place, one.resource) for one in own}
    for one in readings:
        whole = one.resource == one.place or one.resource.startswith(f"{one.place}/")
        if (one.check, one.place, one.resource) not in mine and not whole:
            continue
        if one.stale:
            yield after.Blind(one.resource, one.stale_reason)
        elif one.outcome is Outcome.UNKNOWN:
            yield after.Blind(one.resource, one.summary, one.verdict in UNSURE and one.since < care.began)


def _readings(view: Reader, check: str, place: str) -> list[ReadingRow]:
    found = rows(
        view.db,
        """select r.*, '{}' as labels from reading r where check_name = :check and place = :place
        order by resource""",
        {"check": check, "place": place},
    )
    return [reading_of(each) for each in found]


def _spared(do: Callable[[], None]) -> Exception | None:
    """One run that goes wrong must not keep the others from being watched."""
    try:
        do()
    except Exception as error:  # noqa: BLE001 - tick() raises it once the others are done
        return error
    return None
