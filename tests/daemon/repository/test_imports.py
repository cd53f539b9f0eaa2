"""Imports, contexts and merging, by what Atmos' own code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.manifests.merge import plain
from checks.manifests.model import Version
from tests.daemon.repository.small import ATMOS, NAMED, NEW, OLD, only, repository, told


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
