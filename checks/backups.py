"""Backups: of every data store the newest point that can be restored, against what was asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar

from checks.aws import VERDICTS as AWS_VERDICTS
from checks.aws import AwsError, AwsPlace, could_not_look, not_enabled, owner_of, tags
from checks.base import Asks, Check, Finding, Kind, Outcome, Owner, Reading, Scope
from checks.kinds import PRODUCTION
from checks.recovery import remedies
from checks.recovery.copies import Asked, Lookout, by_demand, by_plans
from checks.recovery.demands import CopyRule, ExemptRule, RpoRule, Wish, demand, exemption, wish
from checks.recovery.judge import Judgement, Word, judge, judge_copy
from checks.recovery.model import DataStore, Demand, Point, StoreKind
from checks.recovery.questions import (
    VERDICTS,
    job_readings,
    plan_readings,
    policy_readings,
    restore_readings,
    vault_readings,
)
from checks.recovery.services import AwsBackup
from checks.recovery.snapshots import READERS
from checks.recovery.stores import LISTINGS
from checks.recovery.words import span

_TROUBLE = frozenset({Word.LATE, Word.PARTIAL, Word.NEVER})
_KEPT = "asked"  # ARN -> what its owner says, where that is not the default
# Kinds whose own lists do not tell their tags.
_UNTAGGED = {
    StoreKind.DYNAMODB: "dynamodb:table", StoreKind.S3: "s3", StoreKind.ELASTICACHE: "elasticache",
}  # fmt: skip


@dataclass
class _Case:
    """One data store, with all that is known for its judgement."""

    store: DataStore
    owner: Owner | None
    wish: Wish
    demand: Demand
    points: list[Point]
    doubts: list[AwsError] = field(default_factory=list)
    exempt: ExemptRule | None = None
    expired: Sequence[ExemptRule] = ()

    def judged(self, now: datetime) -> Judgement:
        """The verdict as of what is known by now."""
        if self.exempt is not None:
            until = self.exempt.expires.isoformat()
            return Judgement(Word.EXEMPT, f"exempt until {until}: {self.exempt.reason} ({self.exempt.owner})")
        return judge(self.store, self.points, self.demand, now, [str(error) for error in self.errors])

    @property
    def errors(self) -> tuple[AwsError, ...]:
        """What kept anybody from seeing all of its recovery points."""
        return (*self.store.doubts, *self.doubts)


@dataclass(frozen=True)
class Backups(Check):
    """What could be restored, and from when: every data store against its recovery point objective, and AWS Backup."""

    rpo: tuple[RpoRule, ...] = ()  # how old the newest recovery point may be; what no row fits has the defaults
    copies: tuple[CopyRule, ...] = ()  # where a second copy must be
    exempt: tuple[ExemptRule, ...] = ()  # what may be lost, each with reason, owner and expiry
    deletion_protection: bool = True  # production data stores that have such a switch must have it on
    copy_grace: timedelta = timedelta(hours=24)  # how long AWS Backup may take to copy what it has saved
    restore_test_within: timedelta = timedelta(days=35)  # a restore testing plan must have passed within this time
    require_restore_tests: bool = False  # that a region has no restore testing plan is a finding
    organization_account: str = ""  # the account whose place reads the backup jobs of the whole organization

    scope: ClassVar[Scope] = Scope.REGION
    every: ClassVar[timedelta] = timedelta(hours=6)
    deadline: ClassVar[timedelta] = timedelta(minutes=15)
    asks: ClassVar[Mapping[Scope, Asks]] = {Scope.REGION: Asks(16, 0.4)}
    iam: ClassVar[tuple[str, ...]] = (
        "backup:GetBackupPlan",
        "backup:GetBackupSelection",
        "backup:ListBackupJobs",
        "backup:ListBackupPlans",
        "backup:ListBackupSelections",
        "backup:ListBackupVaults",
        "backup:ListCopyJobs",
        "backup:ListRecoveryPointsByBackupVault",
        "backup:ListRestoreJobs",
        "backup:ListRestoreTestingPlans",
        "dlm:GetLifecyclePolicies",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTable",
        "dynamodb:ListBackups",
        "dynamodb:ListTables",
        "ec2:DescribeInstances",
        "ec2:DescribeSnapshots",
        "ec2:DescribeVolumes",
        "elasticache:DescribeCacheClusters",
        "elasticache:DescribeReplicationGroups",
        "elasticache:DescribeServerlessCaches",
        "elasticache:DescribeServerlessCacheSnapshots",
        "elasticache:DescribeSnapshots",
        "elasticfilesystem:DescribeFileSystems",
        "elasticfilesystem:DescribeReplicationConfigurations",
        "rds:DescribeDBClusters",
        "rds:DescribeDBClusterSnapshots",
        "rds:DescribeDBInstanceAutomatedBackups",
        "rds:DescribeDBInstances",
        "rds:DescribeDBSnapshots",
        "redshift:DescribeClusters",
        "redshift:DescribeClusterSnapshots",
        "s3:GetBucketVersioning",
        "s3:GetReplicationConfiguration",
        "s3:ListAllMyBuckets",
        "tag:GetResources",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "data_stores": "Data stores that were found.",
        "data_stores_unprotected": "Data stores with no recovery point as new as was asked.",
        "last_recovery_timestamp_seconds": "The newest moment that can be restored.",
        "recovery_due_timestamp_seconds": "When the newest recovery point becomes older than its objective allows.",
        "copies_missing": "Copies in another region or account that are not as new as was asked.",
        "last_copy_timestamp_seconds": "The newest moment that a copy elsewhere can restore.",
        "jobs_failed": "Rules of AWS Backup whose last job for a resource did not end well.",
        "points_expired": "Recovery points past their retention that AWS Backup cannot delete.",
        "last_restore_test_timestamp_seconds": "The last restore test that passed.",
        "deletion_protection_off": "Production data stores that anybody can delete.",
    }
    measure_labels: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(
        (
            "data_stores_unprotected", "last_recovery_timestamp_seconds", "recovery_due_timestamp_seconds",
            "copies_missing", "last_copy_timestamp_seconds",
        ),
        ("kind",),
    )  # fmt: skip
    verdicts: ClassVar[Mapping[str, str]] = {
        Word.PROTECTED.value: "its newest recovery point, or its copy, is as new as was asked",
        Word.NEW.value: "it is new, and its first backup is not due yet",
        Word.LATE.value: "its newest recovery point, or its copy, is older than was asked",
        Word.PARTIAL.value: "its newest backup saved only a part",
        Word.NEVER.value: "nothing backs it up, or no copy is where one was asked for",
        Word.NOT_READ.value: "could not look: what could show a newer recovery point cannot be read",
        Word.NOT_REQUIRED.value: "no backup of it is asked for",
        Word.NOTHING_TO_LOSE.value: "there is nothing in it that only it holds",
        Word.EXEMPT.value: "a rule of the configuration says that it may be lost",
        "deletion_protection_on": "nobody deletes it by accident",
        "deletion_protection_off": "a production data store that anybody can delete",
        **VERDICTS,
        **AWS_VERDICTS,
    }

    def run(self, place: AwsPlace) -> Iterator[Reading]:
        """Readings of every data store, of its copies and jobs, and of what AWS Backup is set up to do."""
        stores: list[DataStore] = []
        unlisted = False
        for listing in LISTINGS:
            try:
                found = tuple(listing.read(place))
            except AwsError as error:
                reading = not_enabled(f"{place.key}/{listing.name}", error, listing.what)
                unlisted |= reading.outcome is Outcome.UNKNOWN
                yield reading
            else:
                stores += found
                yield _listed(place, listing.name, len(found))
        stores, tags_error = _tagged(place, stores)
        if tags_error is not None:
            yield could_not_look(f"{place.key}/tags", tags_error, "the tags of what does not list them itself")
        jobs_here = self.organization_account in ("", place.account)
        backup = AwsBackup(place, whole_organization=self.organization_account == place.account).read(jobs_here)
        cases = self._cases(place, stores, backup, tags_error)
        _keep_wishes(place, cases, whole=not unlisted)
        _read_snapshots(place, cases)
        for case in cases:
            yield from self._readings(place, case)
        yield from self._copies(place, cases, backup)
        if jobs_here:
            yield from job_readings(place, backup)
        yield from vault_readings(place, backup, stores)
        yield from plan_readings(place, backup, stores, unlisted, tags_error)
        yield from restore_readings(place, self.restore_test_within, self.require_restore_tests)
        yield from policy_readings(place)

    def _cases(
        self, place: AwsPlace, stores: Iterable[DataStore], backup: AwsBackup, tags_error: AwsError | None
    ) -> list[_Case]:
        points, doubts = backup.points(), backup.doubts()
        before, cases = place.recall(_KEPT) or {}, []
        for store in stores:
            owner = owner_of(place, *store.identifiers)
            said = wish(owner, before.get(store.arn))
            asked = demand(store, place.labels.get("stage", ""), said, self.rpo, self.copies)
            mine = [*store.points, *(point for arn in (store.arn, *store.also) for point in points.get(arn, ()))]
            exempt, expired = exemption(self.exempt, store, place.now())
            may_be_exempt = store.kind in _UNTAGGED and any(rule.tag for rule in self.exempt)
            more = [tags_error] if tags_error is not None and may_be_exempt else []
            cases.append(_Case(store, owner, said, asked, mine, [*doubts, *more], exempt, expired))
        return cases

    def _readings(self, place: AwsPlace, case: _Case) -> Iterator[Reading]:
        judged = case.judged(place.now())
        yield _recovery(case, judged)
        wanted = self.deletion_protection and case.demand.deletion_protection and judged.word is not Word.EXEMPT
        if wanted and not case.store.nothing_to_lose:
            yield _protection(case)

    def _copies(self, place: AwsPlace, cases: Iterable[_Case], backup: AwsBackup) -> Iterator[Reading]:
        now = place.now()
        lookout = Lookout(place, backup)
        for case in cases:
            if case.exempt is not None or case.store.nothing_to_lose:
                continue
            asked: dict[tuple[object, str], Asked] = {}
            if case.demand.rpo is not None:
                why = f"one within {span(case.demand.rpo)} is asked for"
                for each in by_demand(case.store, case.demand.copies, case.demand.rpo, why, now):
                    asked[(each.destination, each.vault)] = each
            for each in by_plans(case.store, case.points, backup.plans, self.copy_grace, now):
                before = asked.get((each.destination, each.vault))
                asked[(each.destination, each.vault)] = max(before or each, each, key=lambda one: one.since)
            for each in asked.values():
                yield _copy(case, each, lookout)


def _keep_wishes(place: AwsPlace, cases: Iterable[_Case], *, whole: bool) -> None:
    kept = {case.store.arn: dict(case.wish.kept) for case in cases if case.wish.kept}
    before = {} if whole else place.recall(_KEPT) or {}
    place.keep(_KEPT, {**before, **kept})


def _tagged(place: AwsPlace, stores: Iterable[DataStore]) -> tuple[list[DataStore], AwsError | None]:
    """The stores with the tags that their own service does not list, and the error that kept them from it."""
    sorts = sorted({_UNTAGGED[store.kind] for store in stores if store.kind in _UNTAGGED})
    if not sorts:
        return list(stores), None
    try:
        answer = place.shared(
            "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", ResourceTypeFilters=sorts
        )
    except AwsError as error:
        return list(stores), error
    known = {str(each.get("ResourceARN", "")): tags(each.get("Tags")) for each in answer}
    return [replace(s, tags=known.get(s.arn, {})) if s.kind in _UNTAGGED else s for s in stores], None


def _listed(place: AwsPlace, name: str, count: int) -> Reading:
    return Reading(
        f"{place.key}/{name}", Outcome.HEALTHY, "looked", f"{count} found", values={"data_stores": float(count)}
    )


def _read_snapshots(place: AwsPlace, cases: Sequence[_Case]) -> None:
    """Read the services' own snapshots, for those data stores only that nothing else has shown to be saved."""
    now = place.now()
    open_ = [case for case in cases if case.judged(now).word in (*_TROUBLE, Word.NOT_READ, Word.NEW)]
    for read, kinds in READERS:
        mine = {case.store.arn: case for case in open_ if case.store.kind in kinds}
        if not mine:
            continue
        try:
            for arn, point in read(place, [case.store for case in mine.values()]):
                mine[arn].points.append(point)
        except AwsError as error:
            for case in mine.values():
                case.doubts.append(error)


