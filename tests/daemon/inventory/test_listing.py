"""Judging a listing: identity, what is left out, what is unresolved, and whom it belongs to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.inventory.model import Inventory, InventoryError, Watched
from daemon.inventory.report import inventory_report
from daemon.inventory.settings import SourceKind, StagePattern
from daemon.places import labels_of
from tests import fakeatmos
from tests.daemon.inventory.support import World


class Saved:
    """A repository with component folders, and a saved listing of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        (self.repository / "components/terraform/vpc").mkdir(parents=True)
        (self.repository / "atmos.yaml").write_text("stacks: {name_pattern: '{tenant}-{stage}'}\n")
        self.stacks: dict[str, Any] = {}

    def add(self, stack: str, component: str, **section: Any) -> Saved:
        bucket = {"bucket": "state", "key": f"{stack}-{component}.tfstate"}
        full = {"component": "vpc", "backend_type": "s3", "backend": bucket, "metadata": {"component": "vpc"}} | section
        components = self.stacks.setdefault(stack, {"components": {"terraform": {}}})["components"]
        components["terraform"][component] = full
        return self

    def load(self, **changes: Any) -> Inventory:
        file = self.folder / "stacks.json"
        file.write_text(json.dumps(self.stacks))
        world = World(self.repository, self.folder, self.folder / "journal")
        return world.loader(kind=SourceKind.FILE, file=file, **changes).load()


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    return Saved(tmp_path)


def only(inventory: Inventory) -> Watched:
    assert len(inventory.watched) == 1, inventory.left_out
    return inventory.watched[0]


@pytest.mark.parametrize("generation", fakeatmos.GENERATIONS)
def test_a_saved_listing_gives_what_atmos_gives(tmp_path: Path, generation: str) -> None:
    """The source `file` computes the same workspaces as are confirmed elsewhere, and calls nothing."""
    repository = fakeatmos.lay_out(tmp_path / "repository")
    file = tmp_path / "stacks.json"
    file.write_text(fakeatmos.recording(generation, "describe-stacks")["stdout"])
    world = World(repository, tmp_path, tmp_path / "journal")
    inventory = world.loader(kind=SourceKind.FILE, file=file).load()
    payments = next(one for one in inventory.watched if one.instance.key == "acme-prod/service/payments")
    assert payments.instance.workspace == "acme-prod-service-payments"
    assert payments.backend.key == "service/acme-prod-service-payments/terraform.tfstate"
    assert world.atmos_calls() == []


@pytest.mark.parametrize(
    ("variables", "stage"),
    [
        ({"stage": "prod"}, "production"),
        ({"stage": "UAT"}, "staging"),
        ({"stage": "blue", "environment": "live"}, "production"),
        ({"environment": "sandbox"}, "development"),
        ({"stage": "{{ .x }}"}, "production"),  # the pattern's
        ({"stage": 3}, "production"),
    ],
)
def test_the_stage(saved: Saved, variables: dict[str, Any], stage: str) -> None:
    """vars.stage, else vars.environment where it is a stage's word, else the configuration's patterns."""
    saved.add("acme-x", "vpc", vars=variables)
    patterns = (StagePattern("other-*", "staging"), StagePattern("acme-*", "production"))
    assert only(saved.load(stage_patterns=patterns)).instance.stage == stage


def test_unknown_stages_are_one_problem(saved: Saved) -> None:
    """Stacks whose stage nothing tells are named once, together."""
    saved.add("a-one", "vpc").add("a-one", "other").add("a-two", "vpc")
    problem = saved.load().problems[0]
    assert (problem.key, problem.where) == ("stage_unknown", ("a-one", "a-two"))


def test_words_for_stages_can_be_added(saved: Saved) -> None:
    """The configuration's words replace the built-in ones as it wants."""
    saved.add("a-b", "vpc", vars={"stage": "blau"})
    assert only(saved.load(stage_words={"blau": "staging"})).instance.stage == "staging"


def test_identity(saved: Saved) -> None:
    """Tenant, environment, region and account come from vars, the last two from the provider where vars are silent."""
    role = {"role_arn": "arn:aws:iam::123456789012:role/deploy"}
    saved.add(
        "acme-prod",
        "vpc",
        vars={"tenant": "acme", "environment": "ue1", "stage": "prod", "password": "hunter2"},
        providers={"aws": {"region": "eu-west-2", "assume_role": [role]}},
        settings={"barograph": {"runbook": "https://wiki/vpc"}, "other": {"secret": 1}},
    )
    watched = only(saved.load())
    one = watched.instance
    assert (one.tenant, one.environment, one.region, one.account) == ("acme", "ue1", "eu-west-2", "123456789012")
    assert watched.settings == {"runbook": "https://wiki/vpc"}
    assert "hunter2" not in json.dumps(inventory_report(saved.load())) + repr(watched)


