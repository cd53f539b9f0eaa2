"""Versions of a state in S3, held against recorded runs: what nobody recorded is told, with what it did."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.base import Instance, Kind, Outcome, Reading
from checks.runs.record import Sent
from checks.state import State
from daemon.processes import Processes
from daemon.states.history import Histories
from daemon.states.library import Library, NoCache
from daemon.states.places import StateOfInstance
from daemon.store import Store, executions
from tests.daemon.states.support import BUCKET, INSTANCE, KEY, SECRET, StateWorld, state

PRODUCTION = replace(INSTANCE, stage="production")
DEVELOPMENT = replace(INSTANCE, stage="development")


@dataclass
class Desk:
    """A bucket, the daemon's store, and what the check keeps between looks."""

    world: StateWorld
    store: Store
    instance: Instance = PRODUCTION
    runs: int = 0

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A process begins: what is in memory is gone."""
        self.histories = Histories(self.store)
        self.world.library = Library(NoCache(), self.world.clock, self.histories.read)

    def put(self, *args: Any, **more: Any) -> None:
        self.world.put(state(*args, **more))
        self.pass_time(5)

    def pass_time(self, minutes: float) -> None:
        self.world.clock.time += timedelta(minutes=minutes)

    def look(self, check: State | None = None) -> Reading:
        """What the check says of the changes."""
        memory, clock = self.world.memory, self.world.clock
        shelf = self.world.shelf(self.world.watched(instance=self.instance))
        place = StateOfInstance(shelf, self.world.library, clock, clock.wait, memory, {}, self.histories)
        _, changes = (check or State()).run(place)
        memory.kept.update({("state", place.key, name): value for name, value in place.kept.items()})
        return changes

    def run(self, *events: tuple[str, dict[str, Any]], began: datetime | None = None, **start: Any) -> str:
        """A run of ten minutes around now, as the wrapper tells of it."""
        self.runs += 1
        began, run_id = began or datetime.now(self.world.clock().tzinfo) - timedelta(minutes=5), f"run-{self.runs}"
        told = {"stack": self.instance.stack, "component": self.instance.component, "actor": "alice", **start}
        listed = [("run.start", told), *events, ("run.end", {"rc": 0})]
        sent = [
            Sent(n, name, began + timedelta(minutes=10 * n / len(listed)), self.world.clock(), body)
            for n, (name, body) in enumerate(listed)
        ]
        with self.store.transaction() as tx:
            executions.take(tx.db, run_id, "events", sent, None, self.world.clock())
        return run_id


APPLIED = (("summary", {"operation": "apply", "add": 1, "change": 0, "remove": 0}),)


@pytest.fixture
def desk(world: StateWorld, tmp_path: Path) -> Iterator[Desk]:
    with Store.open(tmp_path / "barograph.db", world.clock) as store:
        yield Desk(world, store)


def _said(reading: Reading) -> list[tuple[Kind, str]]:
    return [(one.kind, one.key.partition(":")[0]) for one in reading.findings]


def _edited(serial: int, **attributes: Any) -> bytes:
    plain = json.loads(state(serial))
    plain["resources"][0]["instances"][0]["attributes"] |= attributes
    return json.dumps(plain).encode()


def test_the_first_look_is_a_baseline(desk: Desk) -> None:
    """What was there before is nobody's change."""
    desk.put(7)
    assert (desk.look().outcome, desk.look().findings) == (Outcome.HEALTHY, ())


@pytest.mark.parametrize(
    ("instance", "kind"), [(None, Kind.SECURITY_VIOLATION), (DEVELOPMENT, Kind.COMPLIANCE)], ids=["production", "dev"]
)
def test_a_change_without_a_run_is_told_of(desk: Desk, instance: Instance | None, kind: Kind) -> None:
    """With what it did, in one finding however many versions it took; it stays until it was told of for long."""
    desk.instance = instance or desk.instance
    desk.put(1, 3)
    desk.look()
    desk.put(2, 5)
    desk.put(4, 4)
    reading = desk.look()
    (finding,) = reading.findings
    assert (reading.outcome, finding.kind) == (Outcome.UNHEALTHY, kind)
    assert "1 added, 0 changed, 0 destroyed (serial 1 to 4" in finding.summary
    assert (finding.addresses, finding.evidence["versions"]) == (("aws_s3_bucket.b3",), 2)
    assert "who: unknown" in finding.summary
    desk.begin()
    assert desk.look().findings == reading.findings
    desk.pass_time(60 * 24 * 31)
    assert desk.look().findings == ()


