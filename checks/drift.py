"""Drift: one plain plan of an instance, one verdict, and what a person should hear of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from checks.base import Asks, Check, Fact, Finding, Instance, InstancePlace, Json, Kind, Outcome, Reading, Role, Scope
from checks.kinds import DEVELOPMENT, PRODUCTION, STAGING
from checks.plans import security
from checks.plans.evidence import evidence, violations
from checks.plans.ignore import IgnoreRule, rules_for
from checks.plans.judge import judge
from checks.plans.look import LookStatus, PlanLook
from checks.plans.model import (
    DRIFTED,
    MEANING,
    NOT_UNDONE,
    Class,
    Difference,
    Judgement,
    NotJudgeable,
    Verdict,
    Violation,
)
from checks.plans.words import cause_of

_AGAIN = timedelta(minutes=5)
_NOT_DRIFT = frozenset({Verdict.PENDING, Verdict.ACCEPTED, Verdict.PERPETUAL, Verdict.NEVER_DEPLOYED})
_HEALTHY = frozenset({Verdict.IN_SYNC, Verdict.ACCEPTED})


@dataclass(frozen=True)
class Seen:
    """One look, judged."""

    verdict: Verdict
    reason: str
    look: PlanLook
    judgement: Judgement | None = None  # None: there was no plan to judge


@dataclass(frozen=True)
class Drift(Check):
    """What was changed outside Terraform, told from what is not applied yet, by one plain plan of each instance."""

    ignore: tuple[IgnoreRule, ...] = ()  # differences nobody wants to hear of, each with reason, owner and expiry
    confirm_critical: bool = True  # look twice before anything is critical

    scope: ClassVar[Scope] = Scope.INSTANCE
    every: ClassVar[timedelta] = timedelta(hours=24)
    every_by_stage: ClassVar[Mapping[str, timedelta]] = {
        PRODUCTION: timedelta(hours=6),
        STAGING: timedelta(hours=24),
        DEVELOPMENT: timedelta(hours=24),
    }
    deadline: ClassVar[timedelta] = timedelta(minutes=20)
    # What reading a state in S3 and its lock takes; what the providers read depends on the code.
    role: ClassVar[Role] = Role.PLAN
    asks: ClassVar[Mapping[Scope, Asks]] = {Scope.INSTANCE: Asks(4, 2, plans=1)}
    iam: ClassVar[tuple[str, ...]] = (
        "s3:GetObject",
        "s3:ListBucket",
        "dynamodb:GetItem",
        "kms:Decrypt",
        "sts:AssumeRole",
        "sts:GetCallerIdentity",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "resources": "Managed resources that the plan covers.",
        "resources_drifted": "Resources changed or deleted outside Terraform.",
        "resources_deleted": "Resources deleted outside Terraform.",
        "resources_pending": "Resources with changes in the code that are not applied.",
        "resources_accepted": "Resources changed outside Terraform that the code or an ignore rule accepts.",
        "resources_perpetual": "Resources that every plan changes, by values known only after the apply.",
        "phantoms": "Attribute differences dropped because they say nothing: null against empty, order of a set.",
        "ignored": "Differences silenced by an ignore rule.",
        "ignore_rules_expired": "Ignore rules for this instance whose last day is over.",
        "checks_failed": "Check blocks and conditions of the code that do not hold.",
        "security_violations": "Changes outside Terraform that open or weaken something.",
        "plan_duration_seconds": "Wall-clock seconds of the plan that decided.",
        "plan_max_rss_bytes": "Largest resident memory of that plan's processes, in bytes.",
    }
    verdicts: ClassVar[Mapping[str, str]] = {str(word): meaning for word, meaning in MEANING.items()}

    def run(self, place: InstancePlace) -> Iterable[Reading]:
        """One reading for the instance. Raises LookFailed where the place cannot be planned at all."""
        instance = place.instance
        rules, expired = rules_for(self.ignore, instance.stack, instance.component, place.now())
        seen = _seen(place.plan(), rules)
        if self.confirm_critical and _critical(seen, instance):
            seen = _confirmed(seen, _seen(place.plan(), rules), instance)
        yield _reading(instance, seen, expired)


def _seen(look: PlanLook, rules: Sequence[IgnoreRule]) -> Seen:
    if look.status is not LookStatus.PLANNED:
        return Seen(Verdict(look.status.value), look.reason or MEANING[look.status.value], look)
    try:
        judgement = judge(look.plan, rules)
    except NotJudgeable as error:
        return Seen(Verdict.ERROR, f"the plan cannot be judged: {error}", look)
    return Seen(judgement.verdict, judgement.reason, look, judgement)


def _critical(seen: Seen, instance: Instance) -> frozenset[str]:
    """What would be critical, as keys that two looks can be compared by. A stage nobody knows counts as production."""
    if seen.judgement is None:
        return frozenset()
    found: set[str] = set()
    if instance.stage not in (STAGING, DEVELOPMENT):
        found.update(f"deleted {address}" for address in seen.judgement.deleted)
    for violation in seen.judgement.violations:
        if violation.public_data or instance.stage != DEVELOPMENT:
            found.add(f"{violation.category} {violation.address}")
    return frozenset(found)


def _confirmed(first: Seen, second: Seen, instance: Instance) -> Seen:
    """The second look counts. What it alone finds critical was seen once only: then something is changing right now."""
    if _critical(second, instance) <= _critical(first, instance):
        return second
    reason = "two looks in a row saw different things: something is changing right now"
    return Seen(Verdict.BUSY, reason, second.look)


def _reading(instance: Instance, seen: Seen, expired: Sequence[IgnoreRule]) -> Reading:
    outcome = _outcome(seen)
    findings = tuple(_findings(instance, seen, expired))
    return Reading(
        resource=instance.key,
        outcome=outcome,
        verdict=seen.verdict.value,
        summary=seen.reason,
        findings=findings,
        values=_values(seen, expired),
        evidence=_evidence(seen, expired),
        look_again_in=_AGAIN if seen.verdict is Verdict.BUSY else None,
    )


def _outcome(seen: Seen) -> Outcome:
    if seen.verdict is Verdict.NOT_APPLICABLE:
        return Outcome.NOT_APPLICABLE
    if seen.judgement is None and seen.verdict is not Verdict.NEVER_DEPLOYED:
        return Outcome.UNKNOWN
    weakened = seen.judgement is not None and seen.judgement.violations
    return Outcome.HEALTHY if seen.verdict in _HEALTHY and not weakened else Outcome.UNHEALTHY


def _evidence(seen: Seen, expired: Sequence[IgnoreRule]) -> Mapping[str, Json]:
    shown: dict[str, Json] = dict(evidence(seen.judgement)) if seen.judgement is not None else {}
    if seen.look.diagnostics:
        shown["diagnostics"] = list(seen.look.diagnostics)
    if seen.look.facts:
        shown["facts"] = dict(seen.look.facts)
    if expired:
        shown["expired_ignore_rules"] = [rule.label for rule in expired]
    return shown


def _values(seen: Seen, expired: Sequence[IgnoreRule]) -> Mapping[str, float]:
    values = {"plan_duration_seconds": seen.look.seconds, "plan_max_rss_bytes": float(seen.look.max_rss_bytes)}
    judgement = seen.judgement
    if judgement is None:
        return values if seen.look.seconds else {}

    def resources(*classes: Class) -> float:
        return float(len({item.address for item in judgement.of(*classes) if item.type != "output"}))

    return values | {
        "resources": float(judgement.resources),
        "resources_drifted": resources(*DRIFTED),
        "resources_deleted": float(len(judgement.deleted)),
        "resources_pending": resources(Class.PENDING, Class.DRIFT_AND_PENDING),
        "resources_accepted": resources(Class.ACCEPTED),
        "resources_perpetual": resources(Class.PERPETUAL),
        "phantoms": float(judgement.phantoms),
        "ignored": float(sum(bool(item.ignored_by) for item in judgement.differences)),
        "ignore_rules_expired": float(len(expired)),
        "checks_failed": float(len(judgement.failed_checks)),
        "security_violations": float(len(judgement.violations)),
    }


def _findings(instance: Instance, seen: Seen, expired: Sequence[IgnoreRule]) -> Iterable[Finding]:
    if seen.verdict in (Verdict.IN_SYNC, Verdict.BUSY, Verdict.NOT_APPLICABLE):
        pass
    elif seen.verdict in (Verdict.CONFIG_ERROR, Verdict.ERROR):
        yield _could_not_look(instance, seen)
    else:
        yield _difference_finding(instance, seen, expired)
    if seen.judgement is not None:
        yield from _security_findings(instance, seen.judgement)


def _could_not_look(instance: Instance, seen: Seen) -> Finding:
    evidence: dict[str, Json] = {"diagnostics": list(seen.look.diagnostics)} if seen.look.diagnostics else {}
    return Finding(
        Kind.MONITORING,
        "could_not_look",
        f"could not look: {seen.reason}",
        cause=seen.look.cause or f"drift:{seen.verdict.value}",
        remedy=seen.look.remedy or command(instance, "plan", "see why it cannot be planned"),
        evidence=evidence,
    )


def _difference_finding(instance: Instance, seen: Seen, expired: Sequence[IgnoreRule]) -> Finding:
    judgement = seen.judgement
    facts = {Fact.NOT_DRIFT} if seen.verdict in _NOT_DRIFT else set()
    if judgement is not None and judgement.deleted:
        facts.add(Fact.DELETED)
    told = _told(judgement) if judgement is not None else ()
    return Finding(
        Kind.DRIFT,
        "drift",
        seen.reason,
        frozenset(facts),
        cause=f"{seen.verdict.value}:{cause_of(told)}" if told else "",
        remedy=_remedy(instance, seen),
        addresses=tuple(dict.fromkeys(item.address for item in told)),
        evidence=_stable_evidence(seen, told, expired),
    )


def _stable_evidence(seen: Seen, told: Sequence[Difference], expired: Sequence[IgnoreRule]) -> Mapping[str, Json]:
    """What the finding is about, without what every look finds anew: a finding that changes is told again."""
    judgement = seen.judgement
    if judgement is None:
        return {}
    pending = judgement.of(Class.PENDING) if judgement.verdict is Verdict.DRIFT_AND_PENDING else ()
    shown = dict(evidence(replace(judgement, differences=(*told, *pending), phantoms=0)))
    if judgement.verdict is Verdict.ACCEPTED:
        # Clocks and counters that providers record are accepted differences with new values at each look.
        for item in shown.get("differences", ()):
            item["paths"] = [{"path": path["path"]} for path in item["paths"]]
    if expired:
        shown["expired_ignore_rules"] = [rule.label for rule in expired]
    return shown


def _told(judgement: Judgement) -> tuple[Difference, ...]:
    """The differences that made the verdict."""
    classes = {
        Verdict.DRIFT: DRIFTED,
        Verdict.DRIFT_AND_PENDING: DRIFTED,
        Verdict.PENDING: {Class.PENDING},
        Verdict.NEVER_DEPLOYED: {Class.PENDING},
        Verdict.ACCEPTED: {Class.ACCEPTED},
        Verdict.PERPETUAL: {Class.PERPETUAL},
    }
    return judgement.of(*classes.get(judgement.verdict, ()))


def _security_findings(instance: Instance, judgement: Judgement) -> Iterable[Finding]:
    by_category: dict[str, list[Violation]] = {}
    for violation in judgement.violations:
        by_category.setdefault(violation.category, []).append(violation)
    for category, found in sorted(by_category.items()):
        first = "; ".join(f"{item.address}: {item.summary}" for item in found[:3])
        more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
        yield Finding(
            Kind.SECURITY_VIOLATION,
            f"security:{category}",
            f"{security.MEANING[category]} by hand: {first}{more}",
            frozenset({Fact.PUBLIC_DATA} if any(item.public_data for item in found) else ()),
            cause=f"security:{category}:{' '.join(sorted({item.summary for item in found}))}",
            remedy=_revert(instance, undone=all(item.reverted for item in found)),
            addresses=tuple(dict.fromkeys(item.address for item in found)),
            evidence={"security": violations(found)},
        )


def command(instance: Instance, action: str, why: str, *flags: str) -> str:
    """One line for a shell: the command, quoted, and behind # what it is for."""
    if instance.atmos:
        words = ["atmos", "terraform", action, instance.component, "-s", instance.stack]
        words += ["--", *flags] if flags else []  # older Atmos takes flags of Terraform's for its own
        line = shlex.join(words)
    else:
        files = [f"-var-file={name}" for name in instance.var_files]
        line = shlex.join(["terraform", f"-chdir={instance.working_directory or '.'}", action, *files, *flags])
        if instance.workspace:
            line = f"TF_WORKSPACE={shlex.quote(instance.workspace)} {line}"
    return f"{line}  # {why}"


