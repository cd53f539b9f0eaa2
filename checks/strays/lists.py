"""The kinds of resources that a region lists: how each is asked for, and what a row of its list is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from checks.aws import AwsPlace, arn_at, tags
from checks.base import Json
from checks.strays.model import AWS, Thing

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Listing:
    """A kind of resource. *read* gives a row's resource; None: it is going away, or another account's."""

    kind: str
    service: str
    operation: str
    key: str
    read: Callable[[AwsPlace, Any], Thing | None]
    parameters: Mapping[str, Json] = field(default_factory=dict)

    def things(self, place: AwsPlace) -> Iterator[Thing]:
        """All there are. Raises AwsError."""
        for row in place.shared(self.service, self.operation, self.key, **self.parameters):
            for each in row.get("Instances") or () if self.operation == "describe_instances" else (row,):
                found = self.read(place, each)
                if found is not None:
                    yield found


def thing(
    kind: str,
    arn: str,
    name: str,
    *ids: str,
    created: datetime | None = None,
    tagged: Any = None,
    maker: str = "",
) -> Thing:
    """A resource. *tagged*: its tags as listed; None: the list has none, and they are asked for by ARN."""
    return Thing(arn, kind, name, ids, created, None if tagged is None else tags(tagged), maker=maker)


def _ec2(kind: str, ident: str, *, created: str = "", tagged: str = "Tags") -> Callable[[AwsPlace, Row], Thing | None]:
    """A kind of EC2 about which there is nothing special."""

    def read(place: AwsPlace, row: Row) -> Thing | None:
        if not mine(place, row) or row.get("State") in ("deleted", "deleting", "failed"):
            return None
        return ec2(place, kind, row, str(row[ident]), created=row.get(created) if created else None, tagged=tagged)

    return read


def ec2(
    place: AwsPlace, kind: str, row: Row, ident: str, *, created: datetime | None = None, tagged: str = "Tags",
    maker: str = "",
) -> Thing:  # fmt: skip
    """A resource of EC2. One that an AWS service operates for itself says so."""
    operator = row.get("Operator") or {}
    if operator.get("Managed"):
        maker = maker or str(operator.get("Principal") or "an AWS service")
    arn = arn_at(place, "ec2", f"{kind}/{ident}")
    return thing(f"ec2:{kind}", arn, ident, ident, created=created, tagged=row.get(tagged) or (), maker=maker)


def mine(place: AwsPlace, row: Row) -> bool:
    """Whether it is the account's own, and not one that another account shares with it."""
    return str(row.get("OwnerId") or place.account) == place.account


# -- machines ----------------------------------------------------------------------------------------------------------


def _instance(place: AwsPlace, row: Row) -> Thing | None:
    if (row.get("State") or {}).get("Name") in ("terminated", "shutting-down"):
        return None
    return ec2(place, "instance", row, str(row["InstanceId"]), created=row.get("LaunchTime"))


# Names of the device that a machine starts from, which no other volume can have ("Device names for volumes on Amazon
# EC2 instances" in the EC2 User Guide).
_ROOTS = frozenset({"/dev/sda", "/dev/sda1", "/dev/xvda"})


def _volume(place: AwsPlace, row: Row) -> Thing | None:
    # What goes with its instance came with it, as did what the instance starts from.
    own = [
        str(one.get("InstanceId") or one.get("AssociatedResource"))
        for one in row.get("Attachments") or ()
        if one.get("DeleteOnTermination") or one.get("Device") in _ROOTS
    ]
    maker = f"instance {own[0]}" if own else ""
    return ec2(place, "volume", row, str(row["VolumeId"]), created=row.get("CreateTime"), maker=maker)


def _interface(place: AwsPlace, row: Row) -> Thing | None:
    if not mine(place, row):
        return None
    attached = row.get("Attachment") or {}
    maker = ""
    if row.get("RequesterManaged") or row.get("InterfaceType", "interface") not in ("interface", "efa", "trunk"):
        maker = str(row.get("RequesterId") or "an AWS service")
    elif attached.get("InstanceId") and (attached.get("DeleteOnTermination") or attached.get("DeviceIndex") == 0):
        maker = f"instance {attached['InstanceId']}"
    elif attached and attached.get("InstanceOwnerId") not in (None, place.account):
        maker = str(attached["InstanceOwnerId"])
    ident = str(row["NetworkInterfaceId"])
    return ec2(place, "network-interface", row, ident, tagged="TagSet", maker=maker)


