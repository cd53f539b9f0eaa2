"""Whether every place that is to be looked at is counted once: planned = ok + warn + crit + unknown + … + skipped.

What is counted is places, not resources: how many resources a place has, nobody knows before a look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from checks.aws import EMPTY
from checks.base import Finding, Kind, Outcome, Reading
from daemon.standing import Standing

Where = tuple[str, str]  # check, place
_SHOWN = 5


class Result(StrEnum):
    """How a check stands at a place, as people count it."""

    OK = "ok"
    WARN = "warn"  # something is wrong, and none of it critical
    CRIT = "crit"
    UNKNOWN = "unknown"  # not looked yet, could not look, or too old
    NOT_APPLICABLE = "not_applicable"
    SKIPPED = "skipped"  # nothing was there when it was last asked, within a day: not asked again, and not called fine


@dataclass(frozen=True, slots=True)
class Tally:
    """The places of each check, and how many of them stand how; every result has its entry."""

    planned: Mapping[str, int] = field(default_factory=dict)
    results: Mapping[str, Mapping[Result, int]] = field(default_factory=dict)
    lost: tuple[Where, ...] = ()  # planned, and counted nowhere
    doubled: tuple[Where, ...] = ()  # counted more than once

    @property
    def sums(self) -> Mapping[str, int]:
        """How many places of each check were counted."""
        return {check: sum(found.values()) for check, found in self.results.items()}

    @property
    def whole(self) -> bool:
        """Whether the sum holds for every check."""
        return not self.lost and not self.doubled and dict(self.planned) == dict(self.sums)


def result_of(standing: Standing, critical: Collection[Where]) -> Result | None:
    """Give the one result of a standing; None: there is no such outcome. *critical*: where a critical incident is."""
    if standing.outcome is Outcome.UNHEALTHY:
        return Result.CRIT if (standing.job.check, standing.job.place) in critical else Result.WARN
    if standing.outcome is Outcome.NOT_APPLICABLE:
        skipped = any(reading.verdict == EMPTY for reading in standing.readings)
        return Result.SKIPPED if skipped else Result.NOT_APPLICABLE
    return {Outcome.HEALTHY: Result.OK, Outcome.UNKNOWN: Result.UNKNOWN}.get(standing.outcome)


def tally(planned: Collection[Where], standings: Iterable[Standing], critical: Collection[Where]) -> Tally:
    """Count the places of *planned* by how they stand. What is not planned any more is left out."""
    wanted = frozenset(planned)
    results = {check: dict.fromkeys(Result, 0) for check, _ in wanted}
    counted: Counter[Where] = Counter()
    for standing in standings:
        where = (standing.job.check, standing.job.place)
        result = result_of(standing, critical)
        if where in wanted and result is not None:
            results[standing.job.check][result] += 1
            counted[where] += 1
    return Tally(
        Counter(check for check, _ in wanted),
        results,
        tuple(sorted(wanted - counted.keys())),
        tuple(sorted(where for where, times in counted.items() if times > 1)),
    )


def tally_reading(found: Tally) -> Reading:
    """Say whether the sum holds. Where it does not, a place is watched by nobody, or counted for another."""
    if found.whole:
        number = sum(found.planned.values())
        return Reading("coverage", Outcome.HEALTHY, "counted", f"each of {number} places is counted once")
    odd = [f"{check} at {place}" for check, place in (*found.lost, *found.doubled)]
    shown = ", ".join(odd[:_SHOWN]) + (f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else "")
    summary = f"Places that are planned and counted never or twice, so that no number here holds: {shown}"
    finding = Finding(
        Kind.MONITORING, "uncounted", summary, remedy="Restart Barograph, and report this with its log.",
        evidence={"lost": [list(each) for each in found.lost[:200]], "doubled": [list(each) for each in found.doubled]},
    )  # fmt: skip
    return Reading("coverage", Outcome.UNHEALTHY, "uncounted", summary, (finding,))