def test_the_owner(saved: Saved) -> None:
    """settings.barograph.owner, else the last rule of CODEOWNERS that fits, else the default."""
    saved.add("acme-prod", "vpc", atmos_manifest="deploy/prod")
    assert only(saved.load(owner="ops")).instance.owner == "ops"
    (saved.repository / "CODEOWNERS").write_text("* @all\n/components/terraform/vpc/ @net @core # why\n")
    assert only(saved.load(owner="ops")).instance.owner == "@net @core"
    with (saved.repository / "CODEOWNERS").open("a") as file:
        file.write("/stacks/deploy/prod.yaml @prod\n")
    assert only(saved.load(owner="ops")).instance.owner == "@prod"
    saved.add("acme-prod", "vpc", atmos_manifest="deploy/prod", settings={"barograph": {"owner": "network"}})
    assert only(saved.load(owner="ops")).instance.owner == "network"


def test_channel_and_runbook_of_a_component(saved: Saved) -> None:
    """They become labels of its place, for routes and messages; what cannot be one is told once."""
    own = {"channel": "C0123456789", "runbook": "https://wiki.example.com/vpc"}
    saved.add("acme-prod", "vpc", settings={"barograph": own})
    watched = only(saved.load())
    assert {name: labels_of(watched.instance)[name] for name in own} == own

    saved.add("acme-dev", "vpc", settings={"barograph": {"channel": "#net", "runbook": "javascript:alert(1)"}})
    problems = {one.key: one for one in saved.load().problems}
    assert problems["settings_channel"].where == problems["settings_runbook"].where == ("acme-dev/vpc",)
    assert "C0123456789" in problems["settings_channel"].remedy


@pytest.mark.parametrize(
    ("stack", "component", "section", "reason"),
    [
        ("acme-prod", "-vpc", {}, "the component's name begins with -"),
        ("-prod", "vpc", {}, "the stack's name begins with -"),
        ("", "vpc", {}, "the stack has no name"),
        ("acme\ud800", "vpc", {}, "the stack's name holds what cannot be shown"),
        ("acme-prod", "v\npc", {}, "the component's name holds what cannot be shown"),
        ("a/b", "vpc", {}, "holds a /"),
        ("acme-prod", "vpc", {"metadata": {"type": "abstract"}}, "abstract"),
        ("acme-prod", "vpc", {"metadata": {"component": "gone"}}, "components/terraform/gone is not there"),
        ("acme-prod", "vpc", {"metadata": {"component": "../../../etc"}}, "is not there"),
        ("acme-prod", "vpc", {"backend_type": ""}, "no backend"),
        ("acme-prod", "vpc", {"backend": {"bucket": "!env BUCKET", "key": "k"}}, "its backend's bucket is a template"),
        ("acme-prod", "vpc", {"backend": {"bucket": "b", "key": "{{ .x }}"}}, "its backend's key is a template"),
        ("acme-prod", "vpc", {"command": "/opt/terraform"}, "a path to terraform, which cannot be guarded"),
    ],
)
def test_what_cannot_be_planned_is_left_out(
    saved: Saved, stack: str, component: str, section: dict[str, Any], reason: str
) -> None:
    """Each is left out with its own reason; the rest of the repository is watched."""
    saved.add(stack, component, **section).add("acme-dev", "vpc", vars={"stage": "dev"})
    inventory = saved.load()
    assert [one.instance.key for one in inventory.watched] == ["acme-dev/vpc"]
    assert reason in inventory.left_out[0].reason
    assert len(inventory.problems) == (0 if reason == "abstract" else 1)


def test_only_the_boolean_disables(saved: Saved) -> None:
    """metadata.enabled: false disables; vars.enabled and strings do not. What is disabled needs no folder."""
    saved.add("s-dev", "a", metadata={"enabled": False, "component": "gone"}, vars={"stage": "dev"})
    saved.add("s-dev", "b", metadata={"enabled": "false", "component": "vpc"}, vars={"stage": "dev", "enabled": False})
    inventory = saved.load()
    assert {one.instance.component: one.instance.enabled for one in inventory.watched} == {"a": False, "b": True}
    assert inventory.problems == ()


