"""The demo's CloudTrail: it writes down every change of a resource that is made through the front, and who made it."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from daemon.demo.api import ACCOUNT, BY_HAND, DEPLOYMENT
from daemon.demo.standin.asked import Asked

# Access keys of the demo -> (role, name of the session). Whoever else asks is the watcher, which changes nothing.
PEOPLE: Mapping[str, tuple[str, str]] = {
    BY_HAND: ("AWSReservedSSO_Developer_4d5f6a7b8c9d0e1f", "ana@acme.example"),
    DEPLOYMENT: ("acme-terraform-apply", "ci-runner-7"),
}
_READS = ("Get", "List", "Describe", "Head", "Lookup", "Search", "Select", "Batch", "Scan", "Query")
# What CloudTrail counts as data, not as management, and does not list.
_DATA: Mapping[str, frozenset[str]] = {
    "s3": frozenset({"PutObject", "DeleteObject", "DeleteObjects", "CopyObject", "UploadPart"}),
    "dynamodb": frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}),
    "sqs": frozenset({"SendMessage", "ReceiveMessage", "DeleteMessage"}),
    "cloudwatch": frozenset({"PutMetricData"}),
}
# A member of the question -> what it names. Nothing else of a question is written down: it may be secret.
_NAMED: Mapping[str, str] = {
    "GroupId": "AWS::EC2::SecurityGroup", "TableName": "AWS::DynamoDB::Table", "QueueUrl": "AWS::SQS::Queue",
    "Bucket": "AWS::S3::Bucket", "VpcId": "AWS::EC2::VPC", "FlowLogIds": "AWS::EC2::FlowLog",
    "AlarmName": "AWS::CloudWatch::Alarm",
}  # fmt: skip
_NAMED_BY_NAME: Mapping[str, str] = {"ssm": "AWS::SSM::Parameter"}  # where "Name" is what it names
_PAGE = 50  # events, as AWS has it
_SOURCES = {"cloudwatch": "monitoring"}
_CALLED = {  # otherwise than the operation
    "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}


class Trail:
    """What happened. Thread-safe."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def records(self, asked: Asked) -> bool:
        """Whether it is a change of a resource by one of the demo's people or deployments."""
        if asked.access_key not in PEOPLE or asked.operation.startswith(_READS):
            return False
        return asked.operation not in _DATA.get(asked.service, ())

    def note(self, asked: Asked) -> None:
        """Write down that it was done."""
        event = _event(asked)
        with self._lock:
            self._events.append(event)

    def lookup(self, asked: Asked) -> dict[str, Any]:
        """LookupEvents: the newest first, of the region that is asked."""
        start, end = _moment(asked.parameters.get("StartTime")), _moment(asked.parameters.get("EndTime"))
        wanted = {one["AttributeKey"]: one["AttributeValue"] for one in asked.parameters.get("LookupAttributes") or ()}
        with self._lock:
            known = list(reversed(self._events))
        found = [
            one for one in known
            if one["region"] == asked.region and _fits(one["told"], wanted)
            and (start is None or start <= one["told"]["EventTime"])
            and (end is None or one["told"]["EventTime"] <= end)
        ]  # fmt: skip
        first = int(asked.parameters.get("NextToken") or 0)
        answer: dict[str, Any] = {"Events": [one["told"] for one in found[first : first + _PAGE]]}
        if first + _PAGE < len(found):
            answer["NextToken"] = str(first + _PAGE)
        return answer


def _event(asked: Asked) -> dict[str, Any]:
    role, session = PEOPLE[asked.access_key]
    source = f"{_SOURCES.get(asked.service, asked.service)}.amazonaws.com"
    at, name = asked.now.replace(microsecond=0), _CALLED.get(asked.operation, asked.operation)
    console = role.startswith("AWSReservedSSO")
    record = {
        "eventVersion": "1.11", "eventSource": source, "eventName": name, "awsRegion": asked.region,
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "readOnly": False, "eventType": "AwsApiCall",
        "recipientAccountId": ACCOUNT, "managementEvent": True, "eventCategory": "Management",
        "sourceIPAddress": "198.51.100.23" if console else "198.51.100.7",
        "userAgent": "Mozilla/5.0" if console else "APN/1.0 HashiCorp/1.0 Terraform/1.11.4",
        "userIdentity": {
            "type": "AssumedRole", "accountId": ACCOUNT,
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}",
            "sessionContext": {"sessionIssuer": {
                "type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "accountId": ACCOUNT, "userName": role,
            }},
        },
        **({"sessionCredentialFromConsole": "true"} if console else {}),
    }  # fmt: skip
    told = {
        "EventId": str(uuid.uuid4()), "EventName": name, "ReadOnly": "false", "EventTime": at,
        "EventSource": source, "Username": session, "Resources": list(_resources(asked)),
        "AccessKeyId": asked.access_key, "CloudTrailEvent": json.dumps(record),
    }  # fmt: skip
    return {"region": asked.region, "told": told}


def _resources(asked: Asked) -> Iterator[dict[str, str]]:
    named = {"Name": _NAMED_BY_NAME[asked.service]} if asked.service in _NAMED_BY_NAME else _NAMED
    for name, kind in named.items():
        value = asked.parameters.get(name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and each:
                yield {"ResourceType": kind, "ResourceName": each}


def _fits(told: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(str(told.get(name, "")).lower() == value.lower() for name, value in wanted.items())


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)
