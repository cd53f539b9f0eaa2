"""Which networks there are, what joins them, who shares addresses, and where nobody could look. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checks.base import Outcome
from checks.estate import KEY
from daemon.standing import NOT_LOOKED_YET, Standing, effective
from daemon.store import ReadingRow

CHECK = "network"
_LISTS = ("vpcs", "peerings", "vpn", "transit")  # that a look at a region begins with: see checks.nets.region
_JOINS = (":transit-gateway-route-table/", ":vpc-peering-connection/", ":vpn-connection/")
OVERLAPS = ("overlap", "overlap_apart")


@dataclass(frozen=True, slots=True)
class Network:
    """A VPC. *seen* False: known by its other end only. *old*: when it was last seen, where that does not hold now."""

    id: str
    name: str
    account: str
    region: str
    blocks: tuple[str, ...]
    stack: str = ""
    component: str = ""
    seen: bool = True
    old: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hub:
    """What joins networks: a route table of a transit gateway, or a VPN's gateway. *beyond*: (block, through)."""

    id: str
    account: str
    region: str
    members: tuple[str, ...]
    beyond: tuple[tuple[str, str], ...] = ()
    whole: bool = True  # False: AWS gives not all of its routes
    old: datetime | None = None

    @property
    def title(self) -> str:
        return "virtual private gateway" if self.id.startswith("vgw-") else "transit gateway route table"


@dataclass(frozen=True, slots=True)
class Link:
    """An active peering connection."""

    id: str
    one: str
    other: str
    old: datetime | None = None


@dataclass(frozen=True, slots=True)
class Overlap:
    """Networks that share addresses. *joined_by* empty: they are not connected so far."""

    ids: tuple[str, ...]
    summary: str
    joined_by: str = ""
    old: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """A place that could not be seen lately, or not all of it: anything may be there."""

    place: str
    why: str
    good_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Topology:
    """All of it. *compared* False: whether networks share addresses is not known."""

    at: datetime
    networks: tuple[Network, ...]
    hubs: tuple[Hub, ...]
    links: tuple[Link, ...]
    overlaps: tuple[Overlap, ...]
    gaps: tuple[Gap, ...]
    places: int  # accounts and regions that are watched
    compared: bool

    @property
    def whole(self) -> bool:
        """Whether everything that is watched was seen lately."""
        return bool(self.places) and not self.gaps and self.compared

    @property
    def headline(self) -> str:
        """One sentence; never that all is well where something was not seen."""
        if not self.places:
            return "Nobody looks at networks here: no account is watched, or the check network is off."
        said = f"{len(self.networks)} networks in {self.places} accounts and regions"
        if self.gaps:
            return f"{said} are known. {len(self.gaps)} could not be seen as a whole just now: anything may be there."
        if not self.compared:
            return f"{said}. Whether any share addresses is not known yet."
        joined = sum(bool(one.joined_by) for one in self.overlaps)
        apart = len(self.overlaps) - joined
        if not self.overlaps:
            return f"{said}, all seen. No two of them share addresses."
        return f"{said}, all seen. Shared addresses: {joined} times among joined ones, {apart} times among others."


