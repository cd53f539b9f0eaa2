"""The source `atmos` against the recordings of three generations of the real command line."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.inventory.atmos import LIST, WITHOUT_TEMPLATES
from daemon.inventory.model import Inventory, InventoryError
from daemon.inventory.report import inventory_report
from tests import fakeatmos
from tests.daemon.inventory.support import SECRETS, World, denying_server, snapshot, state_objects, world

every_generation = pytest.mark.parametrize("generation", fakeatmos.GENERATIONS)

PLAIN = {
    "acme-dev/dns": ("acme-dev", "components/terraform/dns", "dns/acme-dev/terraform.tfstate", "development"),
    "acme-dev/network": (
        "acme-dev",
        "components/terraform/network",
        "network/acme-dev/terraform.tfstate",
        "development",
    ),
    "acme-dev/service/payments": (
        "acme-dev-service-payments",
        "components/terraform/service",
        "service/acme-dev-service-payments/terraform.tfstate",
        "development",
    ),
    "acme-prod/dns": ("acme-prod", "components/terraform/dns", "dns/acme-prod/terraform.tfstate", "production"),
    "acme-prod/network": (
        "acme-prod",
        "components/terraform/network",
        "network/acme-prod/terraform.tfstate",
        "production",
    ),
    "acme-prod/service/payments": (
        "acme-prod-service-payments",
        "components/terraform/service",
        "service/acme-prod-service-payments/terraform.tfstate",
        "production",
    ),
    "acme-staging/dns": ("acme-staging", "components/terraform/dns", "dns/acme-staging/terraform.tfstate", "staging"),
    "acme-staging/network": (
        "acme-staging",
        "components/terraform/network",
        "network/acme-staging/terraform.tfstate",
        "staging",
    ),
    "acme-staging/service/payments": (
        "acme-staging-service-payments",
        "components/terraform/service",
        "service/acme-staging-service-payments/terraform.tfstate",
        "staging",
    ),
}


def facts(inventory: Inventory) -> dict[str, tuple[str, str, str, str]]:
    return {
        one.instance.key: (one.instance.workspace, one.instance.working_directory, one.backend.key, one.instance.stage)
        for one in inventory.watched
    }


@every_generation
def test_the_plain_repository_is_the_same_for_all(tmp_path: Path, generation: str) -> None:
    """Instances, workspaces, folders, state keys and stages do not depend on the generation of Atmos."""
    inventory = world(tmp_path, generation).loader().load()
    assert facts(inventory) == PLAIN
    assert inventory.problems == ()
    assert {(one.component, one.reason) for one in inventory.left_out} == {
        ("network/defaults", "abstract"),
        ("service/defaults", "abstract"),
    }
    assert [one.instance.key for one in inventory.watched if not one.instance.enabled] == ["acme-staging/dns"]
    assert {one.command for one in inventory.watched} == {"terraform"}
    assert all(one.vars for one in inventory.watched)


@every_generation
def test_each_workspace_is_confirmed_once(tmp_path: Path, generation: str) -> None:
    """Eight enabled instances are asked about once, and again only when the repository changed."""
    here = world(tmp_path, generation)
    loader = here.loader()
    loader.load()
    assert here.atmos_calls()[:2] == [["version"], list(LIST)]
    confirmations = [call for call in here.atmos_calls() if call[:2] == ["describe", "component"]]
    assert len(confirmations) == 8
    loader.load()
    assert len(here.atmos_calls()) == 10
    loader.refresh()  # lists again, asks nothing again
    assert here.atmos_calls()[10:] == [list(LIST)]
    (here.repository / "components/terraform/dns/main.tf").write_text("# changed\n")
    loader.load()
    assert len(here.atmos_calls()) == 11 + 1 + 8


@every_generation
def test_the_recorded_rows_of_workspaces(tmp_path: Path, generation: str) -> None:
    """Each generation's own recorded workspaces; what 1.163 cannot plan is an inventory error there."""
    inventory = world(tmp_path, generation, "workspaces").loader().load()
    rows = fakeatmos.recording(generation, "workspaces-used")
    used = {name: row["used"][0] for name, row in rows.items() if row["used"]}
    folders = {name: row["cwd"][0].removeprefix("/repo/") for name, row in rows.items() if row["used"]}
    found = {one.instance.component: one.instance for one in inventory.watched if one.instance.stack == "acme-test"}
    assert {name: instance.workspace for name, instance in found.items()} == used
    assert {name: instance.working_directory for name, instance in found.items()} == folders
    if generation == "1.163.0":
        reasons = {one.component: one.reason for one in inventory.left_out}
        assert reasons["inherits-only"] == "the component folder components/terraform/inherits-only is not there"
        assert [problem.key for problem in inventory.problems] == ["component_folder_missing"]
    else:
        assert inventory.problems == ()


