"""Runs and their events as rows. Functions of an open transaction or snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from checks.base import Json
from checks.runs.record import Sent
from daemon.store.codec import dump, load, time, time_or_none
from daemon.store.sql import row, rows, run, upsert

MOST_EVENTS = 20_000  # of one run
MOST_BYTES = 16 * 1024 * 1024  # of one run's events
# What says how a run stands is kept beyond these bounds, within bounds of its own.
ALWAYS = frozenset({"run.start", "run.end", "summary", "impact"})
MORE = 1_000
OTHERS = "(others)"  # in place of the names of workflows that are too many to tell apart
HISTORY = 50  # runs from which the usual duration is taken


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """One run: what of its record is looked for."""

    run_id: str
    source: str  # events, ping, github
    place: str
    resource: str
    workflow: str
    stack: str
    component: str
    state: str
    decides: bool
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None
    summary: str
    counts: Mapping[str, Json]
    heard_at: datetime
    received_at: datetime
    silence: float | None  # seconds without a word, after which it is lost; None: never
    lost_at: datetime | None
    was_lost: bool
    stuck_after: float | None
    stuck_at: datetime | None
    events: int
    left_out: int
    dirty: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of events that were offered."""

    accepted: int = 0
    duplicates: int = 0
    left_out: int = 0  # beyond what is kept of one run


@dataclass(frozen=True, slots=True)
class Judged:
    """What a run's events came to: written into its row."""

    place: str = ""
    resource: str = ""
    workflow: str = ""
    stack: str = ""
    component: str = ""
    state: str = "running"
    decides: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float | None = None
    summary: str = ""
    counts: Mapping[str, Json] = field(default_factory=dict)
    was_lost: bool = False
    stuck_after: float | None = None


def take(db: Database, run_id: str, source: str, events: Iterable[Sent], silence: float | None, now: datetime) -> Taken:
    """Store events that are not known yet; each (run, seq) is stored once, whatever comes under it later.

    A run that was lost and is heard of again is not lost any more; that it was is remembered.
    """
    offered = list(events)
    if not offered:
        return Taken()
    began = min(sent.at for sent in offered)
    run(
        db,
        """insert into execution (run_id, source, started_at, heard_at, received_at, silence)
        values (:run_id, :source, :began, :now, :now, :silence) on conflict do nothing""",
        {"run_id": run_id, "source": source, "began": min(began, now), "now": now, "silence": silence},
    )
    known = row(db, "select events, bytes from execution where run_id = :run_id", {"run_id": run_id})
    count, size = (known["events"], known["bytes"]) if known else (0, 0)
    accepted = duplicates = left_out = 0
    news = False  # that it still lives says nothing new of a run, and need not be judged
    for sent in offered:
        body = dump(sent.body)
        bound = MORE if sent.event in ALWAYS else 0
        if count >= MOST_EVENTS + bound or size + len(body) > MOST_BYTES + bound * 1_000:
            left_out += 1
            news = True
            continue
        added = run(
            db,
            """insert into execution_event (run_id, seq, event, at, received_at, body)
            values (:run_id, :seq, :event, :at, :now, :body) on conflict do nothing""",
            {"run_id": run_id, "seq": sent.seq, "event": sent.event, "at": sent.at, "now": now, "body": body},
        )
        news |= added > 0 and sent.event != "heartbeat"
        accepted += added
        duplicates += 1 - added
        count += added
        size += len(body) * added
    run(
        db,
        """update execution set events = :count, bytes = :size, left_out = left_out + :left_out,
        heard_at = max(heard_at, :now),
        dirty = max(dirty, :news, :accepted > 0 and lost_at is not null),
        was_lost = case when :accepted > 0 and lost_at is not null then 1 else was_lost end,
        lost_at = case when :accepted > 0 then null else lost_at end where run_id = :run_id""",
        {"count": count, "size": size, "left_out": left_out, "now": now, "news": news,
         "accepted": accepted, "run_id": run_id},
    )  # fmt: skip
    return Taken(accepted, duplicates, left_out)


