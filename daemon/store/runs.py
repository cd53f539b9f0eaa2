"""Runs and readings: how a run is written down. Functions of an open transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlite_utils import Database

from checks.base import Json, Outcome, Reading
from daemon.store.codec import dump, load
from daemon.store.rows import RunRow
from daemon.store.sql import row, rows, run, upsert

# Of two readings of one resource the worse one is believed.
_WORST_FIRST = (Outcome.UNHEALTHY, Outcome.UNKNOWN, Outcome.HEALTHY, Outcome.NOT_APPLICABLE)
_OF_JOB = "check_name = :check_name and place = :place"


def start(db: Database, check: str, place: str, labels: Mapping[str, str], at: datetime) -> None:
    upsert(
        db,
        "job",
        ("check_name", "place"),
        {"check_name": check, "place": place, "labels": dump(labels), "last_start": at},
    )


def save(db: Database, done: RunRow) -> None:
    if done.outcome not in ("ok", "failed"):
        raise ValueError(f"a run ends ok or failed, not {done.outcome!r}")
    job = {"check_name": done.check, "place": done.place}
    common = {"labels": dump(done.labels), "outcome": done.outcome, "reason": done.reason, "detail": done.detail,
              "next_due": done.next_due}  # fmt: skip
    run(
        db,
        """insert into run (check_name, place, labels, started, ended, outcome, reason, detail, next_due)
        values (:check_name, :place, :labels, :started, :ended, :outcome, :reason, :detail, :next_due)""",
        {**job, **common, "started": done.started, "ended": done.ended},
    )
    upsert(db, "job", ("check_name", "place"),
           {**job, **common, "last_start": done.started, "last_end": done.ended})  # fmt: skip
    run(db, f"update job set runs = runs + 1 where {_OF_JOB}", job)  # noqa: S608 - a literal above
    if done.outcome == "ok":
        run(
            db,
            f"update job set last_ok = :at, first_ok = coalesce(first_ok, :at) where {_OF_JOB}",  # noqa: S608 - a literal above
            {**job, "at": done.ended},
        )
    else:
        why = ": ".join(part for part in (done.reason, done.detail) if part) or "the last run failed"
        run(db, f"update reading set stale_reason = :why where {_OF_JOB}", {**job, "why": why})  # noqa: S608 - a literal above


def save_readings(
    db: Database, check: str, place: str, readings: Iterable[Reading], at: datetime, *, complete: bool
) -> None:
    job = {"check_name": check, "place": place}
    known = {
        found["resource"]: found
        for found in rows(db, f"select * from reading where {_OF_JOB}", job)  # noqa: S608 - a literal above
    }
    latest: dict[str, Reading] = {}
    for reading in readings:
        other = latest.get(reading.resource)
        if other is None or _WORST_FIRST.index(reading.outcome) < _WORST_FIRST.index(other.outcome):
            latest[reading.resource] = reading
    for resource, reading in latest.items():
        _save_reading(db, job, reading, at, known.get(resource))
    for resource in known.keys() - latest.keys():
        if complete:
            _remove(db, job, resource, at)
        else:
            run(
                db,
                f"""update reading set stale_reason = :why where {_OF_JOB} and resource = :resource
                and stale_reason = ''""",  # noqa: S608 - a literal above
                {**job, "resource": resource, "why": "the last look saw only a part, and said nothing about it"},
            )


def _save_reading(
    db: Database, job: Mapping[str, str], reading: Reading, at: datetime, old: Mapping[str, object] | None
) -> None:
    same = old is not None and (old["outcome"], old["verdict"]) == (reading.outcome.value, reading.verdict)
    values: dict[str, object] = {
        **job,
        "resource": reading.resource,
        "outcome": reading.outcome,
        "verdict": reading.verdict,
        "summary": reading.summary,
        "vals": dump(reading.values),
        "evidence": dump(reading.evidence),
        "at": at,
        "since": old["since"] if old is not None and same else at,
        "good_verdict": "",
        "good_at": None,
        "good_since": None,
        "stale_reason": "",
    }
    if reading.outcome is Outcome.UNKNOWN:
        if old is not None:
            values |= {name: old[name] for name in ("good_verdict", "good_at", "good_since")}
            values["vals"] = dump({**load(str(old["vals"])), **reading.values})  # of the time good_at, not of now
    else:
        unchanged = old is not None and old["good_verdict"] == reading.verdict and old["good_since"] is not None
        since = old["good_since"] if old is not None and unchanged else at
        values |= {"good_verdict": reading.verdict, "good_at": at, "good_since": since}
    upsert(db, "reading", ("check_name", "place", "resource"), values)
    if not same:
        _note_change(db, job, reading.resource, at, (reading.outcome.value, reading.verdict, reading.summary))


def _remove(db: Database, job: Mapping[str, str], resource: str, at: datetime) -> None:
    run(db, f"delete from reading where {_OF_JOB} and resource = :resource", {**job, "resource": resource})  # noqa: S608 - a literal above
    _note_change(db, job, resource, at, ("", "", ""))


def _note_change(db: Database, job: Mapping[str, str], resource: str, at: datetime, what: tuple[str, str, str]) -> None:
    outcome, verdict, summary = what
    run(
        db,
        """insert into verdict_change (check_name, place, resource, at, outcome, verdict, summary)
        values (:check_name, :place, :resource, :at, :outcome, :verdict, :summary)""",
        {**job, "resource": resource, "at": at, "outcome": outcome, "verdict": verdict, "summary": summary},
    )


def remember(db: Database, check: str, place: str, kept: Mapping[str, Json], at: datetime) -> None:
    for name, value in kept.items():
        key = {"check_name": check, "place": place, "name": name}
        if value is None:
            run(db, f"delete from memory where {_OF_JOB} and name = :name", key)  # noqa: S608 - a literal above
        else:
            upsert(db, "memory", ("check_name", "place", "name"), {**key, "value": dump(value), "at": at})


def recall(db: Database, check: str, place: str, name: str) -> Json | None:
    found = row(
        db,
        f"select value from memory where {_OF_JOB} and name = :name",  # noqa: S608 - a literal above
        {"check_name": check, "place": place, "name": name},
    )
    return None if found is None else load(found["value"])


def forget(db: Database, check: str, place: str, at: datetime) -> None:
    """The job, its readings and its memory are removed; the history stays."""
    job = {"check_name": check, "place": place}
    for found in rows(db, f"select resource from reading where {_OF_JOB}", job):  # noqa: S608 - a literal above
        _remove(db, job, found["resource"], at)
    for table in ("job", "memory"):
        run(db, f"delete from {table} where {_OF_JOB}", job)  # noqa: S608 - literals above


def first_ok(db: Database, check: str, place: str) -> bool:
    # Also by its history: a place that left the inventory and is back has no job, and was looked at before.
    found = row(
        db,
        f"""select 1 from job where {_OF_JOB} and first_ok is not null
        union all select 1 from run where {_OF_JOB} and outcome = 'ok' limit 1""",  # noqa: S608 - a literal above
        {"check_name": check, "place": place},
    )
    return found is not None
