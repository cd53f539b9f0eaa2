"""Versions: what each Atmos does, and what a repository asks for against what is installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.inventory.capabilities import NEWEST_KNOWN, TABLE, Atmos, Can, Version
from daemon.inventory.settings import RootModule, SourceKind
from daemon.inventory.versions import Wanted, compare, tool_versions
from tests import fakeatmos
from tests.daemon.inventory.support import World, world

RECORDED: dict[str, Version] = {name: tuple(map(int, name.split("."))) for name in fakeatmos.GENERATIONS}  # type: ignore[misc]  # three numbers each


def recorded(generation: str, name: str) -> str:
    call = fakeatmos.recording(generation, name)
    return str(call["stdout"]) + str(call["stderr"])


@pytest.mark.parametrize("generation", fakeatmos.GENERATIONS)
def test_the_table_says_what_was_recorded(generation: str) -> None:
    """Each entry that a recording shows, in each of the three generations."""
    atmos = Atmos(RECORDED[generation])
    listing = recorded(generation, "describe-stacks")
    assert atmos.does(Can.MASKS) is ("<MASKED>" in listing)
    assert atmos.does(Can.COMPONENT_INFO) is ('"component_info"' in listing)
    names = json.loads(fakeatmos.recording(generation, "name-collision")["stdout"])
    assert atmos.does(Can.NAME_IDENTITY) is ("infrastructure" in names)
    refused = fakeatmos.recording(generation, "root-metadata")["rc"] != 0
    assert atmos.does(Can.REFUSES_ROOT_METADATA) is refused
    assert atmos.does(Can.REFUSES_LIST_OVER_TEXT) is (fakeatmos.recording(generation, "type-conflict")["rc"] != 0)
    assert atmos.does(Can.CI_REMAPS_CODES) is (fakeatmos.recording(generation, "ci-enabled-exit-2")["rc"] == 0)
    calls = fakeatmos.recording(generation, "guard-refuses-workspace")["terraform_calls"]
    assert atmos.does(Can.SELECTS_OR_CREATES) is any("-or-create" in call["argv"] for call in calls)


def test_what_comes_next_has_what_the_newest_has() -> None:
    """A newer version is noted, and judged like the newest one known; a later patch is not even noted."""
    newest, next_year = Atmos(NEWEST_KNOWN), Atmos((2, 0, 0))
    assert all(newest.does(can) == next_year.does(can) for can in Can)
    assert (Atmos((1, 226, 99)).newer, Atmos((1, 227, 0)).newer, newest.newer) == (False, True, False)
    assert set(TABLE) == set(Can)
    assert all(Atmos().does(can) for can in Can), "of an unknown version anything is possible"


def newer(here: World, text: str) -> None:
    """Let the fake Atmos say another version."""
    real = here.binaries / "real"
    (here.binaries / "atmos").rename(real)
    (here.binaries / "atmos").write_text(
        f'#!/bin/sh\nif [ "$1" = version ]; then echo "{text}"; exit; fi\nexec {real} "$@"\n'
    )
    (here.binaries / "atmos").chmod(0o755)


def test_a_newer_atmos_is_a_note(tmp_path: Path) -> None:
    """It loads, and is named."""
    here = world(tmp_path, "1.226.1")
    newer(here, "👽 Atmos 1.300.0 on linux/amd64")
    inventory = here.loader().load()
    assert len(inventory.watched) == 9
    assert "Atmos 1.300.0 is newer than the last one Barograph was tried with (1.226.1)" in inventory.notes


@pytest.mark.parametrize(
    ("generation", "variant", "hint"),
    [
        ("1.163.0", "type-conflict", "a list meets a text, and this version names neither file nor key"),
        ("1.205.1", "type-conflict", "a list meets a text, and this version names neither file nor key"),
        ("1.226.1", "root-metadata", "From 1.225 on a manifest may not have such metadata at its root"),
    ],
)
def test_a_refusal_that_its_version_does_not_explain(tmp_path: Path, generation: str, variant: str, hint: str) -> None:
    """What is known of the version is said beside its own words."""
    from daemon.inventory.model import InventoryError

    with pytest.raises(InventoryError, match=hint):
        world(tmp_path, generation, variant).loader().load()


def test_comparing() -> None:
    """One problem per tool that a constraint rules out, one note per tool that people agreed on otherwise."""
    wanted = [
        Wanted("terraform", ">= 1.9, < 2.0", "components/vpc"),
        Wanted("terraform", "~> 1.5.0", "components/old"),
        Wanted("terraform", "= 1.4.0", "components/older"),
        Wanted("terraform", "what?", "components/odd"),
        Wanted("terraform", "1.5.7", ".tool-versions:1", binding=False),
        Wanted("atmos", "1.44.0 1.163.0", ".tool-versions:2", binding=False),
        Wanted("hashicorp/aws", "~> 5.74.0", "components/vpc"),
        Wanted("hashicorp/random", ">= 3", "components/vpc"),
    ]
    installed = {"terraform": ("1.11.4",), "atmos": ("1.163.0",), "hashicorp/aws": ("5.100.0",)}
    problems, notes = compare(wanted, installed)
    assert {one.key: one.where for one in problems} == {
        "version_terraform": ("components/old wants ~> 1.5.0", "components/older wants = 1.4.0"),
        "version_hashicorp_aws": ("components/vpc wants ~> 5.74.0",),
    }
    assert notes == ("terraform 1.11.4 is installed; .tool-versions:1 wants 1.5.7",)
    assert compare(wanted, {}) == ((), ())
    assert compare(wanted[:3], {"terraform": ("1.11.4", "1.5.9", "1.4.0")}) == ((), ())


def test_a_tool_versions_file() -> None:
    """asdf's format: several versions are alternatives, comments and other tools do not matter."""
    text = "# pins\nterraform 1.11.4 1.10.0 # both\nopentofu 1.8.0\nnodejs 20\natmos 1.163.0\nterraform\n"
    assert tool_versions(text) == (
        Wanted("terraform", "1.11.4 1.10.0", ".tool-versions:2", binding=False),
        Wanted("opentofu", "1.8.0", ".tool-versions:3", binding=False),
        Wanted("atmos", "1.163.0", ".tool-versions:5", binding=False),
    )


