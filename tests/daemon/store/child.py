"""Programs that the tests kill: `python -m tests.daemon.store.child PROGRAM FOLDER`. They print what is committed."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import sys
import time
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from alerts.base import Action
from daemon.store import StoreError
from daemon.store.migrations import steps
from daemon.store.sql import connect_writer
from daemon.store.upgrade import upgrade
from tests.daemon.store.world import NOW, change, incident, open_store, post


def write(folder: Path, start: int = 0) -> None:
    """Commit steps of three rows for ever, and print the number of each after its commit."""
    with open_store(folder) as store:
        number = max(start, store.counts().tables["incident"])
        while True:
            name = f"v1:{number}"
            with store.transaction() as tx:
                tx.save_change(change(incident(name), Action.OPEN, (post(name, subject=f"{name}#1"),)))
            print(number, flush=True)
            number += 1


def stop_half_way(folder: Path) -> None:
    """Write half of a step, say so, and wait to be killed."""
    with open_store(folder) as store, store.transaction() as tx:
        tx.save_change(change(incident("v1:half")))
        print("half", flush=True)
        time.sleep(600)


def fill(folder: Path) -> None:
    """Write until the file may grow no more; print the last committed number and the error."""
    with open_store(folder) as store:
        limit = (folder / "barograph.db-wal").stat().st_size + 400_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        number = 0
        try:
            while True:
                with store.transaction() as tx:
                    for line in range(20):
                        tx.audit("test", str(number), str(line) * 200)
                number += 1
        except StoreError as error:
            print(number, flush=True)
            print(error, flush=True)
        print(store.counts().tables["audit"], flush=True)


def newest() -> int:
    """The version that this Barograph makes."""
    return len(list(steps().pending(Database(memory=True))))


def later_steps(kill: bool) -> Migrations:
    """The steps of a later version. With *kill*, the last one is killed when half of it is done."""
    migrations = steps()

    @migrations(name="9001_colour")
    def colour(db: Database) -> None:
        db.execute("alter table incident add column colour text")
        db.execute(f"pragma user_version = {newest() + 1}")

    @migrations(name="9002_red")
    def red(db: Database) -> None:
        db.execute("create table crayon (name text primary key) strict")
        db.execute("update incident set colour = 'red'")
        if kill:
            os.kill(os.getpid(), signal.SIGKILL)
        db.execute(f"pragma user_version = {newest() + 2}")

    return migrations


def migrate(folder: Path, kill: bool = True) -> None:
    """Bring the store to a later version."""
    path = folder / "barograph.db"
    db = connect_writer(path)
    try:
        upgrade(db, path, folder / "backups", NOW, later_steps(kill))
    finally:
        db.close()


def columns(path: Path) -> tuple[int, bool, bool]:
    """(version, whether incidents have a colour, whether there are crayons) of a database file."""
    connection = sqlite3.connect(path)
    try:
        (version,) = connection.execute("pragma user_version").fetchone()
        names = {row[1] for row in connection.execute("pragma table_info(incident)")}
        tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
        return version, "colour" in names, "crayon" in tables
    finally:
        connection.close()


PROGRAMS = {"write": write, "half": stop_half_way, "fill": fill, "migrate": migrate}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](Path(sys.argv[2]))
