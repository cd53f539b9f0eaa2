"""Options: how soon an alert is to be answered, and when nobody wants to hear of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import model_validator

from checks.kinds import Kind, Tier
from daemon.config.routing import Weekday
from daemon.config.section import Section
from daemon.config.stages import Globs, Stage
from daemon.config.values import (
    Channel,
    Glob,
    Interval,
    LocalTime,
    OneOrMany,
    SomeDuration,
    Text,
    Zone,
    wrong_at,
)

Weekdays = Annotated[tuple[Weekday, ...], OneOrMany]


class Deadlines(Section):
    """How soon incidents are to be answered, and what happens when they are not."""

    remind_after: Annotated[tuple[SomeDuration, ...], OneOrMany] = (
        timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1),
    )  # fmt: skip
    """When a critical incident that nobody has acknowledged is told again, after it was told first."""
    remind_every: Interval = timedelta(hours=1)
    """How often from then on."""
    warning_within: SomeDuration = timedelta(hours=24)
    """A warning that nobody has answered by then, on its calendar, is told once where critical incidents go."""
    acknowledge_for: SomeDuration = timedelta(hours=24)
    """How long an acknowledgement lasts. Then the incident is open again, and its thread hears it."""
    silence_for: SomeDuration = timedelta(hours=4)
    """How long the button silences."""

    @model_validator(mode="after")
    def _in_order(self) -> Deadlines:
        for index, (earlier, later) in enumerate(zip(self.remind_after, self.remind_after[1:], strict=False)):
            if later <= earlier:
                raise wrong_at("remind_after", "must be later than the one before it", index + 1)
        month = timedelta(days=30)
        for name in ("acknowledge_for", "silence_for"):
            if getattr(self, name) > month:
                raise wrong_at(name, "must be 30d at most")
        return self


class InfoDigest(Section):
    """What opened at tier info, once a day; without this group it waits for the weekly report."""

    at: LocalTime
    """Local time."""
    channel: Channel | None = None
    """ID of the channel; `alerts.default_channel` if not given."""
    timezone: Zone | None = None
    """Time zone; `timezone` of the file if not given."""


class WindowRow(Section):
    """Maintenance that comes again: what fits is not posted then. A condition that is not given fits everything."""

    name: Text
    """What it is called."""
    reason: Text
    """Why nobody wants to hear of it; the report repeats it."""
    author: Text
    """Who has decided it."""
    days: Weekdays = tuple(Weekday)
    """Days of the week on which it begins."""
    start: LocalTime
    """Local time at which it begins."""
    end: LocalTime
    """Local time at which it ends, of the next day where it is not later than `start`."""
    timezone: Zone | None = None
    """Time zone of these times; `timezone` of the file if not given."""
    kinds: Annotated[tuple[Kind, ...], OneOrMany] = ()
    """Kinds of alert."""
    tiers: Annotated[tuple[Tier, ...], OneOrMany] = ()
    """Tiers."""
    checks: Annotated[tuple[Text, ...], OneOrMany] = ()
    """Names of checks."""
    tenants: Globs = ()
    """Patterns of tenants."""
    stages: Annotated[tuple[Stage, ...], OneOrMany] = ()
    """Stages."""
    stacks: Globs = ()
    """Patterns of stack names."""
    components: Globs = ()
    """Patterns of component names."""
    resources: Annotated[tuple[Glob, ...], OneOrMany] = ()
    """Patterns of resources."""

    @model_validator(mode="after")
    def _on_some_day(self) -> WindowRow:
        if not self.days:
            raise wrong_at("days", "must name at least one day of the week, such as sat")
        return self