def _recovery(case: _Case, judged: Judgement) -> Reading:
    store = case.store
    if judged.word is Word.NOT_READ:
        return _not_read(store.arn, judged, case.errors, "how new its newest recovery point is")
    findings: tuple[Finding, ...] = ()
    if judged.word in _TROUBLE:
        address = str(case.owner) if case.owner is not None and case.owner.managed else ""
        expired = [f"{rule.resource} ({rule.reason})" for rule in case.expired]
        remedy = remedies.save_now(store, address)
        findings = (
            Finding(
                Kind.BACKUP_FAILURE, "recovery_point", f"{store.kind.value} {store.name}: {judged.reason}",
                cause=f"backup:{judged.word.value}:{store.kind.value}",
                remedy=remedy if judged.word is Word.NEVER else f"{remedies.look(store)}\n{remedy}",
                addresses=(store.arn,), owner=case.owner,
                evidence={"kind": store.kind.value, "asked_by": case.demand.why}
                | ({"expired_exemptions": expired} if expired else {}),
            ),
        )  # fmt: skip
    return Reading(
        store.arn, judged.outcome, judged.word.value, judged.reason, findings, _values(case, judged),
        {"kind": store.kind.value},
    )  # fmt: skip


def _not_read(resource: str, judged: Judgement, errors: Sequence[AwsError], what: str) -> Reading:
    """UNKNOWN, with no value: the last ones stay, with their age."""
    blind = could_not_look(resource, errors[0], what)
    return replace(blind, verdict=judged.word.value, summary=judged.reason)


