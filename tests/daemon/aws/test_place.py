"""A place of AWS: only what is declared is asked, in time, to the last page, and every failure has its class."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from checks.aws import AwsError, ErrorClass
from checks.base import UNMANAGED, Check, Owner, Scope
from daemon.aws.asking import UndeclaredError
from daemon.aws.shared import SharedAnswers
from tests.aws.fake import Call, FakeAws, Fault
from tests.aws.places import ACCOUNT, NOW, REGION, fake_place

LIST = ("acm", "list_certificates")
ARN = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/1"
CERTIFICATES: list[Mapping[str, Any]] = [{"CertificateSummaryList": [{"CertificateArn": ARN}]}]


class Looking(Check):
    """Declares what these tests ask."""

    iam: ClassVar[tuple[str, ...]] = (
        "acm:ListCertificates", "ce:GetCostAndUsage", "s3:ListAllMyBuckets", "s3:GetObject", "ec2:DescribeVpcs",
        "iam:ListUsers", "backup:ListBackupVaults", "s3:ListBucketVersions", "cloudfront:ListDistributions",
    )  # fmt: skip


class LookingAtAccounts(Looking):
    scope: ClassVar[Scope] = Scope.ACCOUNT


def test_what_a_place_is() -> None:
    """Key, account, region, partition, labels, clock; an account asks where its global services are."""
    place = fake_place(Looking, {}, labels={"stage": "staging", "owner": "platform"})
    assert (place.key, place.account, place.region, place.partition) == (f"{ACCOUNT}/{REGION}", ACCOUNT, REGION, "aws")
    assert (place.labels["stage"], place.labels["owner"], place.labels["region"]) == ("staging", "platform", REGION)
    assert place.now() == NOW
    account = fake_place(LookingAtAccounts, {}, region="cn-north-1")
    assert (account.key, account.region, account.partition) == (ACCOUNT, "cn-north-1", "aws-cn")


@pytest.mark.parametrize(
    ("method", "arguments", "told"),
    [
        ("call", ("acm", "describe_certificate"), "acm:DescribeCertificate"),
        ("shared", ("acm", "list_tags_for_certificate", "Tags"), "acm:ListTagsForCertificate"),
        ("call", ("acm", "list_certs"), "no operation list_certs"),
        ("call", ("akm", "list_certificates"), "no service akm"),
        ("shared", ("acm", "list_certificates", "Certificates"), "no Certificates"),
        ("shared", ("acm", "list_certificates", "NextToken"), "no list"),
    ],
)
def test_what_is_not_declared_is_not_asked(method: str, arguments: tuple[str, ...], told: str) -> None:
    """Loud in tests; a failed look for the people who run it. Nothing is sent either way."""
    fake = FakeAws({})
    place = fake_place(Looking, fake)
    with pytest.raises(UndeclaredError, match=told):
        getattr(place, method)(*arguments)
    place._asker = replace(place._asker, context=replace(place._asker.context, strict=False))
    with pytest.raises(AwsError) as failed:
        getattr(place, method)(*arguments)
    assert failed.value.error_class is ErrorClass.ERROR
    assert fake.calls == []


def test_a_question_that_botocore_refuses_is_a_mistake_of_the_program() -> None:
    """A parameter that there is not, or of the wrong type."""
    with pytest.raises(UndeclaredError, match="Status"):
        fake_place(Looking, {}).call("acm", "list_certificates", Status="ISSUED")


def test_a_declared_action_covers_another_name_of_the_operation() -> None:
    """HeadObject needs s3:GetObject; ListBuckets needs s3:ListAllMyBuckets."""
    place = fake_place(Looking, {("s3", "head_object"): {"ContentLength": 3}, ("s3", "list_buckets"): {"Buckets": []}})
    assert place.call("s3", "head_object", Bucket="b", Key="k")["ContentLength"] == 3
    assert place.shared("s3", "list_buckets", "Buckets") == ()


def test_pages_go_to_the_last_one() -> None:
    """An empty page with a token is no end."""
    first, last = {"CertificateArn": ARN}, {"CertificateArn": f"{ARN}2"}
    fake = FakeAws({LIST: [{"CertificateSummaryList": [first]}, {"CertificateSummaryList": []},
                           {"CertificateSummaryList": [last]}]})  # fmt: skip
    place = fake_place(Looking, fake)
    assert list(place.pages(*LIST, "CertificateSummaryList", CertificateStatuses=["ISSUED"])) == [first, last]
    assert [call.parameters.get("NextToken") for call in fake.calls] == [None, "page-1", "page-2"]
    assert {tuple(call.parameters["CertificateStatuses"]) for call in fake.calls} == {("ISSUED",)}


COST = ("ce", "get_cost_and_usage")
PERIOD: Mapping[str, Any] = {
    "TimePeriod": {"Start": "2026-03-01", "End": "2026-03-02"}, "Granularity": "DAILY", "Metrics": ["UnblendedCost"],
}  # fmt: skip


def test_pages_without_a_paginator_go_to_the_last_one() -> None:
    """Cost Explorer has tokens, and botocore no paginator for them."""
    fake = FakeAws({COST: [{"ResultsByTime": [{"Estimated": True}]}, {"ResultsByTime": [{"Estimated": False}]}]})
    found = list(fake_place(Looking, fake).pages(*COST, "ResultsByTime", **PERIOD))
    assert found == [{"Estimated": True}, {"Estimated": False}]
    assert [call.parameters.get("NextPageToken") for call in fake.calls] == [None, "page-1"]


@pytest.mark.parametrize(
    ("asked", "key", "page", "parameters"),
    [
        (LIST, "CertificateSummaryList", {"CertificateSummaryList": [], "NextToken": "again"}, {}),
        (COST, "ResultsByTime", {"ResultsByTime": [], "NextPageToken": "again"}, PERIOD),
    ],
)
def test_a_token_that_repeats_is_an_error(
    asked: tuple[str, str], key: str, page: Mapping[str, Any], parameters: Mapping[str, Any]
) -> None:
    """An endless list is not asked for without end, and not taken for a whole one."""
    fake = FakeAws({asked: lambda call: page})
    with pytest.raises(AwsError) as failed:
        list(fake_place(Looking, fake).pages(*asked, key, **parameters))
    assert (failed.value.error_class, failed.value.code) == (ErrorClass.ERROR, "RepeatedToken")
    assert len(fake.calls) <= 3


@pytest.mark.parametrize(
    ("asked", "key", "page"),
    [
        (("iam", "list_users"), "Users", {"Users": [], "IsTruncated": True}),
        (
            ("cloudfront", "list_distributions"),
            "DistributionList.Items",
            {"DistributionList": {"Marker": "", "MaxItems": 100, "IsTruncated": True, "Quantity": 0, "Items": []}},
        ),
    ],
)
def test_a_part_of_a_list_is_not_taken_for_all_of_it(asked: tuple[str, str], key: str, page: Mapping[str, Any]) -> None:
    """The answer says that there is more and not where: what it lacks may be the one that is wrong."""
    with pytest.raises(AwsError) as failed:
        list(fake_place(Looking, {asked: lambda call: page}).pages(*asked, key))
    assert failed.value.code == "RepeatedToken"


def test_a_list_that_s3_leaves_out_is_empty() -> None:
    """Its answer says other things, and a nested list is left out in the same way."""
    answers: Mapping[tuple[str, str], Any] = {
        ("s3", "list_object_versions"): {"Name": "b", "IsTruncated": False},
        ("cloudfront", "list_distributions"): {
            "DistributionList": {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": 0}
        },
    }
    place = fake_place(Looking, answers)
    assert list(place.pages("s3", "list_object_versions", "Versions", Bucket="b")) == []
    assert list(place.pages("cloudfront", "list_distributions", "DistributionList.Items")) == []


def test_an_answer_that_says_nothing_is_no_empty_list() -> None:
    """`{}` where a list has to be: nothing was seen."""
    with pytest.raises(AwsError) as failed:
        list(fake_place(Looking, {LIST: {}}).pages(*LIST, "CertificateSummaryList"))
    assert (failed.value.error_class, failed.value.code) == (ErrorClass.ERROR, "EmptyAnswer")


QUESTIONS: tuple[tuple[str, str, str], ...] = (  # one of each protocol
    ("acm", "list_certificates", "json"),
    ("backup", "list_backup_vaults", "rest-json"),
    ("ec2", "describe_vpcs", "ec2"),
    ("iam", "list_users", "query"),
    ("s3", "list_buckets", "rest-xml"),
)
EXPECTED = {
    Fault.DENIED: ErrorClass.PERMISSION,
    Fault.SCP: ErrorClass.SCP,
    Fault.THROTTLED: ErrorClass.THROTTLED,
    Fault.TIMEOUT: ErrorClass.TIMEOUT,
    Fault.NETWORK: ErrorClass.NETWORK,
    Fault.EMPTY: ErrorClass.ERROR,
    Fault.MALFORMED: ErrorClass.ERROR,
    Fault.EXPIRED: ErrorClass.EXPIRED,
}
RETRIED = {Fault.THROTTLED: 5, Fault.TIMEOUT: 5, Fault.NETWORK: 5, Fault.EXPIRED: 2}  # times that it is tried in all


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(("service", "operation", "protocol"), QUESTIONS)
def test_every_failure_has_its_class(service: str, operation: str, protocol: str, fault: Fault) -> None:
    """Through botocore's own parsers and retries, in each protocol; the missing action is named."""
    fake = FakeAws({})
    place = fake_place(Looking, fake)
    with fake.failing(service, operation, fault), pytest.raises(AwsError) as failed:
        place.call(service, operation)
    # Of S3, botocore itself takes an unreadable answer for a failure of the server, and tries again.
    broken = (service, fault) == ("s3", Fault.MALFORMED)
    assert failed.value.error_class is (ErrorClass.NETWORK if broken else EXPECTED[fault]), failed.value
    assert len(fake.sent) == (5 if broken else RETRIED.get(fault, 1))
    assert ACCOUNT in str(failed.value)
    assert failed.value.action in Looking.iam


