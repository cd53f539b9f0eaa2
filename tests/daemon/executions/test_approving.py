"""People agree to runs and commits: what is kept, what it is worth, and what it does to incidents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.runs.agreed import Approval
from daemon.executions.approving import Answer, Approving, Signed, Wanted
from daemon.executions.guideline import Guideline
from daemon.executions.waiting import waiting
from daemon.store import approvals
from tests.daemon.executions.world import INSTANCES, SECRET, World, number

COMMIT, OTHER = "3f2a9c1d" * 5, "aaaaaaaa" * 5
BOB, ALICE = Signed("bob", "HTTP"), Signed("alice", "HTTP")
RUN = number(10)
TICKET = "https://tickets.example/7"


class Desk(World):
    """A world with somebody who keeps what people agree to."""

    def begin(self) -> None:
        super().begin()
        self.judge.cycle = Guideline()
        self.approving = Approving(self.store, lambda: self.now, self.judge.cycle, (SECRET,), self.judge.again)

    def run(self, *, apply: bool = True, end: bool = True, **data: Any) -> None:
        self.start(RUN, **({"git_sha": COMMIT, "rollback": "https://ci/1"} | data))
        if apply:
            self.send(self.event(1, "phase.start", RUN, phase="apply"))
        if end:
            self.move(minutes=5)
            self.end(RUN)

    def give(self, signed: Signed = BOB, **wanted: Any) -> Answer:
        return self.approving.give(Wanted(**({"evidence": TICKET} | wanted)), signed)

    def kept(self) -> list[Approval]:
        with self.store.read() as view:
            return approvals.since(view.db, self.now - timedelta(days=400))

    def trail(self) -> list[tuple[str, str]]:
        with self.store.read() as view:
            return [(line.who, line.action) for line in reversed(view.audit())]

    def broken(self) -> set[str]:
        self.judge.tick()
        return {str(one.evidence["rule"]) for one in self.incidents() if "rule" in one.evidence}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.judge.tick()
    yield made
    made.store.close()


def test_an_approval_is_kept_once_and_counts(desk: Desk) -> None:
    """The same again changes nothing; the trail has it once, with its evidence."""
    desk.start(RUN, git_sha=COMMIT, workflow="apply-environment")
    first, again = desk.give(run_id=RUN), desk.give(run_id=RUN)
    assert (first.changed, first.counts, again.changed) == (True, None, False)
    assert "it counts if the apply begins after it" in first.text
    assert again.text.startswith("already so since 2026-03-02 09:00 UTC")
    assert [(one.by, one.run_id, one.evidence) for one in desk.kept()] == [("bob", RUN, TICKET)]
    assert desk.trail() == [("bob (HTTP)", "approval.give")]
    desk.move(minutes=5)
    desk.send(desk.event(1, "phase.start", RUN, phase="apply"))
    desk.end(RUN)
    assert "unapproved" not in desk.broken()


@pytest.mark.parametrize(
    ("signed", "wanted", "why", "rule"),
    [
        (ALICE, {"run_id": RUN}, "alice ran it", "self_approved"),
        (Signed("ops", "HTTP", "Alice "), {"run_id": RUN}, "ran it", "self_approved"),
        (Signed("ALICE", "command line"), {"run_id": RUN}, "ran it", "self_approved"),
    ],
)
def test_who_runs_it_may_not_approve_it(
    desk: Desk, signed: Signed, wanted: dict[str, Any], why: str, rule: str
) -> None:
    """It is kept and judged, and the answer says so at once; nor does a word of somebody's else stand for theirs."""
    desk.start(RUN, git_sha=COMMIT)
    answer = desk.give(signed, **wanted)
    assert (answer.changed, answer.counts) == (True, False)
    assert "BUT IT DOES NOT COUNT" in answer.text
    assert why in answer.text
    desk.send(desk.event(1, "phase.start", RUN, phase="apply"))
    desk.end(RUN)
    assert rule in desk.broken()


