"""Opening a store: what is made, what is refused, and that a refusal touches nothing."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.store import DamagedError, Store, StoreError
from daemon.store.migrations import steps
from daemon.store.sql import connect_writer
from tests.daemon.store.world import NOW, ROOT, open_store


def modes(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the folder but SQLite's shared memory and the lock, which hold no data."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.endswith(("-shm", ".lock"))}


def test_only_the_owner_can_read_a_new_store(tmp_path: Path) -> None:
    """The folder is made for its owner alone, and so is every file in it."""
    with open_store(tmp_path / "var" / "lib") as store, store.transaction() as tx:
        tx.audit("test", "opened")
        assert modes(tmp_path / "var" / "lib") == 0o700
        assert {modes(path) for path in (tmp_path / "var" / "lib").iterdir()} == {0o600}


def test_a_store_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    """A file with wide permissions is narrowed at the next start."""
    open_store(tmp_path).close()
    (tmp_path / "barograph.db").chmod(0o644)
    open_store(tmp_path).close()
    assert modes(tmp_path / "barograph.db") == 0o600


def test_every_commit_is_on_the_disk_before_it_returns(tmp_path: Path) -> None:
    """WAL with full synchronisation, and foreign keys that are enforced."""
    with open_store(tmp_path) as store:
        pragmas = {name: store._db.execute(f"pragma {name}").fetchone()[0] for name in
                   ("journal_mode", "synchronous", "foreign_keys")}  # fmt: skip
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_second_daemon_is_refused_with_one_message(tmp_path: Path) -> None:
    """The message names the process that holds the store, and the second one changes nothing."""
    with open_store(tmp_path) as store:
        with store.transaction() as tx:
            tx.audit("test", "first")
        before = contents(tmp_path)
        program = (
            "import sys, datetime, pathlib, daemon.store as s\n"
            "try: s.Store.open(pathlib.Path(sys.argv[1]), lambda: datetime.datetime.now(datetime.UTC))\n"
            "except s.StoreError as error: print(error)"
        )
        ended = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "barograph.db")], cwd=ROOT, capture_output=True, text=True,
            timeout=60, check=True,
        )  # fmt: skip
        (message,) = ended.stdout.splitlines()
        assert contents(tmp_path) == before
    assert f"process {os.getpid()} uses this store already" in message


def test_the_lock_is_free_again_after_closing(tmp_path: Path) -> None:
    """A store that was closed, even twice, can be opened again."""
    first = open_store(tmp_path)
    first.close()
    first.close()
    open_store(tmp_path).close()


def test_a_failed_opening_gives_the_lock_back(tmp_path: Path) -> None:
    """After a refused file has been taken away, the same process can start."""
    (tmp_path / "barograph.db").write_bytes(b"not a database, but long enough to be read as one" * 100)
    with pytest.raises(DamagedError, match="not a SQLite database"):
        open_store(tmp_path)
    (tmp_path / "barograph.db").unlink()
    open_store(tmp_path).close()


def test_a_newer_store_is_refused_and_not_touched(tmp_path: Path) -> None:
    """A store with a step that this version does not know stays as it is, byte for byte."""
    open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / "barograph.db") as connection:
        connection.execute("insert into _sqlite_migrations values (99, 'barograph', '0099_future', '')")
        connection.execute("pragma user_version = 99")
    connection.close()
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="a newer Barograph made this store"):
        open_store(tmp_path)
    after = contents(tmp_path)
    assert after["barograph.db"] == before["barograph.db"]
    assert not after.get("barograph.db-wal")


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    """A path that was mistyped must not add our tables to somebody else's data."""
    with sqlite3.connect(tmp_path / "barograph.db") as connection:
        connection.execute("create table customers (name text)")
    connection.close()
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="belongs to another program"):
        open_store(tmp_path)
    assert contents(tmp_path)["barograph.db"] == before["barograph.db"]


def test_a_damaged_store_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """Pages overwritten with rubbish are found at the start, not when an alert is due."""
    with open_store(tmp_path) as store, store.transaction() as tx:
        for number in range(500):
            tx.audit("test", f"line {number}", "x" * 200)
    path = tmp_path / "barograph.db"
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 3 * 4096] = b"\xff" * 3 * 4096
    path.write_bytes(data)
    with pytest.raises(DamagedError, match=r"damaged.*barograph db restore COPY"):
        open_store(tmp_path)
    assert path.read_bytes() == bytes(data)


def test_a_first_start_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    """A file with the table of steps and none applied, or an empty file, becomes a store."""
    with sqlite3.connect(tmp_path / "barograph.db") as connection:
        connection.execute("create table _sqlite_migrations (id integer primary key, migration_set text, name text, "
                           "applied_at text)")  # fmt: skip
    connection.close()
    with open_store(tmp_path) as store:
        assert store.jobs() == []
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "barograph.db").touch()
    with open_store(tmp_path / "other") as store:
        assert store.jobs() == []


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path: Path) -> None:
    """Where a file stands in the way, the message names it."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/sub: the folder cannot be made"):
        Store.open(tmp_path / "file" / "sub" / "barograph.db", lambda: NOW)


def test_an_old_sqlite_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Before 3.51.3 the log says so once; the store opens all the same."""
    with caplog.at_level(logging.WARNING):
        open_store(tmp_path).close()
    old = sqlite3.sqlite_version_info < (3, 51, 3)
    assert sum("rare fault" in record.getMessage() for record in caplog.records) == (1 if old else 0)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Neither reading nor writing works after close()."""
    store = open_store(tmp_path)
    store.close()
    with pytest.raises(StoreError, match="closed"), store.transaction():
        pass
    with pytest.raises(StoreError, match="closed"):
        store.jobs()


def test_a_store_of_the_first_version_learns_to_remember(tmp_path: Path) -> None:
    """What was in it stays, a copy of it is kept, and what checks keep has its place."""
    path = tmp_path / "barograph.db"
    db = connect_writer(path)
    steps().apply(db, stop_before="0002_memory")
    db.execute("insert into meta (key, value) values ('made', 'before')")
    db.close()
    with open_store(tmp_path) as store:
        with store.transaction() as tx:
            tx.remember("access", "1/eu-west-1", {"until": 5}, NOW)
        with store.read() as reader:
            assert (reader.meta("made"), reader.recall("access", "1/eu-west-1", "until")) == ("before", 5)
            assert reader.counts().tables["memory"] == 1
    assert len(list((tmp_path / "backups").iterdir())) == 1
