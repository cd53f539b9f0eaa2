"""What is stored of the place of an apply, without reading what is stored of all others."""

from __future__ import annotations

from collections.abc import Iterable

from sqlite_utils import Database

from daemon.store.read import reading_of
from daemon.store.rows import ReadingRow
from daemon.store.sql import rows

_READING = """select r.*, coalesce(j.labels, '{}') as labels from reading r
    left join job j on j.check_name = r.check_name and j.place = r.place where r.check_name = :check"""


def readings_at(db: Database, check: str, place: str) -> list[ReadingRow]:
    """The latest readings of a check at one place."""
    found = rows(db, f"{_READING} and r.place = :place order by r.resource", {"check": check, "place": place})
    return [reading_of(each) for each in found]


def readings_of(db: Database, check: str, resources: Iterable[str]) -> list[ReadingRow]:
    """The latest readings of these resources, at whichever places."""
    found = []
    for resource in sorted(set(resources))[:500]:
        found += rows(db, f"{_READING} and r.resource = :resource", {"check": check, "resource": resource})
    return [reading_of(each) for each in found]
