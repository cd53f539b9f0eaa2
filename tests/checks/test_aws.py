"""The helpers that all AWS checks share."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from checks.aws import (
    Arn,
    AwsError,
    ErrorClass,
    arn_at,
    could_not_look,
    guarded,
    not_enabled,
    owner_of,
    production,
    tags,
    worst,
)
from checks.base import UNMANAGED, Outcome, Owner, Reading

GOOD = Reading("a", Outcome.HEALTHY, "fine", "it is fine")
OWNER = Owner("acme-prod", "db", "aws_db_instance.this", "production", "platform")


def refused(error_class: ErrorClass) -> AwsError:
    return AwsError(error_class, service="s3", operation="GetBucketPolicy", action="s3:GetBucketPolicy")


def look(error_class: ErrorClass) -> Iterable[Reading]:
    yield GOOD
    raise refused(error_class)


@pytest.mark.parametrize("error_class", ErrorClass)
def test_what_could_not_be_seen_is_unknown(error_class: ErrorClass) -> None:
    """Whatever the error, the reading is UNKNOWN and its verdict is the class."""
    reading = could_not_look("b", refused(error_class), "whether it is public")
    assert (reading.outcome, reading.verdict, reading.values) == (Outcome.UNKNOWN, str(error_class), {})
    assert "whether it is public" in reading.summary


@pytest.mark.parametrize("error_class", ErrorClass)
def test_only_a_service_that_is_off_is_not_applicable(error_class: ErrorClass) -> None:
    """Nothing else that goes wrong may pass for "there is nothing to look at"."""
    outcome = not_enabled("b", refused(error_class), "findings").outcome
    expected = Outcome.NOT_APPLICABLE if error_class is ErrorClass.NOT_ENABLED else Outcome.UNKNOWN
    assert outcome is expected


def test_a_refusal_spoils_one_resource() -> None:
    """What was read before it stays, and the resource is UNKNOWN."""
    first, second = guarded("b", "its policy", look, ErrorClass.PERMISSION)
    assert first == GOOD
    assert (second.resource, second.outcome, second.verdict) == ("b", Outcome.UNKNOWN, "permission")


def test_a_thing_that_went_away_is_dropped_only_where_this_look_listed_it() -> None:
    """Where nobody listed it, that it is missing is not known to be in order."""
    assert list(guarded("b", "it", look, ErrorClass.RACE, listed=True)) == [GOOD]
    assert [each.outcome for each in guarded("b", "it", look, ErrorClass.RACE)] == [Outcome.HEALTHY, Outcome.UNKNOWN]


def test_a_mistake_of_the_program_is_not_guarded() -> None:
    """An exception that is no refusal comes out: the run failed."""

    def broken() -> Iterable[Reading]:
        raise KeyError("Certificates")

    with pytest.raises(KeyError):
        list(guarded("b", "it", broken))


def place(owners: dict[str, Owner], known: bool) -> Any:
    return SimpleNamespace(
        owner=owners.get, ownership_known=known, partition="aws-cn", region="cn-north-1", account="1"
    )


def test_nobody_says_unmanaged_who_has_not_looked() -> None:
    """Held by a state, held by none, not known."""
    assert owner_of(place({"db-1": OWNER}, True), "arn:…", "db-1") == OWNER
    assert owner_of(place({"db-1": OWNER}, False), "", "db-1") == OWNER
    assert owner_of(place({}, True), "db-1") is UNMANAGED
    assert owner_of(place({}, False), "db-1") is None


def test_an_owner_is_told_in_one_line() -> None:
    """Stack, component and address; or that there is none."""
    assert str(OWNER) == "acme-prod/db aws_db_instance.this"
    assert str(UNMANAGED) == "unmanaged"


def test_the_stage_of_the_owner_goes_before_that_of_the_account() -> None:
    """And a stage that nobody knows is production."""
    development = Owner("acme-dev", "db", stage="development")
    assert not production({"stage": "production"}, development)
    assert production({"stage": "production"}, UNMANAGED)
    assert production({"stage": "development"}, OWNER)
    assert production({})


def test_could_not_look_is_worse_than_healthy() -> None:
    """And nothing seen at all is not healthy either."""
    assert worst([Outcome.HEALTHY, Outcome.UNKNOWN, Outcome.NOT_APPLICABLE]) is Outcome.UNKNOWN
    assert worst([Outcome.UNKNOWN, Outcome.UNHEALTHY]) is Outcome.UNHEALTHY
    assert worst([]) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "listed",
    [
        [{"Key": "Team", "Value": "pay"}],
        [{"key": "Team", "value": "pay"}],
        [{"TagKey": "Team", "TagValue": "pay"}],
        {"Team": "pay"},
    ],
)
def test_tags_in_every_service_s_way(listed: Any) -> None:
    """One mapping comes of each."""
    assert tags(listed) == {"Team": "pay"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("arn:aws:acm:eu-west-1:111111111111:certificate/1234-5678", "1234-5678"),
        ("arn:aws:rds:eu-west-1:111111111111:db:main", "main"),
        ("arn:aws-cn:s3:::my-bucket", "my-bucket"),
        ("arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/web/50dc6c495c0c9188", "50dc6c495c0c9188"),
    ],
)
def test_an_arn_comes_back_as_it_was(text: str, name: str) -> None:
    """Parsed, named, and written again."""
    arn = Arn.parse(text)
    assert arn is not None
    assert (str(arn), arn.name) == (text, name)


@pytest.mark.parametrize("text", ["", "vol-1", "arn:aws:s3", "urn:aws:s3:::b", "arn::s3:::b"])
def test_what_is_no_arn(text: str) -> None:
    """None, and no exception: identifiers come from everywhere."""
    assert Arn.parse(text) is None


def test_arns_are_built_in_the_place_s_partition() -> None:
    """With its region and account, unless the kind has none."""
    assert arn_at(place({}, True), "ec2", "volume/v") == "arn:aws-cn:ec2:cn-north-1:1:volume/v"
    assert arn_at(place({}, True), "s3", "b", region="", account="") == "arn:aws-cn:s3:::b"
