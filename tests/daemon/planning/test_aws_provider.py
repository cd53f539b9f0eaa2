"""The real AWS provider on moto: no false drift, and what a hand changes is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.tiers import tier_of
from checks.base import Kind, Reading, Tier
from checks.drift import Drift
from checks.plans.judge import judge
from checks.plans.look import LookStatus
from checks.plans.model import Judgement, Verdict
from daemon.inventory.model import Watched
from daemon.places import PlannedInstance
from daemon.planning import Planner
from tests.worlds import World, aws_mirror, client, world

pytestmark = pytest.mark.timeout(900)  # one plan costs nine seconds of CPU, and shares the machine

MODULE = """
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
variable "endpoint" {}
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  s3_use_path_style           = true
  endpoints {
    ec2 = var.endpoint
    s3  = var.endpoint
    sqs = var.endpoint
    sts = var.endpoint
  }
}
resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
}
resource "aws_security_group" "web" {
  name   = "web"
  vpc_id = aws_vpc.main.id
  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/16"]
  }
}
resource "aws_sqs_queue" "jobs" {
  name = "jobs"
  tags = { owner = "payments" }
}
"""


@dataclass(frozen=True)
class Deployed:
    """A stack applied with the real provider, and a planner that looks at it."""

    world: World
    watched: Watched
    planner: Planner

    def judged(self) -> Judgement:
        look = self.planner.look(self.watched, source_fingerprint="1")
        assert look.status is LookStatus.PLANNED, look.diagnostics
        return judge(look.plan)

    def read(self) -> Reading:
        """What the drift check says, which looks twice before anything is critical."""
        place = PlannedInstance(self.watched, "1", self.planner, lambda: datetime.now(UTC))
        [reading] = Drift().run(place)
        return reading


def told(reading: Reading) -> set[tuple[Kind, Tier, tuple[str, ...]]]:
    """Kind, tier and addresses of each finding, in a stage nobody knows, which counts as production."""
    return {
        (finding.kind, tier_of(finding.kind, finding.facts, {}, reading.resource)[0], finding.addresses)
        for finding in reading.findings
    }


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, moto_url: str) -> Iterator[Deployed]:
    """The stack, on a moto and a bucket of its own."""
    root: Path = tmp_path_factory.mktemp("aws")
    with world(root, moto_url, aws_mirror()) as made:
        made.module("net", MODULE)
        watched = made.watched("net", vars={"endpoint": made.aws})
        made.apply(watched)
        yield Deployed(made, watched, made.planner())


def in_sync(deployed: Deployed, times: int) -> None:
    for _ in range(times):
        judgement = deployed.judged()
        assert (judgement.verdict, judgement.differences) == (Verdict.IN_SYNC, ())
        assert judgement.phantoms > 0
    assert deployed.world.proxy.writes == []


def test_a_clean_stack_is_in_sync_three_times(deployed: Deployed) -> None:
    """What was just applied shows phantoms of the refresh, which are counted, and no difference."""
    in_sync(deployed, 3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_clean_stack_is_in_sync_twenty_times(deployed: Deployed) -> None:
    """The same, long enough to see what comes and goes."""
    in_sync(deployed, 20)


def test_a_port_opened_by_hand_is_drift(deployed: Deployed) -> None:
    """Port 22 opened to the world through the API shows on the group, and goes away when it is closed."""
    ec2 = client("ec2", deployed.world.aws)
    group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web"]}])["SecurityGroups"][0]
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[rule])
    try:
        reading = deployed.read()
    finally:
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[rule])
    assert reading.verdict == "drift"
    assert told(reading) == {
        (Kind.DRIFT, Tier.WARNING, ("aws_security_group.web",)),
        (Kind.SECURITY_VIOLATION, Tier.CRITICAL, ("aws_security_group.web",)),
    }


def test_a_tag_changed_by_hand_is_drift_and_no_more(deployed: Deployed) -> None:
    """A tag is drift like any other, and nothing of security."""
    sqs = client("sqs", deployed.world.aws)
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"owner": "somebody"})
    try:
        reading = deployed.read()
    finally:
        sqs.tag_queue(QueueUrl=url, Tags={"owner": "payments"})
    assert reading.verdict == "drift"
    assert told(reading) == {(Kind.DRIFT, Tier.WARNING, ("aws_sqs_queue.jobs",))}
