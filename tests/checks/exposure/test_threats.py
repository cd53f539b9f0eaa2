"""What GuardDuty and Access Analyzer have found."""

from __future__ import annotations

from typing import Any

import pytest

from checks.base import Fact, Outcome, Reading
from checks.exposure.controls import guarded_resource
from checks.exposure.verdicts import short
from checks.security import Security
from tests.aws.places import REGION, fake_place
from tests.checks.exposure.looking import HERE, SILENT, look
from tests.checks.exposure.world import analyzers, arn, external, threat, threats

# -- GuardDuty ------------------------------------------------------------------------------------------------------


def duty(*found: dict[str, Any], ids: list[str] | None = None, **more: Any) -> dict[str, Reading]:
    listed = [one["Id"] for one in found] if ids is None else ids
    answers = {
        **SILENT,
        ("guardduty", "list_findings"): [{"FindingIds": listed[:1]}, {"FindingIds": listed[1:]}],
        ("guardduty", "get_findings"): threats(*found),
    }
    return {name: one for name, one in look(answers, **more).items() if "guardduty" in name}


def test_threats_by_resource_and_type() -> None:
    """The same type on one resource is one finding; archived ones are none."""
    instance: dict[str, Any] = {"ResourceType": "Instance", "InstanceDetails": {"InstanceId": "i-1"}}
    found = duty(
        threat("1", "Backdoor:EC2/X", **instance), threat("2", "Backdoor:EC2/X", **instance),
        threat("3", "Recon:EC2/Y", **instance), threat("4", "Recon:EC2/Z", archived=True, **instance),
    )  # fmt: skip
    machine = arn("ec2", "instance/i-1")
    assert sorted(found) == sorted(
        [f"{HERE}/guardduty", f"{machine}#guardduty:Backdoor:EC2/X", f"{machine}#guardduty:Recon:EC2/Y"]
    )


def test_many_threats_are_asked_for_in_parts() -> None:
    """GetFindings takes fifty ids."""
    instance: dict[str, Any] = {"ResourceType": "Instance", "InstanceDetails": {"InstanceId": "i-1"}}
    found = duty(*(threat(str(number), f"T:EC2/{number}", **instance) for number in range(120)))
    assert len(found) == 121


def test_a_threat_that_is_listed_and_not_given_is_a_gap() -> None:
    """Half an answer ends nothing."""
    place = duty(ids=["1"])[f"{HERE}/guardduty"]
    assert (place.outcome, place.verdict) == (Outcome.UNKNOWN, "partly_read")


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"S3BucketDetails": [{"Arn": "arn:aws:s3:::b", "Name": "b"}]}, "arn:aws:s3:::b"),
        ({"LambdaDetails": {"FunctionArn": "arn:aws:lambda:x:1:function:f"}}, "arn:aws:lambda:x:1:function:f"),
        ({"RdsDbInstanceDetails": {"DbInstanceArn": "arn:aws:rds:x:1:db:d"}}, "arn:aws:rds:x:1:db:d"),
        ({"InstanceDetails": {"InstanceId": "i-1"}}, arn("ec2", "instance/i-1")),
        (
            {
                "ResourceType": "AccessKey",
                "AccessKeyDetails": {"AccessKeyId": "AKIACANARY0000000000", "UserName": "ann"},
            },
            f"{HERE}/user/ann",
        ),
        (
            {"ResourceType": "AccessKey", "AccessKeyDetails": {"AccessKeyId": "AKIACANARY0000000000"}},
            f"{HERE}/AccessKey",
        ),
        ({}, f"{HERE}/account"),
    ],
)
def test_what_a_threat_is_about(resource: dict[str, Any], expected: str) -> None:
    """Never the id of an access key."""
    place = fake_place(Security, {})
    assert guarded_resource({"Region": REGION, "Partition": "aws", "Resource": resource}, place) == expected


# -- Access Analyzer ------------------------------------------------------------------------------------------------

BUCKET, ROLE = "arn:aws:s3:::b", arn("iam", "role/x", region="")


def analyzed(*found: dict[str, Any], kinds: tuple[str, ...] = ("ACCOUNT",), **more: Any) -> dict[str, Reading]:
    answers = {
        **SILENT,
        ("accessanalyzer", "list_analyzers"): analyzers(*kinds),
        ("accessanalyzer", "list_findings"): [{"findings": []}, {"findings": list(found)}],
    }
    return {name: one for name, one in look(answers, **more).items() if "analyzer" in name}


def test_access_from_outside() -> None:
    """Two principals are two findings; what everybody reaches of data is public data."""
    found = analyzed(
        external("1", ROLE), external("2", ROLE) | {"principal": {"AWS": "333333333333"}},
        external("3", BUCKET, "AWS::S3::Bucket", public=True), external("4", ROLE) | {"status": "ARCHIVED"},
        external("5", arn("kms", "key/k"), "AWS::KMS::Key", public=True),
    )  # fmt: skip
    facts = {name: one.findings[0].facts for name, one in found.items() if one.findings}
    assert facts == {
        f"{ROLE}#access-analyzer:222222222222": frozenset(),
        f"{ROLE}#access-analyzer:333333333333": frozenset(),
        f"{BUCKET}#access-analyzer:everybody": {Fact.PUBLIC_DATA},
        f"{arn('kms', 'key/k')}#access-analyzer:everybody": frozenset(),
    }


def test_two_analyzers_that_see_the_same_say_it_once() -> None:
    """One of the account and one of the organization."""
    assert len(analyzed(external("1", ROLE), kinds=("ACCOUNT", "ORGANIZATION", "ACCOUNT_UNUSED_ACCESS"))) == 2


# -- what is told ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key AKIAIOSFODNN7EXAMPLE used", "key AKIAIOSF…MPLE used"),
        ("two\nlines  here", "two lines here"),
        (None, ""),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_other_peoples_text_is_short_and_without_key_ids(text: object, expected: str) -> None:
    """Titles of other services name what they like."""
    assert short(text) == expected