def test_an_approval_that_comes_after_the_apply_does_not_count(desk: Desk) -> None:
    """And is told so; the violation stays."""
    desk.run()
    desk.move(minutes=10)
    answer = desk.give(run_id=RUN)
    assert answer.counts is False
    assert "given after the apply began" in answer.text
    assert "unapproved" in desk.broken()


@pytest.mark.parametrize(("lag", "counts"), [(0, False), (60, True)])
def test_no_clock_excuses_an_approval_of_what_was_heard_to_apply_already(desk: Desk, lag: int, counts: bool) -> None:
    """Half a minute after the apply began: late where that had been heard here, else clocks may differ."""
    began = desk.event(1, "phase.start", RUN, phase="apply")
    desk.start(RUN, git_sha=COMMIT, rollback="https://ci/1")
    if not lag:
        desk.send(began)
    desk.move(seconds=30)
    desk.give(run_id=RUN)
    desk.move(seconds=lag)
    desk.send(began)
    desk.end(RUN)
    assert ("unapproved" not in desk.broken()) is counts


@pytest.mark.parametrize(
    ("commit", "stack", "workflow", "fits"),
    [(COMMIT, "acme-prod", "", True), (COMMIT, "acme-prod", "deploy", True), (OTHER, "acme-prod", "", False),
     (COMMIT, "acme-uat", "", False), (COMMIT, "acme-prod", "another", False)],
)  # fmt: skip
def test_a_commit_is_approved_for_its_stack(desk: Desk, commit: str, stack: str, workflow: str, fits: bool) -> None:
    """Another commit, stack or workflow is not approved with it."""
    assert desk.give(commit=commit, stack=stack, workflow=workflow).counts is None
    desk.move(minutes=5)
    desk.run()
    assert ("unapproved" in desk.broken()) is not fits


def test_what_has_ended_or_was_revoked_before_the_apply_does_not_count(desk: Desk) -> None:
    """What was revoked after it does not undo it."""
    desk.give(commit=COMMIT, stack="acme-prod", lasts=timedelta(hours=1))
    desk.move(hours=2)
    desk.run()
    assert "unapproved" in desk.broken()
    desk.give(run_id=RUN)  # too late
    taken = desk.approving.revoke(Wanted(run_id=RUN, note="wrong one"), BOB)
    assert (taken.changed, taken.text) == (True, "revoked: 1")
    assert not desk.approving.revoke(Wanted(run_id=RUN), BOB).changed
    assert desk.trail()[-1] == ("bob (HTTP)", "approval.revoke")
    assert desk.kept()[-1].revoked_why == "wrong one"


def test_a_revocation_before_the_apply_counts_and_one_after_it_does_not(desk: Desk) -> None:
    """It held when it was needed."""
    desk.give(commit=COMMIT, stack="acme-prod")
    desk.move(minutes=5)
    desk.run()
    desk.approving.revoke(Wanted(commit=COMMIT, stack="acme-prod"), BOB)
    assert "unapproved" not in desk.broken()


def test_a_new_approval_is_judged_at_once(desk: Desk) -> None:
    """The next tick holds the applies of its stack against it, without waiting for the clock."""
    desk.run(emergency=True)
    desk.move(days=3, hours=1)
    assert desk.broken() == {"review_overdue", "not_validated"}
    assert desk.give(ALICE, run_id=RUN, review=True).counts is False
    assert "review_overdue" in desk.broken()
    answer = desk.give(run_id=RUN, review=True)
    assert (answer.counts, answer.changed) == (True, True)
    assert desk.broken() == {"not_validated"}
    assert desk.trail() == [("alice (HTTP)", "review.give"), ("bob (HTTP)", "review.give")]


