"""Quotas as Service Quotas lists them, service by service: defaults, and over them what was applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from checks.aws import AwsPlace, unsaid
from checks.cloudwatch import Metric
from checks.limits.model import Quota

_PAGES = 100
_UNITS = {
    "MICROSECOND": timedelta(microseconds=1), "MILLISECOND": timedelta(milliseconds=1), "SECOND": timedelta(seconds=1),
    "MINUTE": timedelta(minutes=1), "HOUR": timedelta(hours=1), "DAY": timedelta(days=1), "WEEK": timedelta(weeks=1),
}  # fmt: skip
# Requests for more that AWS has not decided yet.
_OPEN = ("PENDING", "CASE_OPENED")


def quotas(place: AwsPlace, service: str) -> tuple[Quota, ...]:
    """All quotas of *service*, each once, and once more for every resource that has a limit of its own.

    ListServiceQuotas leaves out those nobody ever changed, which ListAWSDefaultServiceQuotas has.
    """
    found: dict[tuple[str, str], Quota] = {}
    for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
        for row in rows(place, operation, service):
            quota = read(row)
            before = found.get((quota.code, quota.context))
            if quota.limit is None and before is not None and not quota.doubt:
                continue
            found[quota.code, quota.context] = quota
    return tuple(found.values())


def rows(place: AwsPlace, operation: str, service: str) -> Iterator[Mapping[str, Any]]:
    """The rows of a list, page by page. Some services give tokens for ever, with no new row behind them: that ends it.

    Raises AwsError where a page is refused, a bad token among the reasons.
    """
    seen: set[tuple[str, str]] = set()
    asked: dict[str, Any] = {"ServiceCode": service, "MaxResults": 100}
    for _ in range(_PAGES):
        page = place.call("service-quotas", operation, **asked)
        listed = page.get("Quotas")
        if listed is None:
            raise unsaid(place, "service-quotas", operation, "no quotas in the answer")
        new = 0
        for row in listed:
            key = (str(row.get("QuotaCode", "")), str((row.get("QuotaContext") or {}).get("ContextId") or ""))
            if key not in seen:
                seen.add(key)
                new += 1
                yield row
        token = page.get("NextToken")
        if not token or not new:
            return
        asked["NextToken"] = token
    raise unsaid(place, "service-quotas", operation, f"more than {_PAGES} pages of quotas")


def read(row: Mapping[str, Any]) -> Quota:
    """A quota as both lists give it. One with an ErrorReason has no limit that could be relied on."""
    reason = (row.get("ErrorReason") or {}).get("ErrorCode")
    period = row.get("Period") or {}
    length = _UNITS.get(str(period.get("PeriodUnit")))
    used = row.get("UsageMetric") or {}
    context = str((row.get("QuotaContext") or {}).get("ContextId") or "")
    metric = None
    if used.get("MetricName") and used.get("MetricNamespace"):
        dimensions = tuple(sorted((used.get("MetricDimensions") or {}).items()))
        statistic = str(used.get("MetricStatisticRecommendation") or "Maximum")
        metric = Metric(str(used["MetricNamespace"]), str(used["MetricName"]), dimensions, statistic)
    return Quota(
        str(row.get("ServiceCode", "")), str(row.get("QuotaCode", "")), str(row.get("QuotaName", "")),
        None if reason else row.get("Value"), bool(row.get("Adjustable", True)),
        length * float(period.get("PeriodValue") or 1) if length is not None else None, metric,
        f"Service Quotas answers {reason}" if reason else "", context,
    )  # fmt: skip


def increases(place: AwsPlace) -> frozenset[tuple[str, str]]:
    """Requests for more that are open: (SERVICE/CODE, id of the resource it is for, if for one)."""
    found: set[tuple[str, str]] = set()
    for status in _OPEN:
        for row in place.pages(
            "service-quotas", "list_requested_service_quota_change_history", "RequestedQuotas", Status=status
        ):
            context = str((row.get("QuotaContext") or {}).get("ContextId") or "")
            found.add((f"{row.get('ServiceCode')}/{row.get('QuotaCode')}", context))
    return frozenset(found)
