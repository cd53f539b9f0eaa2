"""Each code: one repository in which it is found, on the right line, and one that is nearly the same and clean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from checks.manifests.examine import examine
from checks.manifests.model import CODES, Version
from daemon.repository import read
from tests.checks.manifests.small import ATMOS, CATALOG, STACK, codes, found, seen, with_calls, with_versions, written

Changes = Mapping[str, str | bytes | None]
DEV, PROD, NET, PLAN = (
    "stacks/deploy/dev.yaml", "stacks/deploy/prod.yaml", "stacks/catalog/net.yaml", "workflows/plan.yaml"
)  # fmt: skip
OLD, NEW = (1, 163, 0), (1, 226, 1)


def dev(old: str, new: str) -> str:
    """The development stack with one change."""
    text = STACK.format(stage="dev")
    assert old in text
    return text.replace(old, new)


def also(component: str) -> str:
    """The development stack with one more component."""
    return STACK.format(stage="dev") + component


@dataclass(frozen=True)
class Example:
    """A repository that is broken, where that is told, and one that is nearly broken."""

    code: str
    broken: Changes
    place: str  # the first place, as "file:line"
    near: Changes = field(default_factory=dict)
    version: Version | None = None
    name: str = ""


GHOST = "    ghost: {vars: {a: 1}}\n"
LOOP = "    a: {metadata: {component: net, inherits: [b]}}\n    b: {metadata: {component: net, inherits: [a]}}\n"
NO_LOOP = LOOP.replace("inherits: [a]", "inherits: [net/defaults]")
TWINS = """\
    main: {metadata: {component: net}}
    vpc/main: {metadata: {component: net}}
"""
SHARED = """\
    one: {metadata: {component: net, terraform_workspace: ours}}
    two: {metadata: {component: net, terraform_workspace: ours}}
