"""The questions beside "how old is the newest point": jobs, vaults, plans, restore tests, lifecycle policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from checks.aws import Arn, AwsError, AwsPlace, arn_at, could_not_look, not_enabled, owner_of
from checks.base import Finding, Kind, Outcome, Reading
from checks.plans.redact import scrub_text
from checks.recovery.jobs import Trouble, Troubled, troubles
from checks.recovery.model import DataStore
from checks.recovery.plans import Match, Plan, Vault, misfits, missing_vaults, reaches_beyond, selects
from checks.recovery.remedies import line
from checks.recovery.restores import TEST_OUTCOMES, TestJudgement, judge_test
from checks.recovery.services import AwsBackup
from checks.recovery.vaults import HISTORY, Held, restore_jobs, restore_plans
from checks.recovery.words import moment

VERDICTS: Mapping[str, str] = {
    "jobs_fine": "the last job of every rule of AWS Backup ended well",
    "job_failed": "the last job of a rule of AWS Backup failed, expired or was aborted",
    "job_partial": "the last job of a rule of AWS Backup saved only a part",
    "job_with_issues": "the last job of a rule of AWS Backup completed with issues",
    "vault_fine": "the vault holds no recovery point past its time",
    "points_expired": "recovery points are past their retention, and AWS Backup cannot delete them",
    "points_stopped": "continuous backups were stopped, and nothing took their place",
    "plan_fine": "the plan selects something, and its vaults take what it keeps",
    "selects_nothing": "the plan backs up nothing",
    "retention_misfit": "the lock of a vault does not take the retention that a rule asks for",
    "vault_missing": "a rule writes to a vault that does not exist",
    "not_known_yet": "could not tell: the plan may select what is not looked at here, and has made no job yet",
    "test_passed": "the last restore tests passed",
    "test_not_validated": "the last restore tests restored what they should, and nothing validated it",
    "test_waiting": "the restore testing plan was made or run just now",
    "test_failed": "a restore test failed",
    "test_overdue": "the last restore test is too long ago",
    "never_tested": "no restore was ever tested",
    "policies_fine": "the lifecycle policies for snapshots work",
    "policy_failing": "a lifecycle policy for snapshots is in error",
}

_TROUBLE = (Trouble.FAILED, Trouble.PARTIAL, Trouble.ISSUES)  # worst first
_KEPT = "restore_tests"  # plan ARN -> when a test last passed
# Patterns of what is listed here, so that "fits none of them" means "selects nothing".
_LISTED = frozenset({"rds", "dynamodb", "elasticfilesystem", "s3", "redshift", "elasticache"})


def job_readings(place: AwsPlace, backup: AwsBackup) -> Iterator[Reading]:
    """One for the list of jobs, and one for each resource that had a job within AWS Backup's memory."""
    for name, error in (("jobs", backup.jobs_error), ("copy_jobs", backup.copies_error)):
        if error is not None:
            yield could_not_look(f"{place.key}/{name}", error, "whether AWS Backup's jobs end well")
    jobs = (*backup.jobs, *backup.copies)
    if backup.jobs_error is None and backup.copies_error is None:
        summary = f"{len(jobs)} jobs of AWS Backup in the last {HISTORY.days} days"
        yield Reading(f"{place.key}/jobs", Outcome.HEALTHY, "jobs_fine", summary)
    for resource, found in sorted(troubles(jobs, backup.rules()).items()):
        yield _of_jobs(place, backup, resource, found)


def _of_jobs(place: AwsPlace, backup: AwsBackup, resource: str, found: Sequence[Troubled]) -> Reading:
    if not found:
        return Reading(
            f"{resource}#jobs", Outcome.HEALTHY, "jobs_fine", VERDICTS["jobs_fine"], values={"jobs_failed": 0.0}
        )
    worst = min(found, key=lambda each: _TROUBLE.index(each.trouble))
    findings = tuple(_job_finding(place, backup, each) for each in found)
    return Reading(
        f"{resource}#jobs", Outcome.UNHEALTHY, worst.trouble.value, worst.reason, findings,
        values={"jobs_failed": float(len(found))},
    )  # fmt: skip


