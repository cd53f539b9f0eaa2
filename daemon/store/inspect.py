"""Looking at a database file before it is used, without changing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from daemon.store.errors import DamagedError, StoreError, explain
from daemon.store.migrations import APPLICATION_ID, steps
from daemon.store.read import Reader
from daemon.store.rows import Counts
from daemon.store.sql import connect_reader, row, rows


@dataclass(frozen=True, slots=True)
class Examination:
    """What `barograph db check` shows. *problems* empty: the database is sound."""

    version: int
    problems: tuple[str, ...]
    counts: Counts = field(default_factory=Counts)
    backlog: Mapping[str, tuple[int, datetime | None]] = field(default_factory=dict)


def inspect(path: Path, *, quick: bool) -> int:
    """Give the version of the database at *path*; with *quick*, check its structure too.

    Raises StoreError if it is missing, damaged, not a store of Barograph, or made by a newer Barograph.
    """
    if not path.is_file() or path.stat().st_size == 0:
        raise StoreError(f"{path}: there is no store here. Give the path of the database that `barograph run` writes.")
    try:
        db = connect_reader(path)
        try:
            version = _version(db, path)
            if quick:
                refuse_damage(db, path, "quick_check")
            return version
        finally:
            db.close()
    except sqlite3.Error as error:
        raise explain(error, path) from error


def look_at_file(path: Path) -> None:
    """Look at the structure of the store at *path*, beside whoever writes it. Raises DamagedError, StoreError."""
    inspect(path, quick=True)


def _version(db: Database, path: Path) -> int:
    version = int((row(db, "pragma user_version") or {})["user_version"])
    application = int((row(db, "pragma application_id") or {})["application_id"])
    if application != APPLICATION_ID:
        foreign = row(db, "select 1 from sqlite_master where tbl_name not in ('_sqlite_migrations', 'sqlite_sequence')")
        if foreign is None and application == 0 and version == 0:
            return 0  # a first start that was interrupted before its first step
        raise StoreError(f"{path}: this database belongs to another program. Give another path.")
    migrations = steps()
    ours = {step.name for step in migrations.pending(Database(memory=True))}
    unknown = [step.name for step in migrations.applied(db) if step.name not in ours]
    if unknown or version > len(ours):
        raise StoreError(
            f"{path}: a newer Barograph made this store (version {version}; this one knows {len(ours)}). "
            "Use that version, or bring back the copy it made before its migration: barograph db restore COPY"
        )
    return version


def refuse_older(version: int, path: Path) -> None:
    """Raises StoreError for a database that lacks steps: what is read of it may not be there."""
    newest = len(list(steps().pending(Database(memory=True))))
    if version < newest:
        raise StoreError(
            f"{path}: an older Barograph made this store (version {version}; this one needs {newest}). "
            "Start `barograph run` once, which copies it and brings it up to date."
        )


def damage(db: Database, pragma: str, limit: int = 10) -> list[str]:
    """The first findings of `quick_check` or `integrity_check`; empty: the structure is sound."""
    texts = [str(next(iter(each.values()))) for each in rows(db, f"pragma {pragma}({limit})")]
    lines = [line for text in texts for line in text.splitlines() if not line.startswith("***")]
    return [] if lines == ["ok"] else lines[:limit]


def refuse_damage(db: Database, path: Path, pragma: str) -> None:
    """Raises DamagedError if there is any."""
    found = damage(db, pragma)
    if found:
        raise DamagedError(
            f"{path}: the database is damaged: {'; '.join(found[:3])}. Bring a copy back: barograph db restore COPY"
        )


def examine(path: Path) -> Examination:
    """Look at the whole database at *path*, while a daemon may be writing it.

    Raises DamagedError if it cannot even be read, StoreError if there is nothing to examine.
    """
    version = inspect(path, quick=False)
    try:
        db = connect_reader(path)
        try:
            db.conn.execute("begin")
            problems = damage(db, "integrity_check")
            if problems:
                return Examination(version, tuple(problems))
            for found in rows(db, "pragma foreign_key_check"):
                problems.append(
                    f"row {found['rowid']} of {found['table']} points to a missing row of {found['parent']}"
                )
            view = Reader(db)
            return Examination(version, tuple(problems), view.counts(), view.backlog())
        finally:
            db.close()
    except sqlite3.Error as error:
        raise explain(error, path) from error
