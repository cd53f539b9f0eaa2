"""The status page's content as plain data, by pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.base import Incident, IncidentState
from checks.base import Kind, Outcome, Tier
from checks.runs.record import RunRecord
from daemon.health import Health
from daemon.standing import LEAST_GRACE, NOT_LOOKED_YET, Standing
from daemon.store.executions import ExecutionRow
from daemon.web.words import plural, until

DAY = timedelta(hours=24)

SOON = 12  # looks that are named one by one
TIER_RANK = {tier: number for number, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence, and the style it deserves: bad, warn, unknown, none, good."""

    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """Open incidents: those that need somebody now, those that somebody has in hand, and the rest."""

    now: tuple[Incident, ...]
    in_hand: tuple[Incident, ...]
    rest: tuple[Incident, ...]  # informational, or silenced


@dataclass(frozen=True, slots=True)
class Gap:
    """Places of a check that could not be looked at for one reason."""

    check: str
    word: str
    why: str
    places: tuple[str, ...]  # the longest blind first
    since: datetime | None  # the oldest last good look; None: one of them never had one
    todo: str


@dataclass(frozen=True, slots=True)
class Ahead:
    """The looks of a check that are due within a day."""

    check: str
    places: int
    soonest: datetime
    late: int


@dataclass(frozen=True, slots=True)
class Live:
    """A run of Terraform or a workflow that is under way, and the step it is in."""

    run_id: str
    workflow: str
    place: str
    begun_at: datetime
    actor: str
    step: str
    stuck: bool


def headline(incidents: Sequence[Incident], standings: Sequence[Standing], itself: Sequence[str] = ()) -> Headline:
    """Say first what a person must know: what needs them, and what could not be seen. *itself*: see of_itself()."""
    tiers = {tier: sum(incident.tier is tier for incident in incidents) for tier in Tier}
    critical, warnings = tiers[Tier.CRITICAL], tiers[Tier.WARNING]
    unseen = [each for each in standings if each.outcome is Outcome.UNKNOWN]
    new = sum(each.word == NOT_LOOKED_YET for each in unseen)
    opened = {(each.check, each.place) for each in incidents}
    wrong = [each for each in standings if each.outcome is Outcome.UNHEALTHY]
    unheard = sum((each.job.check, each.job.place) not in opened for each in wrong)
    gaps = [*_gaps(len(unseen) - new, new), *itself]
    also = _unheard(unheard)
    if critical or warnings:
        parts = [f"{critical} critical"] if critical else []
        parts += [plural(warnings, "warning")] if warnings else []
        verb = "thing needs" if critical + warnings == 1 else "things need"
        text = f"{critical + warnings} {verb} a person: {', '.join(parts)}"
        return Headline("; ".join([text, *also, *gaps]) + ".", "bad" if critical else "warn")
    if not standings:
        return Headline("Nothing has been looked at yet.", "unknown")
    if gaps:
        return Headline(f"Nothing is known to need a person, but {'; '.join([*gaps, *also])}.", "unknown")
    return Headline("; ".join(["Nothing needs a person", *also]) + ".", "none" if also else "good")


def of_itself(health: Health, troubles: Sequence[str]) -> list[str]:
    """Why what is seen may be less than what there is, as parts of a sentence; empty: nothing known."""
    found = ["Barograph itself needs attention"] if troubles else []
    if health.inventory_stale_because:
        found.append("the inventory does not load")
    if health.inventory_problems:
        found.append(f"the inventory has {plural(len(health.inventory_problems), 'problem')}")
    return found


def _gaps(failed: int, new: int) -> list[str]:
    found = []
    if failed:
        found.append(f"{plural(failed, 'place')} could not be looked at")
    if new:
        found.append(f"{plural(new, 'place')} {'was' if new == 1 else 'were'} not looked at yet")
    return found


def _unheard(count: int) -> list[str]:
    """What is wrong and opens no incident, such as gaps that only the reports list: no alarm, and not fine either."""
    is_so = "is not as it should be" if count == 1 else "are not as they should be"
    return [f"{plural(count, 'place')} {is_so}, and nothing is open about it"] if count else []


def details(incidents: Sequence[Incident]) -> list[str]:
    """Lines under the headline: what is informational, acknowledged, known from the start."""
    info = sum(incident.tier is Tier.INFO for incident in incidents)
    acknowledged = sum(incident.state is IncidentState.ACKNOWLEDGED for incident in incidents)
    silenced = sum(bool(incident.silence) for incident in incidents)
    baseline = sum(incident.baseline for incident in incidents)
    found = [f"{plural(info, 'thing')} for the weekly review"] if info else []
    found += [f"{acknowledged} acknowledged"] if acknowledged else []
    found += [f"{silenced} silenced: not posted"] if silenced else []
    return [*found, f"{baseline} known since the first look"] if baseline else found


def by_urgency(incidents: Iterable[Incident]) -> list[Incident]:
    """Critical first, then what is open longest."""
    return sorted(incidents, key=lambda each: (TIER_RANK[each.tier], each.opened_at, each.fingerprint))


