"""From a real listing to a verdict, at three generations of Atmos: real Terraform, states in moto, a fake provider."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checks.drift import Drift
from daemon.aws import Aws, AwsSettings
from daemon.inventory.loader import InventoryLoader
from daemon.inventory.model import Inventory
from daemon.inventory.settings import SourceKind, SourceSettings
from daemon.places import PlannedInstance
from daemon.planning import Planner, PlanningSettings, PlanRule
from daemon.processes import Finished, Processes
from tests import fakeatmos
from tests.daemon.inventory.support import (
    BUCKET,
    SECRETS,
    create_states,
    drop_locks,
    drop_states,
    snapshot,
    state_objects,
)
from tests.worlds import Call, Proxy, client, moto_server, recording_proxy, write_fake_mirror

every_generation = pytest.mark.parametrize("generation", fakeatmos.GENERATIONS)

# The recorded dns component, with a resource that a hand can change.
DNS = """
terraform {
  required_providers { fake = { source = "local/test/fake" } }
}
variable "tenant" { type = string }
variable "stage" { type = string }
variable "namespace" { type = string }
variable "zone" { type = string }
resource "fake_thing" "zone" {
  name = var.zone
  size = "small"
}
"""


@dataclass
class Estate:
    """The recorded repository, its Atmos, and a place to deploy it from."""

    root: Path
    generation: str
    endpoint: str  # moto itself, for deployments
    proxy: Proxy  # what Barograph goes through
    mirror: Path
    processes: Processes = field(default_factory=Processes)

    @property
    def repository(self) -> Path:
        return self.root / "repository"

    @property
    def journal(self) -> Path:
        return self.root / "journal.jsonl"

    def deploy(self, *argv: str, expect: int = 0) -> Finished:
        """What a person runs: `atmos terraform …` in a checkout of their own."""
        checkout = self.root / "checkout"
        if not checkout.exists():
            shutil.copytree(self.repository, checkout)
        bin_of_people = self.root / "people"
        fakeatmos.install(bin_of_people, self.generation, endpoint=self.endpoint)
        config = self.root / "terraformrc"
        config.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{self.mirror}"\n  }}\n}}\n')
        env = self._identity | {
            "PATH": f"{bin_of_people}:{os.environ['PATH']}",
            "HOME": str(self.root),
            "TF_CLI_CONFIG_FILE": str(config),
            "CHECKPOINT_DISABLE": "1",
            # Now and then the SDK sends a lock's request to moto twice, and the second one meets the first one's lock.
            "TF_CLI_ARGS_apply": "-lock=false",
            "TF_CLI_ARGS_plan": "-lock=false",
            "FAKE_CLOUD": str(self.root / "cloud"),
        }
        for _ in range(5):
            done = self.processes.run(["atmos", "terraform", *argv], cwd=checkout, env=env, deadline=120)
            if done.rc == expect or b"state lock" not in done.stdout + done.stderr:
                break
            drop_locks(self.endpoint)  # `workspace new` takes one too, and cannot be told not to
        assert done.rc == expect, (done.stdout + done.stderr).decode()
        return done

    @property
    def _identity(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}

    @property
    def _inherited(self) -> dict[str, str]:
        fakeatmos.install(self.root / "bin", self.generation, endpoint=self.proxy.url, journal=self.journal)
        return self._identity | {"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}

    def load(self) -> tuple[Inventory, str]:
        settings = SourceSettings(SourceKind.ATMOS, self.repository, environment=self._inherited)
        loader = InventoryLoader(settings, self.processes.run, _now)
        return loader.load(), loader.source_fingerprint

    def verdicts(self, *keys: str, **settings: Any) -> dict[str, str]:
        """One look of the drift check at each of these instances."""
        inventory, fingerprint = self.load()
        planning = PlanningSettings(
            scratch=self.root / "scratch",
            driver="atmos",
            provider_mirror=self.mirror,
            rules=(PlanRule(environment={"FAKE_CLOUD": str(self.root / "cloud")}),),
            inherited=self._inherited,
            **settings,
        )
        aws = Aws(AwsSettings(connect_timeout=2, read_timeout=10, attempts=2))
        planner = Planner(planning, self.repository, self.processes, aws, _now)
        found = {}
        try:
            for watched in inventory.watched:
                if watched.instance.key in keys:
                    place = PlannedInstance(watched, fingerprint, planner, _now)
                    (reading,) = Drift().run(place)
                    found[watched.instance.key] = reading.verdict
                    assert not any(secret in repr(reading) for secret in SECRETS)
        finally:
            planner.close()
        return found

    def plans(self) -> list[dict[str, Any]]:
        """The plans that Barograph had Atmos make: Atmos' call and Terraform's, each with its exit code."""
        return [
            call
            for call in fakeatmos.calls(self.journal)
            if call.get("terraform", [])[:1] == ["plan"] or call.get("atmos", [])[:2] == ["terraform", "plan"]
        ]


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    """One moto server for this file."""
    with moto_server() as url:
        yield url


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A provider mirror with the fake provider."""
    return write_fake_mirror(tmp_path_factory.mktemp("mirror"))


