"""Use of quotas from CloudWatch's usage metrics, 500 in one question. Asks AWS through the place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from checks.aws import AwsPlace, unsaid
from checks.limits.model import Quota, Source, Use

BATCH = 500  # queries that GetMetricData takes at once
# RDS tells its use hourly; the others every five minutes.
WINDOW = timedelta(minutes=75)
_STEP = timedelta(minutes=5)
_PAGES = 50


@dataclass(slots=True)
class _Series:
    values: list[tuple[datetime, float]] = field(default_factory=list)
    status: str = ""


def statistic(quota: Quota) -> str:
    """Which statistic to ask for. Of what is counted, the highest: a sum would count it once per sample."""
    if quota.metric is None or (quota.metric.name.lower().endswith("count") and quota.period is None):
        return "Maximum"
    return quota.metric.statistic


def queries(quotas: Sequence[Quota]) -> list[dict[str, Any]]:
    """The MetricDataQueries of *quotas*, which have a metric each; ids are "q" and the place in the list."""
    return [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": quota.metric.namespace,
                    "MetricName": quota.metric.name,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in quota.metric.dimensions],
                },
                "Period": int(_STEP.total_seconds()),
                "Stat": statistic(quota),
            },
            "ReturnData": True,
        }
        for number, quota in enumerate(quotas)
        if quota.metric is not None
    ]


def uses(place: AwsPlace, quotas: Iterable[Quota]) -> Iterator[Use | Quota]:
    """The use of each quota that has a metric; the quota itself where CloudWatch tells none, which is not 0.

    Raises AwsError where a question is refused.
    """
    asked = [quota for quota in quotas if quota.metric is not None]
    for start in range(0, len(asked), BATCH):
        some = asked[start : start + BATCH]
        found = _ask(place, queries(some))
        for number, quota in enumerate(some):
            series = found.get(f"q{number}", _Series())
            used = _used(quota, series)
            doubt = f"CloudWatch gives no datapoint of the last {int(WINDOW.total_seconds() // 60)} minutes"
            yield replace(quota, doubt=quota.doubt or doubt) if used is None else Use(quota, used, Source.METRIC)


def _ask(place: AwsPlace, asked: list[dict[str, Any]]) -> Mapping[str, _Series]:
    """All pages of one question, joined by id. A message that results are not all there makes none of them sure."""
    now = place.now()
    found: dict[str, _Series] = {}
    more: dict[str, Any] = {}
    unsure = False
    for _ in range(_PAGES):
        page = place.call(
            "cloudwatch", "get_metric_data", MetricDataQueries=asked, StartTime=now - WINDOW, EndTime=now,
            ScanBy="TimestampDescending", **more,
        )  # fmt: skip
        results = page.get("MetricDataResults")
        if results is None:
            raise unsaid(place, "cloudwatch", "GetMetricData", "no results in the answer")
        unsure = unsure or bool(page.get("Messages"))
        for each in results:
            series = found.setdefault(str(each.get("Id")), _Series())
            series.values += zip(each.get("Timestamps") or (), each.get("Values") or (), strict=False)
            series.status = str(each.get("StatusCode") or "")
        if not page.get("NextToken"):
            return {} if unsure else found
        more = {"NextToken": page["NextToken"]}
    return {}


def _used(quota: Quota, series: _Series) -> float | None:
    """What the datapoints say: of a rate the highest, of all else the newest. None: nothing that can be relied on."""
    if series.status != "Complete" or not series.values:
        return None
    if quota.period is None:
        return max(series.values)[1]
    peak = max(value for _, value in series.values)
    if statistic(quota) == "Sum":
        # So many within five minutes; the limit is for the quota's own period.
        return peak * (quota.period / _STEP)
    return peak
