"""From the configuration to a stored finding, over moto: accounts, roles, places, a look, its memory."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Kind, Outcome
from daemon.config import load
from daemon.eyes import open_eyes
from daemon.inventory.model import Inventory
from daemon.record import Recorder, StoredMemory
from daemon.repository.tree import Tree
from daemon.runner import Runner
from daemon.store import Store
from tests.aws.places import moto_place, seed
from tests.aws.sample import Sample

ACME, OTHER, REGION = "000000000051", "000000000052", "eu-west-1"
CONFIG = """
source: {{kind: atmos, path: .}}
aws:
  region: eu-west-1
  endpoint_url: {url}
  accounts:
    - id: "{acme}"
      stage: development
      owner: team-db
      role_arn: arn:aws:iam::{{account}}:role/sweep
      regions: [eu-west-1]
    - {{id: "{other}", role_arn: "arn:aws:iam::{{account}}:role/sweep", regions: [eu-west-1]}}
"""


@pytest.fixture
def seeded(moto: str) -> str:
    """One account with two volumes and a vault, another with nothing."""
    ec2 = seed(moto, "ec2", account=ACME)
    if not ec2.describe_volumes()["Volumes"]:
        for encrypted in (True, False):
            ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=8, Encrypted=encrypted)
        seed(moto, "backup", account=ACME).create_backup_vault(BackupVaultName="main")
    return moto


def test_a_look_through_the_whole_program(seeded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each account is seen with its own role; what is found is stored with its labels; what is kept is recalled."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    path = tmp_path / "barograph.yml"
    path.write_text(CONFIG.format(url=seeded, acme=ACME, other=OTHER))
    config = load(path, {}, {"sample": Sample})

    def clock() -> datetime:
        return datetime.now(UTC)

    with Store.open(tmp_path / "b.db", clock) as store:
        memory = StoredMemory(store)
        with open_eyes(config, tmp_path / "scratch", {}, clock, memory) as eyes:
            places = eyes.places(Inventory(()), Tree(tmp_path))["sample"]
            assert list(places) == [f"{ACME}/{REGION}", f"{OTHER}/{REGION}"]
            runner = Runner(eyes.plans, Recorder(store, Policy(Routes("C0000000001"))), clock)
            acme, other = (runner.run_and_record("sample", place) for place in places.values())
            assert acme.failure is None
            assert sorted(one.verdict for one in acme.readings) == ["encrypted", "locked", "looked", "looked", "plain"]
            assert [(one.verdict, one.summary) for one in other.readings] == [
                ("looked", "0 volumes"),
                ("looked", "0 vaults"),
            ]
            assert eyes.aws.pool.ledger.counts()["ec2", "DescribeVolumes", "ok"] == 2
        [found] = [one for one in store.incidents() if one.kind is Kind.SECURITY_VIOLATION]
        assert (found.labels["account"], found.labels["owner"], str(found.tier)) == (ACME, "team-db", "warning")
        assert memory.recall("sample", f"{ACME}/{REGION}", "vaults") == ["main"]
        assert memory.recall("sample", f"{OTHER}/{REGION}", "vaults") == []


def test_a_place_over_moto_is_of_its_account_alone(seeded: str) -> None:
    """What is seeded in one account is not seen in another."""
    outcomes = [reading.outcome for reading in Sample().run(moto_place(Sample, seeded, account=ACME))]
    assert sorted(outcomes) == [*[Outcome.HEALTHY] * 4, Outcome.UNHEALTHY]
    assert [one.summary for one in Sample().run(moto_place(Sample, seeded, account=OTHER))] == ["0 volumes", "0 vaults"]
