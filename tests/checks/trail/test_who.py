"""Who likely changed what was found changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checks.trail.events import Event, event_of
from checks.trail.memory import Memory
from checks.trail.sorting import Activity, Rules
from checks.trail.who import kept_events, likely_who, marks
from tests.aws.places import NOW
from tests.checks.trail.history import SERVICE, event, sso, user

HOUR = timedelta(hours=1)
A, B = "sg-1", "sg-2"


def made(name: str, *ids: str, hours: float = 1, **more: Any) -> Event:
    row = event(name, ago=hours * HOUR, resources=[("AWS::EC2::SecurityGroup", one) for one in ids], **more)
    return event_of(row, NOW)


ANN: dict[str, Any] = {"identity": user("ann")}
BOB: dict[str, Any] = {"identity": user("bob")}


def who(*events: Event, ids: tuple[str, ...] = (A, B), **rules: Any) -> list[str]:
    return [one.who for one in likely_who(events, ids, NOW - 24 * HOUR, Rules(**rules))]


def test_who_touched_it_is_named_and_nobody_else() -> None:
    """Who merely worked in the account is not."""
    found = likely_who([made("X", A, **ANN), made("Y", "sg-9", **BOB)], {A}, NOW - 24 * HOUR)
    [ann] = found
    assert (ann.who, ann.what, ann.touched, ann.via) == ("user/ann", ("ec2:X",), frozenset({A}), "cli")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], []),
        ([made("X", A, hours=25, **ANN)], []),
        ([made("X", A, write=False, **ANN)], []),
        ([made("X", A, errorCode="AccessDenied", **ANN)], []),
        ([made("X", A, identity=SERVICE)], []),
        ([made("X", A, identity={"type": "Robot"})], []),
        ([made("X", **ANN)], []),
        ([made("X", A, **ANN), made("X", A, B, **BOB)], ["user/bob", "user/ann"]),
        ([made("X", A, hours=2, **ANN), made("X", A, hours=1, **BOB)], ["user/bob", "user/ann"]),
        ([made("X", A, hours=2, **ANN), made("Z", B, hours=1, **ANN)], ["user/ann"]),
    ],
)
def test_unknown_rather_than_a_guess(events: list[Event], expected: list[str]) -> None:
    """Too early, only read, refused, by a service, by nobody who is known: no name. More of it, and later: likelier."""
    assert who(*events) == expected


def test_a_deployment_is_nobody() -> None:
    """What it changed is not drift."""
    acts = made("X", A, identity=sso("apply")), made("X", A, **ANN)
    assert who(*acts, deploy_roles=("apply",)) == ["user/ann"]


def test_what_the_latest_did_comes_first() -> None:
    """Each operation once."""
    [ann] = likely_who(
        [made("X", A, hours=3, **ANN), made("Y", A, hours=2, **ANN), made("X", B, hours=1, **ANN)],
        {A, B},
        NOW - 9 * HOUR,
    )
    assert (ann.what, ann.touched, ann.at) == (("ec2:X", "ec2:Y"), frozenset({A, B}), NOW - HOUR)


@pytest.mark.parametrize(
    ("one", "other", "source"),
    [
        ("arn:aws:rds:eu-west-1:111111111111:db:Orders", "orders", "rds"),
        ("arn:aws:s3:::logs", "logs", "s3"),
        ("arn:aws:iam::111111111111:role/path/deploy", "deploy", "iam"),
        ("arn:aws:ec2:eu-west-1:111111111111:security-group/sg-0123456789abcdef0", "sg-0123456789abcdef0", "ec2"),
        ("arn:aws:cloudwatch:eu-west-1:111111111111:alarm:cpu", "cpu", "monitoring"),
        ("arn:aws:logs:eu-west-1:111111111111:log-group:/app:*", "/app", "logs"),
        ("arn:aws:dynamodb:eu-west-1:111111111111:table/orders", "orders", "dynamodb"),
        ("arn:aws:ssm:eu-west-1:111111111111:parameter/db/key", "/db/key", "ssm"),
    ],
)
def test_what_a_state_and_an_event_call_a_thing_meets(one: str, other: str, source: str) -> None:
    """An event may name a thing by ARN or by name; a name of another service is something else."""
    assert set(marks(one)) & set(marks(other, source))
    assert source == "ec2" or not set(marks(one)) & set(marks(other, "sqs"))


def test_events_come_back_out_of_what_is_kept() -> None:
    """As evidence has them, after the store; what cannot be read is left out, and nothing else with it."""
    event_ = made("AuthorizeSecurityGroupIngress", "sg-0123456789abcdef0", **ANN)
    case = next(iter(Memory().add([(event_, Activity.SENSITIVE_CHANGE, "ec2")]).cases.values()))
    broken: list[Any] = [{}, {"what": 1, "who": "x", "at": "never"}, {"what": "a:b", "who": "c", "at": "2026-01-01"}, 7]
    [back] = kept_events({"events": [*broken, *case.events]})
    assert (back.at, back.name, back.source, back.principal) == (event_.at, event_.name, "ec2", "user/ann")
    assert (back.write, back.via, back.address) == (True, "cli", event_.address)
    assert "sg-0123456789abcdef0" in back.resources
    assert list(kept_events({})) == []