@contextmanager
def estate(root: Path, generation: str, moto_url: str, mirror: Path, *variants: str) -> Iterator[Estate]:
    create_states(moto_url)
    with recording_proxy(moto_url) as proxy:
        made = Estate(root, generation, moto_url, proxy, mirror)
        fakeatmos.lay_out(made.repository, *variants, generation=generation)
        (made.repository / "components/terraform/dns/main.tf").write_text(DNS)
        (root / "cloud").mkdir()
        try:
            yield made
        finally:
            made.processes.close()
            drop_states(moto_url)


def _hand_changes(estate: Estate, zone: str) -> None:
    thing = estate.root / "cloud" / f"t-{zone}.json"
    thing.write_text(thing.read_text().replace('"small"', '"HUGE"'))


@every_generation
def test_the_plain_repository_gets_the_same_verdicts(
    tmp_path: Path, generation: str, moto_url: str, mirror: Path
) -> None:
    """In sync, drift, pending, never deployed, not applicable: each generation gives the same, nothing is written."""
    with estate(tmp_path, generation, moto_url, mirror) as here:
        for component in ("network", "service/payments", "dns"):
            here.deploy("apply", component, "-s", "acme-dev", "-auto-approve")
        here.deploy("apply", "network", "-s", "acme-prod", "-auto-approve")
        _hand_changes(here, "dev.acme.test")
        module = here.repository / "components/terraform/service/main.tf"
        module.write_text(module.read_text() + 'output "added" { value = 1 }\n')
        before = snapshot(here.repository)
        assert here.verdicts(
            "acme-dev/network", "acme-dev/service/payments", "acme-dev/dns", "acme-prod/network", "acme-prod/dns",
            "acme-staging/dns",
        ) == {
            "acme-dev/network": "in_sync",
            "acme-dev/service/payments": "pending",
            "acme-dev/dns": "drift",
            "acme-prod/network": "in_sync",
            "acme-prod/dns": "never_deployed",
            "acme-staging/dns": "not_applicable",
        }  # fmt: skip
        assert here.proxy.calls
        assert here.proxy.writes == []
        assert snapshot(here.repository) == before
        asked = {call["atmos"][2] for call in here.plans() if "atmos" in call}
        assert asked == {"network", "service/payments", "dns"}  # what was never deployed or is disabled is not planned
        assert not list((tmp_path / "scratch").rglob("*.tfvars.json"))


@every_generation
def test_an_exit_code_turned_into_success_changes_no_verdict(
    tmp_path: Path, generation: str, moto_url: str, mirror: Path
) -> None:
    """With ci.enabled 1.226 ends with 0 where Terraform ended with 2: never deployed and drift stay what they are."""
    with estate(tmp_path, generation, moto_url, mirror, "ci") as here:
        recorded = fakeatmos.recording(generation, "ci-enabled-exit-2")
        out = tmp_path / "p1"
        # The recorded call: it creates the workspace, with an empty state, and plans to create everything.
        argv = [argument.replace("/out/p1", str(out)) for argument in recorded["argv"][2:]]
        here.deploy(*argv, expect=recorded["rc"])
        here.deploy("apply", "dns", "-s", "acme-dev", "-auto-approve")
        _hand_changes(here, "dev.acme.test")
        assert here.verdicts("acme-staging/network", "acme-dev/dns", "acme-prod/network") == {
            "acme-staging/network": "never_deployed",
            "acme-dev/dns": "drift",
            "acme-prod/network": "never_deployed",
        }
        assert here.proxy.writes == []
        assert {call["rc"] for call in here.plans() if "terraform" in call} == {2}
        assert {call["rc"] for call in here.plans() if "atmos" in call} == {0 if generation == "1.226.1" else 2}


