"""Impacts of runs out of the store: kept redacted, tied to the right instance, held against what checks saw."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.base import Finding, Instance, Kind, Outcome, Reading
from checks.runs.impact import Impact, Source
from checks.runs.outlook import Answer, Topic
from daemon.executions.impacts import Assessed, as_json, for_approval, of_run, planned_of
from daemon.record import Recorder, Run
from tests.alerts.build import POLICY
from tests.daemon.executions.world import NOW, RUN, SECRET, World, number, world

ACCOUNT, REGION = "111111111111", "eu-west-1"
PLACE = f"{ACCOUNT}/{REGION}"
DB = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:orders"
VPC = Instance("acme-prod", "vpc", "vpc", stage="production", account=ACCOUNT, region=REGION, workspace="prod",
               working_directory="components/terraform/vpc")  # fmt: skip
DIFFERENCE = {"address": "aws_vpc.a", "class": "drift", "action": "update", "paths": []}
ROWS: list[dict[str, Any]] = [
    {"addr": "aws_db_instance.a", "type": "aws_db_instance", "action": "replace", "order": "destroy_first", "id": DB},
    {"addr": "aws_vpc.a", "type": "aws_vpc", "action": "update"},
    {"addr": f'aws_vpc.n["{SECRET}"]', "type": "aws_vpc", "action": "create", "opens": [f"x {SECRET}"]},
    {"addr": "aws_instance.a", "type": "aws_instance", "action": "create", "variant": "t3.micro",
     "subnets": ["subnet-0a"], "takes": 1},
]  # fmt: skip
TOLD = {"plan": "p", "part": 0, "parts": 1, "workspace": "prod", "operation": "plan", "replace": 1, "update": 1,
        "create": 2, "created": ["aws_vpc 1", "aws_instance 1"], "rows": ROWS}  # fmt: skip


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def saw(here: World, check: str, place: str, *readings: Reading) -> None:
    """A look of a check."""
    labels = {"stack": "acme-prod", "component": "vpc", "stage": "production"}
    Recorder(here.store, POLICY).record(Run(check, place, labels, here.now, here.now, readings), None)


def planned(here: World, **more: Any) -> Assessed:
    """A run that told of a plan, as it is assessed."""
    here.start()
    here.send(here.event(1, "impact", **{**TOLD, **more}))
    with here.store.read() as view:
        (found,) = of_run(view, RUN, (VPC,), here.now)
    return found


def answers(found: Assessed) -> dict[tuple[Topic, str], Answer]:
    return {(line.topic, line.subject): line.answer for line in found.lines}


def test_a_plan_is_held_against_all_that_was_seen(here: World) -> None:
    """Drift with its incident, quotas, subnets, recovery points: each with an answer."""
    drifted = Finding(Kind.DRIFT, "drift", "changed", evidence={"differences": [DIFFERENCE], "who": "bob"})
    saw(here, "drift", VPC.key, Reading(VPC.key, Outcome.UNHEALTHY, "drift", "changed", (drifted,)))
    saw(here, "quotas", PLACE, Reading("q", Outcome.HEALTHY, "within", "", values={"used": 5.0, "limit": 5.0},
                                       evidence={"service_code": "vpc", "quota_code": "L-F678F1CE"}))  # fmt: skip
    subnet = f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/subnet-0a"
    saw(here, "network", PLACE,
        Reading(subnet, Outcome.HEALTHY, "fine", "", values={"subnet_addresses_free": 9.0}))  # fmt: skip
    saw(here, "backups", PLACE, Reading(DB, Outcome.UNHEALTHY, "never", "nothing backs this up"))
    found = planned(here)
    assert answers(found) == {
        (Topic.DRIFT, "aws_vpc.a"): Answer.BAD, (Topic.QUOTA, "vpc/L-F678F1CE"): Answer.BAD,
        (Topic.QUOTA, "ec2/L-1216C47A"): Answer.UNKNOWN, (Topic.SUBNET, "subnet-0a"): Answer.FINE,
        (Topic.RECOVERY, "aws_db_instance.a"): Answer.BAD,
    }  # fmt: skip
    drift = next(line for line in found.lines if line.topic is Topic.DRIFT)
    assert ("likely by bob" in drift.told, drift.incident) == (True, here.incidents()[0].fingerprint)
    assert found.worst is Answer.BAD
    assert (
        found.title
        == "1 to replace, 1 to update, 2 to create, 1 destroyed before created, 1 opening or weakening something"
    )
    here.move(hours=30)
    with here.store.read() as view:
        (later,) = of_run(view, RUN, (VPC,), here.now)
    assert answers(later)[Topic.SUBNET, "subnet-0a"] is Answer.UNKNOWN


def test_what_nobody_saw_is_not_known(here: World) -> None:
    """No check has looked: nothing is fine."""
    found = planned(here)
    assert Answer.FINE not in answers(found).values()


def test_secrets_are_taken_out_again(here: World) -> None:
    """In keys of addresses, and in what is opened; of the row the rest stays."""
    text = json.dumps(as_json(planned(here)))
    assert SECRET not in text
    assert 'aws_vpc.n[\\"(sensitive)\\"]' in text
    assert SECRET.encode() not in (here.folder / "barograph.db").read_bytes()


def test_the_end_of_an_incident_is_the_end_of_its_drift(here: World) -> None:
    """What was reverted is not undone again."""
    drifted = Finding(Kind.DRIFT, "drift", "changed", evidence={"differences": [DIFFERENCE]})
    saw(here, "drift", VPC.key, Reading(VPC.key, Outcome.UNHEALTHY, "drift", "changed", (drifted,)))
    here.now += timedelta(hours=1)
    saw(here, "drift", VPC.key, Reading(VPC.key, Outcome.HEALTHY, "in_sync", "fine"))
    assert answers(planned(here))[Topic.DRIFT, "drift"] is Answer.FINE


def impact(workspace: str = "", folder: str = "", source: Source = Source.PLAN) -> Impact:
    return Impact("p", source, NOW, workspace=workspace, component=folder)


OTHER = Instance("acme-prod", "db", "db", workspace="prod-db", working_directory="components/terraform/db")


@pytest.mark.parametrize(
    ("stack", "component", "one", "found", "why"),
    [
        ("acme-prod", "vpc", impact("prod"), VPC, ""),
        ("acme-prod", "vpc", impact(source=Source.OUTPUT), VPC, ""),
        ("acme-prod", "vpc", impact(), None, "it was planned in the workspace default, and not in prod"),
        ("acme-prod", "vpc", impact("other"), None, "it was planned in the workspace other, and not in prod"),
        ("acme-prod", "", impact("prod-db"), OTHER, ""),
        ("acme-prod", "", impact("", "components/terraform/db", Source.OUTPUT), OTHER, ""),
        ("acme-prod", "", impact("prod", "components/terraform/vpc"), VPC, ""),
        ("acme-prod", "", impact(source=Source.OUTPUT), None, "which component"),
        ("acme-x", "vpc", impact(), None, "no instance is called acme-x/vpc"), ("", "", impact(), None, "which stack"),
    ],
)  # fmt: skip
def test_a_plan_is_tied_to_the_instance_of_its_workspace_only(
    stack: str, component: str, one: Impact, found: Instance | None, why: str
) -> None:
    """A plan of another workspace is not held against this one's resources."""
    instance, told = planned_of(stack, component, one, (VPC, OTHER))
    assert (instance, why in told) == (found, True), told


