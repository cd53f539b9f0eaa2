"""What becomes of a run: from its record to what a person should hear. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from checks.base import Fact, Finding, Instance, Json, Kind, Outcome, Reading
from checks.runs.errors import ErrorKind, explain, next_command
from checks.runs.holders import Holder
from checks.runs.model import Trouble
from checks.runs.record import RunRecord, State, StepRow, resume_command, workflow_of

CHECK = "execution"
KEPT = timedelta(days=7)  # how long a deployment is an open incident: until the weekly review
NAMED = 50  # addresses
SHOWN = 5
SLOWER = 1.5  # times the usual duration, from which it is said
# Of runs that say nothing of Terraform: by their name.
DEPLOYMENTS = ("*deploy*", "*apply*")
ORPHANED = "possibly_orphaned"
VERDICTS: Mapping[str, str] = {
    "succeeded": "The latest run ended well.",
    "failed": "The latest run failed.",
    "cancelled": "The latest run was stopped, and left resources behind that it had begun to change.",
    "lost": "The latest run fell silent, and nobody knows how it ended.",
    ORPHANED: "The latest run ended while resources were being changed: some may exist that no state has.",
    "stuck": "A run goes on for much longer than such runs do.",
    "overdue": "A run that was due has not begun, or has not ended.",
    "running": "It runs, and no earlier run is known.",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of all runs of one workflow at one place. *latest*: the one that decides, of those that ended."""

    resource: str
    workflow: str
    latest: RunRecord | None = None
    usual: float | None = None  # seconds that such runs take
    stuck: RunRecord | None = None  # one that runs for too long
    stuck_after: float = 0.0  # seconds
    overdue_since: datetime | None = None
    overdue_why: str = ""
    was_lost: bool = False  # the latest was taken for lost before its end came after all
    url: str = ""  # of the latest run's page
    health: Mapping[str, Json] = field(default_factory=dict)  # of its stack after it: checks.runs.after.stored()
    cost: Mapping[str, Json] = field(default_factory=dict)  # what it did to that: checks.spend.effect.Effect.plain()
    usual_of: int = 0  # runs that ended well, of which *usual* is the median
    holders: Mapping[str, Holder] = field(default_factory=dict)  # by the id of a lock that the latest ran into


def reading_of(standing: Standing, instance: Instance | None, now: datetime) -> Reading:
    """What to say of it now. *instance*: what was run on, where the inventory has it."""
    run = standing.latest
    findings: list[Finding] = []
    verdict, outcome, summary = "running", Outcome.UNKNOWN, f"{standing.workflow}: no run has ended yet"
    if run is not None:
        verdict, summary = verdict_of(run), _summary(run, standing) + _health(standing) + _cost(standing)
        outcome = Outcome.HEALTHY if run.state is State.SUCCEEDED else Outcome.UNHEALTHY
        if run.state is not State.SUCCEEDED:
            findings.append(_failure(run, standing, instance, verdict, summary))
        elif is_deployment(run) and run.ended_at is not None and now - run.ended_at < KEPT:
            findings.append(_deployment(run, standing, summary))
    if standing.stuck is not None:
        text = _stuck(standing.stuck, standing, now)
        findings.append(_late("stuck", text, standing.stuck, standing))
        verdict, outcome, summary = ("stuck", Outcome.UNHEALTHY, text) if outcome is not Outcome.UNHEALTHY else (
            verdict, outcome, summary
        )  # fmt: skip
    if standing.overdue_since is not None:
        text = f"{standing.workflow} is overdue since {_moment(standing.overdue_since)}: {standing.overdue_why}"
        findings.append(_late("overdue", text, run, standing))
        verdict, outcome, summary = ("overdue", Outcome.UNHEALTHY, text) if outcome is not Outcome.UNHEALTHY else (
            verdict, outcome, summary
        )  # fmt: skip
    return Reading(standing.resource, outcome, verdict, summary, tuple(findings), evidence=_facts(run, standing))


def verdict_of(run: RunRecord) -> str:
    """One word for how a run ended."""
    return ORPHANED if run.unfinished else str(run.state)


def decides(run: RunRecord) -> bool:
    """Whether a run that ended says how its workflow stands: one that a person stopped, leaving nothing, does not."""
    return run.over and (run.state is not State.CANCELLED or bool(run.unfinished))


def is_deployment(run: RunRecord) -> bool:
    """Whether it changed something: it applied; or, where nothing was heard of Terraform, its name says so."""
    if run.phases or run.resources or run.planned is not None:
        return run.deployed
    return run.deployed or any(fnmatchcase(workflow_of(run).lower(), pattern) for pattern in DEPLOYMENTS)