"""
NO_BACKEND = dev("  backend_type: s3\n  backend: {s3: {bucket: states, region: eu-west-1}}\n", "  vars: {}\n")
DEPENDS = "    app: {metadata: {component: net}, settings: {depends_on: {1: {component: NAME}}}}\n"
NAMED = "name: ours\n"

EXAMPLES = (
    Example("no_configuration", {"atmos.yaml": None}, "atmos.yaml"),
    Example("no_configuration", {"atmos.yaml": "\n"}, "atmos.yaml", name="empty"),
    Example("no_configuration", {"atmos.yaml": "base_path: .\n"}, "atmos.yaml:1", name="no stacks folder"),
    Example("no_configuration", {"atmos.yaml": ATMOS.replace("deploy/**", "none/**")}, "atmos.yaml:5",
            {"atmos.yaml": ATMOS.replace("deploy/**/*", "deploy/dev.yaml")}, name="matches nothing"),
    Example("broken_yaml", {DEV: dev("vars: {tenant", "vars: [{tenant")}, f"{DEV}:2"),
    Example("broken_yaml", {DEV: dev("    net:\n", "    net: 1\n    nat:\n")}, f"{DEV}:8", name="no mapping"),
    Example("missing_import", {DEV: dev("catalog/net]", "catalog/nat]")}, f"{DEV}:1",
            {DEV: dev("[catalog/net]", "[catalog/net, {path: catalog/nat, skip_if_missing: true}]")}),
    Example("missing_import", {DEV: dev("net/defaults]", "net/default]")}, f"{DEV}:9", name="unknown base"),
    Example("type_conflict", {NET: CATALOG.replace("zones: []", 'zones: ""'), DEV: dev("cidr:", "zones: [a], cidr:")},
            f"{DEV}:10", {DEV: dev("cidr:", "zones: [a], cidr:")}),
    Example("type_conflict", {DEV: dev("stage: dev", 'stage: dev, zones: ""').replace("cidr:", "zones: [a], cidr:"),
                              NET: CATALOG.replace(", zones: []", "")},
            f"{DEV}:10", {DEV: dev("stage: dev", "stage: dev, zones: [b]").replace("cidr:", "zones: [a], cidr:")},
            name="stack against component"),
    Example("root_metadata", {NET: "metadata: {tags: [a], owner: me}\n" + CATALOG}, f"{NET}:1",
            {NET: "metadata: {tags: [a], custom: {owner: me}}\n" + CATALOG}, version=NEW),
    Example("pattern_part_missing", {DEV: dev(", stage: dev", ", other: dev")}, f"{DEV}:2",
            {DEV: dev("vars: {tenant: acme, stage: dev}", "vars: {tenant: acme}").replace(
                "terraform:\n  backend", "terraform:\n  vars: {stage: dev}\n  backend")}),
    Example("unknown_pattern_token", {"atmos.yaml": ATMOS.replace("{tenant}-{stage}", "{dir}")}, "atmos.yaml:6",
            {"atmos.yaml": ATMOS.replace("name_pattern: ", "name_template: '{{.vars.tenant}}-{{.vars.stage}}'\n"
                                         "  name_pattern: ").replace('"{tenant}-{stage}"', '"{dir}"')}),
    Example("unknown_pattern_token", {"atmos.yaml": ATMOS.replace("{tenant}-", "{tenant}-{region}-")}, "atmos.yaml:6",
            name="a part"),
    Example("stack_name_collision", {PROD: STACK.format(stage="dev")}, f"{DEV}:2"),
    Example("stack_name_collision", {NET: NAMED + CATALOG}, f"{NET}:1", {DEV: NAMED + STACK.format(stage="dev")},
            version=NEW, name="by an imported name"),
    Example("ambiguous_component", {"atmos.yaml": ATMOS.replace("{tenant}-{stage}", "{dir}")}, f"{DEV}:8",
            {"atmos.yaml": ATMOS.replace("{tenant}-{stage}", "{stage}")}),
    Example("name_cannot_be_planned", {"atmos.yaml": ATMOS.replace(
        'name_pattern: "{tenant}-{stage}"', 'name_template: "{{ .vars.tenant }}/{{ .vars.stage }}"')}, "atmos.yaml:6",
            {"atmos.yaml": ATMOS.replace('name_pattern: "{tenant}-{stage}"',
                                         'name_template: "{{ .vars.tenant }}-{{ .vars.stage }}"')}),
    Example("inheritance_loop", {DEV: also(LOOP)}, f"{DEV}:12", {DEV: also(NO_LOOP)}),
    Example("inheritance_loop", {NET: "import: [catalog/other]\n" + CATALOG,
                                 "stacks/catalog/other.yaml": "import: [catalog/net]\n"},
            "stacks/catalog/other.yaml:1", {NET: "import: [catalog/other]\n" + CATALOG,
                                            "stacks/catalog/other.yaml": "vars: {a: 1}\n"}, name="of imports"),
    Example("component_folder_missing", {DEV: also(GHOST)}, f"{DEV}:11",
            {DEV: also(GHOST.replace("{vars", "{metadata: {type: abstract}, vars"))}),
    Example("component_folder_missing", {DEV: also(GHOST)}, f"{DEV}:11",
            {DEV: also(GHOST.replace("{vars", "{metadata: {enabled: false}, vars"))}, name="off"),
    Example("no_backend", {DEV: NO_BACKEND}, DEV,
            {DEV: NO_BACKEND, PROD: NO_BACKEND.replace("dev", "prod"),
             "atmos.yaml": ATMOS.replace("file: true", "file: false")}),
    Example("state_collision", {DEV: also(SHARED)}, f"{DEV}:11",
            {DEV: also(SHARED.replace("ours}}\n    two", "mine}}\n    two"))}),
    Example("state_collision", {DEV: also(SHARED)}, f"{DEV}:11",
            {DEV: also(SHARED.replace("{component: net, terraform_workspace: ours}}\n    two",
                                      "{component: net, terraform_workspace: ours, enabled: false}}\n    two"))},
            name="off"),
    Example("varfile_collision", {DEV: also(TWINS)}, f"{DEV}:11", {DEV: also(TWINS.replace("vpc/main", "vpc/mine"))}),
    Example("workspace_name_unusable", {DEV: also(SHARED.splitlines()[0].replace("ours", "'-x'"))}, f"{DEV}:11",
            {DEV: also(SHARED.splitlines()[0].replace("ours", "'x-_.y'"))}),
    Example("workspace_name_unusable", {DEV: also(SHARED.splitlines()[0].replace("ours", "'a b'"))}, f"{DEV}:11",
            name="a blank"),
    Example("literal_interpolation", {DEV: dev("10.0.0.0/16", '"${vpc.cidr}"')}, f"{DEV}:10",
            {DEV: dev("10.0.0.0/16", '"arn:aws:s3:::home/${aws:username} $${not}"')}),
    Example("literal_interpolation", {DEV: dev("cidr: 10.0.0.0/16", 'deep: [{x: "a ${b} c"}]')}, f"{DEV}:10",
            {DEV: dev("cidr: 10.0.0.0/16", 'user_data: "#!/bin/sh\\necho ${HOME}"')}, name="deep"),
    Example("literal_interpolation", {DEV: dev("10.0.0.0/16", '"${vpc.cidr}"')}, f"{DEV}:10",
            {NET: CATALOG.replace("enabled: true", 'cidr: "${overridden}"')}, name="overridden"),
    Example("inert_workflow", {PLAN: "workflows:\n  w:\n    steps:\n      - name: x\n"}, f"{PLAN}:4",
            {PLAN: "workflows:\n  w:\n    steps:\n      - {name: x, type: http, url: 'https://x.test'}\n"}),
    Example("inert_workflow", {PLAN: "workflows:\n  w:\n    steps:\n      - {run: {command: terraform plan net}}\n"},
            f"{PLAN}:4", {PLAN: "workflows:\n  w:\n    steps:\n      - {type: shell, command: ls}\n"}, name="run"),
    Example("workflow_arguments",
            {PLAN: "workflows:\n  w:\n    steps:\n      - command: workflow x -f y stage=dev\n"}, f"{PLAN}:4",
            {PLAN: "workflows:\n  w:\n    steps:\n      - command: workflow x -f y -s acme-dev\n"}),
    Example("workflow_target_unknown",
            {PLAN: "workflows:\n  w:\n    steps:\n      - command: terraform plan nat -s acme-dev\n"}, f"{PLAN}:4",
            {PLAN: "workflows:\n  w:\n    steps:\n      - command: terraform plan net -s acme-dev -- -lock=false\n"}),
    Example("workflow_target_unknown",
            {PLAN: "workflows:\n  w:\n    stack: acme-test\n    steps:\n      - command: terraform plan net\n"},
            f"{PLAN}:5", {PLAN: "workflows:\n  w:\n    steps:\n      - command: terraform plan $X -s acme-test-$Y\n"},
            name="stack"),
    Example("workflow_target_unknown",
            {PLAN: "workflows:\n  w:\n    steps:\n"
                   "      - {type: shell, command: atmos terraform plan nat -s acme-dev}\n"},
            f"{PLAN}:4",
            {PLAN: "workflows:\n  w:\n    steps:\n      - {type: shell, command: terraform plan nat -s acme-dev}\n"},
            name="shell"),
    Example("workflow_target_unknown",
            {PLAN: "workflows:\n  w:\n    steps:\n      - command: terraform apply net/defaults -s acme-dev\n"},
            f"{PLAN}:4",
            {PLAN: "workflows:\n  w:\n    steps:\n      - command: describe component net/defaults -s acme-dev\n"},
            name="abstract"),
    Example("duplicate_key", {DEV: dev("vars: {tenant", "vars: {stage: x, tenant")}, f"{DEV}:2"),
    Example("unreachable_manifest", {"stacks/catalog/old.yaml": "vars: {a: 1}\n"}, "stacks/catalog/old.yaml",
            {"stacks/catalog/old.yaml": "vars: {a: 1}\n", NET: "import: [catalog/old]\n" + CATALOG}),
    Example("unreachable_manifest", {"stacks/catalog/old.yaml": "vars: {a: 1}\n"}, "stacks/catalog/old.yaml",
            {"stacks/workflows/x.yaml": "workflows: {}\n",
             "atmos.yaml": ATMOS.replace("base_path: workflows", "base_path: stacks/workflows"), PLAN: None},
            name="workflow"),
    Example("depends_on_unknown", {DEV: also(DEPENDS.replace("NAME", "nat"))}, f"{DEV}:11",
            {DEV: also(DEPENDS.replace("NAME", "net"))}),
    Example("depends_on_unknown", {DEV: also(DEPENDS.replace("NAME", "app2, stage: prod"))}, f"{DEV}:11",
            {DEV: also(DEPENDS.replace("NAME", "net, stage: prod"))}, name="in another stack"),
    Example("disabled_by_string", {DEV: dev("{component: net,", "{component: net, enabled: 'false',")}, f"{DEV}:9",
            {DEV: dev("{component: net,", "{component: net, enabled: false,")}),
    Example("disabled_by_string", {DEV: dev("{component: net,", "{component: net, enabled: no,")}, f"{DEV}:9",
            {DEV: dev("{component: net,", "{component: net, enabled: true,")}, name="a word of old YAML"),
    Example("unreadable_file", {NET: b"a: \xff\xfe\n"}, f"{NET}:1"),
)  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one.code}-{one.name or 'plain'}")
def test_it_is_found_where_it_stands(example: Example, tmp_path: Path) -> None:
    """The finding has the code, its first place is the telling one, and it says what to do."""
    one = found(seen(tmp_path, example.broken, example.version), example.code)
    assert ":".join(str(one.spots[0]).split(":")[:2]) == example.place
    assert one.summary.endswith(".")
    assert one.remedy
    assert one.atmos_says
    assert one.cases


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one.code}-{one.name or 'plain'}")
def test_it_is_not_found_where_it_only_nearly_stands(example: Example, tmp_path: Path) -> None:
    """A rule that fires on a sound repository is worse than none."""
    assert example.code not in codes(seen(tmp_path, example.near, example.version))


def test_the_small_repository_is_clean(tmp_path: Path) -> None:
    """Else the tests above would prove nothing."""
    clean = seen(tmp_path, {})
    assert (clean.findings, clean.unread, clean.notes) == ((), (), ())


def test_every_code_has_an_example() -> None:
    """One more code needs one more example; versions have theirs below."""
    assert {example.code for example in EXAMPLES} | {"version_contradiction"} == set(CODES)


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ([("terraform", "1.5.7", ""), ("terraform", ">= 1.9.0", "net")], True),
        ([("terraform", "1.11.4", ""), ("terraform", ">= 1.9.0", "net")], False),
        ([("terraform", "< 1.6", "a"), ("terraform", ">= 1.9.0", "b")], False),
        ([("terraform", "< 1.6", "a"), ("terraform", ">= 1.9.0", "a")], True),
        ([("provider hashicorp/aws", "~> 5.74.0", "a"), ("provider hashicorp/aws", "6.0.0", "a")], True),
        ([("provider hashicorp/aws", "~> 5.74.0", "a"), ("provider hashicorp/aws", "6.0.0", "b")], False),
        ([("atmos", "1.163.0", ""), ("atmos", ">= 1.100, != 1.163.0", "")], True),
        ([("atmos", "latest", ""), ("atmos", "1.163.0", "")], False),
        ([("atmos", "1.163.0", ""), ("terraform", "1.11.0", "")], False),
    ],
)
def test_versions_contradict_only_where_they_must_hold_together(
    stated: list[tuple[str, str, str]], told: bool, tmp_path: Path
) -> None:
    """One tool has one version in a repository, a provider one in each component."""
    repository = with_versions(read(written(tmp_path, {})), *stated)
    assert ("version_contradiction" in codes(examine(repository))) is told


def test_the_installed_version_is_one_more_statement(tmp_path: Path) -> None:
    """What is installed here may be what the files refuse."""
    repository = with_versions(read(written(tmp_path, {})), ("atmos", ">= 1.200", ""))
    assert codes(examine(repository, installed={"atmos": "1.226.1"})) == []
    one = found(examine(repository, installed={"atmos": "1.163.0"}), "version_contradiction")
    assert one.summary == "Atmos `1.163.0` is installed, and does not fit what file0 asks for."


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("\tatmos workflow drift -f drift.yaml tenant=acme stage=$(STAGE)", True),
        ("atmos workflow drift tenant=acme", True),
        ("\t@atmos workflow drift -f drift.yaml -s acme-dev", False),
        ("STAGE=dev atmos workflow drift -f drift.yaml", False),
        ("atmos workflow drift --stack=acme-dev --file=drift.yaml", False),
        ("atmos terraform plan net -s acme-dev -var=x=y", False),
        ("# atmos workflow drift tenant=acme", False),
        ("atmos workflow drift && X=1 make", False),
    ],
)
def test_arguments_of_workflows_are_seen_in_makefiles(line: str, told: bool, tmp_path: Path) -> None:
    """`key=value` behind the workflow's name; neither flags nor variables before the command."""
    repository = with_calls(read(written(tmp_path, {})), line)
    assert ("workflow_arguments" in codes(examine(repository))) is told