def test_a_page_that_fails_fails_the_list() -> None:
    """The pages before it are given, and then the error: never a shorter list."""
    fake = FakeAws({LIST: [*CERTIFICATES, *CERTIFICATES]})
    pages = fake_place(Looking, fake).pages(*LIST, "CertificateSummaryList")
    assert next(pages) == {"CertificateArn": ARN}
    with fake.failing(*LIST, Fault.EXPIRED), pytest.raises(AwsError):
        next(pages)


def test_nothing_is_asked_after_the_deadline() -> None:
    """Each page is within it."""
    fake = FakeAws({LIST: [*CERTIFICATES, *CERTIFICATES]})
    place, tick = fake_place(Looking, fake), [0.0]
    place._asker = replace(place._asker, context=replace(place._asker.context, ticks=lambda: tick[0]))
    opened = place.opened(timedelta(seconds=100))
    pages = opened.pages(*LIST, "CertificateSummaryList")
    next(pages)
    tick[0] = 96.0
    with pytest.raises(AwsError) as failed:
        next(pages)
    assert (failed.value.error_class, failed.value.reason) == (ErrorClass.TIMEOUT, "timeout")
    assert len(fake.calls) == 1


# -- shared ---------------------------------------------------------------------------------------------------------


def shared_at(place: Any, shared: SharedAnswers) -> Any:
    place._asker = replace(place._asker, context=replace(place._asker.context, shared=shared))
    return place


