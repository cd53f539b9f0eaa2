"""What the store gives: plain frozen rows. Times are aware and UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from checks.base import Json, Outcome
from checks.states.model import Held, StateFacts


@dataclass(frozen=True, slots=True)
class RunRow:
    """One finished run of a check at a place."""

    check: str
    place: str
    labels: Mapping[str, str]
    started: datetime
    ended: datetime
    outcome: str  # "ok": it looked; "failed": it could not
    reason: str = ""  # of a failure: denied, throttled, timeout, unavailable, failed
    detail: str = ""  # for people
    next_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobRow:
    """A check at a place: where it stands. *outcome*, *reason* and *detail* are those of the last finished run."""

    check: str
    place: str
    labels: Mapping[str, str]
    last_start: datetime | None
    last_end: datetime | None
    last_ok: datetime | None
    first_ok: datetime | None
    next_due: datetime | None
    outcome: str
    reason: str
    detail: str
    runs: int  # finished ones, ever

    @property
    def running(self) -> bool:
        """Whether a run began and has not ended: it is under way, or the process died in it."""
        return self.last_start is not None and (self.last_end is None or self.last_end < self.last_start)


@dataclass(frozen=True, slots=True)
class JobStateRow:
    """A job that is no check: a report, a purge, a ping."""

    name: str
    last_start: datetime | None = None
    last_end: datetime | None = None
    last_ok: datetime | None = None
    next_due: datetime | None = None
    outcome: str = ""
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StateRow:
    """A Terraform state as it was last read. *facts* None: there was no object."""

    source: str  # "s3://bucket/key"
    mark: str
    facts: StateFacts | None
    held: tuple[Held, ...]
    looked_at: datetime


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """The latest reading of a resource."""

    check: str
    place: str
    resource: str
    labels: Mapping[str, str]  # of the place
    outcome: Outcome
    verdict: str
    summary: str
    values: Mapping[str, float]  # of an UNKNOWN reading: those of the look at good_at
    evidence: Mapping[str, Json]
    at: datetime
    since: datetime  # when this verdict began
    good_verdict: str  # of the last look that saw the resource; empty: none did
    good_at: datetime | None  # when that was; UNKNOWN does not move it
    good_since: datetime | None  # when good_verdict began; a time of UNKNOWN in between does not count
    stale_reason: str = ""  # why the last run could not renew it; empty: it is fresh

    @property
    def stale(self) -> bool:
        return bool(self.stale_reason)


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """A resource got another verdict at *at*. Outcome None: a successful run no longer found the resource."""

    check: str
    place: str
    resource: str
    at: datetime
    outcome: Outcome | None
    verdict: str
    summary: str


@dataclass(frozen=True, slots=True)
class HiddenRow:
    """A stretch of time in which a silence hid an incident. *ended_at* None: it still does."""

    fingerprint: str
    occurrence: int
    silence: str  # its id, or "window:" + the window's name
    note: str  # for people: until when, by whom, why
    tier: str
    opened_under: bool  # it opened, or came back, while it was hidden
    began_at: datetime
    ended_at: datetime | None
    outcome: str  # how it ended: "shown", or "resolved", "retired" while it was hidden; empty: it has not

    @property
    def never_shown(self) -> bool:
        """Whether it came and went without anybody being told."""
        return self.opened_under and self.outcome in ("resolved", "retired")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what. Never changed. *detail* as a value, *text* as the JSON that is stored and hashed."""

    id: int
    at: datetime
    who: str
    action: str
    detail: Json
    text: str = ""
    previous: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class AnchorRow:
    """A head of the audit trail that was told outside. *target*: "s3" or "webhook"; *place*: where it lies."""

    at: datetime
    target: str
    seq: int
    hash: str
    place: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is, by name: rows of each table, incidents and deliveries by state."""

    tables: Mapping[str, int] = field(default_factory=dict)
    incidents: Mapping[str, int] = field(default_factory=dict)  # "open" -> 3
    deliveries: Mapping[str, int] = field(default_factory=dict)  # "pending" -> 1


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows retention removed."""

    runs: int = 0
    verdict_changes: int = 0
    transitions: int = 0
    deliveries: int = 0
    threads: int = 0
    measures: int = 0
    hidden: int = 0
    silences: int = 0
