"""How near a quota is to its limit. Pure: use and history in, verdict and reason out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from checks.base import Fact, Kind, Outcome
from checks.limits.model import Source, Use
from checks.limits.trend import DAY, Point, seconds_left
from checks.plans.ignore import fits


class Word(StrEnum):
    """What is said of a quota."""

    WITHIN = "within"
    CLOSE = "close"
    FILLING = "filling"
    EXCEEDED = "exceeded"
    NO_LIMIT = "no_limit"


OUTCOMES = {
    Word.WITHIN: Outcome.HEALTHY,
    Word.CLOSE: Outcome.UNHEALTHY,
    Word.FILLING: Outcome.UNHEALTHY,
    Word.EXCEEDED: Outcome.UNHEALTHY,
    Word.NO_LIMIT: Outcome.UNKNOWN,
}
SOURCES = {
    Source.REPORT: "Service Quotas' report",
    Source.METRIC: "CloudWatch",
    Source.COUNTED: "counted",
    Source.ADVISOR: "Trusted Advisor",
}


@dataclass(frozen=True, slots=True)
class LimitRule:
    """What a quota's limit really is, or when it is close, where AWS does not know. The first row that fits decides.

    Raises ValueError when it changes nothing, or to a number that cannot be.
    """

    quota: str  # glob over SERVICE/CODE: vpc/L-0EA8095F, ec2/*
    limit: float | None = None  # in place of AWS' own
    warn_at: float | None = None  # part of the limit from which it is close: 0.9
    resource: str = "*"  # glob over the resource of a quota that is for each one: sg-0123
    account: str = "*"  # glob
    region: str = "*"  # glob

    def __post_init__(self) -> None:
        if self.limit is None and self.warn_at is None:
            raise ValueError("a row for a quota needs limit or warn_at")
        if self.limit is not None and self.limit <= 0:
            raise ValueError("limit is more than 0; leave the quota out with `ignore` if it is of no interest")
        if self.warn_at is not None and not 0 < self.warn_at <= 1:
            raise ValueError("warn_at is a part of the limit: more than 0, at most 1")

    def covers(self, use: Use, account: str, region: str) -> bool:
        """Whether it speaks of this quota."""
        return (
            fits(self.quota, use.quota.key)
            and fits(self.resource, use.resource)
            and fits(self.account, account)
            and fits(self.region, region)
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on one quota, why, and the numbers it rests on."""

    word: Word
    reason: str  # with the exact numbers
    told: str = ""  # for the finding: in steps, as each new number would be news
    limit: float | None = None
    ratio: float | None = None
    full_in: float | None = None  # seconds; None: it does not grow, or nobody can tell

    @property
    def outcome(self) -> Outcome:
        return OUTCOMES[self.word]

    @property
    def kind(self) -> Kind:
        """What its finding is: a quota that is full stops work at once."""
        return Kind.QUOTA_EXCEEDED if self.word is Word.EXCEEDED else Kind.UTILIZATION


def judge(
    use: Use, history: Sequence[Point], rules: Iterable[LimitRule], warn_at: float, within: timedelta
) -> Judgement:
    """Given what is used and was used before, give the verdict. *rules* are those that speak of it, first wins.

    At its limit a quota is exceeded: the next request is refused. *within*: full in less than this time is told.
    """
    rules = tuple(rules)
    own = next((rule.limit for rule in rules if rule.limit is not None), None)
    near = next((rule.warn_at for rule in rules if rule.warn_at is not None), warn_at)
    limit = own if own is not None else use.quota.limit
    if limit is None:
        return Judgement(Word.NO_LIMIT, f"{_number(use.used)} used; the limit is not known: {use.quota.doubt}")
    if limit <= 0:
        return _without(use, limit)
    ratio = use.used / limit
    left = None if use.quota.rate else seconds_left(history, use.used, limit)
    said = f"{_number(use.used)} of {_number(limit)} used ({SOURCES[use.source]}{'; own limit' if own else ''})"
    if ratio >= 1:
        return Judgement(Word.EXCEEDED, said, f"the limit of {_number(limit)} is reached", limit, ratio, left)
    told = f"more than {_step(ratio)} of {_number(limit)} used"
    if ratio >= near:
        return Judgement(Word.CLOSE, f"{said}; close from {near:.0%} on", told, limit, ratio, left)
    if left is not None and left < within.total_seconds():
        soon = f"full {_soon(left)} at this pace"
        return Judgement(Word.FILLING, f"{said}; {soon}", f"{told}; {soon}", limit, ratio, left)
    return Judgement(Word.WITHIN, said, told, limit, ratio, left)


def _without(use: Use, limit: float) -> Judgement:
    """Of a quota of 0 nothing may be used, and nothing is close to it."""
    if use.used > 0:
        told = "none is allowed, and some is used"
        return Judgement(Word.EXCEEDED, f"{_number(use.used)} used, and none is allowed", told, limit)
    return Judgement(Word.WITHIN, "none is allowed, and none is used", limit=limit)


def facts(use: Use, increases: Iterable[tuple[str, str]]) -> frozenset[Fact]:
    """Circumstances that lower the tier. *increases*: (SERVICE/CODE, resource) of each open request."""
    asked = set(increases)
    found = {Fact.RATE_QUOTA} if use.quota.rate else set()
    if (use.quota.key, "") in asked or (use.quota.key, use.resource) in asked:
        found.add(Fact.INCREASE_PENDING)
    return frozenset(found)


def _soon(seconds: float) -> str:
    """In whole weeks: a number of days would be news at each look."""
    days = seconds / DAY
    if days < 1:
        return "within a day"
    return "within a week" if days < 7 else f"within {int(days // 7) + 1} weeks"


def _step(ratio: float) -> str:
    """The part of the limit, rounded down to steps of 5 %."""
    return f"{int(ratio * 20 + 1e-9) * 5} %"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"