def judge(db: Database, run_id: str, judged: Judged, seen: int) -> None:
    """Write what was made of a run. *seen*: events that this was made of; where more came since, it is judged again."""
    run(
        db,
        """update execution set place = :place, resource = :resource, workflow = :workflow, stack = :stack,
        component = :component, state = :state, decides = :decides, started_at = coalesce(:started_at, started_at),
        ended_at = :ended_at, seconds = :seconds, summary = :summary, counts = :counts,
        was_lost = max(was_lost, :was_lost), stuck_after = :stuck_after,
        stuck_at = case when :state = 'running' then stuck_at end,
        dirty = (events <> :seen) where run_id = :run_id""",
        {
            "run_id": run_id, "place": judged.place, "resource": judged.resource, "workflow": judged.workflow,
            "stack": judged.stack, "component": judged.component, "state": judged.state, "decides": judged.decides,
            "started_at": judged.started_at, "ended_at": judged.ended_at, "seconds": judged.seconds,
            "summary": judged.summary, "counts": dump(judged.counts), "was_lost": judged.was_lost,
            "stuck_after": judged.stuck_after, "seen": seen,
        },
    )  # fmt: skip


def silent(db: Database, now: datetime, since: datetime) -> int:
    """Mark as lost what has been silent for too long. *since*: what was silent before may have been heard by nobody."""
    return run(
        db,
        """update execution set lost_at = :now, dirty = 1 where state = 'running' and lost_at is null
        and silence is not null
        and (julianday(:now) - julianday(max(heard_at, :since))) * 86400.0 > silence""",
        {"now": now, "since": since},
    )


def mark_stuck(db: Database, now: datetime) -> int:
    """Mark as stuck what runs for longer than it may."""
    return run(
        db,
        """update execution set stuck_at = :now, dirty = 1 where state = 'running' and stuck_at is null
        and stuck_after is not null and (julianday(:now) - julianday(started_at)) * 86400.0 > stuck_after""",
        {"now": now},
    )


def events_of(db: Database, run_id: str) -> list[Sent]:
    """By their numbers."""
    found = rows(db, "select * from execution_event where run_id = :run_id order by seq", {"run_id": run_id})
    return [
        Sent(each["seq"], each["event"], time(each["at"]), time(each["received_at"]), load(each["body"]))
        for each in found
    ]


def find(db: Database, run_id: str) -> ExecutionRow | None:
    found = row(db, "select * from execution where run_id = :run_id", {"run_id": run_id})
    return None if found is None else _execution(found)


def dirty(db: Database, untold: datetime, limit: int = 200) -> list[ExecutionRow]:
    """Runs to judge, the longest silent first. One whose start was not heard waits until it is older than *untold*."""
    found = rows(
        db,
        """select * from execution e where dirty = 1 and (received_at <= :untold or lost_at is not null
            or exists (select 1 from execution_event v where v.run_id = e.run_id and v.event = 'run.start'))
        order by heard_at, run_id limit :limit""",
        {"untold": untold, "limit": limit},
    )
    return [_execution(each) for each in found]


def resources_at(db: Database, place: str) -> list[tuple[str, str]]:
    """(resource, workflow) of all workflows that were run at a place."""
    found = rows(
        db, "select resource, max(workflow) as workflow from execution where place = :place group by resource",
        {"place": place},
    )  # fmt: skip
    return [(each["resource"], each["workflow"]) for each in found]


def latest(db: Database, resource: str, *, deciding: bool = True) -> ExecutionRow | None:
    """The run of a workflow that was begun last, of those that say how it stands; else of those that run and stick."""
    which = "decides = 1" if deciding else "state = 'running' and stuck_at is not null"
    found = row(
        db,
        f"""select * from execution where resource = :resource and {which}
        order by started_at desc, ended_at desc, run_id desc limit 1""",  # noqa: S608 - one of two literals
        {"resource": resource},
    )
    return None if found is None else _execution(found)


