"""`barograph inventory`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.cli import cli
from daemon.store import Store
from daemon.watch import MEMORY
from tests import fakeatmos
from tests.daemon.inventory.support import NOW, SECRETS, World, world


def call(here: World, monkeypatch: pytest.MonkeyPatch, *options: str, config: str = "") -> Result:
    file = here.repository.parent / "barograph.yml"
    file.write_text(config or f"source: {{kind: atmos, path: {here.repository.name}}}\n")
    monkeypatch.setenv("PATH", f"{here.binaries}:{os.environ['PATH']}")
    return CliRunner().invoke(cli, ["inventory", "-c", str(file), *options])


@pytest.mark.parametrize("generation", fakeatmos.GENERATIONS)
def test_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generation: str) -> None:
    """One object, with every instance and whole state keys, and nothing secret."""
    result = call(world(tmp_path, generation), monkeypatch, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    payments = next(
        one for one in said["instances"] if (one["stack"], one["component"]) == ("acme-prod", "service/payments")
    )
    assert payments["workspace"] == "acme-prod-service-payments"
    assert payments["working_directory"] == "components/terraform/service"
    assert payments["backend"] == {
        "type": "s3",
        "bucket": "acme-terraform-state",
        "key": "service/acme-prod-service-payments/terraform.tfstate",
        "region": "us-east-1",
    }
    assert (payments["stage"], payments["tenant"], payments["enabled"], payments["owner"]) == (
        "production", "acme", True, "",
    )  # fmt: skip
    assert {"stack": "acme-dev", "component": "network/defaults", "reason": "abstract"} in said["left_out"]
    assert not any(secret in result.output for secret in (*SECRETS, "testing"))


def test_what_changed_since_the_daemon_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon's store beside it knows the last listing: what appeared, vanished and changed is told."""
    here = world(tmp_path, "1.205.1")
    with Store.open(tmp_path / "barograph.db", lambda: NOW) as store, store.transaction() as tx:
        loader = here.loader()
        loader.load()
        known = json.loads(loader.memory.to_json())
        del known["instances"]["acme-dev/dns"]
        known["instances"]["acme-dev/gone"] = known["instances"]["acme-dev/network"]
        known["instances"]["acme-prod/network"]["workspace"] = "before"
        tx.set_meta(MEMORY, json.dumps(known | {"content": "another"}))
    said = json.loads(call(here, monkeypatch, "--json").stdout)
    assert said["changes"] == {
        "since_commit": "", "appeared": ["acme-dev/dns"], "vanished": ["acme-dev/gone"],
        "changed": {"acme-prod/network": ["workspace"]},
    }  # fmt: skip
    assert said["kept_though_not_listed"] == ["acme-dev/gone"]
    assert "lists_fewer" in {one["key"] for one in said["problems"]}
    shown = " ".join(call(here, monkeypatch).stdout.split())
    assert "since the daemon's last listing: 1 appeared (acme-dev/dns), 1 vanished (acme-dev/gone), 1 changed" in shown
    (tmp_path / "barograph.db").write_bytes(b"rubbish")
    assert json.loads(call(here, monkeypatch, "--json").stdout)["changes"]["vanished"] == []


def test_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table, what is left out, and what is wrong."""
    result = call(world(tmp_path, "1.205.1", "missing-component-folder"), monkeypatch)
    assert result.exit_code == 0, result.output
    assert "9 instances, 1 of them disabled" in result.stdout
    assert "left out: acme-dev/ghost: the component folder components/terraform/ghost is not there" in " ".join(
        result.stdout.split()
    )
    assert not any(secret in result.output for secret in SECRETS)


def test_a_repository_that_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3 and one message: could not look."""
    result = call(world(tmp_path, "1.205.1", "broken-yaml"), monkeypatch, "--json")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "deploy/acme/dev.yaml" in result.stderr


def test_a_configuration_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2: usage."""
    result = call(world(tmp_path, "1.205.1"), monkeypatch, config="source: {kind: atmos}\n")
    assert result.exit_code == 2


def test_a_list_of_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source `terraform` through the configuration file."""
    here = world(tmp_path, "1.205.1")
    config = """
source:
  kind: terraform
  path: repository
  roots:
    - path: components/terraform/dns
      stack: acme-prod
      workspaces: [default, blue]
      backend_config: {bucket: states, key: dns.tfstate}
"""
    (here.repository / "components/terraform/dns/backend.tf").write_text('terraform {\n  backend "s3" {}\n}\n')
    result = call(here, monkeypatch, "--json", config=config)
    assert result.exit_code == 0, result.output
    assert [(one["component"], one["backend"]["key"]) for one in json.loads(result.stdout)["instances"]] == [
        ("dns/blue", "env:/blue/dns.tfstate"),
        ("dns/default", "dns.tfstate"),
    ]
    assert here.atmos_calls() == []
