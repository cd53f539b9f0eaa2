"""The store: one file, one writing connection, readers beside it."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

from sqlite_utils import Database

from daemon.store import audit, retention
from daemon.store.copies import make_folder
from daemon.store.errors import StoreError, explain
from daemon.store.inspect import inspect, refuse_older
from daemon.store.lock import InstanceLock
from daemon.store.migrations import steps
from daemon.store.questions import Questions
from daemon.store.read import Reader
from daemon.store.rows import JobStateRow, Pruned
from daemon.store.sql import SAFE_SQLITE, connect_reader, connect_writer
from daemon.store.transaction import Transaction
from daemon.store.upgrade import upgrade

log = logging.getLogger(__name__)

_IDLE_READERS = 8

Timed = Callable[[str, float], None]  # "wait" and "transaction" with seconds; "read error" and "write error" with 0


def _nobody(what: str, seconds: float) -> None:
    """Where nobody watches."""


class Store(Questions):
    """The daemon's memory. Made by Store.open(); usable from any thread; a context manager that closes it.

    Every method that touches the database raises StoreError where it cannot be done; then nothing of it is stored.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime], db: Database, lock: InstanceLock) -> None:
        self.path = path
        self._clock = clock
        self._db = db
        self._lock = lock
        self._writing = threading.RLock()
        self._readers: deque[Database] = deque()
        self._pool = threading.Lock()
        self._closed = False
        self._on_timed: Timed = _nobody
        self._written_at: datetime | None = None

    @property
    def written_at(self) -> datetime | None:
        """When something was last stored since it was opened; None: nothing was."""
        return self._written_at

    def watch(self, on_timed: Timed) -> None:
        """Tell *on_timed* from now on how long transactions wait and take, and what is refused."""
        self._on_timed = on_timed

    @classmethod
    def open(cls, path: Path, clock: Callable[[], datetime], backups: Path | None = None) -> Store:
        """Open, or create, the database for the one daemon that writes it.

        Takes the instance lock, checks the file, brings it to the newest shape after making a copy of it in
        *backups* (None: the folder `backups` beside it).
        Raises StoreError, and leaves the database as it was, if another process holds the lock, if the file is
        damaged or not ours, or if a newer Barograph made it.
        """
        make_folder(path.parent)
        lock = InstanceLock(path)
        try:
            with _explained(path):
                return cls(path, clock, _open_database(path, clock, backups), lock)
        except BaseException:
            lock.release()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections and give the lock back. Waits for a transaction under way. Twice is no error."""
        with self._writing, self._pool:
            if self._closed:
                return
            self._closed = True
            while self._readers:
                self._readers.pop().close()
            self._db.close()
            self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """One `BEGIN IMMEDIATE … COMMIT`, by one thread at a time; rolled back if the block raises.

        Raises RuntimeError if this thread is in one already: a step is stored whole, or not at all.
        """
        began = time.monotonic()
        with self._writing, self._explained("write"):
            if self._closed:
                raise StoreError(f"{self.path}: the store is closed")
            waited = time.monotonic() - began
            connection = self._db.conn
            if connection.in_transaction:
                raise RuntimeError("transactions do not nest: pass the open one on")
            tx = Transaction(self._db, self._clock())
            connection.execute("begin immediate")
            try:
                yield tx
                connection.execute("commit")
                self._written_at = self._clock()
            finally:
                tx.end()
                if connection.in_transaction:
                    connection.execute("rollback")
                self._on_timed("wait", waited)
                self._on_timed("transaction", time.monotonic() - began - waited)

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """A snapshot: everything read through it is of one moment, whatever is written meanwhile."""
        with self._explained("read"):
            db = self._take_reader()
            try:
                db.conn.execute("begin")
                yield Reader(db)
                db.conn.execute("rollback")
            except BaseException:
                db.close()
                raise
            self._give_reader(db)

    @contextmanager
    def _explained(self, operation: str) -> Iterator[None]:
        """As the function of this name, and who watches hears of it."""
        try:
            with _explained(self.path):
                yield
        except StoreError as error:
            if error.__cause__ is not None:  # the database refused; that we closed it is no trouble of its own
                self._on_timed(f"{operation} error", 0.0)
            raise

    def save_outcome(self, name: str, now: datetime, every: timedelta, why: str) -> None:
        """Keep that the job *name*, which is no check, ran at *now*. *why* it did not end well; empty: it did."""
        with self.transaction() as tx:
            before = Reader(tx.db).job_states().get(name)
            good = now if not why else (before.last_ok if before is not None else None)
            tx.save_job_state(JobStateRow(name, now, now, good, now + every, "failed" if why else "ok", "", why))

    def prune(self, now: datetime, keep: timedelta) -> Pruned:
        """Remove what ended longer than *keep* before *now*; see daemon.store.retention for what always stays."""
        return retention.prune(self.transaction, now, keep)

    def let_go_of_audit(self, now: datetime, keep: timedelta) -> int:
        """Let rows of the audit trail go that are older than *keep*; see audit.let_go. Gives how many."""
        return audit.let_go(self.transaction, now, keep)

    def _take_reader(self) -> Database:
        with self._pool:
            if self._closed:
                raise StoreError(f"{self.path}: the store is closed")
            if self._readers:
                return self._readers.pop()
        return connect_reader(self.path)

    def _give_reader(self, db: Database) -> None:
        with self._pool:
            if not self._closed and len(self._readers) < _IDLE_READERS:
                self._readers.append(db)
                return
        db.close()


@contextmanager
def open_reader(path: Path) -> Iterator[Reader]:
    """Read a store that a daemon may be using, without its lock. Raises StoreError if it cannot be read."""
    with _explained(path):
        refuse_older(inspect(path, quick=False), path)
        db = connect_reader(path)
        try:
            db.conn.execute("begin")
            yield Reader(db)
        finally:
            db.close()


def _open_database(path: Path, clock: Callable[[], datetime], backups: Path | None) -> Database:
    _warn_of_old_sqlite()
    if path.exists() and path.stat().st_size > 0:
        inspect(path, quick=True)
    _make_private(path)
    db = connect_writer(path)
    try:
        upgrade(db, path, backups or path.parent / "backups", clock(), steps())
        return db
    except BaseException:
        db.close()
        raise


def _make_private(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(f"{path}: the store cannot be opened for writing: {error.strerror}.") from None


def _warn_of_old_sqlite() -> None:
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        wanted = ".".join(map(str, SAFE_SQLITE))
        log.warning(
            "SQLite %s has a rare fault that can damage a database written by two programs at once. "
            "Let no other program write the store; SQLite %s or newer has it mended.", sqlite3.sqlite_version, wanted,
        )  # fmt: skip


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, path) from error