@pytest.mark.parametrize(("version", "told"), [(OLD, False), ((1, 224, 0), False), ((1, 225, 0), True), (NEW, True)])
def test_root_metadata_is_told_from_1_225(version: Version, told: bool, tmp_path: Path) -> None:
    """A finding that does not affect the version asked for is left out."""
    changes = {NET: "metadata: {owner: me}\n" + CATALOG}
    assert ("root_metadata" in codes(seen(tmp_path, changes, version))) is told


def test_a_pattern_of_unknown_tokens_blocks_everything_and_a_part_of_one_does_not(tmp_path: Path) -> None:
    """With no name at all Atmos lists nothing; with a part left out it lists, under shorter names."""
    for pattern, blocks in (("{dir}", True), ("{tenant}-{region}-{stage}", False)):
        changes = {"atmos.yaml": ATMOS.replace("{tenant}-{stage}", pattern)}
        assert found(seen(tmp_path / str(blocks), changes), "unknown_pattern_token").blocks_all is blocks


def test_an_empty_stack_name_makes_empty_workspaces(tmp_path: Path) -> None:
    """Only where Atmos goes on with it: where a part is missing, it stops before."""
    nameless = found(seen(tmp_path / "a", {"atmos.yaml": ATMOS.replace("{tenant}-{stage}", "{dir}")}),
                     "workspace_name_unusable")  # fmt: skip
    assert [case.text for case in nameless.cases] == ["`net`: `an empty name`", "`net`: `an empty name`"]
    assert "workspace_name_unusable" not in codes(seen(tmp_path / "b", {DEV: dev(", stage: dev", "")}))


