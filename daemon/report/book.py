"""The facts of a report with the questions that its sections ask of them. Pure.

A week counts as known only where somebody looked: before Barograph began, and while a check could not look at
anything, numbers are None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from alerts.base import LIVE
from checks.base import Kind, Tier
from daemon.report.model import Chart, Column, Figure, Light, Line, Section, Table, Unit
from daemon.report.period import Week
from daemon.report.words import plural
from daemon.store.rows import ReadingRow
from daemon.store.week_rows import Facts, Item, Looks

OPENS, CLOSES = ("open", "reopen"), ("resolve",)
NO_LOOKS = Looks()
# A reading tells of now. Asked about a week that is long over, it tells nothing.
READINGS_HOLD = timedelta(days=7)
MOST_ROWS = 1_000  # of a table; its total counts all


@dataclass(frozen=True)
class Book:
    """*weeks*: as in the facts, in the reader's zone."""

    facts: Facts
    weeks: tuple[Week, ...]

    @property
    def last(self) -> int:
        return self.facts.last

    @property
    def week(self) -> Week:
        return self.weeks[-1]

    @property
    def ends(self) -> datetime:
        return self.facts.weeks[-1][1]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"W{week.number:02d}" for week in self.weeks)

    def began_by(self, week: int) -> bool:
        """Whether Barograph watched for all of a week; of the last one, any of it."""
        began = self.facts.began
        start, end = self.facts.weeks[week]
        return began is not None and (began < end if week == self.last else began <= start)

    def looks(self, check: str, week: int | None = None) -> Looks:
        return self.facts.looks.get((self.last if week is None else week, check), NO_LOOKS)

    def looked(self, checks: Sequence[str], week: int) -> bool:
        """Whether any of *checks* looked with success in a week that Barograph watched."""
        return self.began_by(week) and any(self.looks(check, week).ok for check in checks)

    def watched(self, checks: Sequence[str]) -> bool:
        return any(self.facts.watched(check) for check in checks)

    def untouched(self, check: str) -> int:
        """How many places of *check* were known in the week, and no run of it reached them."""
        known = sum(
            job.check == check and (job.first_ok is None or job.first_ok < self.ends) for job in self.facts.jobs
        )
        return max(0, known - self.looks(check).places)

    def unseen(self, checks: Sequence[str]) -> int:
        """How many places, counted for each check, nobody saw in the week although they are watched."""
        return sum(len(self.looks(check).blind) + self.untouched(check) for check in checks)

    def fresh(self, check: str) -> bool:
        """Whether a look since the week began succeeded, so that what was read last is of it, or newer."""
        start = self.facts.weeks[-1][0]
        return any(job.check == check and job.last_ok is not None and job.last_ok >= start for job in self.facts.jobs)

    @property
    def readings_hold(self) -> bool:
        """Whether what was read last still says how the week ended."""
        return self.facts.as_of - self.ends <= READINGS_HOLD

    # -- numbers by week ----------------------------------------------------------------------------------------

    def figure(
        self, label: str, unit: Unit, value: Callable[[int], float | None], better: str = "", note: str = ""
    ) -> Figure:
        """*value* gives the number of a week, None where it is not known."""
        series = tuple(value(number) for number in range(self.last + 1))
        before = [each for each in series[:-1] if each is not None]
        mean = sum(before) / len(before) if before else None
        return Figure(label, unit, series[-1], series[-2], mean, len(before), series, better, note)

    def moves(
        self, week: int, actions: Sequence[str], *, tier: Tier | None = None, kinds: Sequence[Kind] = (),
        checks: Sequence[str] = (), first_look: bool | None = False,
    ) -> int:  # fmt: skip
        """How many incidents did one of *actions*. *first_look* None: those of a first look too."""
        return sum(
            each.count
            for each in self.facts.moved
            if each.week == week
            and each.action in actions
            and tier in (None, each.tier)
            and (not kinds or each.kind in kinds)
            and (not checks or each.check in checks)
            and first_look in (None, each.first_look)
        )

    def standing(
        self, week: int, *, tier: Tier | None = None, kinds: Sequence[Kind] = (), acknowledged: bool | None = None
    ) -> int:
        """How many incidents were live at the end of a week."""
        return sum(
            each.count
            for each in self.facts.standing
            if each.week == week
            and tier in (None, each.tier)
            and (not kinds or each.kind in kinds)
            and acknowledged in (None, each.acknowledged)
        )

    def verdicts(
        self, check: str, week: int, words: Iterable[str] = (), *, part: bool | None = None,
        outcomes: Sequence[str] = (),
    ) -> int:  # fmt: skip
        """How many resources had one of these verdicts, or outcomes, at the end of a week."""
        wanted = frozenset(map(str, words))
        return sum(
            each.counts[week]
            for each in self.facts.verdicts
            if each.check == check
            and (not wanted or each.verdict in wanted)
            and (not outcomes or each.outcome in outcomes)
            and part in (None, each.part)
        )

    def when_looked(self, checks: Sequence[str], value: Callable[[int], float | None]) -> Callable[[int], float | None]:
        """*value* for weeks in which *checks* looked, None for the others."""
        return lambda week: value(week) if self.looked(checks, week) else None

    def measured(self, name: str, week: int) -> dict[str, float]:
        """The last kept number of each subject in a week."""
        monday, sunday = self.weeks[week].monday, self.weeks[week].sunday
        return {each.subject: each.value for each in self.facts.measures
                if each.name == name and monday <= each.day <= sunday}  # fmt: skip

    # -- rows ---------------------------------------------------------------------------------------------------

    def items(self, *, kinds: Sequence[Kind] = (), checks: Sequence[str] = ()) -> list[Item]:
        """What was live at the end of the week, the worst first."""
        return [
            each
            for each in self.facts.open
            if (not kinds or each.incident.kind in kinds) and (not checks or each.incident.check in checks)
        ]

    def still(self, item: Item) -> bool:
        """Whether it is live now, too."""
        return item.incident.state in LIVE

    def silenced(self, item: Item) -> bool:
        """Whether a silence hides it when the report is made."""
        until = item.incident.silenced_until
        return bool(item.incident.silence) and (until is None or until > self.facts.as_of)

    def is_new(self, item: Item) -> bool:
        return item.opened_at >= self.facts.weeks[-1][0]

    def readings(self, value: str, checks: Sequence[str] = ()) -> list[ReadingRow]:
        """What was read last and has this number; none where it does not tell of the week any more."""
        if not self.readings_hold:
            return []
        return [each for each in self.facts.readings if value in each.values and (not checks or each.check in checks)]

    def remedy(self, check: str, resource: str) -> str:
        return next((i.incident.remedy for i in self.facts.open
                     if i.incident.check == check and i.incident.resource == resource), "")  # fmt: skip

    # -- parts that several sections have -----------------------------------------------------------------------

    def opened_and_resolved(self, kinds: Sequence[Kind], checks: Sequence[str]) -> tuple[Figure, ...]:
        """New, ended and open incidents of some kinds."""
        return (
            self.figure(
                "New", Unit.COUNT, self.when_looked(checks, lambda w: self.moves(w, OPENS, kinds=kinds)), "less"
            ),
            self.figure(
                "Ended", Unit.COUNT,
                self.when_looked(checks, lambda w: self.moves(w, CLOSES, kinds=kinds, first_look=None)),
            ),
            self.figure(
                "Open at the end", Unit.COUNT, self.when_looked(checks, lambda w: self.standing(w, kinds=kinds)), "less"
            ),
        )  # fmt: skip

    def chart(self, title: str, unit: Unit, *figures: tuple[Figure, str]) -> Chart:
        lines = tuple(Line(figure.label, figure.series, tone) for figure, tone in figures)
        return Chart(title, self.labels, lines, unit)


