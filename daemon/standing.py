"""How a check stands at a place: one careful word out of its last run and readings. Never healthy without a look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from checks.base import Outcome
from daemon.store import JobRow, ReadingRow

NOT_LOOKED_YET = "not_looked_yet"
COULD_NOT_LOOK = "could_not_look"
STALE = "stale"

NOT_RECORDED = "not_recorded"

LEAST_GRACE = timedelta(minutes=2)  # a job that looks every few seconds is not late at once
WORST_FIRST = (Outcome.UNHEALTHY, Outcome.UNKNOWN, Outcome.HEALTHY, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Standing:
    """A check at a place. *outcome* is HEALTHY only if the last look succeeded, saw nothing wrong and is not old."""

    job: JobRow
    outcome: Outcome
    word: str  # the verdict, or why there is none
    why: str  # one sentence for a person; may be empty
    readings: tuple[ReadingRow, ...] = ()

    @property
    def good_at(self) -> datetime | None:
        """When it was last looked at with success; None: never."""
        return self.job.last_ok


def overdue(job: JobRow, now: datetime) -> bool:
    """Whether a look is missing: its time has passed by a whole period (at least two minutes).

    One that ended in the future is missing too: the clock was set back, and nobody can tell its age.
    """
    if job.last_end is not None and job.last_end - now > LEAST_GRACE:
        return True
    if job.next_due is None:
        return False
    period = job.next_due - job.last_end if job.last_end is not None else timedelta(0)
    return now - job.next_due > max(period, LEAST_GRACE)


def effective(reading: ReadingRow) -> Outcome:
    """The outcome of a reading, as far as it still holds: one that the last run could not renew is unknown."""
    return Outcome.UNKNOWN if reading.stale else reading.outcome


def standing(job: JobRow, readings: Sequence[ReadingRow], now: datetime, unrecorded: str = "") -> Standing:
    """Judge one job. *readings* are those of its check and place; *unrecorded*: why its last look was not stored."""
    if unrecorded:
        why = f"the last look could not be stored: {unrecorded}"
        return Standing(job, Outcome.UNKNOWN, NOT_RECORDED, why, _aged(readings, why))
    if job.last_end is None:
        return Standing(job, Outcome.UNKNOWN, NOT_LOOKED_YET, "", tuple(readings))
    if job.outcome != "ok":
        told = next((r.verdict for r in readings if r.outcome is Outcome.UNKNOWN and not r.stale), "")
        return Standing(job, Outcome.UNKNOWN, told or job.reason or COULD_NOT_LOOK, job.detail, tuple(readings))
    if overdue(job, now):
        why = "the next look is overdue" if job.last_end <= now else "the clock was set back since the last look"
        return Standing(job, Outcome.UNKNOWN, STALE, why, _aged(readings, why))
    if not readings:
        return Standing(job, Outcome.UNKNOWN, COULD_NOT_LOOK, "the look gave no reading", ())
    worst = min(readings, key=lambda reading: WORST_FIRST.index(effective(reading)))
    if worst.stale:
        return Standing(job, Outcome.UNKNOWN, STALE, worst.stale_reason, tuple(readings))
    return Standing(job, worst.outcome, worst.verdict, worst.summary, tuple(readings))


def _aged(readings: Iterable[ReadingRow], why: str) -> tuple[ReadingRow, ...]:
    """The readings, none of which holds any more."""
    return tuple(replace(reading, stale_reason=reading.stale_reason or why) for reading in readings)


def standings(
    jobs: Iterable[JobRow],
    readings: Iterable[ReadingRow],
    now: datetime,
    expected: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
    unrecorded: Mapping[tuple[str, str], str] | None = None,
    outdated: Mapping[tuple[str, str], str] | None = None,
) -> list[Standing]:
    """Judge all jobs, and those of *expected*, (check, place) -> labels, that have no row yet.

    *unrecorded*: (check, place) -> why its last look could not be stored. *outdated*: (check, place), or (check, "")
    for all its places, -> why no look that was made says how things are now.
    """
    by_place: dict[tuple[str, str], list[ReadingRow]] = {}
    for reading in readings:
        by_place.setdefault((reading.check, reading.place), []).append(reading)
    found = {(job.check, job.place): job for job in jobs}
    for (check, place), labels in (expected or {}).items():
        found.setdefault((check, place), _never_run(check, place, labels))
    lost = unrecorded or {}
    judged = [standing(job, by_place.get(key, ()), now, lost.get(key, "")) for key, job in sorted(found.items())]
    old = outdated or {}
    whys = [old.get((each.job.check, "")) or old.get((each.job.check, each.job.place), "") for each in judged]
    return [_outdated(each, why) if why else each for each, why in zip(judged, whys, strict=True)]


def _outdated(found: Standing, why: str) -> Standing:
    """What is unknown already keeps its own reason."""
    if found.outcome is Outcome.UNKNOWN:
        return found
    return Standing(found.job, Outcome.UNKNOWN, STALE, why, _aged(found.readings, why))


def _never_run(check: str, place: str, labels: Mapping[str, str]) -> JobRow:
    return JobRow(check, place, labels, None, None, None, None, None, "", "", "", 0)


def count_by_outcome(found: Iterable[Standing]) -> Mapping[Outcome, int]:
    """How many stand how; every outcome has its entry."""
    counts = dict.fromkeys(Outcome, 0)
    for each in found:
        counts[each.outcome] += 1
    return counts
