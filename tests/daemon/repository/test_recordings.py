"""The static reading agrees with what three generations of the real Atmos printed and did."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from checks.manifests.merge import Conflict, Merger
from checks.manifests.model import Node
from checks.manifests.stacks import Merging
from tests import fakeatmos
from tests.daemon.repository.recorded import differences, listings, reading, version

LISTED = listings()
# The one stack that was listed of the other two overrides nothing.
OVERRIDING = [one for one in LISTED if one[2] not in ("functions", "templates")]
CASES = pytest.mark.parametrize(("generation", "name", "variant"), LISTED, ids=["-".join(one) for one in LISTED])


def test_nothing_recorded_is_left_out() -> None:
    """Refused: `type-conflict` by the first two, `root-metadata` by the last, `functions-on` by the last two."""
    assert [sum(one[0] == generation for one in LISTED) for generation in fakeatmos.GENERATIONS] == [15, 14, 14]


@CASES
def test_it_is_what_atmos_lists(tmp_path: Path, generation: str, name: str, variant: str) -> None:
    """Stacks, components, vars, settings, metadata, env and backends are those of the recording, one by one."""
    assert differences(reading(tmp_path, generation, variant), generation, name) == []


@pytest.mark.parametrize(("generation", "name", "variant"), OVERRIDING, ids=["-".join(one) for one in OVERRIDING])
def test_merging_the_other_way_round_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generation: str, name: str, variant: str
) -> None:
    """With base and heir swapped the comparison fails: it does look at what wins."""
    merge = Merger.merge

    def swapped(
        self: Merger,
        nodes: Iterable[Node | None],
        conflicts: set[Conflict],
        trail: tuple[str, ...] = (),
        *,
        deferred: bool = False,
    ) -> Node:
        return merge(self, reversed(list(nodes)), conflicts, trail, deferred=deferred)

    monkeypatch.setattr(Merger, "merge", swapped)
    assert differences(reading(tmp_path, generation, variant), generation, name) != []


@CASES
def test_imports_that_are_dropped_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generation: str, name: str, variant: str
) -> None:
    """Without the imports the comparison fails."""
    monkeypatch.setattr(Merging, "_targets", lambda *_: ())
    assert differences(reading(tmp_path, generation, variant), generation, name) != []


@pytest.mark.parametrize("generation", fakeatmos.GENERATIONS)
def test_workspaces_and_variable_files_are_those_that_atmos_used(tmp_path: Path, generation: str) -> None:
    """Every row that was recorded from a plan: workspace, folder, prefix and the name of the variable file."""
    used = fakeatmos.recording(generation, "workspaces-used")
    (stack,) = [one for one in reading(tmp_path, generation, "workspaces").stacks if one.name == "acme-test"]
    planned = {name: row for name, row in used.items() if row["used"]}
    found = {name: stack.components[name] for name in planned}
    assert {name: one.workspace for name, one in found.items()} == {n: row["used"][0] for n, row in planned.items()}
    assert {name: one.varfile for name, one in found.items()} == {n: row["varfile"] for n, row in planned.items()}
    assert {name: f"/repo/{one.folder}" for name, one in found.items()} == {
        name: row["cwd"][0] for name, row in planned.items()
    }
    assert {name: one.backend.at("workspace_key_prefix") for name, one in found.items()}.keys() == planned.keys()
    for name, row in planned.items():
        prefix = found[name].backend.get("workspace_key_prefix")
        assert prefix is not None
        assert prefix.text == row["workspace_key_prefix"]
    refused = [name for name, row in used.items() if not row["used"]]
    assert [stack.components[name].folder_exists for name in refused] == [False] * len(refused)


@pytest.mark.parametrize("generation", fakeatmos.GENERATIONS)
def test_workspaces_are_those_that_atmos_describes(tmp_path: Path, generation: str) -> None:
    """`describe component -q .workspace` is right in all generations."""
    (stack,) = [one for one in reading(tmp_path, generation, "workspaces").stacks if one.name == "acme-test"]
    folder = fakeatmos.FIXTURES / generation
    calls = [json.loads(file.read_text()) for file in sorted(folder.glob("describe-workspace-*.json"))]
    said = {call["argv"][3]: json.loads(call["stdout"]) for call in calls if call["rc"] == 0}
    assert len(said) >= 8
    assert {name: stack.components[name].workspace for name in said} == said


@pytest.mark.parametrize("generation", fakeatmos.GENERATIONS)
@pytest.mark.parametrize(
    ("name", "variant"), [("describe-workflows-all", ""), ("inert-workflow-describe", "inert-workflow")]
)
def test_workflows_are_those_that_atmos_describes(tmp_path: Path, generation: str, name: str, variant: str) -> None:
    """Files, workflows, their stacks, and the name, type and command of every step."""
    said = json.loads(fakeatmos.recording(generation, name)["stdout"])
    theirs = {
        (f"stacks/workflows/{file}", workflow, content.get("stack", "")): [
            (step.get("name", ""), step.get("type", "") or "atmos", step.get("command", ""))
            for step in content["steps"]
        ]
        for file, found in said.items()
        for workflow, content in found["workflows"].items()
    }
    ours = {
        (workflow.file, workflow.name, workflow.stack): [
            (step.name, step.type, step.command.text if step.command else "") for step in workflow.steps
        ]
        for workflow in reading(tmp_path, generation, variant).workflows
    }
    assert ours == theirs


@pytest.mark.parametrize("generation", ["1.163.0", "1.205.1", "1.226.1"])
def test_a_catalog_with_a_name_takes_the_names_of_all_that_import_it(tmp_path: Path, generation: str) -> None:
    """From 1.204 on; all three stay in the reading, though Atmos lists one of them."""
    stacks = reading(tmp_path, generation, "name-collision").stacks
    by_name = version(generation) >= (1, 204, 0)
    names = ["infrastructure"] * 3 if by_name else ["acme-dev", "acme-prod", "acme-staging"]
    assert [stack.name for stack in stacks] == names
    assert {stack.name_from for stack in stacks} == {"name" if by_name else "pattern"}
    assert {str(stack.manifest_name_spot) for stack in stacks} == {"stacks/catalog/network.yaml:1:1"}


def test_two_manifests_of_one_name_are_both_there(tmp_path: Path) -> None:
    """Atmos lists one of them, not the same one each time."""
    stacks = reading(tmp_path, "1.226.1", "duplicate-stack").stacks
    assert [stack.manifest for stack in stacks if stack.name == "acme-dev"] == ["deploy/acme/dev", "deploy/acme/dev2"]
