"""What is kept of the time after an apply to production: how its stack stood, and whether it kept to the cycle."""

from __future__ import annotations

from datetime import datetime, timedelta

from checks.base import Json
from checks.runs.after import Health
from daemon.store import aftercare
from daemon.store.aftercare import DONE, CareRow
from daemon.store.transaction import Transaction
from tests.dashboards.day import MadeRun

HOUR = timedelta(hours=1)
WORSE_FOR = 1.5 * HOUR  # until looks saw all of it well


def watched(tx: Transaction, run: MadeRun, began: datetime) -> None:
    """Keep what came of the watch after a run that has ended. *began*: when hour 0 of the day is."""
    assert run.end is not None
    assert run.after is not None
    start, end = began + run.begin * HOUR, began + run.end * HOUR
    verdict: dict[str, Json] = {"text": run.after.replace("_", " ")}
    if run.after is Health.WORSE:
        verdict["worse"] = [{"since": end.isoformat(), "until": (end + WORSE_FOR).isoformat()}]
    place = f"{run.stack}/checkout"
    aftercare.save(
        tx.db,
        CareRow(
            run.id, run.stack, place, run.workflow, DONE, start, start, start, end, end, end + HOUR / 2,
            health=run.after, verdict=verdict,
        ),
    )  # fmt: skip
    aftercare.set_cycle(tx.db, run.id, adheres=run.kept)
