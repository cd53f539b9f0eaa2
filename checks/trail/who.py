"""Who likely did it: joins what was done by hand with what was found changed. Pure; unknown rather than a guess."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from checks.base import Json
from checks.states.identifiers import SELF, names_in, normal, parse_arn
from checks.trail.events import Actor, Event
from checks.trail.sorting import Rules


@dataclass(frozen=True, slots=True)
class Suspect:
    """Somebody who changed what was found changed."""

    who: str
    at: datetime  # the last time
    touched: frozenset[str]  # of the identifiers asked for
    what: tuple[str, ...]  # operations, the latest first
    via: str
    address: str

    def __str__(self) -> str:
        what = ", ".join(self.what[:3]) + (f" and {len(self.what) - 3} more" if len(self.what) > 3 else "")
        how = " ".join(
            filter(None, (f"by {self.via}" if self.via else "", f"from {self.address}" * bool(self.address)))
        )
        return f"{self.who}, {self.at:%Y-%m-%d %H:%M} UTC ({what}{f' {how}' if how else ''})"


# CloudTrail's name of a service -> that of its ARNs, with the kind where its names are written in several ways.
_SOURCES: Mapping[str, str] = {"monitoring": "cloudwatch", "ssm": "ssm:parameter"}


def mark(family: str, name: str) -> str:
    """One way of writing for an id with its family (checks.states.identifiers): "rds:orders", "sg-0f3a…"."""
    return f"{family.partition(':')[0]}:{normal(family, name)}" if family != SELF else name


def marks(identifier: str, source: str = "") -> Iterator[str]:
    """The ways of writing an ARN, or a name of something of the service *source*, in which both ends have it."""
    arn = parse_arn(identifier)
    if arn is not None:
        yield from (mark(family, name) for family, name in names_in(arn))
        return
    yield identifier  # an id may say itself what it is
    yield mark(_SOURCES.get(source, source), identifier)


def kept_events(evidence: Mapping[str, Json]) -> Iterator[Event]:
    """The events that the check `access` keeps as evidence of a case: all of them done by people, as its rules say.

    Their resources are written as marks() writes them. What cannot be read is left out.
    """
    for one in evidence.get("events") or ():
        try:
            source, _, name = str(one["what"]).partition(":")
            who = str(one["who"])
            event = Event(
                id=str(one.get("id") or ""),
                at=datetime.fromisoformat(one["at"]),
                name=name,
                source=source,
                actor=Actor.ROOT if who == "root" else Actor.USER,
                principal=who,
                write=one.get("write") is True,
                address=str(one.get("from") or ""),
                via=str(one.get("via") or ""),
                error=str(one.get("error") or ""),
                resources=tuple(map(str, one.get("resources") or ())),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
        if event.at.tzinfo is not None:
            yield replace(event, resources=tuple(each for name in event.resources for each in marks(name, source)))


def likely_who(
    events: Iterable[Event], identifiers: Collection[str], since: datetime, rules: Rules | None = None
) -> tuple[Suspect, ...]:
    """Give who changed any of *identifiers* (ARNs, ids) after *since*, the likeliest first; nobody: nobody is known.

    *since*: when it was last seen as it should be. Whoever touched more of it, and later, is likelier. What a
    deployment or a service did is no drift, and what failed changed nothing. A resource must be named by the event:
    who merely worked in the account at that time is not named.
    """
    wanted, rules = frozenset(identifiers), rules or Rules()
    found: dict[str, list[tuple[Event, frozenset[str]]]] = {}
    for event in events:
        touched = wanted.intersection(event.resources)
        if touched and event.write and event.at > since and not event.error and _by_hand(event, rules):
            found.setdefault(event.principal, []).append((event, touched))
    suspects = [_suspect(who, sorted(acts, key=lambda act: act[0].at)) for who, acts in found.items()]
    return tuple(sorted(suspects, key=lambda one: (-len(one.touched), -one.at.timestamp(), one.who)))


def _by_hand(event: Event, rules: Rules) -> bool:
    return event.actor not in (Actor.SERVICE, Actor.UNKNOWN) and not rules.deploys(event)


def _suspect(who: str, acts: list[tuple[Event, frozenset[str]]]) -> Suspect:
    last = acts[-1][0]
    names = dict.fromkeys(f"{event.source}:{event.name}" for event, _ in reversed(acts))
    return Suspect(
        who, last.at, frozenset().union(*(touched for _, touched in acts)), tuple(names), last.via, last.address
    )
