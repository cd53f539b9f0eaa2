"""The guideline's cycle: whether what ran for a stack before and after an apply is what its environment asks for. Pure.

Steps are called by the guideline's words, whatever a repository calls them. What is not known (a commit nobody told,
a step that may still come) is said to be so, and is neither kept nor broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from checks.base import Finding, Json, Kind, Outcome, Reading
from checks.kinds import DEVELOPMENT, PRODUCTION, STAGING
from checks.runs.agreed import SKEW, Approval, Subject, in_time, names, others, why_not
from checks.runs.agreed import moment as _moment
from checks.runs.agreed import same as _same
from checks.runs.record import State

APPLY, APPROVAL, VALIDATION = "apply-environment", "manual-approval", "post-validation"
# The guideline's execution patterns.
PATTERNS: Mapping[str, tuple[str, ...]] = {
    DEVELOPMENT: ("validate", APPLY),
    STAGING: ("compliance-check", "validate", "lint", "plan-environment", APPLY),
    PRODUCTION: (
        "drift-detection", "compliance-check", "validate", "plan-environment", APPROVAL, APPLY, VALIDATION,
    ),
}  # fmt: skip
WORDS = tuple(dict.fromkeys(word for pattern in PATTERNS.values() for word in pattern))


class Broken(StrEnum):
    """A rule that was broken; part of a finding's key."""

    UNAPPROVED = "unapproved"
    SELF_APPROVED = "self_approved"
    OUT_OF_WINDOW = "out_of_window"
    STEP_MISSING = "step_missing"
    STEP_FAILED = "step_failed"
    STEP_STALE = "step_stale"
    STEP_OTHER_COMMIT = "step_other_commit"
    OUT_OF_ORDER = "out_of_order"
    NOT_VALIDATED = "not_validated"
    NOT_STAGED = "not_staged"
    BEFORE_DEPENDENCY = "before_dependency"
    NO_ROLLBACK = "no_rollback"
    UNCOMMITTED = "uncommitted"
    REVIEW_OVERDUE = "review_overdue"


