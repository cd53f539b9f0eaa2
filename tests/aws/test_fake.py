"""The fake AWS refuses what AWS would not answer, so that no test rests on an invention."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from checks.base import Check
from daemon.aws.asking import UndeclaredError
from tests.aws.fake import FakeAws
from tests.aws.places import fake_place

ARN = "arn:aws:acm:eu-west-1:111111111111:certificate/1"


class Looking(Check):
    iam: ClassVar[tuple[str, ...]] = ("acm:ListCertificates", "acm:DescribeCertificate", "s3:GetObject")


def listed(**summary: Any) -> Mapping[tuple[str, str], Any]:
    return {("acm", "list_certificates"): {"CertificateSummaryList": [{"CertificateArn": ARN, **summary}]}}


@pytest.mark.parametrize(
    ("summary", "told"),
    [
        ({"Name": "x"}, "Name"),  # a member that there is not
        ({"Status": "GREAT"}, "GREAT"),  # outside of the enumeration
        ({"InUse": "yes"}, "InUse"),  # of another type
        ({"NotAfter": datetime(2031, 1, 1)}, "zone"),  # noqa: DTZ001  which is the point
    ],
)
def test_an_answer_that_aws_does_not_give_is_refused(summary: Mapping[str, Any], told: str) -> None:
    """Members, types, enumerations and zones are those of the installed service model."""
    with pytest.raises(AssertionError, match=told):
        fake_place(Looking, listed(**summary)).call("acm", "list_certificates")


def test_a_true_answer_comes_as_botocore_gives_it() -> None:
    """Times, numbers and texts as they are."""
    at = datetime(2031, 1, 1, tzinfo=UTC)
    place = fake_place(Looking, listed(NotAfter=at, Status="ISSUED", InUse=True))
    (one,) = place.call("acm", "list_certificates")["CertificateSummaryList"]
    assert (one["NotAfter"], one["Status"], one["InUse"]) == (at, "ISSUED", True)


def test_a_question_without_an_answer_fails_the_test() -> None:
    """It is no refusal of AWS, which a check would guard against."""
    with pytest.raises(AssertionError, match="no answer for acm list_certificates"):
        fake_place(Looking, {}).call("acm", "list_certificates")


def test_a_question_that_lacks_something_is_refused() -> None:
    """By botocore itself."""
    with pytest.raises(UndeclaredError, match="CertificateArn"):
        fake_place(Looking, {("acm", "describe_certificate"): {}}).call("acm", "describe_certificate")


def test_calls_are_written_down_with_whose_they_are() -> None:
    """Account, region and parameters, and each place its own account."""
    fake = FakeAws(listed())
    fake_place(Looking, fake, account="222222222222").call("acm", "list_certificates", MaxItems=5)
    fake_place(Looking, fake).call("acm", "list_certificates", region="us-east-1")
    assert [(call.account, call.region, dict(call.parameters)) for call in fake.calls] == [
        ("222222222222", "eu-west-1", {"MaxItems": 5}),
        ("111111111111", "us-east-1", {}),
    ]


def test_a_body_that_streams_can_be_read() -> None:
    """As GetObject gives it."""
    place = fake_place(Looking, {("s3", "get_object"): {"Body": b"abc"}})
    assert place.call("s3", "get_object", Bucket="b", Key="k")["Body"].read() == b"abc"
