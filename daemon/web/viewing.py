"""What a viewer sees: how everything stands, and no value of any attribute, plan, state or output.

Evidence is not the only place where values are: the sentence of a drift says `versioning true -> false`, an error of
Terraform quotes the code, a cause quotes what was opened. So what such checks say in words of their own is left out
whole, and said anew from what cannot hold a value: the verdict, how many resources, and their addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request

from alerts.base import Delivery, Incident, Transition
from checks.base import Json
from checks.runs.record import RunRecord
from daemon.health import Health
from daemon.standing import Standing
from daemon.store import ReadingRow, RunRow
from daemon.store.executions import ExecutionRow
from daemon.store.rows import VerdictChange
from daemon.web.differences import KEYS
from daemon.web.words import plural, spoken

SEES_ALL = "sees_all"  # in a request's scope, set by daemon.web.guard: False or missing, and no difference is shown

# Checks that look at AWS, endpoints and files, and tell what they found there. All others quote plans, states, code or
# output: they, and those that nobody has thought of yet.
PLAIN = frozenset({
    "access", "backups", "certificates", "compliance", "cost", "network", "quotas", "security", "unmanaged",
    "utilization",
})  # fmt: skip
_OPTIONS = re.compile(r"\s+--?\w.*", re.DOTALL)  # not the dash of a name such as `Terraform - apply`
UNTOLD = "why is not shown to viewers"


def sight_of(request: Request) -> Sight:
    """What whoever asks may see. Who was not asked to sign in by the guard sees least."""
    return Sight(request.scope.get(SEES_ALL) is True)


def quotes(check: str, evidence: Mapping[str, Json] | None = None) -> bool:
    """Whether what *check* says in its own words may hold values."""
    return check not in PLAIN or bool(evidence and any(key in evidence for key in KEYS))


def bare(command: str) -> str:
    """A command without its options: `terraform apply -var=a=b` -> `terraform apply`. Other text stays as it is."""
    return _OPTIONS.sub("", command)


@dataclass(frozen=True, slots=True)
class Sight:
    """Shows things as they are to readers (*full*), and without values to viewers."""

    full: bool

    def incident(self, found: Incident) -> Incident:
        if self.full:
            return found
        if not quotes(found.check, found.evidence):
            return replace(found, evidence={})
        count = f": {plural(len(found.addresses), 'resource')}" if found.addresses else ""
        unseen = UNTOLD if found.not_seen_because else ""
        summary = f"{spoken(found.verdict or str(found.kind))}{count}"
        return replace(
            found, place=bare(found.place), resource=bare(found.resource), evidence={}, summary=summary, cause="",
            remedy="", not_seen_because=unseen,
        )  # fmt: skip

    def incidents(self, found: Iterable[Incident]) -> list[Incident]:
        return [self.incident(each) for each in found]

    def standing(self, found: Standing) -> Standing:
        if self.full:
            return found
        readings = tuple(self._reading(each) for each in found.readings)
        if not quotes(found.job.check) and not any(quotes(each.check, each.evidence) for each in found.readings):
            return replace(found, readings=readings)
        job = replace(found.job, place=bare(found.job.place), detail="")
        return replace(found, why="", job=job, readings=readings)

    def standings(self, found: Iterable[Standing]) -> list[Standing]:
        return [self.standing(each) for each in found]

    def _reading(self, found: ReadingRow) -> ReadingRow:
        if not quotes(found.check, found.evidence):
            return replace(found, evidence={})
        return replace(found, evidence={}, summary="", stale_reason=UNTOLD if found.stale_reason else "")

    def look(self, found: RunRow) -> RunRow:
        return found if self.full or not quotes(found.check) else replace(found, detail="")

    def change(self, found: VerdictChange) -> VerdictChange:
        return found if self.full or not quotes(found.check) else replace(found, summary="")

    def transition(self, found: Transition, check: str) -> Transition:
        return found if self.full or not quotes(check) else replace(found, summary="", reason="")

    def delivery(self, found: Delivery) -> Delivery:
        return found if self.full else replace(found, body={}, error="")

    def run(self, found: ExecutionRow) -> ExecutionRow:
        """A run in a list. One without a workflow is called by its command, among whose options values may be."""
        if self.full:
            return found
        return replace(found, workflow=bare(found.workflow), place=bare(found.place), resource=bare(found.resource))

    def record(self, found: RunRecord) -> RunRecord:
        """A run: its steps and phases by name, and how many resources it changed."""
        if self.full:
            return found
        steps = tuple(replace(each, command="") for each in found.steps)
        return replace(found, argv=(), steps=steps, resources=(), troubles=(), notes=(), rollback="")

    def health(self, found: Health) -> Health:
        if self.full:
            return found
        number = len(found.inventory_problems)
        return replace(
            found, inventory_stale_because=UNTOLD if found.inventory_stale_because else "",
            inventory_problems=(f"{plural(number, 'problem')} of the repository",) if number else (),
        )  # fmt: skip
