"""Who likely changed what was found changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checks.trail.events import Event, event_of
from checks.trail.sorting import Rules
from checks.trail.who import likely_who
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
