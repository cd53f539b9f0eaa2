"""What applies did to the cost of their stacks: worked out days later, from the bill that the check `cost` keeps."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from checks.runs.after import Health
from checks.spend.effect import LENGTH, Known, effect
from checks.spend.model import DAY, Bill, restored
from daemon.executions.intake import Storing
from daemon.store import Reader, aftercare
from daemon.store.aftercare import DONE, CareRow
from daemon.store.weeks import bills_of

LOOKED_FOR = timedelta(days=21)  # after the run's end


@dataclass
class Costing:
    """`run` is safe to miss, to run late and to run twice; not beside what watches after applies."""

    store: Storing
    clock: Callable[[], datetime]

    def run(self) -> None:
        """Note what is known by now. Raises StoreError."""
        now = self.clock()
        with self.store.read() as view:
            found = [
                one for one in aftercare.ended_between(view.db, now - LOOKED_FOR, now)
                if one.health != Health.UNCHANGED
            ]  # fmt: skip
            bill = _stack_bill(view)
        for care in found:
            if dict(care.notes.get("cost") or {}).get("state") != Known.KNOWN:
                self._note(care, bill, sum(_near(care, other) for other in found), now)

    def _note(self, care: CareRow, bill: Bill | None, others: int, now: datetime) -> None:
        assert care.ended is not None
        told = effect(bill, care.stack, care.began, care.ended, now.astimezone(UTC).date(), others).plain()
        if told == care.notes.get("cost"):
            return
        with self.store.transaction() as tx:
            fresh = aftercare.find(tx.db, care.run_id)
            if fresh is not None and fresh.state == DONE:
                aftercare.save(tx.db, replace(fresh, notes={**fresh.notes, "cost": told}, told=False))


def _near(care: CareRow, other: CareRow) -> bool:
    """Whether another change of the same stack falls into the days that are compared."""
    if other.run_id == care.run_id or other.stack != care.stack or care.ended is None or other.ended is None:
        return False
    return abs(other.ended - care.ended) <= (LENGTH + 1) * DAY


def _stack_bill(view: Reader) -> Bill | None:
    """Spend by stack, of the first account that pays of which it is known; None: it is not asked for."""
    for kept in bills_of(view.db, "stacks").values():
        with contextlib.suppress(ValueError):  # of another version of the check
            return restored(kept)
    return None
