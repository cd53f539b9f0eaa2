"""Time passing: what is due for incidents is done, each in one transaction with its messages.

Everything is read from the store, so that a start after a long time away is a tick like every other, and a process that
is killed in one repeats nothing: what it did is committed with the clock that it moved.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from alerts.base import LIVE, Incident
from alerts.deadlines import SET_BACK
from alerts.policy import Policy
from alerts.reminders import pass_time
from daemon.record import policy_in
from daemon.store import Reader, Store

log = logging.getLogger(__name__)

# Where a test may kill the process: on both sides of the commit, and before it with everything written.
FAILPOINTS = ("before_tick", "during_tick", "after_tick")


class Ticker:
    """Does what is due. `tick` is safe to miss, to run late, and to run twice; not beside itself."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        clock: Callable[[], datetime],
        on_stored: Callable[[], None] = lambda: None,
        failpoint: Callable[[str], None] = lambda name: None,
    ) -> None:
        """*failpoint* is called with the name of each place where a test may end the process."""
        self._store = store
        self._policy = policy
        self._clock = clock
        self._on_stored = on_stored
        self._failpoint = failpoint
        self._holding: frozenset[tuple[str, datetime]] | None = None  # None: nothing was looked through yet
        self._ticked_at: datetime | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """tick(), for a scheduler."""
        self.tick()

    def tick(self) -> int:
        """Do what is due now; give how many incidents were changed. Raises what went wrong, with the rest done."""
        with self._lock:
            now, done, wrong = self._clock(), 0, None
            policy, found = self._due(now)
            for incident in found:
                try:
                    done += pass_time(incident, policy, now) is not None and self._pass(incident.fingerprint, now)
                except Exception as error:  # noqa: BLE001 - one incident must not keep the others from being told
                    self._holding, wrong = None, wrong or error  # all are looked through again
            self._end_silences(now)
        if done:
            self._on_stored()
        if wrong is not None:
            raise wrong
        return done

    def _due(self, now: datetime) -> tuple[Policy, list[Incident]]:
        """The policy at *now*, and the incidents for which something may be due: those whose time has come.

        All live ones are looked through at the start, for the configuration may be another one, whenever a silence or
        a window begins or ends, and when the clock was set back under them.
        """
        with self._store.read() as view:
            policy = _seen(view, self._policy, now)
            holding = policy.silences.holding(now)
            set_back = self._ticked_at is not None and self._ticked_at - now > SET_BACK
            everything = set_back or holding != self._holding
            found = view.incidents(LIVE) if everything else view.pressing(now)
        self._holding, self._ticked_at = holding, now
        return policy, sorted(found, key=lambda each: (each.deadline_at or each.opened_at, each.fingerprint))

    def _pass(self, fingerprint: str, now: datetime) -> bool:
        self._failpoint("before_tick")
        with self._store.transaction() as tx:
            incident = tx.incident(fingerprint)
            change = None if incident is None else pass_time(incident, policy_in(tx, self._policy), now)
            if change is not None:
                tx.save_change(change)
                self._failpoint("during_tick")
        self._failpoint("after_tick")
        if change is not None and change.transition is not None:
            log.info("%s: %s", fingerprint, change.transition.action)
        return change is not None

    def _end_silences(self, now: datetime) -> None:
        with self._store.read() as view:
            ended = view.ended_silences(now)
        if not ended:
            return
        with self._store.transaction() as tx:
            for one in tx.note_ended_silences():
                tx.audit("barograph", "silence.expired", f"{one.id} of {one.author}: {one.matcher}")


def _seen(view: Reader, policy: Policy, now: datetime) -> Policy:
    made, muting = tuple(view.silences(now)), view.inhibitions()
    return replace(policy, silences=replace(policy.silences, made=made, inhibitions=muting))
