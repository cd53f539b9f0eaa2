"""How changes reach production, per stack: how often, how soon after the commit, how many fail, how soon that is over.

Pure. Each figure knows of how many it is made; without any it is None, which is "no data" and never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checks.runs.after import Health
from checks.runs.record import State

WINDOW = timedelta(days=30)
BACK = timedelta(days=30)  # before a period, by which a commit is known to have been applied before


@dataclass(frozen=True, slots=True)
class Applied:
    """A recorded run that applied to production. *health*: of the stack after it; empty: not known yet.

    *cycle*: whether it kept to the guideline's cycle; None: it cannot be told (yet).
    """

    run_id: str
    stack: str
    place: str
    state: State
    ended: datetime
    health: str = ""
    worse_since: datetime | None = None
    restored_at: datetime | None = None  # all that got worse was well again
    commit: str = ""
    committed_at: datetime | None = None
    seconds: float | None = None
    cycle: bool | None = None
    judged: bool = False  # it was held against a cycle
    workflow: str = ""
    text: str = ""  # of its stack after it, for people
    cost: float | None = None  # a day more than before, in the currency of the bill; None: not known
    cost_text: str = ""

    @property
    def failed(self) -> bool:
        """Whether it failed, was lost, or was stopped in the midst."""
        return self.state is not State.SUCCEEDED

    @property
    def lead_seconds(self) -> float | None:
        """From the commit to the end of a successful apply."""
        if self.failed or self.committed_at is None or self.committed_at > self.ended:
            return None
        return (self.ended - self.committed_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Middle:
    """A median, and of how many of how many: what is known of *of* things."""

    value: float | None
    known: int
    of: int


@dataclass(frozen=True, slots=True)
class Part:
    """*part* of *of*."""

    part: int
    of: int

    @property
    def ratio(self) -> float | None:
        return self.part / self.of if self.of else None

    @property
    def text(self) -> str:
        return f"{self.part} of {self.of}" if self.of else "no data"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one stack, or of all, in a period of *days*."""

    days: float
    succeeded: int
    lead: Middle  # of successful applies: those whose commit's time is known
    failures: Part  # failed, worse after it, or rolled back; of all applies
    restore: Middle  # of what failed: that which is over
    cycle: Part  # through the recorded cycle, of all changes of which that is known, unrecorded ones included
    unrecorded: int
    undecided: int  # of which nobody can tell (yet) whether they kept to the cycle
    unwatched: int  # applies that did not fail, and after which nobody looked, or not at all of it

    @property
    def per_week(self) -> float:
        return self.succeeded * 7 / self.days


def by_stack(
    applied: Sequence[Applied], unrecorded: Sequence[tuple[str, datetime]], start: datetime, end: datetime
) -> dict[str, Figures]:
    """figures() of each stack that was changed in the period, by name. *unrecorded*: (stack, when)."""
    guideline = held(applied)
    found = {one.stack for one in applied if start <= one.ended < end}
    found |= {stack for stack, at in unrecorded if start <= at < end}
    return {
        stack: figures(
            [one for one in applied if one.stack == stack], [at for name, at in unrecorded if name == stack],
            start, end, guideline=guideline,
        )
        for stack in sorted(found)
    }  # fmt: skip


def held(applied: Iterable[Applied]) -> bool:
    """Whether applies are held against a cycle at all."""
    return any(one.judged for one in applied)


def figures(
    applied: Iterable[Applied], unrecorded: Iterable[datetime], start: datetime, end: datetime, *, guideline: bool
) -> Figures:
    """Of what ended from *start* to *end*. *applied*: what ended before and later, too, by which a way back is known.

    *unrecorded*: when changes were made that no run explains. *guideline*: whether applies are held against a cycle;
    without, one that is recorded went through it.
    """
    known = sorted(applied, key=lambda one: (one.ended, one.run_id))
    within = [one for one in known if start <= one.ended < end]
    back = rolled_back(known)
    good = [one for one in within if not one.failed]
    bad = [one for one in within if one.failed or one.health == Health.WORSE or one.run_id in back]
    leads = [lead for one in good if (lead := one.lead_seconds) is not None]
    took = [seconds for one in bad if (seconds := _restored(one, known, back)) is not None]
    kept = [one.cycle if guideline else True for one in within]
    strays = sum(start <= at < end for at in unrecorded)
    sure = [one for one in kept if one is not None]
    return Figures(
        days=(end - start).total_seconds() / 86_400,
        succeeded=len(good),
        lead=Middle(median(leads), len(leads), len(good)),
        failures=Part(len(bad), len(within)),
        restore=Middle(median(took), len(took), len(bad)),
        cycle=Part(sum(sure), len(sure) + strays),
        unrecorded=strays,
        undecided=len(kept) - len(sure),
        unwatched=sum(not one.failed and one.health not in _KNOWN for one in within),
    )


_KNOWN = frozenset({Health.HEALTHY, Health.WORSE, Health.UNCHANGED})


def rolled_back(applied: Sequence[Applied]) -> dict[str, datetime]:
    """Which applies were undone by the next one at their place, and when: it applied a commit that had been applied
    there before, and another than theirs. *applied*: the oldest first."""
    found: dict[str, datetime] = {}
    history: dict[str, list[Applied]] = {}
    for one in applied:
        before = history.setdefault(one.place, [])
        last = before[-1] if before else None
        if last is not None and not one.failed and one.commit and last.commit and not _same(one.commit, last.commit):
            earlier = [
                each for each in before[:-1]
                if one.ended - each.ended <= BACK and each.commit and _same(each.commit, one.commit)
            ]  # fmt: skip
            if earlier:
                found[last.run_id] = one.ended
        before.append(one)
    return found


def _restored(one: Applied, applied: Sequence[Applied], back: dict[str, datetime]) -> float | None:
    """Seconds until what failed was well: the next good apply there, the stack itself, the way back."""
    since, ends = one.ended, []
    if one.failed:
        ends.append(_next_good(one, applied))
    if one.health == Health.WORSE:  # an apply that ends well does not say that this is well
        since = since if one.failed else one.worse_since or since
        ends.append(one.restored_at)
    if not ends:
        ends.append(back.get(one.run_id))
    over = [at for at in ends if at is not None]
    return max(0.0, (max(over) - since).total_seconds()) if over and len(over) == len(ends) else None


def _next_good(one: Applied, applied: Iterable[Applied]) -> datetime | None:
    good = (each.ended for each in applied if each.place == one.place and not each.failed and each.ended > one.ended)
    return min(good, default=None)


def median(values: Sequence[float]) -> float | None:
    """The lower of two in the middle: a value that was measured."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2] if ordered else None


def _same(one: str, other: str) -> bool:
    """Whether two names of commits are of one; a short one is the beginning of a long one."""
    short, long = sorted((one.lower(), other.lower()), key=len)
    return len(short) >= 7 and long.startswith(short)