def _address(place: AwsPlace, row: Row) -> Thing | None:
    address = str(row.get("PublicIp"))
    ident = str(row.get("AllocationId") or address)
    maker = "an AWS service" if row.get("ServiceManaged") else ""
    arn = arn_at(place, "ec2", f"elastic-ip/{ident}")
    return thing("ec2:elastic-ip", arn, ident, ident, address, tagged=row.get("Tags") or (), maker=maker)


def _scaling(place: AwsPlace, row: Row) -> Thing | None:
    if row.get("Status"):  # set only while it is being deleted
        return None
    name = str(row["AutoScalingGroupName"])
    return thing(
        "autoscaling:autoScalingGroup", str(row["AutoScalingGroupARN"]), name, created=row.get("CreatedTime"),
        tagged=row.get("Tags") or (),
    )  # fmt: skip


# -- networks: what comes with an account counts once something uses it ------------------------------------------------


def _used(place: AwsPlace, member: str) -> set[str]:
    """The VPCs, or subnets, that hold a network interface."""
    rows = place.shared("ec2", "describe_network_interfaces", "NetworkInterfaces")
    return {str(row.get(member)) for row in rows}


def _default_vpcs(place: AwsPlace) -> set[str]:
    return {str(row["VpcId"]) for row in place.shared("ec2", "describe_vpcs", "Vpcs") if row.get("IsDefault")}


def _vpc(place: AwsPlace, row: Row) -> Thing | None:
    ident = str(row["VpcId"])
    if not mine(place, row):
        return None
    unused = row.get("IsDefault") and ident not in _used(place, "VpcId")
    return ec2(place, "vpc", row, ident, maker=AWS if unused else "")


def _subnet(place: AwsPlace, row: Row) -> Thing | None:
    ident = str(row["SubnetId"])
    if not mine(place, row):
        return None
    unused = row.get("DefaultForAz") and ident not in _used(place, "SubnetId")
    return ec2(place, "subnet", row, ident, maker=AWS if unused else "")


def _group(place: AwsPlace, row: Row) -> Thing | None:
    ident = str(row["GroupId"])
    if not mine(place, row):
        return None
    maker = ""
    if row.get("GroupName") == "default":
        rows = place.shared("ec2", "describe_network_interfaces", "NetworkInterfaces")
        used = any(ident == one.get("GroupId") for each in rows for one in each.get("Groups") or ())
        maker = "" if used else AWS
    return ec2(place, "security-group", row, ident, maker=maker)


def _route_table(place: AwsPlace, row: Row) -> Thing | None:
    if not mine(place, row):
        return None
    # It comes with its VPC. What is written into it may be routes that a state holds, one by one.
    main = any(one.get("Main") for one in row.get("Associations") or ())
    return ec2(place, "route-table", row, str(row["RouteTableId"]), maker=AWS if main else "")


def _acl(place: AwsPlace, row: Row) -> Thing | None:
    if not mine(place, row):
        return None
    # As it comes it allows everything (100, 101 for IPv6), and then denies what is left (32767, 32768).
    as_it_comes = all(
        one.get("RuleNumber") in (32767, 32768)
        or (one.get("RuleNumber") in (100, 101) and one.get("RuleAction") == "allow" and one.get("Protocol") == "-1")
        for one in row.get("Entries") or ()
    )
    made = row.get("IsDefault") and as_it_comes
    return ec2(place, "network-acl", row, str(row["NetworkAclId"]), maker=AWS if made else "")


def _gateway(place: AwsPlace, row: Row) -> Thing | None:
    if not mine(place, row):
        return None
    at = {str(one.get("VpcId")) for one in row.get("Attachments") or ()}
    made = bool(at) and at <= _default_vpcs(place)
    return ec2(place, "internet-gateway", row, str(row["InternetGatewayId"]), maker=AWS if made else "")


def _endpoint(place: AwsPlace, row: Row) -> Thing | None:
    if not mine(place, row) or str(row.get("State")).lower() in ("deleted", "deleting", "failed", "rejected"):
        return None
    maker = "an AWS service" if row.get("RequesterManaged") else ""
    ident = str(row["VpcEndpointId"])
    return ec2(place, "vpc-endpoint", row, ident, created=row.get("CreationTimestamp"), maker=maker)


def _balancer(place: AwsPlace, row: Row) -> Thing:
    arn, name = str(row["LoadBalancerArn"]), str(row["LoadBalancerName"])
    return thing("elasticloadbalancing:loadbalancer", arn, name, created=row.get("CreatedTime"))