def test_what_is_changed_and_destroyed_is_told_apart(desk: Desk) -> None:
    """An attribute that differs is a change, whichever it is; no value of it is kept or told."""
    desk.put(1)
    desk.look()
    desk.world.put(_edited(2, password="another-hunter2"))
    desk.pass_time(5)
    reading = desk.look()
    assert "0 added, 1 changed, 0 destroyed" in reading.findings[0].summary
    told = repr(reading) + repr(desk.world.memory.kept)
    with desk.store.read() as view:
        told += repr([dict(row) for row in view.db.query("select * from state_print")])
    assert SECRET not in told
    assert "another-hunter2" not in told
    desk.put(3, 29)
    assert desk.look().findings[1].evidence["destroyed_addresses"] == ["aws_s3_bucket.b29"]


@pytest.mark.parametrize(
    ("events", "start", "explained"),
    [
        (APPLIED, {}, True),
        ((), {"workflow": "deploy"}, True),
        ((), {"component": ""}, True),  # a workflow on all of the stack
        (APPLIED, {"component": "other"}, False),
        (APPLIED, {"stack": "other"}, False),
        ((("summary", {"operation": "plan", "add": 1, "change": 0, "remove": 0}),), {}, False),
        ((), {"argv": ["atmos", "terraform", "plan", "app"]}, False),
        ((), {"argv": ["terraform", "state", "rm", "x"]}, True),
    ],
)
def test_a_recorded_run_explains_a_change(desk: Desk, events: Any, start: Any, explained: bool) -> None:
    """One on the same component that may have applied, though it is heard of only after the change was told of."""
    desk.put(1, 3)
    desk.look()
    desk.put(2, 4)
    assert _said(desk.look()) == [(Kind.SECURITY_VIOLATION, "change")]
    run_id = desk.run(*events, **start)
    reading = desk.look()
    assert (Kind.SECURITY_VIOLATION in [kind for kind, _ in _said(reading)]) is not explained
    if explained:
        assert reading.outcome is Outcome.HEALTHY
        assert f"'run': '{run_id}'" in repr(reading.evidence["recorded"])


def test_a_run_at_another_time_explains_nothing(desk: Desk) -> None:
    """Its end came before the state was written."""
    desk.put(1, 3)
    desk.look()
    desk.put(2, 4)
    desk.run(*APPLIED, began=desk.world.clock() - timedelta(hours=3))
    assert _said(desk.look()) == [(Kind.SECURITY_VIOLATION, "change")]


def test_where_no_runs_are_recorded_a_change_is_a_deployment(desk: Desk) -> None:
    """So it is known that something was deployed, though nobody wraps anything."""
    desk.put(1, 3)
    desk.look()
    desk.put(2, 4)
    assert _said(desk.look(State(runs_recorded=False))) == [(Kind.DEPLOYMENT, "change")]


def test_whose_lock_it_was_is_told(desk: Desk) -> None:
    """A look while it was held saw it; until it is free nothing is compared, and nothing is called unchanged."""
    desk.put(1, 3)
    desk.look()
    desk.world.lock(timedelta(minutes=10), "mallory@laptop")
    desk.put(2, 4)
    held = desk.look()
    assert (held.outcome, held.findings) == (Outcome.UNKNOWN, ())
    desk.world.unlock()
    (finding,) = desk.look().findings
    assert "mallory@laptop" in finding.summary
    assert finding.evidence["likely_who"] == "mallory@laptop"


def test_what_was_just_written_is_not_compared_yet(desk: Desk) -> None:
    """More of it may be under way; that is no "no change"."""
    desk.put(1, 3)
    desk.look()
    desk.world.put(state(2, 4))
    desk.world.clock.time = datetime.now(desk.world.clock().tzinfo)
    assert (desk.look().outcome, desk.look().verdict) == (Outcome.UNKNOWN, "changes_unknown")
    desk.pass_time(3)
    assert len(desk.look().findings) == 1


@pytest.mark.parametrize("way", ["lineage", "serial"])
def test_a_state_that_was_put_in_its_place_is_no_change(desk: Desk, way: str) -> None:
    """The state's own verdict tells of it; what is there counts as the baseline once that accepts it."""
    desk.put(5, 3)
    desk.look()
    desk.put(3 if way == "serial" else 6, 9, lineage="other" if way == "lineage" else "6d1a")
    reading = desk.look()
    assert (reading.outcome, reading.findings) == (Outcome.UNKNOWN, ())
    desk.pass_time(60 * 25)
    desk.look()
    assert desk.look().findings == ()