def _job_finding(place: AwsPlace, backup: AwsBackup, found: Troubled) -> Finding:
    job = found.job
    verb = "list-copy-jobs" if job.copy_to else "list-backup-jobs"
    account = backup.accounts.get(job.id, place.account)
    elsewhere = f" (account {account})" if account != place.account else ""
    return Finding(
        Kind.BACKUP_FAILURE,
        f"{found.trouble.value}:{job.rule}:{job.copy_to}",
        f"{job.resource}{elsewhere}: {found.reason}",
        cause=f"backup_job:{job.plan}:{job.state}:{job.category}",
        remedy=line(place.region, ["backup", verb, "--by-resource-arn", job.resource], "what AWS says of them"),
        addresses=(job.resource,),
        evidence={
            "type": job.type, "state": job.state, "category": job.category, "plan": job.plan, "message": job.message,
            "copy_to": job.copy_to,
        },
        owner=owner_of(place, job.resource),
    )  # fmt: skip


def vault_readings(place: AwsPlace, backup: AwsBackup, stores: Sequence[DataStore]) -> Iterator[Reading]:
    """One for each vault: points that outlived their retention, and continuous backups that were stopped."""
    if backup.vaults_error is not None:
        yield could_not_look(f"{place.key}/vaults", backup.vaults_error, "which backup vaults there are")
        return
    yield Reading(f"{place.key}/vaults", Outcome.HEALTHY, "vault_fine", f"{len(backup.vaults)} backup vaults")
    running = {p.resource for some in backup.held.values() for p in some if p.continuous and p.point(place.now())}
    known = {name for store in stores for name in (store.arn, *store.also)}
    for vault in backup.vaults:
        error = backup.held_errors.get(vault.arn)
        if error is not None:
            yield could_not_look(vault.arn, error, "which recovery points the vault holds")
        else:
            points = backup.held.get(vault.arn, ())
            stopped = [p for p in points if p.state == "STOPPED" and p.resource in known - running]
            yield _of_vault(place, vault, [p for p in points if p.state == "EXPIRED"], stopped)


def _of_vault(place: AwsPlace, vault: Vault, expired: Sequence[Held], stopped: Sequence[Held]) -> Reading:
    findings = []
    if expired:
        oldest = min(expired, key=lambda point: point.created)
        findings.append(
            _vault_finding(
                place, vault, "points_expired",
                f"vault {vault.name} holds recovery points past their retention that AWS Backup cannot delete; "
                f"the oldest is of {moment(oldest.created)}", expired,
            )
        )  # fmt: skip
    if stopped:
        findings.append(
            _vault_finding(
                place, vault, "points_stopped",
                f"continuous backups in vault {vault.name} were stopped, and nothing took their place: "
                f"{', '.join(sorted({point.resource for point in stopped})[:3])}", stopped,
            )
        )  # fmt: skip
    word = "points_expired" if expired else "points_stopped" if stopped else "vault_fine"
    return Reading(
        vault.arn, Outcome.UNHEALTHY if findings else Outcome.HEALTHY, word,
        "; ".join(each.summary for each in findings) or VERDICTS["vault_fine"], tuple(findings),
        values={"points_expired": float(len(expired))},
    )  # fmt: skip


def _vault_finding(place: AwsPlace, vault: Vault, key: str, summary: str, points: Sequence[Held]) -> Finding:
    return Finding(
        Kind.BACKUP_FAILURE,
        key,
        summary,
        cause=f"backup_vault:{key}",
        remedy=line(
            place.region,
            ["backup", "list-recovery-points-by-backup-vault", "--backup-vault-name", vault.name],
            "which they are",
        ),
        addresses=(vault.arn,),
        evidence={"resources": sorted({point.resource for point in points})[:20]},
        owner=owner_of(place, vault.arn),
    )


