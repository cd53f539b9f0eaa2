"""A run as the fold of its events: any order, any repeats, and an end only where one was heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.base import Fact, Instance, Kind, Outcome
from checks.runs.record import RunRecord, Sent, State, place_of, record_of, resource_of, resume_command, workflow_of
from checks.runs.told import Standing, decides, is_deployment, reading_of, verdict_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RUN = "01890a5d-ac96-774b-bcce-b302099a8057"
START = {"workflow": "deploy", "stack": "acme-prod", "component": "vpc", "actor": "alice", "git_sha": "3f2a9c1d"}
INSTANCE = Instance("acme-prod", "vpc", "vpc", stage="production")


def sent(seq: int, event: str, **body: Any) -> Sent:
    at = NOW + timedelta(seconds=seq)
    return Sent(seq, event, at, at, body)


def story(*told: tuple[str, dict[str, Any]]) -> list[Sent]:
    return [sent(seq, event, **body) for seq, (event, body) in enumerate(told)]


Told = list[tuple[str, dict[str, Any]]]
APPLIES: list[tuple[list[tuple[str, int]], State]] = [
    ([("vpc", 0)], State.SUCCEEDED), ([("vpc", 1)], State.FAILED), ([("vpc", 1), ("vpc", 0)], State.SUCCEEDED),
    ([("vpc", 1), ("app", 0)], State.FAILED), ([("vpc", 0), ("app", 1)], State.FAILED), ([], State.SUCCEEDED),
]  # fmt: skip


@pytest.mark.parametrize(("applies", "state"), APPLIES)
def test_a_run_that_hides_the_failure_of_its_apply_is_no_success(applies: list[tuple[str, int]], state: State) -> None:
    """`terraform apply | tee log` ends with 0; one that was done again, and well, did not fail."""
    phases: Told = [
        (event, {"phase": "apply", "component": where, **more})
        for where, code in applies for event, more in [("phase.start", {}), ("phase.end", {"rc": code})]
    ]  # fmt: skip
    found = record_of(RUN, story(("run.start", START), *phases, ("run.end", {"rc": 0})))
    assert found.state is state
    if state is State.FAILED:
        reading = reading_of(Standing("acme-prod/vpc deploy", "deploy", found), None, NOW)
        assert "its apply ended with exit code 1, and the run went on" in reading.summary


def test_the_ends_of_applies_beside_each_other_are_told_apart() -> None:
    """By their folder: the failure of one is not the other's."""
    told: Told = [("phase.start", {"phase": "apply", "component": name}) for name in ("a", "b")]
    ends: Told = [("phase.end", {"phase": "apply", "component": "a", "rc": 1}),
            ("phase.end", {"phase": "apply", "component": "b", "rc": 0})]  # fmt: skip
    again: Told = [("phase.start", {"phase": "apply", "component": "a"}),
             ("phase.end", {"phase": "apply", "component": "a", "rc": 0})]  # fmt: skip
    found = record_of(RUN, story(("run.start", START), *told, *ends, *again, ("run.end", {"rc": 0})))
    assert (found.state, found.failed_apply) == (State.SUCCEEDED, None)


GOOD = story(
    ("run.start", START),
    ("step.start", {"index": 0, "name": "plan", "command": "terraform plan vpc"}),
    ("step.end", {"index": 0, "name": "plan", "rc": 0}),
    ("step.start", {"index": 1, "name": "apply", "command": "terraform apply vpc"}),
    ("phase.start", {"phase": "apply"}),
    ("resource", {"addr": "aws_vpc.main", "action": "create", "status": "started"}),
    ("heartbeat", {"heard": 3}),
    ("resource", {"addr": "aws_vpc.main", "action": "create", "status": "done", "elapsed": 3, "id": "vpc-1"}),
    ("summary", {"operation": "apply", "add": 1, "change": 0, "remove": 0}),
    ("phase.end", {"phase": "apply", "rc": 0}),
    ("step.end", {"index": 1, "name": "apply", "rc": 0}),
    ("run.end", {"rc": 0, "duration": 11.5}),
)
KILLED = GOOD[:7]
DENIED = story(
    ("run.start", START | {"argv": ["atmos", "workflow", "deploy", "-f", "deploy", "-s", "acme-prod"]}),
    ("step.start", {"index": 0, "name": "step1", "command": "terraform apply vpc"}),
    ("resource", {"addr": "aws_vpc.main", "action": "create", "status": "started"}),
    ("error", {"summary": "creating EC2 VPC: operation error EC2: CreateVpc, AccessDenied", "address": "aws_vpc.main"}),
    ("step.end", {"index": 0, "name": "step1", "rc": 1}),
    ("run.end", {"rc": 1}),
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_order_with_any_repeats_gives_the_same_record(data: st.DataObject) -> None:
    """What a run comes to depends on what was said, not on when it arrived."""
    events = data.draw(st.sampled_from([GOOD, KILLED, DENIED]))
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=10))
    shuffled = data.draw(st.permutations([*events, *repeats]))
    assert record_of(RUN, events) == record_of(RUN, shuffled)


