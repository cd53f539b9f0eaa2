"""After an apply: whether the health of its stack got worse, by what was looked at while it ran and some time after.

Pure. What was wrong before anything was applied is not laid to the run; what nobody looked at is never healthy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

SHOWN = 5
CLOSING = timedelta(minutes=5)  # for the last looks to come in, once the period is over
# By check: the verdicts that mean that something does not work. What only fills up, ends soon or idles is no sign of
# a deployment, and neither is what is told for the weekly review.
SIGNS: Mapping[str, frozenset[str]] = {
    "utilization": frozenset({"over_used", "impaired", "targets_unhealthy", "no_targets", "alarm"}),
    "certificates": frozenset(
        {"expired", "chain_expired", "not_yet_valid", "revoked", "inactive", "wrong_name", "untrusted",
         "incomplete_chain"}
    ),
}  # fmt: skip
# What says of itself that it has too little to tell by: where it said so before the run too, that is only told.
UNSURE = frozenset({"insufficient_data"})
PLAN = "plan "  # before the key of an instance: the mark of what its plan shows
DRIFTED = frozenset({"drift", "drift+pending", "check_failed"})  # verdicts of a plan


class Health(StrEnum):
    """How a stack stood after an apply."""

    WATCHING = "watching"  # the period goes on
    HEALTHY = "healthy"
    WORSE = "worse"  # something went wrong that was well before, be it over by now
    COULD_NOT_LOOK = "could_not_look"  # of some of it nobody knows
    NOT_WATCHED = "not_watched"  # nobody looked
    UNCHANGED = "unchanged"  # it applied nothing, so there was nothing to watch


@dataclass(frozen=True, slots=True)
class Rules:
    """*every*: how often to look. *gap*: for how long nobody may look without its being said. *fresh*: how old a look
    before the run may be that says how it was before."""

    enabled: bool = True
    watch: timedelta = timedelta(minutes=30)
    every: timedelta = timedelta(minutes=5)
    fresh: timedelta = timedelta(hours=2)
    plan: bool = True
    planned_within: timedelta = timedelta(hours=1)

    @property
    def gap(self) -> timedelta:
        return max(3 * self.every, timedelta(minutes=10))


@dataclass(frozen=True, slots=True)
class Period:
    """What is watched: from the run's start to some time after its end. *applied*: when it began to change things."""

    began: datetime
    applied: datetime
    ended: datetime | None  # None: it runs
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Look:
    """A look of a check at a place. *why*: what kept it from looking; empty: it looked."""

    check: str
    place: str
    began: datetime
    ended: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something of the stack's own that was wrong, from *since* (a look saw it) to *over* (a look saw it well).

    *itself*: since when, where it tells that itself, as an alarm does. *first_look*: nobody had ever looked before.
    """

    mark: str
    check: str
    place: str
    what: str
    since: datetime
    over: datetime | None = None
    itself: datetime | None = None
    first_look: bool = False
    where: str = ""  # the address in its state, where known


@dataclass(frozen=True, slots=True)
class Blind:
    """Something of the stack's own that could not be seen when it was looked at last. *before*: as before the run."""

    what: str
    why: str
    before: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan after the period. *verdict* empty: there is none (yet), and *why* says why not."""

    key: str  # of the instance
    verdict: str = ""
    summary: str = ""
    before: str = ""  # the verdict before the run
    at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that is known. *places*: (check, place) that are to be looked at; *own*: things of the stack that were seen.

    *others*: runs that applied to the same stack in the same time. *unowned*: why nobody knows what is the stack's own.
    """

    places: Sequence[tuple[str, str]] = ()
    looks: Sequence[Look] = ()
    wrong: Sequence[Wrong] = ()
    blind: Sequence[Blind] = ()
    own: int = 0
    unowned: str = ""
    others: Sequence[str] = ()
    plans: Sequence[Planned] = ()
    set_back: bool = False  # the clock was, while it was watched


@dataclass(frozen=True, slots=True)
class Worse:
    """Something that got worse. *well_at*: when a look last saw it well; None: it says its beginning itself."""

    mark: str
    what: str
    since: datetime
    over: datetime | None = None
    well_at: datetime | None = None
    confirmed: bool = False  # another look saw it still


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a run's aftermath."""

    health: Health
    text: str
    worse: tuple[Worse, ...] = ()
    before: tuple[str, ...] = ()  # wrong before anything was applied
    passing: tuple[str, ...] = ()  # wrong while it ran, and well before it ended
    gaps: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def restored_seconds(self) -> float | None:
        """From the first thing that got worse to the end of the last; None: nothing did, or it is not over."""
        ends = [one.over for one in self.worse if one.over is not None]
        if not self.worse or len(ends) < len(self.worse):
            return None
        return max(0.0, (max(ends) - min(one.since for one in self.worse)).total_seconds())


