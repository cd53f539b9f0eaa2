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
