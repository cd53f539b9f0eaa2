"""Reading: everything seen through one Reader belongs to one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from alerts.base import Delivery, DeliveryState, Incident, IncidentState, Transition
from alerts.gathering import Group, Lead, Member, Waiting
from alerts.inhibition import Inhibition
from alerts.silences import Silence
from checks.base import Json, Outcome
from daemon.store import audit, blindness, groups, incidents, queue, runs, silences, states
from daemon.store.codec import load, time, time_or_none
from daemon.store.rows import (
    AuditRow,
    Counts,
    HiddenRow,
    JobRow,
    JobStateRow,
    ReadingRow,
    RunRow,
    StateRow,
    VerdictChange,
)
from daemon.store.sql import row, rows

TABLES = (
    "job", "job_state", "run", "reading", "verdict_change", "incident", "transition", "thread", "delivery", "audit",
    "memory", "state_read", "report", "report_file", "measure", "gathering", "gathered", "heard",
    "silence", "hidden", "execution", "execution_event",
    "audit_anchor", "aftercare",
)  # fmt: skip


class Reader:
    """A snapshot of the store, given by Store.read() or open_reader(). Newest first where there is a limit."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def jobs(self) -> list[JobRow]:
        return [job_of(found) for found in rows(self.db, "select * from job order by check_name, place")]

    def job(self, check: str, place: str) -> JobRow | None:
        found = row(self.db, "select * from job where check_name = :c and place = :p", {"c": check, "p": place})
        return None if found is None else job_of(found)

    def job_states(self) -> dict[str, JobStateRow]:
        """Where the jobs that are no checks stand, by name."""
        return {found["name"]: _job_state(found) for found in rows(self.db, "select * from job_state order by name")}

    def runs(self, check: str, place: str, limit: int = 50) -> list[RunRow]:
        found = rows(
            self.db,
            "select * from run where check_name = :check and place = :place order by id desc limit :limit",
            {"check": check, "place": place, "limit": limit},
        )
        return [_run(each) for each in found]

    def readings(self, check: str | None = None) -> list[ReadingRow]:
        found = rows(
            self.db,
            """select r.*, coalesce(j.labels, '{}') as labels from reading r
            left join job j on j.check_name = r.check_name and j.place = r.place
            where :check is null or r.check_name = :check order by r.check_name, r.place, r.resource""",
            {"check": check},
        )
        return [reading_of(each) for each in found]

    def verdict_changes(self, check: str, place: str, resource: str, limit: int = 50) -> list[VerdictChange]:
        found = rows(
            self.db,
            """select * from verdict_change where check_name = :check and place = :place and resource = :resource
            order by id desc limit :limit""",
            {"check": check, "place": place, "resource": resource, "limit": limit},
        )
        return [_verdict_change(each) for each in found]

    def incidents(self, states: Iterable[IncidentState] | None = None, limit: int | None = None) -> list[Incident]:
        """Incidents in any of *states* (None: all), the latest opened first."""
        wanted = list(IncidentState) if states is None else list(states)
        marks = ", ".join(f":state{n}" for n in range(len(wanted)))
        found = rows(
            self.db,
            f"""select * from incident where state in ({marks})
            order by opened_at desc, fingerprint limit :limit""",  # noqa: S608 - placeholders only
            {**{f"state{n}": state for n, state in enumerate(wanted)}, "limit": _limit(limit)},
        )
        return [incidents.incident_of(each) for each in found]

    def waiting_incidents(self, sink: str) -> list[Incident]:
        """See incidents.waiting."""
        return incidents.waiting(self.db, sink)

    def incident(self, fingerprint: str) -> Incident | None:
        return incidents.find(self.db, fingerprint)

    def pressing(self, now: datetime) -> list[Incident]:
        """Live incidents for which something is due, the longest due first."""
        return incidents.pressing(self.db, now)

    def silences(self, now: datetime | None = None) -> list[Silence]:
        """Silences that people made, the latest first; with *now*: those that may still hide something."""
        return silences.read(self.db, now)

    def ended_silences(self, now: datetime) -> list[Silence]:
        """Silences that have ended by themselves, and whose end is not noted in the audit trail yet."""
        return silences.ended(self.db, now)

    def hidden(self, since: datetime | None = None) -> list[HiddenRow]:
        """What silences and windows hid, oldest first; with *since*: what was hidden at that time or later."""
        return silences.hidden(self.db, since)

    def transitions(self, fingerprint: str) -> list[Transition]:
        """All that happened to an incident, oldest first."""
        found = rows(self.db, "select * from transition where fingerprint = :f order by seq", {"f": fingerprint})
        return [incidents.transition_of(each) for each in found]

    def deliveries(self, state: DeliveryState | None = None, limit: int | None = 1000) -> list[Delivery]:
        """Stored messages in the order of storing; of more than *limit*, the latest."""
        where = "" if state is None else "where d.state = :state"
        found = rows(
            self.db,
            f"{queue.SELECT} {where} order by d.number desc limit :limit",
            {"state": state, "limit": _limit(limit)} if state is not None else {"limit": _limit(limit)},
        )
        return [queue.delivery_of(each) for each in reversed(found)]

    def delivery(self, delivery_id: str) -> Delivery | None:
        found = row(self.db, f"{queue.SELECT} where d.id = :id", {"id": delivery_id})
        return None if found is None else queue.delivery_of(found)

    def deliveries_of(self, subject: str) -> list[Delivery]:
        """All stored messages of a subject, oldest first."""
        found = rows(self.db, f"{queue.SELECT} where d.subject = :s order by d.number", {"s": subject})
        return [queue.delivery_of(each) for each in found]

    def has_heard(self, source: str, event: str) -> bool:
        """Whether an event of another service was acted on."""
        here = {"s": source, "i": event}
        return row(self.db, "select 1 from heard where source = :s and id = :i", here) is not None

    def waiting(self) -> list[Waiting]:
        """See groups.waiting."""
        return groups.waiting(self.db)

    def inhibitions(self) -> tuple[Inhibition, ...]:
        """See blindness.read."""
        return blindness.read(self.db)

    def leads(self, waiting: Sequence[Waiting], now: datetime, window: timedelta) -> list[Lead]:
        """See groups.leads."""
        return groups.leads(self.db, waiting, now, window)

    def open_groups(self, now: datetime) -> list[Group]:
        """See groups.open_groups."""
        return groups.open_groups(self.db, now)

    def dirty_groups(self, now: datetime) -> list[Group]:
        """See groups.dirty."""
        return groups.dirty(self.db, now)

    def group_members(self, subject: str) -> list[Member]:
        """See groups.members."""
        return groups.members(self.db, subject)

    def backlog(self) -> dict[str, tuple[int, datetime | None]]:
        """For each channel: how many messages wait or are in doubt, and since when the oldest does."""
        return backlog(self.db)

    def audit(self, limit: int = 100) -> list[AuditRow]:
        found = rows(self.db, "select * from audit order by id desc limit :limit", {"limit": limit})
        return [audit.audit_row(each) for each in found]

    def recall(self, check: str, place: str, name: str) -> Json | None:
        """What a check kept at a place in its last look that kept it; None: nothing."""
        return runs.recall(self.db, check, place, name)

    def states(self) -> list[StateRow]:
        """What is known of every Terraform state."""
        return states.read(self.db)

    def meta(self, key: str) -> str | None:
        found = row(self.db, "select value from meta where key = :key", {"key": key})
        return None if found is None else str(found["value"])

    def counts(self) -> Counts:
        tables = {}
        for name in TABLES:
            found = row(self.db, f"select count(*) as n from {name}")  # noqa: S608 - names of this module
            tables[name] = 0 if found is None else int(found["n"])
        return Counts(tables, _by_state(self.db, "incident"), _by_state(self.db, "delivery"))


