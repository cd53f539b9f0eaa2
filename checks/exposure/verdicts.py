"""What other services of AWS have found already: Security Hub, Config, GuardDuty, Access Analyzer, where they are on.

Off is never "nothing found". Only what is open counts: not what was resolved, suppressed or archived there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from checks.aws import AwsError, AwsPlace, ErrorClass, could_not_look, guarded
from checks.base import Fact, Outcome, Reading
from checks.exposure import controls
from checks.exposure.model import Weakness
from checks.exposure.settings import Settings
from checks.exposure.told import Teller, unreadable
from checks.plans.ignore import fits

Found = Mapping[str, Any]  # one thing, as AWS lists it
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
_GUARDDUTY = {"LOW": 1, "MEDIUM": 4, "HIGH": 7, "CRITICAL": 9}  # GuardDuty User Guide, "Severity levels"
_GUARDDUTY_AT_ONCE = 50  # ids that GetFindings takes
_READ_HERE = ("GuardDuty", "IAM Access Analyzer", "Config")  # of Security Hub's products, those that are asked directly
_KEY_ID = re.compile(r"\b(A[A-Z]{3}[A-Z0-9]{4})[A-Z0-9]{8,}([A-Z0-9]{4})\b")
_OWN_RULES = "securityhub-"  # rules that Security Hub makes for itself: it tells of them
_MORE = "there are more than are read"
_WHAT = {
    "securityhub": ("Security Hub", "securityhub_off"), "guardduty": ("GuardDuty", "guardduty_off"),
    "config": ("AWS Config", "config_off"), "access-analyzer": ("IAM Access Analyzer", "access_analyzer_off"),
}  # fmt: skip


@dataclass(frozen=True)
class VerdictLook:
    """One look at what other services say of a region. It comes last: it does not repeat what this check has seen."""

    place: AwsPlace
    teller: Teller
    settings: Settings

    def readings(self) -> Iterator[Reading]:
        """Whether each service is on, and what it has found."""
        hub = list(self._service("securityhub", self._hub_off))  # nothing, if it is on
        hub_off = bool(hub) and all(one.outcome is not Outcome.UNKNOWN for one in hub)
        yield from self._service("config", lambda: self._config(hub_off))
        yield from self._service("guardduty", self._guardduty)
        yield from self._service("access-analyzer", self._analyzer)
        yield from hub or self._service("securityhub", self._hub)  # last: it repeats what the others say

    def _place(self, service: str) -> str:
        return f"{self.place.key}/{service}"

    def _service(self, service: str, look: Callable[[], Iterable[Reading]]) -> Iterator[Reading]:
        """The readings of *look*. An error is UNKNOWN of the whole service; "not switched on" says that it is off."""
        name, _ = _WHAT[service]
        try:
            yield from look()
        except AwsError as error:
            if error.error_class is not ErrorClass.NOT_ENABLED:
                yield could_not_look(self._place(service), error, f"what {name} has found")
            elif error.code == "EndpointUnknown":
                why = f"there is no {name} in {self.place.region}"
                yield Reading(self._place(service), Outcome.NOT_APPLICABLE, "not_on", why)
            else:
                yield from self._off(service, f"{name} is not on in {self.place.region}")

    def _off(self, service: str, why: str) -> Iterator[Reading]:
        """That a service is off. What it had found is not over for that: nobody knows any more."""
        name, rule = _WHAT[service]
        if service in self.settings.required_services:
            look = f"aws {_LOOK[service]} --region {self.place.region}"
            wrong = Weakness(rule, why, look=look, change=f"switch {name} on in every region that is not switched off")
            yield self.teller.judged(self._place(service), [wrong], "", service)
        else:
            yield Reading(self._place(service), Outcome.NOT_APPLICABLE, "not_on", why)
        for resource in self.place.recall(f"verdicts:{service}") or ():
            yield Reading(str(resource), Outcome.NOT_APPLICABLE, "not_on", why)

    def _read(self, service: str, readings: Iterable[Reading], read: int, gap: str = "") -> Iterator[Reading]:
        """The readings of findings, then the one of the list. *gap*: what was not read; empty: it was read whole."""
        name, _ = _WHAT[service]
        told = list(readings)
        yield from told
        if gap:
            known = self.place.recall(f"verdicts:{service}") or ()
            self.place.keep(f"verdicts:{service}", sorted({*map(str, known), *(each.resource for each in told)}))
            why = f"what else {name} has found: {gap}"
            verdict = "too_many" if gap == _MORE else "partly_read"
            yield unreadable(self._place(service), why, verdict, "Handle what is told of, or raise `most_findings`.")
            return
        summary, values = f"{read} open findings of {name}", {"service_findings": float(read)}
        yield Reading(self._place(service), Outcome.HEALTHY, "looked", summary, values=values)
        yield from self.teller.over(f"verdicts:{service}", (each.resource for each in told))

    def _some(self, items: Iterable[Any]) -> tuple[list[Any], bool]:
        """As many as are read at most, and whether that is all."""
        found = list(islice(items, self.settings.most_findings + 1))
        return found[: self.settings.most_findings], len(found) <= self.settings.most_findings

    def _one(self, service: str, arn: str, weaknesses: Iterable[Weakness], *ids: str) -> Iterator[Reading]:
        """A reading for each verdict on a resource."""
        for each in weaknesses:
            yield self.teller.judged(arn, [each], "", *ids, aspect=f"{service}:{each.name.partition(':')[2]}")

    # -- Security Hub -------------------------------------------------------------------------------------------------

    def _hub_off(self) -> Iterator[Reading]:
        try:
            self.place.call("securityhub", "describe_hub")
        except AwsError as error:
            if error.error_class is not ErrorClass.RACE:  # an account that is not subscribed has no hub to be found
                raise
            yield from self._off("securityhub", f"Security Hub is not on in {self.place.region}")

    def _hub(self) -> Iterator[Reading]:
        levels = SEVERITIES[SEVERITIES.index(self.settings.least_severity) :]
        found, whole = self._some(
            each for each in self.place.pages(
                "securityhub", "get_findings", "Findings", MaxResults=100,
                Filters={
                    # An administrator's hub, or one that gathers regions, has those of others too.
                    "AwsAccountId": _exactly(self.place.account), "Region": _exactly(self.place.region),
                    "RecordState": _exactly("ACTIVE"), "WorkflowStatus": _exactly("NEW", "NOTIFIED"),
                    "SeverityLabel": _exactly(*levels),
                    "ProductName": [{"Value": name, "Comparison": "NOT_EQUALS"} for name in _READ_HERE],
                },
                SortCriteria=[{"Field": "SeverityNormalized", "SortOrder": "desc"}],
            )
            if _open(each, levels)
        )  # fmt: skip
        yield from self._read("securityhub", self._hub_findings(found), len(found), "" if whole else _MORE)

    def _hub_findings(self, found: Iterable[Found]) -> Iterator[Reading]:
        known: set[tuple[str, str]] = set()
        for each in found:
            control = controls.control_of(each)
            same = controls.SAME_AS.get(control, ())
            for resource in each.get("Resources") or [{"Id": each["Id"]}]:
                arn = str(resource.get("Id") or each["Id"])
                arn = arn.removeprefix("AWS::::Account:") if arn.startswith("AWS::::Account:") else arn
                if (control, arn) in known or controls.covered(control, arn, self.teller.seen):
                    continue
                known.add((control, arn))
                weakness = Weakness(
                    "hub_finding", f"{short(each.get('Title'))} ({control})", f"hub:{control}",
                    f"Console of Security Hub in {self.place.region}: findings of control {control}.",
                    "correct it, or suppress the finding there with a note",
                    frozenset({Fact.PUBLIC_DATA} if control in controls.PUBLIC_DATA else ()),
                    {"severity": str((each.get("Severity") or {}).get("Label", "")),
                     "product": str(each.get("ProductName") or ""), "resource": short(arn)}, same,
                )  # fmt: skip
                yield from self._one("securityhub", short(arn), [weakness], arn.rpartition("/")[2])

    # -- Config -------------------------------------------------------------------------------------------------------

    def _config(self, hub_off: bool) -> Iterator[Reading]:
        recorders = self.place.call("config", "describe_configuration_recorder_status")
        own = [one for one in recorders.get("ConfigurationRecordersStatus") or () if not one.get("servicePrincipal")]
        if not any(one.get("recording") for one in own):
            yield from self._off("config", f"AWS Config does not record in {self.place.region}")
            return
        if all(one.get("lastStatus") == "Failure" for one in own if one.get("recording")):
            yield from self._off("config", f"AWS Config in {self.place.region} cannot deliver what it records")
            return
        rules = sorted(
            str(each["ConfigRuleName"])
            for each in self.place.pages(
                "config", "describe_compliance_by_config_rule", "ComplianceByConfigRules",
                ComplianceTypes=["NON_COMPLIANT"],
            )
            if (each.get("Compliance") or {}).get("ComplianceType") == "NON_COMPLIANT"
        )  # fmt: skip
        asked = [
            rule for rule in rules
            if any(fits(glob, rule) for glob in self.settings.config_rules)
            and (hub_off or not rule.startswith(_OWN_RULES))
        ]  # fmt: skip
        readings: list[Reading] = []
        gap = ""
        for rule in asked:
            if len(readings) >= self.settings.most_findings:
                gap = _MORE
                break
            resource = f"{self._place('config')}/{rule}"
            for reading in guarded(resource, f"what breaks the rule {rule}", self._rule, rule, listed=True):
                if reading.outcome is Outcome.UNKNOWN:
                    gap = gap or (_MORE if reading.verdict == "too_many" else "a rule could not be read")
                readings.append(reading)
        count = sum(each.outcome is not Outcome.UNKNOWN for each in readings)
        yield from self._read("config", readings, count, gap)

    def _rule(self, rule: str) -> Iterator[Reading]:
        found, whole = self._some(
            self.place.pages(
                "config", "get_compliance_details_by_config_rule", "EvaluationResults", ConfigRuleName=rule,
                ComplianceTypes=["NON_COMPLIANT"], Limit=100,
            )
        )  # fmt: skip
        known: set[str] = set()
        for each in found:
            named = (each.get("EvaluationResultIdentifier") or {}).get("EvaluationResultQualifier") or {}
            kind, name = str(named.get("ResourceType") or ""), short(named.get("ResourceId"))
            resource = name if name.startswith("arn:") else f"{self.place.key}/{kind}/{name}"
            if resource in known:
                continue
            known.add(resource)
            weakness = Weakness(
                "config_noncompliant", f"{kind} {name} breaks the rule {rule}", f"config:{rule}",
                f"aws configservice get-compliance-details-by-config-rule --config-rule-name {shlex.quote(rule)} "
                f"--compliance-types NON_COMPLIANT --region {self.place.region}",
                "correct the resource, or the rule", evidence={"type": kind},
            )  # fmt: skip
            yield from self._one("config", resource, [weakness], name)
        if not whole:
            why = f"what else breaks the rule {rule}: {_MORE}"
            yield unreadable(f"{self._place('config')}/{rule}", why, "too_many")

    # -- GuardDuty ----------------------------------------------------------------------------------------------------

    def _guardduty(self) -> Iterator[Reading]:
        on = [
            detector for detector in self.place.pages("guardduty", "list_detectors", "DetectorIds")
            if self.place.call("guardduty", "get_detector", DetectorId=detector).get("Status") == "ENABLED"
        ]  # fmt: skip
        if not on:
            yield from self._off("guardduty", f"GuardDuty is not on in {self.place.region}")
            return
        readings: list[Reading] = []
        count, gap = 0, ""
        for detector in on:
            ids, all_of_it = self._some(
                self.place.pages(
                    "guardduty", "list_findings", "FindingIds", DetectorId=detector,
                    FindingCriteria={
                        "Criterion": {
                            "accountId": {"Equals": [self.place.account]}, "service.archived": {"Equals": ["false"]},
                            "severity": {"GreaterThanOrEqual": _GUARDDUTY[self.settings.least_severity]},
                        }
                    },
                    SortCriteria={"AttributeName": "severity", "OrderBy": "DESC"},
                )
            )  # fmt: skip
            gap = gap or ("" if all_of_it else _MORE)
            for start in range(0, len(ids), _GUARDDUTY_AT_ONCE):
                some = ids[start : start + _GUARDDUTY_AT_ONCE]
                answer = self.place.call("guardduty", "get_findings", DetectorId=detector, FindingIds=some)
                given = answer.get("Findings") or ()
                if len(given) < len(some):
                    gap = gap or "findings that are listed were not given"
                for each in given:
                    if not (each.get("Service") or {}).get("Archived"):
                        count += 1
                        readings += self._threat(each)
        unlike = {reading.resource: reading for reading in reversed(readings)}  # the same type on one resource is one
        yield from self._read("guardduty", reversed(list(unlike.values())), count, gap)

    def _threat(self, each: Found) -> Iterator[Reading]:
        kind, resource = str(each["Type"]), controls.guarded_resource(each, self.place)
        weakness = Weakness(
            "guardduty_finding", f"{short(each.get('Title') or kind)} ({kind})", f"guardduty:{kind}",
            f"Console of GuardDuty in {self.place.region}: finding {each['Id']}.",
            "handle it as an incident, then archive the finding",
            evidence={"severity": float(each["Severity"])},
        )  # fmt: skip
        yield from self._one("guardduty", resource, [weakness], resource.rpartition("/")[2])

    # -- Access Analyzer ----------------------------------------------------------------------------------------------

    def _analyzer(self) -> Iterator[Reading]:
        analyzers = [
            each for each in self.place.pages("accessanalyzer", "list_analyzers", "analyzers")
            if each.get("type") in ("ACCOUNT", "ORGANIZATION") and each.get("status") == "ACTIVE"
        ]  # fmt: skip
        if not analyzers:
            yield from self._off("access-analyzer", f"no analyzer of external access is on in {self.place.region}")
            return
        readings: dict[str, Reading] = {}
        count, whole = 0, True
        for analyzer in sorted(analyzers, key=lambda one: str(one["arn"])):
            found, all_of_it = self._some(
                self.place.pages(
                    "accessanalyzer", "list_findings", "findings", analyzerArn=analyzer["arn"],
                    filter={"status": {"eq": ["ACTIVE"]}},
                )
            )  # fmt: skip
            whole &= all_of_it
            for each in found:
                if each.get("status", "ACTIVE") == "ACTIVE" and each.get("resource"):
                    count += 1
                    for reading in self._external(each):
                        readings.setdefault(reading.resource, reading)
        yield from self._read("access-analyzer", readings.values(), count, "" if whole else _MORE)

    def _external(self, each: Found) -> Iterator[Reading]:
        resource, kind = short(each["resource"]), str(each.get("resourceType") or "")
        public = each.get("isPublic") is True
        if public and controls.analyzed(resource, self.teller.seen):
            return
        principal = short(", ".join(sorted(map(str, (each.get("principal") or {}).values()))))
        who = "everybody" if public else principal or "somebody outside"
        weakness = Weakness(
            "external_access", f"{who} has access to {resource} from outside", f"analyzer:{who}",
            f"Console of IAM Access Analyzer in {self.place.region}: finding {each['id']}.",
            "take the access away, or archive the finding if it is meant",
            frozenset({Fact.PUBLIC_DATA} if public and kind in controls.DATA_TYPES else ()),
            {"type": kind, "principal": principal}, ("bucket_public",) if kind == "AWS::S3::Bucket" and public else (),
        )  # fmt: skip
        yield from self._one("access-analyzer", resource, [weakness], resource.rpartition("/")[2])


_LOOK = {
    "securityhub": "securityhub describe-hub", "guardduty": "guardduty list-detectors",
    "config": "configservice describe-configuration-recorder-status",
    "access-analyzer": "accessanalyzer list-analyzers",
}  # fmt: skip


def _exactly(*values: str) -> list[dict[str, str]]:
    """Security Hub's way to ask for any of these."""
    return [{"Value": value, "Comparison": "EQUALS"} for value in values]


def _open(finding: Found, levels: tuple[str, ...]) -> bool:
    """Whether a finding counts, asked once more of what came: for a service that did not take the question as meant."""
    return (
        finding.get("RecordState", "ACTIVE") == "ACTIVE"
        and (finding.get("Workflow") or {}).get("Status", "NEW") in ("NEW", "NOTIFIED")
        and (finding.get("Severity") or {}).get("Label") in levels
        and (finding.get("Compliance") or {}).get("Status") not in ("PASSED", "NOT_AVAILABLE")
    )


def short(text: object) -> str:
    """Somebody else's text, in one line of at most 300 characters, with ids of access keys cut."""
    line = " ".join(str(text or "").split())
    line = _KEY_ID.sub(r"\1…\2", line)
    return line if len(line) <= 300 else f"{line[:299]}…"


__all__ = ["SEVERITIES", "VerdictLook", "short"]
