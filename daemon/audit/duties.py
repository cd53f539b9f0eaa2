"""What the daemon does for the audit trail while it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from daemon.audit.anchoring import Anchoring
from daemon.audit.refusals import Refusals
from daemon.audit.ways import targets_of
from daemon.config import Config
from daemon.scheduler import Scheduler
from daemon.store import Store

log = logging.getLogger(__name__)

REFUSED_EVERY, RETENTION_EVERY = 60.0, 86_400.0  # seconds


def begin(
    scheduler: Scheduler, config: Config, store: Store, clock: Callable[[], datetime], refusals: Refusals
) -> None:
    """Have the trail anchored, let go of by age, and told who was refused."""

    def let_go() -> None:
        count = store.let_go_of_audit(clock(), config.audit.retention)
        if count:
            log.info("audit: %d rows have left by age", count)

    targets = tuple(targets_of(config))
    if targets:
        every = config.audit.anchor.every
        anchoring = Anchoring(store, targets, clock, every)
        scheduler.every("audit anchors", every.total_seconds(), anchoring.tick, pool="upkeep")
    scheduler.every("audit retention", RETENTION_EVERY, let_go, pool="upkeep")
    scheduler.every("audit refusals", REFUSED_EVERY, refusals.flush, pool="upkeep", at_once=False)
