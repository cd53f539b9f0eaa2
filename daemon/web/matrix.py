"""The matrix: stacks and accounts down, checks across, the worst first; and the components of each. Pure.

What is fine is counted rather than listed, so that a thousand instances make a page that can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.base import Incident
from checks.base import Outcome, Tier
from daemon.standing import WORST_FIRST, Standing

OTHER = "other places"
ROWS = 100  # components on a page
_FINE = (Outcome.HEALTHY, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Sum:
    """How a check stands at all places of a stack: the worst, and at how many of them it is so."""

    outcome: Outcome
    word: str
    count: int
    total: int
    good_at: datetime | None  # the oldest last good look; None: one of the places has none
    unseen: int = 0  # places that could not be looked at, beside the worst
    open: int = 0  # critical incidents and warnings of the check, where its last looks saw nothing wrong


@dataclass(frozen=True, slots=True)
class Found:
    """Open incidents that looks elsewhere, at an account, found in a stack: that says nothing of what is fine there."""

    count: int
    review: bool  # all of them are informational


@dataclass(frozen=True, slots=True)
class Line:
    """A stack, an account or what is neither: a row of the overview."""

    name: str
    stack: str  # empty: it is none
    stage: str
    places: int
    critical: int
    warning: int
    sums: tuple[Sum | Found | None, ...]  # None: it is not looked at here, and nothing was found

    @property
    def fine(self) -> bool:
        return not self.critical and not self.warning and all(
            each is None or (each.review if isinstance(each, Found) else each.outcome in _FINE) for each in self.sums
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Overview:
    """Rows that have the same checks across: stacks, or accounts and other places."""

    title: str
    checks: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A component of a stack (or another place), and how each check stands there."""

    place: str
    component: str
    cells: tuple[Standing | None, ...]
    critical: int = 0  # open incidents about it, wherever they were seen
    warning: int = 0

    @property
    def fine(self) -> bool:
        return not self.open and all(each is None or each.outcome in _FINE for each in self.cells)

    @property
    def open(self) -> int:
        return self.critical + self.warning

    @property
    def wrong(self) -> bool:
        return bool(self.open) or any(each is not None and each.outcome is Outcome.UNHEALTHY for each in self.cells)


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one stack that are shown, the checks across, and how many rows that are fine are not shown."""

    stack: str
    stage: str
    checks: tuple[str, ...]
    rows: tuple[Row, ...]
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of components."""

    groups: tuple[Group, ...]
    page: int
    pages: int
    rows: int  # on all pages
    hidden: int  # that are fine and not listed
    elsewhere: int = 0  # rows with something wrong on other pages than this


def overviews(standings: Sequence[Standing], incidents: Iterable[Incident]) -> list[Overview]:
    """Stacks, then accounts and the rest; in each the worst first. Nothing without a look is ever fine."""
    cells: dict[str, dict[str, list[Standing]]] = {}
    for each in standings:
        cells.setdefault(_name(each.job.labels), {}).setdefault(each.job.check, []).append(each)
    opened: dict[str, list[Incident]] = {}
    for incident in incidents:
        opened.setdefault(_name(incident.labels), []).append(incident)
    found = []
    for title, names in _kinds(cells):
        seen = {check for name in names for check in cells[name]}
        checks = tuple(sorted(seen | {one.check for name in names for one in opened.get(name, ())}))
        lines = [_line(name, cells[name], opened.get(name, ()), checks) for name in names]
        found.append(Overview(title, checks, tuple(sorted(lines, key=_worst_line))))
    return found


def listed(standings: Sequence[Standing], incidents: Iterable[Incident] = (), *, whole: bool, page: int) -> Listed:
    """The components that are not fine, or (*whole*) all, by stack, worst first: one page of them.

    One that an open incident is about is not fine, whatever the last looks say of it.
    """
    opened: dict[tuple[str, str], dict[str, Tier]] = {}
    for incident in incidents:
        name = _name(incident.labels)
        for about in (incident.place, incident.labels.get("component", "")):
            opened.setdefault((name, about), {})[incident.fingerprint] = incident.tier
    cells: dict[tuple[str, str], dict[str, Standing]] = {}
    for each in standings:
        cells.setdefault((_name(each.job.labels), each.job.place), {})[each.job.check] = each
    checks: dict[str, set[str]] = {}
    for (name, _), found in cells.items():
        checks.setdefault(name, set()).update(found)
    columns = {name: tuple(sorted(seen)) for name, seen in checks.items()}
    rows: dict[str, list[Row]] = {}
    stages: dict[str, str] = {}
    for (name, place), found in sorted(cells.items()):
        labels = next(iter(found.values())).job.labels
        stages[name] = stages.get(name) or labels.get("stage", "")
        component = labels.get("component") or place
        tiers = [*(opened.get((name, place), {}) | opened.get((name, component), {})).values()]
        row = Row(
            place, component, tuple(found.get(check) for check in columns[name]), tiers.count(Tier.CRITICAL),
            tiers.count(Tier.WARNING),
        )  # fmt: skip
        rows.setdefault(name, []).append(row)
    groups = [_group(name, stages[name], columns[name], rows[name], whole=whole) for name in rows]
    groups.sort(key=lambda group: (min(map(_worst_row, group.rows), default=len(WORST_FIRST)), _place_of(group.stack)))
    return _page(groups, page)


