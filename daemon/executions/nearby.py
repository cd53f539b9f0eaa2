"""What is around a stack: which looks may see something of it, and how they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from checks.base import Instance, Owner, Place
from checks.runs.after import SIGNS


class Owners(Protocol):
    """The index of what states hold: daemon.states.ownership.Ownership."""

    def find(self, identifier: str, account: str = "", region: str = "") -> Owner | None: ...

    def regions(self, stack: str) -> frozenset[tuple[str, str]]: ...

    def unread(self) -> Iterable[Unread]: ...


class Unread(Protocol):
    """A state of which nobody knows what it holds."""

    @property
    def key(self) -> str: ...

    @property
    def why(self) -> str: ...


@dataclass(frozen=True)
class Neighbourhood:
    """daemon.executions.after.Nearby, of what the daemon watches.

    *ask*: starts a look through the runner; False: nobody looks at that. *refresh*: lets the next looks at an account
    and a region ask AWS anew.
    """

    watched: Callable[[], Mapping[tuple[str, str], Place]]  # by (check, place)
    instances: Callable[[], Iterable[Instance] | None]
    owners: Owners
    ask: Callable[[str, str], bool]
    refresh: Callable[[str, str], None] = lambda account, region: None

    def places(self, stack: str) -> list[tuple[str, str]]:
        """The regions in which the stack has something, by its instances and its states, and its endpoints."""
        regions = set(self.owners.regions(stack))
        for one in self.instances() or ():
            if one.stack == stack and one.region:
                regions.add((one.account, one.region))
        return sorted(
            (check, key)
            for (check, key), place in self.watched().items()
            if check in SIGNS and (place.labels.get("stack") == stack or _in(place, regions))
        )

    def look(self, check: str, place: str) -> bool:
        where = self.watched().get((check, place))
        if where is None:
            return False
        account, region = where.labels.get("account", ""), where.labels.get("region", "")
        if check in SIGNS and account and region:
            self.refresh(account, region)
        return self.ask(check, place)

    def mine(self, stack: str, resource: str, place: str) -> bool:
        for check in SIGNS:
            where = self.watched().get((check, place))
            if where is not None and where.labels.get("stack") == stack:
                return True
        account, _, region = place.partition("/")
        owner = self.owners.find(resource.partition("#")[0], account, region)
        return owner is not None and owner.stack == stack

    def unowned(self, stack: str) -> str:
        for one in self.owners.unread():
            if one.key.partition("/")[0] == stack:
                return f"what all is its own is not known: the state of {one.key}: {one.why}"
        return ""


def _in(place: Place, regions: Iterable[tuple[str, str]]) -> bool:
    """Whether it is one of these regions of an account; an account that is not known may be any."""
    account, region = place.labels.get("account", ""), place.labels.get("region", "")
    return bool(region) and any(region == there and whose in ("", account) for whose, there in regions)