def _classic(place: AwsPlace, row: Row) -> Thing:
    name = str(row["LoadBalancerName"])
    arn = arn_at(place, "elasticloadbalancing", f"loadbalancer/{name}")
    return thing(CLASSIC, arn, name, created=row.get("CreatedTime"))


# -- data --------------------------------------------------------------------------------------------------------------


def _database(place: AwsPlace, row: Row) -> Thing | None:
    if row.get("DBInstanceStatus") == "deleting":
        return None
    name = str(row["DBInstanceIdentifier"])
    return thing(
        "rds:db", str(row["DBInstanceArn"]), name, created=row.get("InstanceCreateTime"), tagged=row.get("TagList")
    )


def _cluster(place: AwsPlace, row: Row) -> Thing | None:
    if row.get("Status") == "deleting":
        return None
    name, created = str(row["DBClusterIdentifier"]), row.get("ClusterCreateTime")
    return thing("rds:cluster", str(row["DBClusterArn"]), name, created=created, tagged=row.get("TagList"))


def _table(place: AwsPlace, name: str) -> Thing:
    return thing("dynamodb:table", arn_at(place, "dynamodb", f"table/{name}"), name)


def _replication(place: AwsPlace, row: Row) -> Thing | None:
    if row.get("Status") == "deleting":
        return None
    name, created = str(row["ReplicationGroupId"]), row.get("ReplicationGroupCreateTime")
    arn = str(row.get("ARN") or arn_at(place, "elasticache", f"replicationgroup:{name}"))
    return thing("elasticache:replicationgroup", arn, name, created=created)


def _cache(place: AwsPlace, row: Row) -> Thing | None:
    if row.get("CacheClusterStatus") == "deleting":
        return None
    name, group = str(row["CacheClusterId"]), str(row.get("ReplicationGroupId") or "")
    arn = str(row.get("ARN") or arn_at(place, "elasticache", f"cluster:{name}"))
    maker = f"replication group {group}" if group else ""
    return thing("elasticache:cluster", arn, name, created=row.get("CacheClusterCreateTime"), maker=maker)


def _file_system(place: AwsPlace, row: Row) -> Thing | None:
    if row.get("LifeCycleState") in ("deleting", "deleted"):
        return None
    ident = str(row["FileSystemId"])
    arn = str(row.get("FileSystemArn") or arn_at(place, "elasticfilesystem", f"file-system/{ident}"))
    created, tagged = row.get("CreationTime"), row.get("Tags") or ()
    return thing("elasticfilesystem:file-system", arn, ident, ident, created=created, tagged=tagged)


# -- programs, queues, logs, keys --------------------------------------------------------------------------------------


def _function(place: AwsPlace, row: Row) -> Thing:
    return thing("lambda:function", str(row["FunctionArn"]), str(row["FunctionName"]))


def _kubernetes(place: AwsPlace, name: str) -> Thing:
    return thing("eks:cluster", arn_at(place, "eks", f"cluster/{name}"), name)


def _containers(place: AwsPlace, arn: str) -> Thing:
    return thing("ecs:cluster", arn, arn.rpartition("/")[2])


def _queue(place: AwsPlace, url: str) -> Thing:
    name = url.rpartition("/")[2]
    return thing("sqs:queue", arn_at(place, "sqs", name), name, url)


def _topic(place: AwsPlace, row: Row) -> Thing:
    arn = str(row["TopicArn"])
    return thing("sns:topic", arn, arn.rpartition(":")[2])


def _log_group(place: AwsPlace, row: Row) -> Thing:
    name = str(row["logGroupName"])
    made = row.get("creationTime")  # milliseconds, where everything else of AWS is a time
    created = datetime.fromtimestamp(made / 1000, tz=place.now().tzinfo) if made is not None else None
    return thing("logs:log-group", arn_at(place, "logs", f"log-group:{name}"), name, created=created)


def _secret(place: AwsPlace, row: Row) -> Thing | None:
    if row.get("DeletedDate"):
        return None
    return thing(
        "secretsmanager:secret", str(row["ARN"]), str(row["Name"]), created=row.get("CreatedDate"),
        tagged=row.get("Tags") or (), maker=str(row.get("OwningService") or ""),
    )  # fmt: skip


