"""One run becomes one transaction: its outcome, its readings, what it did to incidents, the messages of that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from alerts.base import LIVE, Incident
from alerts.baseline import summarise
from alerts.lifecycle import READ, Look, Policy, amend, changes, retire
from checks.base import Json, Outcome, Reading
from daemon.store import RunRow, Store, StoreError, Transaction

OK = "ok"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a check at a place. *failure* is (reason, message for people) where it could not look at all."""

    check: str
    place: str
    labels: Mapping[str, str]
    started: datetime
    ended: datetime
    readings: tuple[Reading, ...] = ()
    failure: tuple[str, str] | None = None
    kept: Mapping[str, Json] = field(default_factory=dict)  # what the check keeps for its next look, by name
    cause: str = ""  # of the failure: equal for runs that failed for one cause

    @property
    def looked_everywhere(self) -> bool:
        """Whether it saw everything it was asked to see: one UNKNOWN among the readings means no."""
        return self.failure is None and all(r.outcome is not Outcome.UNKNOWN for r in self.readings)


@dataclass(frozen=True, slots=True)
class JobState:
    """What the store knows of a check at a place."""

    next_due: datetime | None = None
    last_ok: datetime | None = None
    first_ok: datetime | None = None


class StoredMemory:
    """What checks kept in earlier looks that succeeded."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def recall(self, check: str, place: str, name: str) -> Json | None:
        """What *check* kept at *place* under *name*; None: nothing. Raises StoreError."""
        with self._store.read() as reader:
            return reader.recall(check, place, name)


class StoredFact:
    """A small fact that outlives the process. Nothing in it may be secret. Both methods raise StoreError."""

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key

    def recall(self) -> str:
        """What was remembered last; empty: nothing."""
        with self._store.read() as reader:
            return reader.meta(self._key) or ""

    def remember(self, value: str) -> None:
        with self._store.transaction() as tx:
            tx.set_meta(self._key, value)


class Recorder:
    """Writes runs down. The only writer of readings and incidents; safe to call from any thread."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        on_stored: Callable[[Run | None], None] = lambda run: None,
        enriched: Callable[[Run], Run] = lambda run: run,
    ) -> None:
        """*on_stored* is called after each commit, with the run if it was one: something may be new to send or show.

        *enriched* gives a run with what is known of its findings from elsewhere, and raises nothing.
        """
        self._store = store
        self._policy = policy
        self._on_stored = on_stored
        self._enriched = enriched
        self._lock = threading.Lock()
        self._unrecorded: dict[tuple[str, str], str] = {}

    @property
    def unrecorded(self) -> Mapping[tuple[str, str], str]:
        """Why the last look of a (check, place) could not be stored: what the store says of it may be outdated."""
        with self._lock:
            return dict(self._unrecorded)

    @contextmanager
    def _noting(self, check: str, place: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            with self._lock:
                # The text of a foreign exception may quote what was to be stored.
                self._unrecorded[(check, place)] = str(error) if isinstance(error, StoreError) else type(error).__name__
            raise

    def _forget(self, check: str, place: str) -> None:
        with self._lock:
            self._unrecorded.pop((check, place), None)

    def begin(self, check: str, place: str, labels: Mapping[str, str], now: datetime) -> None:
        """Note that a run begins: of one that never ends, at least that is known."""
        with self._noting(check, place), self._store.transaction() as tx:
            tx.start_run(check, place, labels, now)

    def record(
        self, run: Run, next_due: datetime | None, within: Callable[[Transaction], None] = lambda tx: None
    ) -> None:  # fmt: skip
        """Store *run*, what it does to incidents, the messages of that, and when to look next, all or nothing.

        *next_due* None: nobody looks by the clock. *within* writes what belongs to it into the same transaction.
        """
        run = self._enriched(run)
        with self._noting(run.check, run.place), self._store.transaction() as tx:
            first = not tx.first_ok(run.check, run.place)
            known = tx.incidents(run.check, run.place)
            readings = None if run.failure is not None and not run.readings else run.readings
            look = Look(run.check, run.place, run.labels, readings, run.failure, first, run.cause)
            outcome, reason, detail = _outcome(run)
            tx.save_run(
                RunRow(run.check, run.place, run.labels, run.started, run.ended, outcome, reason, detail, next_due)
            )
            if readings is not None:
                tx.save_readings(run.check, run.place, readings, run.ended, complete=run.looked_everywhere)
            if outcome == OK:
                tx.remember(run.check, run.place, run.kept, run.ended)
            for change in changes(known, look, policy_in(tx, self._policy), run.ended):
                tx.save_change(change)
            within(tx)
        self._forget(run.check, run.place)
        self._on_stored(run)

    def amend(self, incident: Incident, evidence: Mapping[str, Json], reason: str, now: datetime) -> None:
        """Add to what is known of a live incident. Nothing happens where it is not as it was: a look was quicker."""
        with self._store.transaction() as tx:
            before = tx.incidents(incident.check, incident.place).get(incident.fingerprint)
            if before is None or before.state not in LIVE or before.seq != incident.seq:
                return
            tx.save_change(amend(before, evidence, reason, policy_in(tx, self._policy), now))
        self._on_stored(None)

    def retire(self, check: str, place: str, reason: str, now: datetime) -> None:
        """Stop watching a place: its live incidents are retired, not resolved, and its job is forgotten."""
        with self._store.transaction() as tx:
            for change in retire(tx.incidents(check, place), reason, policy_in(tx, self._policy), now):
                tx.save_change(change)
            tx.forget_job(check, place, now)
        self._forget(check, place)
        self._on_stored(None)

    def remember(self, key: str, value: str) -> None:
        """Keep a small fact beyond the process. Nothing in it may be secret."""
        with self._store.transaction() as tx:
            tx.set_meta(key, value)

    def recall(self, key: str) -> str:
        """What was kept last under *key*; empty: nothing."""
        with self._store.read() as reader:
            return reader.meta(key) or ""

    def announce_baseline(self, waiting: int, now: datetime) -> None:
        """Sum up what first looks found that no message has told of, once none of *waiting* is left to be looked at.

        *waiting*: how many times a check has yet to look at a place for the first time.
        """
        with self._store.transaction() as tx:
            told = None
            if tx.unannounced_baseline():
                begun = tx.latest_summary()
                since = begun.since if begun is not None and begun.stands(now) else None
                told = summarise(tx.baseline(since), waiting, policy_in(tx, self._policy), now, begun)
            if told is not None:
                tx.save_summary(told)
        if told is not None:
            self._on_stored(None)

    def job(self, check: str, place: str) -> JobState:
        """Where one check at one place stands; all empty if it never ran."""
        with self._store.read() as reader:
            row = reader.job(check, place)
        return JobState() if row is None else JobState(row.next_due, row.last_ok, row.first_ok)

    def jobs(self) -> Mapping[tuple[str, str], JobState]:
        """Where every check at every place stands."""
        return {(row.check, row.place): JobState(row.next_due, row.last_ok, row.first_ok) for row in self._store.jobs()}


def policy_in(tx: Transaction, policy: Policy) -> Policy:
    """The policy with the silences that people have made, and what mutes incidents, as this transaction sees them."""
    return replace(policy, silences=replace(policy.silences, made=tx.silences(), inhibitions=tx.inhibitions()))


def _outcome(run: Run) -> tuple[str, str, str]:
    """Give (outcome, reason, detail) of a run: it looked if it saw anything at all.

    A single UNKNOWN among many readings is kept with its resource; a run of which nothing is known has not looked.
    """
    if run.failure is not None:
        return "failed", *run.failure
    unknown = [reading for reading in run.readings if reading.outcome is Outcome.UNKNOWN]
    if unknown and not any(reading.outcome in READ for reading in run.readings):
        return "failed", unknown[0].verdict, unknown[0].summary
    return OK, "", ""