def test_what_many_checks_need_is_asked_once() -> None:
    """Concurrent askers wait for the first; other parameters and other regions are other questions."""
    gate, fake = threading.Event(), FakeAws({})

    def slow(call: Call) -> Mapping[str, Any]:
        gate.wait(30)
        return CERTIFICATES[0]

    fake._answers[LIST] = slow
    place = fake_place(Looking, fake)
    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(lambda: place.shared(*LIST, "CertificateSummaryList")) for _ in range(8)]
        gate.set()
        assert {one.result()[0]["CertificateArn"] for one in asking} == {ARN}
    assert len(fake.calls) == 1
    place.shared(*LIST, "CertificateSummaryList", CertificateStatuses=["ISSUED"])
    place.shared(*LIST, "CertificateSummaryList", region="us-east-1")
    assert [call.region for call in fake.calls] == [REGION, REGION, "us-east-1"]


def test_a_failure_is_shared_for_the_cycle_and_no_longer() -> None:
    """Twelve checks do not ask twelve times for what is refused; after the cycle, it is asked again."""
    tick, fake = [0.0], FakeAws({LIST: CERTIFICATES})
    place = shared_at(fake_place(Looking, fake), SharedAnswers(60, lambda: tick[0]))
    with fake.failing(*LIST, Fault.DENIED):
        for _ in range(3):
            with pytest.raises(AwsError):
                place.shared(*LIST, "CertificateSummaryList")
    assert len(fake.sent) == 1
    tick[0] = 61.0
    assert len(place.shared(*LIST, "CertificateSummaryList")) == 1
    tick[0] = 120.0
    place.shared(*LIST, "CertificateSummaryList")
    assert len(fake.calls) == 2


