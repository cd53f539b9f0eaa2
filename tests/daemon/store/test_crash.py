"""Killed for good at any moment: what was committed stays, and nothing is half there."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.store import Store, StoreError, examine
from tests.daemon.store import child
from tests.daemon.store.world import ROOT, change, incident, open_store


def start(program: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.daemon.store.child", program, str(folder)], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def kill_after(process: subprocess.Popen[str], lines: int) -> list[str]:
    """Kill the child once it has printed so many lines; give all that it printed."""
    assert process.stdout is not None
    with process.stdout as output:
        read = [output.readline().strip() for _ in range(lines)]
        process.kill()
        read += output.read().split()
    assert process.wait(60) == -signal.SIGKILL
    return read


def numbers(store: Store, table: str) -> set[str]:
    column = {"incident": "fingerprint", "transition": "fingerprint", "delivery": "dedupe_key"}[table]
    with store.read() as view:
        return {row[0] for row in view.db.execute(f"select {column} from {table}")}


def test_every_confirmed_step_survives_kills(tmp_path: Path) -> None:
    """Six kills while writing as fast as it goes: confirmed steps are all there, whole, and the journal is taken up."""
    confirmed: set[str] = set()
    for round_ in range(6):
        confirmed |= {f"v1:{number}" for number in kill_after(start("write", tmp_path), 3 + 17 * round_)}
        assert (tmp_path / "barograph.db-wal").exists()
    with open_store(tmp_path) as store:
        stored = numbers(store, "incident")
        assert confirmed <= stored
        # A step may be committed and its number not printed: at most the last one before each kill.
        assert len(stored - confirmed) <= 6
        assert numbers(store, "transition") == numbers(store, "delivery") == stored
    assert examine(tmp_path / "barograph.db").problems == ()


def test_half_a_step_is_gone_after_a_kill(tmp_path: Path) -> None:
    """A kill in the middle of a transaction leaves nothing of it, and the lock free."""
    with open_store(tmp_path) as store, store.transaction() as tx:
        tx.save_change(change(incident("v1:before")))
    assert kill_after(start("half", tmp_path), 1) == ["half"]
    with open_store(tmp_path) as store:
        assert numbers(store, "incident") == numbers(store, "transition") == {"v1:before"}


def test_a_full_disk_stops_writing_and_harms_nothing(tmp_path: Path) -> None:
    """The message says what is wrong; the process still reads; every committed step is there afterwards."""
    with start("fill", tmp_path) as process:
        output, _ = process.communicate(timeout=120)
    committed, message, lines = output.splitlines()
    assert int(committed) > 0
    assert int(lines) == 20 * int(committed)
    assert "this step was not stored" in message
    with open_store(tmp_path) as store:
        assert store.counts().tables["audit"] == 20 * int(committed)
        with store.transaction() as tx:
            tx.audit("test", "goes on")
    assert examine(tmp_path / "barograph.db").problems == ()


def test_a_store_at_its_size_limit_says_that_the_disk_is_full(tmp_path: Path) -> None:
    """SQLite's own word for it; after room is made, writing goes on in the same process."""
    with open_store(tmp_path) as store:
        pages = store._db.execute("pragma page_count").fetchone()[0]
        store._db.execute(f"pragma max_page_count = {pages}")
        with pytest.raises(StoreError, match="the disk is full"), store.transaction() as tx:
            tx.audit("test", "much", "x" * 1_000_000)
        assert store.counts().tables["audit"] == 0
        store._db.execute("pragma max_page_count = 1000000")
        with store.transaction() as tx:
            tx.audit("test", "much", "x" * 1_000_000)
        assert store.counts().tables["audit"] == 1


def test_a_killed_migration_goes_on_at_the_next_start(tmp_path: Path) -> None:
    """The finished step stays, of the killed one nothing does, and a copy of each state before it is kept."""
    path, shipped = tmp_path / "barograph.db", child.newest()
    with open_store(tmp_path) as store, store.transaction() as tx:
        tx.save_change(change(incident()))
    with start("migrate", tmp_path) as process:
        assert process.wait(60) == -signal.SIGKILL
    assert child.columns(path) == (shipped + 1, True, False)
    (copy,) = (tmp_path / "backups").iterdir()
    assert child.columns(copy) == (shipped, False, False)
    with start("migrate", tmp_path) as process:
        assert process.wait(60) == -signal.SIGKILL
    child.migrate(tmp_path, kill=False)
    assert child.columns(path) == (shipped + 2, True, True)
    copies = sorted((tmp_path / "backups").iterdir(), key=lambda copy: copy.name.rsplit("-", 1)[-1])
    assert [child.columns(each) for each in copies] == [(shipped, False, False), (shipped + 1, True, False)]
    assert {each.stat().st_mode & 0o777 for each in copies} == {0o600}
    with pytest.raises(StoreError, match="a newer Barograph"):
        open_store(tmp_path)


def test_a_migration_that_cannot_be_copied_first_does_not_happen(tmp_path: Path) -> None:
    """No copy, no change."""
    open_store(tmp_path).close()
    (tmp_path / "backups").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="backups: the folder cannot be made"):
        child.migrate(tmp_path, kill=False)
    assert child.columns(tmp_path / "barograph.db") == (child.newest(), False, False)
