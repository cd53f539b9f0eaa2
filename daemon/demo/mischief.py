"""What goes wrong in the demo, and what Barograph must make of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from checks.kinds import Kind, Tier
from daemon.demo import wire
from daemon.demo.account import client_maker, log_access, protect, public
from daemon.demo.api import ACCOUNT, AWS_ITSELF
from daemon.demo.endpoint import NAME
from daemon.demo.manifests import workflow
from daemon.demo.repository import LOCK_TABLE, OWNERS, STATE_BUCKET, DemoInstance, var_file
from daemon.demo.standin.facts import EXTRA_SPEND, FAILED_BACKUPS, OLDER_BUCKETS
from daemon.demo.world import REGION, DemoWorld

OLD_BUCKET = "acme-old-exports"
ADDRESSES = 5  # as many as a region may have, if nobody asks for more
LEAKED = "hunter2-typed-by-hand"  # the secret that is set by hand: it must be nowhere but in the world's AWS


@dataclass(frozen=True, slots=True)
class Expected:
    """What one check must say of it, at one place."""

    check: str
    where: str  # as messages name the place; a glob
    kind: Kind
    tier: Tier
    about: str = ""  # a word of the resource or the summary, where a place has several things alike
    times: int = 1


@dataclass(frozen=True, slots=True)
class Mischief:
    """One thing that goes wrong."""

    name: str
    story: str  # what a person reads
    do: Callable[[DemoWorld], None]  # raises DemoError and ApiError
    expected: tuple[Expected, ...]
    instance: DemoInstance | None = None  # that it is done to; None: to nothing that Terraform plans
    verdict: str = ""  # of the drift check on that instance
    blinds: tuple[str, ...] = ()  # checks that cannot see everything of the instance from then on, and say so
    last: bool = False  # done when the rest is found: from then on nobody knows whose everything is


_CALM = DemoInstance("acme-prod", "network")  # nothing happens here: what is well must be reported as well


def all_mischief() -> tuple[Mischief, ...]:
    """Everything that goes wrong, in the order in which it is done."""
    return (*stack_mischief(), *account_mischief())


def stack_mischief() -> tuple[Mischief, ...]:
    """What goes wrong with what Terraform plans, one thing per instance."""
    service, database = "acme-dev/service", "acme-prod/database"
    return (
        Mischief(
            "attribute changed by hand",
            "somebody makes the job queue of acme-dev hold jobs for 15 minutes, in the console",
            _change_queue,
            (
                Expected("drift", service, Kind.DRIFT, Tier.WARNING),
                Expected("access", service, Kind.COMPLIANCE, Tier.INFO, "sqs"),
            ),
            DemoInstance("acme-dev", "service"), "drift",
        ),
        Mischief(
            "resource deleted in production",
            "somebody deletes the orders table of acme-prod",
            _delete_table,
            (
                Expected("drift", database, Kind.DRIFT, Tier.CRITICAL),
                Expected("access", database, Kind.COMPLIANCE, Tier.INFO, "dynamodb"),
            ),
            DemoInstance("acme-prod", "database"), "drift",
        ),
        Mischief(
            "port opened to the world",
            "somebody opens SSH on the databases of acme-staging to the whole internet, just for a minute",
            _open_port,
            (
                Expected("drift", "acme-staging/network", Kind.DRIFT, Tier.WARNING),
                Expected("drift", "acme-staging/network", Kind.SECURITY_VIOLATION, Tier.CRITICAL),
                Expected("access", "acme-staging/network", Kind.SECURITY_VIOLATION, Tier.CRITICAL, "ec2"),
            ),
            DemoInstance("acme-staging", "network"), "drift",
        ),
        Mischief(
            "secret changed by hand",
            "somebody sets the database password of acme-staging by hand",
            _change_password,
            (
                Expected("drift", "acme-staging/database", Kind.DRIFT, Tier.WARNING),
                Expected("access", "acme-staging/database", Kind.COMPLIANCE, Tier.INFO, "ssm"),
            ),
            DemoInstance("acme-staging", "database"), "drift",
        ),
        Mischief(
            "commit merged, not applied",
            "a commit gives the workers of acme-staging two minutes per job, and nobody applies it",
            _merge_change,
            (Expected("drift", "acme-staging/service", Kind.DRIFT, Tier.INFO),),
            DemoInstance("acme-staging", "service"), "pending",
        ),
        Mischief(
            "state locked",
            "an apply in acme-prod holds the lock of the service",
            _lock_state,
            (),
            DemoInstance("acme-prod", "service"), "busy",
        ),
        Mischief(
            "state object damaged",
            "the state of the database of acme-dev is overwritten with garbage",
            _damage_state,
            (
                Expected("drift", "acme-dev/database", Kind.MONITORING, Tier.WARNING),
                Expected("state", "acme-dev/database", Kind.STATE_CORRUPTION, Tier.CRITICAL),
            ),
            DemoInstance("acme-dev", "database"), "error", ("state",), last=True,
        ),
        Mischief(
            "plan cannot run",
            "a commit loses the address range of the network of acme-dev",
            _lose_variable,
            (
                Expected("drift", "acme-dev/network", Kind.MONITORING, Tier.WARNING),
                Expected("toolchain", "acme-dev/network", Kind.COMPLIANCE, Tier.INFO),
            ),
            DemoInstance("acme-dev", "network"), "config_error",
        ),
    )  # fmt: skip


def account_mischief() -> tuple[Mischief, ...]:
    """What goes wrong beside the plans, for each check that looks there. One row here is one thing more to find."""
    region = f"{ACCOUNT}/{REGION}"
    return (
        Mischief(
            "bucket opened to everybody",
            "somebody makes the uploads of acme-staging readable for everybody, to show them to a customer",
            _publish_bucket,
            (
                Expected("security", "acme-staging/service", Kind.SECURITY_VIOLATION, Tier.CRITICAL),
                Expected("access", "acme-staging/service", Kind.SECURITY_VIOLATION, Tier.CRITICAL, "s3"),
            ),
        ),
        Mischief(
            "addresses left behind",
            "a load test takes five Elastic IP addresses, and leaves them",
            _take_addresses,
            (
                Expected("quotas", region, Kind.QUOTA_EXCEEDED, Tier.CRITICAL),
                Expected("cost", region, Kind.COST_OPPORTUNITY, Tier.INFO, "address", ADDRESSES),
                Expected("access", region, Kind.COMPLIANCE, Tier.INFO, "ec2"),
            ),
        ),
        Mischief(
            "network with production's addresses",
            "the load test gets a network of its own, with addresses that acme-prod has, and is joined to it",
            _overlap_network,
            (
                Expected("network", "estate", Kind.UTILIZATION, Tier.WARNING, "overlap"),
                Expected("compliance", "estate", Kind.COMPLIANCE, Tier.INFO, "unmanaged"),
            ),
        ),
        Mischief(
            "fleet forgotten",
            "for a day, nobody switches the machines of the load test off",
            _forget_fleet,
            (Expected("cost", ACCOUNT, Kind.COST_OPPORTUNITY, Tier.INFO, times=3),),
        ),
        Mischief(
            "jobs pile up",
            "the workers of acme-prod are stuck, and CloudWatch raises the account's own alarm",
            _raise_alarm,
            (Expected("utilization", "acme-prod/service", Kind.UTILIZATION, Tier.WARNING),),
        ),
        Mischief(
            "flow logs deleted",
            "somebody deletes the flow logs of the network of acme-prod",
            _delete_flow_logs,
            (Expected("compliance", "estate", Kind.COMPLIANCE, Tier.INFO, "acme-prod"),),
        ),
        Mischief(
            "backup failed",
            "AWS Backup fails to save the orders of acme-staging",
            _fail_backup,
            (Expected("backups", "acme-staging/database", Kind.BACKUP_FAILURE, Tier.WARNING),),
        ),
        Mischief(
            "certificate about to end",
            f"somebody puts an old certificate back on {NAME}: it ends in three days",
            _restore_certificate,
            (Expected("certificates", f"*/{NAME}", Kind.CERTIFICATE_EXPIRY, Tier.WARNING),),
        ),
        Mischief(
            "workflow for a stack that is not there",
            "a commit adds a workflow that deploys to acme-prd, which nobody has",
            _misspell_stack,
            (Expected("repository", "repository", Kind.COMPLIANCE, Tier.INFO),),
        ),
        Mischief(
            "bucket that no state holds",
            "another account is merged into this one, and with it a bucket that somebody made by hand long ago",
            _merge_bucket,
            (
                Expected("unmanaged", ACCOUNT, Kind.COMPLIANCE, Tier.INFO, OLD_BUCKET),
                Expected("backups", region, Kind.BACKUP_FAILURE, Tier.WARNING, OLD_BUCKET),
            ),
        ),
    )  # fmt: skip


def calm() -> tuple[DemoInstance, ...]:
    """The instances that stay in sync."""
    return (_CALM,)


def _change_queue(world: DemoWorld) -> None:
    url = world.by_hand.json("sqs", "AmazonSQS.GetQueueUrl", {"QueueName": "acme-dev-jobs"})["QueueUrl"]
    change = {"QueueUrl": url, "Attributes": {"VisibilityTimeout": "900"}}
    world.by_hand.json("sqs", "AmazonSQS.SetQueueAttributes", change)


def _delete_table(world: DemoWorld) -> None:
    table = {"TableName": "acme-prod-orders"}
    unprotected = {**table, "DeletionProtectionEnabled": False}
    world.by_hand.json("dynamodb", "DynamoDB_20120810.UpdateTable", unprotected)
    world.by_hand.json("dynamodb", "DynamoDB_20120810.DeleteTable", table)


def _open_port(world: DemoWorld) -> None:
    _change_port(world, "AuthorizeSecurityGroupIngress")


def close_port(world: DemoWorld) -> None:
    """Undo "port opened to the world"."""
    _change_port(world, "RevokeSecurityGroupIngress")


def _change_port(world: DemoWorld, action: str) -> None:
    query = {"Filter.1.Name": "group-name", "Filter.1.Value.1": "acme-staging-database"}
    group = wire.found(world.api.ec2("DescribeSecurityGroups", query), ".//securityGroupInfo/item")
    rule = {"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"], "description": "temporary"}
    identity = {"GroupId": group.findtext("groupId") or ""}
    world.by_hand.ec2(action, identity | wire.ingress_parameters(rule))


def _change_password(world: DemoWorld) -> None:
    name = "/acme-staging/database/password"
    value = {"Name": name, "Type": "SecureString", "Value": LEAKED, "Overwrite": True}
    world.by_hand.json("ssm", "AmazonSSM.PutParameter", value)


def _merge_change(world: DemoWorld) -> None:
    instance = DemoInstance("acme-staging", "service")
    text = var_file(instance, visibility_timeout_seconds="120")
    world.repository.commit("Give the workers two minutes per job", {instance.var_file: text})


def _lock_state(world: DemoWorld) -> None:
    path = f"{STATE_BUCKET}/{DemoInstance('acme-prod', 'service').state_key}"
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    info = {
        "ID": "5d8f3c1e-7a52-4b8e-9d1f-2c6a0b9e4f77", "Operation": "OperationTypeApply", "Info": "", "Path": path,
        "Who": "ana@ci-runner-7", "Version": world.program.version, "Created": now,
    }  # fmt: skip
    item = {"LockID": {"S": path}, "Info": {"S": json.dumps(info)}}
    world.api.json("dynamodb", "DynamoDB_20120810.PutItem", {"TableName": LOCK_TABLE, "Item": item})


def _damage_state(world: DemoWorld) -> None:
    key = DemoInstance("acme-dev", "database").state_key
    world.api.s3("PUT", f"/{STATE_BUCKET}/{key}", b'{"version": 4, "serial": \x00\xff garbage')


def _lose_variable(world: DemoWorld) -> None:
    instance = DemoInstance("acme-dev", "network")
    text = var_file(instance, without="cidr_block")
    world.repository.commit("Take address ranges from the new tool", {instance.var_file: text})


def _publish_bucket(world: DemoWorld) -> None:
    bucket = "acme-staging-uploads"
    s3 = world.client("s3")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=public(bucket))


def _take_addresses(world: DemoWorld) -> None:
    for _ in range(ADDRESSES):
        world.client("ec2").allocate_address(Domain="vpc")


def _overlap_network(world: DemoWorld) -> None:
    ec2 = world.client("ec2")
    own = ec2.create_vpc(CidrBlock="10.30.64.0/20")["Vpc"]["VpcId"]
    joined = ec2.create_vpc_peering_connection(VpcId=own, PeerVpcId=_network(world, "acme-prod"))
    peering = joined["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)


def _forget_fleet(world: DemoWorld) -> None:
    day = datetime.now(UTC).date() - timedelta(days=3)
    world.api.tell(EXTRA_SPEND, {day.isoformat(): 45.0})


def _raise_alarm(world: DemoWorld) -> None:
    client_maker(replace(world.api, access_key=AWS_ITSELF))("cloudwatch").set_alarm_state(
        AlarmName="acme-prod-jobs-wait", StateValue="ALARM",
        StateReason="Threshold Crossed: 1 datapoint [1260.0] was greater than or equal to the threshold (900.0).",
    )  # fmt: skip


def _delete_flow_logs(world: DemoWorld) -> None:
    ec2 = world.client("ec2")
    of_network = [{"Name": "resource-id", "Values": [_network(world, "acme-prod")]}]
    found = ec2.describe_flow_logs(Filters=of_network)["FlowLogs"]
    ec2.delete_flow_logs(FlowLogIds=[each["FlowLogId"] for each in found])


def _fail_backup(world: DemoWorld) -> None:
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/acme-staging-orders"
    message = "Your backup job failed as AWS Backup does not have permission to describe the resource."
    world.api.tell(FAILED_BACKUPS, [{"resource": table, "type": "DynamoDB", "message": message}])


def _restore_certificate(world: DemoWorld) -> None:
    world.shop.serve(timedelta(days=3))


def _misspell_stack(world: DemoWorld) -> None:
    world.repository.commit("Add a workflow for releases", {"workflows/release.yaml": workflow("acme-prd", OWNERS)})


def _merge_bucket(world: DemoWorld) -> None:
    s3 = client_maker(world.api)("s3")
    s3.create_bucket(Bucket=OLD_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    log_access(s3, OLD_BUCKET)
    protect(s3, OLD_BUCKET)
    made = datetime.now(UTC) - timedelta(days=700)
    world.api.tell(OLDER_BUCKETS, {OLD_BUCKET: made.isoformat()})


def _network(world: DemoWorld, stack: str) -> str:
    named = [{"Name": "tag:Name", "Values": [f"{stack}-vpc"]}]
    return str(world.client("ec2").describe_vpcs(Filters=named)["Vpcs"][0]["VpcId"])