_VIOLATIONS = frozenset({Broken.UNAPPROVED, Broken.SELF_APPROVED, Broken.OUT_OF_WINDOW})
# What an emergency may leave out, owing a review.
_FORGIVEN = frozenset(
    {
        Broken.UNAPPROVED, Broken.OUT_OF_WINDOW, Broken.STEP_MISSING, Broken.STEP_FAILED, Broken.STEP_STALE,
        Broken.STEP_OTHER_COMMIT, Broken.OUT_OF_ORDER, Broken.NOT_STAGED, Broken.BEFORE_DEPENDENCY,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """A run, by the guideline's word for what it does. *commit* empty, *dirty* None: nobody said."""

    run_id: str
    word: str
    began: datetime
    ended: datetime | None = None
    state: State = State.RUNNING
    stack: str = ""
    component: str = ""  # empty: all of the stack
    commit: str = ""
    actor: str = ""
    dirty: bool | None = None
    dry_run: bool = False
    emergency: bool = False
    rollback: str = ""  # how to go back: a link, a commit, a run
    workflow: str = ""
    within: str = ""  # the run of GitHub that it is part of
    heard: datetime | None = None  # when that it began was stored here

    @property
    def subject(self) -> Subject:
        """What an approval of it is held against."""
        return Subject(
            self.run_id, self.stack, self.commit, self.actor, self.workflow, self.within, self.began, self.heard
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of an apply. Lengths of time: how old a step may be, how long an approval holds, and so on."""

    patterns: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: PATTERNS)
    fresh: timedelta = timedelta(days=1)
    approval_holds: timedelta = timedelta(days=7)
    validated_within: timedelta = timedelta(hours=1)
    review_within: timedelta = timedelta(days=3)
    told: timedelta = timedelta(days=30)  # how long a broken rule is told of
    rollback: bool = True
    staged: bool = True


@dataclass(frozen=True, slots=True)
class World:
    """What an apply is held against. *steps*: of its stack; *staging*: applies of staging stacks.

    *outside* says of a moment why no change may be made then; empty: it may. *needs*: components of the same stack
    that a component depends on.
    """

    steps: Sequence[Step] = ()
    staging: Sequence[Step] = ()
    approvals: Sequence[Approval] = ()
    outside: Mapping[str, str] = field(default_factory=dict)  # by run
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken rule, for people."""

    rule: Broken
    why: str
    word: str = ""

    @property
    def key(self) -> str:
        return f"{self.rule}:{self.word}" if self.word else str(self.rule)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be said of one apply. *pending*: what may still come; *unknown*: what nobody told."""

    apply: Step
    faults: tuple[Fault, ...] = ()
    pending: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    due: datetime | None = None  # when to judge again by the clock
    approvals: tuple[Approval, ...] = ()  # those that count for it

    @property
    def adheres(self) -> bool | None:
        """None: it cannot be told yet."""
        if self.faults:
            return False
        return None if self.pending or self.unknown else True


def judge(apply: Step, stage: str, world: World, rules: Rules, now: datetime) -> Judged:
    """One apply. A stage that is not known counts as production."""
    stage = stage if stage in PATTERNS else PRODUCTION
    pattern = rules.patterns.get(stage, PATTERNS[stage])
    faults: list[Fault] = []
    pending: list[str] = []
    unknown: list[str] = []
    due: list[datetime] = []
    faults += _before(apply, pattern, world.steps, rules, unknown)
    if APPROVAL in pattern:
        faults += _approved(apply, world.approvals, rules)
    if VALIDATION in pattern:
        faults += _after(apply, world.steps, rules, now, pending, due)
    if stage == PRODUCTION:
        if why := world.outside.get(apply.run_id, ""):
            faults.append(Fault(Broken.OUT_OF_WINDOW, f"it began outside of the change windows: {why}"))
        if rules.staged:
            faults += _staged(apply, world.staging, unknown)
        if rules.rollback and not apply.rollback:
            faults.append(Fault(Broken.NO_ROLLBACK, "it does not say how to go back"))
    if stage != DEVELOPMENT and apply.dirty:
        faults.append(Fault(Broken.UNCOMMITTED, "it was run with changes that are in no commit"))
    faults += _dependencies(apply, world)
    if apply.emergency:
        faults = [fault for fault in faults if fault.rule not in _FORGIVEN]
        faults += _reviewed(apply, world.approvals, rules, now, pending, due)
    counting = tuple(
        one for one in world.approvals if not one.review and not why_not(one, apply.subject, rules.approval_holds)
    )
    return Judged(apply, tuple(faults), tuple(pending), tuple(unknown), min(due, default=None), counting)


def overdue(apply: Step, approvals: Iterable[Approval], rules: Rules, now: datetime) -> Judged | None:
    """An emergency whose review is overdue, judged as that alone; None: it is not."""
    faults = tuple(_reviewed(apply, approvals, rules, now, [], []))
    return Judged(apply, faults) if faults else None


def _before(
    apply: Step, pattern: Sequence[str], steps: Sequence[Step], rules: Rules, unknown: list[str]
) -> Iterable[Fault]:
    """The steps that go before an apply: each run, well, lately, on the same commit, one after the other."""
    wanted = [word for word in pattern[: pattern.index(APPLY) if APPLY in pattern else 0] if word != APPROVAL]
    found: list[Step] = []
    for word in wanted:
        step = _latest(word, apply, steps)
        if step is None:
            yield Fault(Broken.STEP_MISSING, f"{word} did not run before it", word)
        elif step.state is not State.SUCCEEDED:
            yield Fault(Broken.STEP_FAILED, f"{word} did not end well before it: {step.state} ({step.run_id})", word)
        elif apply.began - step.began > rules.fresh:
            yield Fault(Broken.STEP_STALE, f"{word} ran last at {_moment(step.began)}, too long before it", word)
        elif apply.commit and step.commit and not _same(apply.commit, step.commit):
            text = f"{word} ran on commit {step.commit[:8]}, and this is {apply.commit[:8]}"
            yield Fault(Broken.STEP_OTHER_COMMIT, text, word)
        else:
            found.append(step)
            if not (apply.commit and step.commit):
                unknown.append(f"whether {word} ran on the same commit")
    for earlier, later in pairwise(found):
        if later.began < earlier.began - SKEW:
            yield Fault(Broken.OUT_OF_ORDER, f"{later.word} ran before {earlier.word}", later.word)


def _latest(word: str, apply: Step, steps: Iterable[Step]) -> Step | None:
    """The last run of a step that had ended when the apply began; a dry run is none."""
    fitting = [
        step for step in steps
        if step.word == word and not step.dry_run and _covers(step, apply)
        and (step.ended or step.began) <= apply.began + SKEW
    ]  # fmt: skip
    return max(fitting, key=lambda step: (step.began, step.run_id), default=None)


def _covers(step: Step, apply: Step) -> bool:
    return step.component in ("", apply.component)


def _approved(apply: Step, approvals: Iterable[Approval], rules: Rules) -> Iterable[Fault]:
    subject, holds = apply.subject, rules.approval_holds
    fitting = [
        one for one in approvals
        if not one.review and one.by and names(one, subject) and not in_time(one, subject, holds)
    ]  # fmt: skip
    if not fitting:
        yield Fault(Broken.UNAPPROVED, "nobody approved it")
    elif not any(others(one, apply.actor) for one in fitting):
        who = "ran it" if apply.actor else "may have run it, for nobody told who did"
        yield Fault(Broken.SELF_APPROVED, f"{fitting[0].told or fitting[0].by} approved it, and {who}")


def _after(
    apply: Step, steps: Iterable[Step], rules: Rules, now: datetime, pending: list[str], due: list[datetime]
) -> Iterable[Fault]:
    if apply.state is not State.SUCCEEDED or apply.ended is None:
        return  # what failed has an incident of its own
    ends = apply.ended + rules.validated_within
    after = [
        step for step in steps
        if step.word == VALIDATION and not step.dry_run and _covers(step, apply)
        and apply.ended - SKEW <= step.began <= ends
    ]  # fmt: skip
    if any(step.state is State.SUCCEEDED for step in after):
        return
    if now < ends or any(step.state is State.RUNNING for step in after):
        pending.append(f"{VALIDATION} until {_moment(ends)}")
        due.append(max(ends, now + timedelta(minutes=1)))
    else:
        text = "did not end well" if after else "did not run"
        yield Fault(Broken.NOT_VALIDATED, f"{VALIDATION} {text} within {rules.validated_within} after it")


def _staged(apply: Step, staging: Iterable[Step], unknown: list[str]) -> Iterable[Fault]:
    if not apply.commit:
        unknown.append("whether its commit was in staging: nobody told which it is")
        return
    for step in staging:
        good = step.state is State.SUCCEEDED and step.ended is not None and not step.dry_run and not step.dirty
        if good and _same(step.commit, apply.commit) and _covers(step, apply) and step.began <= apply.began:
            return
    yield Fault(Broken.NOT_STAGED, f"commit {apply.commit[:8]} was not applied to staging before")


def _dependencies(apply: Step, world: World) -> Iterable[Fault]:
    """What it depends on, and was applied of the same commit only after it."""
    for needed in world.needs.get(apply.component, ()):
        late = [
            step for step in world.steps
            if step.word == APPLY and step.component == needed and not step.dry_run and apply.commit
            and _same(step.commit, apply.commit)
        ]  # fmt: skip
        before = any(
            step.state is State.SUCCEEDED and (step.ended or step.began) <= apply.began + SKEW for step in late
        )
        if late and not before:
            yield Fault(Broken.BEFORE_DEPENDENCY, f"it was applied before {needed}, which it depends on", needed)


def _reviewed(
    apply: Step, approvals: Iterable[Approval], rules: Rules, now: datetime, pending: list[str], due: list[datetime]
) -> Iterable[Fault]:
    ends = apply.began + rules.review_within
    given = (one for one in approvals if one.review and one.run_id == apply.run_id and one.revoked_at is None)
    if any(one.by and others(one, apply.actor) for one in given):
        return
    if now < ends:
        pending.append(f"the review of this emergency until {_moment(ends)}")
        due.append(ends)
    else:
        yield Fault(Broken.REVIEW_OVERDUE, f"an emergency that nobody else reviewed until {_moment(ends)}")


def reading_of(resource: str, stage: str, judged: Sequence[Judged], rules: Rules, now: datetime) -> Reading | None:
    """What to say of all applies at one place, and how many kept to the cycle; None: there was none lately."""
    known = [one for one in judged if not one.apply.dry_run]
    lately = [one for one in known if now - one.apply.began < rules.told]
    owed = [
        (one, fault) for one in known if one not in lately for fault in one.faults
        if fault.rule is Broken.REVIEW_OVERDUE
    ]  # fmt: skip
    if not lately and not owed:
        return None
    findings = tuple(
        _finding(one, fault, stage) for one, fault in [*((one, fault) for one in lately for fault in one.faults), *owed]
    )
    kept = [one for one in lately if one.adheres is True]
    broken = [one for one in lately if one.adheres is False]
    open_ = [*(text for one in lately for text in one.pending), *(text for one in lately for text in one.unknown)]
    evidence: dict[str, Json] = {
        "applies": len(lately), "kept": len(kept), "broken": len(broken),
        "open": list(dict.fromkeys(open_))[:20],
        "emergencies": sum(one.apply.emergency for one in lately),
        "broken_runs": [one.apply.run_id for one in broken],
    }  # fmt: skip
    if owed:
        evidence["reviews_overdue_for_long"] = len(owed)
    if kept or broken:
        evidence["adherence"] = len(kept) / (len(kept) + len(broken))
    if broken:
        text = f"{len(broken)} of {len(lately)} applies did not keep to the cycle of {stage or PRODUCTION}"
        return Reading(resource, Outcome.UNHEALTHY, "cycle_broken", text, findings, evidence=evidence)
    if owed:
        text = f"{len(owed)} emergencies of before were never reviewed"
        return Reading(resource, Outcome.UNHEALTHY, "cycle_broken", text, findings, evidence=evidence)
    if len(kept) < len(lately):
        text = (
            f"not known of {len(lately) - len(kept)} of {len(lately)} applies: {'; '.join(dict.fromkeys(open_))[:300]}"
        )
        return Reading(resource, Outcome.UNKNOWN, "cycle_open", text, evidence=evidence)
    return Reading(resource, Outcome.HEALTHY, "cycle_kept", f"{len(kept)} applies kept to the cycle", evidence=evidence)


def _finding(judged: Judged, fault: Fault, stage: str) -> Finding:
    apply = judged.apply
    violation = fault.rule in _VIOLATIONS and stage not in (STAGING, DEVELOPMENT)
    evidence: dict[str, Json] = {
        "run_id": apply.run_id, "rule": str(fault.rule), "commit": apply.commit, "actor": apply.actor,
        "likely_who": apply.actor, "started_at": apply.began.isoformat(), "emergency": apply.emergency,
    }  # fmt: skip
    where = "/".join(part for part in (apply.stack, apply.component) if part)
    return Finding(
        Kind.SECURITY_VIOLATION if violation else Kind.COMPLIANCE, f"cycle:{apply.run_id}:{fault.key}",
        f"apply to {where} at {_moment(apply.began)}: {fault.why}", cause=f"cycle:{apply.run_id}",
        evidence={name: value for name, value in evidence.items() if value != ""},
    )  # fmt: skip
