"""The guideline's cycle: what an environment asks of an apply, each way to break it, and what is not known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.base import Kind, Outcome, Reading
from checks.kinds import DEVELOPMENT, PRODUCTION, STAGING
from checks.runs.agreed import Approval
from checks.runs.cycle import (
    APPLY,
    PATTERNS,
    VALIDATION,
    Broken,
    Judged,
    Rules,
    Step,
    World,
    judge,
    reading_of,
)
from checks.runs.record import State

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
COMMIT, OTHER = "3f2a9c1d" * 5, "aaaaaaaa" * 5


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def step(word: str, began: float, stack: str = "acme-prod", **more: object) -> Step:
    """One that took five minutes and ended well."""
    known = Step(
        f"{word}-{began}", word, at(began), at(began + 0.08), State.SUCCEEDED, stack, "vpc", COMMIT, "alice", False,
        rollback="https://ci/1",
    )  # fmt: skip
    return replace(known, **more)  # type: ignore[arg-type]  # fields of Step, by their names


@dataclass
class Case:
    """All that production asks for; *change* spoils it."""

    apply: Step = field(default_factory=lambda: step(APPLY, 0))
    steps: dict[str, Step] = field(
        default_factory=lambda: {
            word: step(word, hours)
            for word, hours in zip(
                ("drift-detection", "compliance-check", "validate", "plan-environment", VALIDATION),
                (-4, -3, -2, -1, 0.2),
                strict=True,
            )
        }
    )
    more: list[Step] = field(default_factory=list)
    staging: list[Step] = field(default_factory=lambda: [step(APPLY, -20, "acme-uat")])
    approvals: list[Approval] = field(
        default_factory=lambda: [Approval("bob", at(-0.5), commit=COMMIT, stack="acme-prod")]
    )
    outside: dict[str, str] = field(default_factory=dict)
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stage: str = PRODUCTION
    now: datetime = NOW + timedelta(hours=2)

    def judged(self) -> Judged:
        world = World([*self.steps.values(), *self.more], self.staging, self.approvals, self.outside, self.needs)
        return judge(self.apply, self.stage, world, Rules(), self.now)

    def reading(self) -> Reading | None:
        return reading_of("acme-prod/vpc cycle", self.stage, [self.judged()], Rules(), self.now)


def _step(word: str, **more: object) -> Callable[[Case], None]:
    return lambda case: case.steps.update({word: replace(case.steps[word], **more)})  # type: ignore[arg-type]  # fields


def _apply(**more: object) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        case.apply = replace(case.apply, **more)  # type: ignore[arg-type]  # fields of Step

    return change


def _without(word: str) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        del case.steps[word]

    return change


def _needed(hours: float) -> Callable[[Case], None]:
    """It needs another component, which was applied then."""

    def change(case: Case) -> None:
        case.needs["vpc"] = ("dns",)
        case.more.append(step(APPLY, hours, component="dns"))

    return change


def _approvals(*given: Approval) -> Callable[[Case], None]:
    return lambda case: setattr(case, "approvals", list(given))


GOOD = Approval("bob", at(-0.5), commit=COMMIT, stack="acme-prod")
CASES: dict[str, tuple[Callable[[Case], None], set[Broken]]] = {
    "all of it": (lambda case: None, set()),
    "no drift detection": (_without("drift-detection"), {Broken.STEP_MISSING}),
    "a dry run of a step": (_step("validate", dry_run=True), {Broken.STEP_MISSING}),
    "of another component": (_step("validate", component="rds"), {Broken.STEP_MISSING}),
    "of the whole stack": (_step("validate", component=""), set()),
    "a step that failed": (_step("compliance-check", state=State.FAILED), {Broken.STEP_FAILED}),
    "a step that is lost": (_step("compliance-check", state=State.LOST), {Broken.STEP_FAILED}),
    "a step too old": (_step("drift-detection", began=at(-30), ended=at(-29)), {Broken.STEP_STALE}),
    "a step of another commit": (_step("plan-environment", commit=OTHER), {Broken.STEP_OTHER_COMMIT}),
    "a short commit": (_step("plan-environment", commit=COMMIT[:7]), set()),
    "steps in another order": (_step("validate", began=at(-3.5), ended=at(-3.4)), {Broken.OUT_OF_ORDER}),
    "a step after the apply": (_step("plan-environment", began=at(0.1), ended=at(0.2)), {Broken.STEP_MISSING}),
    "no approval": (_approvals(), {Broken.UNAPPROVED}),
    "approved afterwards": (_approvals(replace(GOOD, at=at(0.5))), {Broken.UNAPPROVED}),
    "approved long ago": (_approvals(replace(GOOD, at=at(-200))), {Broken.UNAPPROVED}),
    "another commit approved": (_approvals(replace(GOOD, commit=OTHER)), {Broken.UNAPPROVED}),
    "another stack approved": (_approvals(replace(GOOD, stack="acme-uat")), {Broken.UNAPPROVED}),
    "another run approved": (_approvals(replace(GOOD, run_id="x")), {Broken.UNAPPROVED}),
    "this run approved": (_approvals(Approval("bob", at(-1), f"{APPLY}-0")), set()),
    "a review is no approval": (_approvals(replace(GOOD, review=True)), {Broken.UNAPPROVED}),
    "approved by who ran it": (_approvals(replace(GOOD, by="Alice ")), {Broken.SELF_APPROVED}),
    "nobody knows who ran it": (_apply(actor=""), {Broken.SELF_APPROVED}),
    "outside of the windows": (
        lambda case: case.outside.update({case.apply.run_id: "a freeze"}), {Broken.OUT_OF_WINDOW},
    ),
    "never validated": (_without(VALIDATION), {Broken.NOT_VALIDATED}),
    "validated badly": (_step(VALIDATION, state=State.FAILED), {Broken.NOT_VALIDATED}),
    "validated too late": (_step(VALIDATION, began=at(1.5)), {Broken.NOT_VALIDATED}),
    "not in staging": (lambda case: case.staging.clear(), {Broken.NOT_STAGED}),
    "failed in staging": (
        lambda case: setattr(case, "staging", [step(APPLY, -20, state=State.FAILED)]), {Broken.NOT_STAGED},
    ),
    "later in staging": (lambda case: setattr(case, "staging", [step(APPLY, 1)]), {Broken.NOT_STAGED}),
    "another commit in staging": (
        lambda case: setattr(case, "staging", [step(APPLY, -20, commit=OTHER)]), {Broken.NOT_STAGED},
    ),
    "no way back": (_apply(rollback=""), {Broken.NO_ROLLBACK}),
    "uncommitted": (_apply(dirty=True), {Broken.UNCOMMITTED}),
    "before what it needs": (_needed(1), {Broken.BEFORE_DEPENDENCY}),
    "after what it needs": (_needed(-1), set()),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_rule_of_production_has_its_case(name: str) -> None:
    """One thing is spoilt, and that rule alone is broken; who may apply, and when, are violations."""
    change, expected = CASES[name]
    case = Case()
    change(case)
    assert {fault.rule for fault in case.judged().faults} == expected
    reading = case.reading()
    assert reading is not None
    violation = expected & {Broken.UNAPPROVED, Broken.SELF_APPROVED, Broken.OUT_OF_WINDOW}
    kinds = {finding.kind for finding in reading.findings}
    assert kinds == ({Kind.SECURITY_VIOLATION} if violation else {Kind.COMPLIANCE} if expected else set())
    assert reading.outcome is (Outcome.UNHEALTHY if expected else Outcome.HEALTHY)
    assert reading.evidence["adherence"] == (0.0 if expected else 1.0)


def test_every_rule_has_a_case() -> None:
    """But for the review, which emergencies owe."""
    told = set[Broken]().union(*(expected for _, expected in CASES.values()))
    assert set(Broken) - told == {Broken.REVIEW_OVERDUE}


@pytest.mark.parametrize("stage", [STAGING, DEVELOPMENT])
def test_other_environments_ask_for_less(stage: str) -> None:
    """Their own steps, no approval, no window."""
    case = Case(stage=stage, staging=[], approvals=[])
    case.steps = {word: step(word, n - 5) for n, word in enumerate(PATTERNS[stage]) if word != APPLY}
    assert case.judged().adheres is True
    case.steps.pop("validate")
    assert [fault.key for fault in case.judged().faults] == ["step_missing:validate"]


def test_a_stage_that_is_not_known_counts_as_production() -> None:
    """So that nothing is let off by a gap in the inventory."""
    assert {fault.rule for fault in Case(stage="", approvals=[]).judged().faults} == {Broken.UNAPPROVED}


def test_an_emergency_may_leave_out_steps_and_owes_a_review() -> None:
    """By somebody else, in time; then it is told of, and what it may not leave out at once."""
    case = Case(steps={}, staging=[], approvals=[], apply=step(APPLY, 0, emergency=True))
    case.steps[VALIDATION] = step(VALIDATION, 0.2)
    case.outside[case.apply.run_id] = "a freeze"
    judged, reading = case.judged(), case.reading()
    assert (judged.faults, judged.due) == ((), at(72))
    assert reading is not None
    assert (reading.outcome, reading.evidence["emergencies"]) == (Outcome.UNKNOWN, 1)
    case.now = at(73)
    assert [fault.rule for fault in case.judged().faults] == [Broken.REVIEW_OVERDUE]
    case.approvals = [Approval("alice", at(5), case.apply.run_id, review=True)]
    assert [fault.rule for fault in case.judged().faults] == [Broken.REVIEW_OVERDUE]
    case.approvals.append(Approval("bob", at(80), case.apply.run_id, review=True))
    assert case.judged().adheres is True
    case.apply = replace(case.apply, rollback="", dirty=True)
    assert {fault.rule for fault in case.judged().faults} == {Broken.NO_ROLLBACK, Broken.UNCOMMITTED}


def test_what_may_still_come_is_neither_kept_nor_broken() -> None:
    """Until the time for it is over."""
    case = Case(now=at(0.5))
    case.steps.pop(VALIDATION)
    judged, reading = case.judged(), case.reading()
    assert judged.adheres is None
    assert reading is not None
    assert reading.outcome is Outcome.UNKNOWN
    assert "adherence" not in reading.evidence


def test_what_nobody_told_is_not_kept() -> None:
    """Without a commit it cannot be told whether that was in staging."""
    case = Case(approvals=[Approval("bob", at(-1), f"{APPLY}-0")], apply=step(APPLY, 0, commit=""))
    judged = case.judged()
    assert (judged.faults, judged.adheres) == ((), None)
    assert any("staging" in one for one in judged.unknown)


def test_a_dry_run_is_no_apply() -> None:
    """Nothing is asked of it."""
    assert Case(apply=step(APPLY, 0, dry_run=True), approvals=[]).reading() is None


@given(st.data())
def test_the_order_in_which_runs_are_known_says_nothing(data: st.DataObject) -> None:
    """The same is broken, whichever way they are listed."""
    case = Case()
    CASES[data.draw(st.sampled_from(sorted(CASES)))][0](case)
    case.more.append(step("validate", -1.5, state=State.FAILED))
    faults = {fault.key for fault in case.judged().faults}
    world = World(
        data.draw(st.permutations([*case.steps.values(), *case.more])), case.staging, case.approvals[::-1],
        case.outside, case.needs,
    )  # fmt: skip
    assert {fault.key for fault in judge(case.apply, case.stage, world, Rules(), case.now).faults} == faults
