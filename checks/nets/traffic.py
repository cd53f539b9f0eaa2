"""What NAT gateways counted, asked of CloudWatch in batches; what has no datapoint is not known, and not zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from checks.aws import AwsPlace
from checks.nets.links import NatTraffic

METRICS = ("ErrorPortAllocation", "PacketsDropCount", "PacketsInFromDestination", "PacketsInFromSource")
BATCH = 500  # queries in one request (CloudWatch API reference, GetMetricData)
HOUR = 3600


def queries(gateways: Sequence[str]) -> list[dict[str, Any]]:
    """The queries for *gateways*: each metric's sum over an hour. The ids name gateway and metric by number."""
    return [
        {
            "Id": f"g{number}m{index}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/NATGateway",
                    "MetricName": metric,
                    "Dimensions": [{"Name": "NatGatewayId", "Value": gateway}],
                },
                "Period": HOUR,
                "Stat": "Sum",
            },
        }
        for number, gateway in enumerate(gateways)
        for index, metric in enumerate(METRICS)
    ]


def nat_traffic(place: AwsPlace, gateways: Sequence[str]) -> Mapping[str, NatTraffic]:
    """Gateway -> what it counted in the last full hour. Raises AwsError."""
    end = place.now().replace(minute=0, second=0, microsecond=0)
    found: dict[str, float] = {}
    asked = queries(gateways)
    for start in range(0, len(asked), BATCH):
        for result in place.pages(
            "cloudwatch", "get_metric_data", "MetricDataResults", MetricDataQueries=asked[start : start + BATCH],
            StartTime=end - timedelta(hours=1), EndTime=end,
        ):  # fmt: skip
            # A result may come in parts, on several pages.
            if result.get("Values") and result.get("StatusCode") in ("Complete", "PartialData"):
                name = str(result.get("Id"))
                found[name] = found.get(name, 0.0) + sum(map(float, result["Values"]))

    def counted(number: int) -> NatTraffic:
        errors, dropped, *packets = (found.get(f"g{number}m{index}") for index in range(len(METRICS)))
        known = [one for one in packets if one is not None]
        return NatTraffic(errors, dropped, sum(known) if len(known) == len(packets) else None)

    return {gateway: counted(number) for number, gateway in enumerate(gateways)}