def verdict(period: Period, seen: Seen, rules: Rules, now: datetime, *, final: bool = False) -> Verdict:
    """What is known *now*. *final*: no more looks are waited for."""
    if period.ended is None or period.until is None:
        return Verdict(Health.WATCHING, "its stack is watched while it runs", others=tuple(seen.others))
    worse, before, passing, unclear = _sorted(period, seen, rules)
    gaps = (*unclear, *(_gaps(period, seen, rules) if final else ()))
    plans, drifted, unplanned = _plans(seen.plans)
    worse += drifted
    if final:
        gaps += unplanned
    health = _health(period, worse, gaps, seen, final=final)
    text = _text(period, health, worse, gaps, before, seen)
    return Verdict(
        health, text, tuple(worse), tuple(before), tuple(passing), tuple(dict.fromkeys(gaps)), plans,
        tuple(seen.others),
    )  # fmt: skip


def looked_at_the_end(period: Period, places: Iterable[tuple[str, str]], looks: Iterable[Look]) -> bool:
    """Whether each place was looked at once the period was over, with or without success."""
    if period.until is None:
        return False
    done = {(look.check, look.place) for look in looks if look.began >= period.until}
    return all(place in done for place in places)


def _health(
    period: Period, worse: Sequence[Worse], gaps: Sequence[str], seen: Seen, *, final: bool
) -> Health:  # fmt: skip
    if worse:
        return Health.WORSE
    if not final:
        return Health.WATCHING
    if not seen.places or not any(_within(period, look) for look in seen.looks):
        return Health.NOT_WATCHED
    return Health.COULD_NOT_LOOK if gaps else Health.HEALTHY


def _sorted(period: Period, seen: Seen, rules: Rules) -> tuple[list[Worse], list[str], list[str], list[str]]:
    """What is wrong, by when it began: (worse, before, passing, nobody knows)."""
    worse: list[Worse] = []
    before: list[str] = []
    passing: list[str] = []
    unclear: list[str] = []
    assert period.ended is not None
    assert period.until is not None
    # What was wrong when it began was wrong before, also where it went and came again meanwhile.
    old = {one.mark for one in seen.wrong if _was_before(one, period, seen.looks)}
    for one in sorted(seen.wrong, key=lambda each: (each.since, each.mark)):
        if one.since > period.until + CLOSING or (one.over is not None and one.over <= period.applied):
            continue
        if one.mark in old:
            before.append(one.what)
        elif one.over is not None and one.over <= period.ended:
            passing.append(f"{one.what} (from {_clock(one.since)} to {_clock(one.over)})")
        else:
            well_at = _well_at(one, seen.looks)
            since = max(one.itself, period.applied) if one.itself is not None else one.since
            if one.itself is None and (well_at is None or one.first_look or period.began - well_at > rules.fresh):
                last = f"it was looked at last {moment(well_at)}" if well_at is not None else "nobody had looked"
                unclear.append(f"whether this was so before it: {one.what} ({last})")
            else:
                shown = None if one.itself is not None else well_at
                worse.append(Worse(one.mark, one.what, since, one.over, shown, _confirmed(one, seen.looks)))
    return worse, list(dict.fromkeys(before)), passing, unclear


def _was_before(one: Wrong, period: Period, looks: Iterable[Look]) -> bool:
    if one.over is not None and one.over <= period.began:
        return False
    if one.since <= period.applied or (one.itself is not None and one.itself <= period.applied):
        return True
    # The look that saw it had begun before anything was applied.
    return any(
        (look.check, look.place) == (one.check, one.place) and look.began <= period.applied and look.ended == one.since
        for look in looks
    )  # fmt: skip


def _well_at(one: Wrong, looks: Iterable[Look]) -> datetime | None:
    """When the place was looked at with success last, before that was seen."""
    ends = [
        look.ended for look in looks
        if (look.check, look.place) == (one.check, one.place) and not look.why and look.ended < one.since
    ]  # fmt: skip
    return max(ends, default=None)