def next_step(item: Item) -> str:
    """The command to run next: the first line of the remedy."""
    lines = [line for line in item.incident.remedy.splitlines() if line.strip()]
    return lines[0] if lines else f"barograph: see incident {item.incident.fingerprint}"


def place_of(item: Item) -> str:
    labels = item.incident.labels
    if labels.get("stack"):
        return "/".join(filter(None, (labels["stack"], labels.get("component", ""))))
    return item.incident.place


def owner_of(item: Item) -> str:
    return item.incident.labels.get("owner") or "nobody named"


INCIDENT_COLUMNS = (
    Column("tier"), Column("what"), Column("where"), Column("owner"), Column("open since", Unit.MOMENT),
    Column("open for", Unit.SECONDS), Column("standing"), Column("next step"),
)  # fmt: skip


def incidents_table(book: Book, title: str, items: Sequence[Item], total: int, empty: str) -> Table:
    """Incidents with what to do next."""
    return Table(
        title, INCIDENT_COLUMNS,
        tuple(
            (
                str(item.tier), item.incident.summary, place_of(item), owner_of(item), item.opened_at,
                (book.ends - item.opened_at).total_seconds(), _standing(book, item), next_step(item),
            )
            for item in items[:MOST_ROWS]
        ),
        max(total, len(items)), empty,
    )  # fmt: skip


def _standing(book: Book, item: Item) -> str:
    words = ["acknowledged" if item.acknowledged else "open"]
    if item.incident.baseline:
        words.append("baseline")
    elif item.incident.occurrence > 1:
        words.append("came back")
    elif book.is_new(item):
        words.append("new")
    if book.silenced(item) and book.still(item):
        words.append("silenced")
    if not book.still(item):
        words.append("over since the week ended")
    elif item.incident.not_seen_because:
        words.append("not confirmed by the last look")
    return ", ".join(words)


def not_watched(name: str, title: str, why: str) -> Section:
    """A section about what nobody looks at here."""
    return Section(name, title, Light.GREY, f"Not watched: {why}.", watched=False, why=why)


def blind(book: Book, name: str, title: str, checks: Sequence[str], **parts: object) -> Section | None:
    """The section of checks that did not look once in the week; None where one did."""
    if book.looked(checks, book.last):
        return None
    whys = [why for check in checks for why in book.looks(check).blind.values()]
    runs = sum(book.looks(check).runs for check in checks)
    told = f"{plural(runs, 'look')}, all in vain: {whys[0]}" if whys else "nobody looked in this week"
    return Section(name, title, Light.GREY, f"No data: {told}.", **parts)  # type: ignore[arg-type]  # fields of Section