def durations(db: Database, resource: str) -> list[float]:
    """Seconds that the last runs which ended well took, shortest first."""
    found = rows(
        db,
        """select seconds from execution where resource = :resource and state = 'succeeded' and seconds is not null
        order by started_at desc limit :limit""",
        {"resource": resource, "limit": HISTORY},
    )
    return sorted(each["seconds"] for each in found)


def listed(
    db: Database, limit: int, *, place: str = "", state: str = "", before: datetime | None = None
) -> list[ExecutionRow]:
    """Runs, the latest begun first; those that run now before all others are not put first here."""
    found = rows(
        db,
        """select * from execution where (:place = '' or place = :place or stack = :place)
        and (:state = '' or state = :state) and (:before is null or started_at < :before)
        order by started_at desc, run_id limit :limit""",
        {"place": place, "state": state, "before": before, "limit": limit},
    )
    return [_execution(each) for each in found]


def between(db: Database, stack: str, component: str, since: datetime, until: datetime) -> list[ExecutionRow]:
    """Runs on a component of a stack, on all of the stack, or not judged yet, that went on between two moments."""
    found = rows(
        db,
        """select * from execution where ((stack = :stack and component in (:component, '')) or (stack = '' and dirty))
        and heard_at >= :since and started_at <= :until order by started_at desc limit 200""",
        {"stack": stack, "component": component, "since": since, "until": until},
    )
    return [_execution(each) for each in found]


def of_stack(db: Database, stack: str, since: datetime, limit: int) -> list[ExecutionRow]:
    """Runs on a stack and its components of which something was heard since then, the latest begun first."""
    found = rows(
        db,
        """select * from execution where stack = :stack and heard_at >= :since
        order by started_at desc, run_id limit :limit""",
        {"stack": stack, "since": since, "limit": limit},
    )
    return [_execution(each) for each in found]


def emergencies(db: Database, stack: str, before: datetime) -> list[str]:
    """Runs on a stack that called themselves emergencies and were last heard of before then, the oldest first."""
    found = rows(
        db,
        """select e.run_id from execution e join execution_event v on v.run_id = e.run_id and v.event = 'run.start'
        where e.stack = :stack and e.heard_at < :before and json_extract(v.body, '$.emergency') = 1
        group by e.run_id order by e.started_at limit 200""",
        {"stack": stack, "before": before},
    )
    return [each["run_id"] for each in found]


def places_since(db: Database, since: datetime) -> list[str]:
    """Places at which something ran since then."""
    found = rows(
        db,
        "select distinct place from execution where heard_at >= :since and place <> '' and stack <> '' limit 1000",
        {"since": since},
    )
    return [each["place"] for each in found]


def running(db: Database) -> list[ExecutionRow]:
    return [_execution(each) for each in rows(db, "select * from execution where state = 'running' limit 5000")]


def aged(db: Database, before: datetime) -> list[str]:
    """Places with a deployment that is told of no longer."""
    found = rows(
        db,
        """select distinct i.place from incident i join execution e on e.place = i.place
        where i.check_name = 'execution' and i.kind = 'deployment' and i.state in ('open', 'acknowledged')
        and i.opened_at < :before limit 100""",
        {"before": before},
    )
    return [each["place"] for each in found]


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """What is remembered of a schedule. *judged*: the moment for which it was last told of as overdue.

    *open_run*: the run that a ping without `rid` began; empty: none.
    """

    name: str
    known_at: datetime
    open_run: str
    judged: str


def peek_schedule(db: Database, name: str) -> ScheduleRow | None:
    found = row(db, "select * from execution_schedule where name = :name", {"name": name})
    if found is None:
        return None
    return ScheduleRow(found["name"], time(found["known_at"]), found["open_run"], found["judged"])


