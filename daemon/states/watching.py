"""All that has to do with states, put together: the library, whose resources they hold, the state check's places."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from checks.base import Place
from daemon.aws import Memory
from daemon.inventory.model import ABSTRACT, Inventory
from daemon.states.history import Histories
from daemon.states.library import Cache, Library
from daemon.states.ownership import Ownership
from daemon.states.places import Reach, Shelf, state_places


class States:
    """The states of the inventory. Nothing is read when it is made. Usable from any thread."""

    def __init__(
        self,
        reach: Reach,
        cache: Cache,
        clock: Callable[[], datetime],
        memory: Memory,
        histories: Histories | None = None,
    ) -> None:
        """*histories*: keeps versions, so that changes are told; None: they are not."""
        self._reach = reach
        self._clock = clock
        self._memory = memory
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._shelves: tuple[Shelf, ...] = ()
        self.library = Library(cache, clock, None if histories is None else histories.read)
        self._histories = histories
        self.owners = Ownership(self.library, clock, self._ending)

    def take(self, inventory: Inventory) -> None:
        """Take the states of *inventory* as all there are. Nothing is read yet: see refresh()."""
        shelves = tuple(
            self._reach.shelf(watched) for watched in inventory.watched if not watched.instance.abstract
        )  # of what is switched off too: its resources may be there still
        lacks = bool(inventory.held) or any(one.reason != ABSTRACT for one in inventory.left_out)
        with self._lock:
            self._shelves = shelves
        self.owners.watch(shelves, complete=bool(shelves) and not lacks and not inventory.stale_because)

    def refresh(self) -> None:
        """Look at what nobody looked at lately, so that owners are known."""
        self.owners.refresh()

    def places(self) -> Mapping[str, Place]:
        """The places of the state check, by key."""
        with self._lock:
            shelves = self._shelves
        return state_places(shelves, self.library, self._clock, self._ending.wait, self._memory, self._histories)

    def end(self) -> None:
        """Let nobody wait any more."""
        self._ending.set()