def test_what_is_forgotten_is_asked_for_anew() -> None:
    """Who asks after that gets the answer of now, also where somebody else waits for one from before."""
    shared, waiting, go_on = SharedAnswers(), threading.Event(), threading.Event()

    def before() -> list[str]:
        waiting.set()
        go_on.wait(10)
        return ["before"]

    def ask(fetch: Callable[[], list[str]]) -> tuple[str, ...]:
        return shared.get(
            "key", fetch, lambda: AwsError(ErrorClass.TIMEOUT, service="acm", operation="ListCertificates"), math.inf
        )[0]

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, before)
        waiting.wait(10)
        shared.forget()
        assert ask(lambda: ["now"]) == ("now",)
        go_on.set()
        assert slow.result() == ("before",)
    assert ask(lambda: ["later"]) == ("now",)


def test_one_who_ran_out_of_time_does_not_speak_for_others() -> None:
    """A deadline of a check is no answer of AWS."""
    fake = FakeAws({LIST: CERTIFICATES})
    place = fake_place(Looking, fake)
    late = place.opened(timedelta(seconds=-1))
    with pytest.raises(AwsError):
        late.shared(*LIST, "CertificateSummaryList")
    assert len(place.shared(*LIST, "CertificateSummaryList")) == 1


# -- ownership and memory -------------------------------------------------------------------------------------------


def test_ownership_is_what_the_states_say() -> None:
    """Known and held, known and not held, not known."""
    owner = Owner("acme-prod", "web", "aws_acm_certificate.this")
    place = fake_place(Looking, {}, owners={ARN: owner})
    assert (place.owner(ARN), place.owner("x"), place.ownership_known) == (owner, None, True)
    assert fake_place(Looking, {}, states_read=False).ownership_known is False
    assert not UNMANAGED.managed


def test_what_is_kept_is_there_in_the_same_look_and_apart_from_the_next() -> None:
    """A look reads its own writes; the place itself keeps nothing; what is no JSON is refused."""
    place = fake_place(Looking, {}, memory={"since": "monday"})
    assert place.recall("since") == "monday"
    place.keep("since", {"day": "tuesday"})
    assert place.recall("since") == {"day": "tuesday"}
    assert place.opened(timedelta(1)).recall("since") == "monday"
    with pytest.raises(TypeError):
        place.keep("when", NOW)
