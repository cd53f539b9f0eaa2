"""Copies of data stores in other regions and accounts: what AWS Backup's vaults there hold, and what services copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checks.aws import Arn, AwsError, AwsPlace, setting, unsaid
from checks.recovery.model import Copy, DataStore, Destination, Point, StoreKind
from checks.recovery.plans import Plan, Vault
from checks.recovery.services import AwsBackup
from checks.recovery.stores import all_buckets, gone
from checks.recovery.vaults import held, vaults


@dataclass(frozen=True, slots=True)
class Asked:
    """A copy of one data store that is asked for: where, how new it has to be, and who asks."""

    store: DataStore
    destination: Destination
    since: datetime
    why: str
    vault: str = ""  # ARN of the very vault; empty: any


def by_demand(
    store: DataStore, destinations: Sequence[Destination], rpo: timedelta, why: str, now: datetime
) -> Iterator[Asked]:
    """Copies that the configuration or Atmos' settings ask for: as new as the RPO asks."""
    for each in destinations:
        yield Asked(store, each, now - rpo, why)


def by_plans(
    store: DataStore, points: Sequence[Point], plans: Sequence[Plan], grace: timedelta, now: datetime
) -> Iterator[Asked]:
    """Copies that the rules ask for which made the store's points: of each, the newest that had *grace* to be copied.

    So a monthly rule with a copy asks for a monthly one, whatever the RPO of the daily ones.
    """
    for plan in plans:
        for rule in plan.rules:
            made = [point.at for point in points if point.rule == rule.id and rule.id and point.at <= now - grace]
            if not made:
                continue
            for vault, _ in rule.copies:
                arn = Arn.parse(vault)
                if arn is not None and (arn.region, arn.account) != (store.region, store.account):
                    account = "" if arn.account == store.account else arn.account
                    why = f"rule {rule.name} of plan {plan.name} copies there"
                    yield Asked(store, Destination(arn.region, account), max(made), why, vault)


@dataclass
class Lookout:
    """Finds copies, each list asked for once."""

    place: AwsPlace
    backup: AwsBackup
    _held: dict[str, tuple[Mapping[str, datetime], AwsError | None]] = field(default_factory=dict)
    _native: dict[tuple[str, str], Mapping[str, datetime]] = field(default_factory=dict)

    def find(self, asked: Asked) -> tuple[list[Copy], list[AwsError]]:
        """Give the copies that were seen, newest proof first, and why some could not be."""
        found, doubts = list(asked.store.copies), list[AwsError]()
        if not asked.destination.account:
            self._in_vaults(asked, found, doubts)
        else:
            self._by_jobs(asked, found, doubts)
        if asked.vault or any(_fresh(asked, copy) for copy in found):
            return found, doubts
        if asked.store.kind is StoreKind.S3:
            self._replicated(asked, found, doubts)
        elif not asked.destination.account:
            self._native_copies(asked, found, doubts)
        return found, doubts

    def _in_vaults(self, asked: Asked, found: list[Copy], doubts: list[AwsError]) -> None:
        region = asked.destination.region
        try:
            there = [v for v in vaults(self.place, region) if not asked.vault or v.arn == asked.vault]
        except AwsError as error:
            doubts.append(error)
            return
        for vault in there:
            newest, doubt = self._newest(vault, region)
            if doubt is not None:
                doubts.append(doubt)
            at = next((newest[name] for name in (asked.store.arn, *asked.store.also) if name in newest), None)
            if at is not None:
                found.append(Copy(region, self.place.account, at, f"AWS Backup vault {vault.name}"))

    def _newest(self, vault: Vault, region: str) -> tuple[Mapping[str, datetime], AwsError | None]:
        if vault.arn not in self._held:
            newest: dict[str, datetime] = {}
            doubt: AwsError | None = None
            try:
                for each in held(self.place, vault, region):
                    point = each.point(self.place.now())
                    if point is not None and not point.partial:
                        newest[each.resource] = max(point.at, newest.get(each.resource, point.at))
            except AwsError as error:
                doubt = error
            self._held[vault.arn] = (newest, doubt)
        return self._held[vault.arn]

    def _by_jobs(self, asked: Asked, found: list[Copy], doubts: list[AwsError]) -> None:
        """Another account's vault is not ours to read: a finished copy job is the proof."""
        self.backup.read_copies()
        if self.backup.copies_error is not None:
            doubts.append(self.backup.copies_error)
        for job in self.backup.copies:
            arn = Arn.parse(job.copy_to)
            mine = job.resource in (asked.store.arn, *asked.store.also)
            if arn is not None and mine and job.whole and (not asked.vault or job.copy_to == asked.vault):
                found.append(Copy(arn.region, arn.account, job.created, f"copy job to vault {arn.name}"))

    def _replicated(self, asked: Asked, found: list[Copy], doubts: list[AwsError]) -> None:
        """S3 replicates what is written from now on, so that the copy is as new as the bucket."""
        try:
            answer = setting(self.place, "s3", "get_bucket_replication", Bucket=asked.store.name) or {}
            regions = {str(each["Name"]): str(each.get("BucketRegion", "")) for each in all_buckets(self.place)}
        except AwsError as error:
            doubts.append(error)
            return
        for rule in (answer.get("ReplicationConfiguration") or {}).get("Rules") or ():
            to = rule.get("Destination") or {}
            name = str(to.get("Bucket", "")).rpartition(":")[2]
            account = str(to.get("Account") or self.place.account)
            if rule.get("Status") != "Enabled" or account != (asked.destination.account or self.place.account):
                continue
            if asked.destination.region and not regions.get(name):
                what = f"the region of bucket {name}, which it is replicated to, is not known"
                doubts.append(unsaid(self.place, "s3", "list_buckets", what))
                continue
            found.append(Copy(regions.get(name, ""), account, self.place.now(), f"replication to bucket {name}"))

    def _native_copies(self, asked: Asked, found: list[Copy], doubts: list[AwsError]) -> None:
        region = asked.destination.region
        for by, read in _NATIVE.get(asked.store.kind, ()):
            key = (read.__name__, region)
            try:
                if key not in self._native:
                    self._native[key] = read(self.place, region)
            except AwsError as error:
                if not gone(error):
                    doubts.append(error)
                continue
            names = (asked.store.arn, *asked.store.also, asked.store.name)
            at = max((self._native[key][name] for name in names if name in self._native[key]), default=None)
            if at is not None:
                found.append(Copy(region, self.place.account, at, by))


