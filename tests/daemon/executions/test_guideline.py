"""Recorded runs held against the guideline's cycle, from events to incidents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.calendars import Calendar
from checks.comply.adherence import adherence
from checks.runs.agreed import Approval
from checks.runs.cycle import APPLY
from checks.runs.record import State, record_of
from daemon.estate import stored
from daemon.executions.cron import parse
from daemon.executions.guideline import Guideline, Named, steps_of
from daemon.executions.windows import Freeze, Window, outside
from daemon.store import approvals, executions
from tests.daemon.executions.world import World, number, world

COMMIT = "3f2a9c1d" * 5
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
OFFICE = Window("acme-*", Calendar(ZONE))
BEFORE = ("drift-detection", "compliance-check", "validate", "plan-environment")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.judge.cycle = Guideline()
        made.judge.tick()
        yield made


def _run(desk: World, n: int, workflow: str, stack: str = "acme-prod", *, apply: bool = False, **data: Any) -> str:
    run = number(n)
    desk.start(run, workflow=workflow, stack=stack, git_sha=COMMIT, **data)
    if apply:
        desk.send(desk.event(1, "phase.start", run, phase="apply"))
    desk.move(minutes=5)
    desk.end(run)
    return run


def _broken_of(desk: World, stack: str) -> list[tuple[str, str]]:
    return sorted(
        (str(one.kind), str(one.evidence["rule"]))
        for one in desk.incidents() if one.resource == f"{stack}/vpc cycle"
    )  # fmt: skip


def _approve(desk: World, **more: Any) -> None:
    with desk.store.transaction() as tx:
        approvals.add(tx.db, replace(Approval("bob", desk.now, commit=COMMIT, stack="acme-prod"), **more))


def _kept(desk: World) -> None:
    """All that goes before an apply to production."""
    _run(desk, 1, "deploy", "acme-uat", apply=True)
    desk.move(minutes=5)
    for n, word in enumerate(BEFORE, 2):
        _run(desk, n, word)
    _approve(desk)


def test_an_apply_that_kept_to_the_cycle_raises_nothing(desk: World) -> None:
    """Validated after it, all is well; until then it is open."""
    _kept(desk)
    _run(desk, 10, "deploy", apply=True, rollback="https://ci/9")
    desk.judge.tick()
    assert _broken_of(desk, "acme-prod") == []
    _run(desk, 11, "post-validation")
    desk.move(hours=2)
    desk.judge.tick()
    assert _broken_of(desk, "acme-prod") == []


def test_an_apply_that_nobody_approved_is_a_violation(desk: World) -> None:
    """And what else it left out is told, once each; a restart tells none of it again."""
    _run(desk, 10, "deploy", apply=True)
    desk.judge.tick()
    expected = [
        ("compliance", "no_rollback"), ("compliance", "not_staged"), *[("compliance", "step_missing")] * 4,
        ("security_violation", "unapproved"),
    ]  # fmt: skip
    assert _broken_of(desk, "acme-prod") == expected
    opened = {one.opened_at for one in desk.incidents()}
    desk.restart()
    desk.judge.cycle = Guideline()
    desk.move(minutes=20)
    desk.judge.tick()
    assert _broken_of(desk, "acme-prod") == expected
    assert {one.opened_at for one in desk.incidents()} == opened
    desk.move(hours=1)
    desk.judge.tick()
    assert ("compliance", "not_validated") in _broken_of(desk, "acme-prod")


def test_the_review_of_an_emergency_is_asked_for(desk: World) -> None:
    """Not at once; by the clock, and no more once somebody else gave it."""
    _kept(desk)
    run = _run(desk, 10, "deploy", apply=True, rollback="x", emergency=True)
    _run(desk, 11, "post-validation")
    desk.judge.tick()
    assert _broken_of(desk, "acme-prod") == []
    desk.move(days=3, minutes=20)
    desk.judge.tick()
    assert _broken_of(desk, "acme-prod") == [("compliance", "review_overdue")]
    _approve(desk, run_id=run, commit="", review=True)
    desk.move(minutes=20)
    desk.judge.tick()
    assert _broken_of(desk, "acme-prod") == []


def test_outside_of_the_windows_is_a_violation(desk: World) -> None:
    """Whatever else was kept to."""
    _kept(desk)
    desk.judge.cycle = Guideline(freezes=(Freeze(desk.now, desk.now + timedelta(days=1), "fair"),))
    _run(desk, 10, "deploy", apply=True, rollback="x")
    desk.judge.tick()
    assert _broken_of(desk, "acme-prod") == [("security_violation", "out_of_window")]


def test_without_a_guideline_nothing_is_held_against_it(desk: World) -> None:
    """As nobody asked for it."""
    desk.judge.cycle = None
    _run(desk, 10, "deploy", apply=True)
    desk.judge.tick()
    assert _broken_of(desk, "acme-prod") == []


@pytest.mark.parametrize(
    ("approval", "fault"),
    [(Approval("", NEW_YEAR, "r"), True), (Approval("bob", NEW_YEAR), True),
     (Approval("bob", NEW_YEAR, commit=COMMIT), True),
     (Approval("bob", NEW_YEAR, "r", note="ok"), False)],
)  # fmt: skip
def test_an_approval_says_who_and_what(desk: World, approval: Approval, fault: bool) -> None:
    """Of everything it would approve anything."""
    if fault:
        with desk.store.transaction() as tx, pytest.raises(ValueError, match="an approval says who"):
            approvals.add(tx.db, approval)
    else:
        with desk.store.transaction() as tx:
            approvals.add(tx.db, approval)
        with desk.store.read() as view:
            (kept,) = approvals.since(view.db, approval.at)
        assert replace(kept, mark="", heard_at=None) == approval


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("2026-05-04T12:00+02:00", ""),
        ("2026-05-09T12:00+02:00", "none of"),  # a Saturday
        ("2026-05-03T23:30+00:00", ""),  # Monday in Berlin
        ("2026-05-06T12:00+02:00", "a freeze until 2026-05-07 00:00 UTC (fair)"),
    ],
)
def test_windows_are_local_and_freezes_go_before_them(at: str, why: str) -> None:
    """A stack that no window names may be changed at all times."""
    freeze = Freeze(datetime(2026, 5, 6, tzinfo=UTC), datetime(2026, 5, 7, tzinfo=UTC), "fair", "acme-*")
    moment = datetime.fromisoformat(at)
    assert outside([OFFICE], [freeze], "acme-prod", moment).startswith(why)
    assert bool(outside([OFFICE], [freeze], "acme-prod", moment)) == bool(why)
    assert outside([OFFICE], [freeze], "other", moment) == ""


@pytest.mark.parametrize(("minutes", "holds"), [(-1, False), (0, True), (59, True), (60, False)])
def test_a_window_by_cron_lasts_from_each_of_its_times(minutes: int, holds: bool) -> None:
    """Its first moment is in it, its last is not."""
    window = Window("*", Calendar(ZoneInfo("UTC")), parse("0 22 * * 6"), timedelta(hours=1))
    assert window.holds(datetime(2026, 5, 9, 22, tzinfo=UTC) + timedelta(minutes=minutes)) is holds


def test_steps_of_one_workflow_are_told_apart(desk: World) -> None:
    """By their names and commands; the apply begins where Terraform's does, and the whole run is not another one."""
    run = number(20)
    desk.start(run, workflow="release", argv=["atmos", "workflow", "release"], git_sha=COMMIT, dry_run=False)
    for index, (name, command) in enumerate([("check", "make lint-all"), ("validate", ""), ("go", "atmos apply")]):
        desk.move(minutes=1)
        desk.send(desk.event(index + 1, "step.start", run, index=index, name=name, command=command))
    desk.send(desk.event(7, "step.end", run, index=2, rc=1))
    desk.end(run, 1)
    with desk.store.read() as view:
        from_store = executions.events_of(view.db, run)
    named = (Named("make lint*", "lint"), Named("atmos apply*", APPLY))
    found = steps_of(record_of(run, from_store), from_store, named)
    assert [(one.word, one.state) for one in found] == [
        ("lint", State.SUCCEEDED), ("validate", State.SUCCEEDED), (APPLY, State.FAILED),
    ]  # fmt: skip
    assert all(one.ended is not None and one.began < one.ended for one in found[:2])