@every_generation
def test_listing_with_templates_writes_nothing(tmp_path: Path, generation: str, cloud: str) -> None:
    """The guard stops `workspace new`, the listing is made again without templates, the checkout is untouched."""
    here = world(tmp_path, generation, "templates", endpoint=cloud)
    before = snapshot(here.repository)
    inventory = here.loader().load()
    assert snapshot(here.repository) == before
    assert list(LIST) in here.atmos_calls()
    assert [*LIST, WITHOUT_TEMPLATES] in here.atmos_calls()
    writing = [call for call in here.terraform_calls() if call["terraform"][:1] == ["workspace"]]
    assert writing
    assert all(call["rc"] != 0 for call in writing)
    assert not [call for call in here.terraform_calls() if call["terraform"][:1] == ["output"]]
    assert state_objects(cloud) == []
    watched = {one.instance.key: one for one in inventory.watched}
    assert watched["acme-tp/dns"].unresolved == ("plain", "zone")
    assert "zone" not in watched["acme-tp/dns"].vars
    assert watched["acme-tp/network"].unresolved == ()
    assert watched["acme-tp/dns"].instance.workspace == "acme-tp"
    assert [problem.key for problem in inventory.problems] == ["stage_unknown"]


def test_a_denied_backend_does_not_stop_a_listing_with_templates(tmp_path: Path) -> None:
    """Where Terraform fails before the guard has anything to refuse, the listing is made again without templates."""
    with denying_server() as endpoint:
        here = world(tmp_path, "1.205.1", "templates", endpoint=endpoint)
        inventory = here.loader().load()
    assert here.terraform_calls()
    assert not [call for call in here.terraform_calls() if call["terraform"][:1] == ["workspace"]]
    assert {"acme-tp/dns", "acme-dev/dns"} <= {one.instance.key for one in inventory.watched}


@every_generation
def test_functions_are_never_run(tmp_path: Path, generation: str) -> None:
    """`!terraform.output`, `!env` and `!exec` stay what they are, and say that only Atmos can plan the instance."""
    inventory = world(tmp_path, generation, "functions").loader().load()
    dns = next(one for one in inventory.watched if one.instance.key == "acme-fn/dns")
    tags = {"1.163.0": ("env", "exec", "zone")}.get(generation, ("env", "exec", "state", "zone"))
    assert dns.unresolved == tags  # 1.163 does not know !terraform.state, and drops the tag


@pytest.mark.parametrize(
    ("variant", "generations", "said"),
    [
        ("broken-yaml", fakeatmos.GENERATIONS, "deploy/acme/dev.yaml"),
        ("missing-import", fakeatmos.GENERATIONS, "catalog/nothing"),
        ("root-metadata", ("1.226.1",), "metadata field is not allowed at global"),
        ("type-conflict", ("1.163.0", "1.205.1"), "cannot override two slices with different type"),
        ("no-stage", fakeatmos.GENERATIONS, "does not have a stage defined"),
        ("unknown-token", fakeatmos.GENERATIONS, "defined in more than one top-level stack manifest"),
        ("no-atmos-yaml", fakeatmos.GENERATIONS, "stack base path must be provided"),
    ],
)
def test_a_broken_repository_is_one_clear_error(
    tmp_path: Path, variant: str, generations: tuple[str, ...], said: str
) -> None:
    """A repository that Atmos does not load says so in a few words: no traceback, no colours, no secrets."""
    for generation in generations:
        here = world(tmp_path / generation, generation, variant)
        with pytest.raises(InventoryError) as caught:
            here.loader().load()
        text = str(caught.value)
        assert said in " ".join(text.split())
        assert f"Atmos {generation} cannot list the stacks of {here.repository}" in text
        assert "\n" not in text
        assert "\x1b" not in text
        assert len(text) < 900
        assert not any(secret in text for secret in SECRETS)


