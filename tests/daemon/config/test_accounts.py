"""AWS accounts in the configuration: what is wrong is told at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import ConfigError
from daemon.config.summary import summary
from tests.daemon.config.sample import MINIMAL, loaded

HEAD = MINIMAL + "aws:\n  accounts:\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("    - {id: 12345, regions: [eu-west-1]}", ":4:12: aws.accounts[0].id must be the id of an AWS account"),
        ('    - {id: "000000000011"}', ":4:7: aws.accounts[0] needs regions"),
        ('    - {id: "000000000011", regions: []}', ":4:37: aws.accounts[0].regions must name at least one region"),
        ('    - {id: "000000000011", regions: [europe]}', ":4:38: aws.accounts[0].regions[0] must be an AWS region"),
        (
            '    - {id: "000000000011", regions: [eu-west-1]}\n    - {id: "000000000011", regions: [eu-west-1]}',
            ":5:7: aws.accounts[1] names 000000000011 a second time",
        ),
        (
            '    - {id: "000000000011", regions: [eu-west-1], external_id: x}',
            ":4:63: aws.accounts[0].external_id needs role_arn",
        ),
        (
            '    - {id: "000000000011", regions: eu-west-1, role_arn: "arn:aws:iam::000000000012:role/x"}',
            ":4:58: aws.accounts[0].role_arn leads into account 000000000012, not into 000000000011",
        ),
        (
            '    []\n  payer_account: "000000000001"\n  payer_role_arn: arn:aws:iam::000000000002:role/x',
            ":6:19: aws.payer_role_arn leads into account 000000000002, not into 000000000001",
        ),
        (
            '    - {id: "000000000011", regions: [eu-west-1], role: x}',
            ":4:50: aws.accounts[0] has no option 'role'; did you mean role_arn?",
        ),
        ("    []\n  hub_external_id: x", ":5:20: aws.hub_external_id needs hub_role_arn"),
        ("    []\n  hub_role_arn: arn:aws:iam::{account}:role/x", ":5:17: aws.hub_role_arn must name one account"),
        ("    []\n  payer_role_arn: arn:aws:iam::000000000001:role/x", ":5:19: aws.payer_role_arn needs payer_account"),
        (
            '    []\n  payer_account: "000000000001"\n  payer_external_id: x',
            ":6:22: aws.payer_external_id needs payer_role_arn",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, text: str, told: str) -> None:
    """File, line and column, the option, and what it must be."""
    with pytest.raises(ConfigError) as failed:
        loaded(tmp_path, HEAD + text + "\n")
    assert told in str(failed.value)


def test_an_id_keeps_its_zeros(tmp_path: Path) -> None:
    """Written as a number, it is what was written."""
    config = loaded(tmp_path, HEAD + "    - {id: 000000000011, regions: eu-west-1}\n")
    assert [(one.id, one.regions) for one in config.aws.accounts] == [("000000000011", ("eu-west-1",))]
    assert any("000000000011" in line and "eu-west-1" in line for line in summary(config))


def test_without_accounts_there_are_none(tmp_path: Path) -> None:
    """Nothing changes for those who watch drift only."""
    assert loaded(tmp_path, MINIMAL).aws.accounts == ()


DISCOVERY = MINIMAL + "aws:\n  discovery:\n"
ROLE = "    role_arn: arn:aws:iam::{account}:role/x\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("    organization: {}", ":4:19: aws.discovery.organization needs discovery.role_arn with {account}"),
        ("    stacks: true", ":4:13: aws.discovery.stacks needs discovery.role_arn with {account}"),
        (
            "    role_arn: arn:aws:iam::000000000001:role/x\n    stacks: true",
            ":5:13: aws.discovery.stacks needs discovery.role_arn with {account}",
        ),
        ("    external_id: x", ":4:18: aws.discovery.external_id needs role_arn"),
        ("    regions: []", ":4:14: aws.discovery.regions must name at least one region"),
        ("    regions: all", ":4:14: aws.discovery.regions must be an AWS region such as eu-west-1, or enabled"),
        ("    regions: [enabled, eu-west-1]", ":4:14: aws.discovery.regions is either enabled"),
        ("    every: 0s", ":4:12: aws.discovery.every"),
        (
            ROLE + "    organization: {role_arn: 'arn:aws:iam::{account}:role/o'}",
            ":5:30: aws.discovery.organization.role_arn must name one account",
        ),
        (ROLE + "    organization: {external_id: x}", ":5:33: aws.discovery.organization.external_id needs role_arn"),
        (ROLE + "    organization: {units: Production}", "aws.discovery.organization.units must be the id of an organ"),
        (ROLE + "    organization: {include: '[a'}", "aws.discovery.organization.include must be a pattern"),
        (
            ROLE + "    organization: {ous: []}",
            ":5:20: aws.discovery.organization has no option 'ous'",
        ),
        (
            ROLE + "    organization: {patterns: [{account: '*', stage: live}]}",
            "aws.discovery.organization.patterns[0].stage cannot be 'live'",
        ),
    ],
)
def test_what_is_wrong_with_the_discovery_is_told_at_its_place(tmp_path: Path, text: str, told: str) -> None:
    """Above all a role that is missing: one account would be looked at under the names of all."""
    with pytest.raises(ConfigError) as failed:
        loaded(tmp_path, DISCOVERY + text + "\n")
    assert told in str(failed.value)


def test_an_account_that_may_be_found_need_not_say_where(tmp_path: Path) -> None:
    """Its regions are those of all that are found; what is found is said in the summary."""
    config = loaded(tmp_path, DISCOVERY + ROLE + '    organization: {}\n  accounts: [{id: "000000000011"}]\n')
    lines = "\n".join(summary(config))
    assert "000000000011 in every region that it has switched on" in lines
    assert "accounts those of the organization, as arn:aws:iam::{account}:role/x, listed every 1h" in lines


def test_regions_may_be_whatever_the_account_has(tmp_path: Path) -> None:
    """For one account, without any discovery of others."""
    config = loaded(tmp_path, HEAD + '    - {id: "000000000011", regions: enabled}\n')
    assert config.aws.accounts[0].regions == ("enabled",)
    assert not config.aws.discovery.finds_accounts
