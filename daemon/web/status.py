"""The status page's content as plain data, by pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alerts.base import Incident, IncidentState
from checks.base import Outcome, Tier
from daemon.standing import NOT_LOOKED_YET, Standing
from daemon.web.words import plural

SOON = 12  # rows under "what runs when"
TIER_RANK = {tier: number for number, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence, and the style it deserves: bad, warn, unknown, good."""

    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the matrix: a component of a stack (or another place), and how each check stands there."""

    place: str
    component: str
    cells: tuple[Standing | None, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one stack, and the checks that look at any of them: the columns."""

    stack: str
    stage: str
    checks: tuple[str, ...]
    rows: tuple[Row, ...]


def headline(incidents: Sequence[Incident], standings: Sequence[Standing]) -> Headline:
    """Say first what a person must know: what needs them, and what could not be seen."""
    tiers = {tier: sum(incident.tier is tier for incident in incidents) for tier in Tier}
    critical, warnings = tiers[Tier.CRITICAL], tiers[Tier.WARNING]
    unseen = [each for each in standings if each.outcome is Outcome.UNKNOWN]
    new = sum(each.word == NOT_LOOKED_YET for each in unseen)
    gaps = _gaps(len(unseen) - new, new)
    if critical or warnings:
        parts = [f"{critical} critical"] if critical else []
        parts += [plural(warnings, "warning")] if warnings else []
        verb = "thing needs" if critical + warnings == 1 else "things need"
        text = f"{critical + warnings} {verb} a person: {', '.join(parts)}"
        return Headline("; ".join([text, *gaps]) + ".", "bad" if critical else "warn")
    if not standings:
        return Headline("Nothing has been looked at yet.", "unknown")
    if gaps:
        return Headline(f"Nothing is known to need a person, but {' and '.join(gaps)}.", "unknown")
    return Headline("Nothing needs a person.", "good")


def _gaps(failed: int, new: int) -> list[str]:
    found = []
    if failed:
        found.append(f"{plural(failed, 'place')} could not be looked at")
    if new:
        found.append(f"{plural(new, 'place')} {'was' if new == 1 else 'were'} not looked at yet")
    return found


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


def matrix(standings: Sequence[Standing]) -> list[Group]:
    """The rows in groups of a stack. Places without a stack come last."""
    cells: dict[tuple[str, str], dict[str, Standing]] = {}
    for each in standings:
        cells.setdefault((each.job.labels.get("stack", ""), each.job.place), {})[each.job.check] = each
    checks: dict[str, set[str]] = {}
    for (stack, _), found in cells.items():
        checks.setdefault(stack, set()).update(found)
    columns = {stack: tuple(sorted(names)) for stack, names in checks.items()}
    groups: dict[str, list[Row]] = {}
    stages: dict[str, str] = {}
    for (stack, place), found in sorted(cells.items()):
        labels = next(iter(found.values())).job.labels
        stages[stack] = stages.get(stack) or labels.get("stage", "")
        component = labels.get("component") or place
        groups.setdefault(stack, []).append(Row(place, component, tuple(found.get(check) for check in columns[stack])))
    ordered = sorted(groups, key=lambda stack: (not stack, stack))
    return [Group(stack or "other places", stages[stack], columns[stack], tuple(groups[stack])) for stack in ordered]


def soonest(standings: Iterable[Standing], running: frozenset[tuple[str, str]]) -> list[Standing]:
    """What runs next: jobs with a time, those at work left out."""
    waiting = [
        each for each in standings if each.job.next_due is not None and (each.job.check, each.job.place) not in running
    ]
    return sorted(waiting, key=lambda each: (each.job.next_due, each.job.place))[:SOON]


def gaps(standings: Iterable[Standing]) -> list[Standing]:
    """Where nothing is known: those never looked at last, the longest blind first."""
    blind = [each for each in standings if each.outcome is Outcome.UNKNOWN]
    return sorted(blind, key=lambda each: (each.word == NOT_LOOKED_YET, _timestamp(each), each.job.place))


def _timestamp(each: Standing) -> float:
    return 0.0 if each.good_at is None else each.good_at.timestamp()
