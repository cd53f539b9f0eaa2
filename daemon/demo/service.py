"""The service in the demo: run in a thread, and seen through its store, like anybody sees it who only reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from alerts.base import LIVE, Incident
from checks.base import Outcome
from daemon.demo.life import Served
from daemon.demo.programs import DemoError
from daemon.demo.round import Look
from daemon.demo.scorecard import Unsure

if TYPE_CHECKING:
    from daemon.app import Running
    from daemon.store import Transaction
    from daemon.store.questions import Questions

CHECK = "drift"
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
_TICK_SECONDS = 0.05


class StoreWatcher:
    """A daemon.demo.round.Watcher over a store."""

    def __init__(
        self,
        store: Questions,
        address: str,
        *,
        look_now: Callable[[], None],
        look_at: Callable[[str, str], None] = lambda check, place: None,
        places: Callable[[], Collection[tuple[str, str]]] = tuple,
        check_alive: Callable[[], None] = lambda: None,
        transaction: Callable[[], AbstractContextManager[Transaction]] | None = None,
    ) -> None:
        """*look_now*: reads the repository again and starts every look, and returns at once.

        *look_at*: starts the look of one check at one place. *places*: (check, place) of all that is watched.
        *check_alive*: raises DemoError when the service has ended. *transaction*: of the store; None: nobody writes.
        """
        self.address = address
        self._store = store
        self._look_now = look_now
        self._look_at = look_at
        self._places = places
        self._check_alive = check_alive
        self._transaction = transaction

    def looks(self) -> Mapping[str, Look]:
        """The last look at each instance; one that is under way or could not renew its reading is left out."""
        with self._store.read() as view:
            jobs = {job.place: job for job in view.jobs() if job.check == CHECK and not job.running}
            readings = [reading for reading in view.readings(CHECK) if not reading.stale]
        looks = {}
        for reading in readings:
            job = jobs.get(reading.place)
            if job is not None and job.last_start is not None:
                looks[reading.resource] = Look(reading.verdict, job.last_start)
        return looks

    def all_looked(self, since: datetime) -> bool:
        return self.looked_at(self._places(), since)

    def places(self) -> Collection[tuple[str, str]]:
        return self._places()

    def looked_at(self, places: Iterable[tuple[str, str]], since: datetime) -> bool:
        jobs = {(job.check, job.place): job for job in self._store.jobs()}
        return all(
            (job := jobs.get(one)) is not None and job.last_start is not None and job.last_start >= since
            and job.last_end is not None and not job.running
            for one in places
        )  # fmt: skip

    def look_at(self, places: Iterable[tuple[str, str]]) -> None:
        for check, place in places:
            self._look_at(check, place)

    def open_incidents(self) -> Sequence[Incident]:
        return self._store.incidents(LIVE)

    def incident(self, fingerprint: str) -> Incident | None:
        return self._store.incident(fingerprint)

    def transaction(self) -> AbstractContextManager[Transaction]:
        assert self._transaction is not None, "this one only reads"
        return self._transaction()

    def unsure(self) -> Sequence[Unsure]:
        with self._store.read() as view:
            jobs, readings = view.jobs(), view.readings()
        failed = [Unsure(job.check, job.place, job.place, job.reason) for job in jobs if job.outcome == "failed"]
        places = {(one.check, one.place) for one in failed}
        unknown = [
            Unsure(one.check, one.place, one.resource, one.verdict) for one in readings
            if one.outcome is Outcome.UNKNOWN and (one.check, one.place) not in places
        ]  # fmt: skip
        return (*failed, *unknown)

    def look_now(self) -> None:
        self._look_now()

    def undelivered(self) -> int:
        return sum(waiting for waiting, _ in self._store.backlog().values())

    def check_alive(self) -> None:
        self._check_alive()


@contextmanager
def open_service(config: Path) -> Iterator[Served]:
    """Run the whole service with a configuration file until this is left. Raises DemoError when it does not start."""
    service = _Service(config)
    try:
        running = service.start()
        yield StoreWatcher(
            running.store, running.address, look_now=running.refresh, look_at=running.look_at, places=running.watched,
            check_alive=service.check_alive, transaction=running.store.transaction,
        )  # fmt: skip
    finally:
        service.stop()


class _Service:
    """daemon.app.serve in a thread."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._commands: SimpleQueue[str] = SimpleQueue()
        self._running: Running | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="demo-service", daemon=True)

    def start(self) -> Running:
        self._thread.start()
        until = time.monotonic() + READY_SECONDS
        while self._running is None:
            self.check_alive()
            if time.monotonic() > until:
                raise DemoError(f"the service is not ready after {READY_SECONDS:.0f} s")
            time.sleep(_TICK_SECONDS)
        return self._running

    def check_alive(self) -> None:
        if self._error is not None:
            raise DemoError(f"the service has ended: {self._error}") from self._error
        if not self._thread.is_alive():
            raise DemoError("the service has ended by itself")

    def stop(self) -> None:
        from daemon.orders import STOP

        self._commands.put(STOP)
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        from daemon.app import serve

        def on_ready(running: Running) -> None:
            self._running = running

        try:
            serve(self._config, self._commands, on_ready=on_ready)
        except Exception as error:  # noqa: BLE001 - it is told to whoever waits for the service
            self._error = error
