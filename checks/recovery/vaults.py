"""What AWS Backup holds and did: vaults, recovery points, jobs, plans, restore tests. Asks AWS through the place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from checks.aws import AwsError, AwsPlace, unsaid
from checks.plans.redact import scrub_text
from checks.recovery.jobs import Job
from checks.recovery.model import Origin, Point
from checks.recovery.plans import Plan, Vault, read_rule, read_selection, read_vault
from checks.recovery.restores import RestoreJob
from checks.recovery.stores import gone, part

# AWS Backup keeps and lists jobs of the last 30 days (API_ListBackupJobs).
HISTORY = timedelta(days=30)
_USABLE = frozenset({"COMPLETED", "AVAILABLE"})
# How far a continuous backup of S3 is behind at most (AWS Backup developer guide, "point-in-time recovery").
_BEHIND = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Held:
    """A recovery point in a vault, whatever its state."""

    arn: str
    resource: str  # ARN of what it was made of
    state: str
    created: datetime
    rule: str = ""

    @property
    def continuous(self) -> bool:
        return ":recovery-point:continuous:" in self.arn

    def point(self, now: datetime) -> Point | None:
        """What it can bring back; None: nothing."""
        if self.state == "PARTIAL":
            return Point(self.created, Origin.AWS_BACKUP, partial=True, rule=self.rule)
        if self.state not in _USABLE:
            return None
        at = max(self.created, now - _BEHIND) if self.continuous else self.created
        return Point(at, Origin.AWS_BACKUP, rule=self.rule)


def vaults(place: AwsPlace, region: str = "") -> tuple[Vault, ...]:
    """The vaults of the account in *region*; empty: the place's."""
    found = place.shared("backup", "list_backup_vaults", "BackupVaultList", region=region or place.region)
    return tuple(read_vault(each) for each in found)


def held(place: AwsPlace, vault: Vault, region: str = "") -> tuple[Held, ...]:
    """All recovery points in *vault*."""
    if vault.points == 0:
        return ()
    found = place.shared(
        "backup", "list_recovery_points_by_backup_vault", "RecoveryPoints", region=region or place.region,
        BackupVaultName=vault.name,
    )  # fmt: skip
    return tuple(
        Held(
            str(each.get("RecoveryPointArn", "")), str(each.get("ResourceArn", "")), str(each.get("Status", "")),
            each["CreationDate"], str((each.get("CreatedBy") or {}).get("BackupRuleId") or ""),
        )
        for each in found
        if each.get("CreationDate") is not None
    )  # fmt: skip


def backup_jobs(place: AwsPlace, whole_organization: bool = False) -> Iterator[tuple[Job, str, str]]:
    """Backup jobs of the last 30 days, each with its account and the id of its plan."""
    asked: dict[str, Any] = {"ByCreatedAfter": place.now() - HISTORY}
    if whole_organization:
        asked["ByAccountId"] = "*"
    for each in place.pages("backup", "list_backup_jobs", "BackupJobs", **asked):
        job = _job(place, each, "BackupJobId")
        if job is not None:
            plan = str((each.get("CreatedBy") or {}).get("BackupPlanId") or "")
            yield job, str(each.get("AccountId") or place.account), plan


def copy_jobs(place: AwsPlace, whole_organization: bool = False) -> Iterator[tuple[Job, str]]:
    """Copy jobs of the last 30 days, each with its account."""
    asked: dict[str, Any] = {"ByCreatedAfter": place.now() - HISTORY}
    if whole_organization:
        asked["ByAccountId"] = "*"
    for each in place.pages("backup", "list_copy_jobs", "CopyJobs", **asked):
        job = _job(place, each, "CopyJobId", copy_to=str(each.get("DestinationBackupVaultArn") or ""))
        if job is not None:
            yield job, str(each.get("AccountId") or place.account)


def _job(place: AwsPlace, each: Mapping[str, Any], id_: str, copy_to: str = "") -> Job | None:
    by = each.get("CreatedBy") or {}
    if not each.get("State"):
        operation = "ListCopyJobs" if id_ == "CopyJobId" else "ListBackupJobs"
        raise unsaid(place, "backup", operation, "a job without a state")
    if each.get("CreationDate") is None or not each.get("ResourceArn"):
        return None
    return Job(
        id=str(each.get(id_, "")), resource=str(each["ResourceArn"]), type=str(each.get("ResourceType", "")),
        state=str(each.get("State", "")), created=each["CreationDate"], rule=str(by.get("BackupRuleId") or ""),
        plan=str(by.get("BackupPlanName") or ""), category=str(each.get("MessageCategory") or ""),
        message=scrub_text(str(each.get("StatusMessage") or "")), copy_to=copy_to,
    )  # fmt: skip


def plans(place: AwsPlace) -> Iterator[tuple[Plan, AwsError | None]]:
    """Every backup plan with its rules and selections; where these could not be read, with the error instead."""
    for each in place.pages("backup", "list_backup_plans", "BackupPlansList"):
        id_ = str(each["BackupPlanId"])
        bare = Plan(
            id_, str(each.get("BackupPlanArn", id_)), str(each.get("BackupPlanName", id_)), each.get("CreationDate")
        )
        try:
            rules = part(place, "backup", "get_backup_plan", "BackupPlan", BackupPlanId=id_).get("Rules") or ()
            selections = tuple(
                read_selection(
                    s["SelectionId"],
                    part(
                        place,
                        "backup",
                        "get_backup_selection",
                        "BackupSelection",
                        BackupPlanId=id_,
                        SelectionId=s["SelectionId"],
                    ),
                )
                for s in place.pages("backup", "list_backup_selections", "BackupSelectionsList", BackupPlanId=id_)
            )
            yield Plan(bare.id, bare.arn, bare.name, bare.created, tuple(map(read_rule, rules)), selections), None
        except AwsError as error:
            if not gone(error):
                yield bare, error


def restore_plans(place: AwsPlace) -> Sequence[Mapping[str, Any]]:
    """Restore testing plans as AWS Backup lists them."""
    return tuple(place.pages("backup", "list_restore_testing_plans", "RestoreTestingPlans"))


def restore_jobs(place: AwsPlace, plan_arn: str) -> tuple[RestoreJob, ...]:
    """What a restore testing plan restored."""
    found = place.pages("backup", "list_restore_jobs", "RestoreJobs", ByRestoreTestingPlanArn=plan_arn)
    return tuple(
        RestoreJob(
            str(each.get("RestoreJobId", "")), str(each.get("SourceResourceArn") or each.get("ResourceType") or ""),
            str(each.get("Status", "")), str(each.get("ValidationStatus") or ""), each["CreationDate"],
            scrub_text(str(each.get("ValidationStatusMessage") or each.get("StatusMessage") or "")),
        )
        for each in found
        if each.get("CreationDate") is not None
    )  # fmt: skip
