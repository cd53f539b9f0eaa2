"""Keeps the index of all states current, and says how far it can be trusted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.base import Owner
from checks.states.identifiers import parse_arn
from checks.states.index import HeldBy, StateIndex
from checks.states.model import Damage
from daemon.abreast import abreast
from daemon.states.library import Library
from daemon.states.places import Shelf
from daemon.states.source import UnreadError

log = logging.getLogger(__name__)

LOOK_AGAIN_AFTER = timedelta(minutes=15)  # by then the state check has looked, where it is switched on
TRUSTED_FOR = timedelta(hours=1)  # what was last seen longer ago may have changed
_THREADS = 8


@dataclass(frozen=True, slots=True)
class Unread:
    """A state of which nobody knows what it holds."""

    key: str  # of the instance
    why: str


class Ownership:
    """Whose a resource is, by the states of the inventory. Usable from any thread; nothing is read when it is made."""

    def __init__(self, library: Library, clock: Callable[[], datetime], ending: threading.Event | None = None) -> None:
        """*ending*: set when nothing is to be waited for any more."""
        self._library = library
        self._clock = clock
        self._ending = ending or threading.Event()
        self._lock = threading.Lock()
        self._refreshing = threading.Lock()
        self._shelves: tuple[Shelf, ...] = ()
        self._complete = False
        self._built: tuple[int, StateIndex] | None = None

    def watch(self, shelves: Iterable[Shelf], *, complete: bool) -> None:
        """Take these as all states there are. *complete* False: the inventory may lack some."""
        found = tuple(shelves)
        with self._lock:
            self._shelves = found
            self._complete = complete
            self._built = None
        if complete:
            self._library.keep_only(frozenset(shelf.source.id for shelf in found if shelf.source is not None))

    def refresh(self) -> None:
        """Look at every state that nobody looked at lately. What cannot be read is noted, and stops nothing."""
        with self._refreshing:
            now = self._clock()
            with self._lock:
                shelves = self._shelves
            due = {shelf.source.id: shelf for shelf in shelves if shelf.source is not None and self._is_due(shelf, now)}
            done = abreast(self._look, list(due.values()), threads=_THREADS, name="states", ending=self._ending)
            if done is not None:
                self._library.flush()

    def find(self, identifier: str, account: str = "", region: str = "") -> Owner | None:
        """Whose state holds it: see StateIndex.owner(). None: no state does, if `known`."""
        return self._index().owner(identifier, account, region)

    @property
    def known(self) -> bool:
        """Whether every state of the inventory was read lately, so that what none of them holds is unmanaged."""
        with self._lock:
            complete = self._complete
        return complete and not self.unread()

    def regions(self, stack: str) -> frozenset[tuple[str, str]]:
        """(account, region) of what the states of a stack hold, as far as they say so."""
        with self._lock:
            shelves = [one for one in self._shelves if one.instance.stack == stack and one.source is not None]
        known = [self._library.known(one.source.id) for one in shelves if one.source is not None]
        arns = (parse_arn(held.arn) for one in known if one is not None for held in one.held if held.arn)
        return frozenset((arn.account, arn.region) for arn in arns if arn is not None and arn.account and arn.region)

    def unread(self) -> tuple[Unread, ...]:
        """The states of which it is not known what they hold, and why."""
        with self._lock:
            shelves = self._shelves
        now = self._clock()
        found = ((shelf.instance.key, self._why_unread(shelf, now)) for shelf in shelves)
        return tuple(Unread(key, why) for key, why in found if why)

    def names(self, key: str, address: str) -> tuple[tuple[str, str], ...]:
        """By which (family, name) AWS knows the resource at *address* of the instance *key*; none: nobody knows.

        Several where deposed ones are there too. An ARN has the family "arn".
        """
        with self._lock:
            shelves = self._shelves
        found: dict[tuple[str, str], None] = {}
        for shelf in shelves:
            known = self._library.known(shelf.source.id) if shelf.source is not None else None
            if shelf.instance.key == key and known is not None:
                for held in known.held:
                    if held.address == address:
                        found.update(dict.fromkeys(held.ids))
                        found.update({("arn", held.arn): None} if held.arn else {})
        return tuple(found)

    def _look(self, shelf: Shelf) -> None:
        assert shelf.source is not None
        try:
            self._library.look(shelf.source)
        except UnreadError as error:
            log.warning("the state of %s: %s", shelf.instance.key, error)
        except Exception as error:  # noqa: BLE001 - libraries raise what they like; its text may quote the state
            log.error("the state of %s: %s", shelf.instance.key, type(error).__name__)

    def _is_due(self, shelf: Shelf, now: datetime) -> bool:
        assert shelf.source is not None
        known = self._library.known(shelf.source.id)
        return known is None or not timedelta(0) <= now - known.looked_at < LOOK_AGAIN_AFTER

    def _why_unread(self, shelf: Shelf, now: datetime) -> str:
        if shelf.source is None:
            return shelf.why
        gap = self._library.gap(shelf.source.id)
        if gap is not None:
            return f"{gap.what} could not be read ({gap.reason})"
        known = self._library.known(shelf.source.id)
        if known is None:
            return "it was not looked at yet"
        if now - known.looked_at > TRUSTED_FOR:
            return "it was not looked at for too long"
        if known.facts is not None and known.facts.damage not in (Damage.NONE, Damage.EMPTY):
            return f"it is damaged: {known.facts.why}"
        return ""

    def _index(self) -> StateIndex:
        with self._lock:
            changes = self._library.changes
            if self._built is None or self._built[0] != changes:
                self._built = (changes, StateIndex(self._held()))
            return self._built[1]

    def _held(self) -> Iterable[HeldBy]:
        for shelf in self._shelves:
            known = self._library.known(shelf.source.id) if shelf.source is not None else None
            if known is not None:
                yield HeldBy(shelf.instance, known.held)