def test_a_plan_that_could_not_be_read_is_not_an_empty_one(here: World) -> None:
    """And a run without one has none."""
    found = planned(here, why="it did not end", rows=[], replace=0, update=0, create=0, created=[])
    assert (found.worst, found.title) == (Answer.UNKNOWN, "not known: it did not end")
    with here.store.read() as view:
        assert of_run(view, "nothing", (VPC,), here.now) == ()


@pytest.mark.parametrize(
    ("applied", "folder", "said"), [("d1", "vpc", False), ("d2", "vpc", True), ("d2", "app", False)]
)
def test_another_plan_than_was_planned_is_told_where_it_is_applied(
    here: World, applied: str, folder: str, said: bool
) -> None:
    """By the digest of the file: what was shown before it began is not what was done."""
    here.start()
    here.send(here.event(1, "impact", **{**TOLD, "digest": "d1", "component": "vpc"}))
    here.send(here.event(2, "impact", **{**TOLD, "plan": "q", "operation": "apply", "digest": applied,
                                         "component": folder}))  # fmt: skip
    with here.store.read() as view:
        found = of_run(view, RUN, (VPC,), here.now)
    assert [bool(one.other) for one in found] == ([False] if applied == "d1" else [False, said])
    assert bool(as_json(found[-1])["not_as_planned"]) is said
    assert (found[-1].worst is Answer.BAD) or not said


def test_who_approves_sees_the_plan_of_the_same_commit_and_stack(here: World) -> None:
    """The run's own where it has planned; else the newest one; never of another commit, or of long ago."""

    def shown(commit: str = "c" * 40, stack: str = "acme-prod", run: str = RUN) -> str:
        with here.store.read() as view:
            return for_approval(view, run, stack, commit, (VPC,), here.now)[0]

    for count, commit in enumerate(("c" * 40, "c" * 40, "d" * 40), 1):
        here.start(number(count), git_sha=commit, workflow="plan-environment")
        here.send(here.event(1, "impact", number(count), **TOLD))
        here.end(number(count))
        here.judge.tick()
        here.move(minutes=1)
    assert (shown(), shown("d" * 40), shown("e" * 40), shown(stack="acme-dev"), shown("")) == (
        number(2), number(3), "", "", "",
    )  # fmt: skip
    assert shown(run=number(1)) == number(1)
    here.move(days=8)
    assert shown() == ""


@pytest.mark.parametrize(
    ("planned_on", "asks", "shown"), [("vpc", "app", ""), ("vpc", "vpc", number(1)), ("", "vpc", number(1)),
                                      ("", "app", ""), ("vpc", "", "")],
)  # fmt: skip
def test_who_approves_one_component_is_not_shown_the_plan_of_another(
    here: World, planned_on: str, asks: str, shown: str
) -> None:
    """Of the same commit and stack: what is destroyed there is not what they agree to."""
    here.start(number(1), git_sha="c" * 40, component=planned_on, workflow="plan-environment")
    here.send(here.event(1, "impact", number(1), **TOLD))
    here.end(number(1))
    here.start(number(2), git_sha="c" * 40, component=asks, workflow="apply-environment")
    here.judge.tick()
    with here.store.read() as view:
        assert for_approval(view, number(2), "acme-prod", "c" * 40, (VPC,), here.now)[0] == shown
