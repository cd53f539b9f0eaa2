"""Whether what happens in a region is recorded: by a trail that logs, covers changes, and delivers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from checks.aws import AwsError, AwsPlace, could_not_look, owner_of
from checks.base import Finding, Json, Kind, Outcome, Reading

MEANING: Mapping[str, str] = {
    "recorded": "a trail records what happens in the region, and delivers it",
    "not_recorded": "no trail records what happens in the region",
    "not_delivered": "a trail records, and does not deliver",
    "not_validated": "a trail records, and nobody could prove that its files were not changed",
}


@dataclass(frozen=True, slots=True)
class Trail:
    """A trail that covers a region, as far as it could be looked at."""

    arn: str
    name: str
    multi_region: bool
    organization: bool
    validated: bool
    logging: bool
    changes: bool = True  # whether its selectors take in management events that write
    error: str = ""  # the last delivery's
    digest_error: str = ""
    delivered: datetime | None = None
    digested: datetime | None = None
    since: datetime | None = None  # it logs

    @property
    def records(self) -> bool:
        return self.logging and self.changes


def of_region(place: AwsPlace, digest_within: timedelta, now: datetime) -> Iterator[Reading]:
    """One reading: whether the region is covered. Raises AwsError where the trails cannot be listed."""
    found: list[Trail] = []
    errors: list[AwsError] = []
    for listed in place.call("cloudtrail", "describe_trails", includeShadowTrails=True).get("trailList", ()):
        try:
            found.append(_trail(place, listed))
        except AwsError as error:
            errors.append(error)
    reading = judged(f"{place.key}/trails", found, digest_within, now)
    reading = replace(reading, findings=tuple(
        replace(finding, owner=owner_of(place, *finding.addresses)) for finding in reading.findings
    ))  # fmt: skip
    if errors and reading.outcome is not Outcome.HEALTHY:
        # The trail that could not be looked at may be the one that does.
        reading = could_not_look(reading.resource, errors[0], "whether a trail records what happens in the region")
    yield reading


def _trail(place: AwsPlace, listed: Mapping[str, Json]) -> Trail:
    arn = listed["TrailARN"]
    status = place.call("cloudtrail", "get_trail_status", Name=arn)
    changes = True
    if listed.get("HasCustomEventSelectors"):
        home = listed.get("HomeRegion") or place.region
        changes = records_changes(place.call("cloudtrail", "get_event_selectors", region=home, TrailName=arn))
    return Trail(
        arn=arn,
        name=listed.get("Name", arn),
        multi_region=bool(listed.get("IsMultiRegionTrail")),
        organization=bool(listed.get("IsOrganizationTrail")),
        validated=bool(listed.get("LogFileValidationEnabled")),
        logging=bool(status.get("IsLogging")),
        changes=changes,
        error=status.get("LatestDeliveryError") or "",
        digest_error=status.get("LatestDigestDeliveryError") or "",
        delivered=status.get("LatestDeliveryTime"),
        digested=status.get("LatestDigestDeliveryTime"),
        since=status.get("StartLoggingTime"),
    )


def records_changes(selectors: Mapping[str, Json]) -> bool:
    """Whether event selectors take in management events that write, whatever else they leave out."""
    for selector in selectors.get("EventSelectors") or ():
        if selector.get("IncludeManagementEvents", True) and selector.get("ReadWriteType", "All") != "ReadOnly":
            return True
    return any(_takes_writes(one.get("FieldSelectors") or ()) for one in selectors.get("AdvancedEventSelectors") or ())


def _takes_writes(fields: Sequence[Mapping[str, Json]]) -> bool:
    said = {field["Field"]: field.get("Equals", ()) for field in fields}
    return "Management" in said.get("eventCategory", ()) and "true" not in said.get("readOnly", ())


def judged(resource: str, trails: Sequence[Trail], digest_within: timedelta, now: datetime) -> Reading:
    """Judge what covers a region: the best trail counts."""
    recording = [trail for trail in trails if trail.records]
    problems = {trail.arn: _problem(trail, digest_within, now) for trail in recording}
    best = min(recording, key=lambda trail: (_RANK[problems[trail.arn][0]], trail.name), default=None)
    evidence: dict[str, Json] = {"trails": [_shown(trail) for trail in sorted(trails, key=lambda one: one.arn)]}
    if best is None:
        summary = _not_recorded(trails)
        remedy = (
            "aws cloudtrail create-trail --name audit --s3-bucket-name BUCKET --is-multi-region-trail "
            "--enable-log-file-validation"
        )
        finding = Finding(
            Kind.SECURITY_VIOLATION, "trail", summary, cause="access:not_recorded",
            remedy=f"{remedy}\naws cloudtrail start-logging --name audit",
            addresses=tuple(sorted(trail.arn for trail in trails)),
        )  # fmt: skip
        return Reading(resource, Outcome.UNHEALTHY, "not_recorded", summary, (finding,), evidence=evidence)
    verdict, summary, remedy = problems[best.arn]
    values = {"trail_delivered_timestamp_seconds": best.delivered.timestamp()} if best.delivered else {}
    if verdict == "recorded":
        return Reading(resource, Outcome.HEALTHY, verdict, summary, values=values, evidence=evidence)
    kind = Kind.COMPLIANCE if verdict == "not_validated" else Kind.SECURITY_VIOLATION
    finding = Finding(
        kind, "trail", summary, cause=f"access:{verdict}:{best.arn}", remedy=remedy, addresses=(best.arn,)
    )
    return Reading(resource, Outcome.UNHEALTHY, verdict, summary, (finding,), values, evidence)


_RANK = {"recorded": 0, "not_validated": 1, "not_delivered": 2}


def _problem(trail: Trail, digest_within: timedelta, now: datetime) -> tuple[str, str, str]:
    """(verdict, summary, remedy) of a trail that records."""
    look = f"aws cloudtrail get-trail-status --name {trail.arn}  # look at it"
    if trail.error or trail.digest_error:
        error = trail.error or trail.digest_error
        return "not_delivered", f"trail {trail.name} records, and cannot deliver: {error[:200]}", look
    if not trail.validated:
        remedy = f"aws cloudtrail update-trail --name {trail.arn} --enable-log-file-validation"
        return "not_validated", f"trail {trail.name} records without log file validation", remedy
    if _late(trail, digest_within, now):
        return "not_delivered", f"trail {trail.name} records, and has delivered no digest for too long", look
    return "recorded", f"trail {trail.name} records and delivers", ""


def _late(trail: Trail, digest_within: timedelta, now: datetime) -> bool:
    """Digests come each hour, whether anything happened or not; log files only when something did."""
    if trail.since is not None and now - trail.since <= digest_within:
        return False
    return trail.digested is None or now - trail.digested > digest_within


def _not_recorded(trails: Sequence[Trail]) -> str:
    if not trails:
        return "no trail records what happens in this region"
    why = [f"{trail.name} {'records no changes' if trail.logging else 'is switched off'}" for trail in trails]
    return f"no trail records what happens in this region: {', '.join(sorted(why))}"


def _shown(trail: Trail) -> Json:
    return {
        "trail": trail.arn, "records": trail.records, "multi_region": trail.multi_region,
        "organization": trail.organization, "validated": trail.validated, "error": trail.error or trail.digest_error,
    }  # fmt: skip