def _summary(run: RunRecord, standing: Standing) -> str:
    name = workflow_of(run)
    after = f" after {_span(run.seconds)}" if run.seconds is not None else ""
    late = " (its end came after it had been taken for lost)" if standing.was_lost and run.ended_at else ""
    match run.state:
        case State.SUCCEEDED:
            return f"{name}{_of(run)} ended well{after}{_changes(run)}{_slower(run, standing)}{late}"
        case State.LOST:
            heard = f"; the last that was heard of it is of {_moment(run.heard_at)}" if run.heard_at else ""
            return f"{name} is lost{_at_step(run)}: nobody knows how it ended{heard}{_left(run)}"
        case State.CANCELLED:
            return f"{name} was stopped{_at_step(run)}{after}{_left(run)}{late}"
        case _:
            return f"{name} failed{_at_step(run)}{_because(run)}{_left(run)}{late}"


def _failure(
    run: RunRecord, standing: Standing, instance: Instance | None, verdict: str, summary: str
) -> Finding:  # fmt: skip
    named = [*run.unfinished, *(trouble.address for trouble in run.troubles if trouble.address)]
    facts = frozenset({Fact.UNFINISHED}) if run.unfinished else frozenset()
    evidence: dict[str, Json] = {**_facts(run, standing), "verdict": verdict}
    if run.troubles:
        evidence["diagnostics"] = [_told(one) for one in _by_weight(run)[:SHOWN]]
        evidence["error_class"] = explain(_by_weight(run)[0]).kind.value
    if run.unfinished:
        evidence["possibly_orphaned"] = list(run.unfinished[:NAMED])
    return Finding(
        Kind.WORKFLOW_FAILURE, "run", summary, facts, cause=f"run {run.run_id}",
        remedy=remedy(run, instance, standing.holders), addresses=tuple(dict.fromkeys(named))[:NAMED],
        evidence=evidence,
    )  # fmt: skip


def remedy(run: RunRecord, instance: Instance | None, holders: Mapping[str, Holder] | None = None) -> str:
    """What to run next, one command a line. *holders*: who holds which lock, by its id."""
    lines = [
        f"# look whether {address} exists; import it if no state has it, before anything is run again"
        for address in run.unfinished[:SHOWN]
    ]
    for trouble in _by_weight(run):
        found = explain(trouble)
        holder = (holders or {}).get(found.lock.id, Holder()) if found.lock is not None else Holder()
        command = next_command(found, instance, owner_ended=holder.ended, owner=holder.told)
        if command and command not in lines:
            lines.append(command)
        if len(lines) >= SHOWN:
            break
    again = resume_command(run)
    if again:
        lines.append(f"{again}  # then go on from there")
    if not lines and instance is not None and instance.atmos:
        lines.append(f"atmos terraform plan {instance.component} -s {instance.stack}  # look at what is left to do")
    if not lines and run.url:
        lines.append(f"# read the log of the run: {run.url}")
    return "\n".join(lines)


def _deployment(run: RunRecord, standing: Standing, summary: str) -> Finding:
    return Finding(Kind.DEPLOYMENT, f"deployment:{run.run_id}", summary, evidence=_facts(run, standing))


def _late(key: str, text: str, run: RunRecord | None, standing: Standing) -> Finding:
    evidence = {**_facts(run, standing), "verdict": key}
    url = run.url if run is not None else ""
    step = run.failed_step if run is not None else None
    where = f", in step {_named(step)}" if step is not None else ""
    said = f"# see whether it still runs{where}: {url or (run.host if run else '') or 'where it is started'}"
    return Finding(Kind.WORKFLOW_FAILURE, key, text, cause=f"{key} {standing.resource}", remedy=said, evidence=evidence)


def _facts(run: RunRecord | None, standing: Standing) -> dict[str, Json]:
    """What the weekly report and the page read. What is not known is left out."""
    if run is None:
        return {"workflow": standing.workflow}
    added, changed, destroyed = run.changes
    lead = None
    if run.committed_at is not None and run.ended_at is not None and run.ended_at >= run.committed_at:
        lead = (run.ended_at - run.committed_at).total_seconds()
    step = run.failed_step
    told: dict[str, Json] = {
        "workflow": workflow_of(run), "run_id": run.run_id, "state": str(run.state), "seconds": run.seconds,
        "lead_seconds": lead, "commit": run.commit, "uncommitted": run.dirty, "actor": run.actor, "host": run.host,
        "ci_url": run.url, "exit_code": run.code, "signal": run.signal, "usual_seconds": standing.usual,
        "step": _named(step) if step is not None else "", "attempt": run.attempt if run.attempt > 1 else None,
        "started_at": None if run.started_at is None else run.started_at.isoformat(),
        "likely_who": run.actor, "usual_of": standing.usual_of if standing.usual is not None else None,
        "committed_at": None if run.committed_at is None else run.committed_at.isoformat(),
    }  # fmt: skip
    if standing.health:
        told |= {"health": standing.health.get("health"), "health_text": standing.health.get("text"),
                 "worse": standing.health.get("worse") or None}  # fmt: skip
    if standing.cost:
        told |= {"cost": standing.cost.get("state"), "cost_text": standing.cost.get("text"),
                 "cost_difference_per_day": standing.cost.get("difference")}  # fmt: skip
    if run.deployed:
        told |= {"added": added, "changed": changed, "destroyed": destroyed}
    return {name: value for name, value in told.items() if value not in (None, "")}


