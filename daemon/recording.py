"""The record of runs, put together: what takes it in, judges it, keeps what people agree to, and watches afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.base import Instance
from daemon.config import Config
from daemon.executions.after import Aftercare
from daemon.executions.approving import Approving
from daemon.executions.costing import Costing
from daemon.executions.intake import Intake
from daemon.executions.judging import Judge
from daemon.executions.nearby import Neighbourhood
from daemon.executions.settings import after_rules, execution_settings, guideline_of
from daemon.record import Recorder
from daemon.scheduler import Scheduler
from daemon.store import Store
from daemon.web.ingest import Ingest

POOL = "runs"  # of the scheduler


@dataclass(frozen=True, slots=True)
class Recording:
    """What is done about runs: by time (`begin`), and when somebody sends or agrees to something."""

    judge: Judge
    after: Aftercare
    costing: Costing
    approving: Approving
    ingest: Ingest

    def begin(self, scheduler: Scheduler) -> None:
        """See that all of it is done in time."""
        scheduler.every("runs", 1, self.judge.run, pool=POOL)
        scheduler.every("after applies", 10, self.after.run, pool=POOL)
        scheduler.every("cost of applies", 1_800, self.costing.run, pool=POOL)
        scheduler.every("old runs", 86_400, self.judge.forget, pool=POOL, at_once=False)


def recording(
    config: Config, store: Store, recorder: Recorder, clock: Callable[[], datetime],
    instances: Callable[[], Sequence[Instance] | None], nearby: Neighbourhood, count: Callable[[str, str, int], None],
) -> Recording:  # fmt: skip
    """Begin nothing yet. *instances*: of the inventory, None before it was tried; *count*: resources, for metrics."""
    runs = execution_settings(config)
    judge = Judge(
        store, recorder, clock, instances, runs.schedules, runs.stuck_after, runs.retention, count,
        guideline_of(config),
    )  # fmt: skip
    judge.after = Aftercare(store, clock, nearby, after_rules(config), instances)
    approving = Approving(store, clock, judge.cycle, runs.secrets, judge.again)
    ingest = Ingest(
        Intake(store, clock, runs.secrets), clock, runs.signing, runs.schedules, runs.github_secrets, runs.mapped,
        runs.github_silence, approving,
    )  # fmt: skip
    return Recording(judge, judge.after, Costing(store, clock), approving, ingest)
