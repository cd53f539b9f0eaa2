"""A report as plain data: what every renderer is given. Nothing in it is escaped.

A number that is None is not known: it is told as "no data", never as 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from daemon.report.period import Week
from daemon.report.span import Span

VERSION = 1  # of the JSON form; a change that readers have to follow makes it 2

Cell = str | float | datetime | None


class Light(StrEnum):
    """A traffic light with a fourth lamp: GREY is not known. GREEN only where everything was looked at."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"
    GREY = "grey"


WORST = (Light.RED, Light.AMBER, Light.GREY, Light.GREEN)


class Unit(StrEnum):
    COUNT = "count"
    RATIO = "ratio"  # 0 to 1
    SECONDS = "seconds"
    USD = "usd"
    DAYS = "days"
    TEXT = "text"
    MOMENT = "moment"  # an aware datetime
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of this week, beside the last week and the mean of the weeks before."""

    label: str
    unit: Unit
    this: float | None
    last: float | None = None
    mean: float | None = None
    mean_of: int = 0  # weeks that the mean is made of, at most 8
    series: tuple[float | None, ...] = ()  # oldest first, this week last
    better: str = ""  # "less", "more"; empty: neither
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    unit: Unit = Unit.TEXT


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, the worst first. The last column of a row says what to do next. *total*: rows there are, shown or not."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int
    empty: str = "Nothing."  # in place of no rows


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    values: tuple[float | None, ...]
    tone: str = "blue"  # red, amber, green, blue, grey


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars by week; of several lines, side by side."""

    title: str
    labels: tuple[str, ...]
    lines: tuple[Line, ...]
    unit: Unit = Unit.COUNT


@dataclass(frozen=True, slots=True)
class Section:
    """One part. *watched* False: nobody looks at such things here, and *why* says so; then there is nothing in it."""

    id: str
    title: str
    light: Light
    summary: str
    watched: bool = True
    why: str = ""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person has to decide, who that is, and the command that goes on from there."""

    text: str
    owner: str
    command: str
    where: str = ""
    runbook: str = ""  # kind of alert whose runbook says more; empty: it is no alert


@dataclass(frozen=True, slots=True)
class Report:
    """The whole. Times are UTC; *week* has the reader's zone. A report of another kind is about any span."""

    week: Week | Span
    made_at: datetime
    light: Light
    headline: str
    decisions: tuple[Decision, ...]
    sections: tuple[Section, ...]
    decisions_left: int = 0  # that are not among the five
    figures: tuple[Figure, ...] = ()  # the few that stand at the top
    status_url: str = ""
    kind: str = field(default="weekly")

    @property
    def title(self) -> str:
        return f"{self.kind.capitalize()} report {self.week.name}"

    def section(self, name: str) -> Section:
        return next(each for each in self.sections if each.id == name)


def worst(lights: tuple[Light, ...] | list[Light]) -> Light:
    """GREY goes before GREEN: what nobody knows is not fine."""
    return min(lights, key=WORST.index, default=Light.GREY)
