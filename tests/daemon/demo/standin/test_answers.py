"""Every answer of the stand-in is one that AWS could give, and arrives at a real client as it was meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore import xform_name

from daemon.demo.account import Client, client_maker
from daemon.demo.api import ACCOUNT, Api
from daemon.demo.standin.answers import ANSWERS
from daemon.demo.standin.asked import Asked
from daemon.demo.standin.facts import EXTRA_SPEND, FAILED_BACKUPS
from daemon.demo.standin.front import SERVICES, Front
from tests.aws.fake import loader, validate
from tests.daemon.demo.standin.support import NOW, REGION

BUCKET = "acme-answers"
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]}'
_DAYS = {"TimePeriod": {"Start": "2031-03-01", "End": "2031-03-15"}}
_SPEND = {**_DAYS, "Granularity": "DAILY", "Metrics": ["AmortizedCost"]}
QUESTIONS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("ce", "GetAnomalies"): {"DateInterval": {"StartDate": "2031-03-01"}},
    ("ce", "GetCostAndUsage"): _SPEND,
    ("ce", "GetCostForecast"): {**_DAYS, "Granularity": "DAILY", "Metric": "AMORTIZED_COST"},
    ("ce", "GetReservationCoverage"): _DAYS,
    ("ce", "GetReservationUtilization"): _DAYS,
    ("ce", "GetSavingsPlansCoverage"): _DAYS,
    ("ce", "GetSavingsPlansUtilization"): _DAYS,
    ("guardduty", "ListFindings"): {"DetectorId": "0123456789abcdef0123456789abcdef"},
    ("ram", "ListResources"): {"resourceOwner": "SELF"},
    ("s3", "GetBucketPolicy"): {"Bucket": BUCKET},
    ("s3", "GetBucketPolicyStatus"): {"Bucket": BUCKET},
    ("s3", "PutBucketPolicy"): {"Bucket": BUCKET, "Policy": POLICY},
    ("service-quotas", "GetQuotaUtilizationReport"): {"ReportId": "b1f5a3c8"},
    ("service-quotas", "ListServiceQuotas"): {"ServiceCode": "vpc"},
}


@dataclass(frozen=True)
class Told:
    """An AWS in which something has happened, and clients for it."""

    front: Front
    api: Api
    client: Client


@pytest.fixture(scope="module")
def told(aws: tuple[Front, Api]) -> Told:
    """A fleet was forgotten, a backup failed, a bucket was opened, an address was taken."""
    front, api = aws
    api.tell(EXTRA_SPEND, {"2031-03-10": 45.0})
    api.tell(FAILED_BACKUPS, [{"resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders", "type": "DynamoDB",
                               "message": "no permission"}])  # fmt: skip
    client = client_maker(api)
    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    client("s3").put_bucket_policy(Bucket=BUCKET, Policy=POLICY)
    client("ec2").allocate_address(Domain="vpc")
    client("iam").generate_credential_report()
    return Told(front, api, client)


@pytest.mark.parametrize(("service", "operation"), sorted(ANSWERS))
def test_an_answer_fits_the_service_model_and_arrives(told: Told, service: str, operation: str) -> None:
    """Members, types and enumerations are the model's, and a real client reads what was answered."""
    client = told.client(service)
    model = client.meta.service_model.operation_model(operation)
    question = QUESTIONS.get((service, operation), {})
    asked = Asked(service, operation, REGION, told.api.access_key, question, NOW, told.front.facts, told.front.trail)
    answer = ANSWERS[service, operation](asked)
    assert answer is not None
    validate(answer, model)
    arrived = getattr(client, xform_name(operation))(**question)
    assert _plain(arrived) == _plain(answer)


def _plain(value: Any) -> Any:
    """Without what travels beside the answer; moments to the second; a body as text; nothing that is empty."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if k != "ResponseMetadata" and v not in ([], {})}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        return value.timestamp() // 1
    return value.decode() if isinstance(value, bytes) else value


def test_every_service_that_is_completed_is_recognised_by_its_signature() -> None:
    """What requests of a service are signed for leads to it; else moto would answer in the stand-in's place."""
    names = {service: loader().load_service_model(service, "service-2")["metadata"] for service, _ in ANSWERS}
    for service, metadata in names.items():
        assert SERVICES[metadata.get("signingName") or metadata["endpointPrefix"]] == service


def test_the_bill_rises_by_what_is_told(told: Told) -> None:
    """The fleet's dollars are on its day, and the same weekday before has none of them."""
    answer = told.client("ce").get_cost_and_usage(
        **{**_SPEND, "GroupBy": [{"Type": "DIMENSION", "Key": each} for each in ("SERVICE", "LINKED_ACCOUNT")]}
    )
    by_day = {
        each["TimePeriod"]["Start"]: sum(float(one["Metrics"]["AmortizedCost"]["Amount"]) for one in each["Groups"])
        for each in answer["ResultsByTime"]
    }
    assert round(by_day["2031-03-10"] - by_day["2031-03-03"], 2) == 45.0
    assert max(by_day) == "2031-03-13"  # today has no bill yet
    estimated = [each["TimePeriod"]["Start"] for each in answer["ResultsByTime"] if each["Estimated"]]
    assert estimated == ["2031-03-12", "2031-03-13"]


def test_a_bucket_is_public_where_everybody_may_read(told: Told) -> None:
    """By the policy that was put, whose Deny without TLS does not shut the demo out."""
    s3 = told.client("s3")
    assert s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"] is True
    s3.create_bucket(Bucket="acme-closed", CreateBucketConfiguration={"LocationConstraint": REGION})
    denies = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": {"Bool": {}}}]}'
    s3.put_bucket_policy(Bucket="acme-closed", Policy=denies)
    assert s3.get_bucket_policy_status(Bucket="acme-closed")["PolicyStatus"]["IsPublic"] is False
    s3.put_object(Bucket="acme-closed", Key="x", Body=b"still here")


def test_quotas_are_counted_in_moto(told: Told) -> None:
    """Each address that is taken fills its quota by a fifth."""

    def part() -> float:
        rows = told.client("service-quotas").get_quota_utilization_report(ReportId="x")["Quotas"]
        return float(next(row["Utilization"] for row in rows if row["QuotaCode"] == "L-0263D0A3"))

    before = part()
    told.client("ec2").allocate_address(Domain="vpc")
    assert part() - before == 20.0


def test_a_plan_runs_on(told: Told) -> None:
    """The account's commitment is not about to end: nobody planted that."""
    [plan] = told.client("savingsplans").describe_savings_plans()["savingsPlans"]
    assert datetime.fromisoformat(plan["end"]) - NOW > timedelta(days=200)
