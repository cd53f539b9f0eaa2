"""CloudTrail's history, as LookupEvents lists it: one attribute, both ends of the time included, the newest first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.aws.fake import Call
from tests.aws.places import ACCOUNT, NOW, REGION

PAGE = 50
ANN = "ann@example.com"


class History:
    """What happened. *listed*: event ids are listed from this moment on only."""

    def __init__(self, *events: Mapping[str, Any], now: datetime = NOW) -> None:
        self.events = list(events)
        self.now = now
        self.listed: dict[str, datetime] = {}
        self.asked: list[Mapping[str, Any]] = []

    def __call__(self, call: Call) -> Mapping[str, Any]:
        asked = call.parameters
        self.asked.append(asked)
        [wanted] = asked["LookupAttributes"]
        found = [
            event
            for event in sorted(self.events, key=lambda one: one["EventTime"], reverse=True)
            if asked["StartTime"] <= event["EventTime"] <= asked["EndTime"]
            and event.get(wanted["AttributeKey"]) == wanted["AttributeValue"]
            and self.listed.get(event["EventId"], event["EventTime"]) <= self.now
        ]
        start = int(asked.get("NextToken", "0"))
        page: dict[str, Any] = {"Events": found[start : start + PAGE]}
        return page if start + PAGE >= len(found) else page | {"NextToken": str(start + PAGE)}


_number = iter(range(10**9))


def event(
    name: str,
    source: str = "ec2",
    *,
    ago: timedelta = timedelta(minutes=10),
    now: datetime = NOW,
    identity: Mapping[str, Any] | None = None,
    username: str = ANN,
    write: bool = True,
    resources: Iterable[tuple[str, str]] = (),
    id: str = "",  # noqa: A002 - as the event has it
    **record: Any,
) -> dict[str, Any]:
    """A row of LookupEvents with its record."""
    number = id or f"event-{next(_number)}"
    said = {
        "eventVersion": "1.11", "userIdentity": dict(identity or sso("Admin")), "eventName": name, "eventID": number,
        "eventSource": f"{source}.amazonaws.com", "awsRegion": REGION, "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.17", "readOnly": not write, "eventType": "AwsApiCall", "recipientAccountId": ACCOUNT,
        **record,
    }  # fmt: skip
    return {
        "EventId": number, "EventName": name, "ReadOnly": str(not write).lower(), "EventTime": now - ago,
        "EventSource": f"{source}.amazonaws.com", "Username": username,
        "Resources": [{"ResourceType": kind, "ResourceName": one} for kind, one in resources],
        "CloudTrailEvent": json.dumps(said),
    }  # fmt: skip


def sso(role: str, session: str = ANN, **more: Any) -> dict[str, Any]:
    """A session of a role."""
    return {
        "type": "AssumedRole", "principalId": f"AROAEXAMPLE:{session}", "accountId": ACCOUNT,
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}", "accessKeyId": "ASIAEXAMPLE",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "userName": role, "accountId": ACCOUNT,
            },
            "attributes": {"mfaAuthenticated": "false"}, **more.pop("context", {}),
        },
        **more,
    }  # fmt: skip


def user(name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "accountId": ACCOUNT, "userName": name, **more,
    }  # fmt: skip


ROOT: Mapping[str, Any] = {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
SERVICE: Mapping[str, Any] = {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}


def sign_in(identity: Mapping[str, Any], *, well: bool = True, mfa: bool = True, **more: Any) -> dict[str, Any]:
    """ConsoleLogin, in the shape of "AWS Management Console sign-in events"."""
    root = identity["type"] == "Root"
    return event(
        "ConsoleLogin", "signin", identity=identity, username="root" if root else identity.get("userName", ANN),
        eventType="AwsConsoleSignIn", requestParameters=None,
        responseElements={"ConsoleLogin": "Success" if well else "Failure"},
        additionalEventData={"MFAUsed": "Yes" if mfa else "No", "LoginTo": "https://console.aws.amazon.com/"}, **more,
    )  # fmt: skip


def assumed(role: str, identity: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return event(
        "AssumeRole", "sts", identity=identity, write=False,
        requestParameters={"roleArn": f"arn:aws:iam::{ACCOUNT}:role/{role}", "roleSessionName": "x"}, **more,
    )  # fmt: skip
