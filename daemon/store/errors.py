"""What goes wrong with a database, in words for people."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class StoreError(Exception):
    """The store cannot be used, or a step was not stored. The text says where, what is wrong and what to do."""


class InUseError(StoreError):
    """Another process holds the instance lock: a daemon runs on this store."""


class DamagedError(StoreError):
    """The file is not a sound database any more, or never was one."""


# SQLite's name of the error (its beginning) -> what is wrong; what to do.
_EXPLAINED: tuple[tuple[str, str], ...] = (
    ("SQLITE_FULL", "the disk is full; this step was not stored. Free space on its volume."),
    ("SQLITE_NOTADB", "not a SQLite database. Give another path, or bring a copy back: barograph db restore COPY"),
    ("SQLITE_CORRUPT", "the database is damaged. Bring a copy back: barograph db restore COPY"),
    ("SQLITE_IOERR", "the disk refused to read or write; this step was not stored. Look at the volume and its space."),
    ("SQLITE_BUSY", "another program keeps the database locked. Find it (fuser) and end it."),
    ("SQLITE_LOCKED", "another program keeps the database locked. Find it (fuser) and end it."),
    ("SQLITE_READONLY", "the database cannot be written. Look at the owner and mode of the file and of its folder."),
    ("SQLITE_CANTOPEN", "the database cannot be opened. Look at the owner and mode of the file and of its folder."),
    ("SQLITE_PERM", "the database cannot be opened. Look at the owner and mode of the file and of its folder."),
)


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """Given SQLite's error at the database *path*, return what to tell a person. Holds no stored value."""
    name = getattr(error, "sqlite_errorname", None) or ""
    for beginning, text in _EXPLAINED:
        if name.startswith(beginning):
            damaged = beginning in ("SQLITE_NOTADB", "SQLITE_CORRUPT")
            return (DamagedError if damaged else StoreError)(f"{path}: {text}")
    return StoreError(f"{path}: this step was not stored: {error}")
