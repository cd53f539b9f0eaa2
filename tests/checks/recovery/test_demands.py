"""What is asked of a data store: Atmos' settings, then rows of the configuration, then the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from checks.base import UNMANAGED, Owner
from checks.recovery.demands import (
    DAILY,
    WEEKLY,
    CopyRule,
    ExemptRule,
    RpoRule,
    Wish,
    demand,
    exemption,
    read_span,
    wish,
)
from checks.recovery.model import DataStore, Destination, StoreKind

HOUR = timedelta(hours=1)
ARN = "arn:aws:rds:eu-west-1:111111111111:db:orders"
STORE = DataStore(
    StoreKind.RDS, ARN, "orders", account="111111111111", region="eu-west-1", tags={"tier": "cache-a"},
    deletion_protection=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "settings", "rules", "rpo", "why"),
    [
        ("production", {}, (), DAILY, "the default in production"),
        ("staging", {}, (), DAILY, "the default in staging"),
        ("development", {}, (), WEEKLY, "the default in development"),
        ("", {}, (), DAILY, "the default in production"),
        ("production", {"rpo": "4h"}, (RpoRule(HOUR),), 4 * HOUR, "settings.barograph of acme-prod/db"),
        ("production", {"rpo": 900}, (), HOUR / 4, "settings.barograph of acme-prod/db"),
        ("production", {"rpo": {"rds": "1h30m", "ebs": "1w"}}, (), HOUR * 1.5, "settings.barograph of acme-prod/db"),
        ("production", {"rpo": {"ebs": "1w"}}, (), DAILY, "the default in production"),
        ("production", {"rpo": "soon"}, (), DAILY, "the default in production"),
        ("production", {"rpo": True}, (), DAILY, "the default in production"),
        ("production", {"rpo": "0s"}, (), None, "settings.barograph of acme-prod/db"),
        ("production", {}, (RpoRule(HOUR, kinds=(StoreKind.RDS,)),), HOUR, "checks.backups.rpo"),
        ("production", {}, (RpoRule(HOUR, kinds=(StoreKind.EBS,)),), DAILY, "the default in production"),
        ("", {}, (RpoRule(HOUR, stages=("production",)),), HOUR, "checks.backups.rpo"),
        ("staging", {}, (RpoRule(HOUR, stages=("production",)),), DAILY, "the default in staging"),
        ("production", {}, (RpoRule(HOUR, resource="*:db:ord*"), RpoRule(DAILY)), HOUR, "checks.backups.rpo"),
        ("production", {}, (RpoRule(timedelta(0)),), None, "checks.backups.rpo"),
    ],
)
def test_objectives(
    stage: str, settings: Mapping[str, object], rules: tuple[RpoRule, ...], rpo: timedelta | None, why: str
) -> None:
    """The nearest word counts: the owner's own, else the first row that fits, else the stage's default."""
    asked = demand(STORE, stage, Wish(who="acme-prod/db", settings=settings), rules, ())
    assert (asked.rpo, asked.why) == (rpo, why)


@pytest.mark.parametrize(
    ("settings", "rules", "stage", "copies"),
    [
        ({}, (), "production", ()),
        ({"backup_copy": "eu-central-1"}, (), "production", (Destination("eu-central-1"),)),
        ({"backup_copy": "eu-west-1"}, (), "production", ()),
        ({"backup_copy": [{"account": "222222222222"}]}, (), "staging", (Destination("", "222222222222"),)),
        ({"backup_copy": {"region": "us-east-1", "account": "111111111111"}}, (), "", (Destination("us-east-1"),)),
        ({"backup_copy": 7}, (), "production", ()),
        ({}, (CopyRule(region="eu-central-1"),), "", (Destination("eu-central-1"),)),
        ({}, (CopyRule(region="eu-central-1"),), "staging", ()),
        ({"backup_copy": "eu-central-1"}, (CopyRule(region="eu-central-1"),), "", (Destination("eu-central-1"),)),
        ({}, (CopyRule(region="eu-central-1", kinds=(StoreKind.S3,)),), "", ()),
    ],
)
def test_copies_asked(
    settings: Mapping[str, object], rules: tuple[CopyRule, ...], stage: str, copies: tuple[Destination, ...]
) -> None:
    """Copies are asked for by the owner and by rows; none where the data already is, none twice."""
    assert demand(STORE, stage, Wish(settings=settings), (), rules).copies == copies


@pytest.mark.parametrize(("stage", "asked"), [("production", True), ("", True), ("staging", False)])
def test_deletion_protection_is_asked_in_production(stage: str, asked: bool) -> None:
    """Of what has such a switch, and of a stage that nobody knows too."""
    assert demand(STORE, stage, Wish(), (), ()).deletion_protection is asked


def test_exemptions_end_and_need_their_tag() -> None:
    """A rule holds through its last day; one with a tag only where the tag is."""
    rule = ExemptRule("*:db:*", "a cache", "platform", date(2026, 6, 1), tag="tier=cache-*")
    other = ExemptRule("*:db:*", "a cache", "platform", date(2026, 6, 1), tag="tier=db")
    assert exemption((other, rule), STORE, datetime(2026, 6, 1, 23, tzinfo=UTC)) == (rule, [])
    assert exemption((other, rule), STORE, datetime(2026, 6, 2, tzinfo=UTC)) == (None, [rule])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ExemptRule("*", " ", "me", date(2026, 1, 1)), "an exemption needs reason"),
        (lambda: ExemptRule("*", "r", "", date(2026, 1, 1)), "an exemption needs owner"),
        (lambda: ExemptRule("*", "r", "o", date(2026, 1, 1), tag="cache"), "tag is written name=value"),
        (lambda: RpoRule(-HOUR), "cannot be negative"),
        (CopyRule, "needs a region or an account"),
    ],
)
def test_rules_that_say_nothing_are_refused(make: object, said: str) -> None:
    """The configuration hears what is missing."""
    with pytest.raises(ValueError, match=said):
        make()  # type: ignore[operator]  # a table of makers


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("26h", 93_600), ("1d12h", 129_600), ("90s", 90), (60, 60), (1.5, 1.5), ("", None), ("h", None), (-1, None),
     (float("nan"), None), ("9999999h", None), ([], None)],
)  # fmt: skip
def test_spans(text: object, seconds: float | None) -> None:
    """Lengths of time as people write them; what is none is not guessed at."""
    assert read_span(text) == (None if seconds is None else timedelta(seconds=seconds))


def test_what_the_owner_said_is_remembered_while_nobody_knows_the_owner() -> None:
    """A state that cannot be read makes no relaxed objective strict; an owner that is known decides anew."""
    owner = Owner("acme-dev", "db", "aws_db_instance.a", "development", settings={"rpo": "2d", "schedule": "1h"})
    said = wish(owner, None)
    assert said.kept == {"stage": "development", "who": str(owner), "settings": {"rpo": "2d"}}
    assert wish(None, said.kept) == said
    assert wish(UNMANAGED, said.kept) == Wish()
    assert wish(None, None) == Wish()
    assert wish(Owner("acme-prod", "db", stage="production"), None).kept == {}
