"""What a repository's files mean: imports, overrides, inheritance, backends, names, by what Atmos' own code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.manifests.merge import plain
from checks.manifests.model import Component, Version
from daemon.repository import read
from tests.daemon.repository.small import ATMOS, only, repository, told, write

NAMED = "vars: {tenant: acme, stage: dev}\n"
OLD, NEW = (1, 163, 0), (1, 226, 1)


def component(root: Path, text: str, name: str, version: Version = NEW, **files: str) -> Component:
    """One component of a stack whose manifest is *text*; more manifests by their names below stacks/."""
    others = {f"stacks/{path.replace('__', '/')}.yaml": content for path, content in files.items()}
    return only(repository(root, {"stacks/deploy/dev.yaml": text, **others}, version)).components[name]


# Imports


@pytest.mark.parametrize(
    ("entry", "files"),
    [
        ("catalog/a", ["stacks/catalog/a.yaml"]),
        ("catalog/a.yaml", ["stacks/catalog/a.yaml"]),
        ("/catalog/a", ["stacks/catalog/a.yaml"]),
        ("catalog/b", ["stacks/catalog/b.yml"]),
        ("catalog/t", ["stacks/catalog/t.yaml.tmpl"]),
        ("catalog/t.yaml", ["stacks/catalog/t.yaml.tmpl"]),
        ("./sibling", ["stacks/deploy/sibling.yaml"]),
        ("../catalog/a", ["stacks/catalog/a.yaml"]),
        ("../../outside/o", ["outside/o.yaml"]),
        ("mixins/*", ["stacks/mixins/x.yaml", "stacks/mixins/y.yaml"]),
        ("mixins/**/*", ["stacks/mixins/deep/z.yaml", "stacks/mixins/x.yaml", "stacks/mixins/y.yaml"]),
        ("mixins/{x,y}", ["stacks/mixins/x.yaml", "stacks/mixins/y.yaml"]),
        ("{path: catalog/a}", ["stacks/catalog/a.yaml"]),
        ("catalog/v1.2", []),
        ("catalog/none", []),
    ],
)
def test_what_an_import_means(tmp_path: Path, entry: str, files: list[str]) -> None:
    """Paths, with and without extension, relative ones, globs."""
    empty = ("catalog/a.yaml", "catalog/b.yml", "catalog/t.yaml.tmpl", "mixins/x.yaml", "mixins/y.yaml")
    others = {f"stacks/{name}": "vars: {}\n" for name in (*empty, "mixins/deep/z.yaml", "deploy/sibling.yaml")}
    others |= {"outside/o.yaml": "vars: {}\n", "stacks/catalog/v1.2.yaml": "vars: {}\n"}
    quoted = entry if entry.startswith("{path") else f'"{entry}"'
    found = repository(tmp_path, {**others, "stacks/deploy/dev.yaml": f"import: [{quoted}]\n{NAMED}"})
    (one,) = found.manifests["stacks/deploy/dev.yaml"].imports
    assert list(one.files) == files
    missing = [fault.spots[0] for fault in found.faults if fault.code == "missing_import"]
    assert [(spot.file, spot.line) for spot in missing] == ([] if files else [("stacks/deploy/dev.yaml", 1)])


def test_imports_that_cannot_be_followed_are_named(tmp_path: Path) -> None:
    """Elsewhere, or by a template: no fault, but the stack may hold more. One that may be missing may."""
    text = (
        "import:\n  - git::https://example.com/x.git//stacks\n  - https://example.com/a.yaml\n"
        "  - github.com/a/b//c.yaml\n"
        f"  - 'mixins/{{{{ .region }}}}'\n  - {{path: catalog/none, skip_if_missing: true}}\n{NAMED}"
    )
    found = repository(tmp_path, {"stacks/deploy/dev.yaml": text})
    imports = found.manifests["stacks/deploy/dev.yaml"].imports
    assert [(one.remote, one.templated, one.optional) for one in imports] == [
        (True, False, False), (True, False, False), (True, False, False), (False, True, False), (False, False, True),
    ]  # fmt: skip
    assert found.faults == ()
    assert only(found).partial


def test_only_what_may_be_missing_is_missing(tmp_path: Path) -> None:
    """`skip_if_missing` leaves the stack whole."""
    text = f"import: [{{path: catalog/none, skip_if_missing: true}}]\n{NAMED}"
    assert not only(repository(tmp_path, {"stacks/deploy/dev.yaml": text})).partial


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("import: catalog/a\n", "1:9"),
        ("import: {path: a}\n", "1:9"),
        ("import: [1]\n", "1:10"),
        ("import:\n  - ''\n", "2:5"),
        ("import:\n  - {context: {}}\n", "2:5"),
        ("vars: [a]\n", "1:1"),
        ("settings:\n", "1:1"),
        ("components: {terraform: []}\n", "1:14"),
        ("components: {terraform: {a: }}\n", "1:26"),
        ("components: {terraform: {a: {vars: x}}}\n", "1:30"),
        ("terraform: {backend_type: []}\n", "1:13"),
    ],
)
def test_sections_of_another_type_are_faults(tmp_path: Path, text: str, place: str) -> None:
    """Atmos loads nothing because of them."""
    found = repository(tmp_path, {"stacks/deploy/dev.yaml": text})
    assert [(fault.code, str(fault.spots[0]), fault.stacks) for fault in found.faults] == [
        ("wrong_type", f"stacks/deploy/dev.yaml:{place}", ("deploy/dev",))
    ]


def test_a_context_fills_plain_fields(tmp_path: Path) -> None:
    """Of the importer, or of those above it, which win; a file that needs more stays as it is, and is said."""
    stack = only(
        repository(
            tmp_path,
            {
                "stacks/deploy/dev.yaml": "import:\n"
                "  - {path: catalog/c, context: {name: a, size: 1}}\n"
                "  - {path: catalog/c, context: {name: b, size: 2}}\n"
                f"  - {{path: catalog/middle, context: {{name: top}}}}\n{NAMED}",
                "stacks/catalog/c.yaml.tmpl": "components:\n  terraform:\n    vpc/{{ .name }}:\n"
                "      vars: {size: {{ .size }}, text: '{{.name}}-x'}\n",
                "stacks/catalog/middle.yaml": "import: [{path: catalog/c, context: {name: below, size: 3}}]\n",
            },
        )
    )
    assert {name: plain(one.vars.get("size")) for name, one in stack.components.items()} == {
        "vpc/a": 1, "vpc/b": 2, "vpc/top": 3,
    }  # fmt: skip
    assert plain(stack.components["vpc/b"].vars.get("text")) == "b-x"
    assert not stack.partial


def test_templates_that_are_more_than_fields_are_said(tmp_path: Path) -> None:
    """Not broken, not resolved: the stack may hold more."""
    found = repository(
        tmp_path,
        {
            "stacks/deploy/dev.yaml": f"import: [{{path: catalog/c, context: {{on: true}}}}]\n{NAMED}",
            "stacks/catalog/c.yaml.tmpl": "vars:\n{{ if .on }}\n  a: 1\n{{ end }}\n",
        },
    )
    assert told(found.faults) == [("not_resolved", ["stacks/catalog/c.yaml.tmpl:2:1"], ())]
    assert found.faults[0].stacks == ("deploy/dev",)
    assert only(found).partial


# Merging


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("replace", [{"c": 3}]), ("append", [{"a": 1, "b": 1}, 2, {"c": 3}]), ("merge", [{"a": 1, "b": 1, "c": 3}, 2])],
)
def test_lists_are_merged_as_configured(tmp_path: Path, strategy: str, expected: list[object]) -> None:
    """settings.list_merge_strategy of atmos.yaml; merging keeps as many entries as the base has."""
    atmos = f"{ATMOS}settings: {{list_merge_strategy: {strategy}}}\n"
    files = {
        "stacks/deploy/dev.yaml": "import: [catalog/a]\nvars: {tenant: acme, stage: dev, l: [{c: 3}]}\n",
        "stacks/catalog/a.yaml": "vars: {l: [{a: 1, b: 1}, 2]}\n",
    }
    assert plain(only(repository(tmp_path, files, atmos=atmos)).vars.get("l")) == expected


@pytest.mark.parametrize("version", [OLD, (1, 205, 1), None, NEW])
@pytest.mark.parametrize(
    ("base", "heir", "kind"),
    [
        ("text", "[1]", "string"), ("1", "[1]", "number"), ("true", "[1]", "boolean"), ("{a: 1}", "[1]", "map"),
        ("", "[1]", ""), ("[1]", "text", ""), ("[1]", "{a: 1}", ""), ("[1]", "", ""), ("{a: 1}", "text", ""),
        ("text", "{a: 1}", ""), ("[1]", "[a]", ""), ("1", "text", ""),
    ],
)  # fmt: skip
def test_a_list_over_what_is_none_is_refused_by_older_versions(
    tmp_path: Path, base: str, heir: str, kind: str, version: Version | None
) -> None:
    """Over null it may stand, and anything may stand over a list: so mergo merges, and so do the recordings say."""
    text = (
        f"{NAMED}components:\n  terraform:\n    base:\n      vars:\n        x: {base}\n"
        f"    vpc:\n      metadata: {{inherits: [base]}}\n      vars:\n        x: {heir}\n"
    )
    found = repository(tmp_path, {"stacks/deploy/dev.yaml": text}, version)
    conflict = [("type_conflict", ["stacks/deploy/dev.yaml:10:12", "stacks/deploy/dev.yaml:6:12"], ("vars.x", "vpc"))]
    assert told(found.faults) == (conflict if kind and version != NEW else [])
    assert [fault.detail for fault in found.faults] == [f"a list here, a {kind} there"] * len(found.faults)


def test_conflicts_are_found_in_every_merge(tmp_path: Path) -> None:
    """Import against file, stack against component, overrides, settings, backend: each with both places."""
    found = repository(
        tmp_path,
        {
            "stacks/catalog/a.yaml": "vars:\n  a: text\ncomponents: {terraform: {vpc: {vars: {b: text}}}}\n",
            "stacks/deploy/dev.yaml": "import: [catalog/a]\nvars:\n  tenant: acme\n  stage: dev\n  a: [1]\n  c: text\n"
            "settings: {s: text}\nterraform:\n  backend: {s3: {k: text}}\n  overrides: {vars: {d: [1]}}\n"
            "components:\n  terraform:\n    vpc:\n      vars:\n        b: [1]\n        c: [1]\n        d: text\n"
            "      settings: {s: [1]}\n      backend: {s3: {k: [1]}}\n",
            "stacks/deploy/too.yaml": "import: [catalog/a]\nvars: {tenant: acme, stage: too}\n",
        },
        OLD,
    )
    conflicts = {fault.names: (fault.spots, fault.stacks) for fault in found.faults if fault.code == "type_conflict"}
    assert {names: [spot.line for spot in spots] for names, (spots, _) in conflicts.items()} == {
        ("vars.a",): [5, 2],
        ("vars.b", "vpc"): [15, 3],
        ("vars.c", "vpc"): [16, 6],
        ("vars.d", "vpc"): [10, 17],
        ("settings.s", "vpc"): [18, 7],
        ("backend.s3.k", "vpc"): [19, 9],
    }
    assert {stacks for _, stacks in conflicts.values()} == {("deploy/dev",)}


@pytest.mark.parametrize(("version", "found"), [((1, 200, 0), 1), ((1, 205, 1), 0)])
def test_a_list_over_a_function_waits_from_1_201_on(tmp_path: Path, version: Version, found: int) -> None:
    """Functions of a component are merged after they ran."""
    text = (
        f"{NAMED}components:\n  terraform:\n    base: {{vars: {{x: !terraform.output vpc id}}}}\n"
        "    vpc: {metadata: {inherits: [base]}, vars: {x: [1]}}\n"
    )
    faults = repository(tmp_path, {"stacks/deploy/dev.yaml": text}, version).faults
    assert [fault.code for fault in faults] == ["type_conflict"] * found


def test_overrides_reach_what_the_file_defines_and_imports(tmp_path: Path) -> None:
    """Those of a file win over those of what it imports; siblings that were imported before stay as they are."""
    stack = only(
        repository(
            tmp_path,
            {
                "stacks/deploy/dev.yaml": f"import: [teams/one, teams/two]\n{NAMED}"
                "components: {terraform: {own: {vars: {a: 0}}}}\n",
                "stacks/teams/one.yaml": "import: [catalog/vpc]\nterraform: {overrides: {vars: {a: 1, b: 1}}}\n"
                "components: {terraform: {one: {vars: {a: 0}}}}\n",
                "stacks/teams/two.yaml": "overrides: {env: {E: two}}\ncomponents: {terraform: {two: {vars: {a: 0}}}}\n",
                "stacks/catalog/vpc.yaml": "components: {terraform: {vpc: {vars: {a: 0}}}}\n",
            },
        )
    )
    said = {
        name: (plain(one.vars.get("a")), plain(one.vars.get("b")), plain(one.env))
        for name, one in stack.components.items()
    }
    assert said == {
        "vpc": (1, 1, {}), "one": (1, 1, {}), "two": (1, 1, {"E": "two"}), "own": (1, 1, {"E": "two"}),
    }  # fmt: skip


# Inheritance


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


# Backends


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


# Names, workspaces, files


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


# atmos.yaml


def test_configuration_is_drawn_together(tmp_path: Path) -> None:
    """Drop-ins, imports, then the file itself; an import that is no plain file is named."""
    write(
        tmp_path,
        {
            "atmos.d/a.yaml": "stacks: {name_pattern: '{stage}', base_path: other}\n",
            "more/b.yaml": "stacks: {name_pattern: '{tenant}', included_paths: ['**/*']}\n",
        },
        "base_path: sub\nimport: [more/b, https://example.com/x.yaml]\nstacks: {base_path: stacks}\n",
    )
    write(tmp_path / "sub", {"stacks/dev.yaml": NAMED})
    found = read(tmp_path)
    assert only(found).name == "acme"
    assert found.settings.stacks_path == "stacks"
    assert told(found.faults) == [("not_resolved", ["atmos.yaml:2:18"], ("https://example.com/x.yaml",))]


@pytest.mark.parametrize("atmos", ["", "\n", "{}\n", "# nothing\n", "stacks: {}\n", "a: [b\n", "- a\n"])
def test_without_stacks_there_is_nothing_to_read(tmp_path: Path, atmos: str) -> None:
    """No configuration, an empty or a broken one, and one that names no stacks folder."""
    found = repository(tmp_path, {"stacks/deploy/dev.yaml": NAMED}, atmos=atmos)
    assert (found.stacks, found.manifests, found.settings.stacks_path) == ((), {}, "")
    assert [fault.code for fault in found.faults] == (["broken_yaml"] if atmos.startswith(("a:", "-")) else [])


def test_another_folder_for_configuration_and_base(tmp_path: Path) -> None:
    """As a source can say."""
    write(tmp_path / "conf", {}, ATMOS)
    write(tmp_path / "infra", {"stacks/deploy/dev.yaml": NAMED})
    (tmp_path / "infra/atmos.yaml").unlink()
    assert only(read(tmp_path, config_path="conf", base_path="infra")).name == "acme-dev"


# What else is collected


def test_calls_of_atmos(tmp_path: Path) -> None:
    """In Makefiles, READMEs, scripts and pipelines; what goes on after a backslash is one line."""
    found = repository(
        tmp_path,
        {
            "Makefile": "plan:\n\tatmos terraform plan vpc \\\n\t  -s acme-dev\nother: ; echo atmosphere atmos.yaml\n",
            "docs/README.md": "Run `atmos workflow x stage=dev`.\n",
            "scripts/a.sh": "#!/bin/sh\n# nothing\natmos version\n",
            ".github/workflows/ci.yml": "jobs:\n  a:\n    steps: [{run: atmos validate stacks}]\n",
            "integrations/atlantis/atlantis.yaml": "run: atmos terraform plan\n",
            "notes.txt": "atmos version\n",
        },
    )
    assert [(str(line.spot), line.text.strip()) for line in found.calls] == [
        (".github/workflows/ci.yml:3:19", "steps: [{run: atmos validate stacks}]"),
        ("Makefile:2:2", "atmos terraform plan vpc  -s acme-dev"),
        ("docs/README.md:1:6", "Run `atmos workflow x stage=dev`."),
        ("integrations/atlantis/atlantis.yaml:1:6", "run: atmos terraform plan"),
        ("scripts/a.sh:3:1", "atmos version"),
    ]


def test_stated_versions(tmp_path: Path) -> None:
    """Wherever one stands, with its place; never what stands beside it."""
    found = repository(
        tmp_path,
        {
            ".tool-versions": "# tools\nterraform 1.9.0\nnodejs 20\natmos v1.163.0\n",
            ".terraform-version": "1.11.0\n",
            ".env": "SECRET=canary\nATMOS_VERSION=1.163.0\nTF_VERSION=1.5.7\n",
            "Makefile": "ATMOS_VERSION ?= 1.44.0\nX := $(ATMOS_VERSION)\n",
            ".github/workflows/ci.yml": "env: {TERRAFORM_VERSION: '1.5.7', ATMOS_VERSION: '${{ vars.X }}'}\n",
            "stacks/deploy/dev.yaml": f"{NAMED}settings: {{atmos_cli_version: '>= 1.160'}}\n",
            "components/terraform/vpc/versions.tf": 'terraform {\n  required_version = ">= 1.9, < 2"\n'
            '  required_providers {\n    aws = {\n      source  = "hashicorp/aws" # }\n'
            '      version = "~> 5.74"\n    }\n'
            '    null = "3.2.1"\n  }\n}\n',
            "components/terraform/bad/main.tf": "terraform {\n  required_version = \n}\n",
        },
        atmos=f"{ATMOS}settings: {{atmos_cli_version: 1.160.0}}\n",
    )
    assert {(one.tool, one.constraint, str(one.spot)) for one in found.versions} == {
        ("atmos", "1.160.0", "atmos.yaml:9:31"),
        ("atmos", ">= 1.160", "stacks/deploy/dev.yaml:2:31"),
        ("atmos", "1.163.0", ".env:2:15"),
        ("atmos", "1.163.0", ".tool-versions:4:1"),
        ("atmos", "1.44.0", "Makefile:1:18"),
        ("terraform", "1.5.7", ".env:3:12"),
        ("terraform", "1.5.7", ".github/workflows/ci.yml:1:27"),
        ("terraform", "1.9.0", ".tool-versions:2:1"),
        ("terraform", "1.11.0", ".terraform-version:1:1"),
        ("terraform", ">= 1.9, < 2", "components/terraform/vpc/versions.tf:2:3"),
        ("provider hashicorp/aws", "~> 5.74", "components/terraform/vpc/versions.tf:4:5"),
        ("provider hashicorp/null", "3.2.1", "components/terraform/vpc/versions.tf:8:5"),
    }
    assert {one.folder for one in found.versions} == {"", "components/terraform/vpc"}
    assert "canary" not in repr(found)


def test_owners(tmp_path: Path) -> None:
    """By CODEOWNERS, of the files that findings can be about."""
    found = repository(
        tmp_path, {"CODEOWNERS": "* @all\n/stacks/ @infra\n", "stacks/deploy/dev.yaml": NAMED, "workflows/w.yaml": ""}
    )
    assert found.owners == {"atmos.yaml": "@all", "stacks/deploy/dev.yaml": "@infra"}


def test_steps_of_workflows(tmp_path: Path) -> None:
    """Names where there are none, types, stacks and places; what is no step is there as one without command."""
    text = (
        "workflows:\n  w:\n    stack: acme-dev\n    steps:\n      - command: terraform plan vpc\n"
        "      - {name: n, type: shell, command: echo, stack: other}\n      - run: {command: x}\n      - text\n"
        "  empty:\n"
    )
    found = repository(tmp_path, {"workflows/sub/w.yaml": text})
    workflow, empty = found.workflows
    assert (workflow.name, workflow.file, str(workflow.spot)) == (
        "w",
        "workflows/sub/w.yaml",
        "workflows/sub/w.yaml:2:3",
    )
    assert [(step.name, step.type, step.stack, step.spot.line) for step in workflow.steps] == [
        ("step1", "atmos", "", 5), ("n", "shell", "other", 6), ("step3", "atmos", "", 7), ("step4", "atmos", "", 8),
    ]  # fmt: skip
    assert [step.command.text if step.command else None for step in workflow.steps] == [
        "terraform plan vpc", "echo", None, None,
    ]  # fmt: skip
    assert empty.steps == ()


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    """Whatever order the system lists files in."""
    files = {f"stacks/deploy/s{n}.yaml": NAMED.replace("dev", f"s{n}") for n in range(20)}
    first = repository(tmp_path, files | {"Makefile": "atmos version\n"})
    assert read(tmp_path, NEW) == first
