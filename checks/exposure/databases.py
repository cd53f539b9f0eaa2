"""One region of an account: databases, caches, file systems and search domains, and public database snapshots."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks.aws import AwsPlace, arn_at, guarded, looked
from checks.base import Fact, Outcome, Reading
from checks.exposure import listeners, stores
from checks.exposure.model import Weakness
from checks.exposure.policies import everybody, narrowed, statements
from checks.exposure.told import Teller, unreadable

Found = Mapping[str, Any]  # one thing, as AWS lists it
_SEARCH_AT_ONCE = 5  # domains that DescribeDomains takes
_REDSHIFT = stores.TlsSwitch("require_ssl", frozenset({"true", "1", "on"}))


@dataclass(frozen=True)
class DatabaseLook:
    """One look at the data stores of a region. Each part that AWS refuses is an UNKNOWN reading."""

    place: AwsPlace
    teller: Teller

    def readings(self) -> Iterator[Reading]:
        """Every data store."""
        parts: tuple[tuple[str, str, Callable[[], Iterable[Reading]], bool], ...] = (
            ("databases", "which databases there are", self._instances, False),
            ("database-clusters", "which database clusters there are", self._clusters, False),
            ("database-snapshots", "which database snapshots are public", self._snapshots, False),
            ("cluster-snapshots", "which cluster snapshots are public", self._cluster_snapshots, False),
            ("replication-groups", "which replication groups there are", self._replication_groups, True),
            ("caches", "which cache clusters there are", self._caches, True),
            ("file-systems", "which file systems there are", self._file_systems, True),
            ("warehouses", "which Redshift clusters there are", self._warehouses, True),
            ("workgroups", "which Redshift workgroups there are", self._workgroups, True),
            ("search-domains", "which search domains there are", self._search, True),
        )
        for name, what, look, optional in parts:
            yield from guarded(f"{self.place.key}/{name}", what, look, optional=optional)

    # -- RDS, Aurora, DocumentDB, Neptune -----------------------------------------------------------------------------

    def _instances(self) -> Iterator[Reading]:
        found = self.place.shared("rds", "describe_db_instances", "DBInstances")
        yield looked(self.place, "databases", len(found))
        for each in found:
            name, what = str(each["DBInstanceIdentifier"]), f"database {each['DBInstanceIdentifier']}"
            arn = str(each.get("DBInstanceArn") or "") or arn_at(self.place, "rds", f"db:{name}")
            look = self._command("rds describe-db-instances --db-instance-identifier", name)
            wrong = stores.public_address(what, each.get("PubliclyAccessible"), look)
            if not each.get("DBClusterIdentifier"):  # else the cluster holds the data and the switches
                wrong += stores.unencrypted(what, each.get("StorageEncrypted"), look, "storage_encrypted = true")
            ids = (name, str(each.get("DbiResourceId") or ""))
            yield self.teller.judged(arn, wrong, f"{what} is closed", *ids)
            if not each.get("DBClusterIdentifier"):
                group: Found = next(iter(each.get("DBParameterGroups") or ()), {})
                parameters = ("describe_db_parameters", "DBParameterGroupName", group.get("DBParameterGroupName"))
                in_sync = group.get("ParameterApplyStatus") == "in-sync"
                question = f"whether {what} forces TLS"
                yield from guarded(
                    f"{arn}#tls", question, self._tls, arn, ids, what, str(each.get("Engine")), parameters, in_sync
                )

    def _clusters(self) -> Iterator[Reading]:
        found = self.place.shared("rds", "describe_db_clusters", "DBClusters")
        yield looked(self.place, "database-clusters", len(found))
        for each in found:
            name, what = str(each["DBClusterIdentifier"]), f"database cluster {each['DBClusterIdentifier']}"
            arn = str(each.get("DBClusterArn") or "") or arn_at(self.place, "rds", f"cluster:{name}")
            look = self._command("rds describe-db-clusters --db-cluster-identifier", name)
            wrong = stores.unencrypted(what, each.get("StorageEncrypted"), look, "storage_encrypted = true")
            wrong += stores.public_address(what, each.get("PubliclyAccessible"), look)
            ids = (name, str(each.get("DbClusterResourceId") or ""))
            yield self.teller.judged(arn, wrong, f"{what} is closed", *ids)
            parameters = (
                "describe_db_cluster_parameters", "DBClusterParameterGroupName", each.get("DBClusterParameterGroup"),
            )  # fmt: skip
            members = each.get("DBClusterMembers") or ()
            in_sync = all(one.get("DBClusterParameterGroupStatus") == "in-sync" for one in members)
            question = f"whether {what} forces TLS"
            yield from guarded(
                f"{arn}#tls", question, self._tls, arn, ids, what, str(each.get("Engine")), parameters, in_sync
            )

    def _tls(
        self,
        arn: str,
        ids: tuple[str, ...],
        what: str,
        engine: str,
        group: tuple[str, str, object],
        in_sync: bool,
    ) -> Iterator[Reading]:
        operation, parameter, name = group
        switch = stores.tls_switch(engine)
        if switch is None:
            yield self._no_switch(arn, ids, f"{what}: {engine} has no parameter that forces TLS")
            return
        if not name:
            yield unreadable(f"{arn}#tls", f"whether {what} forces TLS: AWS names no parameter group")
            return
        filters = [{"Name": "parameter-name", "Values": [switch.parameter]}]
        asked: dict[str, Any] = {parameter: name, "Filters": filters}
        found = self.place.shared("rds", operation, "Parameters", **asked)
        state = stores.forced(switch, found, in_sync=in_sync)
        if state is None and engine == "neptune":
            yield self._no_switch(arn, ids, f"{what}: this version of Neptune speaks TLS only")
            return
        verb = "describe-db-parameters --db-parameter-group-name"
        if "cluster" in operation:
            verb = "describe-db-cluster-parameters --db-cluster-parameter-group-name"
        wrong = stores.plain(what, switch.parameter, state or stores.Forced.NO, self._command(f"rds {verb}", str(name)))
        yield self.teller.judged(arn, wrong, f"{what} forces TLS", *ids, aspect="tls")

    def _no_switch(self, arn: str, ids: tuple[str, ...], summary: str) -> Reading:
        return self.teller.judged(
            arn, (), summary, *ids, aspect="tls", verdict="no_switch", outcome=Outcome.NOT_APPLICABLE
        )

    def _snapshots(self) -> Iterator[Reading]:
        found = [
            each for each in self.place.shared("rds", "describe_db_snapshots", "DBSnapshots")
            # Others cannot be shared with everybody: those that RDS made itself, and those that are encrypted.
            if each.get("SnapshotType") == "manual" and each.get("Encrypted") is not True
        ]  # fmt: skip
        yield looked(self.place, "database-snapshots", len(found))
        for each in found:
            name = str(each["DBSnapshotIdentifier"])
            arn = str(each.get("DBSnapshotArn") or "") or arn_at(self.place, "rds", f"snapshot:{name}")
            question = f"whether database snapshot {name} is public"
            yield from guarded(arn, question, self._snapshot, arn, name, "", listed=True)

    def _cluster_snapshots(self) -> Iterator[Reading]:
        found = [
            each for each in self.place.shared("rds", "describe_db_cluster_snapshots", "DBClusterSnapshots")
            if each.get("SnapshotType") == "manual" and each.get("StorageEncrypted") is not True
        ]  # fmt: skip
        yield looked(self.place, "cluster-snapshots", len(found))
        for each in found:
            name = str(each["DBClusterSnapshotIdentifier"])
            arn = str(each.get("DBClusterSnapshotArn") or "") or arn_at(self.place, "rds", f"cluster-snapshot:{name}")
            question = f"whether cluster snapshot {name} is public"
            yield from guarded(arn, question, self._snapshot, arn, name, "cluster", listed=True)

    def _snapshot(self, arn: str, name: str, cluster: str) -> Iterator[Reading]:
        if cluster:
            answer = self.place.call(
                "rds", "describe_db_cluster_snapshot_attributes", DBClusterSnapshotIdentifier=name
            ).get("DBClusterSnapshotAttributesResult")  # fmt: skip
            attributes = (answer or {}).get("DBClusterSnapshotAttributes")
            what, verb = f"cluster snapshot {name}", "cluster-snapshot"
        else:
            answer = self.place.call("rds", "describe_db_snapshot_attributes", DBSnapshotIdentifier=name).get(
                "DBSnapshotAttributesResult"
            )
            attributes = (answer or {}).get("DBSnapshotAttributes")
            what, verb = f"database snapshot {name}", "snapshot"
        if attributes is None:
            yield unreadable(arn, f"whether {what} is public: AWS gave no attributes")
            return
        look = self._command(f"rds describe-db-{verb}-attributes --db-{verb}-identifier", name)
        wrong = stores.snapshot(what, look, "make it private, or restore and encrypt it")
        public = stores.shared_with_all(attributes)
        yield self.teller.judged(arn, [wrong] if public else [], f"{what} is not public", name)

    # -- ElastiCache, EFS ---------------------------------------------------------------------------------------------

    def _replication_groups(self) -> Iterator[Reading]:
        found = self.place.shared("elasticache", "describe_replication_groups", "ReplicationGroups")
        yield looked(self.place, "replication-groups", len(found))
        for each in found:
            name = str(each["ReplicationGroupId"])
            arn = str(each.get("ARN") or "") or arn_at(self.place, "elasticache", f"replicationgroup:{name}")
            look = self._command("elasticache describe-replication-groups --replication-group-id", name)
            yield self._cache(arn, f"cache {name}", name, each, look)

    def _caches(self) -> Iterator[Reading]:
        alone = [
            each for each in self.place.shared("elasticache", "describe_cache_clusters", "CacheClusters")
            if not each.get("ReplicationGroupId")
        ]  # fmt: skip
        yield looked(self.place, "caches", len(alone))
        for each in alone:
            name = str(each["CacheClusterId"])
            arn = str(each.get("ARN") or "") or arn_at(self.place, "elasticache", f"cluster:{name}")
            look = self._command("elasticache describe-cache-clusters --cache-cluster-id", name)
            yield self._cache(arn, f"cache {name}", name, each, look)

    def _cache(self, arn: str, what: str, name: str, cache: Found, look: str) -> Reading:
        wrong = stores.cache_transport(what, cache, look)
        if cache.get("Engine") != "memcached":  # which writes nothing to a disk
            wrong += stores.unencrypted(
                what, cache.get("AtRestEncryptionEnabled"), look, "at_rest_encryption_enabled = true"
            )
        return self.teller.judged(arn, wrong, f"{what} is encrypted, at rest and in transit", name)

    def _file_systems(self) -> Iterator[Reading]:
        found = self.place.shared("efs", "describe_file_systems", "FileSystems")
        yield looked(self.place, "file-systems", len(found))
        for each in found:
            name = str(each["FileSystemId"])
            arn = str(each.get("FileSystemArn") or "") or arn_at(self.place, "elasticfilesystem", f"file-system/{name}")
            look = self._command("efs describe-file-systems --file-system-id", name)
            wrong = stores.unencrypted(f"file system {name}", each.get("Encrypted"), look, "encrypted = true")
            yield self.teller.judged(arn, wrong, f"file system {name} is encrypted", name)

    # -- Redshift -----------------------------------------------------------------------------------------------------

    def _warehouses(self) -> Iterator[Reading]:
        found = self.place.shared("redshift", "describe_clusters", "Clusters")
        yield looked(self.place, "warehouses", len(found))
        for each in found:
            name, what = str(each["ClusterIdentifier"]), f"Redshift cluster {each['ClusterIdentifier']}"
            arn = arn_at(self.place, "redshift", f"cluster:{name}")
            look = self._command("redshift describe-clusters --cluster-identifier", name)
            wrong = stores.public_address(what, each.get("PubliclyAccessible"), look)
            wrong += stores.unencrypted(what, each.get("Encrypted"), look, "encrypted = true")
            yield self.teller.judged(arn, wrong, f"{what} is closed", name)
            yield from guarded(f"{arn}#tls", f"whether {what} forces TLS", self._warehouse_tls, arn, name, what, each)

    def _warehouse_tls(self, arn: str, name: str, what: str, cluster: Found) -> Iterator[Reading]:
        group: Found = next(iter(cluster.get("ClusterParameterGroups") or ()), {})
        parameters = group.get("ParameterGroupName")
        if not parameters:
            yield unreadable(f"{arn}#tls", f"whether {what} forces TLS: AWS names no parameter group")
            return
        found = self.place.shared(
            "redshift", "describe_cluster_parameters", "Parameters", ParameterGroupName=parameters
        )
        state = stores.forced(_REDSHIFT, found, in_sync=group.get("ParameterApplyStatus") == "in-sync")
        look = self._command("redshift describe-cluster-parameters --parameter-group-name", str(parameters))
        wrong = stores.plain(what, _REDSHIFT.parameter, state or stores.Forced.NO, look)
        yield self.teller.judged(arn, wrong, f"{what} forces TLS", name, aspect="tls")

    def _workgroups(self) -> Iterator[Reading]:
        found = list(self.place.pages("redshift-serverless", "list_workgroups", "workgroups"))
        yield looked(self.place, "workgroups", len(found))
        for each in found:
            name, what = str(each["workgroupName"]), f"Redshift workgroup {each['workgroupName']}"
            arn = str(each["workgroupArn"])
            look = self._command("redshift-serverless get-workgroup --workgroup-name", name)
            wrong = stores.public_address(what, each.get("publiclyAccessible"), look)
            held = [
                {"ParameterName": one.get("parameterKey"), "ParameterValue": one.get("parameterValue")}
                for one in each.get("configParameters") or ()
            ]
            state = stores.forced(_REDSHIFT, held, in_sync=True) or stores.Forced.NO
            wrong += stores.plain(what, _REDSHIFT.parameter, state, look)
            yield self.teller.judged(arn, wrong, f"{what} is closed", name, str(each.get("workgroupId") or ""))

    # -- OpenSearch ---------------------------------------------------------------------------------------------------

    def _search(self) -> Iterator[Reading]:
        answer = self.place.call("opensearch", "list_domain_names")
        names = sorted(str(each["DomainName"]) for each in answer.get("DomainNames") or ())
        yield looked(self.place, "search-domains", len(names))
        for start in range(0, len(names), _SEARCH_AT_ONCE):
            some = names[start : start + _SEARCH_AT_ONCE]
            arns = [arn_at(self.place, "es", f"domain/{name}") for name in some]
            found = self.place.call("opensearch", "describe_domains", DomainNames=some)
            by_name = {str(each["DomainName"]): each for each in found.get("DomainStatusList") or ()}
            for name, arn in zip(some, arns, strict=True):
                if name not in by_name:
                    yield unreadable(arn, f"how search domain {name} is set up: AWS left it out of its answer")
                elif not by_name[name].get("Deleted"):
                    yield self._domain(arn, name, by_name[name])

    def _domain(self, arn: str, name: str, domain: Found) -> Reading:
        look, what = self._command("opensearch describe-domain --domain-name", name), f"search domain {name}"
        try:
            open_to_all = any(
                each.get("Effect") == "Allow" and everybody(each) and not narrowed(each)
                for each in statements(domain["AccessPolicies"])
            ) if domain.get("AccessPolicies") else False  # fmt: skip
        except ValueError as error:
            return unreadable(arn, f"whom {what} answers: {error}")
        inside = bool((domain.get("VPCOptions") or {}).get("VPCId"))
        signs_in = bool((domain.get("AdvancedSecurityOptions") or {}).get("Enabled"))
        wrong = []
        if open_to_all and not inside and not signs_in:
            wrong.append(
                Weakness(
                    "search_public", f"{what} answers everybody", look=look,
                    change="name who may ask in its access policy, or move it into a VPC",
                    facts=frozenset({Fact.PUBLIC_DATA}),
                )
            )  # fmt: skip
        encrypted = (domain.get("EncryptionAtRestOptions") or {}).get("Enabled")
        wrong += stores.unencrypted(what, encrypted, look, "encrypt_at_rest { enabled = true }")
        wrong += listeners.search_domain(domain, look)
        return self.teller.judged(arn, wrong, f"{what} is closed", name, str(domain.get("DomainId") or ""))

    def _command(self, words: str, name: str) -> str:
        return f"aws {words} {shlex.quote(name)} --region {self.place.region}"
