"""Copies of the database: before a migration, for a backup, and back again."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from daemon.audit.chain import RESTORE, Head
from daemon.store import audit
from daemon.store.errors import StoreError, explain
from daemon.store.inspect import inspect, refuse_damage
from daemon.store.lock import InstanceLock
from daemon.store.sql import connect_reader, connect_writer, row, run

log = logging.getLogger(__name__)

KEPT_COPIES = 5  # made before migrations


def copy_before_migration(db: Database, path: Path, folder: Path, now: datetime) -> Path:
    """Copy the open database into *folder* as NAME.v<version>-<time>.bak; keep the newest KEPT_COPIES, one a version.

    Raises sqlite3.Error or StoreError if that cannot be done: then nothing may be migrated.
    """
    version = int((row(db, "pragma user_version") or {})["user_version"])
    make_folder(folder)
    copy = folder / f"{path.name}.v{version}-{_stamp(now)}.bak"
    copy.unlink(missing_ok=True)
    _vacuum_into(db, copy)
    copies = [each for each in folder.iterdir() if each.name.startswith(f"{path.name}.v") and each.suffix == ".bak"]
    newest: dict[str, Path] = {}  # by version
    for each in sorted(copies, key=_time_of_copy):
        newest[each.name.rsplit("-", 1)[0]] = each
    kept = {copy, *sorted(newest.values(), key=_time_of_copy)[-KEPT_COPIES:]}
    for outdated in set(copies) - kept:
        outdated.unlink(missing_ok=True)
    return copy


def _time_of_copy(copy: Path) -> str:
    return copy.name.rsplit("-", 1)[-1]


def make_folder(folder: Path) -> None:
    """Make *folder* for its owner alone, unless it is there. Raises StoreError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{folder}: the folder cannot be made: {error.strerror}. Make it, or change the group `store`."
        ) from None


