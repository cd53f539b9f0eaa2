"""How well a resource is used. Pure: datapoints, memory and thresholds in, verdict and reason out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from checks.base import Kind, Outcome
from checks.cloudwatch import Series
from checks.limits.trend import DAY
from checks.plans.ignore import fits
from checks.recovery.words import span
from checks.usage.model import GAUGES, Gauge, Probe, Service

SUSTAINED = 3  # datapoints, of five minutes each, that a level must have had: a spike is no load


class Word(StrEnum):
    """What is said of a gauge."""

    WITHIN = "within"
    OVER = "over_used"
    FILLING = "filling"
    GROWING = "growing"
    UNDER = "under_used"
    IDLE = "idle"
    NEW = "new"
    NO_DATA = "no_data"


OUTCOMES = {
    Word.WITHIN: Outcome.HEALTHY,
    Word.OVER: Outcome.UNHEALTHY,
    Word.FILLING: Outcome.UNHEALTHY,
    Word.GROWING: Outcome.UNHEALTHY,
    Word.UNDER: Outcome.UNHEALTHY,
    Word.IDLE: Outcome.NOT_APPLICABLE,
    Word.NEW: Outcome.NOT_APPLICABLE,
    Word.NO_DATA: Outcome.UNKNOWN,
}
KINDS = {
    Word.OVER: Kind.UTILIZATION, Word.FILLING: Kind.UTILIZATION, Word.GROWING: Kind.PERFORMANCE,
    Word.UNDER: Kind.PERFORMANCE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """When a gauge is too much, or hardly used, in place of the defaults. The first row that fits decides.

    Raises ValueError when it names no gauge, changes nothing, or changes it to what cannot be.
    """

    gauge: str  # glob over SERVICE/GAUGE, as docs/utilization.md lists them: rds/storage, */cpu
    warn_at: float | None = None  # part from which it is too much
    clear_at: float | None = None  # part below which it is not any more; nine tenths of warn_at, if only that is given
    idle_below: float | None = None  # part below which it is hardly used; 0: never
    resource: str = "*"  # glob over ARNs

    def __post_init__(self) -> None:
        mine = [gauge for key, gauge in GAUGES.items() if fits(self.gauge, "/".join(key))]
        if not mine:
            known = ", ".join("/".join(key) for key in GAUGES)
            raise ValueError(f"there is no gauge {self.gauge}; there is: {known}")
        if self.warn_at is None and self.clear_at is None and self.idle_below is None:
            raise ValueError("a row for a gauge needs warn_at, clear_at or idle_below")
        for gauge in mine:
            self.applied(gauge)

    def covers(self, service: Service, gauge: str, arn: str) -> bool:
        """Whether it speaks of this gauge of this resource."""
        return fits(self.gauge, f"{service.value}/{gauge}") and fits(self.resource, arn)

    def applied(self, gauge: Gauge) -> Gauge:
        """The gauge with this row's numbers."""
        warn = gauge.warn if self.warn_at is None else self.warn_at
        clear = self.clear_at
        if clear is None:
            clear = gauge.clear if self.warn_at is None else self.warn_at * 0.9
        return replace(gauge, warn=warn, clear=clear, idle=gauge.idle if self.idle_below is None else self.idle_below)


@dataclass(frozen=True, slots=True)
class Level:
    """What datapoints show: the part that is used, and of a share of how many it is one."""

    used: float
    events: float | None = None  # of a share: what the part was counted from (errors)


@dataclass(frozen=True, slots=True)
class Before:
    """What earlier looks left of a gauge."""

    word: str = ""  # its verdict, if it was not within
    low_since: float | None = None  # Unix time since which every look found it hardly used


