"""What the configuration says about alerting, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from alerts.calendars import Calendar
from alerts.flapping import Flapping
from alerts.routes import Routes
from alerts.silences import Silences
from alerts.tiers import TierOverride
from checks.kinds import Kind

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Targets:
    """How soon an incident is to be answered, by its tier, and what happens when it is not."""

    remind_after: tuple[timedelta, ...] = (HOUR / 4, HOUR / 2, HOUR)  # of a critical one that nobody acknowledged
    remind_every: timedelta = HOUR  # after the last of these
    warning_within: timedelta = 24 * HOUR  # of the calendar's time that the incident's route names
    acknowledge_for: timedelta = 24 * HOUR
    silence_for: timedelta = 4 * HOUR  # by the button


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that the pure decisions of this package need besides the facts."""

    routes: Routes
    overrides: tuple[TierOverride, ...] = ()
    reopen_within: timedelta = timedelta(minutes=30)  # sooner than this, a comeback goes on in the old thread
    baseline_wait: timedelta = timedelta(hours=1)  # how long a baseline summary waits for slow first looks
    status_url: str = ""  # of the status page, as people reach it; empty: no link
    calendars: Mapping[str, Calendar] = field(default_factory=dict)  # by the names that routes use
    runbook_url: str = ""  # of every kind that `runbooks` lacks; "{kind}" stands for it; empty: no link
    runbooks: Mapping[Kind, str] = field(default_factory=dict)
    targets: Targets = field(default_factory=Targets)
    flapping: Flapping = field(default_factory=Flapping)
    silences: Silences = field(default_factory=Silences)  # as they hold in the transaction that decides
    buttons: bool = False  # messages have buttons, for somebody listens to them

    def calendar(self, name: str) -> Calendar | None:
        """The calendar of that name (Routed.calendar); None: every hour counts. Raises KeyError for an unknown one."""
        return self.calendars[name] if name else None
