"""One question, one snapshot: for those who need no two answers of the same moment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime

from alerts.base import Delivery, DeliveryState, Incident, IncidentState, Transition
from daemon.store.read import Reader
from daemon.store.rows import Counts, JobRow, JobStateRow, ReadingRow, RunRow


class Questions(ABC):
    """Reader's most used methods, each in a snapshot of its own. They raise StoreError as read() does."""

    @abstractmethod
    def read(self) -> AbstractContextManager[Reader]: ...

    def jobs(self) -> list[JobRow]:
        with self.read() as view:
            return view.jobs()

    def job_states(self) -> dict[str, JobStateRow]:
        with self.read() as view:
            return view.job_states()

    def runs(self, check: str, place: str, limit: int = 50) -> list[RunRow]:
        with self.read() as view:
            return view.runs(check, place, limit)

    def readings(self, check: str | None = None) -> list[ReadingRow]:
        with self.read() as view:
            return view.readings(check)

    def incidents(self, states: Iterable[IncidentState] | None = None, limit: int | None = None) -> list[Incident]:
        with self.read() as view:
            return view.incidents(states, limit)

    def incident(self, fingerprint: str) -> Incident | None:
        with self.read() as view:
            return view.incident(fingerprint)

    def transitions(self, fingerprint: str) -> list[Transition]:
        with self.read() as view:
            return view.transitions(fingerprint)

    def deliveries(self, state: DeliveryState | None = None, limit: int | None = 1000) -> list[Delivery]:
        with self.read() as view:
            return view.deliveries(state, limit)

    def backlog(self) -> dict[str, tuple[int, datetime | None]]:
        with self.read() as view:
            return view.backlog()

    def counts(self) -> Counts:
        with self.read() as view:
            return view.counts()
