"""Gathers the resources of a region, each with what rules ask of it, from lists that other checks ask for too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from checks.aws import AwsError, AwsPlace, ErrorClass, arn_at, could_not_look, looked, owner_of, tags
from checks.base import Json, Reading
from checks.comply.model import Resource

Found = Mapping[str, Any]  # one thing, as AWS lists it
UNSAID = object()  # a fact of which AWS says nothing, though the kind has it
_SPACES = {"docdb": "AWS/DocDB", "neptune": "AWS/Neptune"}  # CloudWatch's namespace, by engine
_SCHEMA = re.compile(r"\b(?:FROM\s+SCHEMA\(\s*|FROM\s+)\"?(AWS/[A-Za-z0-9]+)\"?", re.IGNORECASE)


Dimensions = frozenset[str]  # the values of a metric's dimensions


@dataclass(frozen=True, slots=True)
class Alarms:
    """What the CloudWatch alarms of a region are about: metrics with dimensions, or whole namespaces by a query."""

    metrics: Mapping[str, frozenset[Dimensions]] = field(default_factory=dict)  # by namespace
    namespaces: frozenset[str] = frozenset()

    def about(self, namespace: str, *things: str | tuple[str, ...]) -> bool:
        """Whether an alarm is about one of *things*, or about all of the namespace.

        A thing is named by the value of a dimension, or by several that it takes together: a cluster and a service.
        """
        wanted = [frozenset((each,) if isinstance(each, str) else each) for each in things]
        known = self.metrics.get(namespace, frozenset())
        return namespace in self.namespaces or any(each <= values for each in wanted for values in known)


def alarms_of(listed: Sequence[Found]) -> Alarms:
    """Read metric alarms: a metric, an expression over metrics, or a query over a namespace.

    One whose actions are switched off tells nobody, and counts for nothing.
    """
    metrics: dict[str, set[Dimensions]] = {}
    spaces: set[str] = set()
    for alarm in listed:
        if alarm.get("ActionsEnabled") is False:
            continue
        parts = [alarm, *((one.get("MetricStat") or {}).get("Metric") or {} for one in alarm.get("Metrics") or ())]
        for metric in parts:
            values = frozenset(str(one.get("Value")) for one in metric.get("Dimensions") or ())
            if values:
                metrics.setdefault(str(metric.get("Namespace")), set()).add(values)
        for one in alarm.get("Metrics") or ():
            spaces.update(_SCHEMA.findall(str(one.get("Expression") or "")))
    return Alarms({name: frozenset(found) for name, found in metrics.items()}, frozenset(spaces))


@dataclass
class Gatherer:
    """Gathers at one place. A list that AWS refuses is a hole: nobody knows what it would have named."""

    place: AwsPlace
    holes: list[str] = field(default_factory=list)  # why something may be missing, for people
    trouble: list[Reading] = field(default_factory=list)  # readings that say so
    _tagged: Mapping[str, Mapping[str, str]] | str | None = None  # a text: why there are none
    _alarms: Alarms | str | None = None

    # -- what all kinds need ------------------------------------------------------------------------------------

    def listed(self, what: str, look: Callable[[], Iterator[Resource]]) -> list[Resource]:
        """The resources that *look* gives; where AWS refuses, a hole. A service that is not there has none."""
        found: list[Resource] = []
        try:
            found.extend(look())
        except AwsError as error:
            if error.error_class is not ErrorClass.NOT_ENABLED:
                self.hole(f"{self.place.key}/{what}", error, f"which {what.replace('-', ' ')} there are")
                return found
        self.trouble.append(looked(self.place, what, len(found)))
        return found

    def hole(self, resource: str, error: AwsError, what: str) -> None:
        """Note that something could not be read."""
        self.holes.append(f"{what}: {error}")
        self.trouble.append(could_not_look(resource, error, what))

    def made(
        self,
        arn: str,
        kind: str,
        name: str,
        facts: Mapping[str, Json],
        *,
        ids: tuple[str, ...] = (),
        tagged: Any = None,
        unread: Mapping[str, str] | None = None,
    ) -> Resource:
        """A resource with its owner, stage and tags. *tagged*: its tags as listed; None: they are asked for by ARN."""
        owner = owner_of(self.place, arn, *ids)  # never by the name: another service's thing may have the same
        stage = (owner.stage if owner else "") or self.place.labels.get("stage", "")
        missing = {**(unread or {}), **{fact: "AWS does not say" for fact, value in facts.items() if value is UNSAID}}
        known = {fact: value for fact, value in facts.items() if value is not UNSAID}
        if tagged is not None:
            known["tags"] = tags(tagged)
        elif isinstance(self._tags(), str):
            missing["tags"] = str(self._tags())
        else:
            known["tags"] = self._tags_of(arn)
        return Resource(arn, kind, name, owner, stage, known, missing)

    def _tags_of(self, arn: str) -> Mapping[str, str]:
        found = self._tags()
        return {} if isinstance(found, str) else found.get(arn, {})

    def _tags(self) -> Mapping[str, Mapping[str, str]] | str:
        """ARN -> tags. What is not in the answer has none: it names all that have any, or ever had."""
        if self._tagged is None:
            try:
                listed = self.place.shared("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList")
                self._tagged = {str(one["ResourceARN"]): tags(one.get("Tags")) for one in listed}
            except AwsError as error:
                self._tagged = str(error)
                self.trouble.append(could_not_look(f"{self.place.key}/tags", error, "which tags resources have"))
        return self._tagged

    def alarmed(self, namespace: str, *things: str | tuple[str, ...]) -> tuple[Mapping[str, Json], Mapping[str, str]]:
        """(facts, unread) for the rule of alarms."""
        if self._alarms is None:
            try:
                self._alarms = alarms_of(self.place.shared("cloudwatch", "describe_alarms", "MetricAlarms"))
            except AwsError as error:
                self._alarms = str(error)
                self.trouble.append(could_not_look(f"{self.place.key}/alarms", error, "which alarms there are"))
        if isinstance(self._alarms, str):
            return {}, {"alarmed": self._alarms}
        return {"alarmed": self._alarms.about(namespace, *things)}, {}

    def asked(
        self, resource: str, fact: str, what: str, ask: Callable[[], Json]
    ) -> tuple[Mapping[str, Json], Mapping[str, str]]:
        """(facts, unread) of one more question about a resource. None: there is no answer, as it is gone by now."""
        try:
            return {fact: ask()}, {}
        except AwsError as error:
            if error.error_class is not ErrorClass.RACE:
                self.trouble.append(could_not_look(f"{resource}/{fact}", error, what))
            return {}, {fact: str(error)}

    # -- EC2 ----------------------------------------------------------------------------------------------------

    def _ec2(self, kind: str, listed: Found, facts: Mapping[str, Json], ident: str, **more: Any) -> Resource:
        name = tags(listed.get("Tags")).get("Name", "")
        arn = arn_at(self.place, "ec2", f"{kind}/{ident}", account=str(listed.get("OwnerId") or self.place.account))
        return self.made(arn, f"ec2:{kind}", name, facts, ids=(ident,), tagged=listed.get("Tags") or [], **more)

    def instances(self) -> Iterator[Resource]:
        """EC2 instances that are not terminated."""
        for reservation in self.place.shared("ec2", "describe_instances", "Reservations"):
            for one in reservation.get("Instances") or ():
                state = str((one.get("State") or {}).get("Name"))
                if state in ("terminated", "shutting-down"):
                    continue
                launched = one.get("LaunchTime")
                facts = {
                    "running": state == "running",
                    "running_since": launched.isoformat() if launched is not None else UNSAID,
                    "spot": one.get("InstanceLifecycle") == "spot",
                }
                yield self._ec2("instance", {**one, "OwnerId": reservation.get("OwnerId")}, facts, one["InstanceId"])

    def volumes(self) -> Iterator[Resource]:
        """EBS volumes."""
        for one in self.place.shared("ec2", "describe_volumes", "Volumes"):
            yield self._ec2("volume", one, given(one, encrypted="Encrypted"), one["VolumeId"])

    def vpcs(self) -> Iterator[Resource]:
        """VPCs of the account itself, with their flow logs."""
        vpcs = [one for one in self.place.shared("ec2", "describe_vpcs", "Vpcs") if self._mine(one)]
        active: set[str] = set()
        refused: dict[str, str] = {}
        try:
            active = {
                str(one.get("ResourceId"))
                for one in (self.place.shared("ec2", "describe_flow_logs", "FlowLogs") if vpcs else ())
                if one.get("FlowLogStatus") == "ACTIVE"
            }
        except AwsError as error:
            refused = {"flow_logs": str(error)}
            self.trouble.append(could_not_look(f"{self.place.key}/flow-logs", error, "which flow logs there are"))
        for one in vpcs:
            facts = {} if refused else {"flow_logs": one["VpcId"] in active}
            yield self._ec2("vpc", one, facts, one["VpcId"], unread=refused)

    def networks(self) -> Iterator[Resource]:
        """Subnets, security groups and NAT gateways: for their tags and names."""
        for operation, key, kind, ident in (
            ("describe_subnets", "Subnets", "subnet", "SubnetId"),
            ("describe_security_groups", "SecurityGroups", "security-group", "GroupId"),
            ("describe_nat_gateways", "NatGateways", "natgateway", "NatGatewayId"),
        ):
            for one in self.place.shared("ec2", operation, key):
                if (
                    self._mine(one)
                    and one.get("State") not in ("deleted", "deleting")
                    and one.get("GroupName") != "default"
                ):
                    yield self._ec2(kind, one, {}, one[ident])

    def groups(self) -> Iterator[Resource]:
        """Auto Scaling groups."""
        for one in self.place.shared("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups"):
            name = str(one["AutoScalingGroupName"])
            facts = {"multi_az": len(set(one.get("AvailabilityZones") or ())) > 1}
            yield self.made(
                str(one["AutoScalingGroupARN"]), "autoscaling:autoScalingGroup", name, facts,
                tagged=one.get("Tags") or [],
            )  # fmt: skip

    def _mine(self, one: Found) -> bool:
        return str(one.get("OwnerId") or self.place.account) == self.place.account

    # -- data stores --------------------------------------------------------------------------------------------

    def databases(self) -> Iterator[Resource]:
        """RDS instances. One of a cluster is in a zone of its own: its cluster says whether it is alone."""
        for one in self.place.shared("rds", "describe_db_instances", "DBInstances"):
            name = str(one["DBInstanceIdentifier"])
            facts, unread = self.alarmed(
                _SPACES.get(str(one.get("Engine")), "AWS/RDS"), name, str(one.get("DBClusterIdentifier") or name)
            )
            known = given(one, encrypted="StorageEncrypted")
            if not one.get("DBClusterIdentifier"):
                known |= given(one, deletion_protection="DeletionProtection")
                if not one.get("ReadReplicaSourceDBInstanceIdentifier"):
                    known |= given(one, multi_az="MultiAZ")
                known["running"] = one.get("DBInstanceStatus") == "available"
            yield self.made(
                str(one["DBInstanceArn"]), "rds:db", name, {**known, **facts}, unread=unread,
                tagged=one.get("TagList"),
            )  # fmt: skip

    def clusters(self) -> Iterator[Resource]:
        """RDS and Aurora clusters."""
        for one in self.place.shared("rds", "describe_db_clusters", "DBClusters"):
            name = str(one["DBClusterIdentifier"])
            facts, unread = self.alarmed(
                _SPACES.get(str(one.get("Engine")), "AWS/RDS"), name,
                *(str(member.get("DBInstanceIdentifier")) for member in _members(one)),
            )  # fmt: skip
            known = given(one, encrypted="StorageEncrypted", deletion_protection="DeletionProtection")
            # Storage of Aurora is in three zones; it is a second instance that takes over.
            known["multi_az"] = bool(one.get("MultiAZ")) or len(_members(one)) > 1
            known["running"] = one.get("Status") == "available"
            yield self.made(
                str(one["DBClusterArn"]), "rds:cluster", name, {**known, **facts}, unread=unread,
                tagged=one.get("TagList"),
            )  # fmt: skip

    def caches(self) -> Iterator[Resource]:
        """ElastiCache replication groups."""
        for one in self.place.shared("elasticache", "describe_replication_groups", "ReplicationGroups"):
            name = str(one["ReplicationGroupId"])
            facts, unread = self.alarmed("AWS/ElastiCache", name, *map(str, one.get("MemberClusters") or ()))
            known = given(one, encrypted="AtRestEncryptionEnabled")
            if one.get("MultiAZ") is not None:
                known["multi_az"] = one["MultiAZ"] == "enabled"
            yield self.made(str(one["ARN"]), "elasticache:replicationgroup", name, {**known, **facts}, unread=unread)

    def tables(self) -> Iterator[Resource]:
        """DynamoDB tables. They are encrypted and in several zones always."""
        for name in self.place.shared("dynamodb", "list_tables", "TableNames"):
            arn = arn_at(self.place, "dynamodb", f"table/{name}")
            facts, unread = self.alarmed("AWS/DynamoDB", str(name))
            more, missing = self.asked(
                arn, "deletion_protection", "whether the table has deletion protection",
                partial(self._table_protected, str(name)),
            )  # fmt: skip
            yield self.made(arn, "dynamodb:table", str(name), {**facts, **more}, unread={**unread, **missing})

    def _table_protected(self, name: str) -> bool:
        found = self.place.call("dynamodb", "describe_table", TableName=name)["Table"]
        return bool(found.get("DeletionProtectionEnabled"))

    def file_systems(self) -> Iterator[Resource]:
        """EFS file systems."""
        for one in self.place.shared("efs", "describe_file_systems", "FileSystems"):
            known = given(one, encrypted="Encrypted")
            known["multi_az"] = not one.get("AvailabilityZoneName")
            arn = str(
                one.get("FileSystemArn")
                or arn_at(self.place, "elasticfilesystem", f"file-system/{one['FileSystemId']}")
            )
            yield self.made(
                arn, "elasticfilesystem:file-system", str(one.get("Name") or ""), known,
                ids=(str(one["FileSystemId"]),), tagged=one.get("Tags") or [],
            )  # fmt: skip


def _members(cluster: Found) -> list[Found]:
    return list(cluster.get("DBClusterMembers") or ())


def given(one: Found, **names: str) -> dict[str, Json]:
    """Facts that are there as switches, by the members that hold them. One that is left out is not known to be off."""
    return {fact: UNSAID if one.get(member) is None else bool(one[member]) for fact, member in names.items()}
