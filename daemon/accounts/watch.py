"""Keeps the directory of accounts current, and records each refresh like any other look."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from daemon.accounts.directory import Directory
from daemon.accounts.telling import readings
from daemon.record import Run

log = logging.getLogger(__name__)

CHECK, PLACE = "accounts", "aws"
MEMORY = "accounts"  # what the store keeps of the last listings goes by this name
LABELS = {"stage": "all"}  # accounts of every stage are listed
SOONER = timedelta(minutes=5)  # until the next try, where something could not be listed


class Recording(Protocol):
    """daemon.record.Recorder."""

    def record(self, run: Run, next_due: datetime) -> None: ...

    def remember(self, key: str, value: str) -> None: ...

    def recall(self, key: str) -> str: ...


class AccountsWatch:
    """refresh() lists accounts and regions, records that, and tells whoever depends on it."""

    check, place = CHECK, PLACE

    def __init__(
        self,
        directory: Directory,
        recorder: Recording,
        clock: Callable[[], datetime],
        on_listed: Callable[[], None],
    ) -> None:
        """*on_listed* is called after each refresh: what is watched may be different."""
        self._directory = directory
        self._recorder = recorder
        self._clock = clock
        self._on_listed = on_listed
        self._stopping = threading.Event()
        self._one = threading.Lock()  # at a time
        self._kept = ""  # what the store has

    def begin(self) -> None:
        """Take up what the process before this one knew."""
        self._kept = self._recorder.recall(MEMORY)
        self._directory.remember(self._kept)

    def stop(self) -> None:
        """Record nothing any more: a list that is cut off says nothing of AWS."""
        self._stopping.set()
        self._directory.end()

    def refresh(self) -> datetime:
        """List, record and tell. Gives when to list next."""
        with self._one:
            return self._refreshed()

    def _refreshed(self) -> datetime:
        started = self._clock()
        every = self._directory.settings.every
        try:
            look = self._directory.refresh()
        except Exception as error:
            if not self._stopping.is_set():
                log.error("listing the accounts: %s", type(error).__name__, exc_info=error)
                why = f"it ended with {type(error).__name__}; the log has the details"
                run = Run(CHECK, PLACE, LABELS, started, self._clock(), failure=("failed", why))
                self._recorder.record(run, started + SOONER)
            return started + SOONER
        if self._stopping.is_set():
            return started + every
        due = started + (every if look.whole else min(every, SOONER))
        told = readings(look, self._directory)
        self._recorder.record(Run(CHECK, PLACE, LABELS, started, self._clock(), told), due)
        self._on_listed()
        self.keep()
        return due

    def keep(self) -> None:
        """Remember what is known for the next process; after those that depend on it have acted on it."""
        memory = self._directory.memory
        if memory != self._kept:
            self._recorder.remember(MEMORY, memory)
            self._kept = memory
