"""Service Quotas' utilization report: started, waited for, read to its end. Asks AWS through the place.

StartQuotaUtilizationReport gives an id, or that of a report of the last 15 minutes; GetQuotaUtilizationReport gives
pages of up to 1,000 quotas, the fullest first (Service Quotas API reference).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from checks.aws import AwsPlace, unsaid
from checks.limits.model import Quota, Source, Use

# How long to wait between two questions for it, in seconds. It takes "several seconds"; then another look comes back.
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
_KEPT_FOR = timedelta(minutes=14)  # AWS deletes it after 15
_PAGES = 200  # more than any account can have quotas: tokens that do not end are not followed for ever


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report: what is used, and the quotas whose use AWS does not tell."""

    uses: tuple[Use, ...]
    unused: tuple[Quota, ...]  # listed without a utilization: not known, which is not 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report that is not ready yet, to be asked for again."""

    id: str
    started: datetime


def read(place: AwsPlace, before: Waiting | None, wait: Callable[[float], None]) -> Report | Waiting:
    """Give the report, or what to ask for at the next look. Raises AwsError where it fails or is refused.

    *before*: what an earlier look was left waiting for. *wait*: waits so many seconds.
    """
    now = place.now()
    if before is None or now - before.started > _KEPT_FOR:
        answer = place.call("service-quotas", "start_quota_utilization_report")
        if not answer.get("ReportId"):
            raise unsaid(place, "service-quotas", "StartQuotaUtilizationReport", "no report id in the answer")
        before = Waiting(str(answer["ReportId"]), now)
    for pause in (*PAUSES, None):
        answer = place.call("service-quotas", "get_quota_utilization_report", ReportId=before.id)
        status = answer.get("Status")
        if status == "COMPLETED":
            return _whole(place, before.id, answer)
        if status not in ("PENDING", "IN_PROGRESS"):
            raise unsaid(
                place, "service-quotas", "GetQuotaUtilizationReport", str(answer.get("ErrorCode") or f"status {status}")
            )
        if pause is not None:
            wait(pause)
    return before


def _whole(place: AwsPlace, id_: str, first: Mapping[str, Any]) -> Report:
    """All pages of a report. One that breaks off is an error: what it lacks may be the quota that is full."""
    rows: dict[tuple[str, str], Mapping[str, Any]] = {}
    page, tokens = first, set[str]()
    for _ in range(_PAGES):
        for row in page.get("Quotas") or ():
            rows[str(row.get("ServiceCode", "")), str(row.get("QuotaCode", ""))] = row
        token = page.get("NextToken")
        if not token:
            break
        if token in tokens:
            raise unsaid(place, "service-quotas", "GetQuotaUtilizationReport", "the same page again and again")
        tokens.add(token)
        page = place.call("service-quotas", "get_quota_utilization_report", ReportId=id_, NextToken=token)
    total = first.get("TotalCount")
    if total is not None and len(rows) < total:
        raise unsaid(place, "service-quotas", "GetQuotaUtilizationReport", f"{len(rows)} of {total} quotas came")
    if not rows:
        raise unsaid(place, "service-quotas", "GetQuotaUtilizationReport", "a report without a quota")
    found = [_row(row) for row in rows.values()]
    return Report(tuple(use for use in found if isinstance(use, Use)), tuple(q for q in found if isinstance(q, Quota)))


def _row(row: Mapping[str, Any]) -> Use | Quota:
    applied = row.get("AppliedValue")
    limit = applied if applied is not None else row.get("DefaultValue")
    quota = Quota(
        str(row.get("ServiceCode", "")), str(row.get("QuotaCode", "")), str(row.get("QuotaName", "")),
        limit, bool(row.get("Adjustable", True)), doubt="the report gives neither its applied nor its default value",
    )  # fmt: skip
    part = row.get("Utilization")
    if part is None or limit is None:
        return quota
    return Use(quota, part / 100 * limit, Source.REPORT)


def kept(waiting: Waiting) -> Mapping[str, str]:
    """As place.keep() takes it."""
    return {"id": waiting.id, "started": waiting.started.isoformat()}


def recalled(value: object) -> Waiting | None:
    """As place.recall() gives it. None: nothing is waited for."""
    if not isinstance(value, Mapping) or not value.get("id"):
        return None
    return Waiting(str(value["id"]), datetime.fromisoformat(str(value["started"])))
