"""AWS Backup as one look at a place sees it: each list asked for once, each refusal kept beside what was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from checks.aws import AwsError, AwsPlace, ErrorClass
from checks.recovery.jobs import Job
from checks.recovery.model import Point
from checks.recovery.plans import Plan, Vault
from checks.recovery.stores import gone
from checks.recovery.vaults import Held, backup_jobs, copy_jobs, held, plans, vaults


@dataclass
class AwsBackup:
    """What was read of AWS Backup. An error stands for what could not be read; None: it was read."""

    place: AwsPlace
    whole_organization: bool = False
    vaults: tuple[Vault, ...] = ()
    vaults_error: AwsError | None = None
    held: dict[str, tuple[Held, ...]] = field(default_factory=dict)  # by the vault's ARN
    held_errors: dict[str, AwsError] = field(default_factory=dict)  # by the vault's ARN
    plans: tuple[Plan, ...] = ()
    plan_errors: dict[str, AwsError] = field(default_factory=dict)  # by the plan's ARN
    plans_error: AwsError | None = None
    jobs: tuple[Job, ...] = ()
    jobs_error: AwsError | None = None
    copies: tuple[Job, ...] = ()
    copies_error: AwsError | None = None
    accounts: dict[str, str] = field(default_factory=dict)  # job id -> account
    busy_plans: frozenset[str] = frozenset()  # ids of plans that made a job
    _asked: set[str] = field(default_factory=set)

    def read(self, jobs: bool) -> AwsBackup:
        """Read vaults, points and plans, and *jobs* where they are to be read here; give itself."""
        self._vaults()
        self._plans()
        if jobs:
            self.read_jobs()
            self.read_copies()
        return self

    def points(self) -> Mapping[str, list[Point]]:
        """By the ARN of what they are of, the points that can bring something back."""
        found: dict[str, list[Point]] = {}
        for each in (one for some in self.held.values() for one in some):
            point = each.point(self.place.now())
            if point is not None:
                found.setdefault(each.resource, []).append(point)
        return found

    def doubts(self) -> tuple[AwsError, ...]:
        """Why some of its recovery points could not be read."""
        return (*([self.vaults_error] if self.vaults_error else []), *self.held_errors.values())

    def rules(self) -> frozenset[str] | None:
        """Ids of all rules there are; None where not every plan could be read."""
        if self.whole_organization or self.plans_error or self.plan_errors:
            return None
        return frozenset(rule.id for plan in self.plans for rule in plan.rules)

    def _vaults(self) -> None:
        try:
            self.vaults = vaults(self.place)
        except AwsError as error:
            self.vaults_error = None if _not_there(error) else error
        for vault in self.vaults:
            try:
                self.held[vault.arn] = held(self.place, vault)
            except AwsError as error:
                if not gone(error):
                    self.held_errors[vault.arn] = error

    def _plans(self) -> None:
        found: list[Plan] = []
        try:
            for plan, error in plans(self.place):
                found.append(plan)
                if error is not None:
                    self.plan_errors[plan.arn] = error
        except AwsError as error:
            self.plans_error = None if _not_there(error) else error
        self.plans = tuple(found)

    def read_jobs(self) -> None:
        """Read the backup jobs, once. Those of one page are nothing without the rest: all or none."""
        if "jobs" in self._asked:
            return
        self._asked.add("jobs")
        found: list[Job] = []
        busy: set[str] = set()
        try:
            for job, account, plan in backup_jobs(self.place, self.whole_organization):
                found.append(job)
                busy.add(plan)
                self.accounts[job.id] = account
        except AwsError as error:
            self.jobs_error = None if _not_there(error) else error
            return
        self.jobs, self.busy_plans = tuple(found), frozenset(busy - {""})

    def read_copies(self) -> None:
        """Read the copy jobs, once, all or none."""
        if "copies" in self._asked:
            return
        self._asked.add("copies")
        found: list[Job] = []
        try:
            for job, account in copy_jobs(self.place, self.whole_organization):
                found.append(job)
                self.accounts[job.id] = account
        except AwsError as error:
            self.copies_error = None if _not_there(error) else error
            return
        self.copies = tuple(found)


def _not_there(error: AwsError) -> bool:
    """Whether the region has no AWS Backup at all: then it holds nothing, and that is known."""
    return error.error_class is ErrorClass.NOT_ENABLED
