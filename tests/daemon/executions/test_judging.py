"""What becomes of runs over a real store: incidents, silence, kills between steps, many at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from alerts.base import IncidentState
from checks.base import Tier
from checks.runs.record import RunRecord, Sent, record_of
from daemon.executions import judging
from daemon.executions.judging import FAILPOINTS
from daemon.executions.schedules import Schedule
from daemon.metrics import OwnMetrics
from daemon.store import executions
from daemon.vitals import count_resources
from tests.daemon.executions.world import INSTANCES, NOW, RUN, SECRET, World, number, world

HELD = {"addr": "aws_vpc.main", "action": "create", "status": "started"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("stack", "tier"),
    [("acme-prod", Tier.CRITICAL), ("acme-uat", Tier.WARNING), ("acme-dev", Tier.INFO), ("acme-new", Tier.CRITICAL)],
)
def test_a_failed_run_is_posted_at_once_with_the_tier_of_its_stage(here: World, stack: str, tier: Tier) -> None:
    """Also at the first run ever, and in development; a stage that nobody knows counts as production."""
    here.whole(RUN, rc=1, stack=stack)
    assert [("workflow_failure", tier)] == here.live()
    (incident,) = here.incidents()
    assert incident.channel
    assert f"{stack}/vpc" == incident.place


def test_the_next_success_of_the_same_ends_it_and_no_other(here: World) -> None:
    """Another workflow at the same place, and the same workflow elsewhere, mend nothing."""
    here.whole(number(1), rc=1)
    here.whole(number(2), workflow="destroy")
    here.whole(number(3), component="eks")
    assert "workflow_failure" in [kind for kind, _ in here.live()]
    here.whole(number(4))
    assert [kind for kind, _ in here.live()] == ["deployment"] * 3


def test_what_is_listed_no_more_is_given_up_and_not_called_well(here: World) -> None:
    """Only there; and a run that comes later is told of again."""
    here.whole(number(1), rc=1)
    here.whole(number(2), rc=1, component="eks")
    here.judge.leave(frozenset({"acme-prod/vpc"}))
    here.judge.tick()
    (left,) = here.incidents()
    assert left.place == "acme-prod/eks"
    assert {one.state for one in here.incidents(live=False) if one.place == "acme-prod/vpc"} == {IncidentState.RETIRED}
    here.whole(number(3), rc=1)
    assert {one.place for one in here.incidents()} == {"acme-prod/eks", "acme-prod/vpc"}


def test_a_run_that_was_begun_earlier_does_not_mend_a_later_failure(here: World) -> None:
    """What was begun last decides."""
    here.start(number(1))
    here.move(minutes=1)
    here.whole(number(2), rc=1)
    here.end(number(1))
    here.judge.tick()
    assert [kind for kind, _ in here.live()] == ["workflow_failure"]


def test_a_success_is_an_info_deployment_which_each_run_opens_anew(here: World) -> None:
    """The weekly report counts what was opened."""
    here.whole(number(1))
    here.whole(number(2))
    assert here.live() == [("deployment", "info")]
    opened = [one for one in here.incidents(live=False) if one.kind == "deployment"]
    assert len(opened) == 2
    (incident,) = here.incidents()
    assert incident.evidence["seconds"] == 300.0
    here.move(days=8)
    here.judge.tick()
    assert here.live() == []


def test_silence_for_three_heartbeats_is_lost_and_never_a_success(here: World) -> None:
    """The clock decides, not the process; orphans are named, and critical also in development."""
    here.judge.tick()
    here.start(stack="acme-dev")
    here.send(here.event(1, "resource", **HELD))
    here.judge.tick()
    here.move(seconds=89)
    here.judge.tick()
    assert here.row().state == "running"
    here.move(seconds=2)
    here.judge.tick()
    assert here.row().state == "lost"
    (incident,) = here.incidents()
    assert (incident.kind, incident.tier) == ("workflow_failure", "critical")
    assert incident.evidence["possibly_orphaned"] == ["aws_vpc.main"]


def test_an_end_that_comes_after_all_is_taken_and_told(here: World) -> None:
    """A laptop that slept: its run was lost, and then ended well."""
    here.judge.tick()
    here.start()
    here.move(minutes=5)
    here.judge.tick()
    assert here.row().state == "lost"
    here.send(here.event(1, "phase.start", phase="apply"))
    here.end()
    here.judge.tick()
    assert here.row().state == "succeeded"
    (incident,) = here.incidents()
    assert incident.kind == "deployment"
    assert "after it had been taken for lost" in incident.summary


def test_who_is_heard_again_runs_on(here: World) -> None:
    """A late heartbeat ends "lost", and silence begins anew."""
    here.judge.tick()
    here.start()
    here.move(minutes=5)
    here.judge.tick()
    here.send(here.event(1, "heartbeat"))
    here.judge.tick()
    assert here.row().state == "running"
    here.move(minutes=5)
    here.judge.tick()
    assert here.row().state == "lost"


def test_what_nobody_listened_to_is_not_silent(here: World) -> None:
    """After the daemon was away for an hour, runs get three heartbeats before they are lost."""
    here.judge.tick()
    here.start()
    here.judge.tick()
    here.move(hours=1)
    here.restart()
    here.judge.tick()
    assert here.row().state == "running"
    here.move(seconds=91)
    here.judge.tick()
    assert here.row().state == "lost"


def test_a_run_that_takes_three_times_as_long_is_stuck(here: World) -> None:
    """Against its own history; its end, whatever it is, ends that."""
    here.judge.tick()
    for n in range(5):
        here.whole(number(n), minutes=10)
    here.start()
    here.judge.tick()
    for _ in range(62):
        here.move(seconds=30)
        here.send(here.event(int((here.now - NOW).total_seconds()), "heartbeat"))
    here.judge.tick()
    (stuck,) = [one for one in here.incidents() if one.kind == "workflow_failure"]
    assert stuck.summary.startswith("deploy is stuck: it runs for 31 min; it usually takes 10 min")
    here.end()
    here.judge.tick()
    assert [kind for kind, _ in here.live()] == ["deployment"]


def test_a_schedule_that_is_missed_is_overdue_until_a_run_ends_well(tmp_path: Path) -> None:
    """A failed run does not meet it."""
    nightly = Schedule("nightly", "backup", "acme-prod", every=timedelta(days=1), grace=timedelta(hours=1))
    with world(tmp_path, (nightly,)) as here:
        here.judge.tick()
        here.move(hours=25)
        here.judge.tick()
        assert here.live() == []
        here.move(minutes=1)
        here.judge.tick()
        (incident,) = here.incidents()
        assert (incident.kind, incident.key, incident.tier) == ("workflow_failure", "overdue", "critical")
        here.restart()
        here.judge.tick()
        assert len(here.incidents()) == 1
        here.whole(number(1), rc=1, workflow="backup", component="")
        assert sorted(one.key for one in here.incidents()) == ["overdue", "run"]
        here.whole(number(2), workflow="backup", component="")
        assert [kind for kind, _ in here.live()] == ["deployment"]


def test_nothing_secret_is_stored(here: World) -> None:
    """Known secrets, what looks like one, and what stands behind an option of that name."""
    argv = ["deploy", "--password", "opensesame", "--api-key=qwertz", f"-var=x={SECRET}"]
    here.start(argv=argv)
    here.send(here.event(1, "error", summary=f"bad token {SECRET}", detail="password=opensesame"))
    here.send(here.event(2, "resource", addr=f'aws_x.y["{SECRET}"]', action="create", status="done"))
    here.end(rc=1)
    here.judge.tick()
    path = here.store.path
    kept = b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))
    for secret in (SECRET, "opensesame", "qwertz"):
        assert secret.encode() not in kept


def test_a_run_keeps_its_end_though_it_says_too_much(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond the bound is left out and counted; how it ended is not."""
    monkeypatch.setattr(executions, "MOST_EVENTS", 10)
    here.start()
    taken = here.send(*(here.event(n, "log", message="x") for n in range(1, 31)))
    assert (taken.accepted, taken.left_out) == (9, 21)
    here.end()
    here.judge.tick()
    assert (here.row().state, here.row().left_out) == ("succeeded", 21)


