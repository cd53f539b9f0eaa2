"""Looks that wait for the same thing take turns: the order in which AWS is swept.

What waits stands in a line of its own for each *lane*, a region of AWS. A lane's turn takes all that waits there then,
sorted by *rank*, the name of the check, so that looks which ask the same services of the same region come together,
one account after the other, through the same clients. When the turn is over, on_end() is told, and the clients are
closed. Few lanes have their turn at once, each with few threads: one that hangs holds up its own turn and nobody else.
What comes while a lane has its turn waits for its next one, behind the lanes that waited longer.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

log = logging.getLogger(__name__)

THREADS = 32  # a request takes 2 ms of CPU and 80 ms of waiting
LANES = 8
THREADS_PER_LANE = 8
_LOOK_AGAIN = 1.0  # seconds: when the system gave no thread, one is asked for again


@dataclass(frozen=True, slots=True)
class _Job:
    id: str
    rank: str
    since: datetime
    work: Callable[[], None]


@dataclass(slots=True)
class _Lane:
    """A lane that has its turn."""

    left: OrderedDict[str, _Job] = field(default_factory=OrderedDict)
    working: int = 0


class Turns:
    """Runs what is put in line, in threads that are there only while there is work. Thread-safe."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        threads: int = THREADS,
        lanes: int = LANES,
        per_lane: int = THREADS_PER_LANE,
        on_end: Callable[[str], None] = lambda lane: None,
    ) -> None:
        self._clock = clock
        self._threads = threads
        self._lanes = lanes
        self._per_lane = per_lane
        self._on_end = on_end
        self._lock = threading.Lock()
        self._line: OrderedDict[str, dict[str, _Job]] = OrderedDict()  # lane -> what waits for its next turn
        self._turns: OrderedDict[str, _Lane] = OrderedDict()
        self._workers = 0
        self._stopped = False
        self._quiet = threading.Condition(self._lock)

    def put(self, job_id: str, lane: str, rank: str, work: Callable[[], None]) -> None:
        """Let *work* run when its turn comes. One of the same id that waits already is enough."""
        with self._lock:
            turn = self._turns.get(lane)
            if self._stopped or (turn is not None and job_id in turn.left):
                return
            waiting = self._line.setdefault(lane, {})
            waiting.setdefault(job_id, _Job(job_id, rank, self._clock(), work))
            if self._workers >= self._threads or self._open_lane() is None:
                return
            self._workers += 1
        self._start()

    def waiting(self) -> Mapping[str, datetime]:
        """Give what waits, by id, with the time since when."""
        with self._lock:
            found = {job.id: job.since for jobs in self._line.values() for job in jobs.values()}
            found |= {job.id: job.since for turn in self._turns.values() for job in turn.left.values()}
        return found

    def join(self) -> None:
        """Wait until nothing waits or runs."""
        while True:
            with self._quiet:
                if self._quiet.wait_for(lambda: self._workers == 0 and not self._line, timeout=_LOOK_AGAIN):
                    return
                without = self._workers == 0
                self._workers += without
            if without:
                self._start()

    def stop(self) -> None:
        """Begin nothing more. What runs goes on, and is not waited for."""
        with self._lock:
            self._stopped = True
            self._line.clear()
            for turn in self._turns.values():
                turn.left.clear()
            self._quiet.notify_all()

    def _open_lane(self) -> str | None:
        """The lane of which something could begin now; None: nothing could."""
        for lane, turn in self._turns.items():
            if turn.left and turn.working < self._per_lane:
                return lane
        for lane in self._line:
            now = self._turns.get(lane)
            # One whose last looks still run begins its next turn beside them: they may hang.
            if len(self._turns) < self._lanes if now is None else now.working < self._per_lane and not now.left:
                return lane
        return None

    def _start(self) -> None:
        try:
            threading.Thread(target=self._work, name="turns", daemon=True).start()
        except RuntimeError:
            with self._quiet:
                self._workers -= 1
                self._quiet.notify_all()
            log.error("the system gives no more threads; what waits begins when one is free")

    def _work(self) -> None:
        while True:
            with self._quiet:
                found = self._next()
                if found is None:
                    self._workers -= 1
                    self._quiet.notify_all()
                    return
                # Others may have had nothing to do before a turn began.
                more = self._workers < self._threads and self._open_lane() is not None
                self._workers += more
            if more:
                self._start()
            lane, job = found
            try:
                job.work()
            except Exception as error:
                log.error("%s ended with %s", job.id, type(error).__name__, exc_info=error)
            if self._ends(lane):
                self._tell_end(lane)

    def _next(self) -> tuple[str, _Job] | None:
        lane = self._open_lane()
        if lane is None:
            return None
        turn = self._turns.setdefault(lane, _Lane())
        if not turn.left:
            jobs = sorted(self._line.pop(lane).values(), key=lambda job: job.rank)
            turn.left = OrderedDict((job.id, job) for job in jobs)
        turn.working += 1
        return lane, turn.left.popitem(last=False)[1]

    def _ends(self, lane: str) -> bool:
        """Take one who is done out of the lane's turn: whether that was its end, and others are next."""
        with self._lock:
            turn = self._turns[lane]
            turn.working -= 1
            if turn.working or turn.left:
                return False
            del self._turns[lane]
            return list(self._line) != [lane]

    def _tell_end(self, lane: str) -> None:
        try:
            self._on_end(lane)
        except Exception as error:
            log.error("the end of the turn of %s: %s", lane, type(error).__name__, exc_info=error)
