"""What is known of every state: each version of a state is read once, whoever asks, and after a restart too."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from checks.states.model import Damage, Gap, Held, StateFacts
from daemon.states.decode import UndecodableError, decode
from daemon.states.source import OF_VERSION, Head, Source, UnreadError


@dataclass(frozen=True, slots=True)
class Known:
    """One version of a state, read. *mark* is empty where there was no object, and *facts* is None then."""

    mark: str
    facts: StateFacts | None
    held: tuple[Held, ...]
    looked_at: datetime


class Cache(Protocol):
    """What outlives a restart: identifiers, addresses, versions."""

    def load(self) -> Mapping[str, Known]: ...

    def save(self, source: str, known: Known) -> None: ...

    def touch(self, looked_at: Mapping[str, datetime]) -> None: ...

    def forget(self, sources: Iterable[str]) -> None: ...


class NoCache:
    """Of a single look, which leaves nothing."""

    def load(self) -> Mapping[str, Known]:
        return {}

    def save(self, source: str, known: Known) -> None:
        """Keep nothing."""

    def touch(self, looked_at: Mapping[str, datetime]) -> None:
        """Keep nothing."""

    def forget(self, sources: Iterable[str]) -> None:
        """There is nothing."""


class Library:
    """Usable from any thread. Nothing is read from the cache before something is asked."""

    def __init__(
        self, cache: Cache, clock: Callable[[], datetime], on_read: Callable[[str, bytes, str], None] | None = None
    ) -> None:
        """*on_read*: told of each version that is read: the state's id, its bytes, their MD5."""
        self._cache = cache
        self._on_read = on_read
        self._clock = clock
        self._lock = threading.Lock()
        self._one_by_one: dict[str, threading.Lock] = {}
        self._known: dict[str, Known] | None = None
        self._gaps: dict[str, Gap] = {}
        self._touched: dict[str, datetime] = {}
        self._changes = 0

    def look(self, source: Source) -> tuple[Head, StateFacts] | None:
        """What a state is now. None: there is no object. Raises UnreadError."""
        with self._lock:
            alone = self._one_by_one.setdefault(source.id, threading.Lock())
        with alone:  # two who ask at once cost one download
            try:
                head, known = self._looked(source)
            except UnreadError as error:
                with self._lock:
                    self._changes += self._gaps.get(source.id) != error.gap
                    self._gaps[source.id] = error.gap
                raise
            self._remember(source.id, known)
        return None if head is None or known.facts is None else (head, known.facts)

    def known(self, source: str) -> Known | None:
        """What was last read of a state; None: it never was."""
        with self._lock:
            return self._all().get(source)

    def gap(self, source: str) -> Gap | None:
        """Why the last look at a state failed; None: it did not."""
        with self._lock:
            return self._gaps.get(source)

    @property
    def changes(self) -> int:
        """Grows whenever what is known changes."""
        with self._lock:
            return self._changes

    def flush(self) -> None:
        """Note in the cache when states were last looked at."""
        with self._lock:
            touched, self._touched = self._touched, {}
        if touched:
            self._cache.touch(touched)

    def keep_only(self, sources: frozenset[str]) -> None:
        """Forget states that are watched no more, with their old versions."""
        with self._lock:
            gone = [source for source in self._all() if source.partition(OF_VERSION)[0] not in sources]
            for source in gone:
                self._all().pop(source)
                self._gaps.pop(source, None)
                self._touched.pop(source, None)
            self._changes += bool(gone)
        if gone:
            self._cache.forget(gone)

    def _looked(self, source: Source) -> tuple[Head | None, Known]:
        before, now = self.known(source.id), self._clock()
        head = source.head()
        if head is not None and before is not None and before.facts is not None:
            # The same bytes under a new version are nothing new to read.
            if before.mark == head.mark:
                return head, replace(before, looked_at=now)
            if head.md5 and (head.md5, head.size) == (before.facts.md5, before.facts.size):
                return head, replace(before, mark=head.mark, looked_at=now)
        read = source.body()
        if read is None:
            return None, Known("", None, (), now)
        body, md5, head = read
        try:
            facts, held = decode(body, md5)
        except UndecodableError as error:
            raise UnreadError(Gap(f"the state {source.id}", "failed", ""), str(error)) from None
        if self._on_read is not None and OF_VERSION not in source.id and facts.damage is Damage.NONE:
            self._on_read(source.id, body, facts.md5)
        if facts.damage not in (Damage.NONE, Damage.EMPTY) and before is not None:
            held = before.held  # what it held is still there, and nobody else's
        return head, Known(head.mark, facts, held, now)

    def _remember(self, source: str, known: Known) -> None:
        with self._lock:
            before = self._all().get(source)
            self._all()[source] = known
            healed = self._gaps.pop(source, None) is not None
            changed = before is None or (before.mark, before.facts) != (known.mark, known.facts)
            self._changes += changed or healed
            self._touched[source] = known.looked_at
        if changed:
            self._cache.save(source, known)

    def _all(self) -> dict[str, Known]:
        """Called with the lock held."""
        if self._known is None:
            self._known = dict(self._cache.load())
        return self._known
