"""Inheritance, backends, names and workspaces, by what Atmos' own code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.manifests.merge import plain
from tests.daemon.repository.small import ATMOS, NAMED, NEW, OLD, component, only, repository, told, write


def test_what_comes_later_in_a_chain_wins(tmp_path: Path) -> None:
    """Bases in their order, each after its own; the component last. The nearest is told first."""
    text = (
        f"{NAMED}components:\n  terraform:\n"
        "    root: {vars: {a: root, b: root, c: root, d: root, e: root}}\n"
        "    one: {metadata: {inherits: [root]}, vars: {b: one, c: one, e: one}}\n"
        "    two: {metadata: {inherits: [root]}, vars: {c: two, e: two}}\n"
        "    vpc: {metadata: {inherits: [one, two]}, vars: {e: vpc}}\n"
    )
    vpc = component(tmp_path, text, "vpc")
    assert plain(vpc.vars) == {
        "tenant": "acme", "stage": "dev", "a": "root", "b": "root", "c": "two", "d": "root", "e": "vpc",
    }  # fmt: skip
    assert vpc.inherits == ("two", "root", "one")


def test_metadata_is_inherited_from_1_201_on(tmp_path: Path) -> None:
    """But not what makes a base a base."""
    text = (
        f"{NAMED}components:\n  terraform:\n    base: {{metadata: {{type: abstract, component: net, enabled: false,"
        " locked: true}}\n    vpc: {metadata: {inherits: [base], locked: false}}\n"
    )
    old, new = (component(tmp_path / str(version[1]), text, "vpc", version) for version in (OLD, NEW))
    assert plain(old.metadata) == {"inherits": ["base"], "locked": False}
    assert (old.base, old.enabled, old.abstract, old.workspace) == ("vpc", True, False, "acme-dev")
    assert plain(new.metadata) == {"component": "net", "enabled": False, "inherits": ["base"], "locked": False}
    assert (new.base, new.enabled, new.abstract, new.workspace) == ("net", False, False, "acme-dev-vpc")


def test_root_metadata_reaches_components_from_1_225_on(tmp_path: Path) -> None:
    """The keys that are allowed there."""
    text = f"{NAMED}metadata: {{locked: true, owner: me}}\ncomponents: {{terraform: {{vpc: {{}}}}}}\n"
    assert plain(component(tmp_path / "old", text, "vpc", (1, 224, 0)).metadata) == {}
    assert plain(component(tmp_path / "new", text, "vpc", NEW).metadata) == {"locked": True}


def test_loops_and_unknown_bases_are_named(tmp_path: Path) -> None:
    """Each with the places of its steps; the rest is read."""
    text = (
        f"{NAMED}components:\n  terraform:\n    a: {{metadata: {{inherits: [b]}}}}\n"
        "    b: {metadata: {inherits: [c]}, vars: {x: 1}}\n    c: {metadata: {inherits: [a, nobody]}}\n    d: {}\n"
    )
    found = repository(tmp_path, {"stacks/deploy/dev.yaml": text})
    assert told(found.faults) == [
        (
            "inheritance_loop",
            ["stacks/deploy/dev.yaml:6:31", "stacks/deploy/dev.yaml:4:31", "stacks/deploy/dev.yaml:5:31"],
            ("a", "b", "c"),
        ),
        ("inherits_unknown", ["stacks/deploy/dev.yaml:6:34"], ("c", "nobody")),
    ]
    assert list(only(found).components) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("section", "base"),
    [
        ("{}", "vpc"),
        ("{component: net}", "net"),
        ("{component: nowhere}", "vpc"),
        ("{component: heir}", "net"),
        ("{component: net, metadata: {component: own}}", "own"),
        ("{metadata: {inherits: [net]}}", "vpc"),
    ],
)
def test_which_component_an_instance_is_made_of(tmp_path: Path, section: str, base: str) -> None:
    """`metadata.component`, else the last in the chain of `component` that is a component of the stack."""
    text = f"{NAMED}components: {{terraform: {{net: {{}}, heir: {{component: net}}, vpc: {section}}}}}\n"
    assert component(tmp_path, text, "vpc").base == base


@pytest.mark.parametrize(
    ("terraform", "section", "expected"),
    [
        ("backend_type: s3, backend: {s3: {bucket: b}}", "", {"bucket": "b", "workspace_key_prefix": "a-net"}),
        ("backend_type: s3", "", {"workspace_key_prefix": "a-net"}),
        ("backend_type: s3, backend: {s3: {workspace_key_prefix: p}}", "", {"workspace_key_prefix": "p"}),
        ("backend_type: gcs, backend: {gcs: {bucket: b}}", "", {"bucket": "b", "prefix": "a-net"}),
        ("backend_type: azurerm, backend: {azurerm: {key: k}}", "", {"key": "k/a-net.terraform.tfstate"}),
        ("backend_type: azurerm", "", {"key": "a-net.terraform.tfstate"}),
        ("backend_type: azurerm", "backend: {azurerm: {key: own}}", {"key": "own"}),
        ("backend_type: s3", "backend_type: local, backend: {local: {path: p}}", {"path": "p"}),
        ("backend: {s3: {bucket: b}}", "", {}),
        ("backend_type: s3, remote_state_backend: {s3: {bucket: r}}", "", {"workspace_key_prefix": "a-net"}),
    ],
)
def test_backends(tmp_path: Path, terraform: str, section: str, expected: dict[str, str]) -> None:
    """Of the stack, of the component, with the prefix or key that Atmos adds."""
    more = f", {section}" if section else ""
    text = (
        f"{NAMED}terraform: {{{terraform}}}\n"
        f"components: {{terraform: {{vpc/x: {{metadata: {{component: a/net}}{more}}}}}}}\n"
    )
    assert plain(component(tmp_path, text, "vpc/x").backend) == expected


def test_metadata_name_makes_the_prefix_from_1_201_on(tmp_path: Path) -> None:
    """Before, it means nothing."""
    text = (
        f"{NAMED}terraform: {{backend_type: s3}}\n"
        "components: {terraform: {vpc: {metadata: {name: a/b, component: net}}}}\n"
    )
    said = [
        plain(component(tmp_path / str(version[1]), text, "vpc", version).backend.get("workspace_key_prefix"))
        for version in (OLD, NEW)
    ]
    assert said == ["net", "a-b"]


@pytest.mark.parametrize(
    ("naming", "variables", "name", "source"),
    [
        ("name_pattern: '{tenant}-{stage}'", "tenant: a, stage: b", "a-b", "pattern"),
        ("name_pattern: '{stage}'", "stage: b", "b", "pattern"),
        ("name_pattern: '{tenant}-x-{stage}'", "tenant: a, stage: b", "a-b", "pattern"),
        ("name_pattern: '{tenant}/{stage}'", "tenant: a, stage: b", "", "pattern"),
        ("name_pattern: '{tenant}-{region}'", "tenant: a, region: b", "a", "pattern"),
        ("name_pattern: '{dir}'", "tenant: a", "", "pattern"),
        ("name_pattern: '{tenant}-{stage}'", "tenant: a", "", "pattern"),
        ("name_pattern: '{tenant}-{stage}'", "tenant: a, stage: 1", "", "pattern"),
        ("name_template: '{{ .vars.tenant }}.{{.vars.n}}'", "tenant: a, n: 1", "a.1", "template"),
        ("name_template: '{{ .vars.a.b }}-{{.settings.x}}'", "a: {b: c}", "c-y", "template"),
        ("name_template: '{{ .vars.tenant | upper }}'", "tenant: a", "", "template"),
        ("name_template: '{{ .vars.none }}'", "tenant: a", "", "template"),
        ("name_template: '{{ .vars.tenant }}', name_pattern: '{stage}'", "tenant: a, stage: b", "a", "template"),
        ("list: {}", "tenant: a", "deploy/dev", "file"),
    ],
)
def test_how_stacks_are_named(tmp_path: Path, naming: str, variables: str, name: str, source: str) -> None:
    """By pattern, template and file; where nothing gives a name, there is none."""
    atmos = f"stacks: {{base_path: stacks, included_paths: ['deploy/**/*'], {naming}}}\n"
    stack = only(
        repository(tmp_path, {"stacks/deploy/dev.yaml": f"vars: {{{variables}}}\nsettings: {{x: y}}\n"}, atmos=atmos)
    )
    assert (stack.name, stack.name_from) == (name, source)
    assert stack.name_spot.file == ("stacks/deploy/dev.yaml" if source == "file" else "atmos.yaml")


@pytest.mark.parametrize(
    ("metadata", "workspace"),
    [
        ("", "acme-dev-a-b"),
        ("terraform_workspace: a/b", "a-b"),
        ("terraform_workspace_pattern: '{tenant}.{component}.{base-component}.{other}'", "acme.a-b.net.{other}"),
        (
            "terraform_workspace_template: '{{ .atmos_stack }}_{{ .atmos_component }}_{{ .vars.stage }}'",
            "acme-dev_a-b_dev",
        ),
        ("terraform_workspace_template: '{{ .vars.stage | upper }}'", ""),
    ],
)
def test_workspaces(tmp_path: Path, metadata: str, workspace: str) -> None:
    """By template, pattern, name or rule; empty where only Atmos can tell."""
    more = f", {metadata}" if metadata else ""
    text = f"{NAMED}components: {{terraform: {{a/b: {{metadata: {{component: net{more}}}}}}}}}\n"
    assert component(tmp_path, text, "a/b").workspace == workspace


def test_workspaces_without_a_name(tmp_path: Path) -> None:
    """A pattern with no part that Atmos knows gives an empty name, and it plans in `-vpc`; a missing part stops it."""
    text = f"{NAMED}components: {{terraform: {{vpc: {{metadata: {{component: net}}}}, net: {{}}}}}}\n"
    for pattern, expected in (("{dir}", {"vpc": "-vpc", "net": ""}), ("{environment}", {"vpc": "", "net": ""})):
        atmos = ATMOS.replace("{tenant}-{stage}", pattern)
        stack = only(repository(tmp_path / pattern, {"stacks/deploy/dev.yaml": text}, atmos=atmos))
        assert {name: one.workspace for name, one in stack.components.items()} == expected


def test_a_component_may_name_another_stack(tmp_path: Path) -> None:
    """The name is made of the component's own vars."""
    text = f"{NAMED}components: {{terraform: {{vpc: {{vars: {{stage: prod}}}}, net: {{}}}}}}\n"
    stack = only(repository(tmp_path, {"stacks/deploy/dev.yaml": text}))
    assert stack.name == "acme-dev"
    assert {name: one.stack for name, one in stack.components.items()} == {"vpc": "acme-prod", "net": "acme-dev"}