@every_generation
def test_a_state_that_vanishes_is_not_created_again(
    tmp_path: Path, generation: str, moto_url: str, mirror: Path
) -> None:
    """A state that goes after the first look: nothing selects or creates a workspace, and there is no good verdict."""
    with estate(tmp_path, generation, moto_url, mirror) as here:
        here.deploy("apply", "network", "-s", "acme-dev", "-auto-approve")
        here.deploy("apply", "network", "-s", "acme-prod", "-auto-approve")
        looks: list[str] = []

        def gone_after_the_first_look(call: Call) -> None:
            if looks:
                client("s3", moto_url).delete_object(Bucket=BUCKET, Key="network/acme-dev/terraform.tfstate")
            if call.method == "GET" and call.path.partition("?")[0].endswith("network/acme-dev/terraform.tfstate"):
                looks.append(call.path)

        here.proxy.answer = gone_after_the_first_look
        verdict = here.verdicts("acme-dev/network")["acme-dev/network"]
        assert looks
        assert verdict in ("error", "config_error", "busy", "never_deployed")
        assert here.proxy.writes == []
        assert state_objects(moto_url) == ["network/acme-prod/terraform.tfstate"]


@every_generation
def test_the_command_line_on_an_atmos_repository(tmp_path: Path, generation: str, moto_url: str, mirror: Path) -> None:
    """`inventory` and `check` as a person runs them: whole keys, right workspaces, verdicts, exit codes, no secret."""
    with estate(tmp_path, generation, moto_url, mirror) as here:
        for component in ("network", "service/payments", "dns"):
            here.deploy("apply", component, "-s", "acme-dev", "-auto-approve")
        config = tmp_path / "barograph.yml"
        config.write_text(
            f"source: {{kind: atmos, path: repository}}\nowners: {{default: platform}}\n"
            f"planning:\n  provider_mirror: {mirror}\n"
            f"  rules: [{{environment: {{FAKE_CLOUD: {tmp_path / 'cloud'}}}}}]\n"
        )

        def barograph(*argv: str) -> tuple[int, str]:
            command = [sys.executable, "-m", "daemon", *argv, "-c", str(config)]
            env = here._inherited | {"HOME": str(tmp_path)}
            done = here.processes.run(command, cwd=Path(__file__).parents[2], env=env, deadline=240)
            assert not any(secret in (done.stdout + done.stderr).decode() for secret in SECRETS)
            return done.rc or 0, done.stdout.decode()

        code, text = barograph("inventory", "--json")
        assert code == 0
        listed = {f"{one['stack']}/{one['component']}": one for one in json.loads(text)["instances"]}
        payments = listed["acme-dev/service/payments"]
        assert payments["workspace"] == "acme-dev-service-payments"
        assert payments["working_directory"] == "components/terraform/service"
        assert payments["backend"]["key"] == "service/acme-dev-service-payments/terraform.tfstate"
        assert (payments["stage"], payments["owner"], payments["enabled"]) == ("development", "platform", True)
        assert listed["acme-staging/dns"]["enabled"] is False

        code, text = barograph("check", "drift", "--stack", "acme-dev", "--json")
        verdicts = {one["resource"]: one["verdict"] for one in json.loads(text)["readings"]}
        assert (code, set(verdicts.values())) == (0, {"in_sync"}), text
        _hand_changes(here, "dev.acme.test")
        code, text = barograph("check", "drift", "--stack", "acme-dev", "--component", "dns")
        assert code == 1
        assert "atmos terraform apply dns -s acme-dev" in text
        assert here.proxy.writes == []
