"""Taking events in: redacted, bounded, each stored once, before anybody is told that they were taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from checks.base import Json
from checks.plans.redact import SENSITIVE, Scrubber, secret_name
from checks.runs.record import HEARTBEAT, MISSED, Sent
from checks.runs.wire import WireEvent
from daemon.store import Reader, Transaction, executions
from daemon.store.executions import Taken

EVENTS = "events"
AHEAD = timedelta(minutes=5)  # by which a sender's clock may lead ours; beyond, ours counts
OLDEST = timedelta(days=30)  # an event that says it is older has a clock that nobody set
_ADDRESSES = frozenset({"addr", "address"})


class Storing(Protocol):
    """What is needed of the store."""

    def transaction(self) -> AbstractContextManager[Transaction]: ...

    def read(self) -> AbstractContextManager[Reader]: ...


@dataclass(frozen=True, slots=True)
class Offer:
    """Events of one run, from one source. *silence*: how long without a word until it is lost; None: never."""

    run_id: str
    source: str
    events: tuple[Sent, ...]
    silence: timedelta | None = None


@dataclass
class Intake:
    """Stores what is offered. Safe to call from any thread."""

    store: Storing
    clock: Callable[[], datetime]
    secrets: Iterable[str] = field(default=(), repr=False)
    on_taken: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self._scrubber = Scrubber([secret for secret in self.secrets if secret])

    def events(self, events: Iterable[WireEvent]) -> Taken:
        """Take events of the API, of any runs. Raises StoreError, and then none of them is stored."""
        now = self.clock()
        by_run: dict[str, list[Sent]] = {}
        for one in events:
            by_run.setdefault(one.run_id, []).append(Sent(one.seq, one.event, plausible(one.ts, now), now, one.data))
        silence = HEARTBEAT * MISSED
        return self.take([Offer(run_id, EVENTS, tuple(found), silence) for run_id, found in by_run.items()])

    def take(self, offers: Iterable[Offer]) -> Taken:
        """Take events of several runs, all or none. Raises StoreError."""
        with self.store.transaction() as tx:
            taken = self.within(tx, offers)
        self.on_taken()
        return taken

    def within(self, tx: Transaction, offers: Iterable[Offer]) -> Taken:
        """The same in a transaction that is open already."""
        accepted = duplicates = left_out = 0
        for offer in offers:
            clean = [self._clean(sent) for sent in offer.events]
            silence = None if offer.silence is None else offer.silence.total_seconds()
            taken = executions.take(tx.db, offer.run_id, offer.source, clean, silence, self.clock())
            accepted += taken.accepted
            duplicates += taken.duplicates
            left_out += taken.left_out
        return Taken(accepted, duplicates, left_out)

    def _clean(self, sent: Sent) -> Sent:
        body = {name: self._value(name, value) for name, value in sent.body.items()}
        if isinstance(rows := sent.body.get("rows"), list | tuple):
            body["rows"] = [
                {name: self._value(name, value) for name, value in row.items()}
                for row in rows
                if isinstance(row, Mapping)
            ]
        return Sent(sent.seq, sent.event, sent.at, sent.received, body)

    def _value(self, name: str, value: Any) -> Json:
        if isinstance(value, str):
            return self._scrubber.address(value) if name in _ADDRESSES else self._scrubber.text(value)
        if isinstance(value, list | tuple):
            return self.argv([word for word in value if isinstance(word, str)])
        return value if isinstance(value, int | float | bool) else None

    def argv(self, words: list[str]) -> list[str]:
        """Words of a command line without secrets: also what stands behind an option whose name says that it is one."""
        found: list[str] = []
        hide = False
        for word in words:
            option, equals, _ = word.partition("=")
            secret = secret_name(option.lstrip("-").replace("-", "_"))
            if hide and not word.startswith("-"):
                found.append(SENSITIVE)
            elif secret and equals:
                found.append(f"{option}={SENSITIVE}")
            else:
                found.append(self._scrubber.text(word))
            hide = secret and not equals and word.startswith("-")
        return found


def plausible(at: datetime, now: datetime) -> datetime:
    """A sender's time; ours, where its clock cannot be right: a run from the future would decide for ever."""
    return at if now - OLDEST <= at <= now + AHEAD else now


def counts_of(counts: Mapping[str, int]) -> Mapping[str, Json]:
    """Numbers that are not 0."""
    return {name: value for name, value in counts.items() if value}
