"""What goes wrong in the demo, one thing per instance, and what Barograph must make of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from checks.kinds import Kind, Tier
from daemon.demo import wire
from daemon.demo.repository import LOCK_TABLE, STATE_BUCKET, DemoInstance, var_file
from daemon.demo.world import DemoWorld

LEAKED = "hunter2-typed-by-hand"  # the secret that is set by hand: it must be nowhere but in the world's AWS


@dataclass(frozen=True, slots=True)
class Mischief:
    """One thing that goes wrong."""

    name: str
    story: str  # what a person reads
    instance: DemoInstance
    verdict: str  # of the drift check
    findings: frozenset[tuple[Kind, Tier]]
    do: Callable[[DemoWorld], None]  # raises DemoError and ApiError

    @property
    def posted(self) -> frozenset[tuple[Kind, Tier]]:
        """The findings that Slack shows one by one: info is for the weekly review."""
        return frozenset(finding for finding in self.findings if finding[1] is not Tier.INFO)


_CALM = DemoInstance("acme-prod", "network")  # nothing happens here: what is well must be reported as well

_WARNING = frozenset({(Kind.DRIFT, Tier.WARNING)})
_BLIND = frozenset({(Kind.MONITORING, Tier.WARNING)})


def all_mischief() -> tuple[Mischief, ...]:
    """Everything that goes wrong, in the order in which it is done."""
    return (
        Mischief(
            "attribute changed by hand",
            "somebody makes the job queue of acme-dev hold jobs for 15 minutes, in the console",
            DemoInstance("acme-dev", "service"), "drift", _WARNING, _change_queue,
        ),
        Mischief(
            "resource deleted in production",
            "somebody deletes the orders table of acme-prod",
            DemoInstance("acme-prod", "database"), "drift", frozenset({(Kind.DRIFT, Tier.CRITICAL)}), _delete_table,
        ),
        Mischief(
            "port opened to the world",
            "somebody opens SSH on the databases of acme-staging to the whole internet, just for a minute",
            DemoInstance("acme-staging", "network"), "drift",
            _WARNING | {(Kind.SECURITY_VIOLATION, Tier.CRITICAL)}, _open_port,
        ),
        Mischief(
            "secret changed by hand",
            "somebody sets the database password of acme-staging by hand",
            DemoInstance("acme-staging", "database"), "drift", _WARNING, _change_password,
        ),
        Mischief(
            "commit merged, not applied",
            "a commit gives the workers of acme-staging two minutes per job, and nobody applies it",
            DemoInstance("acme-staging", "service"), "pending", frozenset({(Kind.DRIFT, Tier.INFO)}), _merge_change,
        ),
        Mischief(
            "state locked",
            "an apply in acme-prod holds the lock of the service",
            DemoInstance("acme-prod", "service"), "busy", frozenset(), _lock_state,
        ),
        Mischief(
            "state object damaged",
            "the state of the database of acme-dev is overwritten with garbage",
            DemoInstance("acme-dev", "database"), "error",
            _BLIND | {(Kind.STATE_CORRUPTION, Tier.CRITICAL)}, _damage_state,
        ),
        Mischief(
            "plan cannot run",
            "a commit loses the address range of the network of acme-dev",
            DemoInstance("acme-dev", "network"), "config_error",
            _BLIND | {(Kind.COMPLIANCE, Tier.INFO)}, _lose_variable,
        ),
    )  # fmt: skip


def calm() -> tuple[DemoInstance, ...]:
    """The instances that stay in sync."""
    return (_CALM,)


def _change_queue(world: DemoWorld) -> None:
    url = world.api.json("sqs", "AmazonSQS.GetQueueUrl", {"QueueName": "acme-dev-jobs"})["QueueUrl"]
    change = {"QueueUrl": url, "Attributes": {"VisibilityTimeout": "900"}}
    world.api.json("sqs", "AmazonSQS.SetQueueAttributes", change)


def _delete_table(world: DemoWorld) -> None:
    world.api.json("dynamodb", "DynamoDB_20120810.DeleteTable", {"TableName": "acme-prod-orders"})


def _open_port(world: DemoWorld) -> None:
    query = {"Filter.1.Name": "group-name", "Filter.1.Value.1": "acme-staging-database"}
    group = wire.found(world.api.ec2("DescribeSecurityGroups", query), ".//securityGroupInfo/item")
    rule = {"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"], "description": "temporary"}
    identity = {"GroupId": group.findtext("groupId") or ""}
    world.api.ec2("AuthorizeSecurityGroupIngress", identity | wire.ingress_parameters(rule))


def _change_password(world: DemoWorld) -> None:
    name = "/acme-staging/database/password"
    value = {"Name": name, "Type": "SecureString", "Value": LEAKED, "Overwrite": True}
    world.api.json("ssm", "AmazonSSM.PutParameter", value)


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