def _values(case: _Case, judged: Judgement) -> Mapping[str, float]:
    """What is known of the newest point. Of what could not be read, nothing: the last values stay, with their age."""
    if judged.outcome not in (Outcome.HEALTHY, Outcome.UNHEALTHY):
        return {}
    values = {"data_stores_unprotected": float(judged.word in _TROUBLE)}
    if judged.newest is not None:
        values["last_recovery_timestamp_seconds"] = judged.newest.at.timestamp()
        if case.demand.rpo is not None and not case.store.idle:
            values["recovery_due_timestamp_seconds"] = (judged.newest.at + case.demand.rpo).timestamp()
    return values


def _protection(case: _Case) -> Reading:
    store = case.store
    resource = f"{store.arn}#deletion_protection"
    if store.protection_unread is not None:
        return could_not_look(resource, store.protection_unread, "whether deletion protection is on")
    if store.deletion_protection:
        word = "deletion_protection_on"
        return Reading(
            resource, Outcome.HEALTHY, word, "deletion protection is on", values={"deletion_protection_off": 0.0}
        )
    summary = f"{store.kind.value} {store.name}: deletion protection is off in {PRODUCTION}"
    finding = Finding(
        Kind.BACKUP_FAILURE, "deletion_protection", summary, cause=f"deletion_protection:{store.kind.value}",
        remedy=remedies.protect(store), addresses=(store.arn,), owner=case.owner,
    )  # fmt: skip
    return Reading(
        resource, Outcome.UNHEALTHY, "deletion_protection_off", summary, (finding,), {"deletion_protection_off": 1.0}
    )