def test_a_run_waits_for_the_inventory_which_knows_its_stage(here: World) -> None:
    """A failure in development is no critical one because the daemon has just begun; nor does it wait for ever."""
    here.judge.instances = lambda: None
    here.start(stack="acme-dev")
    here.end(rc=1)
    here.judge.tick()
    assert here.live() == []
    here.judge.instances = lambda: INSTANCES
    here.judge.tick()
    assert here.live() == [("workflow_failure", "info")]
    here.judge.instances = lambda: None
    here.move(minutes=11)
    here.whole(number(2), rc=1, stack="acme-uat")
    assert ("workflow_failure", "critical") in here.live()


def test_runs_without_a_start_hold_up_no_other(here: World) -> None:
    """However many wait for theirs; after two minutes they are judged as they are."""
    for n in range(250):
        here.send(here.event(1, "run.end", number(n), rc=0))
    here.move(seconds=1)
    here.whole(RUN, rc=1, minutes=1)
    assert here.live() == [("workflow_failure", "critical")]
    here.move(minutes=2)
    while here.judge.tick():
        pass
    with here.store.read() as view:
        assert executions.dirty(view.db, here.now) == []


def test_one_that_cannot_be_judged_holds_up_no_other(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is told, with the rest done."""
    here.start(number(1), component="bad")
    here.start(number(2))
    here.end(number(1), rc=1)
    here.end(number(2), rc=1)
    whole = record_of

    def breaks(run_id: str, events: list[Sent], lost: bool) -> RunRecord:
        if run_id == number(1):
            raise ValueError("a bug")
        return whole(run_id, events, lost)

    monkeypatch.setattr(judging, "record_of", breaks)
    with pytest.raises(ValueError, match="a bug"):
        here.judge.tick()
    assert [one.place for one in here.incidents()] == ["acme-prod/vpc"]
    monkeypatch.undo()
    here.judge.tick()
    assert len(here.incidents()) == 2


class KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("point", FAILPOINTS)
def test_a_kill_at_any_point_loses_and_repeats_nothing(here: World, point: str) -> None:
    """What was taken is judged by the next process, once."""
    here.start()
    here.send(here.event(1, "resource", **HELD))
    here.restart()
    here.end(rc=1)

    def die(name: str) -> None:
        if name == point:
            raise KilledError

    here.failpoint = die
    here.begin()
    with pytest.raises(KilledError):
        here.judge.tick()
    here.failpoint = lambda name: None
    here.restart()
    here.judge.tick()
    here.judge.tick()
    (incident,) = here.incidents()
    assert (incident.occurrence, len(here.store.transitions(incident.fingerprint))) == (1, 1)
    assert not here.row().dirty


def test_two_hundred_runs_at_once(here: World) -> None:
    """Each ends as it said, whatever came between."""
    here.judge.tick()

    def one(n: int) -> None:
        run = number(n)
        events = [
            here.event(0, "run.start", run, workflow="deploy", stack="acme-dev", component=f"c{n % 20}"),
            here.event(1, "phase.start", run, phase="apply"),
            here.event(2, "heartbeat", run),
            here.event(3, "run.end", run, rc=n % 3 and 1),
        ]
        for event in reversed(events) if n % 2 else events:
            here.send(event)
        here.send(*events)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(200)))
    while here.judge.tick():
        pass
    with here.store.read() as view:
        found = executions.listed(view.db, 500)
    assert len(found) == 200
    expected = {number(n): "failed" if n % 3 else "succeeded" for n in range(200)}
    assert expected == {row.run_id: row.state for row in found}
    assert {4} == {row.events for row in found}


def test_old_runs_go_and_the_last_of_each_kind_stays(here: World) -> None:
    """So that its failure can still be told to have ended."""
    here.whole(number(1))
    here.whole(number(2), rc=1)
    here.move(days=500)
    here.judge.forget()
    with here.store.read() as view:
        assert [number(2)] == [row.run_id for row in executions.listed(view.db, 10)]
        assert executions.events_of(view.db, number(1)) == []
    assert [kind for kind, _ in here.live() if kind != "deployment"] == ["workflow_failure"]


LOCKED = """Lock Info:
  ID:        9db590f1-b6fe-c5f2-2678-8804f089deba
  Path:      bucket/acme-prod/vpc
  Operation: OperationTypeApply
  Who:       ci@runner-7
  Version:   1.11.4
  Created:   2026-03-02 09:00:30.5 +0000 UTC
"""


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        (("phase.end", "run.end"), "-- 9db590f1-b6fe-c5f2-2678-8804f089deba  # ci@runner-7"),
        (("run.end",), "whether its Terraform has is not known"), (("phase.end",), "still goes on"), ((), "is lost"),
    ],
)  # fmt: skip
def test_a_lock_may_be_taken_away_once_its_run_is_known_to_have_ended(
    tmp_path: Path, heard: tuple[str, ...], words: str
) -> None:
    """Never of a run that goes on, is lost, or left its Terraform behind."""
    with world(tmp_path) as here:
        here.judge.tick()
        here.start(number(1), host="runner-7", workflow="other")
        here.send(here.event(1, "phase.start", number(1), phase="apply"))
        here.move(minutes=1)
        for seq, name in enumerate(heard, 2):
            here.send(here.event(seq, name, number(1), phase="apply", rc=1))
        here.move(seconds=0 if heard else 200)
        here.judge.tick()
        here.start(number(2))
        here.send(here.event(1, "error", number(2), summary="Error acquiring the state lock", detail=LOCKED))
        here.end(number(2), 1)
        here.judge.tick()
        (found,) = [one for one in here.incidents() if one.evidence.get("run_id") == number(2)]
        assert words in found.remedy
        assert found.remedy.startswith("#") is not words.startswith("--")


def test_words_that_a_sender_makes_up_are_no_labels(here: World) -> None:
    """An action with dots is one that nobody knows, and nothing of it is a label: series are bounded."""
    own = OwnMetrics()
    here.judge.on_resources = partial(count_resources, own)
    here.start()
    here.send(
        here.event(1, "resource", addr="a.b", action="create", status="done"),
        here.event(2, "resource", addr="a.c", action="create.hunter2", status="done"),
        here.event(3, "resource", addr="a.d", action="x.y.z", status="failed"),
    )
    here.end()
    here.judge.tick()
    found = {metric.name: series for metric, series in own.counters()}["barograph_run_resources_total"]
    assert found == {("create", "done"): 1, ("other", "done"): 1, ("other", "failed"): 1}