def plan_readings(
    place: AwsPlace, backup: AwsBackup, stores: Sequence[DataStore], unlisted: bool, tags_error: AwsError | None
) -> Iterator[Reading]:
    """One for each plan. *unlisted*: a list of data stores could not be read, so that fitting none proves nothing."""
    if backup.plans_error is not None:
        yield could_not_look(f"{place.key}/plans", backup.plans_error, "which backup plans there are")
    else:
        yield Reading(f"{place.key}/plans", Outcome.HEALTHY, "plan_fine", f"{len(backup.plans)} backup plans")
    by_name = {name: vault for vault in backup.vaults for name in (vault.name, vault.arn)}
    for plan in backup.plans:
        selection = _selection(place, backup, plan, stores, unlisted, tags_error)
        unsure = backup.jobs_error if selection[0] in ("selects_nothing", "not_known_yet") and plan.selections else None
        error = backup.plan_errors.get(plan.arn) or backup.vaults_error or unsure
        if error is not None:
            yield could_not_look(plan.arn, error, "what the backup plan selects and keeps")
        else:
            yield _of_plan(place, plan, by_name, selection)


def _selection(
    place: AwsPlace,
    backup: AwsBackup,
    plan: Plan,
    stores: Sequence[DataStore],
    unlisted: bool,
    tags_error: AwsError | None,
) -> tuple[str, str]:
    """Whether the plan selects anything: ("", ""), or (verdict, why)."""
    if not plan.selections:
        return "selects_nothing", "it has no resource assignment"
    backup.read_jobs()
    if plan.id in backup.busy_plans:
        return "", ""
    matches = [
        selects(s, arn, store.tags) for s in plan.selections for store in stores for arn in (store.arn, *store.also)
    ]
    if Match.YES in matches:
        return "", ""
    doubtful = Match.MAYBE in matches or unlisted or tags_error is not None
    if not doubtful and not any(reaches_beyond(each, _listed) for each in plan.selections):
        return "selects_nothing", "its resource assignments fit nothing that exists"
    if plan.created is None or place.now() - plan.created < HISTORY:
        return "not_known_yet", "it has made no job yet, and may select what is not looked at here"
    return "selects_nothing", f"it has made no job in {HISTORY.days} days, and fits nothing that is looked at here"


def _listed(pattern: str) -> bool:
    arn = Arn.parse(pattern)
    return arn is not None and (arn.service in _LISTED or (arn.service == "ec2" and arn.resource.startswith("volume")))


def _of_plan(place: AwsPlace, plan: Plan, vaults: Mapping[str, Vault], selection: tuple[str, str]) -> Reading:
    found = [] if selection[0] in ("", "not_known_yet") else [(selection[0], selection[0], selection[1])]
    missing = missing_vaults(plan, vaults, place.region, place.account)
    found += [("vault_missing", f"vault_missing:{name}", f"there is no vault {name}") for name in missing]
    found += [("retention_misfit", f"retention_misfit:{key}", why) for key, why in misfits(plan, vaults)]
    findings = tuple(
        Finding(
            Kind.BACKUP_FAILURE, key, f"backup plan {plan.name}: {why}", cause=f"backup_plan:{word}",
            remedy=line(place.region, ["backup", "get-backup-plan", "--backup-plan-id", plan.id], "look at it"),
            addresses=(plan.arn,), owner=owner_of(place, plan.arn, plan.id),
        )
        for word, key, why in found
    )  # fmt: skip
    if selection[0] == "not_known_yet":
        return Reading(plan.arn, Outcome.UNKNOWN, *selection, findings)
    word, _, why = found[0] if found else ("plan_fine", "", VERDICTS["plan_fine"])
    return Reading(plan.arn, Outcome.UNHEALTHY if found else Outcome.HEALTHY, word, why, findings)