def backlog(db: Database) -> dict[str, tuple[int, datetime | None]]:
    found = rows(
        db,
        """select channel, count(*) as waiting, min(created_at) as oldest from delivery
        where state in ('pending', 'sending') group by channel order by channel""",
    )
    return {each["channel"]: (each["waiting"], time_or_none(each["oldest"])) for each in found}


def _limit(limit: int | None) -> int:
    return -1 if limit is None else limit  # SQLite: negative is no limit


def _by_state(db: Database, table: str) -> dict[str, int]:
    found = rows(db, f"select state, count(*) as n from {table} group by state order by state")  # noqa: S608 - literals
    return {each["state"]: each["n"] for each in found}


def job_of(found: Mapping[str, Any]) -> JobRow:
    return JobRow(
        check=found["check_name"], place=found["place"], labels=load(found["labels"]),
        last_start=time_or_none(found["last_start"]), last_end=time_or_none(found["last_end"]),
        last_ok=time_or_none(found["last_ok"]), first_ok=time_or_none(found["first_ok"]),
        next_due=time_or_none(found["next_due"]), outcome=found["outcome"], reason=found["reason"],
        detail=found["detail"], runs=found["runs"],
    )  # fmt: skip


def _job_state(found: Mapping[str, Any]) -> JobStateRow:
    return JobStateRow(
        name=found["name"], last_start=time_or_none(found["last_start"]), last_end=time_or_none(found["last_end"]),
        last_ok=time_or_none(found["last_ok"]), next_due=time_or_none(found["next_due"]), outcome=found["outcome"],
        reason=found["reason"], detail=found["detail"],
    )  # fmt: skip


def _run(found: Mapping[str, Any]) -> RunRow:
    return RunRow(
        check=found["check_name"], place=found["place"], labels=load(found["labels"]), started=time(found["started"]),
        ended=time(found["ended"]), outcome=found["outcome"], reason=found["reason"], detail=found["detail"],
        next_due=time_or_none(found["next_due"]),
    )  # fmt: skip


def reading_of(found: Mapping[str, Any]) -> ReadingRow:
    return ReadingRow(
        check=found["check_name"], place=found["place"], resource=found["resource"], labels=load(found["labels"]),
        outcome=Outcome(found["outcome"]), verdict=found["verdict"], summary=found["summary"],
        values=load(found["vals"]), evidence=load(found["evidence"]), at=time(found["at"]),
        since=time(found["since"]), good_verdict=found["good_verdict"], good_at=time_or_none(found["good_at"]),
        good_since=time_or_none(found["good_since"]), stale_reason=found["stale_reason"],
    )  # fmt: skip


def _verdict_change(found: Mapping[str, Any]) -> VerdictChange:
    return VerdictChange(
        check=found["check_name"], place=found["place"], resource=found["resource"], at=time(found["at"]),
        outcome=Outcome(found["outcome"]) if found["outcome"] else None, verdict=found["verdict"],
        summary=found["summary"],
    )  # fmt: skip
