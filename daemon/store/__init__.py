"""The daemon's memory: a SQLite database with one writer. The only package that imports sqlite_utils and sqlite3."""

from daemon.store.copies import backup, mark_of, restore
from daemon.store.errors import DamagedError, InUseError, StoreError
from daemon.store.inspect import Examination, examine, look_at_file
from daemon.store.outbox import StoreOutbox
from daemon.store.read import Reader
from daemon.store.rows import (
    AnchorRow,
    AuditRow,
    Counts,
    HiddenRow,
    JobRow,
    JobStateRow,
    Pruned,
    ReadingRow,
    RunRow,
    StateRow,
    VerdictChange,
)
from daemon.store.store import Store, Timed, open_reader
from daemon.store.transaction import Transaction

__all__ = [
    "AnchorRow", "AuditRow", "Counts", "DamagedError", "Examination", "HiddenRow", "InUseError", "JobRow",
    "JobStateRow", "Pruned", "Reader", "ReadingRow", "RunRow", "StateRow", "Store", "StoreError", "StoreOutbox",
    "Timed", "Transaction", "VerdictChange", "backup", "examine", "look_at_file", "mark_of", "open_reader", "restore",
]  # fmt: skip
