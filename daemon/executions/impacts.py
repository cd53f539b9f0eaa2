"""What the apply of a run's plans would do and meet, out of the store: for its page, its JSON, and whoever approves it.

`assessed` is what to call; `as_json` gives plain data, and `impacts` of the template `impact.html` the same as HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerts.base import LIVE
from alerts.suspects import likely_who
from checks.base import Instance
from checks.runs.impact import GOES, Impact, Planned, Source
from checks.runs.outlook import Answer, Around, Drifted, Known, Line, Topic, marks, outlook, worst
from checks.runs.record import RunRecord, record_of
from daemon.store import Reader, executions
from daemon.store.around import readings_at, readings_of
from daemon.store.incidents import of_job
from daemon.store.rows import ReadingRow

_GLOBAL = frozenset({"iam", "s3"})  # quotas of the account, whichever region tells them
_TOPICS: Mapping[Topic, str] = {
    Topic.RECOVERY: "What would go, and could it be restored?", Topic.DRIFT: "Changed by hand, and undone?",
    Topic.QUOTA: "Is there room in the quotas?", Topic.SUBNET: "Is there room in the subnets?",
}  # fmt: skip
_ORDER = ("delete", "replace", "forget", "update", "import", "create", "move")
_LOOKERS = ("quotas", "network", "backups")
PLANNED_BEFORE = timedelta(days=7)  # a plan that is older is not what somebody agrees to
_MOST_RUNS = 30  # of a stack that are gone through for one


@dataclass(frozen=True, slots=True)
class Assessed:
    """One plan of a run, and what its apply would meet."""

    impact: Impact
    instance: Instance | None  # what it is a plan of; None: see `unmatched`
    unmatched: str
    lines: tuple[Line, ...]
    other: str = ""  # that it was applied, and is another plan than those of its run

    @property
    def worst(self) -> Answer:
        """BAD, where a person should look before agreeing; UNKNOWN, where nobody knows something."""
        found = worst(self.lines)
        opens = any(row.opens for row in self.impact.rows)
        whole = self.impact.complete and self.impact.source is Source.PLAN
        return Answer.BAD if opens or self.other else found if whole or found is Answer.BAD else Answer.UNKNOWN

    @property
    def topics(self) -> tuple[tuple[str, tuple[Line, ...]], ...]:
        """The lines under the questions that they answer."""
        found = ((title, tuple(line for line in self.lines if line.topic is topic)) for topic, title in _TOPICS.items())
        return tuple((title, lines) for title, lines in found if lines)

    @property
    def title(self) -> str:
        """ "3 to create, 1 to replace (1 destroyed before it is created), 2 open something"."""
        if not self.impact.known:
            return f"not known: {self.impact.why}"
        counts = self.impact.counts
        told = [f"{counts[action]} to {action}" for action in _ORDER if counts.get(action)]
        first = sum(row.order == "destroy_first" for row in self.impact.rows)
        opens = sum(bool(row.opens) for row in self.impact.rows)
        told += [f"{first} destroyed before created"] if first else []
        told += [f"{opens} opening or weakening something"] if opens else []
        return ", ".join(told) or "changes nothing"

    @property
    def rows(self) -> tuple[Planned, ...]:
        """With what matters first: what opens, what goes, what is sensitive; then the rest."""

        def weight(row: Planned) -> tuple[bool, bool, bool, str]:
            return not row.opens, row.action not in GOES, not row.sensitive, row.address

        return tuple(sorted(self.impact.rows, key=weight))

    @staticmethod
    def marks_of(row: Planned) -> tuple[str, ...]:
        """What to mark a row with."""
        return tuple(marks(row))

    @property
    def source(self) -> str:
        """Where it is known from, for people."""
        if self.impact.source is Source.PLAN:
            return "the saved plan"
        return "the log alone: what it opens, what it needs and what it holds is not known"


def assessed(view: Reader, record: RunRecord, instances: Iterable[Instance], now: datetime) -> tuple[Assessed, ...]:
    """Every plan of a run, in the order in which they were told."""
    known = tuple(instances)
    return tuple(_assessed(view, record, impact, known, now) for impact in record.impacts)


def of_run(view: Reader, run_id: str, instances: Iterable[Instance], now: datetime) -> tuple[Assessed, ...]:
    """The same, of a run by its id; empty: there is no such run, or it tells of no plan."""
    row = executions.find(view.db, run_id)
    if row is None:
        return ()
    record = record_of(run_id, executions.events_of(view.db, run_id), row.lost_at is not None)
    return assessed(view, record, instances, now)


def for_approval(
    view: Reader, run_id: str, stack: str, commit: str, instances: Iterable[Instance], now: datetime
) -> tuple[str, tuple[Assessed, ...]]:
    """(the run that told of it, its plans): what somebody agrees to who approves a run before it applies.

    A run that has planned itself tells; else the newest one of the same commit on the same stack that did, of the same
    component, or of all of the stack. None: an empty id, and nobody knows what would be applied.
    """
    known = tuple(instances)
    if own := of_run(view, run_id, known, now):
        return run_id, own
    asked = executions.find(view.db, run_id)
    component = asked.component if asked is not None else None  # None: what is to be applied is not recorded yet
    for row in executions.of_stack(view.db, stack, now - PLANNED_BEFORE, _MOST_RUNS) if commit else ():
        fits = component is None or row.component in ("", component)
        if fits and row.run_id != run_id and row.counts.get("commit") == commit:
            found = of_run(view, row.run_id, known, now)
            mine = tuple(one for one in found if not _of_another(one, component))
            if mine:
                return row.run_id, mine
    return "", ()


def _of_another(one: Assessed, component: str | None) -> bool:
    """Whether a plan is known to be of another component than what would be applied."""
    return bool(component) and one.instance is not None and one.instance.component != component


def _assessed(
    view: Reader, record: RunRecord, impact: Impact, instances: Sequence[Instance], now: datetime
) -> Assessed:  # fmt: skip
    instance, why = planned_of(record.stack, record.component, impact, instances)
    return Assessed(impact, instance, why, outlook(impact, around(view, instance, impact), now), _other(record, impact))


def _other(record: RunRecord, impact: Impact) -> str:
    """That a plan file was applied which its run did not plan, where it planned others at the same place."""
    if impact.operation != "apply" or impact.planned or not impact.digest:
        return ""
    place = (impact.workspace, impact.component)
    plans = (one for one in record.impacts if one.operation == "plan" and one.digest)
    there = any((one.workspace, one.component) == place for one in plans)
    return "this plan was applied, and it is another one than this run planned there" if there else ""


def planned_of(
    stack: str, component: str, impact: Impact, instances: Sequence[Instance]
) -> tuple[Instance | None, str]:  # fmt: skip
    """Which instance an impact is a plan of, by what its run said, its workspace and its folder; else why not."""
    mine = [one for one in instances if one.stack == stack and stack and component in ("", one.component)]
    if not mine:
        return (
            None,
            f"no instance is called {stack}/{component}" if stack else "its run does not say which stack it is of",
        )
    # A plan that was read tells its workspace; Terraform's own, where it tells none. An output may not have told it.
    workspace = impact.workspace or ("default" if impact.source is Source.PLAN else "")
    if workspace:
        there = [one for one in mine if (one.workspace or "default") == workspace]
        if not there:
            wanted = ", ".join(sorted({one.workspace or "default" for one in mine})[:3])
            return None, f"it was planned in the workspace {workspace}, and not in {wanted}"
        mine = there
    if len(mine) > 1 and impact.component:
        mine = [one for one in mine if one.working_directory.rstrip("/") == impact.component.rstrip("/")]
    found = mine
    if len(found) == 1:
        return found[0], ""
    return None, "which component of the stack it is a plan of is not told"


def around(view: Reader, instance: Instance | None, impact: Impact) -> Around:
    """What the checks saw last of where *impact* would be applied."""
    backups = {
        row.resource: _known(row)
        for row in readings_of(view.db, "backups", (row.id for row in impact.rows if row.id.startswith("arn:")))
    }  # fmt: skip
    if instance is None:
        return Around(backups=backups)
    place = f"{instance.account}/{instance.region}" if instance.account and instance.region else ""
    drift = next((one for one in readings_at(view.db, "drift", instance.key) if one.resource == instance.key), None)
    looked = {check: job.last_ok for check in _LOOKERS if place and (job := view.job(check, place)) and job.last_ok}
    return Around(
        instance.stage, place, None if drift is None else _known(drift), _incidents(view, instance),
        _quotas(view, instance, place), _subnets(view, place), backups, looked,
    )  # fmt: skip


def _known(row: ReadingRow) -> Known:
    return Known(row.resource, row.outcome, row.verdict, row.summary, row.at, row.values, row.stale_reason)


def _incidents(view: Reader, instance: Instance) -> tuple[Drifted, ...]:
    found = of_job(view.db, "drift", instance.key).values()
    return tuple(
        Drifted(
            one.fingerprint, one.summary, one.opened_at, likely_who(one.evidence),
            [each for each in one.evidence.get("differences") or () if isinstance(each, Mapping)],
        )
        for one in found
        if one.state in LIVE and one.evidence.get("differences")
    )  # fmt: skip


def _quotas(view: Reader, instance: Instance, place: str) -> Mapping[tuple[str, str], Known]:
    if not place:
        return {}
    places = dict.fromkeys((f"{instance.account}/us-east-1", place))
    found: dict[tuple[str, str], Known] = {}
    for each in places:
        for row in readings_at(view.db, "quotas", each):
            service, code = str(row.evidence.get("service_code", "")), str(row.evidence.get("quota_code", ""))
            if "#" not in row.resource and service and (each == place or service in _GLOBAL):
                found[service, code] = _known(row)
    return found


def _subnets(view: Reader, place: str) -> Mapping[str, Known]:
    rows = readings_at(view.db, "network", place) if place else ()
    return {
        row.resource.rpartition("/")[2]: _known(row)
        for row in rows
        if row.resource.rpartition("/")[0].endswith(":subnet") and "subnet_addresses_free" in row.values
    }


def as_json(found: Assessed) -> dict[str, Any]:
    """One plan and what it meets, as plain data."""
    impact = found.impact
    return {
        "plan": impact.plan, "source": str(impact.source), "at": impact.at.isoformat(), "known": impact.known,
        "why_not_known": impact.why, "complete": impact.complete, "partial": impact.partial, "title": found.title,
        "stack": found.instance.stack if found.instance else "",
        "component": found.instance.component if found.instance else "", "unmatched": found.unmatched,
        "not_as_planned": found.other,
        "workspace": impact.workspace, "folder": impact.component, "digest": impact.digest,
        "operation": impact.operation, "counts": dict(impact.counts), "left_out": impact.left_out,
        "worst": str(found.worst), "changes": [_row_json(row) for row in impact.rows],
        "outlook": [
            {"topic": str(line.topic), "subject": line.subject, "answer": str(line.answer), "told": line.told,
             "remedy": line.remedy, "incident": line.incident, "who": line.who}
            for line in found.lines
        ],
    }  # fmt: skip


def _row_json(row: Planned) -> dict[str, Any]:
    return {
        "address": row.address, "type": row.type, "action": row.action, "order": row.order, "opens": list(row.opens),
        "opens_unknown": row.unclear, "sensitive": list(row.sensitive), "stateful": row.stateful,
        "drifted": row.drifted, "marks": list(marks(row)),
    }  # fmt: skip