@every_generation
def test_a_missing_component_folder_spoils_only_its_instance(tmp_path: Path, generation: str) -> None:
    """What points to no folder is left out with a reason; all else is watched."""
    inventory = world(tmp_path, generation, "missing-component-folder").loader().load()
    assert facts(inventory) == PLAIN
    assert ("ghost", "the component folder components/terraform/ghost is not there") in {
        (one.component, one.reason) for one in inventory.left_out
    }
    assert [(one.key, one.where) for one in inventory.problems] == [("component_folder_missing", ("acme-dev/ghost",))]


@every_generation
def test_no_backend_is_one_problem(tmp_path: Path, generation: str) -> None:
    """Instances without a backend cannot be planned by any generation: left out, with one grouped problem."""
    inventory = world(tmp_path, generation, "no-backend").loader().load()
    assert [one.key for one in inventory.problems] == ["no_backend"]
    assert len(inventory.problems[0].where) == 8
    assert [one.instance.key for one in inventory.watched] == ["acme-staging/dns"]  # disabled: nothing to plan


@every_generation
def test_stack_names_with_a_slash_cannot_be_planned(tmp_path: Path, generation: str) -> None:
    """Atmos lists them but does not find them: they are left out, and no call is spent on them."""
    here = world(tmp_path, generation, "name-template")
    inventory = here.loader().load()
    assert inventory.watched == ()
    assert [one.key for one in inventory.problems] == ["stack_not_plannable"]
    assert [call[:2] for call in here.atmos_calls()] == [["version"], ["describe", "stacks"]]


@every_generation
def test_nothing_secret_is_shown(tmp_path: Path, generation: str) -> None:
    """Vars and environment stay inside: not in the report, not in any repr."""
    inventory = world(tmp_path, generation).loader().load()
    payments = next(one for one in inventory.watched if one.instance.component == "service/payments")
    assert payments.vars["api_token"] == SECRETS[0]
    assert payments.env["SERVICE_TOKEN"] == SECRETS[1]
    shown = json.dumps(inventory_report(inventory)) + repr(inventory) + repr(dataclasses.astuple(payments.instance))
    assert not any(secret in shown for secret in (*SECRETS, "secret_key"))


@every_generation
def test_masked_credentials_are_never_used_as_values(tmp_path: Path, generation: str) -> None:
    """From 1.205 on backend keys print as <MASKED>: they are dropped, and a note says so."""
    inventory = world(tmp_path, generation).loader().load()
    backends = [one.backend.config for one in inventory.watched]
    assert not any("<MASKED>" in json.dumps(dict(config)) for config in backends)
    assert bool(inventory.notes) == (generation != "1.163.0")


def test_a_workspace_that_atmos_denies_is_an_inventory_error(tmp_path: Path) -> None:
    """An instance that Atmos would plan elsewhere is left out: it never gets a verdict from the wrong state."""
    here = world(tmp_path, "1.205.1")
    real = here.binaries / "atmos"
    real.rename(here.binaries / "real-atmos")
    real.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        '  "describe component network -s acme-prod "*) echo \'"elsewhere"\' ;;\n'
        '  "describe component dns -s acme-prod "*) echo "no such thing: api_token=hunter2hunter2" >&2; exit 1 ;;\n'
        f'  *) exec {here.binaries}/real-atmos "$@" ;;\n'
        "esac\n"
    )
    real.chmod(0o755)
    loader = here.loader()
    inventory = loader.load()
    reasons = {f"{one.stack}/{one.component}": one.reason for one in inventory.left_out if one.reason != "abstract"}
    assert reasons == {
        "acme-prod/network": (
            "Atmos plans it in workspace 'elsewhere', but 'acme-prod' is what follows from its stack and name"
        ),
        "acme-prod/dns": "workspace not confirmed: no such thing: api_token=***",
    }
    assert {one.key: one.where for one in inventory.problems} == {
        "workspace_differs": ("acme-prod/network",),
        "workspace_unconfirmed": ("acme-prod/dns",),
    }
    assert len(inventory.watched) == 7
    asked = len(here.atmos_calls())
    assert loader.load() is not inventory  # what could not be asked is asked again, though no file changed
    assert len(here.atmos_calls()) == asked + 1  # the listing; the seven confirmed ones are remembered