def topology(found: Iterable[Standing], now: datetime) -> Topology:
    """Give the topology out of how the check `network` stands at each place, the estate included."""
    mine = [one for one in found if one.job.check == CHECK]
    regions = (one for one in mine if "/" in one.job.place)  # an account by itself has names and zones, no networks
    places = sorted(regions, key=lambda one: one.job.place)
    networks: dict[str, Network] = {}
    hubs: dict[str, Hub] = {}
    links: dict[str, Link] = {}
    ends: dict[str, Network] = {}
    for place in places:
        account, _, region = place.job.place.partition("/")
        for reading, fact in _facts(place):
            old = reading.good_at or reading.at if effective(reading) is Outcome.UNKNOWN else None
            if fact["what"] == "vpc":
                _keep(networks, _network(fact, old))
            elif fact["what"] == "peering":
                one, other = fact["sides"]
                _keep(links, Link(fact["id"], one["vpc"], other["vpc"], old))
                for side in (one, other):
                    at = [*side["at"], "", ""]
                    ends.setdefault(
                        side["vpc"], Network(side["vpc"], "", at[0], at[1], tuple(side["blocks"]), seen=False)
                    )
            elif fact["what"] == "table":
                beyond = tuple((str(block), str(through)) for block, through in fact["routes"])
                whole = reading.verdict != "too_many_routes"
                _keep(
                    hubs,
                    Hub(fact["id"], account, region, tuple(fact["members"]), beyond, whole, None if not whole else old),
                )
    for hub in hubs.values():
        for member in hub.members:
            ends.setdefault(member, Network(member, "", "", hub.region, (), seen=False))
    for name, end in ends.items():
        networks.setdefault(name, end)
    estate = next((one for one in mine if one.job.place == KEY), None)
    return Topology(
        now,
        tuple(sorted(networks.values(), key=lambda one: (not one.seen, one.account, one.region, one.name, one.id))),
        tuple(sorted(hubs.values(), key=lambda one: one.id)),
        tuple(sorted(links.values(), key=lambda one: one.id)),
        tuple(_overlaps(estate)) if estate is not None else (),
        tuple(_gaps(places)),
        len(places),
        compared=estate is not None and any(
            row.resource == f"{KEY}/networks" and row.verdict in ("compared", "partial") and not row.stale
            for row in estate.readings
        ),
    )  # fmt: skip


def _keep(found: dict[str, Any], one: Any) -> None:
    """Of one thing that several places see, the freshest."""
    known = found.get(one.id)
    if known is None or (known.old is not None and (one.old is None or one.old > known.old)):
        found[one.id] = one


def _facts(place: Standing) -> Iterator[tuple[ReadingRow, Mapping[str, Any]]]:
    for reading in place.readings:
        fact = reading.evidence.get("network")
        if isinstance(fact, Mapping) and fact.get("what") in ("vpc", "peering", "table"):
            yield reading, fact


def _network(fact: Mapping[str, Any], old: datetime | None) -> Network:
    return Network(
        str(fact["id"]), str(fact["name"]), str(fact["account"]), str(fact["region"]), tuple(map(str, fact["blocks"])),
        str(fact.get("stack", "")), str(fact.get("component", "")), old=old,
    )  # fmt: skip


def _overlaps(estate: Standing) -> Iterator[Overlap]:
    for row in estate.readings:
        if row.verdict in OVERLAPS or (row.stale and row.good_verdict in OVERLAPS):
            told = row.evidence.get("overlap")
            seen = told if isinstance(told, Mapping) else {}
            listed = seen.get("networks") or []
            ids = tuple(dict.fromkeys(str(one["id"]) for one in listed if isinstance(one, Mapping) and one.get("id")))
            yield Overlap(ids, row.summary, str(seen.get("joined_by") or ""), row.stale)


def _hides(row: ReadingRow) -> bool:
    """Whether a network, or what joins some, may be missing because of it; a full subnet's reading hides none."""
    lists = (f"{row.place}/{part}" for part in _LISTS)
    return "network" in row.evidence or row.resource in lists or any(part in row.resource for part in _JOINS)


def _gaps(places: Iterable[Standing]) -> Iterator[Gap]:
    for one in places:
        unseen = [row for row in one.readings if effective(row) is Outcome.UNKNOWN and _hides(row)]
        if one.job.outcome != "ok" or one.word in ("stale", "not_recorded", NOT_LOOKED_YET) or not one.readings:
            why = "never looked at" if one.job.last_end is None else ": ".join(filter(None, (one.word, one.why)))
            yield Gap(one.job.place, why, one.good_at)
        elif unseen:
            more = f", and {len(unseen) - 1} more" if len(unseen) > 1 else ""
            yield Gap(one.job.place, f"{unseen[0].summary or unseen[0].verdict}{more}", one.good_at)
