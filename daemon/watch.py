"""Keeps the inventory current, and records each load like any other look: what does not load is heard of."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from checks.base import Finding, Kind, Outcome, Reading
from daemon.inventory.lifecycle import Memory
from daemon.inventory.model import Inventory, InventoryError, Problem
from daemon.inventory.report import changes_report, in_words
from daemon.record import Run
from daemon.repository.tree import Tree

log = logging.getLogger(__name__)

CHECK, PLACE = "inventory", "repository"
MEMORY = "inventory"  # what the store keeps of the last listing goes by this name
LABELS = {"stage": "all"}  # one repository describes every stage


class Loader(Protocol):
    """daemon.inventory.loader.InventoryLoader."""

    def load(self) -> Inventory: ...

    def remember(self, text: str, known: Iterable[str]) -> None: ...

    @property
    def memory(self) -> Memory: ...

    @property
    def tree(self) -> Tree: ...


class Recording(Protocol):
    """daemon.record.Recorder."""

    def record(self, run: Run, next_due: datetime) -> None: ...

    def remember(self, key: str, value: str) -> None: ...

    def recall(self, key: str) -> str: ...


class InventoryWatch:
    """The inventory as last loaded. refresh() loads it again, records that, and tells whoever depends on it."""

    def __init__(
        self,
        loader: Loader,
        recorder: Recording,
        clock: Callable[[], datetime],
        every: timedelta,
        on_loaded: Callable[[Inventory, Tree], None],
        on_none: Callable[[], None] = lambda: None,
    ) -> None:
        """*on_loaded* gets each loaded inventory with the content it was made from; *on_none* is called after a try
        that gave none."""
        self._loader = loader
        self._recorder = recorder
        self._clock = clock
        self._every = every
        self._on_loaded = on_loaded
        self._on_none = on_none
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._current: Inventory | None = None
        self._kept_at: datetime | None = None
        self._failure = ""

    def begin(self, known: Iterable[str]) -> None:
        """Take up what the process before this one knew. *known*: keys of the instances that it watched."""
        self._loader.remember(self._recorder.recall(MEMORY), known)

    @property
    def failure(self) -> str:
        """Why nothing has loaded yet; empty once something has, and before the first try."""
        with self._lock:
            return self._failure

    @property
    def current(self) -> Inventory | None:
        """The last inventory, stale or not; None before the first that loaded."""
        with self._lock:
            return self._current

    def stop(self) -> None:
        """Record nothing any more: a load that is cut off says nothing of the repository."""
        self._stopping.set()

    def refresh(self) -> Inventory | None:
        """Load, record and tell. Gives None where nothing ever loaded."""
        started = self._clock()
        inventory, failure = self._load()
        now = self._clock()
        if self._stopping.is_set():
            return self.current
        reading = reading_of(inventory, failure)
        self._recorder.record(Run(CHECK, PLACE, LABELS, started, now, (reading,)), started + self._every)
        if inventory is not None:
            with self._lock:
                self._current = inventory
            self._on_loaded(inventory, self._loader.tree)
            self._keep(inventory)
        else:
            log.error("the inventory does not load: %s", failure)
            self._on_none()
        with self._lock:
            self._failure = failure or ""
        return inventory

    def _keep(self, inventory: Inventory) -> None:
        """Tell of what a new listing changed, and remember it for the next process."""
        if inventory.stale_because or inventory.loaded_at == self._kept_at:
            return
        self._kept_at = inventory.loaded_at
        if inventory.changes:
            log.info("the inventory changed: %s", in_words(inventory.changes))
        for note in inventory.notes:
            log.info("the inventory: %s", note)
        self._recorder.remember(MEMORY, self._loader.memory.to_json())

    def _load(self) -> tuple[Inventory | None, str | None]:
        try:
            return self._loader.load(), None
        except InventoryError as error:
            return None, str(error)
        except Exception as error:
            if not self._stopping.is_set():
                log.error("the inventory: %s", type(error).__name__, exc_info=error)
            why = f"loading ended with {type(error).__name__}; the log has the details"
            known = self.current
            if known is None:
                return None, why
            problem = Problem("stale", f"The inventory does not load; the last good one is used: {why}")
            return replace(known, stale_because=why, problems=(*known.problems, problem)), None


def reading_of(inventory: Inventory | None, failure: str | None) -> Reading:
    """Give what a load says of the repository. None: nothing ever loaded, because of *failure*."""
    if inventory is None:
        why = failure or "it gave nothing"
        finding = Finding(
            Kind.MONITORING, "could_not_look", f"The inventory does not load, and nothing is watched: {why}"
        )
        return Reading(PLACE, Outcome.UNKNOWN, "not_loaded", f"does not load: {why}", (finding,))
    findings = tuple(_finding(problem) for problem in inventory.problems)
    number = len(inventory.watched)
    at = f" at commit {inventory.commit[:12]}" if inventory.commit else ""
    told = f"{number} instances{at}" + (", with uncommitted changes in the folder" if inventory.dirty else "")
    evidence = {
        "instances": number,
        "left_out": [f"{one.stack}/{one.component}: {one.reason}" for one in inventory.left_out],
        "commit": inventory.commit,
        "dirty": inventory.dirty,
        "changes": changes_report(inventory.changes),
        "notes": list(inventory.notes),
    }
    if inventory.stale_because:
        summary = f"stale, {told}: {inventory.stale_because}"
        return Reading(PLACE, Outcome.UNKNOWN, "stale", summary, findings, evidence=evidence)
    if number == 0:
        finding = Finding(Kind.MONITORING, "empty", "The inventory holds no instance, so nothing is watched.")
        return Reading(PLACE, Outcome.UNHEALTHY, "empty", "no instances", (*findings, finding), evidence=evidence)
    verdict, outcome = ("problems", Outcome.UNHEALTHY) if findings else ("loaded", Outcome.HEALTHY)
    return Reading(PLACE, outcome, verdict, told, findings, evidence=evidence)


def _finding(problem: Problem) -> Finding:
    places = f" ({', '.join(problem.where[:5])}{' …' if len(problem.where) > 5 else ''})" if problem.where else ""
    return Finding(
        Kind.MONITORING, problem.key, f"{problem.summary}{places}", remedy=problem.remedy, addresses=problem.where
    )