def _revert(instance: Instance, *, undone: bool = True) -> str:
    plan = command(instance, "plan", "look at it")
    if not undone:
        return (
            f"{plan}\n# an apply would leave it, as the code does not set it: undo it by hand, or put it into the code"
        )
    return f"{plan}\n{command(instance, 'apply', 'put the real world back to what the code says')}"


def _remedy(instance: Instance, seen: Seen) -> str:
    plan = command(instance, "plan", "look at it")
    if seen.verdict is Verdict.NEVER_DEPLOYED:
        return seen.look.remedy or command(instance, "apply", "deploy it, if the workspace is right")
    if seen.verdict is Verdict.PENDING:
        return f"{plan}\n{command(instance, 'apply', 'apply what the code says')}"
    if seen.verdict is Verdict.ACCEPTED:
        return command(instance, "apply", "write what is there into the state", "-refresh-only")
    if seen.verdict in (Verdict.PERPETUAL, Verdict.CHECK_FAILED):
        return plan
    if seen.verdict is Verdict.DRIFT_AND_PENDING:
        return f"{plan}\n{command(instance, 'apply', 'undo what was done by hand, and apply what is pending')}"
    undone = seen.judgement is None or not any(
        item.note.endswith(NOT_UNDONE) for item in seen.judgement.of(Class.DRIFT)
    )
    return _revert(instance, undone=undone)
