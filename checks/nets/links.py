"""What joins networks, told from its state: NAT gateways, VPNs, peering connections, endpoints, attachments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checks.base import Outcome


@dataclass(frozen=True, slots=True)
class State:
    """How a thing stands. *down* says whether it fails to do its work; else what is wrong is a weakness."""

    outcome: Outcome
    verdict: str
    summary: str
    down: bool = False
    told: str = ""  # the same without numbers of this look, where it has some


def _working(summary: str) -> State:
    return State(Outcome.HEALTHY, "fine", summary)


def _down(verdict: str, summary: str, told: str = "") -> State:
    return State(Outcome.UNHEALTHY, verdict, summary, down=True, told=told)


def _weak(verdict: str, summary: str) -> State:
    return State(Outcome.UNHEALTHY, verdict, summary)


def _unclear(summary: str) -> State:
    return State(Outcome.UNKNOWN, "unclear", summary)


GONE = frozenset({"deleted", "deleting"})
_CHANGING = frozenset(
    {"pending", "provisioning", "initiating-request", "initiating", "initiatingrequest", "modifying", "rollingback",
     "associating", "creating"}
)  # fmt: skip
_WAITING = frozenset({"pending-acceptance", "pendingacceptance"})
_FAILED = frozenset({"failed", "failing", "rejected", "rejecting", "expired"})


def link(what: str, state: str, message: str = "") -> State | None:
    """Judge what is there or not there: a peering connection, an endpoint, an attachment. None: it is gone."""
    word = state.lower()
    because = f": {message}" if message else ""
    if word in GONE:
        return None
    if word in ("active", "available", "associated"):
        return _working(f"{what} is {word}")
    if word in _FAILED:
        return _down("link_failed", f"{what} is {word}{because}")
    if word in _WAITING:
        return _weak("link_waiting", f"{what} waits for somebody to accept it")
    if word == "partial":
        return _weak("link_partial", f"{what} works in a part of its zones{because}")
    if word in _CHANGING:
        return State(Outcome.HEALTHY, "changing", f"{what} is being made: {state}")
    return _unclear(f"{what} has a state that is not known here: {state or 'none'}")


def vpn(connection: Mapping[str, Any]) -> State | None:
    """Judge a VPN connection by its tunnels. None: it is gone."""
    state = str(connection.get("State", ""))
    if state.lower() in GONE:
        return None
    tunnels = [one for one in connection.get("VgwTelemetry") or () if isinstance(one, Mapping)]
    told = [str(one.get("Status") or "") for one in tunnels]
    if state == "pending":
        return State(Outcome.HEALTHY, "changing", "VPN connection is being made")
    if not told or not set(told) <= {"UP", "DOWN"}:
        return _unclear("VPN connection does not tell the state of its tunnels")
    down = [str(one.get("OutsideIpAddress", "?")) for one in tunnels if one.get("Status") == "DOWN"]
    if len(down) == len(told):
        return _down("vpn_down", f"every tunnel of the VPN is down ({', '.join(down)})")
    if down:
        return _weak("vpn_half_down", f"{len(down)} of {len(told)} tunnels of the VPN are down ({', '.join(down)})")
    return _working(f"{len(told)} tunnels are up")


@dataclass(frozen=True, slots=True)
class NatTraffic:
    """What a NAT gateway counted in the period. None: no datapoint, which is not zero."""

    port_errors: float | None
    dropped: float | None
    packets: float | None  # in from both sides

    @property
    def known(self) -> bool:
        return None not in (self.port_errors, self.dropped, self.packets)


def nat(gateway: Mapping[str, Any], traffic: NatTraffic, drop_ratio: float) -> State | None:
    """Judge a NAT gateway by its state and what it counted. None: it is gone.

    *drop_ratio*: the part of packets that may be dropped before it is told of.
    """
    state = str(gateway.get("State", ""))
    if state in GONE:
        return None
    if state == "failed":
        code = str(gateway.get("FailureCode") or "no reason given")
        return _down("nat_failed", f"NAT gateway failed: {code}")
    if state == "pending":
        return State(Outcome.HEALTHY, "changing", "NAT gateway is being made")
    if state != "available":
        return _unclear(f"NAT gateway has a state that is not known here: {state or 'none'}")
    if traffic.port_errors:
        times = f"NAT gateway could not find a free port {traffic.port_errors:.0f} times in an hour"
        return _down("nat_ports", times, "NAT gateway runs out of ports: connections fail")
    if traffic.dropped and traffic.packets and traffic.dropped > drop_ratio * traffic.packets:
        part = traffic.dropped / traffic.packets
        packets = f"NAT gateway dropped {traffic.dropped:.0f} packets in an hour, {part:.2%} of all"
        return _down("nat_drops", packets, f"NAT gateway drops more than {drop_ratio:.2%} of all packets")
    if not traffic.known:
        return State(Outcome.UNKNOWN, "unmeasured", "NAT gateway: CloudWatch has no datapoint of the last hour")
    return _working("NAT gateway is available, finds its ports and drops next to nothing")