def schedule(db: Database, name: str, now: datetime) -> ScheduleRow:
    """What is remembered of it; a new one is known from *now*."""
    run(
        db, "insert into execution_schedule (name, known_at) values (:name, :now) on conflict do nothing",
        {"name": name, "now": now},
    )  # fmt: skip
    found = peek_schedule(db, name)
    if found is None:
        raise RuntimeError("a row that was just written is not there")
    return found


def set_schedule(db: Database, kept: ScheduleRow) -> None:
    upsert(
        db, "execution_schedule", ("name",),
        {"name": kept.name, "known_at": kept.known_at, "open_run": kept.open_run, "judged": kept.judged},
    )  # fmt: skip


def last_success(db: Database, resource: str) -> ExecutionRow | None:
    found = row(
        db,
        """select * from execution where resource = :resource and state = 'succeeded'
        order by started_at desc limit 1""",
        {"resource": resource},
    )
    return None if found is None else _execution(found)


def forget(db: Database, before: datetime, batch: int = 200) -> int:
    """Remove runs that ended long ago, with their events; the one that decides for its workflow stays."""
    old = rows(
        db,
        """select run_id from execution e where e.heard_at < :before and e.state <> 'running'
        and (e.decides = 0 or exists (select 1 from execution n where n.resource = e.resource and n.decides = 1
            and n.started_at > e.started_at)) limit :batch""",
        {"before": before, "batch": batch},
    )
    for each in old:
        run(db, "delete from execution_event where run_id = :run_id", each)
        run(db, "delete from aftercare where run_id = :run_id", each)
        run(db, "delete from execution where run_id = :run_id", each)
    return len(old)


@dataclass(frozen=True, slots=True)
class RunTotal:
    """Runs of a workflow on a stack in one state; *seconds* and *ended_at* are of the latest."""

    workflow: str
    stack: str
    state: str
    count: int
    seconds: float | None
    ended_at: datetime | None


def totals(db: Database, of: timedelta, now: datetime, most: int = 2_000) -> list[RunTotal]:
    """Runs that were heard of in that time, the latest first; those of workflows beyond *most* are counted as OTHERS.

    Whoever may tell of runs makes up the names: they are bounded, and no sum is of a part.
    """
    heard = {"since": now - of, "most": most}
    found = rows(
        db,
        """select workflow, stack, state, count(*) as n, max(coalesce(ended_at, started_at)) as latest, seconds,
        ended_at from execution where place <> '' and heard_at >= :since group by workflow, stack, state
        order by latest desc limit :most""",
        heard,
    )  # with max(), SQLite takes the other columns from the row that has it
    told = [
        RunTotal(each["workflow"], each["stack"], each["state"], each["n"], each["seconds"],
                 time_or_none(each["ended_at"]))
        for each in found
    ]  # fmt: skip
    if len(told) < most:
        return told
    whole = rows(
        db, "select state, count(*) as n from execution where place <> '' and heard_at >= :since group by state", heard
    )
    rest = {each["state"]: each["n"] - sum(one.count for one in told if one.state == each["state"]) for each in whole}
    return [*told, *(RunTotal(OTHERS, "", state, count, None, None) for state, count in rest.items() if count)]


def _execution(found: Mapping[str, Any]) -> ExecutionRow:
    return ExecutionRow(
        run_id=found["run_id"], source=found["source"], place=found["place"], resource=found["resource"],
        workflow=found["workflow"], stack=found["stack"], component=found["component"], state=found["state"],
        decides=bool(found["decides"]), started_at=time(found["started_at"]),
        ended_at=time_or_none(found["ended_at"]), seconds=found["seconds"], summary=found["summary"],
        counts=load(found["counts"]), heard_at=time(found["heard_at"]), received_at=time(found["received_at"]),
        silence=found["silence"], lost_at=time_or_none(found["lost_at"]), was_lost=bool(found["was_lost"]),
        stuck_after=found["stuck_after"], stuck_at=time_or_none(found["stuck_at"]), events=found["events"],
        left_out=found["left_out"], dirty=bool(found["dirty"]),
    )  # fmt: skip
