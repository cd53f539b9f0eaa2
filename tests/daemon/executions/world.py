"""A store, a clock that tests move, and the parts that take runs in and judge them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.base import Incident
from checks.base import Instance
from checks.runs.wire import WireEvent, parse
from daemon.executions.intake import Intake
from daemon.executions.judging import Judge
from daemon.executions.schedules import Schedule
from daemon.record import Recorder
from daemon.store import Store, executions
from daemon.store.executions import ExecutionRow, Taken
from tests.alerts.build import POLICY

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RUN = "01890a5d-ac96-774b-bcce-b302099a8057"
SECRET = "hunter2-hunter2-hunter2"
START = {"workflow": "deploy", "stack": "acme-prod", "component": "vpc", "actor": "alice", "git_sha": "3f2a9c1d"}
INSTANCES = (
    Instance("acme-prod", "vpc", "vpc", stage="production", owner="@net"),
    Instance("acme-dev", "vpc", "vpc", stage="development"),
    Instance("acme-uat", "vpc", "vpc", stage="staging"),
)


def number(n: int) -> str:
    """A run's id."""
    return f"01890a5d-ac96-774b-bcce-{n:012x}"


@dataclass
class World:
    """What tests act on."""

    folder: Path
    now: datetime = NOW
    schedules: Sequence[Schedule] = ()
    failpoint: Callable[[str], None] = lambda name: None
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store.open(self.folder / "barograph.db", lambda: self.now)
        self.begin()

    def begin(self) -> None:
        """A process begins on the store: nothing is left in memory."""
        self.intake = Intake(self.store, lambda: self.now, (SECRET,))
        self.judge = Judge(
            self.store, Recorder(self.store, POLICY), lambda: self.now, lambda: INSTANCES, self.schedules,
            failpoint=self.failpoint,
        )  # fmt: skip

    def restart(self) -> None:
        """The process ends and another begins."""
        self.store.close()
        self.__post_init__()

    def event(self, seq: int, name: str, run: str = RUN, /, **data: Any) -> WireEvent:
        return parse(
            {"schema": 1, "run_id": run, "seq": seq, "event": name, "ts": self.now.isoformat(), **data}
        )  # fmt: skip

    def send(self, *events: WireEvent) -> Taken:
        return self.intake.events(events)

    def start(self, run: str = RUN, **data: Any) -> None:
        self.send(self.event(0, "run.start", run, **{**START, **data}))

    def end(self, run: str = RUN, rc: int = 0, **data: Any) -> None:
        self.send(self.event(1_000, "run.end", run, rc=rc, **data))

    def whole(self, run: str, rc: int = 0, minutes: float = 5, **data: Any) -> None:
        """A run from its start to its end, judged."""
        self.start(run, **data)
        self.send(self.event(1, "phase.start", run, phase="apply"))
        self.move(minutes=minutes)
        self.end(run, rc)
        self.judge.tick()

    def move(self, **how: float) -> None:
        self.now += timedelta(**how)

    def row(self, run: str = RUN) -> ExecutionRow:
        with self.store.read() as view:
            found = executions.find(view.db, run)
        assert found is not None
        return found

    def incidents(self, *, live: bool = True) -> list[Incident]:
        found = self.store.incidents()
        return [one for one in found if not live or one.state in ("open", "acknowledged")]

    def live(self) -> list[tuple[str, str]]:
        return sorted((str(one.kind), str(one.tier)) for one in self.incidents())


@contextmanager
def world(folder: Path, schedules: Sequence[Schedule] = ()) -> Iterator[World]:
    made = World(folder, schedules=schedules)
    try:
        yield made
    finally:
        made.store.close()