def test_the_estate_sees_how_stacks_were_changed(desk: World) -> None:
    """So that the check `compliance` can score it, though nobody looks at those places."""
    _run(desk, 10, "deploy", apply=True)
    desk.judge.tick()
    seen = stored(desk.store, dict, lambda: desk.now)("execution")
    assert adherence(seen, [])["acme-prod"].broken == [number(10)]
    assert stored(desk.store, dict, lambda: desk.now)("drift") == []


def test_an_approval_by_running_its_step_is_in_the_audit_trail(desk: World) -> None:
    """Once, with who and which run; and what is stored of it can be revoked."""
    _run(desk, 1, "deploy", "acme-uat", apply=True)
    for n, word in enumerate((*BEFORE, "manual-approval"), 2):
        _run(desk, n, word, actor="carol")
    _run(desk, 10, "deploy", apply=True, rollback="https://ci/9")
    for _ in range(3):
        desk.judge.tick()
        desk.judge.again("acme-prod")
    assert _broken_of(desk, "acme-prod") == []
    with desk.store.read() as view:
        rows = [row for row in view.db.query("select who, action, detail from audit") if "approval" in row["action"]]
        (kept,) = approvals.newest(view.db, 10)
    (row,) = rows
    assert (row["who"], row["action"]) == ("carol (the step manual-approval)", "approval.give")
    assert number(6) in row["detail"]
    assert (kept.by, kept.stack, kept.commit) == ("carol", "acme-prod", COMMIT)
    with desk.store.transaction() as tx:
        approvals.revoke(tx.db, kept.mark, desk.now - timedelta(minutes=6), "bob", "", desk.now)
    desk.judge.again("acme-prod")
    desk.judge.tick()
    assert _broken_of(desk, "acme-prod") == [("security_violation", "unapproved")]
