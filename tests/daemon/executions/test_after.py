"""Applies and what comes after them, over a real store: looks, kills, clocks, runs that overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.base import Incident
from checks.base import Finding, Kind, Outcome, Owner, Place, Reading
from checks.runs.after import Rules
from checks.runs.wire import parse
from checks.spend.model import Bill, stored
from daemon.executions.after import Aftercare
from daemon.executions.costing import Costing
from daemon.executions.nearby import Neighbourhood
from daemon.executions.production import production
from daemon.record import Recorder, Run
from daemon.states.ownership import Unread
from daemon.store import aftercare, executions
from daemon.store.aftercare import CareRow
from tests.alerts.build import POLICY
from tests.daemon.executions.world import INSTANCES, RUN, World, number

REGION = "111111111111/eu-west-1"
ALARM = "arn:aws:cloudwatch:eu-west-1:111111111111:alarm:api-5xx"
TARGETS = "arn:aws:elasticloadbalancing:eu-west-1:111111111111:targetgroup/api/1"
OWNER = Owner("acme-prod", "vpc", "aws_lb_target_group.api", "production", "@net")
UTILIZATION = ("utilization", REGION)
DRIFT = ("drift", "acme-prod/vpc")


@dataclass
class Street:
    """What the stack has, and looks at it: each that is asked for is made half a minute later, and recorded."""

    it: World
    red: dict[str, str] = field(default_factory=dict)  # resource -> verdict
    alarm_since: datetime | None = None
    blind: dict[str, str] = field(default_factory=dict)  # resource -> why it cannot be seen
    fails: tuple[str, str] | None = None  # every look does
    key: str = ""  # of every finding; empty: its verdict
    drift: str = "in_sync"
    away: str = ""  # a check whose looks do not come
    asked: list[tuple[str, str]] = field(default_factory=list)
    checks: tuple[tuple[str, str], ...] = (UTILIZATION, DRIFT)

    def places(self, stack: str) -> list[tuple[str, str]]:
        return [each for each in self.checks if each == UTILIZATION and stack == "acme-prod"]

    def look(self, check: str, place: str) -> bool:
        if (check, place) not in self.checks:
            return False
        self.asked.append((check, place))
        return True

    def mine(self, stack: str, resource: str, place: str) -> bool:
        return stack == "acme-prod" and resource in (ALARM, TARGETS)

    def unowned(self, stack: str) -> str:
        return ""

    def serve(self, recorder: Recorder) -> None:
        """Make the looks that were asked for."""
        asked, self.asked = list(dict.fromkeys(self.asked)), []
        for check, place in asked:
            if check != self.away:
                self.record(recorder, check, place)

    def record(self, recorder: Recorder, check: str, place: str) -> None:
        began = self.it.now
        self.it.move(seconds=2)
        labels = (
            {"account": "111111111111", "region": "eu-west-1"} if check == "utilization" else {"stack": "acme-prod"}
        )
        with self.it.store.transaction() as tx:
            tx.start_run(check, place, labels, began)
        readings = () if self.fails else self._utilization() if check == "utilization" else self._plan()
        due = self.it.now + timedelta(hours=1)
        recorder.record(Run(check, place, labels, began, self.it.now, tuple(readings), self.fails), due)

    def _utilization(self) -> Iterator[Reading]:
        yield Reading(f"{REGION}/alarms", Outcome.HEALTHY, "looked", "1 alarms")
        for resource in (ALARM, TARGETS):
            if resource in self.blind:
                yield Reading(resource, Outcome.UNKNOWN, "permission", self.blind[resource])
            elif resource in self.red:
                word = self.red[resource]
                found = Finding(
                    Kind.UTILIZATION, self.key or word, f"{resource.rpartition(':')[2]} is {word}", owner=OWNER
                )
                values = {}
                if self.alarm_since is not None:
                    values["alarm_since_timestamp_seconds"] = self.alarm_since.timestamp()
                yield Reading(resource, Outcome.UNHEALTHY, word, found.summary, (found,), values)
            else:
                yield Reading(resource, Outcome.HEALTHY, "within", "well")

    def _plan(self) -> Iterator[Reading]:
        outcome = Outcome.HEALTHY if self.drift in ("in_sync", "pending") else Outcome.UNHEALTHY
        yield Reading("acme-prod/vpc", outcome, self.drift, f"the plan says {self.drift}")


@dataclass
class Scene:
    """A world with a street, moved on together."""

    it: World
    street: Street
    failpoint: Callable[[str], None] = lambda name: None

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.recorder = Recorder(self.it.store, POLICY)
        self.care = Aftercare(
            self.it.store, lambda: self.it.now, self.street, Rules(), lambda: INSTANCES, self.failpoint
        )  # fmt: skip
        self.it.judge.after = self.care

    def restart(self) -> None:
        self.it.restart()
        self.begin()

    def tick(self) -> None:
        self.it.judge.tick()
        self.care.tick()
        self.street.serve(self.recorder)
        self.care.tick()
        self.it.judge.tick()

    def minutes(self, count: float, step: float = 1, run: str = "") -> None:
        """Let time pass; *run*: one that goes on, and says so."""
        until = self.it.now + timedelta(minutes=count)
        while self.it.now < until:
            self.it.now = min(until, self.it.now + timedelta(minutes=step))
            if run:
                at = int((self.it.now - datetime(2026, 1, 1, tzinfo=self.it.now.tzinfo)).total_seconds())
                self.it.send(self.it.event(at, "heartbeat", run))
            self.tick()

    def before(self) -> None:
        """The places have been looked at, with nothing amiss."""
        for each in self.street.checks:
            self.street.record(self.recorder, *each)
        self.minutes(10)

    def apply(self, run: str = RUN, rc: int = 0, minutes: float = 5, **data: Any) -> None:
        """A run that plans for a minute, then applies; and its end."""
        self.it.start(run, **{"rollback": "https://ci.example/7", **data})
        self.minutes(1, 0.5, run)
        self.it.send(self.it.event(1, "phase.start", run, phase="apply"))
        self.it.send(self.it.event(2, "resource", run, addr="aws_lb.api", action="update", status="done"))
        self.minutes(minutes, 1, run)
        self.it.end(run, rc)
        self.tick()

    def row(self, run: str = RUN) -> CareRow:
        with self.it.store.read() as view:
            found = aftercare.find(view.db, run)
        assert found is not None
        return found

    def incident(self, key: str = "") -> Incident | None:
        return next((one for one in self.it.incidents() if one.check == "execution" and one.key.startswith(key)), None)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    it = World(tmp_path)
    made = Scene(it, Street(it))
    yield made
    it.store.close()


def test_a_healthy_apply_is_watched_planned_and_told(scene: Scene) -> None:
    """Its places are looked at at its start, every five minutes and at the end; then it is planned once."""
    scene.before()
    scene.apply()
    scene.minutes(40)
    row = scene.row()
    assert (row.state, row.health) == ("done", "healthy")
    assert row.verdict["plans"] == ["acme-prod/vpc: in_sync, as before it (in_sync)"]
    with scene.it.store.read() as view:
        looks = aftercare.looks(view.db, [UTILIZATION], row.began)
        plans = aftercare.looks(view.db, [DRIFT], row.began)
    assert 8 <= sum(one.began >= row.began for one in looks) <= 11
    assert sum(one.began >= row.began for one in plans) == 1
    deployment = scene.incident("deployment")
    assert deployment is not None
    assert deployment.evidence["health"] == "healthy"
    assert "healthy for 30 min after it, 2 things of its own seen" in deployment.summary
    assert scene.incident("worse") is None


def test_what_gets_worse_is_a_failure_that_names_the_run_and_ends_when_it_is_well(scene: Scene) -> None:
    """Critical in production; told by the second look, long before the period ends; over with the last of it."""
    scene.before()
    scene.apply()
    scene.minutes(3)
    scene.street.red[TARGETS] = "targets_unhealthy"
    scene.minutes(7)
    incident = scene.incident("worse")
    assert incident is not None
    assert (incident.kind, incident.tier, incident.place) == ("workflow_failure", "critical", "acme-prod/vpc")
    assert "deploy of 3f2a9c1 by alice applied, and its stack is worse since" in incident.summary
    assert incident.remedy == "# go back: https://ci.example/7"
    scene.minutes(30)
    assert (scene.row().state, scene.row().health) == ("done", "worse")
    deployment = scene.incident("deployment")
    assert deployment is not None
    assert "worse after it" in deployment.summary
    scene.street.red.clear()
    scene.street.record(scene.recorder, *UTILIZATION)
    scene.tick()
    assert scene.incident("worse") is None
    assert scene.row().verdict["restored_seconds"] > 0
    assert "all of it well again" in str(scene.row().verdict["text"])


def test_one_look_alone_calls_nobody_and_is_told_from_when_to_when(scene: Scene) -> None:
    """What was well at the next look is in the verdict; it was worse."""
    scene.before()
    scene.apply()
    scene.minutes(3)
    scene.street.red[ALARM] = "alarm"
    while scene.row().health != "worse":
        scene.minutes(0.25, 0.25)
    scene.street.red.clear()
    scene.minutes(35)
    assert scene.row().health == "worse"
    assert "well again" in str(scene.row().verdict["text"])
    opened = [one.key for one in scene.it.incidents(live=False) if one.check == "execution"]
    assert not any(key.startswith("worse") for key in opened)


def test_an_alarm_that_was_red_already_is_not_laid_to_the_run(scene: Scene) -> None:
    """Nor one that nobody had seen, and that says itself since when it is red; nor what the first look finds."""
    scene.street.red[TARGETS] = "targets_unhealthy"
    scene.before()
    scene.street.red[ALARM] = "alarm"
    scene.street.alarm_since = scene.it.now - timedelta(minutes=1)
    scene.apply()
    scene.minutes(40)
    assert scene.row().health == "healthy"
    assert len(scene.row().verdict["wrong_before"]) == 2


def test_what_the_look_at_the_runs_start_finds_was_so_before(scene: Scene) -> None:
    """A gauge tells no time of its own; the run plans for a minute before it changes anything."""
    scene.before()
    scene.street.red[TARGETS] = "over_used"
    scene.apply()
    scene.minutes(40)
    assert (scene.row().health, len(scene.row().verdict["wrong_before"])) == ("healthy", 1)


@pytest.mark.parametrize("how", ["place", "resource"])
def test_a_check_that_cannot_look_makes_it_not_known(scene: Scene, how: str) -> None:
    """Never healthy; the reason is told."""
    scene.before()
    scene.apply()
    if how == "place":
        scene.street.fails = ("denied", "the role may not describe targets")
    else:
        scene.street.blind[TARGETS] = "the role may not describe targets"
    scene.minutes(31)
    scene.street.fails = None
    scene.minutes(10)
    assert scene.row().health == "could_not_look"
    assert "the role may not describe targets" in str(scene.row().verdict["text"])
    deployment = scene.incident("deployment")
    assert deployment is not None
    assert deployment.evidence["health"] == "could_not_look"


def test_a_period_in_which_the_daemon_was_down_is_not_watched(scene: Scene) -> None:
    """Killed between the apply and the end of the watch, and back an hour later."""
    scene.before()
    scene.it.start()
    scene.minutes(1, 0.5, RUN)
    scene.it.send(scene.it.event(1, "phase.start", phase="apply"))
    scene.minutes(1, 1, RUN)
    scene.it.end()
    scene.it.move(hours=1)
    scene.restart()
    scene.minutes(2)
    assert (scene.row().state, scene.row().health) == ("done", "not_watched")
    assert "nobody looked" in str(scene.row().verdict["text"])


def test_a_run_that_is_heard_of_long_after_is_not_watched(scene: Scene) -> None:
    """Its events lay in a spool; what was looked at by the clock meanwhile does not cover the period."""
    scene.before()
    then = scene.it.now
    events = [scene.it.event(0, "run.start", workflow="deploy", stack="acme-prod", component="vpc")]
    scene.it.now = then + timedelta(minutes=5)
    events += [scene.it.event(1, "phase.start", phase="apply"), scene.it.event(9, "run.end", rc=0)]
    scene.it.now = then + timedelta(minutes=20)
    scene.street.record(scene.recorder, *UTILIZATION)
    scene.it.now = then + timedelta(hours=3)
    scene.it.send(*events)
    scene.minutes(2)
    assert scene.row().health == "could_not_look"
    assert "nobody looked" in str(scene.row().verdict["text"])


@pytest.mark.parametrize("where", ["looked", "kept"])
@pytest.mark.parametrize("when", range(1, 24, 5))
def test_a_process_that_is_killed_goes_on_where_it_was(tmp_path: Path, where: str, when: int) -> None:
    """At any point of any tick: the verdict is the same as if nothing had happened, and told once."""
    it = World(tmp_path)
    scene = Scene(it, Street(it))
    passed = 0

    def fail(name: str) -> None:
        nonlocal passed
        passed += name == where
        if name == where and passed == when:
            raise SystemExit

    scene.before()
    scene.failpoint = fail
    scene.begin()
    tick = scene.tick

    def survive() -> None:
        try:
            tick()
        except SystemExit:
            scene.restart()
            tick()

    scene.tick = survive  # type: ignore[method-assign]  # the process is started again where it ends
    scene.apply()
    scene.minutes(3)
    scene.street.red[TARGETS] = "targets_unhealthy"
    scene.minutes(40)
    assert passed >= when
    assert (scene.row().state, scene.row().health) == ("done", "worse")
    assert [one.key for one in it.incidents() if one.key.startswith("worse")] == [f"worse:{RUN}"]
    it.store.close()


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_is_set_makes_nothing_healthy(scene: Scene, hours: int) -> None:
    """Back or forth in the middle of the period; and it ends."""
    scene.before()
    scene.apply()
    scene.minutes(10)
    scene.it.move(hours=hours)
    scene.minutes(50)
    assert scene.row().state == "done"
    assert scene.row().health == "could_not_look"


def test_a_machine_whose_clock_is_fast_does_not_move_what_was_before(scene: Scene) -> None:
    """By four minutes: its apply did not begin after the moment at which we heard of it."""
    scene.before()
    scene.it.start()
    scene.minutes(2, 0.5, RUN)
    fast = {"schema": 1, "run_id": RUN, "ts": (scene.it.now + timedelta(minutes=4)).isoformat()}
    scene.it.send(parse({**fast, "seq": 1, "event": "phase.start", "phase": "apply"}))
    scene.street.red[TARGETS] = "targets_unhealthy"
    scene.minutes(4, 1, RUN)
    fast["ts"] = (scene.it.now + timedelta(minutes=4)).isoformat()
    scene.it.send(parse({**fast, "seq": 1_000, "event": "run.end", "rc": 0}))
    scene.minutes(45)
    assert (scene.row().state, scene.row().health) == ("done", "worse")
    looked = len(scene.it.store.runs(*UTILIZATION))
    scene.it.send(scene.it.event(7, "log", message="late"))
    scene.minutes(20)
    assert (scene.row().state, len(scene.it.store.runs(*UTILIZATION))) == ("done", looked)


def test_two_runs_that_overlap_on_one_stack_are_both_worse_and_name_each_other(scene: Scene) -> None:
    """Nobody can tell whose doing it is."""
    scene.before()
    scene.apply(number(1), workflow="deploy-a")
    scene.minutes(5)
    scene.apply(number(2), workflow="deploy-b")
    scene.minutes(2)
    scene.street.red[ALARM] = "alarm"
    scene.minutes(45)
    for one, other in ((1, 2), (2, 1)):
        row = scene.row(number(one))
        assert (row.health, row.verdict["other_runs"]) == ("worse", [number(other)])
    keys = sorted(one.key for one in scene.it.incidents() if one.key.startswith("worse"))
    assert keys == [f"worse:{number(1)}", f"worse:{number(2)}"]


def test_a_run_that_applied_nothing_is_not_watched_further(scene: Scene) -> None:
    """Terraform said so: 0 added, changed, destroyed."""
    scene.before()
    scene.it.start()
    scene.minutes(1, 0.5, RUN)
    scene.it.send(
        scene.it.event(1, "phase.start", phase="apply"),
        scene.it.event(2, "summary", operation="apply", add=0, change=0, remove=0),
    )
    scene.it.end()
    scene.minutes(2)
    assert (scene.row().state, scene.row().health) == ("done", "unchanged")
    asked = len(scene.street.asked)
    scene.minutes(20)
    assert len(scene.street.asked) == asked
    assert scene.incident("deployment") is not None


@pytest.mark.parametrize("stack", ["acme-uat", "acme-dev"])
def test_only_production_is_watched(scene: Scene, stack: str) -> None:
    """And what nobody knows the stage of counts as that."""
    scene.apply(stack=stack)
    scene.apply(number(2), stack="acme-new", workflow="other")
    scene.minutes(2)
    with scene.it.store.read() as view:
        assert aftercare.find(view.db, RUN) is None
        assert aftercare.find(view.db, number(2)) is not None


def test_a_plan_is_no_apply(scene: Scene) -> None:
    """A run that only planned is not watched; what comes late may make it one that is."""
    scene.before()
    scene.it.start(workflow="plan-environment")
    scene.it.send(scene.it.event(1, "phase.start", phase="plan"))
    scene.minutes(1, 0.5, RUN)
    scene.it.end()
    scene.minutes(2)
    assert scene.row().state == "skipped"
    scene.it.send(scene.it.event(2, "phase.start", phase="apply"))
    scene.minutes(1)
    assert scene.row().state == "watching"


@pytest.mark.parametrize("ended", ["failed", "lost"])
def test_a_failed_or_lost_apply_is_watched_too(scene: Scene, ended: str) -> None:
    """What a half-done change does to the stack is what people want to know."""
    scene.before()
    if ended == "failed":
        scene.apply(rc=1)
    else:
        scene.it.start()
        scene.minutes(1, 0.5, RUN)
        scene.it.send(scene.it.event(1, "phase.start", phase="apply"))
        scene.minutes(3)
    scene.minutes(2)
    scene.street.red[TARGETS] = "targets_unhealthy"
    scene.minutes(45)
    assert scene.it.row().state == ended
    assert scene.row().health == "worse"


@pytest.mark.parametrize(("added", "counted"), [(1, 1), (0, 0)])
def test_a_run_that_was_stopped_after_it_had_changed_something_is_a_failed_change(
    scene: Scene, added: int, counted: int
) -> None:
    """Terraform ends what it is at, and leaves the rest: nothing is unfinished, and the change is half done."""
    scene.before()
    scene.it.start()
    scene.minutes(1, 0.5, RUN)
    scene.it.send(scene.it.event(1, "phase.start", phase="apply"))
    for each in range(added):
        scene.it.send(scene.it.event(2 + each, "resource", addr=f"aws_vpc.{each}", action="create", status="done"))
    scene.it.end(rc=130)
    scene.minutes(45)
    assert scene.it.row().state == "cancelled"
    with scene.it.store.read() as view:
        found = production(view, scene.it.now - timedelta(days=1), scene.it.now).values()
    assert [(one.failures.part, one.failures.of) for one in found] == [(1, 1)] * counted


def test_the_end_of_a_lost_run_begins_its_period_anew(scene: Scene) -> None:
    """A laptop that slept goes on applying."""
    scene.before()
    scene.it.start()
    scene.minutes(1, 0.5, RUN)
    scene.it.send(scene.it.event(1, "phase.start", phase="apply"))
    scene.minutes(60)
    lost = scene.row()
    assert (scene.it.row().state, lost.state) == ("lost", "done")
    scene.it.end()
    scene.minutes(1)
    assert scene.row().state == "watching"
    scene.minutes(40)
    assert scene.row().ended is not None
    assert scene.row().ended > (lost.ended or scene.it.now)  # type: ignore[operator]  # asserted above


def test_drift_after_it_is_worse_and_its_end_is_noted(scene: Scene) -> None:
    """The plan after the period; the check drift tells of it by itself."""
    scene.before()
    scene.apply()
    scene.minutes(29)
    scene.street.drift = "drift"
    scene.minutes(12)
    assert scene.row().health == "worse"
    assert scene.incident("worse") is None
    scene.street.drift = "in_sync"
    scene.street.record(scene.recorder, *DRIFT)
    scene.tick()
    assert scene.row().verdict["restored_seconds"] is not None


def test_a_plan_that_never_comes_is_told_as_that(scene: Scene) -> None:
    """After an hour nobody waits for it."""
    scene.before()
    scene.street.away = "drift"
    scene.apply()
    scene.minutes(50)
    assert (scene.row().state, scene.row().health) == ("planning", "watching")
    scene.minutes(50, 5)
    assert scene.row().state == "done"
    assert scene.row().health == "could_not_look"
    assert "the plan of acme-prod/vpc after it: it did not come in time" in str(scene.row().verdict["text"])


def test_what_is_switched_off_meanwhile_is_a_gap(scene: Scene) -> None:
    """A reload of the configuration in the middle of it."""
    scene.before()
    scene.apply()
    scene.minutes(6)
    scene.street.checks = (DRIFT,)
    scene.minutes(40)
    assert scene.row().health == "could_not_look"


@pytest.mark.parametrize("word", ["filling", "over_used"])
def test_what_was_only_filling_before_and_is_full_after_it_is_worse(scene: Scene, word: str) -> None:
    """The incident is the same one; what it says of its resource is not."""
    scene.street.key, scene.street.red = "storage", {TARGETS: "filling"}
    scene.before()
    scene.apply()
    scene.minutes(6)
    scene.street.red[TARGETS] = word
    scene.minutes(40)
    assert scene.row().health == ("worse" if word == "over_used" else "healthy")
    scene.street.red[TARGETS] = "filling"
    scene.street.record(scene.recorder, *UTILIZATION)
    scene.tick()
    assert ("well again" in str(scene.row().verdict["text"])) is (word == "over_used")


def test_what_was_full_after_it_and_only_fills_by_the_end_was_worse(scene: Scene) -> None:
    """It is told from when to when, although its incident goes on."""
    scene.before()
    scene.apply()
    scene.minutes(3)
    scene.street.key, scene.street.red = "storage", {TARGETS: "over_used"}
    scene.minutes(12)
    scene.street.red[TARGETS] = "filling"
    scene.minutes(35)
    assert scene.row().health == "worse"
    assert "; well again" in str(scene.row().verdict["text"])


def test_a_reading_that_is_gone_is_not_well_again(scene: Scene) -> None:
    """The region is not looked at any more: what was wrong there has no end."""
    scene.before()
    scene.apply()
    scene.street.red[TARGETS] = "targets_unhealthy"
    scene.minutes(15)
    scene.recorder.retire(*UTILIZATION, "it is not watched", scene.it.now)
    scene.street.checks = (DRIFT,)
    scene.minutes(40)
    assert (scene.row().state, scene.row().health) == ("done", "worse")
    assert "well again" not in str(scene.row().verdict["text"])


def test_a_watch_that_is_switched_off_does_not_go_on_for_ever(scene: Scene) -> None:
    """Nor is it healthy: nobody looked to the end."""
    scene.before()
    scene.apply()
    scene.minutes(6)
    scene.care.rules = Rules(enabled=False)
    scene.tick()
    assert (scene.row().state, scene.row().health) == ("done", "could_not_look")
    assert "was switched off before its watch had ended" in str(scene.row().verdict["text"])


def test_without_a_plan_after_it_nobody_calls_it_healthy(scene: Scene) -> None:
    """The check drift is off: that is told, for a plan was to come."""
    scene.street.checks = (UTILIZATION,)
    scene.before()
    scene.apply()
    scene.minutes(40)
    assert scene.row().health == "could_not_look"
    assert "the plan of acme-prod/vpc after it: the check drift does not look at it" in scene.row().verdict["text"]


def test_what_the_last_look_of_the_watch_sees_first_is_a_failure_once_seen_again(scene: Scene) -> None:
    """By a look that comes by the clock, when nobody watches for the run any more."""
    scene.before()
    scene.apply()
    scene.minutes(29)
    until = scene.row().until
    assert until is not None
    assert scene.it.now < until
    scene.street.red = {TARGETS: "targets_unhealthy"}
    scene.care.rules = Rules(plan=False)
    scene.minutes(1.5, 0.5)
    assert (scene.row().state, scene.row().health, scene.incident("worse")) == ("done", "worse", None)
    scene.street.record(scene.recorder, *UTILIZATION)
    scene.tick()
    assert scene.incident("worse") is not None


def test_the_runs_of_other_stages_do_not_keep_production_from_being_watched(scene: Scene) -> None:
    """However many there are in a day."""
    for each in range(600):
        scene.it.start(number(1_000 + each), stack="acme-uat")
    for _ in range(4):
        scene.it.judge.tick()
    scene.it.move(minutes=1)
    scene.it.start()
    scene.it.judge.tick()
    scene.care.tick()
    assert scene.row().run_id == RUN


def test_without_any_check_nobody_watches(tmp_path: Path) -> None:
    """Which is told, and is not healthy."""
    it = World(tmp_path)
    scene = Scene(it, Street(it, checks=()))
    scene.apply()
    scene.minutes(40)
    assert scene.row().health == "not_watched"
    assert "no check that is switched on looks at anything of this stack" in str(scene.row().verdict["text"])
    it.store.close()


def test_runs_that_are_not_kept_any_more_leave_nothing(scene: Scene) -> None:
    """What is known of the time after goes with its run."""
    scene.before()
    scene.apply()
    scene.minutes(40)
    scene.apply(number(2))
    with scene.it.store.transaction() as tx:
        executions.forget(tx.db, scene.it.now + timedelta(days=1))
    with scene.it.store.read() as view:
        assert aftercare.find(view.db, RUN) is None


def test_what_it_did_to_the_cost_comes_days_later(scene: Scene) -> None:
    """Not asked for, not known yet, then known: in the deployment, while that is told of."""
    costing = Costing(scene.it.store, lambda: scene.it.now)
    scene.before()
    scene.apply()
    scene.minutes(40)
    costing.run()
    assert dict(scene.row().notes)["cost"]["state"] == "not_asked"
    ended = scene.it.now.date()
    for days, state in ((1, "not_known_yet"), (5, "known")):
        scene.it.move(days=days)
        known = [ended + timedelta(days=number) for number in range(-10, (scene.it.now.date() - ended).days + 1)]
        amounts = {("stack", "acme-prod"): {day: 10.0 if day <= ended else 12.5 for day in known}}
        kept = {"stacks": {"at": 0, "asked": {}, "value": stored(Bill("USD", dict.fromkeys(known, False), amounts))}}
        looked = (Reading("999999999999/stacks", Outcome.HEALTHY, "looked", "1 value"),)
        run = Run("cost", "999999999999", {}, scene.it.now, scene.it.now, looked, kept=kept)
        scene.recorder.record(run, scene.it.now + timedelta(hours=8))
        costing.run()
        costing.run()
        scene.it.judge.tick()
        assert dict(scene.row().notes)["cost"]["state"] == state
        deployment = scene.incident("deployment")
        assert deployment is not None
        assert deployment.evidence["cost"] == state
    assert deployment is not None
    assert "2.50 USD a day more than before (10.00 to 12.50, 3 closed days on each side)" in deployment.summary
    assert deployment.evidence["cost_difference_per_day"] == 2.5


# -- what is around a stack -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Here:
    """A place, as the runner has it."""

    key: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def now(self) -> datetime:
        raise NotImplementedError


@dataclass
class Held:
    """What states hold."""

    owner: Owner | None = None
    gaps: tuple[Unread, ...] = ()

    def find(self, identifier: str, account: str = "", region: str = "") -> Owner | None:
        return self.owner if (identifier, account, region) == ("arn:x", "111111111111", "eu-west-1") else None

    def regions(self, stack: str) -> frozenset[tuple[str, str]]:
        return frozenset({("111111111111", "eu-west-1")}) if stack == "acme-prod" else frozenset()

    def unread(self) -> tuple[Unread, ...]:
        return self.gaps


def test_a_stacks_places_are_its_regions_and_its_endpoints() -> None:
    """Those of checks that tell of health, in the account and region where it has something; no other's."""
    region = {"account": "111111111111", "region": "eu-west-1"}
    watched: dict[tuple[str, str], Place] = {
        ("utilization", REGION): Here(REGION, region),
        ("utilization", "222222222222/eu-west-1"): Here(
            "222222222222/eu-west-1", {**region, "account": "222222222222"}
        ),
        ("cost", REGION): Here(REGION, region),
        ("certificates", "shop.example:443"): Here("shop.example:443", {"stack": "acme-prod"}),
        ("certificates", "other.example:443"): Here("other.example:443", {"stack": "acme-dev"}),
        ("certificates", "111111111111"): Here("111111111111", {"account": "111111111111"}),
    }
    asked: list[tuple[str, str]] = []
    anew: list[tuple[str, str]] = []

    def ask(check: str, place: str) -> bool:
        asked.append((check, place))
        return True

    around = Neighbourhood(
        lambda: watched, lambda: INSTANCES, Held(OWNER, (Unread("acme-prod/db", "denied"),)), ask,
        lambda account, region: anew.append((account, region)),
    )  # fmt: skip
    assert around.places("acme-prod") == [("certificates", "shop.example:443"), ("utilization", REGION)]
    assert around.places("acme-uat") == []
    assert around.look("utilization", REGION)
    assert not around.look("utilization", "nowhere")
    assert (asked, anew) == ([("utilization", REGION)], [("111111111111", "eu-west-1")])
    assert around.mine("acme-prod", "arn:x#cpu", REGION)
    assert not around.mine("acme-dev", "arn:x#cpu", REGION)
    assert around.mine("acme-prod", "shop.example:443", "shop.example:443")
    assert around.unowned("acme-prod").endswith("the state of acme-prod/db: denied")
    assert around.unowned("acme-dev") == ""
