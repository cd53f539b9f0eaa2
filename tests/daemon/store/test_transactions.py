"""A step is stored whole or not at all, whoever else reads and writes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from alerts.base import Action, Change
from daemon.store import Store, StoreError, Transaction
from tests.daemon.store.world import change, incident, open_store, post

THREADS, ROUNDS = 8, 30


class RefusedError(Exception):
    """Raised half-way through a transaction."""


def store_half(store: Store, half: Change) -> None:
    with store.transaction() as tx:
        tx.save_change(half)
        raise RefusedError


def test_an_exception_rolls_everything_back(tmp_path: Path) -> None:
    """Nothing of a block that raised is there afterwards, and the store goes on working."""
    with open_store(tmp_path) as store:
        with pytest.raises(RefusedError):
            store_half(store, change(incident(), drafts=(post("k"),)))
        assert sum(store.counts().tables.values()) == 0
        with store.transaction() as tx:
            tx.save_change(change(incident(), drafts=(post("k"),)))
        assert store.counts().tables["delivery"] == 1


def nest(store: Store, outer: Transaction) -> None:
    outer.audit("test", "outer")
    with store.transaction():
        pass


def test_transactions_do_not_nest(tmp_path: Path) -> None:
    """A second one inside the first is a defect of the caller; the first is rolled back with it."""
    with open_store(tmp_path) as store:
        with pytest.raises(RuntimeError, match="do not nest"), store.transaction() as tx:
            nest(store, tx)
        assert store.counts().tables["audit"] == 0


def test_a_transaction_is_of_no_use_after_its_block(tmp_path: Path) -> None:
    """A write that would not be part of any transaction is refused."""
    with open_store(tmp_path) as store:
        with store.transaction() as tx:
            pass
        with pytest.raises(RuntimeError, match="has ended"):
            tx.audit("test", "late")


def test_readers_cannot_write(tmp_path: Path) -> None:
    """A reader's connection refuses statements that change anything."""
    with open_store(tmp_path) as store, pytest.raises(StoreError, match="cannot be written"), store.read() as view:
        view.db.execute("delete from meta")


def test_a_snapshot_is_of_one_moment(tmp_path: Path) -> None:
    """What is committed while a reader reads, it does not see; the next one does."""
    with open_store(tmp_path) as store:
        with store.read() as view:
            assert view.incidents() == []
            with store.transaction() as tx:
                tx.save_change(change(incident()))
            assert view.incidents() == []
            assert view.counts().tables["transition"] == 0
        assert [i.fingerprint for i in store.incidents()] == ["v1:a"]


def test_the_same_transition_twice_is_refused_whole(tmp_path: Path) -> None:
    """Two facts with one number would mean that history was written twice."""
    with open_store(tmp_path) as store:
        with store.transaction() as tx:
            tx.save_change(change(incident()))
        again = change(incident(), Action.UPDATE, (post("again"),))
        with pytest.raises(StoreError, match="not stored"), store.transaction() as tx:
            tx.save_change(again)
        assert store.deliveries() == []


def write(store: Store, number: int) -> None:
    """Each thread's share: committed steps of three rows, and as many that fail half-way."""
    for round_ in range(ROUNDS):
        name = f"v1:{number}-{round_}"
        changed = change(incident(name), Action.OPEN, (post(name, subject=f"{name}#1"),))
        with store.transaction() as tx:
            tx.save_change(changed)
        bad = change(incident(f"{name}-bad"), Action.OPEN, (post(f"{name}-bad", subject=f"{name}-bad#1"),))
        with pytest.raises(RefusedError):
            store_half(store, bad)


def test_eight_threads_keep_every_step_whole(tmp_path: Path) -> None:
    """Readers never see an incident without its transition and message; at the end exactly the committed are there."""
    done = threading.Event()
    halves: list[tuple[int, ...]] = []

    def watch(store: Store) -> int:
        looks = 0
        while not done.is_set() or looks == 0:
            tables = store.counts().tables
            seen = (tables["incident"], tables["transition"], tables["delivery"], tables["thread"])
            if len(set(seen)) != 1:
                halves.append(seen)
            looks += 1
        return looks

    with open_store(tmp_path) as store, ThreadPoolExecutor(THREADS + 2) as pool:
        watchers = [pool.submit(watch, store) for _ in range(2)]
        try:
            for writer in [pool.submit(write, store, number) for number in range(THREADS)]:
                writer.result()
        finally:
            done.set()
        assert all(watcher.result() > 0 for watcher in watchers)
        tables = store.counts().tables
    assert halves == []
    assert tables["incident"] == tables["transition"] == tables["delivery"] == THREADS * ROUNDS
