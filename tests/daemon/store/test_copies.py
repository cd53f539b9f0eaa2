"""Backup, restore and check, by the command that people type."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alerts.base import DeliveryState
from daemon.commands.db import db
from daemon.store import StoreOutbox
from daemon.store.copies import KEPT_COPIES, copy_before_migration
from tests.daemon.store.child import newest
from tests.daemon.store.world import NOW, change, incident, later, open_store, post, reply, update


def barograph_db(*arguments: str | Path) -> Result:
    return CliRunner().invoke(db, [str(each) for each in arguments], prog_name="db")


def fill(folder: Path, *names: str) -> None:
    with open_store(folder) as store, store.transaction() as tx:
        for name in names:
            tx.save_change(change(incident(name), drafts=(post(name, subject=f"{name}#1"),)))


def found(folder: Path) -> set[str]:
    with open_store(folder) as store:
        return {each.fingerprint for each in store.incidents()}


def test_a_backup_of_a_running_store_is_whole(tmp_path: Path) -> None:
    """Taken while the daemon holds the store; readable by its owner alone; restored, it holds what was committed."""
    fill(tmp_path, "v1:a")
    with open_store(tmp_path) as store, store.transaction() as tx:
        tx.save_change(change(incident("v1:open")))
        result = barograph_db("backup", tmp_path / "copy.db", "--store", tmp_path / "barograph.db")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    fill(tmp_path, "v1:b")
    result = barograph_db("restore", tmp_path / "copy.db", "--store", tmp_path / "barograph.db")
    assert result.exit_code == 0, result.output
    assert found(tmp_path) == {"v1:a"}
    (kept,) = tmp_path.glob("barograph.db.replaced-*")
    assert str(kept) in result.output
    with sqlite3.connect(kept) as connection:
        assert connection.execute("select count(*) from incident").fetchone() == (3,)
    connection.close()
    assert not list(tmp_path.glob("*.restoring*"))


def test_a_backup_overwrites_nothing(tmp_path: Path) -> None:
    """An existing file stays as it is, and no leftovers appear."""
    fill(tmp_path, "v1:a")
    (tmp_path / "copy.db").write_text("precious")
    result = barograph_db("backup", tmp_path / "copy.db", "--store", tmp_path / "barograph.db")
    assert result.exit_code == 1
    assert "copy.db: exists already" in result.output
    assert (tmp_path / "copy.db").read_text() == "precious"
    result = barograph_db("backup", tmp_path / "no" / "copy.db", "--store", tmp_path / "barograph.db")
    assert (result.exit_code, "cannot be written" in result.output) == (1, True)
    assert not list(tmp_path.glob("*partial*"))


def test_restore_waits_for_no_daemon(tmp_path: Path) -> None:
    """While a daemon holds the store it is refused, and nothing is changed."""
    fill(tmp_path / "old", "v1:a")
    with open_store(tmp_path) as store:
        result = barograph_db("restore", tmp_path / "old" / "barograph.db", "--store", tmp_path / "barograph.db")
        assert result.exit_code == 1
        assert "uses this store already" in result.output
        assert store.incidents() == []


@pytest.mark.parametrize("kind", ["missing", "rubbish", "foreign", "newer", "damaged"])
def test_a_bad_copy_is_refused(tmp_path: Path, kind: str) -> None:
    """The copy is looked at first: the store is not given up for something worse."""
    fill(tmp_path, *(f"v1:{number}" for number in range(200)))
    copy = tmp_path / "copy.db"
    if kind == "rubbish":
        copy.write_bytes(b"rubbish" * 1000)
    elif kind == "foreign":
        sqlite3.connect(copy).execute("create table customers (name text)").connection.close()
    elif kind != "missing":
        barograph_db("backup", copy, "--store", tmp_path / "barograph.db")
        data = bytearray(copy.read_bytes())
        middle = len(data) // 2 // 4096 * 4096
        data[middle : middle + 4096] = b"\xff" * 4096
        if kind == "damaged":
            copy.write_bytes(data)
        else:
            sqlite3.connect(copy).execute("pragma user_version = 99").connection.close()
    before = (tmp_path / "barograph.db").read_bytes()
    result = barograph_db("restore", copy, "--store", tmp_path / "barograph.db")
    told = {"missing": "no store here", "rubbish": "not a SQLite database", "foreign": "belongs to another program",
            "newer": "a newer Barograph", "damaged": "damaged"}  # fmt: skip
    assert result.exit_code == 1
    assert told[kind] in result.output
    assert (tmp_path / "barograph.db").read_bytes() == before
    assert not list(tmp_path.glob("*re*ing*"))


def test_a_damaged_store_is_replaced_and_kept(tmp_path: Path) -> None:
    """What restore is for: the damaged file is put aside, whatever is in it."""
    fill(tmp_path, "v1:a")
    barograph_db("backup", tmp_path / "copy.db", "--store", tmp_path / "barograph.db")
    (tmp_path / "barograph.db").write_bytes(b"rubbish" * 1000)
    (tmp_path / "barograph.db-wal").write_bytes(b"the journal of another life" * 1000)
    result = barograph_db("restore", tmp_path / "copy.db", "--store", tmp_path / "barograph.db")
    assert result.exit_code == 0, result.output
    assert found(tmp_path) == {"v1:a"}
    (kept,) = [each for each in tmp_path.glob("barograph.db.replaced-*") if not each.name.endswith(("wal", "shm"))]
    assert kept.read_bytes() == b"rubbish" * 1000


def test_a_lost_store_is_restored_from_nothing_but_a_copy(tmp_path: Path) -> None:
    """Also where the folder is new and a journal of the lost store is left."""
    fill(tmp_path / "old", "v1:a")
    for folder in (tmp_path, tmp_path / "new"):
        if folder.exists():
            (folder / "barograph.db-wal").write_bytes(b"the journal of another life" * 1000)
        result = barograph_db("restore", tmp_path / "old" / "barograph.db", "--store", folder / "barograph.db")
        assert result.exit_code == 0, result.output
        assert "replaced" not in result.output
        assert found(folder) == {"v1:a"}


def test_what_waits_in_a_copy_comes_back_as_in_doubt(tmp_path: Path) -> None:
    """It may have been sent after the copy was made: the channel's history is asked first."""
    with open_store(tmp_path) as store:
        outbox = StoreOutbox(store)
        with store.transaction() as tx:
            tx.enqueue(post("told", subject="a"), post("waiting", subject="b"))
        told = outbox.ready(NOW)[0]
        outbox.mark_sending(told.id, NOW)
        outbox.mark_sent(told.id, "1.0", NOW)
        with store.transaction() as tx:
            tx.enqueue(update("edit", subject="a"), reply("reply", subject="a"), reply("more", subject="b"))
        barograph_db("backup", tmp_path / "copy.db", "--store", tmp_path / "barograph.db")
    barograph_db("restore", tmp_path / "copy.db", "--store", tmp_path / "barograph.db")
    with open_store(tmp_path) as store:
        states = {each.dedupe_key: each.state for each in store.deliveries()}
        doubt = StoreOutbox(store).in_doubt()
    assert states == {
        "told": DeliveryState.SENT, "waiting": DeliveryState.SENDING, "edit": DeliveryState.PENDING,
        "reply": DeliveryState.SENDING, "more": DeliveryState.PENDING,
    }  # fmt: skip
    assert all(each.intent_at == NOW for each in doubt)


