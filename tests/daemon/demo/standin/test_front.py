"""What the front passes on, and what it writes down of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from daemon.demo.account import client_maker
from daemon.demo.api import AWS_ITSELF, BY_HAND, DEPLOYMENT, Api, ApiError
from daemon.demo.standin.front import Front
from tests.daemon.demo.standin.support import NOW


def _events(api: Api, name: str, region: str = "") -> list[dict[str, Any]]:
    """Events of an operation that CloudTrail lists."""
    wanted = [{"AttributeKey": "EventName", "AttributeValue": name}]
    client = client_maker(replace(api, region=region or api.region))("cloudtrail")
    pages = client.get_paginator("lookup_events").paginate(LookupAttributes=wanted)
    return [event for page in pages for event in page["Events"]]


def test_what_moto_has_is_moto_s(aws: tuple[Front, Api]) -> None:
    """A form, a JSON body, a REST path and an unsigned service all arrive at moto, bodies whole."""
    _, api = aws
    client = client_maker(api)
    vpc = client("ec2").create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    assert client("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"] == "10.99.0.0/16"
    client("ssm").put_parameter(Name="/front/one", Type="String", Value="x" * 4000)
    assert client("ssm").get_parameter(Name="/front/one")["Parameter"]["Value"] == "x" * 4000
    client("s3").create_bucket(Bucket="front", CreateBucketConfiguration={"LocationConstraint": api.region})
    client("s3").put_object(Bucket="front", Key="a/b c", Body=b"\x00\xff" * 1000)
    assert client("s3").get_object(Bucket="front", Key="a/b c")["Body"].read() == b"\x00\xff" * 1000
    assert client("kms").list_keys()["Keys"] == []


def test_who_changes_something_is_written_down(aws: tuple[Front, Api]) -> None:
    """By hand and by a deployment, with what it names; in the region that it was done in."""
    _, api = aws
    for key in (BY_HAND, DEPLOYMENT):
        client = client_maker(replace(api, access_key=key))
        client("sqs").create_queue(QueueName=f"front-{key.lower()}")
        url = client("sqs").get_queue_url(QueueName=f"front-{key.lower()}")["QueueUrl"]
        client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "9"})
    events = _events(api, "SetQueueAttributes")
    assert {event["Username"] for event in events} == {"ana@acme.example", "ci-runner-7"}
    by_hand = next(event for event in events if event["Username"] == "ana@acme.example")
    assert by_hand["Resources"] == [{"ResourceType": "AWS::SQS::Queue", "ResourceName": f"{api.endpoint}/123456789012/"
                                     f"front-{BY_HAND.lower()}"}]  # fmt: skip
    assert by_hand["EventTime"] == NOW.replace(microsecond=0)
    record = json.loads(by_hand["CloudTrailEvent"])
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"].startswith("AWSReservedSSO")
    assert _events(api, "SetQueueAttributes", "eu-central-1") == []


def test_what_is_no_change_is_not_written_down(aws: tuple[Front, Api]) -> None:
    """Not a question, not data, not what was refused, and not what AWS does itself."""
    _, api = aws
    by_hand, itself = (client_maker(replace(api, access_key=key)) for key in (BY_HAND, AWS_ITSELF))
    by_hand("s3").create_bucket(Bucket="quiet", CreateBucketConfiguration={"LocationConstraint": api.region})
    by_hand("s3").put_object(Bucket="quiet", Key="x", Body=b"x")
    by_hand("sqs").list_queues()
    with pytest.raises(ClientError):
        by_hand("ec2").delete_vpc(VpcId="vpc-0123456789abcdef0")
    itself("sqs").create_queue(QueueName="itself")
    assert len(_events(api, "CreateBucket")) >= 1
    for name in ("PutObject", "ListQueues", "DeleteVpc"):
        assert _events(api, name) == []
    assert "itself" not in json.dumps(_events(api, "CreateQueue"), default=str)


def test_no_value_is_written_down(aws: tuple[Front, Api]) -> None:
    """Of a secret that is set by hand, its name is in the trail, and nothing of it."""
    _, api = aws
    client_maker(replace(api, access_key=BY_HAND))("ssm").put_parameter(
        Name="/front/secret", Type="SecureString", Value="canary-value", Overwrite=True
    )
    found = json.dumps(_events(api, "PutParameter"), default=str)
    assert "/front/secret" in found
    assert "canary-value" not in found


def test_events_come_in_pages_the_newest_first(aws: tuple[Front, Api]) -> None:
    """More than fifty are given page by page, none twice."""
    _, api = aws
    client = client_maker(replace(api, access_key=BY_HAND))("sqs")
    for number in range(60):
        client.create_queue(QueueName=f"page-{number}")
    first = client_maker(api)("cloudtrail").lookup_events()
    assert len(first["Events"]) == 50
    ids = [event["EventId"] for event in _events(api, "CreateQueue")]
    assert len(ids) == len(set(ids)) >= 60


def test_an_unknown_path_is_moto_s_to_refuse(aws: tuple[Front, Api]) -> None:
    """What no model knows is not swallowed."""
    _, api = aws
    with pytest.raises(ApiError):
        api.json("servicequotas", "ServiceQuotasV20190624.NoSuchThing", {})