def _copy(case: _Case, asked: Asked, lookout: Lookout) -> Reading:
    store = case.store
    found, errors = lookout.find(asked)
    judged = judge_copy(store, asked.destination, found, asked.since, asked.why, [str(error) for error in errors])
    there = [copy.at for copy in found if asked.destination.has(copy, store.account) and copy.at is not None]
    resource = f"{store.arn}#copy:{asked.vault or asked.destination.words}"
    if judged.word is Word.NOT_READ:
        return _not_read(resource, judged, errors, f"how new the copy in {asked.destination.words} is")
    values = {"last_copy_timestamp_seconds": max(there).timestamp()} if there else {}
    values["copies_missing"] = float(judged.word in _TROUBLE)
    findings: tuple[Finding, ...] = ()
    if judged.word in _TROUBLE:
        findings = (
            Finding(
                Kind.BACKUP_FAILURE, "copy", f"{store.kind.value} {store.name}: {judged.reason}",
                cause=f"backup_copy:{asked.destination.words}", remedy=remedies.copy_jobs(store),
                addresses=(store.arn,), owner=case.owner,
            ),
        )  # fmt: skip
    return Reading(
        resource, judged.outcome, judged.word.value, judged.reason, findings, values,
        {"kind": store.kind.value},
    )  # fmt: skip