def test_check_shows_what_is_there(tmp_path: Path) -> None:
    """Sound: exit code 0, with counts and the queue; also while the daemon runs."""
    fill(tmp_path, "v1:a", "v1:b")
    with open_store(tmp_path):
        result = barograph_db("check", "--store", tmp_path / "barograph.db")
    assert result.exit_code == 0, result.output
    assert f"version {newest()}, sound" in result.output
    assert "incidents: open 2" in result.output
    assert "waiting for C1: 2, the oldest since 2026-03-01 09:00:00 UTC" in result.output


def test_check_tells_damage_from_not_looking(tmp_path: Path) -> None:
    """1: damaged; 2: there was nothing to check."""
    missing = barograph_db("check", "--store", tmp_path / "barograph.db")
    assert (missing.exit_code, "there is no store here" in missing.output) == (2, True)
    fill(tmp_path, *(f"v1:{number}" for number in range(200)))
    path = tmp_path / "barograph.db"
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    path.write_bytes(data[:middle] + b"\xff" * 4096 + data[middle + 4096 :])
    damaged = barograph_db("check", "--store", path)
    assert damaged.exit_code == 1
    assert "barograph db restore COPY" in damaged.output
    path.write_bytes(b"rubbish" * 1000)
    assert barograph_db("check", "--store", path).exit_code == 1


def test_check_finds_rows_that_point_nowhere(tmp_path: Path) -> None:
    """A foreign key that another program broke."""
    fill(tmp_path, "v1:a")
    with sqlite3.connect(tmp_path / "barograph.db") as connection:
        connection.execute("delete from incident")
    connection.close()
    result = barograph_db("check", "--store", tmp_path / "barograph.db")
    assert result.exit_code == 1
    assert "of transition points to a missing row of incident" in result.output


def test_the_store_is_found_through_the_configuration(tmp_path: Path) -> None:
    """A configuration that does not load is a usage error that names the way without it."""
    result = barograph_db("check", "-c", tmp_path / "none.yml")
    assert result.exit_code == 2
    assert "none.yml" in result.output
    assert "--store PATH" in result.output


def test_copies_before_migrations_are_few(tmp_path: Path) -> None:
    """The newest of each version, and no more than the newest few versions."""
    with open_store(tmp_path) as store:
        for version in range(1, KEPT_COPIES + 3):
            store._db.execute(f"pragma user_version = {version}")
            for hour in range(2):
                at = later(days=version, hours=hour)
                copy_before_migration(store._db, store.path, tmp_path / "backups", at)
    names = sorted(each.name for each in (tmp_path / "backups").iterdir())
    expected = [
        f"barograph.db.v{version}-{(NOW + timedelta(days=version, hours=1)):%Y%m%dT%H%M%S.%fZ}.bak"
        for version in range(3, KEPT_COPIES + 3)
    ]
    assert names == expected