def _confirmed(one: Wrong, looks: Iterable[Look]) -> bool:
    """Whether a second look saw it still."""
    return any(
        (look.check, look.place) == (one.check, one.place) and not look.why and look.began > one.since
        and (one.over is None or look.ended < one.over)
        for look in looks
    )  # fmt: skip


def _within(period: Period, look: Look) -> bool:
    return (
        period.ended is not None and period.until is not None
        and period.ended <= look.began and look.ended <= period.until + CLOSING
    )  # fmt: skip


def _gaps(period: Period, seen: Seen, rules: Rules) -> tuple[str, ...]:
    """What was not looked at, and why."""
    assert period.ended is not None
    assert period.until is not None
    found: list[str] = []
    if seen.set_back:
        found.append("the clock was set back meanwhile, so nobody can tell when it was looked at")
    if not seen.places:
        found.append("no check that is switched on looks at anything of this stack")
    for check, place in seen.places:
        looks = [one for one in seen.looks if (one.check, one.place) == (check, place) and _within(period, one)]
        good = sorted(one.ended for one in looks if not one.why)
        edges = [period.ended, *good, max([period.until, *good])]
        for start, end in pairwise(edges):
            if end - start > rules.gap or not good:
                whys = [one.why for one in looks if one.why and start <= one.ended <= end]
                why = whys[-1] if whys else "nobody looked"
                found.append(f"{check} at {place} from {_clock(start)} to {_clock(end)}: {why}")
    told = [one for one in seen.blind if not one.before]
    found += [f"{one.what}: {one.why}" for one in told[:SHOWN]]
    if len(told) > SHOWN:
        found.append(f"and {len(told) - SHOWN} more things of its own")
    if seen.places and not seen.own:
        found.append(seen.unowned or "nothing that is looked at is of this stack, by what the states hold")
    elif seen.unowned:
        found.append(seen.unowned)
    return tuple(found)


def _plans(plans: Iterable[Planned]) -> tuple[tuple[str, ...], list[Worse], tuple[str, ...]]:
    """(what the plans say, what drifted, what could not be planned)."""
    told: list[str] = []
    drifted: list[Worse] = []
    missing: list[str] = []
    for one in plans:
        if not one.verdict:
            missing.append(f"the plan of {one.key} after it: {one.why or 'there is none yet'}")
            continue
        same = f", as before it ({one.before})" if one.before == one.verdict else ""
        told.append(f"{one.key}: {one.verdict}{same}")
        if one.verdict in DRIFTED and one.before not in DRIFTED and one.at is not None:
            drifted.append(Worse(f"{PLAN}{one.key}", f"the plan of {one.key} after it: {one.summary}", one.at))
    return tuple(told), drifted, tuple(missing)


def _text(
    period: Period, health: Health, worse: Sequence[Worse], gaps: Sequence[str], before: Sequence[str], seen: Seen
) -> str:  # fmt: skip
    assert period.ended is not None
    assert period.until is not None
    span = f"{int((period.until - period.ended).total_seconds() // 60)} min"
    old = f"; {len(before)} wrong before it already" if before else ""
    gap = f"; could not look: {few(gaps)}" if gaps else ""
    match health:
        case Health.WORSE:
            other = f"; another run applied to the stack meanwhile: {', '.join(seen.others[:3])}" if seen.others else ""
            return f"worse after it: {few([_told(one) for one in worse])}{old}{gap}{other}"
        case Health.HEALTHY:
            unsure = sum(one.before for one in seen.blind)
            more = f"; {unsure} that could not tell before it either" if unsure else ""
            return f"healthy for {span} after it, {seen.own} things of its own seen{old}{more}"
        case Health.NOT_WATCHED:
            return f"not watched in the {span} after it: {few(gaps)}"
        case Health.COULD_NOT_LOOK:
            return f"not known whether it is healthy: {few(gaps)}{old}"
        case _:
            return f"watched until {moment(period.until)}{old}"


def _told(one: Worse) -> str:
    last = f", last seen well {_clock(one.well_at)}" if one.well_at is not None else ""
    if one.over is not None:
        return f"{one.what} (from {_clock(one.since)} to {_clock(one.over)}{last}; well again)"
    return f"{one.what} (since {_clock(one.since)}{last})"


def few(told: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return "; ".join(told[:SHOWN]) + more


def _clock(at: datetime) -> str:
    return at.strftime("%H:%M UTC")


def moment(at: datetime) -> str:
    """A time for people."""
    return at.strftime("%Y-%m-%d %H:%M UTC")