@dataclass(frozen=True, slots=True)
class Limits:
    """The options that hold for every gauge."""

    full_within: timedelta = timedelta(days=14)
    grows_within: timedelta = timedelta(days=60)
    idle_for: timedelta = timedelta(days=7)
    at_least: int = 3


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, why with the exact numbers, and what the finding says, which changes only where that is news."""

    word: Word
    reason: str
    told: str = ""

    @property
    def outcome(self) -> Outcome:
        return OUTCOMES[self.word]


def gauge_of(probe: Probe, rules: Iterable[ThresholdRule]) -> Gauge:
    """The gauge with the numbers of the first row that speaks of it."""
    gauge = GAUGES[probe.service, probe.gauge]
    rule = next((each for each in rules if each.covers(probe.service, probe.gauge, probe.arn)), None)
    return rule.applied(gauge) if rule else gauge


def level(probe: Probe, series: Sequence[Series]) -> Level | None:
    """What the *series* of its metrics show. None: nothing that can be relied on, which is not 0.

    A level is what was reached in at least SUSTAINED datapoints; of what fills, the newest. Of a share that is quiet a
    metric without datapoints counts as none, if another has some: errors that there were not are not published.
    """
    if not GAUGES[probe.service, probe.gauge].share:
        values = [_part(probe, value) for value in series[0].values]
        if not values or (not probe.fills and len(values) < SUSTAINED):
            return None
        return Level(values[-1] if probe.fills else sorted(values, reverse=True)[SUSTAINED - 1])
    if not probe.quiet and not all(each.points for each in series):
        return None
    part, *others = (sum(each.values) for each in series)
    total = sum(others) + part if probe.beside else max(sum(others), part)
    return Level(part / total, part) if total > 0 else None


def _part(probe: Probe, value: float) -> float:
    used = value * probe.scale
    return min(max(1 - used, 0.0), 1.0) * probe.portion if probe.inverse else max(used, 0.0)


def silent(probe: Probe, before: Before, now: float, window: timedelta) -> Judgement:
    """The verdict where CloudWatch has no datapoint to go by, and says that it has given all."""
    if probe.born is not None and now - probe.born.timestamp() < window.total_seconds():
        return Judgement(Word.NEW, "it is new, and CloudWatch has too few datapoints of it yet")
    if probe.quiet and not before.word:
        return Judgement(Word.IDLE, f"nothing happened in {span(window)}, so there is nothing to judge")
    names = ", ".join(dict.fromkeys(each.name for each in probe.metrics))
    return Judgement(
        Word.NO_DATA, f"not known: CloudWatch has too few datapoints of {names} in the last {span(window)}"
    )


def judge(
    probe: Probe, gauge: Gauge, found: Level, before: Before, left: float | None, limits: Limits, now: float
) -> Judgement:
    """The verdict on what was *found*. *left*: seconds until it is full, as it grows; None: it does not.

    What was too much stays so until it is below the gauge's *clear*; what was filling, until there is half as much time
    again as the option asks for.
    """
    of = f" of {probe.ceiling}" if probe.ceiling else ""
    said = f"{_exact(found.used)} {gauge.what}{of}"
    # What fills moves one way; of a load each number would be news at each look.
    told = f"{_exact(gauge.warn)} {gauge.what}{of}, or more"
    if probe.fills:
        told = f"more than {_step(found.used)} {gauge.what}{of}"
    few = found.events is not None and found.events < limits.at_least
    edge = gauge.clear if before.word == Word.OVER else gauge.warn
    if found.used >= edge and not few and found.used > 0:
        return Judgement(
            Word.OVER, f"{said}; too much from {_exact(gauge.warn)} on, fine below {_exact(gauge.clear)}", told
        )
    if left is not None:
        room = 1.5 if before.word == Word.FILLING else 1.0
        if left < limits.full_within.total_seconds() * room:
            return Judgement(Word.FILLING, f"{said}; full {_soon(left)} at this pace", f"{told}; full {_soon(left)}")
        room = 1.5 if before.word == Word.GROWING else 1.0
        if left < limits.grows_within.total_seconds() * room:
            return Judgement(Word.GROWING, f"{said}; full {_soon(left)} at this pace", f"{told}; full {_soon(left)}")
    if before.low_since is not None and now - before.low_since >= limits.idle_for.total_seconds():
        low = f"less than {_exact(gauge.idle or 0)} {gauge.what}{of} at every look for {span(limits.idle_for)} and more"
        return Judgement(Word.UNDER, low, low)
    return Judgement(Word.WITHIN, said)


def hardly_used(gauge: Gauge, found: Level) -> bool:
    """Whether so little of it is used that less would do."""
    return gauge.idle is not None and found.used < gauge.idle


def _soon(seconds: float) -> str:
    """In whole weeks: a number of days would be news at each look."""
    days = seconds / DAY
    return "within a week" if days < 7 else f"within {int(days // 7) + 1} weeks"


def _exact(part: float) -> str:
    return f"{part * 100:.3g} %"


def _step(part: float) -> str:
    """Rounded down to steps of 5 %, so that it is not news at each look."""
    return f"{int(part * 20 + 1e-9) * 5} %"