def test_a_state_that_cannot_be_read_is_unknown(desk: Desk) -> None:
    """Not unchanged: what was told before stays, and what was missed is found later."""
    desk.put(1, 3)
    desk.look()
    desk.world.proxy.answer = lambda call: (403, b"", {}) if call.path.endswith(KEY) else None
    desk.put(2, 4)
    assert desk.look().outcome is Outcome.UNKNOWN
    desk.world.proxy.answer = lambda call: None
    assert len(desk.look().findings) == 1


def test_without_the_right_to_list_versions_the_newest_is_compared(desk: Desk) -> None:
    """And it is said that some were not read."""
    desk.put(1, 3)
    desk.look()
    desk.put(2, 5)
    desk.put(3, 4)
    denied = b"<Error><Code>AccessDenied</Code></Error>"
    desk.world.proxy.answer = lambda call: (403, denied, {}) if "versions" in call.path else None
    (finding,) = desk.look().findings
    assert "1 added, 0 changed, 0 destroyed" in finding.summary
    assert "could not be read" in finding.summary


def test_the_same_bytes_again_are_no_change(desk: Desk) -> None:
    """Nor is a first state empty, or one that was there and is written anew."""
    desk.put(1, 3)
    desk.look()
    desk.put(1, 3)
    assert (desk.look().outcome, desk.look().findings) == (Outcome.HEALTHY, ())


def test_a_first_deployment_is_a_change(desk: Desk) -> None:
    """Where a look found no state, all that the first one holds was added."""
    assert desk.look().outcome is Outcome.NOT_APPLICABLE
    desk.put(1, 3)
    (finding,) = desk.look().findings
    assert "3 added, 0 changed, 0 destroyed" in finding.summary


def test_versions_are_downloaded_once_and_forgotten(desk: Desk) -> None:
    """The newest by the library; of those between, only the last of each change is needed."""
    desk.put(1, 3)
    desk.look()
    for serial in range(2, 6):
        desk.put(serial, serial + 2)
    before = len(desk.world.gets())
    desk.look()
    desk.look()
    assert sum(path.startswith(f"/{BUCKET}/{KEY}") for path in desk.world.gets()[before:]) == 1
    with desk.store.read() as view:
        assert len(list(view.db.query("select md5 from state_print"))) == 2


def test_real_applies_are_told_of(desk: Desk, tmp_path: Path) -> None:
    """Terraform itself writes the state: what it added, changed and destroyed is what is told, resource by resource."""
    folder, processes = tmp_path / "module", Processes()
    folder.mkdir()
    config = {
        **desk.world.watched().backend.config, "skip_credentials_validation": True, "skip_metadata_api_check": True,
        "skip_requesting_account_id": True, "skip_region_validation": True, "encrypt": False,
    }  # fmt: skip
    (folder / "backend.tf.json").write_text(json.dumps({"terraform": {"backend": {"s3": config}}}))
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}

    def terraform(*argv: str, **inputs: str) -> None:
        resource = {"terraform_data": {"one": {"for_each": inputs, "input": "${each.value}"}}}
        (folder / "main.tf.json").write_text(json.dumps({"resource": resource} if inputs else {}))
        done = processes.run(["terraform", *argv, "-input=false"], cwd=folder, env=env, deadline=120)
        assert done.rc == 0, (done.stdout + done.stderr).decode()
        desk.pass_time(5)

    try:  # without locks: a request that a busy machine makes Terraform repeat rivals itself
        terraform("init", a="1")
        terraform("apply", "-auto-approve", "-lock=false", a="1", b="1")
        desk.look()
        terraform("plan", "-lock=false", a="2", b="1")
        assert desk.look().outcome is Outcome.HEALTHY
        terraform("apply", "-auto-approve", "-lock=false", a="2", c=SECRET)
        (finding,) = desk.look().findings
    finally:
        processes.close()
    told = {name: finding.evidence[f"{name}_addresses"] for name in ("added", "changed", "destroyed")}
    assert told == {
        "added": ['terraform_data.one["c"]'], "changed": ['terraform_data.one["a"]'],
        "destroyed": ['terraform_data.one["b"]'],
    }  # fmt: skip
    assert SECRET not in repr(finding)
