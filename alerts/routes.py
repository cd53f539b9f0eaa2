"""Who hears of an incident: channels, mentions, escalation, calendar and sinks, each with the row that says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from alerts.base import Incident
from alerts.tiers import effective_stage
from checks.kinds import Kind, Tier

SINK = "sink:"  # in front of a sink's name, where a message's destination is named
CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,20}")  # a channel's ID, as Slack writes them


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who hears of a critical incident that nobody acknowledges. Empty: nobody more than its own channel."""

    channel: str = ""
    mention: str = ""

    def __bool__(self) -> bool:
        return bool(self.channel)


NO_ESCALATION = Escalation()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a row is held against."""

    tier: Tier
    kind: Kind
    check: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, incident: Incident) -> Facts:
        return cls(incident.tier, incident.kind, incident.check, incident.labels)


@dataclass(frozen=True, slots=True)
class Route:
    """One row. Conditions are lists, of which one must fit; a list that is empty fits everything. All must fit.

    *checks* and those below are globs. Mentions come from the configuration only.
    """

    channel: str = ""  # empty only where *further* leads on to a row that has one
    mention: str = ""  # "<!here>", "<!subteam^S0123>"
    tiers: tuple[Tier, ...] = ()
    kinds: tuple[Kind, ...] = ()
    stages: tuple[str, ...] = ()  # an unknown stage is production
    checks: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()  # of several owners, one must fit
    accounts: tuple[str, ...] = ()
    escalation: Escalation = NO_ESCALATION
    calendar: str = ""  # name of a calendar of the policy
    sinks: tuple[str, ...] = ()  # names
    further: bool = False  # `continue`: the rows after it are asked too

    def fits(self, facts: Facts) -> bool:
        labels = facts.labels
        owner = labels.get("owner", "")
        return (
            (not self.tiers or facts.tier in self.tiers)
            and (not self.kinds or facts.kind in self.kinds)
            and (not self.stages or effective_stage(labels) in self.stages)
            and _any(self.checks, facts.check)
            and _any(self.tenants, labels.get("tenant", ""))
            and _any(self.stacks, labels.get("stack", ""))
            and _any(self.components, labels.get("component", ""))
            and _any(self.owners, owner, *owner.split())
            and _any(self.accounts, labels.get("account", ""))
        )

    def __str__(self) -> str:
        """Its conditions, for people: "tier=critical stack=*-pay,*-shop"."""
        said = (f"{name}={','.join(map(str, values))}" for name, values in self.conditions() if values)
        return " ".join(said) or "everything"

    def conditions(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each condition by the word that people use for it; empty: fits everything."""
        yield "tier", tuple(map(str, self.tiers))
        yield "kind", tuple(map(str, self.kinds))
        yield "check", self.checks
        yield "stage", self.stages
        yield "tenant", self.tenants
        yield "stack", self.stacks
        yield "component", self.components
        yield "owner", self.owners
        yield "account", self.accounts


def _any(globs: tuple[str, ...], *texts: str) -> bool:
    return not globs or any(fnmatchcase(text, glob) for glob in globs for text in texts)


@dataclass(frozen=True, slots=True)
class Routes:
    """Rows in order, and where everything else goes. Raises ValueError without a default: nothing may go nowhere."""

    default: str  # channel
    rows: tuple[Route, ...] = ()
    default_mention: str = ""  # of critical incidents that no row fits
    default_escalation: Escalation = NO_ESCALATION  # where no row that fits names another
    default_calendar: str = ""  # likewise
    default_sinks: tuple[str, ...] = ()  # of incidents that no row fits

    def __post_init__(self) -> None:
        if not self.default:
            raise ValueError("routes: there is no default channel, so an alert could go nowhere; set one")
        for number, row in enumerate(self.rows, start=1):
            if not row.channel and not row.further:
                raise ValueError(
                    f"routes: row {number} ({row}) has no channel; set one, or `continue: true`, or remove the row"
                )


@dataclass(frozen=True, slots=True)
class Destination:
    """A channel that hears of an incident, whom it mentions there, and by which row."""

    channel: str
    mention: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Routed:
    """The decision. *channel* has the incident's thread: reminders, escalation and buttons are there."""

    channel: str
    mention: str
    escalation: Escalation
    calendar: str  # name; empty: every hour counts
    sinks: tuple[str, ...]  # names, each once
    reason: str
    copies: tuple[Destination, ...] = ()  # further channels, each with a root message and thread of its own

    @property
    def destinations(self) -> tuple[str, ...]:
        """Beside the channel: further channels, then `sink:NAME`."""
        return (*(copy.channel for copy in self.copies), *(SINK + name for name in self.sinks))


def route(routes: Routes, facts: Facts) -> Routed:
    """Give who hears of it: the first row that fits, and where that says `continue`, what fits after it too.

    The first row with a channel gives the incident its home. Where all rows that fit say `continue`, or none fits,
    the default is the last row; the component's own channel (`settings.barograph.channel`) goes before it.
    """
    fitting, ended = [], False
    for number, row in enumerate(routes.rows, start=1):
        if row.fits(facts):
            fitting.append((row, f"route {number} ({row})"))
            if not row.further:
                ended = True
                break
    if not ended:
        fitting.append(_default(routes, facts))
    homes: dict[str, Destination] = {}
    for row, why in fitting:
        if row.channel and row.channel not in homes:
            homes[row.channel] = Destination(row.channel, row.mention, why)
    first, *copies = homes.values()
    escalation = next((row.escalation for row, _ in fitting if row.escalation), routes.default_escalation)
    calendar = next((row.calendar for row, _ in fitting if row.calendar), routes.default_calendar)
    sinks = tuple(dict.fromkeys(name for row, _ in fitting for name in row.sinks))
    return Routed(
        first.channel, first.mention, escalation, calendar, sinks, "; ".join(why for _, why in fitting), tuple(copies)
    )


def _default(routes: Routes, facts: Facts) -> tuple[Route, str]:
    mention = routes.default_mention if facts.tier is Tier.CRITICAL else ""
    own = facts.labels.get("channel", "")
    if CHANNEL.fullmatch(own):
        return Route(own, mention, sinks=routes.default_sinks), "settings.barograph.channel of the component"
    ignored = f" (settings.barograph.channel {own[:80]!r} is not a channel's ID)" if own else ""
    return Route(routes.default, mention, sinks=routes.default_sinks), f"default route{ignored}"
