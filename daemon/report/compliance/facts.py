"""What a compliance report is made of, as plain data. None: not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.kinds import DEVELOPMENT, STAGING
from checks.runs.agreed import Approval
from checks.runs.cycle import Judged
from daemon.report.span import Span
from daemon.store.periods import Known


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that began in the period. *applied*: it told of an apply, or is called one."""

    run_id: str
    began: datetime
    workflow: str
    stack: str
    component: str
    stage: str
    actor: str
    commit: str
    state: str
    source: str
    emergency: bool
    dry_run: bool
    applied: bool
    by_name: bool  # it is called a deployment, and told of no apply
    changes: tuple[int, int, int] | None  # added, changed, destroyed; None: it is not told
    reviewed_by: tuple[str, ...] = ()  # reviews that count
    review_due: datetime | None = None  # of an emergency

    @property
    def production(self) -> bool:
        """A stage that is not known counts as that."""
        return self.stage not in (STAGING, DEVELOPMENT)

    @property
    def where(self) -> str:
        return "/".join(part for part in (self.stack, self.component) if part) or "no stack"


@dataclass(frozen=True, slots=True)
class Applied:
    """An apply that was held against the cycle. *approved_by*: approvals that count for it."""

    judged: Judged
    stage: str
    approved_by: tuple[str, ...]

    @property
    def production(self) -> bool:
        return self.stage not in (STAGING, DEVELOPMENT)


@dataclass(frozen=True, slots=True)
class Agreed:
    """An approval or a review that was given in the period. *counted*: runs of the period for which it counts."""

    approval: Approval
    counted: tuple[str, ...]
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Trail:
    """What verifying the audit trail came to: "whole", "broken", "unknown". *anchored*: up to which row, outside."""

    outcome: str
    rows: int
    head: str
    anchored: str
    told: tuple[str, ...] = ()  # what is wrong, and what could not be compared


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. *cycle* False: nothing is held against a guideline here, and *applied* is empty for that reason."""

    span: Span
    as_of: datetime
    known: Known
    runs: tuple[Ran, ...]
    applied: tuple[Applied, ...]
    agreed: tuple[Agreed, ...]
    trail: Trail | None
    cycle: bool
    windows: tuple[tuple[str, str], ...] = ()  # stack pattern, when changes may be made
    freezes: tuple[tuple[str, datetime, datetime, str], ...] = ()  # stack pattern, from, to, why
    kept: Mapping[str, timedelta] | None = None  # what -> for how long it is kept
    status_url: str = ""

    @property
    def starts(self) -> datetime:
        return self.span.starts

    @property
    def ends(self) -> datetime:
        """As far as anything can be known."""
        return min(self.span.ends, self.as_of)

    def kept_since(self, what: str) -> datetime | None:
        """Since when nothing of it has left by age."""
        length = (self.kept or {}).get(what)
        return None if length is None else self.as_of - length

    def knows(self, what: str) -> bool:
        """Whether any of the period can be known: Barograph watched, and it is kept."""
        began, since = self.known.began, self.kept_since(what)
        watched = began is not None and began < self.ends
        return self.as_of > self.starts and watched and (since is None or since < self.ends)
