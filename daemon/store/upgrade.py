"""Bringing a database to the newest shape."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from daemon.store.copies import copy_before_migration

log = logging.getLogger(__name__)


def upgrade(db: Database, path: Path, backups: Path, now: datetime, migrations: Migrations) -> None:
    """Apply the steps of *migrations* that the open database at *path* lacks, after a copy of it into *backups*.

    A new database is not copied. A process killed in a step leaves the steps before it; the next call goes on from
    there. Raises sqlite3.Error or StoreError; without a copy nothing is applied.
    """
    pending = [step.name for step in migrations.pending(db)]
    if not pending:
        return
    if migrations.applied(db):
        copy = copy_before_migration(db, path, backups, now)
        log.info("store copied to %s before its migration", copy)
    migrations.apply(db)
    log.info("store brought up to date: %s", ", ".join(pending))
