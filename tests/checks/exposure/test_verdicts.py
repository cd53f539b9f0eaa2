"""What Security Hub and Config have found: read where they are on, and never taken for silence where they are off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from checks.aws_errors import AwsError, ErrorClass
from checks.base import Fact, Kind, Outcome, Reading
from checks.exposure.controls import control_of
from checks.security import Security
from tests.aws.fake import Call, FakeAws, Fault
from tests.aws.places import ACCOUNT, REGION, fake_place
from tests.checks.exposure.looking import HERE, SILENT, look
from tests.checks.exposure.world import RECORDING, analyzers, arn, broken, evaluation, hub_finding


def refusing(code: str, service: str, operation: str) -> Any:
    """The place of ANSWERS, where one operation is refused with *code*, as the class that the table gives it."""
    place = fake_place(Security, FakeAws(SILENT))
    ask = place.call

    def call(asked: str, method: str, /, **parameters: Any) -> Any:
        if (asked, method) == (service, operation):
            error_class = ErrorClass.NOT_ENABLED if code in ("InvalidAccessException", "EndpointUnknown") else (
                ErrorClass.RACE)  # fmt: skip
            raise AwsError(error_class, service=service, operation=operation, code=code)
        return ask(asked, method, **parameters)

    place.call = call
    return place


def test_on_and_nothing_found() -> None:
    """Each service says that it was asked, and of how many findings."""
    found = look(SILENT)
    assert {name: one.outcome for name, one in found.items()} == {
        f"{HERE}/{name}": Outcome.HEALTHY for name in ("securityhub", "config", "guardduty", "access-analyzer")
    }
    assert all(one.values == {"service_findings": 0.0} for one in found.values())


OFF: dict[str, dict[tuple[str, str], Any]] = {
    "config: no recorder": {
        ("config", "describe_configuration_recorder_status"): {"ConfigurationRecordersStatus": []}
    },
    "config: stopped": {
        ("config", "describe_configuration_recorder_status"): {
            "ConfigurationRecordersStatus": [{**RECORDING, "recording": False}]
        }
    },
    "config: only a service's own": {
        ("config", "describe_configuration_recorder_status"): {
            "ConfigurationRecordersStatus": [{**RECORDING, "servicePrincipal": "x.amazonaws.com"}]
        }
    },
    "config: cannot deliver": {
        ("config", "describe_configuration_recorder_status"): {
            "ConfigurationRecordersStatus": [{**RECORDING, "lastStatus": "Failure"}]
        }
    },
    "guardduty: no detector": {("guardduty", "list_detectors"): {"DetectorIds": []}},
    "guardduty: switched off": {("guardduty", "get_detector"): {"Status": "DISABLED", "ServiceRole": "r"}},
    "access-analyzer: none": {("accessanalyzer", "list_analyzers"): {"analyzers": []}},
    "access-analyzer: of unused access": {("accessanalyzer", "list_analyzers"): analyzers("ACCOUNT_UNUSED_ACCESS")},
    "access-analyzer: failed": {("accessanalyzer", "list_analyzers"): analyzers("ACCOUNT", status="FAILED")},
}  # fmt: skip


@pytest.mark.parametrize("how", OFF)
def test_off_is_never_healthy(how: str) -> None:
    """Where it is required that is a finding; else there is no question. Never "nothing found"."""
    service = how.partition(":")[0]
    for required, outcome in ((True, Outcome.UNHEALTHY), (False, Outcome.NOT_APPLICABLE)):
        reading = look({**SILENT, **OFF[how]}, required_services=(service,) if required else ())[f"{HERE}/{service}"]
        assert reading.outcome is outcome
        assert bool(reading.findings) is required
        assert "service_findings" not in reading.values


@pytest.mark.parametrize("code", ["InvalidAccessException", "ResourceNotFoundException"])
def test_a_hub_that_is_not_here(code: str) -> None:
    """On in another region is not on in this one."""
    for required in ((), ("securityhub",)):
        place = refusing(code, "securityhub", "describe_hub")
        reading = look({}, place=place, required_services=required)[f"{HERE}/securityhub"]
        assert reading.outcome is (Outcome.UNHEALTHY if required else Outcome.NOT_APPLICABLE)


def test_a_service_that_the_region_does_not_offer_is_nobodys_fault() -> None:
    """It cannot be switched on: no finding, although it is required elsewhere."""
    place = refusing("EndpointUnknown", "config", "describe_configuration_recorder_status")
    reading = look({}, place=place)[f"{HERE}/config"]
    assert (reading.outcome, reading.verdict, reading.findings) == (Outcome.NOT_APPLICABLE, "not_on", ())


def test_a_service_that_was_switched_off_ends_nothing_as_resolved() -> None:
    """What it had found is not watched any more, which is said of each."""
    found = look(
        {**SILENT, ("guardduty", "list_detectors"): {"DetectorIds": []}},
        memory={"verdicts:guardduty": ["i-1#guardduty:x"]},
    )
    assert found["i-1#guardduty:x"].outcome is Outcome.NOT_APPLICABLE


def test_what_is_gone_from_a_list_that_was_read_whole_is_over() -> None:
    """And what could not be read is not."""
    memory = {"verdicts:guardduty": ["i-1#guardduty:x"]}
    assert look(SILENT, memory=memory)["i-1#guardduty:x"].outcome is Outcome.HEALTHY
    blind = look(SILENT, memory=memory, failing=("guardduty", "list_findings", Fault.DENIED))
    assert "i-1#guardduty:x" not in blind
    assert blind[f"{HERE}/guardduty"].outcome is Outcome.UNKNOWN


# -- Security Hub ---------------------------------------------------------------------------------------------------

VOLUME, GROUP = arn("ec2", "volume/vol-1"), arn("ec2", "security-group/sg-1")


def hub(*pages: list[dict[str, Any]], **more: Any) -> dict[str, Reading]:
    found = look({**SILENT, ("securityhub", "get_findings"): [{"Findings": page} for page in pages]}, **more)
    return {name: one for name, one in found.items() if "#securityhub:" in name or name.endswith("/securityhub")}


def test_a_finding_for_each_resource_and_control() -> None:
    """The same control of two standards is one; the worst come first; pages are read to the end."""
    twice = hub_finding("EC2.8", GROUP, Id="other", GeneratorId="cis/EC2.8")
    found = hub([hub_finding("EC2.8", GROUP), twice], [hub_finding("EC2.8", VOLUME, "HIGH")])
    assert sorted(found) == sorted([f"{HERE}/securityhub", f"{GROUP}#securityhub:EC2.8", f"{VOLUME}#securityhub:EC2.8"])
    assert found[f"{HERE}/securityhub"].values == {"service_findings": 3.0}
    (finding,) = found[f"{GROUP}#securityhub:EC2.8"].findings
    assert (finding.kind, finding.key) == (Kind.SECURITY_VIOLATION, "hub:EC2.8")
    assert finding.addresses == (GROUP,)


@pytest.mark.parametrize(
    "more",
    [
        {"RecordState": "ARCHIVED"},
        {"Workflow": {"Status": "SUPPRESSED"}},
        {"Workflow": {"Status": "RESOLVED"}},
        {"Severity": {"Label": "MEDIUM"}},
        {"Compliance": {"Status": "PASSED", "SecurityControlId": "EC2.8"}},
    ],
)
def test_what_is_closed_or_minor_is_left_out(more: dict[str, Any]) -> None:
    """Asked of the service, and once more of what came."""
    assert list(hub([hub_finding("EC2.8", GROUP, **more)])) == [f"{HERE}/securityhub"]


def test_the_question_names_account_region_and_severity() -> None:
    """A hub that gathers regions or accounts must not tell of theirs here."""
    fake = FakeAws(SILENT)
    look(fake, least_severity="CRITICAL")
    (call,) = [one for one in fake.calls if one.operation == "get_findings"]
    filters = call.parameters["Filters"]
    assert filters["AwsAccountId"] == [{"Value": ACCOUNT, "Comparison": "EQUALS"}]
    assert filters["Region"] == [{"Value": REGION, "Comparison": "EQUALS"}]
    assert [each["Value"] for each in filters["SeverityLabel"]] == ["CRITICAL"]
    assert {each["Value"] for each in filters["WorkflowStatus"]} == {"NEW", "NOTIFIED"}


def test_what_this_check_has_said_is_not_said_again() -> None:
    """By rule and resource: another resource, or a rule that saw nothing, is no repetition."""
    seen = {("store_unencrypted", VOLUME), ("snapshot_public", "snap")}
    findings = [
        hub_finding("EC2.3", VOLUME), hub_finding("EC2.3", GROUP), hub_finding("EC2.8", VOLUME),
        hub_finding("EC2.1", f"AWS::::Account:{ACCOUNT}"), hub_finding("IAM.4", f"AWS::::Account:{ACCOUNT}"),
    ]  # fmt: skip
    assert sorted(set(hub(findings, seen=seen)) - {f"{HERE}/securityhub"}) == sorted(
        [f"{GROUP}#securityhub:EC2.3", f"{VOLUME}#securityhub:EC2.8"]
    )


def test_a_finding_about_nothing_is_still_one() -> None:
    """A finding without resources is told of under its own name."""
    assert len(hub([hub_finding("EC2.8", GROUP, Resources=[])])) == 2


def test_public_data_is_told_of_twice_rather_than_not_at_all() -> None:
    """The account that has the bucket is another place, which may not have been read."""
    found = hub([hub_finding("S3.2", "arn:aws:s3:::b")])
    assert found["arn:aws:s3:::b#securityhub:S3.2"].findings[0].facts == {Fact.PUBLIC_DATA}


def test_more_findings_than_are_read_is_said_and_ends_nothing() -> None:
    """The worst are told of; what was told before and is not among them stays as it is."""
    found = hub(
        [hub_finding("EC2.8", GROUP), hub_finding("EC2.8", VOLUME)], [hub_finding("EC2.9", VOLUME)],
        most_findings=2, memory={"verdicts:securityhub": ["gone#securityhub:EC2.9"]},
    )  # fmt: skip
    place = found[f"{HERE}/securityhub"]
    assert (place.outcome, place.verdict) == (Outcome.UNKNOWN, "too_many")
    assert place.findings[0].kind is Kind.MONITORING
    assert len(found) == 3
    assert "gone#securityhub:EC2.9" not in found
    assert len(hub([hub_finding("EC2.8", GROUP), hub_finding("EC2.8", VOLUME)], most_findings=2)) == 3


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        ({"Compliance": {"SecurityControlId": "S3.1"}}, "S3.1"),
        ({"ProductFields": {"ControlId": "S3.1"}}, "S3.1"),
        ({"GeneratorId": "aws-foundational-security-best-practices/v/1.0.0/S3.1"}, "S3.1"),
        ({"GeneratorId": "arn:aws:securityhub:::ruleset/cis/v/1.2.0/rule/4.1"}, "4.1"),
        ({"GeneratorId": "AWSInspector", "Types": ["Software and Configuration Checks/Vulnerabilities/CVE"]},
         "Software and Configuration Checks/Vulnerabilities/CVE"),
        ({"GeneratorId": "x"}, "x"),
        ({}, "finding"),
    ],
)  # fmt: skip
def test_what_a_finding_is_about(finding: dict[str, Any], expected: str) -> None:
    """Consolidated or not, the control; of other products their own word."""
    assert control_of(finding) == expected


# -- Config ---------------------------------------------------------------------------------------------------------


def config(*names: str, **more: Any) -> dict[str, Reading]:
    answers = {**SILENT, ("config", "describe_compliance_by_config_rule"): broken(*names)}
    found = look(answers | more.pop("answers", {}), **more)
    return {name: one for name, one in found.items() if "config" in name}


def test_rules_that_are_broken() -> None:
    """Of each resource, by rule; Security Hub's own rules are told of by it."""
    found = config("tagged", "securityhub-x")
    (name,) = set(found) - {f"{HERE}/config"}
    assert name == f"{HERE}/AWS::EC2::EIP/eipalloc-1#config:tagged"
    (finding,) = found[name].findings
    assert finding.key == "config:tagged"