def test_a_repository_against_what_is_installed(tmp_path: Path) -> None:
    """Terraform by its own answer, Atmos by its own, providers by the mirror; each program is asked once."""
    here = world(tmp_path, "1.205.1")
    (here.binaries / "terraform").write_text(
        f'#!/bin/sh\necho x >> {tmp_path}/asked\necho \'{{"terraform_version": "1.11.4"}}\'\n'
    )
    (here.binaries / "terraform").chmod(0o755)
    mirror = tmp_path / "mirror/registry.terraform.io/hashicorp"
    (mirror / "aws/5.100.0/linux_amd64").mkdir(parents=True)
    (mirror / "null").mkdir()
    (mirror / "null/terraform-provider-null_3.2.0_linux_amd64.zip").touch()
    (here.repository / ".tool-versions").write_text("terraform 1.5.7\natmos 1.44.0\n")
    module = here.repository / "components/terraform/dns/versions.tf"
    module.write_text(
        'terraform {\n  required_version = "~> 1.5.7"\n  required_providers {\n'
        '    aws = { source = "hashicorp/aws", version = "~> 5.74.0" }\n    null = ">= 4.0"\n'
        '    other = { source = "acme/other", version = "1.0" }\n  }\n}\n'
    )
    loader = here.loader(provider_mirror=tmp_path / "mirror", terraform=("terraform", "no-such-tofu"))
    for _ in range(2):
        inventory = loader.refresh()
    where = "components/terraform/dns wants"
    assert {one.key: one.where for one in inventory.problems} == {
        "version_terraform": (f"{where} ~> 1.5.7",),
        "version_hashicorp_aws": (f"{where} ~> 5.74.0",),
        "version_hashicorp_null": (f"{where} >= 4.0",),
    }
    assert "terraform 1.11.4 is installed; .tool-versions:1 wants 1.5.7" in inventory.notes
    assert "atmos 1.205.1 is installed; .tool-versions:2 wants 1.44.0" in inventory.notes
    assert (tmp_path / "asked").read_text() == "x\n"


def test_plain_modules_are_compared_too(tmp_path: Path) -> None:
    """Without Atmos there are required versions as well."""
    here = world(tmp_path, "1.205.1")
    folder = here.repository / "live"
    folder.mkdir()
    (folder / "main.tf").write_text('terraform {\n  required_version = "< 1.0"\n  backend "local" {}\n}\n')
    loader = here.loader(kind=SourceKind.TERRAFORM, modules=(RootModule("live", "acme-dev"),))
    assert "version_terraform" in {one.key for one in loader.load().problems}


def test_hooks_that_cannot_be_switched_off(tmp_path: Path) -> None:
    """Before 1.220 Atmos runs a plan's hooks for us, too: told; later versions are told not to."""
    from tests.daemon.inventory.test_masked import masking

    hook = {"cost": {"events": ["after-terraform-plan"], "command": "store"}}
    for generation, expected in (("1.205.1", {"hooks_run"}), ("1.226.1", set())):
        here = world(tmp_path / generation, generation)
        found = masking(here, "hooks", value=hook)
        assert {one.key for one in found.problems} == expected
