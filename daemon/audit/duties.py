"""What the daemon does for the audit trail while it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from daemon.audit.anchoring import Anchoring, forget_others
from daemon.audit.looking import verify
from daemon.audit.refusals import Refusals
from daemon.audit.ways import targets_of
from daemon.config import Config
from daemon.scheduler import Scheduler
from daemon.store import Store

log = logging.getLogger(__name__)

REFUSED_EVERY, RETENTION_EVERY, VERIFY_EVERY = 60.0, 86_400.0, 86_400.0  # seconds
VERIFIED = "audit verify"


def begin(
    scheduler: Scheduler, config: Config, store: Store, clock: Callable[[], datetime], refusals: Refusals
) -> None:
    """Have the trail anchored, let go of by age, and told who was refused."""

    def let_go() -> None:
        count = store.let_go_of_audit(clock(), config.audit.retention)
        if count:
            log.info("audit: %d rows have left by age", count)

    targets = tuple(targets_of(config))
    forget_others(store, targets)
    if targets:
        every = config.audit.anchor.every
        anchoring = Anchoring(store, targets, clock, every)
        scheduler.every("audit anchors", every.total_seconds(), anchoring.tick, pool="upkeep")

    scheduler.every(VERIFIED, VERIFY_EVERY, partial(walk_trail, store, clock), pool="upkeep")
    scheduler.every("audit retention", RETENTION_EVERY, let_go, pool="upkeep")
    scheduler.every("audit refusals", REFUSED_EVERY, refusals.flush, pool="upkeep", at_once=False)


def walk_trail(store: Store, clock: Callable[[], datetime]) -> None:
    """Walk the chain as the store has it, and keep what came of it.

    Whoever can write the store could have made all of it anew: only what is anchored outside shows that.
    """
    verdict = verify(store.path, None)
    why = "; ".join(filter(None, (verdict.walk.broken, *verdict.faults))) if verdict.outcome == "broken" else ""
    if why:
        log.error("audit: the trail is broken: %s. Look at it with: barograph audit verify", why)
    store.save_outcome(VERIFIED, clock(), timedelta(seconds=VERIFY_EVERY), why)
