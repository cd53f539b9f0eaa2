"""Looking at a database file before it is used, without changing it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlite_utils import Database

from daemon.store.errors import StoreError, explain
from daemon.store.migrations import APPLICATION_ID, steps
from daemon.store.sql import connect_reader, row, rows


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


def refuse_damage(db: Database, path: Path, pragma: str) -> None:
    """Raises StoreError with the first findings of quick_check or integrity_check."""
    found = [str(next(iter(each.values()))) for each in rows(db, f"pragma {pragma}(10)")]
    if found != ["ok"]:
        raise StoreError(
            f"{path}: the database is damaged: {'; '.join(found[:3])}. Bring a copy back: barograph db restore COPY"
        )
