"""The real AWS provider on moto: no false drift, and what a hand changes is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.plans.judge import judge
from checks.plans.look import LookStatus
from checks.plans.model import Judgement, Verdict
from daemon.inventory.model import Watched
from tests.worlds import REGION, World, aws_mirror, client, world

MODULE = (
    """
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
variable "endpoint" {}
provider "aws" {
  region                      = "%s"
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
    % REGION
)  # noqa: UP031 - the text is full of braces


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, moto_url: str) -> Iterator[tuple[World, Watched]]:
    """A stack applied with the real provider."""
    root: Path = tmp_path_factory.mktemp("aws")
    with world(root, moto_url, aws_mirror()) as made:
        made.module("net", MODULE)
        watched = made.watched("net", vars={"endpoint": made.aws})
        made.apply(watched)
        yield made, watched


def judged(made: World, watched: Watched) -> Judgement:
    look = made.planner().look(watched, source_fingerprint="1")
    assert look.status is LookStatus.PLANNED, look
    return judge(look.plan)


def looks(deployed: tuple[World, Watched], times: int) -> None:
    made, watched = deployed
    planner = made.planner()
    for _ in range(times):
        look = planner.look(watched, source_fingerprint="1")
        assert look.status is LookStatus.PLANNED, look
        judgement = judge(look.plan)
        assert (judgement.verdict, judgement.differences) == (Verdict.IN_SYNC, ())
        assert judgement.phantoms > 0
    assert made.proxy.writes == []


def test_a_clean_stack_is_in_sync_three_times(deployed: tuple[World, Watched]) -> None:
    """What was just applied shows phantoms of the refresh, which are counted, and no difference."""
    looks(deployed, 3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_clean_stack_is_in_sync_twenty_times(deployed: tuple[World, Watched]) -> None:
    """The same, long enough to see what comes and goes."""
    looks(deployed, 20)


def test_a_port_opened_by_hand_is_drift(deployed: tuple[World, Watched]) -> None:
    """Port 22 opened to the world through the API shows on the group, and goes away when it is closed."""
    made, watched = deployed
    ec2 = client("ec2", made.aws)
    group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web"]}])["SecurityGroups"][0]
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[rule])
    try:
        judgement = judged(made, watched)
    finally:
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=[rule])
    assert judgement.verdict is Verdict.DRIFT
    assert {difference.address for difference in judgement.differences} == {"aws_security_group.web"}
    assert judgement.violations


def test_a_tag_changed_by_hand_is_drift_and_no_more(deployed: tuple[World, Watched]) -> None:
    """A tag is drift like any other, and nothing of security."""
    made, watched = deployed
    sqs = client("sqs", made.aws)
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"owner": "somebody"})
    try:
        judgement = judged(made, watched)
    finally:
        sqs.tag_queue(QueueUrl=url, Tags={"owner": "payments"})
    assert (judgement.verdict, judgement.violations) == (Verdict.DRIFT, ())
    assert {difference.address for difference in judgement.differences} == {"aws_sqs_queue.jobs"}
