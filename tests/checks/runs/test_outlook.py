"""What an apply would meet, one case a line: what is so, what is not, and what nobody knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checks.base import Outcome
from checks.plans.model import NOT_UNDONE
from checks.runs.impact import Impact, Planned, Source
from checks.runs.outlook import Answer, Around, Drifted, Known, Topic, outlook, worst
from tests.checks.runs.test_record import NOW

ARN = "arn:aws:rds:eu-west-1:111111111111:db:orders"
DB = Planned("aws_db_instance.a", "aws_db_instance", "delete", id=ARN)
DRIFT = Drifted("v1:a", "aws_vpc.a has changed", NOW - timedelta(hours=3), "bob", [
    {"address": "aws_vpc.a", "class": "drift", "action": "update",
     "paths": [{"path": "tags.Owner", "recorded": "a", "actual": "b", "desired": "a"}]},
])  # fmt: skip


def known(verdict: str = "protected", summary: str = "can be restored as of today", **more: Any) -> Known:
    return replace(Known("x", Outcome.HEALTHY, verdict, summary, NOW - timedelta(minutes=30)), **more)


def impact(*rows: Planned, **more: Any) -> Impact:
    created: dict[str, int] = {}
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.action] = counts.get(row.action, 0) + 1
        if row.action == "create":
            created[row.type] = created.get(row.type, 0) + 1
    return replace(Impact("p", Source.PLAN, NOW, rows, counts, created), **more)


def told(topic: Topic, one: Impact, around: Around) -> list[tuple[Answer, str]]:
    return [(line.answer, line.told) for line in outlook(one, around, NOW) if line.topic is topic]


RECOVERY: list[tuple[str, Planned, Known | None, Answer, str]] = [
    ("a recent point", DB, known(), Answer.FINE, "can be restored as of today (seen 30 min ago)"),
    ("none", DB, known("never", "nothing backs this up"), Answer.BAD, "recovery point: nothing backs this up"),
    ("an old one", DB, known("late", "of last week"), Answer.BAD, "no recent recovery point"),
    ("not read", DB, known("not_read", "denied", outcome=Outcome.UNKNOWN), Answer.UNKNOWN, "not known: denied"),
    ("seen long ago", DB, known(at=NOW - timedelta(days=3)), Answer.UNKNOWN, "seen 3 days ago"),
    ("stale", DB, known(stale="denied"), Answer.UNKNOWN, "denied"),
    ("not listed", DB, None, Answer.UNKNOWN, "the check backups has not looked there"),
    ("no ARN", replace(DB, id=""), known(), Answer.UNKNOWN, "by which name AWS knows it is not told"),
    ("nobody looks", Planned("aws_msk_cluster.a", "aws_msk_cluster", "replace", id="x"), known(), Answer.UNKNOWN,
     "nobody looks after recovery points of its type"),
    ("its own versions", Planned("aws_s3_bucket.a", "aws_s3_bucket", "delete", id=ARN),
     known(summary="versioning keeps what is overwritten or deleted"), Answer.BAD, "they go with it"),
    ("a last snapshot", replace(DB, final=True), known("never", "nothing"), Answer.BAD, "takes a last snapshot"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "row", "seen", "answer", "words"), RECOVERY, ids=[row[0] for row in RECOVERY])
def test_what_goes_in_production_asks_for_a_recovery_point(
    what: str, row: Planned, seen: Known | None, answer: Answer, words: str
) -> None:
    """A stage that is not known counts as production; elsewhere nothing is asked."""
    backups = {ARN: seen} if seen is not None else {}
    for stage in ("production", ""):
        ((found, text),) = told(Topic.RECOVERY, impact(row), Around(stage, backups=backups))
        assert (found, words in text) == (answer, True), text
    assert told(Topic.RECOVERY, impact(row), Around("staging", backups=backups)) == [], what


def test_what_stays_asks_for_none_and_what_is_cut_is_said() -> None:
    """An update of a data store leaves what it holds."""
    assert told(Topic.RECOVERY, impact(replace(DB, action="update")), Around()) == []
    cut = impact(counts={"delete": 2}, left_out=2)
    assert [answer for answer, _ in told(Topic.RECOVERY, cut, Around())] == [Answer.UNKNOWN]


VPC = Planned("aws_vpc.a", "aws_vpc", "update")
UNDONE: list[tuple[str, Impact, tuple[Drifted, ...], Answer, str]] = [
    ("undone", impact(VPC), (DRIFT,), Answer.BAD,
     "this apply undoes what was changed (tags.Owner: a -> b) by hand, seen 2026-03-02 06:00 UTC, likely by bob"),
    ("nobody knows who", impact(VPC), (replace(DRIFT, who=""),), Answer.BAD, "by whom is not known"),
    ("left alone", impact(), (DRIFT,), Answer.FINE, "this plan leaves it as it is"),
    ("moved only", impact(replace(VPC, action="move")), (DRIFT,), Answer.FINE, "leaves it as it is"),
    ("not told", impact(left_out=1), (DRIFT,), Answer.UNKNOWN, "is not known"),
    ("by the log", impact(source=Source.OUTPUT), (DRIFT,), Answer.UNKNOWN, "the log alone"),
    ("by the log, named", impact(VPC, source=Source.OUTPUT), (DRIFT,), Answer.BAD, "undoes"),
    ("no plan", impact(why="it hangs"), (DRIFT,), Answer.UNKNOWN, "it hangs"),
    ("no apply undoes it", impact(VPC), (replace(DRIFT, differences=[{**DRIFT.differences[0],
     "note": f"x; {NOT_UNDONE}"}]),), Answer.FINE, "an apply leaves it as it is"),
    ("seen by the plan alone", impact(replace(VPC, drifted=True)), (), Answer.BAD, "no incident tells of it yet"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "one", "incidents", "answer", "words"), UNDONE, ids=[row[0] for row in UNDONE])
def test_drift_that_an_apply_undoes_is_told(
    what: str, one: Impact, incidents: tuple[Drifted, ...], answer: Answer, words: str
) -> None:
    """With what it was, who likely did it and the incident; what is pending is none."""
    ((found, text),) = told(Topic.DRIFT, one, Around(incidents=incidents))
    assert (found, words in text) == (answer, True), text
    pending = replace(DRIFT, differences=[{**DRIFT.differences[0], "class": "pending"}])
    assert all("undoes" not in text for _, text in told(Topic.DRIFT, impact(VPC), Around(incidents=(pending,)))), what


@pytest.mark.parametrize(
    ("drift", "answer"),
    [
        (None, Answer.UNKNOWN), (known("in_sync", ""), Answer.FINE),
        (known("error", "no plan", outcome=Outcome.UNKNOWN), Answer.UNKNOWN),
        (known("in_sync", "", at=NOW - timedelta(days=4)), Answer.UNKNOWN),
        (known("in_sync", "", stale="timeout"), Answer.UNKNOWN),
    ],
)  # fmt: skip
def test_that_nothing_is_open_is_said_only_by_who_looked(drift: Known | None, answer: Answer) -> None:
    """Lately, and well."""
    assert [found for found, _ in told(Topic.DRIFT, impact(VPC), Around(drift=drift))] == [answer]


def quota(used: float, limit: float, **more: Any) -> Known:
    return known("within", "", values={"used": used, "limit": limit}, **more)


NEW = Planned("aws_vpc.n", "aws_vpc", "create")
MACHINE = Planned("aws_instance.a", "aws_instance", "create", variant="m5.xlarge")
QUOTAS: list[tuple[str, Impact, dict[tuple[str, str], Known], list[tuple[Answer, str]]]] = [
    ("room", impact(NEW), {("vpc", "L-F678F1CE"): quota(3, 5)}, [(Answer.FINE, "1 more (aws_vpc); 3 of 5")]),
    ("full", impact(NEW, NEW, NEW), {("vpc", "L-F678F1CE"): quota(3, 5)}, [(Answer.BAD, "would be refused")]),
    ("not looked", impact(NEW), {}, [(Answer.UNKNOWN, "the check quotas has not looked there")]),
    ("old", impact(NEW), {("vpc", "L-F678F1CE"): quota(3, 5, at=NOW - timedelta(hours=9))},
     [(Answer.UNKNOWN, "last seen 9 h ago")]),
    ("swapped", impact(replace(NEW, action="replace", order="create_first")), {("vpc", "L-F678F1CE"): quota(5, 5)},
     [(Answer.BAD, "1 more")]),
    ("swapped in place", impact(replace(NEW, action="replace", order="destroy_first")), {}, []),
    ("vCPUs", impact(MACHINE, MACHINE), {("ec2", "L-1216C47A"): quota(60, 64)}, [(Answer.BAD, "8 more")]),
    ("metal", impact(replace(MACHINE, variant="m5.metal")), {}, [(Answer.UNKNOWN, "how many vCPUs")]),
    ("per VPC", impact(Planned("aws_subnet.a", "aws_subnet", "create")), {}, [(Answer.UNKNOWN, "for each VPC")]),
    ("a network balancer", impact(Planned("aws_lb.a", "aws_lb", "create", variant="network")),
     {("elasticloadbalancing", "L-69A177A2"): quota(1, 50)}, [(Answer.FINE, "1 of 50")]),
    ("not all balancers are told", impact(created={"aws_lb": 2}, left_out=2), {}, [(Answer.UNKNOWN, "not all")]),
    ("not all instances are told", impact(created={"aws_instance": 2}, left_out=2), {}, [(Answer.UNKNOWN, "not all")]),
    ("no plan", impact(why="it hangs"), {}, []),
]  # fmt: skip


@pytest.mark.parametrize(("what", "one", "quotas", "lines"), QUOTAS, ids=[row[0] for row in QUOTAS])
def test_what_is_created_is_held_against_quotas(
    what: str, one: Impact, quotas: dict[tuple[str, str], Known], lines: list[tuple[Answer, str]]
) -> None:
    """As they were seen last; a quota that nobody told of has no room that anybody knows of."""
    found = told(Topic.QUOTA, one, Around(place="111111111111/eu-west-1", quotas=quotas))
    assert [answer for answer, _ in found] == [answer for answer, _ in lines], what
    assert all(words in text for (_, words), (_, text) in zip(lines, found, strict=True)), found


def free(number: float, **more: Any) -> Known:
    return known("fine", "", values={"subnet_addresses_free": number}, **more)


@pytest.mark.parametrize(
    ("row", "number", "answers"),
    [
        (replace(MACHINE, subnets=("subnet-1",), takes=1), free(1), [Answer.FINE]),
        (replace(MACHINE, subnets=("subnet-1",), takes=1), free(0), [Answer.BAD]),
        (replace(MACHINE, subnets=("subnet-1",), takes=1), None, [Answer.UNKNOWN]),
        (replace(MACHINE, subnets=("subnet-1",), takes=1), free(9, stale="denied"), [Answer.UNKNOWN]),
        (replace(MACHINE, somewhere=True), free(9), [Answer.UNKNOWN]),
        (Planned("aws_lb.a", "aws_lb", "create", subnets=("subnet-1",), takes=1), free(7), [Answer.BAD]),
        (Planned("aws_autoscaling_group.a", "aws_autoscaling_group", "create", subnets=("subnet-1", "subnet-2"),
                 takes=7), free(3), [Answer.BAD, Answer.UNKNOWN]),
    ],
)  # fmt: skip
def test_addresses_that_are_taken_are_held_against_subnets(
    row: Planned, number: Known | None, answers: list[Answer]
) -> None:
    """Spread evenly over the subnets of one resource; a load balancer needs eight free ones."""
    subnets = {"subnet-1": number} if number is not None else {}
    assert [answer for answer, _ in told(Topic.SUBNET, impact(row), Around(subnets=subnets))] == answers


def test_addresses_of_what_is_not_told_are_not_known() -> None:
    """What was cut, and what the log alone tells of."""
    by_log = impact(MACHINE, source=Source.OUTPUT)
    cut = impact(created={"aws_instance": 3}, left_out=3)
    other = impact(created={"aws_vpc": 3}, left_out=3)
    assert [told(Topic.SUBNET, one, Around())[:1] for one in (by_log, cut, other)] == [
        [(Answer.UNKNOWN, "of 1 new resources the subnets are not told: whether they have room is not known")],
        [(Answer.UNKNOWN, "of 3 new resources the subnets are not told: whether they have room is not known")], [],
    ]  # fmt: skip


def test_the_worst_stands_first() -> None:
    """What is bad, then what nobody knows."""
    lines = outlook(impact(DB, NEW), Around(backups={ARN: known("never", "")}), NOW)
    assert [line.answer for line in lines] == [Answer.BAD, Answer.UNKNOWN, Answer.UNKNOWN]
    assert worst(lines) is Answer.BAD
    assert worst(()) is Answer.FINE
