"""What is not posted for a while, and why: silences that people make, maintenance windows that come again, and what
another incident tells of already (alerts.inhibition). Pure.

A silence hides messages, nothing else: the incident is stored and shown, what could not be looked at stays unknown, and
what is still open when the silence ends is posted then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from alerts.base import Incident
from alerts.calendars import local_instant
from alerts.escape import clean
from alerts.inhibition import Inhibition
from alerts.tiers import effective_stage
from checks.base import Kind, Tier

LONGEST = timedelta(days=30)
LONGEST_TEXT = 500  # characters of a reason or an author
MOST_PATTERNS = 50  # in one matcher
WINDOW = "window:"  # in front of a window's name, where an incident says what hides it


class SilenceError(ValueError):
    """A silence that cannot be made. The text says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which incidents. Of each list one must fit; an empty list fits everything; all lists must fit.

    *tenants*, *stacks*, *components* and *resources* are globs. A stage that is not known is production.
    """

    fingerprints: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    tiers: tuple[Tier, ...] = ()
    checks: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()

    def fits(self, incident: Incident) -> bool:
        labels = incident.labels
        return (
            (not self.fingerprints or incident.fingerprint in self.fingerprints)
            and (not self.kinds or incident.kind in self.kinds)
            and (not self.tiers or incident.tier in self.tiers)
            and (not self.checks or incident.check in self.checks)
            and (not self.stages or effective_stage(labels) in self.stages)
            and _any(self.tenants, labels.get("tenant", ""))
            and _any(self.stacks, labels.get("stack", ""))
            and _any(self.components, labels.get("component", ""))
            and _any(self.resources, incident.resource)
        )

    def __bool__(self) -> bool:
        """Whether it says anything at all."""
        return any(getattr(self, each.name) for each in fields(self))

    def __str__(self) -> str:
        """For people: "kind=drift stack=acme-*,beta-*"."""
        said = ((each.name.removesuffix("s"), getattr(self, each.name)) for each in fields(self))
        return " ".join(f"{name}={','.join(map(str, values))}" for name, values in said if values) or "everything"


def _any(globs: tuple[str, ...], text: str) -> bool:
    return not globs or any(fnmatchcase(text, glob) for glob in globs)


@dataclass(frozen=True, slots=True)
class Silence:
    """One that a person made. It holds from *starts_at* until *ends_at*, or until it was removed."""

    id: str
    matcher: Matcher
    author: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    removed_at: datetime | None = None
    removed_by: str = ""

    def holds(self, now: datetime) -> bool:
        return self.removed_at is None and self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Window:
    """Maintenance that comes again: on *days* (0 is Monday) from *start* to *end*, local time; *end* may be tomorrow's.

    The two are equal: for a whole day.
    """

    name: str
    matcher: Matcher
    days: frozenset[int]
    start: time
    end: time
    zone: ZoneInfo
    reason: str
    author: str

    def around(self, now: datetime) -> tuple[datetime, datetime] | None:
        """The stretch that *now* is in, to the instant, or None."""
        today = now.astimezone(self.zone).date()
        for day in (today, today - timedelta(days=1)):
            begin, end = self._on(day)
            if day.weekday() in self.days and begin <= now < end:
                return begin, end
        return None

    def _on(self, day: date) -> tuple[datetime, datetime]:
        last = day if self.end > self.start else day + timedelta(days=1)
        return local_instant(day, self.start, self.zone), local_instant(last, self.end, self.zone)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What hides an incident now."""

    by: str  # the silence's id, "window:" + name, or "inhibited:" + fingerprint
    until: datetime
    note: str  # for people


@dataclass(frozen=True, slots=True)
class Silences:
    """Everything that may hide something: what people made, the windows of the configuration, what is told already."""

    made: tuple[Silence, ...] = field(default=())
    windows: tuple[Window, ...] = field(default=())
    inhibitions: tuple[Inhibition, ...] = field(default=())

    def hiding(self, incident: Incident, now: datetime) -> Hidden | None:
        """What hides *incident* at *now*: of several, the one that lasts longest. None: nothing does."""
        found = self._holding(now, incident)
        return max(found, key=lambda hidden: (hidden.until, hidden.by), default=None)

    def holding(self, now: datetime) -> frozenset[tuple[str, datetime]]:
        """What holds at *now*, and until when: where it is the same as before, nothing came to be hidden or seen."""
        return frozenset((hidden.by, hidden.until) for hidden in self._holding(now, None))

    def _holding(self, now: datetime, incident: Incident | None) -> Iterator[Hidden]:
        for one in self.made:
            if one.holds(now) and (incident is None or one.matcher.fits(incident)):
                yield Hidden(one.id, one.ends_at, _note(one.ends_at, one.author, one.reason))
        for window in self.windows:
            stretch = window.around(now)
            if stretch is not None and (incident is None or window.matcher.fits(incident)):
                note = _note(stretch[1], f"the maintenance window {window.name} ({window.author})", window.reason)
                yield Hidden(WINDOW + window.name, stretch[1], note)
        for each in self.inhibitions:
            if incident is None or each.fits(incident):
                yield Hidden(each.by, each.until, each.note)


def _note(until: datetime, who: str, why: str) -> str:
    return f"silenced until {until:%Y-%m-%d %H:%M} UTC by {who}: {why}"


def make(
    id_: str, matcher: Matcher, author: str, reason: str, now: datetime, length: timedelta,
    starts_at: datetime | None = None,
) -> Silence:  # fmt: skip
    """Give a silence of *length* from *starts_at* (None: from now). Raises SilenceError where it must not be made."""
    starts = now if starts_at is None else starts_at
    author, reason = clean(author).strip(), clean(reason).strip()
    if not author:
        raise SilenceError("a silence needs its author")
    if not reason:
        raise SilenceError("a silence needs a reason: who reads the report later asks why nobody heard of it")
    if len(author) > LONGEST_TEXT or len(reason) > LONGEST_TEXT:
        raise SilenceError(f"the reason may have {LONGEST_TEXT} characters")
    if not matcher:
        raise SilenceError("a silence says what it is for; to silence everything, give the resource *")
    if any(len(getattr(matcher, each.name)) > MOST_PATTERNS for each in fields(matcher)):
        raise SilenceError(f"a silence takes {MOST_PATTERNS} patterns of one sort")
    if length <= timedelta() or starts + length <= now:
        raise SilenceError("a silence ends after now")
    if length > LONGEST or starts > now + LONGEST:
        raise SilenceError(f"a silence lasts {LONGEST.days} days at most, and begins within {LONGEST.days}")
    return Silence(id_, matcher, author, reason, starts, starts + length)
