"""`barograph check network` over moto: the estate is judged by what the regions saw in the same round."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks import discover
from daemon.commands.check import look
from daemon.config import load
from tests.aws.places import seed

CONFIG = """
source:
  kind: terraform
  path: repository
  roots:
    - {{path: app, stack: acme-new, stage: development, region: eu-west-1, vars: {{cidr_block: 10.44.1.0/24}}}}
aws:
  endpoint_url: {url}
  accounts:
    - {{id: "{account}", regions: [eu-west-1, us-east-1], role_arn: "arn:aws:iam::{{account}}:role/sweep"}}
alerts: {{default_channel: C0123456789}}
slack: {{token: xoxb-1-aaaaaaaaaaaa}}
store: {{path: store.sqlite3}}
"""


def test_an_overlap_of_two_regions_is_found_in_one_round(
    moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the block that the repository plans is held against both."""
    account = "333333333302"
    for region in ("eu-west-1", "us-east-1"):
        seed(moto, "ec2", account=account, region=region).create_vpc(CidrBlock="10.44.0.0/16")
    (tmp_path / "repository" / "app").mkdir(parents=True)
    (tmp_path / "repository" / "app" / "main.tf").write_text('variable "cidr_block" {}\n')
    (tmp_path / "barograph.yml").write_text(CONFIG.format(url=moto, account=account))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    runs, _ = look(load(tmp_path / "barograph.yml", {}, discover()), frozenset({"network"}), "*", "*")
    assert [run.place for run in runs][-1] == "estate"
    found = {reading.resource: reading.verdict for reading in runs[-1].readings}
    assert found["overlap/apart/10.44.0.0/16"] == "overlap_apart"
    assert found["planned/acme-new/app"] == "planned_overlap"


def test_a_repository_that_does_not_load_is_a_gap_of_the_estate(
    moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it plans is not known, so that nothing is said to be whole; and it is told of once."""
    text = CONFIG.format(url=moto, account="333333333304")
    start, end = text.index("  kind:"), text.index("aws:")
    (tmp_path / "barograph.yml").write_text(f"{text[:start]}  kind: file\n  path: .\n  file: stacks.json\n{text[end:]}")
    (tmp_path / "stacks.json").write_text("{")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    runs, trouble = look(load(tmp_path / "barograph.yml", {}, discover()), frozenset({"network"}), "*", "*")
    (networks,) = (one for one in runs[-1].readings if one.resource == "estate/networks")
    assert networks.verdict == "partial"
    assert [place for place, _ in networks.evidence["gaps"]][-1] == "repository"
    assert [place for place, _ in trouble.blind] == ["repository"]
