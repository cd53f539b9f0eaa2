"""Who likely did it: joins what was done by hand with what was found changed. Pure; unknown rather than a guess."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

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
