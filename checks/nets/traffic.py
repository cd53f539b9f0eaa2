"""What NAT gateways counted; what has no datapoint, or not all of them, is not known, and not zero."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta

from checks.aws import AwsPlace
from checks.cloudwatch import BATCH, Metric, Series, ask
from checks.nets.links import NatTraffic

METRICS = ("ErrorPortAllocation", "PacketsDropCount", "PacketsInFromDestination", "PacketsInFromSource")
HOUR = timedelta(hours=1)


def nat_traffic(place: AwsPlace, gateways: Sequence[str]) -> Mapping[str, NatTraffic]:
    """Gateway -> what it counted in the last full hour. Raises AwsError."""
    end = place.now().replace(minute=0, second=0, microsecond=0)
    metrics = [
        Metric("AWS/NATGateway", name, (("NatGatewayId", gateway),), "Sum") for gateway in gateways for name in METRICS
    ]
    found: list[Series] = []
    for start in range(0, len(metrics), BATCH):
        found += ask(place, metrics[start : start + BATCH], HOUR, step=HOUR, end=end)
    each = len(METRICS)
    return {gateway: _counted(found[number * each : (number + 1) * each]) for number, gateway in enumerate(gateways)}


def _counted(series: Sequence[Series]) -> NatTraffic:
    """In the order of METRICS."""
    errors, dropped, *packets = (math.fsum(one.values) if one.whole and one.values else None for one in series)
    known = [one for one in packets if one is not None]
    return NatTraffic(errors, dropped, sum(known) if len(known) == len(packets) else None)