def test_an_overdue_review_is_told_of_until_it_is_given(desk: Desk) -> None:
    """However long that takes, over restarts, and by itself once all else of the run is told of no longer."""
    desk.run(emergency=True)
    desk.move(days=4)
    assert "review_overdue" in desk.broken()
    opened = {one.fingerprint for one in desk.incidents()}
    for days in (40, 200):
        desk.move(days=days)
        desk.restart()
        desk.start(number(50 + days), workflow="validate")  # so that somebody looks there
        desk.end(number(50 + days))
        assert desk.broken() == {"review_overdue"}
    (still,) = (one for one in desk.incidents() if "rule" in one.evidence)
    assert still.fingerprint in opened
    assert still.occurrence == 1
    desk.give(run_id=RUN, review=True)
    assert desk.broken() == set()


def test_a_review_is_owed_by_emergencies_only(desk: Desk) -> None:
    """Nothing else is reviewed."""
    desk.run()
    assert desk.give(run_id=RUN, review=True).refused
    assert not desk.kept()


@pytest.mark.parametrize(
    ("wanted", "text", "known"),
    [
        ({"run_id": "x"}, "there is no run x", False),
        ({"commit": "3f2a9c1", "stack": "acme-prod"}, "give the whole id of the commit", True),
        ({"commit": COMMIT}, "say on which stack", True),
        ({"workflow": "deploy"}, "say what is agreed to", True),
        ({"workflow": "deploy", "stack": "acme-prod"}, "no run of deploy on acme-prod go on", False),
        ({"run_id": RUN, "lasts": timedelta(0)}, "it would have ended already", True),
    ],
)
def test_what_cannot_be_agreed_to_is_refused(desk: Desk, wanted: dict[str, Any], text: str, known: bool) -> None:
    """With a word on what to say; nothing is kept and nothing is in the trail."""
    answer = desk.give(**wanted)
    assert text in answer.text
    assert (answer.known, answer.changed) == (known, False)
    assert (desk.kept(), desk.trail()) == ([], [])


def test_the_run_of_a_workflow_that_goes_on_is_found(desk: Desk) -> None:
    """Of two nobody knows which is meant."""
    desk.start(RUN, git_sha=COMMIT)
    desk.judge.tick()
    assert desk.give(workflow="deploy", stack="acme-prod").approvals[0].run_id == RUN
    desk.start(number(11), git_sha=COMMIT)
    desk.judge.tick()
    assert desk.give(workflow="deploy", stack="acme-prod").refused


def test_evidence_holds_no_secret(desk: Desk) -> None:
    """Neither in the row nor in the trail."""
    desk.start(RUN)
    hostile = f"https://a:{SECRET}@x/?access_token=abcdefgh12345 \x07password={SECRET} AKIAABCDEFGHIJKLMNOP"
    desk.give(run_id=RUN, evidence=hostile, note=f"it is {SECRET}")
    (kept,) = desk.kept()
    with desk.store.read() as view:
        texts = [kept.evidence, kept.note, *(line.text for line in view.audit())]
    for secret in (SECRET, "abcdefgh12345", "AKIAABCDEFGHIJKLMNOP", "\x07"):
        assert not any(secret in text for text in texts), secret


def test_what_waits_for_an_approval_is_known(desk: Desk) -> None:
    """Until somebody else agrees, or it applies."""

    def waits() -> list[str]:
        desk.judge.tick()
        with desk.store.read() as view:
            return [one.run_id for one in waiting(view, desk.judge.cycle, INSTANCES) or ()]

    desk.start(RUN, git_sha=COMMIT, workflow="apply-environment")
    desk.start(number(11), git_sha=COMMIT, workflow="validate")
    desk.start(number(12), git_sha=COMMIT, workflow="apply-environment", stack="acme-dev")
    assert waits() == [RUN]
    desk.give(ALICE, run_id=RUN)
    assert waits() == [RUN]
    desk.give(run_id=RUN)
    assert waits() == []
    with desk.store.read() as view:
        assert waiting(view, None, INSTANCES) is None