def _page(groups: Sequence[Group], page: int) -> Listed:
    total = sum(len(group.rows) for group in groups)
    pages = max(1, -(-total // ROWS))
    page = min(page, pages)
    first, last, at, found = (page - 1) * ROWS, page * ROWS, 0, []
    for group in groups:
        rows = group.rows[max(0, first - at) : max(0, last - at)]
        at += len(group.rows)
        if rows:
            found.append(Group(group.stack, group.stage, group.checks, rows, group.hidden))
    here = sum(row.wrong for group in found for row in group.rows)
    elsewhere = sum(row.wrong for group in groups for row in group.rows) - here
    return Listed(tuple(found), page, pages, total, sum(group.hidden for group in groups), elsewhere)


def _group(name: str, stage: str, checks: tuple[str, ...], rows: Sequence[Row], *, whole: bool) -> Group:
    shown = [row for row in rows if whole or not row.fine]
    return Group(name, stage, checks, tuple(sorted(shown, key=lambda row: (_worst_row(row), row.place))),
                 len(rows) - len(shown))  # fmt: skip


def _line(
    name: str, cells: Mapping[str, Sequence[Standing]], opened: Sequence[Incident], checks: Sequence[str]
) -> Line:
    sums: list[Sum | Found | None] = []
    for check in checks:
        elsewhere = [one.tier for one in opened if one.check == check]
        found = Found(len(elsewhere), set(elsewhere) == {Tier.INFO}) if elsewhere else None
        sums.append(_sum(cells[check], elsewhere) if check in cells else found)
    labels = next(iter(cells.values()))[0].job.labels if name != OTHER else {}
    places = len({each.job.place for found in cells.values() for each in found})
    tiers = [one.tier for one in opened]
    return Line(
        name, labels.get("stack", ""), labels.get("stage", ""), places, tiers.count(Tier.CRITICAL),
        tiers.count(Tier.WARNING), tuple(sums),
    )  # fmt: skip


def _sum(found: Sequence[Standing], opened: Sequence[Tier]) -> Sum:
    worst = min((each.outcome for each in found), key=WORST_FIRST.index)
    alike = [each for each in found if each.outcome is worst]
    words = {each.word for each in alike}
    looked = [each.good_at for each in found]
    known = [at for at in looked if at is not None]
    oldest = min(known) if len(known) == len(looked) else None
    unseen = 0 if worst is Outcome.UNKNOWN else sum(each.outcome is Outcome.UNKNOWN for each in found)
    unhealed = sum(tier is not Tier.INFO for tier in opened) if worst in _FINE else 0
    word = words.pop() if len(words) == 1 else "several verdicts"
    return Sum(worst, word, len(alike), len(found), oldest, unseen, unhealed)


def _name(labels: Mapping[str, str]) -> str:
    if labels.get("stack"):
        return labels["stack"]
    return f"account {labels['account']}" if labels.get("account") else OTHER


def _kinds(cells: Mapping[str, Mapping[str, Sequence[Standing]]]) -> list[tuple[str, list[str]]]:
    stacks = [name for name, found in cells.items() if next(iter(found.values()))[0].job.labels.get("stack")]
    rest = [name for name in cells if name not in set(stacks)]
    return [(title, names) for title, names in (("Stacks", stacks), ("Accounts and other places", rest)) if names]


def _worst_line(line: Line) -> tuple[object, ...]:
    outcomes = [WORST_FIRST.index(each.outcome) for each in line.sums if isinstance(each, Sum)]
    return (not line.critical, min(outcomes, default=0), not line.warning, _place_of(line.name))


def _worst_row(row: Row) -> int:
    return 0 if row.open else min(WORST_FIRST.index(each.outcome) for each in row.cells if each is not None)


def _place_of(name: str) -> tuple[bool, str]:
    return name == OTHER, name