def _health(standing: Standing) -> str:
    """How its stack stands, once that is known."""
    text = standing.health.get("text")
    return f"; {text}" if text and standing.health.get("health") not in ("watching", "unchanged") else ""


def _cost(standing: Standing) -> str:
    """What it did to the cost, once that is known."""
    return f"; {standing.cost['text']}" if standing.cost.get("state") == "known" else ""


def _of(run: RunRecord) -> str:
    dirty = " with uncommitted changes" if run.dirty else ""
    return f" of {run.commit[:7]}{dirty}" if run.commit else dirty


def _changes(run: RunRecord) -> str:
    if not run.deployed:
        return ""
    added, changed, destroyed = run.changes
    return f": {added} created, {changed} changed, {destroyed} destroyed"


def _slower(run: RunRecord, standing: Standing) -> str:
    if run.seconds is None or not standing.usual or run.seconds < max(SLOWER * standing.usual, standing.usual + 60):
        return ""
    return f"; it usually takes {_span(standing.usual)}"


def _at_step(run: RunRecord) -> str:
    step = run.failed_step
    if step is None:
        phase = next((one.name for one in reversed(run.phases) if one.ended_at is None), "")
        return f" in {phase}" if phase else ""
    total = run.expected_steps or len(run.steps)
    return f" at step {_named(step)} ({step.index + 1} of {total})" if total > step.index else f" at {_named(step)}"


def _named(step: StepRow) -> str:
    return step.name or (step.command or "")[:80] or f"step{step.index + 1}"


def _because(run: RunRecord) -> str:
    if not run.code and not run.signal and run.failed_apply is not None and not run.troubles:
        return f": its apply ended with exit code {run.failed_apply.code}, and the run went on"
    if not run.troubles:
        told = f" with signal {run.signal}" if run.signal else f" with exit code {run.code}" if run.code else ""
        return f"{told}: it said no reason" if told else ": it said no reason"
    first = _by_weight(run)[0]
    kind = explain(first).kind.value.replace("_", " ")
    where = f"{first.address}: " if first.address else f"{first.file}:{first.line}: " if first.file else ""
    more = f" (and {len(run.troubles) - 1} more)" if len(run.troubles) > 1 else ""
    said = first.summary if kind == "other" else f"{kind}: {first.summary}"
    return f": {where}{said}{more}"


def _left(run: RunRecord) -> str:
    left = run.unfinished
    if not left:
        return ""
    shown = ", ".join(left[:SHOWN]) + (f" and {len(left) - SHOWN} more" if len(left) > SHOWN else "")
    return f"; {len(left)} resource{'s' if len(left) > 1 else ''} possibly orphaned: {shown}"


def _stuck(run: RunRecord, standing: Standing, now: datetime) -> str:
    since = (now - run.started_at).total_seconds() if run.started_at is not None else standing.stuck_after
    usual = f"; it usually takes {_span(standing.usual)}" if standing.usual else ""
    step = next((one for one in reversed(run.steps) if one.begun_at and one.ended_at is None), None)
    at = f" at step {_named(step)}" if step is not None else ""
    return f"{workflow_of(run)} is stuck{at}: it runs for {_span(max(since, standing.stuck_after))}{usual}"


def _by_weight(run: RunRecord) -> Sequence[Trouble]:
    """Its errors: those that are understood first, and of these, those that name a place."""
    return sorted(
        run.troubles, key=lambda one: (explain(one).kind is ErrorKind.OTHER, not (one.address or one.file))
    )  # fmt: skip


def _told(trouble: Trouble) -> str:
    where = " ".join(
        part for part in (trouble.address, f"{trouble.file}:{trouble.line}" if trouble.file else "") if part
    )
    return "\n".join(part for part in (f"Error: {trouble.summary}", where, trouble.detail) if part)


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")


def _span(seconds: float) -> str:
    whole = int(seconds)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if whole >= 2 * size or (unit == "min" and whole >= size):
            return f"{whole // size} {unit}"
    return f"{whole} s"