def test_two_instances_with_one_state_are_both_left_out(saved: Saved) -> None:
    """Whose resources that state holds cannot be told; each names the other."""
    shared = {"bucket": "b", "key": "terraform.tfstate", "workspace_key_prefix": "vpc"}
    for name in ("one", "two"):
        metadata = {"component": "vpc", "terraform_workspace": "same"}
        saved.add("s-dev", name, backend=shared, metadata=metadata, workspace="same", vars={"stage": "dev"})
    saved.add("s-dev", "three", backend=shared, vars={"stage": "dev"})
    saved.add("s-dev", "off", backend=shared, metadata={"enabled": False, "terraform_workspace": "same"},
              workspace="same", vars={"stage": "dev"})  # fmt: skip
    inventory = saved.load()
    assert [one.instance.component for one in inventory.watched] == ["off", "three"]
    assert [(one.component, one.reason) for one in inventory.left_out] == [
        ("one", "its Terraform state is also that of s-dev/two"),
        ("two", "its Terraform state is also that of s-dev/one"),
    ]
    assert [one.key for one in inventory.problems] == ["state_shared"]


def test_what_nobody_ran_is_never_a_value(saved: Saved) -> None:
    """Templates, functions, masks and failures, however deep, are named, and not among the values."""
    saved.add(
        "s-dev",
        "vpc",
        vars={
            "stage": "dev",
            "masked": "<MASKED>",
            "deep": {"list": [1, {"x": "!terraform.output vpc id"}]},
            "template": "{{ .vars.x }}",
            "failed": "(computed)",
            "empty": "<no value>",
            "fine": "!",
            "dollar": "${left.alone}",
        },
        env={"TOKEN": "<MASKED>", "N": 3, "FLAG": True, "GONE": None},
        providers={"aws": {"region": "!env REGION"}},
        backend={"bucket": "b", "key": "k", "secret_key": "<MASKED>", "role_arn": "!env ROLE"},
    )
    watched = only(saved.load())
    assert watched.vars == {"stage": "dev", "fine": "!", "dollar": "${left.alone}"}
    assert watched.env == {"N": "3", "FLAG": "true"}
    assert watched.backend.config == {"bucket": "b", "key": "k"}
    assert watched.unresolved == (
        "deep", "empty", "failed", "masked", "template", "env.TOKEN", "providers.aws", "backend.role_arn",
    )  # fmt: skip


def test_unknown_kinds_and_keys_are_ignored(saved: Saved) -> None:
    """Other component types, stub stacks and new keys do not disturb."""
    saved.add("s-dev", "vpc", vars={"stage": "dev"}, invented={"a": 1})
    saved.stacks["s-dev"]["components"]["packer"] = {"image": {}}
    saved.stacks["stub"] = {}
    saved.stacks["stubs"] = {"components": {"helmfile": {"x": None}, "terraform": None}}
    assert only(saved.load()).instance.key == "s-dev/vpc"


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", ":1: is not JSON"), ("[]", "is not a JSON object of stacks"), (None, "cannot be read")],
)
def test_a_bad_file_is_one_clear_error(tmp_path: Path, content: str | None, said: str) -> None:
    """Not JSON, not a listing, not there."""
    file = tmp_path / "stacks.json"
    if content is not None:
        file.write_text(content)
    repository = fakeatmos.lay_out(tmp_path / "repository")
    loader = World(repository, tmp_path, tmp_path / "journal").loader(kind=SourceKind.FILE, file=file)
    with pytest.raises(InventoryError, match=said):
        loader.load()


@pytest.mark.parametrize(
    ("content", "said"), [("a: [", r"atmos.yaml:\d+: is not valid YAML"), ("- a", "atmos.yaml: is not a mapping")]
)
def test_a_bad_atmos_yaml_is_named_with_its_line(saved: Saved, content: str, said: str) -> None:
    """Where, and what is wrong."""
    (saved.repository / "atmos.yaml").write_text(content)
    with pytest.raises(InventoryError, match=said):
        saved.load()


def test_settings_of_atmos_yaml_are_followed(saved: Saved) -> None:
    """Base paths and the command come from atmos.yaml, wherever it lies."""
    (saved.repository / "infra/modules/vpc").mkdir(parents=True)
    (saved.repository / "atmos.yaml").rename(saved.repository / "infra/atmos.yaml")
    (saved.repository / "infra/atmos.yaml").write_text(
        "base_path: infra\ncomponents: {terraform: {base_path: ./modules, command: tofu}}\n"
    )
    saved.add("s-dev", "vpc", vars={"stage": "dev"})
    watched = only(saved.load(config_path="infra"))
    assert watched.instance.working_directory == "infra/modules/vpc"
    assert watched.command == "tofu"