def scripted(here: World, body: str) -> None:
    program = here.binaries / "atmos"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "listing", "said"),
    [
        ("echo 'Atmos 1.162.9 on linux/amd64'", "true", "Atmos 1.162.9 is too old"),
        ("echo hello", "true", "`atmos version` does not tell a version: hello"),
        ("exit 1", "true", "`atmos version` does not tell a version: it ended with exit code 1 and said nothing"),
        ("echo 'Atmos 1.226.1'", "echo '┌ choose ┐'", "not JSON"),
        ("echo 'Atmos 1.226.1'", "exec sleep 60", "did not end within 2 s"),
        ("echo 'Atmos 1.226.1'", "exec yes", "printed too much"),
        ("echo 'Atmos 1.226.1'", "echo '[]'", "not a JSON object"),
        ("echo 'Atmos 1.226.1'", "kill -9 $$", "ended by signal 9"),
        ("echo 'Atmos 1.226.1'", "exit 3", "ended with exit code 3 and said nothing"),
    ],
)
def test_an_atmos_that_misbehaves_is_one_clear_error(tmp_path: Path, version: str, listing: str, said: str) -> None:
    """Too old, silent, endless, interactive, killed: each says what is wrong and leaves no inventory behind."""
    here = world(tmp_path, "1.226.1")
    scripted(here, f'if [ "$1" = version ]; then {version}; exit; fi\n{listing}')
    with pytest.raises(InventoryError, match=re.escape(said)):
        here.loader(deadline=timedelta(seconds=2), output_limit=100_000).load()


def test_no_atmos_at_all(tmp_path: Path) -> None:
    """A missing program is named, with what to do."""
    here = world(tmp_path, "1.226.1")
    (here.binaries / "atmos").unlink()
    with pytest.raises(InventoryError, match="Atmos cannot be started"):
        here.loader(atmos=str(here.binaries / "atmos")).load()


def test_a_newer_atmos_is_taken_with_a_note(tmp_path: Path) -> None:
    """A version that was never tried is tolerated, and said."""
    here = world(tmp_path, "1.226.1")
    (here.binaries / "atmos").rename(here.binaries / "real-atmos")
    scripted(here, f'[ $1 = version ] && echo "Atmos v1.300.0" || exec {here.binaries}/real-atmos "$@"')
    assert any("1.300.0 is newer" in note for note in here.loader().load().notes)


def test_the_environment_is_said_outright(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the daemon's own environment reaches Atmos but what the settings give."""
    monkeypatch.setenv("ATMOS_VERSION", "1.0.0")
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("TF_VAR_secret", "hunter2")
    here = world(tmp_path, "1.205.1")
    (here.binaries / "atmos").rename(here.binaries / "real-atmos")
    scripted(here, f'env > {tmp_path}/env; exec {here.binaries}/real-atmos "$@"')
    here.loader().load()
    env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert not {"ATMOS_VERSION", "CI", "TF_VAR_secret", "TF_WORKSPACE"} & set(env)
    assert env["ATMOS_BASE_PATH"] == str(here.repository)
    assert env["ATMOS_CLI_CONFIG_PATH"] == str(here.repository)
    assert env["ATMOS_COMPONENTS_TERRAFORM_COMMAND"].startswith(env["PATH"].split(os.pathsep)[0])
    assert not Path(env["HOME"]).exists()  # private, and gone
