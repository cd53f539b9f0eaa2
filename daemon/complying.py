"""The compliance report of any period, out of the store: what ran, who agreed to it, and what was broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from checks.base import Instance
from checks.runs.agreed import Approval, names, why_not
from checks.runs.cycle import APPLY, Rules, Step
from checks.runs.record import record_of
from checks.runs.told import is_deployment
from daemon.audit import looking
from daemon.audit.anchoring import Vault
from daemon.audit.verify import Verdict
from daemon.config import Config
from daemon.executions.guideline import Guideline, run_of, steps_of
from daemon.executions.settings import guideline_of
from daemon.report.as_csv import one_file
from daemon.report.as_json import compliance_json
from daemon.report.compliance.build import build
from daemon.report.compliance.facts import Agreed, Applied, Facts, Ran, Trail
from daemon.report.html import as_html
from daemon.report.model import Report
from daemon.report.span import Span
from daemon.store import Reader, approvals, executions
from daemon.store.executions import ExecutionRow
from daemon.store.periods import MOST, Known, known

RUNS, INCIDENTS = "runs", "incidents"


@dataclass(frozen=True, slots=True)
class Compliance:
    """Makes reports of one store. A *vault* is where anchors are fetched from; None: they are not."""

    path: Path
    zone: ZoneInfo
    guideline: Guideline | None = None
    kept: Mapping[str, timedelta] = field(default_factory=dict)
    windows: tuple[tuple[str, str], ...] = ()
    status_url: str = ""

    def report(self, view: Reader, span: Span, now: datetime, vault: Vault | None = None) -> Report:
        """The report as of *now*. Raises StoreError."""
        return build(self.facts(view, span, now, vault))

    def facts(self, view: Reader, span: Span, now: datetime, vault: Vault | None = None) -> Facts:
        """What it is made of."""
        found = known(view, span.starts, span.ends, now)
        instances = _instances(found)
        stages = {one.stack: one.stage for one in instances if one.stage}
        rules = Rules() if self.guideline is None else self.guideline.rules
        given = approvals.since(view.db, span.starts - rules.approval_holds)
        runs = tuple(self._ran(view, row, stages, given, rules) for row in found.runs)
        applied = tuple(self._applied(view, found, stages, instances, span, now))
        agreed = tuple(self._agreed(view, one, applied, rules) for one in given if span.holds(one.at))
        freezes = () if self.guideline is None else tuple(
            (one.stack, one.begins, one.ends, one.why) for one in self.guideline.freezes
            if one.begins < span.ends and one.ends > span.starts
        )  # fmt: skip
        return Facts(
            span, now, found, runs, applied, agreed, self._trail(vault), self.guideline is not None, self.windows,
            freezes, self.kept, self.status_url,
        )  # fmt: skip

    def _ran(
        self, view: Reader, row: ExecutionRow, stages: Mapping[str, str], given: Sequence[Approval], rules: Rules
    ) -> Ran:
        events = executions.events_of(view.db, row.run_id)
        record = record_of(row.run_id, events, row.lost_at is not None)
        named = () if self.guideline is None else self.guideline.named
        steps = steps_of(record, events, named)
        whole = steps[0] if steps else None
        run = run_of(view, row.run_id, named)
        emergency = run is not None and run.emergency
        reviews = tuple(
            one.told or one.by for one in given
            if one.review and run is not None and one.run_id == row.run_id
            and not why_not(one, run.subject, rules.approval_holds)
        )  # fmt: skip
        applied = any(one.word == APPLY for one in steps)
        began = record.started_at or row.started_at
        return Ran(
            row.run_id, row.started_at, row.workflow or record.workflow or "not told", row.stack or record.stack,
            row.component or record.component, stages.get(row.stack, ""), record.actor, record.commit,
            str(record.state), row.source, emergency, whole.dry_run if whole else run is not None and run.dry_run,
            applied, not applied and is_deployment(record),
            record.changes if record.applied is not None or record.resources else None, reviews,
            began + rules.review_within if emergency else None,
        )  # fmt: skip

    def _applied(
        self, view: Reader, known: Known, stages: Mapping[str, str], instances: Sequence[Instance],
        span: Span, now: datetime,
    ) -> list[Applied]:  # fmt: skip
        """Applies that began in the period, in order, each held against the cycle as it is configured now."""
        if self.guideline is None:
            return []
        found: list[Applied] = []
        read: dict[str, list[Step]] = {}
        for stack, component in known.ran_at:
            stage = stages.get(stack, "")
            judged = self.guideline.judged(view, stack, component, stage, instances, now, span.starts, MOST, read)
            found += [
                Applied(one, stage, tuple(dict.fromkeys(each.told or each.by for each in one.approvals)))
                for one in judged if span.holds(one.apply.began)
            ]  # fmt: skip
        return sorted(found, key=lambda one: (one.judged.apply.began, one.judged.apply.run_id))

    def _agreed(self, view: Reader, one: Approval, applied: Sequence[Applied], rules: Rules) -> Agreed:
        holds = rules.approval_holds
        if one.run_id:
            run = run_of(view, one.run_id, () if self.guideline is None else self.guideline.named)
            why = "the run is kept no longer" if run is None else why_not(one, run.subject, holds)
            ran = run is not None and (one.review or run.subject.began is not None)
            mine = [one.run_id] if ran and not why else []
        else:
            tried = [each for each in applied if names(one, each.judged.apply.subject)]
            whys = [why_not(one, each.judged.apply.subject, holds) for each in tried]
            why, mine = next((said for said in whys if said), ""), []
        mine += [
            each.judged.apply.run_id for each in applied
            if not one.review and not why_not(one, each.judged.apply.subject, holds)
        ]  # fmt: skip
        return Agreed(one, tuple(dict.fromkeys(mine)), "" if mine else why)

    def _trail(self, vault: Vault | None) -> Trail:
        verdict = looking.verify(self.path, vault, configured=True)
        return trail_of(verdict)


def written_as(report: Report, form: str) -> str:
    """The report as html, csv or json."""
    return {"html": as_html, "csv": one_file, "json": compliance_json}[form](report)


def trail_of(verdict: Verdict) -> Trail:
    """What a verification came to, as the report tells it."""
    head = verdict.walk.head
    newest = verdict.newest
    if newest is None:
        anchored = "and nothing outside was compared with it"
    else:
        anchored = f"and held from outside up to row {newest.head.seq} of {head.seq if head else 0}"
    wrong = [f"row {verdict.walk.broken_at}: {verdict.walk.broken}"] if verdict.walk.broken else []
    told = (*wrong, *verdict.faults[:20], *(f"not compared: {one}" for one in verdict.unseen))
    # Anchors that were not fetched leave open whether it was written anew; the chain itself was walked.
    return Trail(verdict.outcome, verdict.walk.rows, f"head {head.seq}:{head.hash}" if head else "", anchored, told)


def compliance_of(config: Config) -> Compliance:
    """From the configuration."""
    section = config.executions.guideline
    windows = []
    for row in section.windows if section is not None else ():
        when = f"from {row.cron}, for {row.lasts}" if row.cron else f"{', '.join(row.days)} {row.start} to {row.end}"
        windows.append((row.stack, when))
    kept = {RUNS: config.executions.retention, INCIDENTS: config.store.retention}
    return Compliance(
        config.store.path, config.report.weekly.timezone or config.timezone, guideline_of(config), kept, tuple(windows),
        config.web.public_url or "",
    )  # fmt: skip


def _instances(found: Known) -> list[Instance]:
    """As the places that are on record have them."""
    kept: dict[tuple[str, str], Instance] = {}
    for labels in found.places:
        stack, component, stage = (str(labels.get(name) or "") for name in ("stack", "component", "stage"))
        before = kept.get((stack, component))
        if before is None or (stage and not before.stage):
            kept[stack, component] = Instance(stack, component, component, stage=stage)
    return [kept[key] for key in sorted(kept)]