@given(st.lists(st.sampled_from(GOOD[:-1]), unique_by=lambda one: one.seq), st.booleans())
@settings(max_examples=100, deadline=None)
def test_nothing_but_an_end_makes_a_success(events: list[Sent], lost: bool) -> None:
    """Whatever part of a good run is heard, without its end it has not succeeded."""
    expected = State.LOST if lost else State.RUNNING
    assert expected == record_of(RUN, events, lost).state


def test_a_good_run_is_a_deployment_with_its_facts() -> None:
    """Changes, commit, actor and duration are those that the run told."""
    record = record_of(RUN, GOOD)
    assert (record.state, record.changes, record.seconds) == (State.SUCCEEDED, (1, 0, 0), 11.5)
    reading = reading_of(Standing("acme-prod/vpc deploy", "deploy", record), INSTANCE, NOW)
    (finding,) = reading.findings
    assert (reading.outcome, finding.kind) == (Outcome.HEALTHY, Kind.DEPLOYMENT)
    assert finding.summary == "deploy of 3f2a9c1 ended well after 11 s: 1 created, 0 changed, 0 destroyed"
    facts = {"seconds": 11.5, "actor": "alice", "added": 1, "workflow": "deploy", "commit": "3f2a9c1d"}
    assert facts.items() <= finding.evidence.items()


def test_a_run_that_falls_silent_in_an_apply_leaves_orphans() -> None:
    """Lost is no success: what was begun may exist, and is named."""
    record = record_of(RUN, KILLED, lost=True)
    assert (verdict_of(record), record.unfinished) == ("possibly_orphaned", ("aws_vpc.main",))
    (finding,) = reading_of(Standing("r", "deploy", record), INSTANCE, NOW).findings
    assert {Fact.UNFINISHED} == finding.facts
    assert finding.evidence["possibly_orphaned"] == ["aws_vpc.main"]
    assert "deploy is lost at step apply" in finding.summary
    assert "aws_vpc.main" in finding.remedy


def test_an_end_goes_before_silence() -> None:
    """A run that was taken for lost and whose end comes after all has ended as it says."""
    assert record_of(RUN, GOOD, lost=True).state == State.SUCCEEDED


def test_a_failure_names_step_resource_class_and_command() -> None:
    """Who reads it knows what failed, why, and what to run."""
    record = record_of(RUN, DENIED)
    (finding,) = reading_of(Standing("r", "deploy", record), INSTANCE, NOW).findings
    assert finding.summary.startswith("deploy failed at step step1 (1 of 1): aws_vpc.main: access denied: ")
    assert (finding.evidence["error_class"], finding.addresses) == ("access_denied", ("aws_vpc.main",))
    first, second = finding.remedy.splitlines()
    assert first.startswith("# allow EC2 CreateVpc")
    assert second.startswith("atmos workflow deploy -f deploy -s acme-prod --from-step step1")
    assert frozenset() == finding.facts  # the resource failed: its end was heard


@pytest.mark.parametrize(
    ("end", "state"),
    [
        ({"rc": 0}, State.SUCCEEDED),
        ({"rc": 1}, State.FAILED),
        ({}, State.FAILED),
        ({"rc": 0, "signal": 9}, State.FAILED),
        ({"rc": 143, "signal": 15}, State.CANCELLED),
        ({"rc": 130}, State.CANCELLED),
        ({"rc": 137}, State.FAILED),
        ({"result": "cancelled"}, State.CANCELLED),
        ({"result": "succeeded", "rc": 3}, State.FAILED),
        ({"rc": "0"}, State.FAILED),
        ({"rc": False}, State.FAILED),
    ],
)
def test_how_a_run_ends(end: dict[str, Any], state: State) -> None:
    """Only an exit code of 0 and no signal is a success."""
    assert state == record_of(RUN, story(("run.start", START), ("run.end", end))).state


