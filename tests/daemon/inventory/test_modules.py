"""The source `terraform`: plain root modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.inventory.model import Inventory, InventoryError
from daemon.inventory.settings import RootModule, SourceKind
from tests.daemon.inventory.support import World


def load(folder: Path, *modules: RootModule, owner: str = "") -> Inventory:
    world = World(folder, folder, folder / "journal")
    return world.loader(kind=SourceKind.TERRAFORM, modules=modules, owner=owner).load()


def module(folder: Path, name: str, **files: str) -> None:
    (folder / name).mkdir(parents=True)
    for file, text in files.items():
        (folder / name / file.replace("__", ".")).write_text(text)


S3 = 'terraform {\n  backend "s3" {\n    bucket = "state"\n    key    = "net.tfstate"\n  }\n}\n'
OVERRIDE = 'terraform {\n  backend "s3" {\n    key = "c"\n  }\n}\n'


def test_one_instance_per_workspace(tmp_path: Path) -> None:
    """Backend from the module's files, key with the workspace in it, plain words for the rest."""
    module(tmp_path, "live/net", main__tf='variable "x" {}\n', backend__tf=S3, prod__tfvars="")
    root = RootModule(
        "live/net/", "prod", workspaces=("default", "blue"), var_files=("prod.tfvars",), stage="prod", vars={"x": 1},
        tenant="acme", region="eu-west-2", account="123456789012",
    )  # fmt: skip
    inventory = load(tmp_path, root, owner="ops")
    found = {one.instance.component: one for one in inventory.watched}
    assert set(found) == {"net/default", "net/blue"}
    assert found["net/default"].backend.key == "net.tfstate"
    assert found["net/blue"].backend.key == "env:/blue/net.tfstate"
    blue = found["net/blue"]
    assert (blue.instance.working_directory, blue.instance.stage, blue.instance.owner) == (
        "live/net",
        "production",
        "ops",
    )
    assert (blue.var_files, blue.vars, blue.instance.atmos, blue.backend.bucket) == (
        ("prod.tfvars",),
        {"x": 1},
        False,
        "state",
    )
    assert inventory.problems == ()


def test_a_single_workspace_keeps_the_modules_name(tmp_path: Path) -> None:
    """The name is the folder's, or what the configuration calls it."""
    module(tmp_path, "net", backend__tf=S3)
    assert load(tmp_path, RootModule("net", "prod")).watched[0].instance.key == "prod/net"
    assert load(tmp_path, RootModule("net", "prod", component="vpc")).watched[0].instance.key == "prod/vpc"


def test_partial_backends_are_completed(tmp_path: Path) -> None:
    """Settings come from the block, then from files, then from keys, the last one winning; override files count."""
    module(
        tmp_path, "net", main__tf='terraform {\n  backend "s3" {\n    key = "a"\n    encrypt = true\n  }\n}\n',
        prod__tfbackend='bucket = "from-file"\nkey = "b"\n', zz_override__tf=OVERRIDE,
    )  # fmt: skip
    root = RootModule("net", "p", backend_files=("prod.tfbackend",), backend_config={"key": "d", "region": "eu-west-2"})
    backend = load(tmp_path, root).watched[0].backend
    assert backend.config == {"bucket": "from-file", "key": "d", "region": "eu-west-2"}


def test_json_and_no_backend(tmp_path: Path) -> None:
    """Terraform's JSON syntax is read; a module that names no backend keeps its state beside itself."""
    module(tmp_path, "json", main__tf__json='{"terraform": {"backend": {"s3": {"bucket": "b", "key": "k"}}}}')
    module(tmp_path, "local", main__tf='variable "x" {}\n')
    found = {one.instance.component: one.backend for one in load(
        tmp_path, RootModule("json", "p"), RootModule("local", "p")).watched}  # fmt: skip
    assert (found["json"].type, found["json"].bucket) == ("s3", "b")
    assert (found["local"].type, dict(found["local"].config)) == ("local", {})


def test_everything_missing_is_said_at_once(tmp_path: Path) -> None:
    """Folders and files that the configuration lists but the repository lacks come in one error."""
    module(tmp_path, "net", main__tf="")
    with pytest.raises(InventoryError) as caught:
        load(tmp_path, RootModule("gone", "p"), RootModule("net", "p", var_files=("a.tfvars",)))
    assert "folder gone; file net/a.tfvars" in str(caught.value)


def test_a_file_that_does_not_parse_is_named(tmp_path: Path) -> None:
    """File and line, and nothing of its content."""
    module(tmp_path, "net", main__tf='locals {\n  password = "hunter2hunter2"\n  oops =\n}\n')
    with pytest.raises(InventoryError, match=r"main.tf:\d+: cannot be parsed") as caught:
        load(tmp_path, RootModule("net", "p"))
    assert "hunter2" not in str(caught.value)


def test_one_state_and_one_name_are_refused(tmp_path: Path) -> None:
    """Two modules on one state, a name used twice, a workspace like a flag: left out, each with its reason."""
    module(tmp_path, "a", backend__tf=S3)
    module(tmp_path, "b", backend__tf=S3)
    inventory = load(tmp_path, RootModule("a", "p", workspaces=("x", "-y")), RootModule("b", "p", workspaces=("x",)))
    assert inventory.watched == ()
    assert sorted(one.key for one in inventory.problems) == ["name_unusable", "state_shared"]
    again = load(tmp_path, RootModule("a", "p"), RootModule("a", "p", workspaces=("z",)))
    assert [one.reason for one in again.left_out] == ["its stack and component are those of another module"]