def backup(path: Path, target: Path) -> None:
    """Write a whole copy of the store at *path* to *target*, while a daemon may be writing it.

    Raises StoreError if *target* exists or cannot be written, or if the store cannot be read.
    """
    inspect(path, quick=False)
    _make_copy(path, target)
    try:
        os.close(os.open(mark_of(path), os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        os.utime(mark_of(path))
    except OSError as error:
        log.warning("%s: the copy is whole, and its metric stays as it was: %s", target, error.strerror)


def mark_of(path: Path) -> Path:
    """A file beside the store: it was last changed when a backup was last made."""
    return path.with_name(f"{path.name}.backed-up")


def _make_copy(path: Path, target: Path) -> None:
    try:
        db = connect_reader(path, query_only=False)  # VACUUM INTO writes another file, which query_only forbids
        try:
            _vacuum_into(db, target)
        finally:
            db.close()
    except sqlite3.Error as error:
        raise explain(error, path) from error


def restore(path: Path, copy: Path, clock: Callable[[], datetime]) -> Path | None:
    """Put *copy* in the place of the store at *path*; give the path under which the replaced store is kept.

    Messages that wait in the copy may have been sent since: they come back as in doubt, so that the channel's
    history is asked before any is sent. Raises StoreError if the copy is damaged, not ours or newer, or while a
    daemon uses the store; then nothing is changed.
    """
    if inspect(copy, quick=False) == 0:
        raise StoreError(f"{copy}: the copy is empty. Give another one.")
    make_folder(path.parent)
    lock = InstanceLock(path)
    try:
        fresh = path.with_name(path.name + ".restoring")
        _remove_database(fresh)
        try:
            _checked_copy(copy, fresh)
            now = clock()
            _doubt_what_waits(fresh, now)
            _note_restore(fresh, now, _head_of(path))
            kept = _set_aside(path, now)
            os.replace(fresh, path)
            _sync_folder(path.parent)
            return kept
        finally:
            _remove_database(fresh)
    except OSError as error:
        raise StoreError(f"{path}: cannot be replaced: {error.strerror}. The copy was not brought back.") from error
    except sqlite3.Error as error:
        raise explain(error, path) from error
    finally:
        lock.release()


def _checked_copy(copy: Path, fresh: Path) -> None:
    db = connect_reader(copy, query_only=False)
    try:
        refuse_damage(db, copy, "integrity_check")
        _vacuum_into(db, fresh)
    finally:
        db.close()


def _doubt_what_waits(fresh: Path, now: datetime) -> None:
    db = connect_writer(fresh)
    try:
        db.conn.execute("begin immediate")
        # Edits hold the whole state: repeating one is harmless. A reply needs its root message to be looked for.
        run(
            db,
            """update delivery set state = 'sending', intent_at = created_at where state = 'pending'
            and (kind = 'post' or kind = 'reply' and exists (
                select 1 from thread t where t.subject = delivery.subject and t.root_ts <> ''))""",
        )
        db.conn.execute("commit")
        db.conn.execute("pragma wal_checkpoint(truncate)")
        db.conn.execute("pragma journal_mode = delete")
    finally:
        db.close()


def _note_restore(fresh: Path, now: datetime, replaced: Head | None) -> None:
    """Add to the trail of the copy that it was brought back, and how far the trail went that it replaces."""
    db = connect_writer(fresh)
    try:
        db.conn.execute("begin immediate")
        if audit.is_chained(db):
            copied = audit.head(db)
            audit.append(db, now, "barograph", RESTORE, {
                "copy": None if copied is None else {"seq": copied.seq, "hash": copied.hash},
                "replaced": None if replaced is None else {"seq": replaced.seq, "hash": replaced.hash},
            })  # fmt: skip
        else:  # the upgrade at the next start chains it
            run(
                db,
                "insert into audit (at, who, action, detail) values (:now, 'barograph', :restore, 'from a copy')",
                {"now": now, "restore": RESTORE},
            )
        db.conn.execute("commit")
        db.conn.execute("pragma wal_checkpoint(truncate)")
        db.conn.execute("pragma journal_mode = delete")
    finally:
        db.close()


def _head_of(path: Path) -> Head | None:
    """Where the trail of the store at *path* ends; None: there is none, or it cannot be read, which is why it goes."""
    if not path.is_file() or path.stat().st_size == 0:
        return None
    try:
        db = connect_reader(path)
        try:
            return audit.head(db) if audit.is_chained(db) else None
        finally:
            db.close()
    except sqlite3.Error:
        return None


def _set_aside(path: Path, now: datetime) -> Path | None:
    """Move the store away with its journal. A journal left behind would be replayed into the next database."""
    if not path.exists():
        for ending in ("-wal", "-shm"):
            Path(f"{path}{ending}").unlink(missing_ok=True)
        return None
    try:
        db = connect_writer(path)  # bring the journal home where the old store is still sound
        try:
            db.conn.execute("pragma wal_checkpoint(truncate)")
        finally:
            db.close()
    except sqlite3.Error:
        pass  # it is damaged, which is why it is replaced: kept as it is
    kept = path.with_name(f"{path.name}.replaced-{_stamp(now)}")
    for ending in ("-wal", "-shm", ""):
        part = Path(f"{path}{ending}")
        if part.exists():
            os.replace(part, f"{kept}{ending}")
    return kept


def _vacuum_into(db: Database, target: Path) -> None:
    """A whole copy at *target*, mode 0600, on the disk; or nothing there. Raises StoreError if *target* exists."""
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise StoreError(f"{target}: exists already and is not overwritten. Give a new path.") from None
    except OSError as error:
        raise StoreError(f"{target}: cannot be written: {error.strerror}.") from None
    partial = target.with_name(f"{target.name}.partial-{os.getpid()}")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
        db.conn.execute("vacuum into ?", (str(partial),))
        _sync(partial)
        os.replace(partial, target)
        _sync_folder(target.parent)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        if isinstance(error, (sqlite3.Error, OSError)):
            what = explain(error, target) if isinstance(error, sqlite3.Error) else StoreError(f"{target}: {error}")
            raise what from error
        raise


def _remove_database(path: Path) -> None:
    for ending in ("-wal", "-shm", "-journal", ""):
        Path(f"{path}{ending}").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    _sync(folder)


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