def test_a_plan_with_changes_has_not_failed() -> None:
    """Terraform's -detailed-exitcode says 2 where there are changes."""
    start = {**START, "argv": ["terraform", "plan", "-detailed-exitcode"]}
    record = record_of(RUN, story(("run.start", start), ("phase.start", {"phase": "plan"}), ("run.end", {"rc": 2})))
    assert record.state == State.SUCCEEDED
    assert not is_deployment(record)


def test_who_stops_a_run_that_left_nothing_says_nothing_of_the_workflow() -> None:
    """It neither fails nor mends; with resources under way it does."""
    end = sent(99, "run.end", rc=130, signal=2)
    assert not decides(record_of(RUN, [GOOD[0], end]))
    assert decides(record_of(RUN, [*KILLED, end]))


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["atmos", "workflow", "deploy", "-f", "d", "--from-step", "step0"],
         "atmos workflow deploy -f d --from-step step1"),
        (["atmos", "workflow", "deploy", "stack=prod"], ""),  # Atmos would ask a person
        (["make", "deploy"], ""),
        (["atmos", "workflow", "deploy", "--token", "(sensitive)"], ""),
    ],
)  # fmt: skip
def test_a_workflow_is_resumed_only_by_a_command_that_would_run(argv: list[str], expected: str) -> None:
    """The repository's own workflow where it works, else nothing."""
    assert expected == resume_command(record_of(RUN, [sent(0, "run.start", **START, argv=argv), *DENIED[1:]]))


def test_places() -> None:
    """A run belongs to its instance, its stack, or its workflow."""
    for start, expected in (
        (START, ("acme-prod/vpc", "acme-prod/vpc deploy")),
        ({"workflow": "deploy", "stack": "acme-prod"}, ("acme-prod", "acme-prod deploy")),
        ({"workflow": "deploy"}, ("deploy", "deploy")),
    ):
        place = place_of(record_of(RUN, [sent(0, "run.start", **start)]))
        assert expected == (place, resource_of(place, "deploy"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["run.start", "step.start", "step.end", "phase.start", "phase.end", "resource", "summary", "error", "log",
         "heartbeat", "interrupt", "run.end"]  # fmt: skip
FIELDS = ["index", "name", "rc", "addr", "action", "status", "elapsed", "argv", "workflow", "stack", "phase", "add",
          "operation", "summary", "line", "expected_steps", "signal", "duration", "message", "git_dirty"]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6)),
                max_size=8), st.booleans())  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_no_event_breaks_the_record(told: list[tuple[str, dict[str, Any]]], lost: bool) -> None:
    """Whatever the fields hold, there is a record, and it can be told."""
    record = record_of(RUN, story(*told), lost)
    reading = reading_of(Standing("r", "w", record if record.over else None), INSTANCE, NOW)
    assert (record.state is State.SUCCEEDED) == (record.over and reading.outcome is Outcome.HEALTHY)


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["terraform", "apply", "-var=a=b"], "terraform apply"),
        (["terraform", "-var", "a=b", "apply"], "terraform"),
        (["terraform", "-no-color", "plan"], "terraform plan"),
        (["make", "deploy", "PASSWORD=b"], "make deploy"),
        (["env", "TF_VAR_a=b", "terraform"], "env terraform"),
        (["sh", "-c", "TF_VAR_a=b terraform apply"], "sh terraform apply"),
        (["bash", "-c", "echo b"], "bash"),
        (["mysql", "-p", "b"], "mysql"),
        (["/opt/app/rotate", "keys"], "rotate keys"),
        (["./rotate b"], "rotate"),
        (["TF_VAR_a=b terraform apply"], "terraform apply"),
        ([], "a run that did not say what it is"),
    ],
)
def test_a_command_is_a_name_without_what_may_be_a_value(argv: list[str], name: str) -> None:
    """Places, metrics and messages are called by it: no option's value, no variable, nothing out of a script."""
    assert workflow_of(RunRecord("r", argv=tuple(argv))) == name
