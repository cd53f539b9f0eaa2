"""What earlier looks leave: thresholds that do not flap, growth, hardly any use, and what is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from checks.base import Kind, Outcome
from checks.usage.model import Service
from checks.utilization import Utilization
from tests.aws.fake import FakeAws, Fault
from tests.aws.places import NOW
from tests.checks.usage.answers import (
    FINE_DB,
    GIB,
    MACHINES,
    METRICS,
    QUIET,
    alarm,
    alarms,
    arn,
    database,
    databases,
    instances,
    measured,
    run,
    steady,
)

I1, DB = arn("ec2", "instance/i-1"), arn("rds", "db:orders")


def cpu(percent: float, memory: Any = None, **place: Any) -> tuple[str, Any]:
    """The verdict on an instance with so much load, and what the look leaves."""
    answers = {**QUIET, **instances("i-1"), **measured({("CPUUtilization", "i-1"): steady(percent)})}
    readings, at = run(FakeAws(answers), MACHINES, memory=memory or {}, **place)
    return readings[f"{I1}#cpu"].verdict, at.kept


def test_a_load_around_the_threshold_does_not_come_and_go() -> None:
    """It is too much from 90 % on, and until it is below 80 %."""
    said, memory = list[Any](), dict[str, Any]()
    for percent in (88, 91, 88, 92, 81, 79, 88):
        word, memory = cpu(percent, memory)
        said.append(word)
    assert said == ["within", "over_used", "over_used", "over_used", "over_used", "within", "within"]


def test_what_was_too_much_is_remembered_while_nobody_can_see_it() -> None:
    """A refused question in between does not make it fine at 85 %."""
    _, memory = cpu(95)
    fake = FakeAws({**QUIET, **instances("i-1")})
    for fails in (METRICS, ("ec2", "describe_instances")):
        with fake.failing(*fails, Fault.THROTTLED):
            _, at = run(fake, MACHINES, memory=memory)
        memory = at.kept
    assert cpu(85, memory)[0] == "over_used"


def test_what_is_gone_is_said_to_be_gone_once() -> None:
    """Even where something else cannot be seen, so that the look as a whole has a gap."""
    _, memory = cpu(95)
    readings, at = run(FakeAws({**QUIET, **alarms(alarm(state="INSUFFICIENT_DATA"))}), memory=memory)
    assert (readings[f"{I1}#cpu"].outcome, readings[f"{I1}#cpu"].verdict) == (Outcome.NOT_APPLICABLE, "gone")
    assert at.kept["words"] == {}


def test_hardly_any_use_is_told_after_a_week_of_looks() -> None:
    """As performance; a day that nobody looked at starts the week anew."""
    said, memory = list[Any](), dict[str, Any]()
    for day in range(9):
        word, memory = cpu(1, memory, now=NOW + timedelta(days=day))
        said.append(word)
    assert said == ["within"] * 7 + ["under_used"] * 2
    assert cpu(1, memory, now=NOW + timedelta(days=11))[0] == "within"


def test_hardly_any_use_is_evidence_for_the_cost() -> None:
    """Since when, and counted, at the tier of the weekly review."""
    since = NOW.timestamp() - 8 * 86_400
    memory = {"low": {f"{I1}#cpu": [since, NOW.timestamp() - 3600]}}
    answers = {**QUIET, **instances("i-1"), **measured({("CPUUtilization", "i-1"): steady(1)})}
    reading = run(FakeAws(answers), MACHINES, memory=memory)[0][f"{I1}#cpu"]
    assert (reading.findings[0].kind, reading.findings[0].key) == (Kind.PERFORMANCE, "cpu_under_used")
    assert (reading.evidence["under_used_since"], reading.values["under_used"]) == (since, 1.0)


def test_storage_that_grows_is_told_before_it_is_full() -> None:
    """Two percent more each day: at 60 % used it is full in twenty days, at 74 % in less than two weeks."""
    said, memory = list[Any](), dict[str, Any]()
    for day in range(8):
        free = (40 - 2 * day) * GIB
        answers = {
            **QUIET,
            **databases(database()),
            **measured({**FINE_DB, ("FreeStorageSpace", "orders"): steady(free)}),
        }
        check = Utilization(alarms=False, services=(Service.RDS,))
        readings, at = run(FakeAws(answers), check, memory=memory, now=NOW + timedelta(days=day))
        memory, reading = at.kept, readings[f"{DB}#storage"]
        said.append((reading.verdict, [each.kind for each in reading.findings]))
    assert said[1] == ("within", [])
    assert said[3] == ("growing", [Kind.PERFORMANCE])
    assert said[7] == ("filling", [Kind.UTILIZATION])
    full = (reading.values["full_timestamp_seconds"] - (NOW + timedelta(days=7)).timestamp()) / 86_400
    assert 12.9 < full < 13.1
