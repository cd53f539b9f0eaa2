"""Loads the inventory, once per content of the repository, and keeps the last good one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from daemon.inventory.atmos import AtmosSource
from daemon.inventory.checkout import Stamp, stamp
from daemon.inventory.draft import Draft, problems, without_shared_states
from daemon.inventory.model import Inventory, InventoryError, Problem
from daemon.inventory.modules import ModulesSource
from daemon.inventory.saved import SavedSource
from daemon.inventory.session import Run
from daemon.inventory.settings import SourceKind, SourceSettings


class Source(Protocol):
    """Where instances come from."""

    def fingerprint(self) -> str: ...  # of what decides beside the repository's content

    def read(self, fingerprint: str) -> Draft: ...  # raises InventoryError


class InventoryLoader:
    """The inventory of one source. Thread-safe: one load at a time."""

    def __init__(self, settings: SourceSettings, run: Run, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._run = run
        self._clock = clock
        self._source = _source(settings, run)
        self._lock = threading.Lock()
        self._good: Inventory | None = None
        self._loaded = ""  # fingerprint of what _good was made from; empty: load again
        self._stamp = Stamp("", False, "")

    @property
    def source_fingerprint(self) -> str:
        """Names the content of the repository's folder at the last load or attempt; empty before the first."""
        return self._stamp.fingerprint

    @property
    def current(self) -> Inventory | None:
        """The last good inventory, without looking again."""
        return self._good

    def load(self) -> Inventory:
        """The inventory of the repository as it is now; the cached one while nothing changed.

        Where it does not load: the last good one, marked stale, with a problem that says why. Raises InventoryError
        where there is none.
        """
        with self._lock:
            return self._load()

    def refresh(self) -> Inventory:
        """As load(), but listed anew even where nothing changed."""
        with self._lock:
            self._loaded = ""
            return self._load()

    def _load(self) -> Inventory:
        try:
            self._stamp = stamp(self._settings.path, self._run, self._settings.environment)
            fingerprint = f"{self._stamp.fingerprint}|{self._source.fingerprint()}"
            if self._good is not None and self._loaded == fingerprint:
                return self._good
            draft = self._source.read(fingerprint)
        except (InventoryError, OSError, RecursionError) as error:
            text = self._said(error)
            if self._good is None:
                raise InventoryError(text) from None
            self._loaded = ""
            return _stale(self._good, text)
        self._good = _inventory(draft, self._stamp, self._clock())
        self._loaded = fingerprint if draft.complete else ""
        return self._good

    def _said(self, error: InventoryError | OSError | RecursionError) -> str:
        if isinstance(error, RecursionError):
            return f"{self._settings.file or self._settings.path}: what is listed is nested too deeply to be read"
        return str(error) if isinstance(error, InventoryError) else _system(error)


def _source(settings: SourceSettings, run: Run) -> Source:
    if settings.kind is SourceKind.ATMOS:
        return AtmosSource(settings, run)
    if settings.kind is SourceKind.FILE:
        return SavedSource(settings)
    return ModulesSource(settings)


def _inventory(draft: Draft, at: Stamp, now: datetime) -> Inventory:
    draft = without_shared_states(draft)
    left_out = sorted((refusal.left_out() for refusal in draft.refused), key=lambda one: (one.stack, one.component))
    return Inventory(
        watched=tuple(sorted(draft.watched, key=lambda one: one.instance.key)),
        left_out=tuple(left_out),
        problems=problems(draft),
        commit=at.commit,
        dirty=at.dirty,
        loaded_at=now,
        notes=draft.notes,
    )


def _stale(good: Inventory, why: str) -> Inventory:
    at = f"commit {good.commit[:12]}" if good.commit else f"{good.loaded_at:%Y-%m-%d %H:%M} UTC"
    problem = Problem(
        "stale",
        f"The inventory does not load; the last good one ({at}) is used: {why}",
        remedy="Mend the repository; Barograph loads it again by itself.",
    )
    return replace(good, stale_because=why, problems=(*good.problems, problem))


def _system(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename and error.strerror else str(error)
