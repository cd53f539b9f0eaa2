"""Service limits that Trusted Advisor has flagged, where the support plan has it. Asks AWS through the place."""

from __future__ import annotations

from collections.abc import Iterator

from checks.aws import AwsPlace, unsaid
from checks.limits.model import Quota, Source, Use

REGION = "us-east-1"  # the only one that answers
_CATEGORY = "service_limits"
_FLAGGED = ("warning", "error")
# Metadata of a service limit check: region, service, limit, amount, usage, status (Trusted Advisor check reference).
_COLUMNS = 6


def flagged(place: AwsPlace) -> Iterator[Use]:
    """Every service limit that is close or reached, of all regions. Raises AwsError: NOT_ENABLED without a plan."""
    checks = place.call("support", "describe_trusted_advisor_checks", region=REGION, language="en").get("checks")
    if checks is None:
        raise unsaid(place, "support", "DescribeTrustedAdvisorChecks", "no checks in the answer")
    names = {str(each["id"]): str(each.get("name", "")) for each in checks if each.get("category") == _CATEGORY}
    if not names:
        return
    summaries = place.call(
        "support", "describe_trusted_advisor_check_summaries", region=REGION, checkIds=sorted(names)
    ).get("summaries")
    if summaries is None:
        raise unsaid(place, "support", "DescribeTrustedAdvisorCheckSummaries", "no summaries in the answer")
    for each in summaries:
        if each.get("status") in _FLAGGED:
            yield from _of_check(place, str(each["checkId"]))


def _of_check(place: AwsPlace, check: str) -> Iterator[Use]:
    result = place.call(
        "support", "describe_trusted_advisor_check_result", region=REGION, checkId=check, language="en"
    ).get("result")
    if not isinstance(result, dict):
        raise unsaid(place, "support", "DescribeTrustedAdvisorCheckResult", "no result in the answer")
    for row in result.get("flaggedResources") or ():
        told = row.get("metadata") or ()
        if len(told) < _COLUMNS or row.get("isSuppressed"):
            continue
        region, service, name, amount, used = (str(part or "") for part in told[:5])
        if _is_number(amount) and _is_number(used):
            quota = Quota(service.lower(), check, name, float(amount))
            yield Use(quota, float(used), Source.ADVISOR, "" if region in ("", "-") else region)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
