"""CloudWatch's datapoints, 500 metrics in one question, and what of them nobody can rely on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from checks.aws import AwsPlace, unsaid

BATCH = 500  # queries that GetMetricData takes at once
STEP = timedelta(minutes=5)  # between two datapoints
_PAGES = 50


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of CloudWatch, and the statistic to ask for."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str  # "Maximum", "Sum"


@dataclass(slots=True)
class Series:
    """The datapoints of one metric, in no order. *doubt*: why they are not all that there are; empty: they are."""

    points: list[tuple[datetime, float]] = field(default_factory=list)
    doubt: str = ""

    @property
    def whole(self) -> bool:
        """Whether CloudWatch gave all that it has. It may have none, which is not 0."""
        return not self.doubt

    @property
    def values(self) -> list[float]:
        return [value for _, value in sorted(self.points)]


def query(name: str, metric: Metric, step: timedelta = STEP) -> dict[str, Any]:
    """The MetricDataQuery of *metric*, with the id *name*."""
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in metric.dimensions],
            },
            "Period": int(step.total_seconds()),
            "Stat": metric.statistic,
        },
        "ReturnData": True,
    }


def ask(
    place: AwsPlace,
    metrics: Sequence[Metric],
    window: timedelta,
    *,
    step: timedelta = STEP,
    end: datetime | None = None,
) -> tuple[Series, ...]:
    """The series of each of at most BATCH *metrics* over the *window* up to *end* (now), in their order.

    Raises AwsError. *step*: between two datapoints.

    All pages are joined. A message about the whole question ("too many metrics matched") makes none of them sure, nor
    does an answer that breaks off.
    """
    end = end or place.now()
    asked = [query(f"q{number}", metric, step) for number, metric in enumerate(metrics)]
    found: dict[str, Series] = {}
    more: dict[str, Any] = {}
    unsure = ""
    for _ in range(_PAGES):
        page = place.call(
            "cloudwatch", "get_metric_data", MetricDataQueries=asked, StartTime=end - window, EndTime=end,
            ScanBy="TimestampDescending", **more,
        )  # fmt: skip
        results = page.get("MetricDataResults")
        if results is None:
            raise unsaid(place, "cloudwatch", "GetMetricData", "no results in the answer")
        unsure = unsure or _codes(page.get("Messages") or ())
        for each in results:
            _join(found.setdefault(str(each.get("Id")), Series()), each)
        token = page.get("NextToken")
        if not token or token == more.get("NextToken"):
            unsure = unsure or ("the same page again and again" if token else "")
            break
        more = {"NextToken": token}
    else:
        unsure = unsure or "pages without end"
    series = (found.get(each["Id"], Series(doubt="CloudWatch's answer says nothing of it")) for each in asked)
    return tuple(Series(each.points, unsure or each.doubt) for each in series)


def _join(series: Series, result: Mapping[str, Any]) -> None:
    """Add a page's part of a series. The last page says whether it is whole."""
    times, values = result.get("Timestamps") or (), result.get("Values") or ()
    series.points += zip(times, values, strict=False)
    status = str(result.get("StatusCode") or "no status")
    series.doubt = "" if status == "Complete" else f"CloudWatch says {status}"
    if len(times) != len(values):
        series.doubt = "CloudWatch gives times without values"


def _codes(messages: Sequence[Mapping[str, Any]]) -> str:
    """Messages about a whole question, by their codes."""
    return ", ".join(sorted({f"CloudWatch says {each.get('Code') or 'that not all is there'}" for each in messages}))