@pytest.mark.parametrize(("version", "told"), [(OLD, False), (NEW, True), (None, False)])
def test_a_path_is_a_stack_for_older_versions_only(version: Version | None, told: bool, tmp_path: Path) -> None:
    """`-s deploy/dev` was taken before 1.204."""
    changes = {PLAN: "workflows: {w: {steps: [{command: terraform plan net -s deploy/dev}]}}\n"}
    assert ("workflow_target_unknown" in codes(seen(tmp_path, changes, version))) is told


@pytest.mark.parametrize(
    "command",
    [
        "terraform plan $COMPONENT -s acme-dev",
        "terraform plan {{ .component }} -s acme-dev",
        "terraform plan --all -s acme-dev",
        "terraform plan --components=nat,nut -s acme-dev",
        "terraform plan --query '.vars' -s acme-dev",
        "terraform version",
        "terraform generate varfile net -s acme-dev",
        "vendor pull",
        "terraform plan net --stack acme-dev",
        "terraform plan net",
    ],
)
def test_what_a_step_leaves_open_is_not_called_missing(command: str, tmp_path: Path) -> None:
    """Words that a shell or a template puts in, and commands that name no component."""
    changes = {PLAN: f'workflows: {{w: {{steps: [{{command: "{command}"}}]}}}}\n'}
    assert codes(seen(tmp_path, changes)) == []


