"""What the library knows, in the store: so a restart reads no state again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from daemon.states.library import Known
from daemon.store import StateRow, Store


class StoredStates:
    """A daemon.states.library.Cache. Every method raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self) -> Mapping[str, Known]:
        with self._store.read() as reader:
            found = reader.states()
        return {row.source: Known(row.mark, row.facts, row.held, row.looked_at) for row in found}

    def save(self, source: str, known: Known) -> None:
        with self._store.transaction() as tx:
            tx.save_state(StateRow(source, known.mark, known.facts, known.held, known.looked_at))

    def touch(self, looked_at: Mapping[str, datetime]) -> None:
        with self._store.transaction() as tx:
            tx.touch_states(looked_at)

    def forget(self, sources: Iterable[str]) -> None:
        with self._store.transaction() as tx:
            tx.forget_states(sources)
