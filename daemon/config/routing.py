"""Options: which incident goes where, and what counts as working time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, create_model, model_validator

from checks.kinds import Kind, Tier
from daemon.config.problems import echo, label, suggestion
from daemon.config.reader import Trail
from daemon.config.section import Section
from daemon.config.stages import Globs, Stage
from daemon.config.values import (
    AccountGlob,
    Channel,
    Holiday,
    LocalTime,
    Mention,
    OneOrMany,
    Switch,
    Text,
    VariableName,
    Zone,
    wrong_at,
)

CONTINUE = "continue"
MIDNIGHT = time()


class Weekday(StrEnum):
    """Days of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WORKING_DAYS = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)


class EscalationRow(Section):
    """Who hears of a critical incident that nobody acknowledges."""

    channel: Channel
    """Where it is told: the ID of a Slack channel."""
    mention: Mention = ""
    """Whom it mentions there."""


class _RouteRow(Section):
    """Where some of the incidents go. Of each condition's list one must fit; one that is not given fits everything."""

    channel: Channel | None = None
    """ID of the Slack channel. Required without `continue`."""
    mention: Mention = ""
    """Whom the message mentions: `here`, `channel`, or the ID of a user group or person."""
    tiers: Annotated[tuple[Tier, ...], OneOrMany] = ()
    """Tiers."""
    kinds: Annotated[tuple[Kind, ...], OneOrMany] = ()
    """Kinds of alert."""
    checks: Globs = ()
    """Patterns of checks' names."""
    stages: Annotated[tuple[Stage, ...], OneOrMany] = ()
    """Stages; one that is not known counts as production."""
    tenants: Globs = ()
    """Patterns of tenants."""
    stacks: Globs = ()
    """Patterns of stack names. `*` fits what has no stack too, `?*` does not."""
    components: Globs = ()
    """Patterns of component names."""
    owners: Globs = ()
    """Patterns of owners. Where CODEOWNERS names several, one must fit."""
    accounts: Annotated[tuple[AccountGlob, ...], OneOrMany] = ()
    """Patterns of account ids."""
    escalation: EscalationRow | None = None
    """Who hears of a critical incident that nobody acknowledges."""
    calendar: VariableName | None = None
    """Name of the calendar on which a warning's deadline runs."""
    sinks: Annotated[tuple[Text, ...], OneOrMany] = ()
    """Names of sinks that hear of it too."""

    @property
    def further(self) -> bool:
        """Whether the rows after it are asked too."""
        return bool(getattr(self, CONTINUE))

    @model_validator(mode="after")
    def _leads_somewhere(self) -> _RouteRow:
        if self.channel is None and self.mention:
            raise wrong_at("mention", "needs channel beside it: where to mention")
        if self.channel is None and not self.further:
            raise wrong_at("channel", "leads nowhere: give it a channel, or `continue: true` to go on to the next row")
        return self


if TYPE_CHECKING:
    RouteRow = _RouteRow
else:
    # The option's name is a word of Python's own, which no class body takes.
    _further = Field(False, description="Ask the rows after it too. Each further channel gets a message of its own.")
    RouteRow = create_model("RouteRow", __base__=_RouteRow, __doc__=_RouteRow.__doc__, **{CONTINUE: (Switch, _further)})


class CalendarRow(Section):
    """Working time: on these days, from `start` to `end` by the clock on the wall."""

    days: Annotated[tuple[Weekday, ...], OneOrMany] = WORKING_DAYS
    """Days of the week."""
    start: LocalTime = MIDNIGHT
    """When they begin."""
    end: LocalTime = MIDNIGHT
    """When they end; `00:00` is the end of the day."""
    timezone: Zone | None = None
    """Time zone; that of the whole configuration if not given."""
    holidays: tuple[Holiday, ...] = ()
    """Days off: `2026-05-14`, or `12-25` for every year."""

    @model_validator(mode="after")
    def _has_time(self) -> CalendarRow:
        if not self.days:
            raise wrong_at("days", "must name at least one day of the week, such as mon")
        if self.end != MIDNIGHT and self.end <= self.start:
            raise wrong_at("end", f"must be later than start, which is {self.start:%H:%M}; 00:00 is the end of the day")
        return self


def disagreements(alerts: Any) -> Iterator[tuple[Trail, str]]:
    """Give what rows name that is not there, by its place in the file: calendars and sinks. Takes the file's own data.

    Looks at what is written, so that other mistakes do not hide it.
    """
    if not isinstance(alerts, Mapping):
        return
    calendars, sinks = _names(alerts.get("calendars")), _names(alerts.get("sinks"))
    rows = alerts.get("routes")
    places: list[tuple[Trail, Mapping[str, Any], str]] = [(("alerts",), alerts, "default_")]
    places += [
        (("alerts", "routes", index), row, "")
        for index, row in enumerate(rows if isinstance(rows, list) else ())
        if isinstance(row, Mapping)
    ]
    for trail, group, prefix in places:
        yield from _unknown((*trail, f"{prefix}calendar"), group.get(f"{prefix}calendar"), "calendar", calendars)
        wanted = group.get(f"{prefix}sinks")
        for index, name in enumerate(wanted if isinstance(wanted, list) else [wanted]):
            yield from _unknown((*trail, f"{prefix}sinks", index), name, "sink", sinks)


def _names(group: Any) -> frozenset[str]:
    return frozenset(map(str, group)) if isinstance(group, Mapping) else frozenset()


def _unknown(trail: Trail, name: Any, what: str, known: Iterable[str]) -> Iterator[tuple[Trail, str]]:
    """Say that nothing has the *name*. What is not text is told where the option is read."""
    if isinstance(name, str) and name and name not in known:
        choices = list(map(str, known))
        hint = suggestion(name, choices) if choices else f"alerts.{what}s has none"
        yield trail, f"{label(trail)} names a {what} that is not there, {echo(name)}; {hint}"
