"""Connections: how they are opened, and statements with values of ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from daemon.store.codec import bind

# Below it, SQLite may damage a database that two connections write and checkpoint at one moment
# (https://sqlite.org/wal.html#walresetbug). There is one writing connection here; other programs are not ours.
SAFE_SQLITE = (3, 51, 3)
BUSY_SECONDS = 30.0


def connect_writer(path: Path) -> Database:
    """The connection that writes: WAL, every commit on the disk before it returns. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma foreign_keys = on")
        (mode,) = connection.execute("pragma journal_mode = wal").fetchone()
        if mode != "wal":
            raise sqlite3.OperationalError(f"the volume does not take write-ahead logging (journal mode {mode})")
        connection.execute("pragma synchronous = full")
        return Database(connection)
    except BaseException:
        connection.close()
        raise


def connect_reader(path: Path, *, query_only: bool = True) -> Database:
    """A connection that cannot write the file. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None,
        check_same_thread=False,
    )  # fmt: skip
    try:
        if query_only:
            connection.execute("pragma query_only = on")
        return Database(connection)
    except BaseException:
        connection.close()
        raise


def run(db: Database, statement: str, values: Mapping[str, object] | None = None) -> int:
    """Execute; give the number of rows it changed."""
    return db.execute(statement, bind(values or {})).rowcount


def rows(db: Database, statement: str, values: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
    cursor = db.execute(statement, bind(values or {}))
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def row(db: Database, statement: str, values: Mapping[str, object] | None = None) -> dict[str, Any] | None:
    found = rows(db, statement, values)
    return found[0] if found else None


def upsert(db: Database, table: str, key: tuple[str, ...], values: Mapping[str, object]) -> None:
    """Insert, or update the row with the same *key*. Names come from this package, never from outside."""
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    changes = ", ".join(f"{name} = excluded.{name}" for name in values if name not in key)
    run(
        db,
        f"insert into {table} ({names}) values ({marks}) on conflict ({', '.join(key)}) do update set {changes}",  # noqa: S608 - names are literals of this package
        values,
    )