@pytest.mark.parametrize(
    ("name", "base", "varfile"),
    [
        ("vpc", "net", "acme-dev-vpc"), ("vpc/main", "net", "acme-dev-main"),
        ("main", "infra/net", "acme-dev-infra-main"),
        ("vpc/main", "vpc/main", "acme-dev-vpc-main"),
    ],
)  # fmt: skip
def test_variable_files(tmp_path: Path, name: str, base: str, varfile: str) -> None:
    """Named after the last part of the instance, and the folders of its base."""
    text = f"{NAMED}components: {{terraform: {{{name}: {{metadata: {{component: {base}}}}}}}}}\n"
    assert component(tmp_path, text, name).varfile == f"{varfile}.terraform.tfvars.json"


def test_which_manifests_are_stacks(tmp_path: Path) -> None:
    """Those that fit an included path and no excluded one; all others are there too."""
    names = ("deploy/a.yaml", "deploy/x/b.yml", "deploy/_defaults.yaml", "catalog/c.yaml", "deploy/t.yaml.tmpl")
    found = repository(tmp_path, {f"stacks/{name}": NAMED for name in names} | {"stacks/deploy/README.md": "x"})
    assert [stack.manifest for stack in found.stacks] == ["deploy/a", "deploy/t", "deploy/x/b"]
    assert sorted(found.manifests) == sorted(f"stacks/{name}" for name in names)
    assert {name for name, one in found.manifests.items() if one.top_level} == {
        "stacks/deploy/a.yaml", "stacks/deploy/x/b.yml", "stacks/deploy/t.yaml.tmpl",
    }  # fmt: skip


def test_component_folders(tmp_path: Path) -> None:
    """Folders that are there, and which instances have theirs."""
    write(tmp_path, {"components/terraform/a/b/main.tf": "", "components/terraform/net/main.tf": ""})
    text = f"{NAMED}components: {{terraform: {{a/b: {{}}, vpc: {{metadata: {{component: ./net}}}}, x: {{}}}}}}\n"
    found = repository(tmp_path, {"stacks/deploy/dev.yaml": text})
    assert found.component_folders == {"a", "a/b", "net"}
    assert {name: (one.folder, one.folder_exists) for name, one in only(found).components.items()} == {
        "a/b": ("components/terraform/a/b", True),
        "vpc": ("components/terraform/net", True),
        "x": ("components/terraform/x", False),
    }
