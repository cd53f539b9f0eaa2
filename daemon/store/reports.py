"""Reports that were made: which, for whom, and every file of each edition. Functions of a transaction or a snapshot."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from daemon.store.codec import time
from daemon.store.sql import row, rows, run, upsert
from daemon.store.week_rows import Measure

MOST_INFLATED = 50_000_000  # bytes: more is no file of ours


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report to one destination. *edition* counts how often its period was made."""

    kind: str
    period: str  # "2026-W47"
    destination: str  # a channel; empty: kept, and sent to nobody
    edition: int
    made_at: datetime
    subject: str  # of its messages
    headline: str
    light: str


def find(db: Database, kind: str, period: str, destination: str) -> ReportRow | None:
    found = row(
        db,
        "select * from report where kind = :kind and period = :period and destination = :destination",
        {"kind": kind, "period": period, "destination": destination},
    )
    return None if found is None else _row(found)


def newest(db: Database, kind: str, limit: int = 200) -> list[ReportRow]:
    """One for each period, the newest first."""
    found = rows(
        db,
        """select r.* from report r where kind = :kind and r.rowid = (
            select n.rowid from report n where n.kind = r.kind and n.period = r.period
            order by n.edition desc, n.destination limit 1)
        order by period desc limit :limit""",
        {"kind": kind, "limit": limit},
    )
    return [_row(each) for each in found]


def edition(db: Database, kind: str, period: str) -> int:
    """The number of the newest edition; 0: there is none."""
    found = row(
        db,
        "select max(edition) as n from report_file where kind = :kind and period = :period",
        {"kind": kind, "period": period},
    )
    return int(found["n"] or 0) if found else 0


def sent(db: Database) -> dict[str, datetime]:
    """When a message of a report was last taken, by kind of report."""
    found = rows(
        db,
        """select substr(subject, 8, instr(substr(subject, 8), ':') - 1) as kind, max(sent_at) as at from delivery
        where subject >= 'report:' and subject < 'report;' and sent_at is not null group by 1""",
    )
    return {each["kind"]: time(each["at"]) for each in found}


def save(db: Database, report: ReportRow) -> None:
    upsert(
        db, "report", ("kind", "period", "destination"),
        {
            "kind": report.kind, "period": report.period, "destination": report.destination,
            "edition": report.edition, "made_at": report.made_at, "subject": report.subject,
            "headline": report.headline, "light": report.light,
        },
    )  # fmt: skip


def keep_files(db: Database, report: ReportRow, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        run(
            db,
            """insert into report_file (kind, period, edition, name, made_at, content)
            values (:kind, :period, :edition, :name, :made_at, :content)""",
            {
                "kind": report.kind, "period": report.period, "edition": report.edition, "name": name,
                "made_at": report.made_at, "content": zlib.compress(content, 6),
            },
        )  # fmt: skip


def file(db: Database, kind: str, period: str, name: str, number: int = 0) -> bytes | None:
    """A file of edition *number*, 0 for the newest; None: there is none."""
    found = row(
        db,
        """select content from report_file where kind = :kind and period = :period and name = :name
        and (:number = 0 or edition = :number) order by edition desc limit 1""",
        {"kind": kind, "period": period, "name": name, "number": number},
    )
    if found is None:
        return None
    return zlib.decompressobj().decompress(found["content"], MOST_INFLATED)


def reference(kind: str, period: str, number: int, name: str) -> str:
    """What stands for a file in a message."""
    return f"{kind}/{period}/{number}/{name}"


def referred(db: Database, ref: str) -> bytes:
    """The bytes that a reference stands for. Raises LookupError."""
    parts = ref.split("/")
    if len(parts) == 4 and parts[2].isdecimal():
        content = file(db, parts[0], parts[1], parts[3], int(parts[2]))
        if content is not None:
            return content
    raise LookupError(ref)


def measure(db: Database, found: Iterable[Measure]) -> int:
    """Keep numbers of days. One that is kept already stays as it is. Give how many were new."""
    return sum(
        run(
            db,
            """insert into measure (day, name, subject, value, at) values (:day, :name, :subject, :value, :at)
            on conflict (day, name, subject) do nothing""",
            {"day": one.day.isoformat(), "name": one.name, "subject": one.subject, "value": one.value, "at": one.at},
        )
        for one in found
    )


def _row(found: Mapping[str, Any]) -> ReportRow:
    return ReportRow(
        found["kind"], found["period"], found["destination"], found["edition"], time(found["made_at"]),
        found["subject"], found["headline"], found["light"],
    )  # fmt: skip