def soonest(standings: Iterable[Standing], running: frozenset[tuple[str, str]]) -> list[Standing]:
    """What runs next: jobs with a time, those at work left out."""
    waiting = [
        each for each in standings if each.job.next_due is not None and (each.job.check, each.job.place) not in running
    ]
    return sorted(waiting, key=lambda each: (each.job.next_due, each.job.place))[:SOON]


def sort(incidents: Sequence[Incident]) -> Sorted:
    """Who has to do something: nobody needs to be told again of what is in hand, silenced or informational."""
    now, in_hand, rest = [], [], []
    for each in incidents:
        if each.tier is Tier.INFO or each.silence:
            rest.append(each)
        elif each.state is IncidentState.ACKNOWLEDGED:
            in_hand.append(each)
        else:
            now.append(each)
    return Sorted(tuple(now), tuple(in_hand), tuple(rest))


def due(incident: Incident, now: datetime) -> str:
    """When somebody has to answer."""
    if incident.silence:
        return "silenced"
    if incident.state is IncidentState.ACKNOWLEDGED:
        return f"looked at again {until(incident.ack_until, now)}" if incident.ack_until else "in hand"
    if incident.promoted:
        return "target missed"
    if incident.tier is Tier.CRITICAL:
        return "at once"
    if incident.tier is Tier.WARNING:
        return until(incident.deadline_at, now) if incident.deadline_at else "within 24 h"
    return "weekly review"


# What to do about a word or reason that says why nothing could be seen.
TODO = {
    NOT_LOOKED_YET: "nothing: its first look is to come",
    "denied": "let its role do what the reason names; barograph iam-policy prints the policies",
    "throttled": "nothing, if it passes: the next look comes by itself",
    "timeout": "see whether the place answers; a slow one needs a longer deadline of the check",
    "unavailable": "nothing, if it passes: the next look comes by itself",
    "capped": "raise aws.paid_usd_per_day, or wait for the next day (UTC)",
    "busy": "nothing: somebody is at work there, and it is looked at again soon",
    "config_error": "give what the reason names: a variable, or a provider's sign-in",
    "stale": "see the line about Barograph itself: looks are late, or the inventory does not load",
    "not_recorded": "see whether the disk of the store is full",
}
ASK = "read why, and look again: barograph check "


def gaps(standings: Iterable[Standing], incidents: Iterable[Incident] = ()) -> list[Gap]:
    """Where nothing is known, by check and reason: those never looked at last, the longest blind first."""
    told = {(one.check, one.place): one.remedy for one in incidents if one.kind is Kind.MONITORING and one.remedy}
    alike: dict[tuple[str, str, str], list[Standing]] = {}
    for each in standings:
        if each.outcome is Outcome.UNKNOWN:
            alike.setdefault((each.job.check, each.word, each.why), []).append(each)
    found = []
    for (check, word, why), blind in alike.items():
        blind.sort(key=lambda each: (_timestamp(each), each.job.place))
        remedy = next((told[each.job.check, each.job.place] for each in blind if (check, each.job.place) in told), "")
        todo = remedy or TODO.get(word) or TODO.get(blind[0].job.reason) or f"{ASK}{check}"
        found.append(Gap(check, word, why, tuple(each.job.place for each in blind), blind[0].good_at, todo))
    return sorted(found, key=lambda gap: (gap.word == NOT_LOOKED_YET, _seconds(gap.since), gap.check, gap.places))


def ahead(standings: Iterable[Standing], now: datetime) -> list[Ahead]:
    """The looks of the next 24 hours by check, those that are late first."""
    found: dict[str, list[datetime]] = {}
    for each in standings:
        if each.job.next_due is not None and each.job.next_due <= now + DAY:
            found.setdefault(each.job.check, []).append(each.job.next_due)
    # A look that was due a minute ago waits for its turn.
    rows = [Ahead(check, len(at), min(at), sum(now - one > LEAST_GRACE for one in at)) for check, at in found.items()]
    return sorted(rows, key=lambda row: (not row.late, row.soonest, row.check))


def live(row: ExecutionRow, record: RunRecord) -> Live:
    """A run that is under way: the step that has begun and not ended, else the phase, else nothing."""
    steps = [step for step in record.steps if step.begun_at is not None and step.ended_at is None]
    of = f" of {record.expected_steps}" if record.expected_steps else ""
    if steps:
        at = f"step {steps[-1].index + 1}{of}{f': {steps[-1].name}' if steps[-1].name else ''}"
    else:
        at = record.phases[-1].name if record.phases else "no step has told of itself"
    return Live(row.run_id, row.workflow, row.place, row.started_at, record.actor, at, row.stuck_at is not None)


def _timestamp(each: Standing) -> float:
    return _seconds(each.good_at)


def _seconds(at: datetime | None) -> float:
    return 0.0 if at is None else at.timestamp()