def _key(place: AwsPlace, row: Row) -> Thing | None:
    """A KMS key. Whether AWS manages it, or it is to be deleted, it says only when asked: if no state holds it."""
    arn, ident = str(row["KeyArn"]), str(row["KeyId"])
    if place.owner(arn) is not None:
        return thing("kms:key", arn, ident)
    told = place.call("kms", "describe_key", KeyId=ident)["KeyMetadata"]
    if told.get("KeyState") in ("PendingDeletion", "PendingReplicaDeletion"):
        return None
    maker = AWS if told.get("KeyManager") == "AWS" else ""
    return thing("kms:key", arn, ident, created=told.get("CreationDate"), maker=maker)


def _stack(place: AwsPlace, row: Row) -> Thing | None:
    if str(row.get("StackStatus")).startswith("DELETE_") and row.get("StackStatus") != "DELETE_FAILED":
        return None
    name, maker = str(row["StackName"]), ""
    if row.get("ParentId"):
        maker = f"CloudFormation stack {str(row['ParentId']).split('/')[1]}"
    elif name.startswith("StackSet-"):
        maker = "CloudFormation StackSets"
    return thing(
        "cloudformation:stack", str(row["StackId"]), name, created=row.get("CreationTime"),
        tagged=row.get("Tags") or (), maker=maker,
    )  # fmt: skip


CLASSIC = "elasticloadbalancing:classic"  # both sorts have one kind of ARN, and each its own list

REGIONAL: tuple[Listing, ...] = (
    Listing("ec2:instance", "ec2", "describe_instances", "Reservations", _instance),
    Listing("ec2:volume", "ec2", "describe_volumes", "Volumes", _volume),
    Listing("ec2:network-interface", "ec2", "describe_network_interfaces", "NetworkInterfaces", _interface),
    Listing("ec2:elastic-ip", "ec2", "describe_addresses", "Addresses", _address),
    Listing("ec2:vpc", "ec2", "describe_vpcs", "Vpcs", _vpc),
    Listing("ec2:subnet", "ec2", "describe_subnets", "Subnets", _subnet),
    Listing("ec2:security-group", "ec2", "describe_security_groups", "SecurityGroups", _group),
    Listing("ec2:route-table", "ec2", "describe_route_tables", "RouteTables", _route_table),
    Listing("ec2:network-acl", "ec2", "describe_network_acls", "NetworkAcls", _acl),
    Listing("ec2:internet-gateway", "ec2", "describe_internet_gateways", "InternetGateways", _gateway),
    Listing("ec2:natgateway", "ec2", "describe_nat_gateways", "NatGateways",
            _ec2("natgateway", "NatGatewayId", created="CreateTime")),
    Listing("ec2:vpc-endpoint", "ec2", "describe_vpc_endpoints", "VpcEndpoints", _endpoint),
    Listing("autoscaling:autoScalingGroup", "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups",
            _scaling),
    Listing("elasticloadbalancing:loadbalancer", "elbv2", "describe_load_balancers", "LoadBalancers", _balancer),
    Listing(CLASSIC, "elb", "describe_load_balancers", "LoadBalancerDescriptions", _classic),
    Listing("rds:db", "rds", "describe_db_instances", "DBInstances", _database),
    Listing("rds:cluster", "rds", "describe_db_clusters", "DBClusters", _cluster),
    Listing("dynamodb:table", "dynamodb", "list_tables", "TableNames", _table),
    Listing("elasticache:replicationgroup", "elasticache", "describe_replication_groups", "ReplicationGroups",
            _replication),
    Listing("elasticache:cluster", "elasticache", "describe_cache_clusters", "CacheClusters", _cache),
    Listing("elasticfilesystem:file-system", "efs", "describe_file_systems", "FileSystems", _file_system),
    Listing("lambda:function", "lambda", "list_functions", "Functions", _function),
    Listing("eks:cluster", "eks", "list_clusters", "clusters", _kubernetes),
    Listing("ecs:cluster", "ecs", "list_clusters", "clusterArns", _containers),
    Listing("sqs:queue", "sqs", "list_queues", "QueueUrls", _queue),
    Listing("sns:topic", "sns", "list_topics", "Topics", _topic),
    Listing("logs:log-group", "logs", "describe_log_groups", "logGroups", _log_group),
    Listing("secretsmanager:secret", "secretsmanager", "list_secrets", "SecretList", _secret),
    Listing("kms:key", "kms", "list_keys", "Keys", _key),
    Listing("cloudformation:stack", "cloudformation", "describe_stacks", "Stacks", _stack),
)  # fmt: skip
