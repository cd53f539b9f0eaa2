"""Use of quotas from CloudWatch's usage metrics, 500 in one question. Asks AWS through the place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from checks.aws import AwsPlace
from checks.cloudwatch import BATCH, STEP, Series, ask
from checks.limits.model import Quota, Source, Use

# RDS tells its use hourly; the others every five minutes.
WINDOW = timedelta(minutes=75)


def statistic(quota: Quota) -> str:
    """Which statistic to ask for. Of what is counted, the highest: a sum would count it once per sample."""
    if quota.metric is None or (quota.metric.name.lower().endswith("count") and quota.period is None):
        return "Maximum"
    return quota.metric.statistic


def uses(place: AwsPlace, quotas: Iterable[Quota]) -> Iterator[Use | Quota]:
    """The use of each quota that has a metric; the quota itself where CloudWatch tells none, which is not 0.

    Raises AwsError where a question is refused.
    """
    asked = [quota for quota in quotas if quota.metric is not None]
    for start in range(0, len(asked), BATCH):
        some = asked[start : start + BATCH]
        metrics = [replace(quota.metric, statistic=statistic(quota)) for quota in some if quota.metric is not None]
        for quota, series in zip(some, ask(place, metrics, WINDOW), strict=True):
            used = _used(quota, series)
            doubt = f"CloudWatch gives no datapoint of the last {int(WINDOW.total_seconds() // 60)} minutes"
            yield replace(quota, doubt=quota.doubt or doubt) if used is None else Use(quota, used, Source.METRIC)


def _used(quota: Quota, series: Series) -> float | None:
    """What the datapoints say: of a rate the highest, of all else the newest. None: nothing that can be relied on."""
    if not series.whole or not series.points:
        return None
    if quota.period is None:
        return max(series.points)[1]
    peak = max(series.values)
    if statistic(quota) == "Sum":
        # So many within five minutes; the limit is for the quota's own period.
        return peak * (quota.period / STEP)
    return peak