@pytest.mark.parametrize(
    "command",
    [
        "terraform plan nat",
        "atmos terraform plan nat -s acme-dev",
        "terraform generate varfile nat -s acme-dev",
        "describe component nat -s acme-dev",
        "terraform plan -s=acme-dev nat",
        "terraform plan nat --stack acme-prod && terraform apply net",
    ],
)
def test_a_component_is_found_wherever_it_stands_in_a_command(command: str, tmp_path: Path) -> None:
    """Before and after flags, and without a stack too, where no stack has it."""
    changes = {PLAN: f'workflows: {{w: {{steps: [{{command: "{command}"}}]}}}}\n'}
    assert "`nat`" in found(seen(tmp_path, changes), "workflow_target_unknown").summary


def test_a_circle_is_told_as_one(tmp_path: Path) -> None:
    """From its first step back to it."""
    assert found(seen(tmp_path, {DEV: also(LOOP)}), "inheritance_loop").summary == (
        "`a` inherits from `b` inherits from `a`: that never ends."
    )


def test_the_remedy_for_a_missing_backend_names_a_file_that_all_import(tmp_path: Path) -> None:
    """One edit in the right file, not one in each stack."""
    backend = "terraform:\n  backend_type: s3\n  backend: {s3: {bucket: states, region: eu-west-1}}\n"
    text = {
        file: STACK.format(stage=stage).replace(backend, "").replace("[catalog/net]", "[catalog/net, catalog/common]")
        for file, stage in ((DEV, "dev"), (PROD, "prod"))
    }
    one = found(seen(tmp_path, {**text, "stacks/catalog/common.yaml": "settings: {a: 1}\n"}), "no_backend")
    assert one.remedy.startswith("In stacks/catalog/common.yaml, which all of these stacks import, set ")
    assert [str(spot) for spot in one.spots] == ["stacks/catalog/common.yaml:1:1", DEV, PROD]
