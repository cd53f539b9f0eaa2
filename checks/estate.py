"""The estate: everything that is watched, as checks last saw it, for what no single account or region can tell.

A check that names Scope.ESTATE in `more_scopes` is run there too, and asks AWS nothing: it judges what its own looks or
those of other checks left as evidence. What a place could not tell lately it lists as a gap.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from checks.base import Instance, Json, Outcome, Place

KEY: Final = "estate"  # of the one place there is


@dataclass(frozen=True, slots=True)
class Note:
    """What a check last read of a resource. *outcome* is UNKNOWN where that does not hold any more."""

    resource: str
    outcome: Outcome
    verdict: str
    summary: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    evidence: Mapping[str, Json] = field(default_factory=dict)  # of an UNKNOWN one: of whenever it was last stored


@dataclass(frozen=True, slots=True)
class Seen:
    """A place of a check, as last seen. One that was never looked at is there too, and says so."""

    place: str
    labels: Mapping[str, str]
    notes: tuple[Note, ...] = ()
    looked_at: datetime | None = None  # the last look that succeeded
    tried: bool = True  # whether any look has ended, well or not
    gap: str = ""  # why *notes* may lack something, or are old; empty: they are whole, and as fresh as can be expected


@dataclass(frozen=True, slots=True)
class Answer:
    """What DNS says of a name. *exists* False: there is no such name (NXDOMAIN), which is an answer."""

    exists: bool
    values: tuple[str, ...] = ()


UNKNOWN_VALUE: Final = object()  # a variable that is set to what nobody here can know: masked, or not worked out


class EstatePlace(Place, Protocol):
    """Everything that is watched, as last seen."""

    def seen(self, check: str) -> Sequence[Seen]:
        """Every place of *check* but this one, sorted. None at all: the check is off, or has no place."""

    @property
    def instances(self) -> Sequence[Instance]: ...  # of the inventory

    @property
    def inventory_gap(self) -> str: ...  # why `instances` may lack some or be old; empty: it is whole

    def variables(self, names: Collection[str]) -> Mapping[str, Mapping[str, Json]]:
        """Instance's key -> variable -> its value, of those of *names* that are set; or UNKNOWN_VALUE.

        Only what is asked for by name is given, and it may be anything: keep nothing of it that was not recognised.
        """

    def resolve(self, name: str, kind: str = "A") -> Answer:
        """Ask DNS for *name*'s records of a *kind*, aliases followed. Raises LookFailed where there is no answer."""

    def delegation(self, zone: str) -> Answer:
        """Ask the servers of the zone above for *zone*'s name servers. Raises LookFailed where there is no answer."""

    def recall(self, name: str) -> Json | None:
        """What this check kept here under *name* in an earlier look that succeeded; None: nothing."""

    def keep(self, name: str, value: Json) -> None:
        """Keep a small value for the next look. Stored with this look, and only if it succeeds. Nothing secret."""


__all__ = ["KEY", "UNKNOWN_VALUE", "Answer", "EstatePlace", "Note", "Seen"]
