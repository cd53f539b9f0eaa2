"""One event of CloudTrail -> plain data. Of what was asked only the names of parameters are kept: values can be secret.

Fields are those of the record's reference: "CloudTrail record contents" and "CloudTrail userIdentity element".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from checks.base import Json

MAX_TEXT = 200
MAX_LISTED = 20  # resources, parameters of one event
# Their "name" is the id of a key, of use to nobody here.
_NOT_NAMED = frozenset({"AWS::IAM::AccessKey", "AWS::STS::AssumedRole"})


class Actor(StrEnum):
    """What kind of identity acted."""

    ROOT = "root"
    USER = "user"  # of IAM
    ROLE = "role"  # a session of one: a person's, or a program's
    MACHINE = "machine"  # a session that an instance, a function, a task or a pod got for itself
    SERVICE = "service"  # AWS itself, or one of its services for somebody
    OTHER_ACCOUNT = "other_account"
    UNKNOWN = "unknown"  # the record cannot be read, or names a kind that is new


@dataclass(frozen=True, slots=True)
class Event:
    """Who did what, when, from where, to what."""

    id: str
    at: datetime
    name: str  # AuthorizeSecurityGroupIngress
    source: str  # ec2
    actor: Actor
    principal: str  # for people: "root", "user/ann", "role/Admin/ann@example.com"
    role: str = ""  # name of the role whose session it is
    role_arn: str = ""
    write: bool = False  # whether it changes something
    address: str = ""  # source IP address, or the name of a service
    via: str = ""  # console, cli, terraform, sdk
    error: str = ""  # AWS' code, where it was refused or failed
    resources: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()  # names only
    mfa: bool | None = None  # of a sign-in: whether it was with MFA; None: it does not say
    signed_in: bool | None = None  # of a sign-in: whether it succeeded
    assumed: str = ""  # ARN of the role that was taken on
    readable: bool = True  # False: the record was no JSON, and only what the list says is known


def event_of(row: Mapping[str, Json], listed_by: datetime) -> Event:
    """Read one row of LookupEvents. What cannot be read is left out, and the event is never dropped for it.

    *listed_by*: the end of the time that was asked for, which an event without a time is taken to be of.
    """
    record, readable = _record(row.get("CloudTrailEvent"))
    identity = _mapping(record.get("userIdentity"))
    actor = _actor(record, identity) if readable else _actor_by_name(row)
    role, role_arn = _role(identity)
    name = _text(row.get("EventName") or record.get("eventName"))
    extra, answer = _mapping(record.get("additionalEventData")), _mapping(record.get("responseElements"))
    asked = _mapping(record.get("requestParameters"))
    return Event(
        id=_text(row.get("EventId") or record.get("eventID")),
        at=row.get("EventTime") or listed_by,
        name=name,
        source=_text(row.get("EventSource") or record.get("eventSource")).removesuffix(".amazonaws.com"),
        actor=actor,
        principal=_principal(actor, identity, role, _text(row.get("Username"))),
        role=role,
        role_arn=role_arn,
        write=str(row.get("ReadOnly", record.get("readOnly"))).lower() == "false",
        address=_text(record.get("sourceIPAddress")),
        via=_via(record),
        error=_text(record.get("errorCode")),
        resources=_resources(row, record),
        parameters=tuple(sorted(map(_text, asked)))[:MAX_LISTED],
        mfa=_yes_or_no(extra.get("MFAUsed")),
        signed_in={"Success": True, "Failure": False}.get(_text(answer.get(name))),
        assumed=_text(asked.get("roleArn")) if name.startswith("AssumeRole") else "",
        readable=readable,
    )


def _record(text: Any) -> tuple[Mapping[str, Any], bool]:
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        found = None
    return (found, True) if isinstance(found, dict) else ({}, False)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return "".join(char for char in value if char.isprintable())[:MAX_TEXT] if isinstance(value, str) else ""


def _actor_by_name(row: Mapping[str, Json]) -> Actor:
    return Actor.ROOT if row.get("Username") == "root" else Actor.UNKNOWN


def _actor(record: Mapping[str, Any], identity: Mapping[str, Any]) -> Actor:
    kind = identity.get("type")
    if kind == "AWSService" or identity.get("invokedBy") or record.get("eventType") == "AwsServiceEvent":
        return Actor.SERVICE
    if kind == "Root":
        return Actor.ROOT
    if kind in ("IAMUser", "FederatedUser", "SAMLUser", "IdentityCenterUser"):
        return Actor.USER
    if kind in ("AssumedRole", "Role"):
        return _of_session(identity)
    if kind == "WebIdentityUser":
        return Actor.MACHINE
    return Actor.OTHER_ACCOUNT if kind == "AWSAccount" else Actor.UNKNOWN


def _of_session(identity: Mapping[str, Any]) -> Actor:
    context = _mapping(identity.get("sessionContext"))
    issuer = _mapping(context.get("sessionIssuer"))
    if ":role/aws-service-role/" in _text(issuer.get("arn")):
        return Actor.SERVICE
    # AWS writes these of credentials that an instance or a function got for itself, or that a pod or a CI system traded
    # a token for. The name of a session is no sign: whoever takes on a role may choose it.
    own = context.get("ec2RoleDelivery") or context.get("webIdFederationData") or identity.get("inScopeOf")
    return Actor.MACHINE if own else Actor.ROLE


def _role(identity: Mapping[str, Any]) -> tuple[str, str]:
    issuer = _mapping(_mapping(identity.get("sessionContext")).get("sessionIssuer"))
    arn = _text(issuer.get("arn"))
    if issuer.get("type") == "Role":
        return _text(issuer.get("userName")) or arn.rpartition("/")[2], arn
    parts = _text(identity.get("arn")).split("assumed-role/")
    return (parts[1].partition("/")[0], "") if len(parts) == 2 else ("", "")


def _principal(actor: Actor, identity: Mapping[str, Any], role: str, listed: str) -> str:
    if actor is Actor.ROOT:
        return "root"
    arn = _text(identity.get("arn"))
    if role:
        return f"role/{role}/{arn.rpartition('/')[2] or listed}"
    if actor is Actor.OTHER_ACCOUNT:
        return f"account/{_text(identity.get('accountId')) or 'unknown'}"
    name = _text(identity.get("userName")) or arn.rpartition("/")[2] or listed
    return f"user/{name or 'unknown'}"


def _via(record: Mapping[str, Any]) -> str:
    """By what kind of program, in words of ours: the user agent itself is whatever the client says."""
    agent = _text(record.get("userAgent")).lower()
    if record.get("sessionCredentialFromConsole") == "true" or "console" in agent or "signin.amazonaws" in agent:
        return "console"
    for mark, word in (
        ("terraform", "terraform"),
        ("opentofu", "terraform"),
        ("aws-cli", "cli"),
        ("cloudshell", "cli"),
    ):
        if mark in agent:
            return word
    return "sdk" if agent else ""


def _resources(row: Mapping[str, Json], record: Mapping[str, Any]) -> tuple[str, ...]:
    listed = [
        one.get("ResourceName")
        for one in row.get("Resources") or ()
        if one.get("ResourceType") not in _NOT_NAMED
    ]  # fmt: skip
    told = record.get("resources")
    if isinstance(told, list):
        listed += [one.get("ARN") for one in told if isinstance(one, dict)]
    return tuple(dict.fromkeys(filter(None, map(_text, listed))))[:MAX_LISTED]


def _yes_or_no(value: Any) -> bool | None:
    return {"Yes": True, "No": False}.get(value) if isinstance(value, str) else None


def unique(events: Iterable[Event]) -> list[Event]:
    """Each event once, the oldest first: the same one is found by several questions."""
    found = {event.id or f"{event.at.isoformat()} {event.name} {event.principal}": event for event in events}
    return sorted(found.values(), key=lambda event: (event.at, event.id))
