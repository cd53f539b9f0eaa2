"""What the store tells of weeks: plain frozen rows for the report. Weeks are numbered from the oldest, from 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from alerts.base import Incident
from checks.base import Json, Tier
from checks.runs.dora import Applied
from daemon.store.rows import JobRow, ReadingRow


@dataclass(frozen=True, slots=True)
class Moved:
    """How many incidents did something in a week. *first_look*: they were found at a first look (baseline)."""

    week: int
    action: str
    tier: Tier
    kind: str
    check: str
    first_look: bool
    count: int


@dataclass(frozen=True, slots=True)
class Repaired:
    """How long what was resolved in a week had been open, on average; without what a first look had found."""

    week: int
    tier: Tier
    count: int
    mean_seconds: float


@dataclass(frozen=True, slots=True)
class Answered:
    """What opened in a week, first looks left out, and how soon it was acknowledged or over."""

    week: int
    tier: Tier
    opened: int
    answered: int
    mean_seconds: float | None  # of those answered
    inside: int  # answered within the target
    waiting: int  # not answered, and the target has not passed yet


@dataclass(frozen=True, slots=True)
class Standing:
    """How many incidents were live at the end of a week."""

    week: int
    tier: Tier
    acknowledged: bool
    kind: str
    check: str
    count: int


@dataclass(frozen=True, slots=True)
class Item:
    """An incident as it stood at the end of the last week, with what is known of it now."""

    incident: Incident
    tier: Tier  # then
    acknowledged: bool  # then
    opened_at: datetime  # of the occurrence that was live then


@dataclass(frozen=True, slots=True)
class Ended:
    """Something that was resolved in the last week."""

    fingerprint: str
    check: str
    kind: str
    tier: Tier
    summary: str
    where: str
    at: datetime
    open_seconds: float | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """What of the first looks was still there at the end of a week. *found*: what there was by then."""

    week: int
    check: str
    left: int
    found: int


@dataclass(frozen=True, slots=True)
class Looks:
    """The runs of a check in a week. *blind*: places where each run failed, with the reason of one of them."""

    runs: int = 0
    ok: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)  # reason -> runs
    places: int = 0
    blind: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """Messages of a week. Seconds from storing to Slack's answer, of posts and replies."""

    week: int
    sent: int
    p50: float | None
    p95: float | None
    repeated: int  # sent again although the first may have arrived
    dead: int


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How many resources of a check had a verdict at the end of each week. *part*: of an aspect ("ARN#copy")."""

    check: str
    outcome: str
    verdict: str
    part: bool
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hidden:
    """An incident that a silence, a window or another incident hid."""

    fingerprint: str
    at: datetime
    tier: Tier
    summary: str
    reason: str


@dataclass(frozen=True, slots=True)
class Execution:
    """A deployment or a failed run that was told of, in week *week*."""

    week: int
    kind: str
    at: datetime
    where: str
    summary: str
    evidence: Mapping[str, Json]
    remedy: str
    owner: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a day that nothing else keeps, written once and never changed."""

    day: date
    name: str
    subject: str
    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a report is made of, of one moment. Each week is (start, end) in UTC."""

    weeks: tuple[tuple[datetime, datetime], ...]
    as_of: datetime
    began: datetime | None  # the first thing that is known; None: the store is empty
    jobs: tuple[JobRow, ...] = ()
    moved: tuple[Moved, ...] = ()
    repaired: tuple[Repaired, ...] = ()
    answered: tuple[Answered, ...] = ()
    standing: tuple[Standing, ...] = ()
    open: tuple[Item, ...] = ()  # at the end of the last week, the worst first
    ended: tuple[Ended, ...] = ()
    baseline: tuple[Baseline, ...] = ()
    looks: Mapping[tuple[int, str], Looks] = field(default_factory=dict)  # (week, check)
    late: Mapping[tuple[int, str], int] = field(default_factory=dict)  # (week, check) -> missed runs; last two weeks
    silent: tuple[tuple[datetime, datetime], ...] = ()  # stretches of the last week without any run
    sent: tuple[Sent, ...] = ()
    verdicts: tuple[Verdicts, ...] = ()
    readings: tuple[ReadingRow, ...] = ()  # as they are now, those with a number that a report shows
    bills: Mapping[str, Json] = field(default_factory=dict)  # account -> checks.spend.model.stored()
    measures: tuple[Measure, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    executions: tuple[Execution, ...] = ()
    applied: tuple[Applied, ...] = ()  # to production, the oldest first; from a month before the first week on
    unrecorded: tuple[tuple[str, datetime], ...] = ()  # (stack, when) of changes to production that no run explains

    @property
    def last(self) -> int:
        """The number of the week that the report is about."""
        return len(self.weeks) - 1

    def watched(self, check: str) -> bool:
        return any(job.check == check for job in self.jobs)