def _fresh(asked: Asked, copy: Copy) -> bool:
    return asked.destination.has(copy, asked.store.account) and copy.at is not None and copy.at >= asked.since


Native = Callable[[AwsPlace, str], Mapping[str, datetime]]


def replicated_backups(place: AwsPlace, region: str) -> Mapping[str, datetime]:
    """RDS' automated backups replicated to *region*: by the instance's ARN, the newest time that can be restored."""
    newest: dict[str, datetime] = {}
    for each in place.shared(
        "rds", "describe_db_instance_automated_backups", "DBInstanceAutomatedBackups", region=region
    ):
        arn, at = str(each.get("DBInstanceArn", "")), (each.get("RestoreWindow") or {}).get("LatestTime")
        if at is not None and each.get("Status") == "replicating":
            newest[arn] = max(at, newest.get(arn, at))
    return newest


def copied_snapshots(place: AwsPlace, region: str) -> Mapping[str, datetime]:
    """RDS snapshots in *region* that were copied from this one: by the instance's id, and by its name."""
    newest: dict[str, datetime] = {}
    for each in place.shared("rds", "describe_db_snapshots", "DBSnapshots", region=region):
        at = each.get("OriginalSnapshotCreateTime") or each.get("SnapshotCreateTime")
        if at is not None and each.get("SourceRegion") == place.region and each.get("Status") == "available":
            for name in filter(None, (each.get("DbiResourceId"), each.get("DBInstanceIdentifier"))):
                newest[name] = max(at, newest.get(name, at))
    return newest


def copied_cluster_snapshots(place: AwsPlace, region: str) -> Mapping[str, datetime]:
    """Snapshots of clusters in *region* that were copied from this one: by the cluster's name."""
    newest: dict[str, datetime] = {}
    for each in place.shared("rds", "describe_db_cluster_snapshots", "DBClusterSnapshots", region=region):
        source = Arn.parse(str(each.get("SourceDBClusterSnapshotArn") or ""))
        at = each.get("SnapshotCreateTime")
        if (
            at is not None
            and source is not None
            and source.region == place.region
            and each.get("Status") == "available"
        ):
            name = str(each.get("DBClusterIdentifier", ""))
            newest[name] = max(at, newest.get(name, at))
    return newest


def copied_warehouse_snapshots(place: AwsPlace, region: str) -> Mapping[str, datetime]:
    """Redshift snapshots in *region* that were copied from this one: by the cluster's name."""
    newest: dict[str, datetime] = {}
    for each in place.shared("redshift", "describe_cluster_snapshots", "Snapshots", region=region):
        at, name = each.get("SnapshotCreateTime"), str(each.get("ClusterIdentifier", ""))
        if at is not None and each.get("SourceRegion") == place.region and each.get("Status") == "available":
            newest[name] = max(at, newest.get(name, at))
    return newest


def replicated_files(place: AwsPlace, region: str) -> Mapping[str, datetime]:
    """EFS replications into *region*: by the file system's id, up to when what it held is there."""
    newest: dict[str, datetime] = {}
    for each in place.shared("efs", "describe_replication_configurations", "Replications"):
        for there in each.get("Destinations") or ():
            at = there.get("LastReplicatedTimestamp")
            if at is not None and there.get("Region") == region and there.get("Status") == "ENABLED":
                newest[str(each["SourceFileSystemId"])] = at
    return newest


_SNAPSHOTS = ("a copied snapshot", copied_cluster_snapshots)
_NATIVE: Mapping[StoreKind, tuple[tuple[str, Native], ...]] = {
    StoreKind.RDS: (
        ("replicated automated backups", replicated_backups),
        ("a copied snapshot", copied_snapshots),
        _SNAPSHOTS,
    ),
    StoreKind.AURORA: (_SNAPSHOTS,),
    StoreKind.DOCUMENTDB: (_SNAPSHOTS,),
    StoreKind.NEPTUNE: (_SNAPSHOTS,),
    StoreKind.REDSHIFT: (("a copied snapshot", copied_warehouse_snapshots),),
    StoreKind.EFS: (("EFS replication", replicated_files),),
}
