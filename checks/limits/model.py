"""Quotas and their use as plain data, the same for every source."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from checks.cloudwatch import Metric

# Names of quotas on what happens per time; a report tells no unit. "Rate-based rules" are counted, not timed.
_PER_TIME = re.compile(r"\b(per (second|minute)|tps|rate(?!-based)s?|throttl\w*|burst|transactions)\b", re.IGNORECASE)


class Source(StrEnum):
    """Where the use of a quota is known from."""

    REPORT = "report"  # Service Quotas' utilization report
    METRIC = "metric"  # CloudWatch's usage metrics
    COUNTED = "counted"  # counted from the resources themselves
    ADVISOR = "trusted_advisor"


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota. *limit* None: nobody says how high it is, for the reason in *doubt*."""

    service: str  # "vpc"
    code: str  # "L-0EA8095F"
    name: str
    limit: float | None
    adjustable: bool = True
    period: timedelta | None = None  # of a rate: the time that the limit is for
    metric: Metric | None = field(default=None)
    doubt: str = ""
    context: str = ""  # of a limit for one resource: its id

    @property
    def key(self) -> str:
        """What it goes by within an account and region: "vpc/L-0EA8095F"."""
        return f"{self.service}/{self.code}"

    @property
    def rate(self) -> bool:
        """Whether it limits what happens per time, not what exists."""
        return self.period is not None or bool(_PER_TIME.search(self.name))


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a quota is used, at most as high as *limit* before anything is overridden."""

    quota: Quota
    used: float
    source: Source
    resource: str = ""  # of a quota for each resource: which one; empty: the quota is for the account and region

    @property
    def key(self) -> str:
        """What its history is kept under."""
        return f"{self.quota.key}#{self.resource}" if self.resource else self.quota.key