def test_rules_that_nobody_asked_for() -> None:
    """`config_rules` names those that count."""
    assert list(config("tagged", config_rules=("iam-*",))) == [f"{HERE}/config"]
    assert len(config("tagged", config_rules=("tag*",))) == 2


def test_security_hubs_rules_count_where_it_is_off() -> None:
    """Left over from a hub that is gone, they are nobody else's."""
    place = refusing("InvalidAccessException", "securityhub", "describe_hub")
    pages = place.pages

    def paged(service: str, operation: str, key: str, /, **parameters: Any) -> Any:
        if operation == "describe_compliance_by_config_rule":
            return iter(broken("securityhub-x")["ComplianceByConfigRules"])
        return pages(service, operation, key, **parameters)

    place.pages = paged
    assert any(name.endswith("#config:securityhub-x") for name in look({}, place=place))


def test_a_rule_that_too_many_break() -> None:
    """What was read is told of, and that there is more."""
    many = [evaluation("tagged", "AWS::EC2::EIP", f"eipalloc-{number}") for number in range(5)]
    answers = {("config", "get_compliance_details_by_config_rule"): {"EvaluationResults": many}}
    found = config("tagged", answers=answers, most_findings=3)
    assert sum("#config:" in name for name in found) == 3
    assert found[f"{HERE}/config"].outcome is Outcome.UNKNOWN


def test_one_rule_that_cannot_be_read() -> None:
    """The others are; and the service as a whole is not called read."""

    def answer(call: Call) -> Mapping[str, Any]:
        name = call.parameters["ConfigRuleName"]
        return {"EvaluationResults": [evaluation(name, "AWS::EC2::EIP", "eipalloc-1")]}

    answers = {("config", "get_compliance_details_by_config_rule"): answer}
    found = config(
        "a", "b", answers=answers, failing=("config", "get_compliance_details_by_config_rule", Fault.THROTTLED)
    )
    assert {found[f"{HERE}/config/{name}"].verdict for name in ("a", "b")} == {"throttled"}
    assert found[f"{HERE}/config"].verdict == "partly_read"