def restore_readings(place: AwsPlace, within: timedelta, required: bool) -> Iterator[Reading]:
    """One for each restore testing plan. *required*: that there is none is a finding too."""
    here = f"{place.key}/restore_tests"
    try:
        plans = restore_plans(place)
    except AwsError as error:
        yield not_enabled(here, error, "whether restores are tested")
        return
    findings: tuple[Finding, ...] = ()
    if required and not plans:
        findings = (
            Finding(
                Kind.BACKUP_FAILURE, "never_tested", "no restore testing plan: nobody knows whether a restore works",
                cause="restore_test:none",
                remedy=line(place.region, ["backup", "list-restore-testing-plans"], "there is none: make one"),
            ),
        )  # fmt: skip
    word, summary = (
        ("never_tested", findings[0].summary) if findings else ("test_passed", f"{len(plans)} restore testing plans")
    )
    yield Reading(here, Outcome.UNHEALTHY if findings else Outcome.HEALTHY, word, summary, findings)
    passed: dict[str, str] = {}
    for plan in plans:
        arn, before = str(plan["RestoreTestingPlanArn"]), _remembered(place, str(plan["RestoreTestingPlanArn"]))
        try:
            jobs = restore_jobs(place, arn)
        except AwsError as error:
            yield could_not_look(arn, error, "how the last restore tests ended")
            judged = None
        else:
            judged = judge_test(plan["CreationTime"], plan.get("LastExecutionTime"), jobs, within, place.now(), before)
            yield _of_test(place, arn, str(plan["RestoreTestingPlanName"]), judged)
        last = judged.passed if judged is not None else before
        if last is not None:
            passed[arn] = last.isoformat()
    place.keep(_KEPT, passed)


def _of_test(place: AwsPlace, arn: str, name: str, judged: TestJudgement) -> Reading:
    outcome = TEST_OUTCOMES[judged.word]
    findings: tuple[Finding, ...] = ()
    if outcome is Outcome.UNHEALTHY:
        findings = (
            Finding(
                Kind.BACKUP_FAILURE, judged.word.value, f"restore testing plan {name}: {judged.reason}",
                cause=f"restore_test:{judged.word.value}",
                remedy=line(
                    place.region, ["backup", "list-restore-jobs", "--by-restore-testing-plan-arn", arn], "see how"
                ),
                addresses=(arn,), owner=owner_of(place, arn),
            ),
        )  # fmt: skip
    values = {"last_restore_test_timestamp_seconds": judged.passed.timestamp()} if judged.passed else {}
    return Reading(arn, outcome, judged.word.value, judged.reason, findings, values)


def policy_readings(place: AwsPlace) -> Iterator[Reading]:
    """One for the policies of Data Lifecycle Manager, and one for each that is in error."""
    here = f"{place.key}/lifecycle_policies"
    try:
        policies = tuple(place.pages("dlm", "get_lifecycle_policies", "Policies"))
    except AwsError as error:
        yield not_enabled(here, error, "whether the lifecycle policies for snapshots work")
        return
    yield Reading(here, Outcome.HEALTHY, "policies_fine", f"{len(policies)} lifecycle policies for snapshots")
    for each in policies:
        id_ = str(each.get("PolicyId", ""))
        arn = arn_at(place, "dlm", f"policy/{id_}")
        if each.get("State") != "ERROR":
            yield Reading(arn, Outcome.HEALTHY, "policies_fine", f"the policy is {str(each.get('State', '')).lower()}")
            continue
        described = scrub_text(str(each.get("Description") or "no description"))
        finding = Finding(
            Kind.BACKUP_FAILURE, "policy_failing",
            f"lifecycle policy {id_} ({described}) is in error: it makes no snapshots",
            cause="lifecycle_policy:error", addresses=(arn,), owner=owner_of(place, arn, id_),
            remedy=line(place.region, ["dlm", "get-lifecycle-policy", "--policy-id", id_], "StatusMessage says why"),
        )  # fmt: skip
        yield Reading(arn, Outcome.UNHEALTHY, "policy_failing", finding.summary, (finding,))


def _remembered(place: AwsPlace, arn: str) -> datetime | None:
    """When a test passed that AWS Backup may have forgotten by now."""
    known = place.recall(_KEPT)
    text = known.get(arn) if isinstance(known, Mapping) else None
    return datetime.fromisoformat(text) if isinstance(text, str) else None
