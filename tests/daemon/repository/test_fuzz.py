"""Whatever a repository holds, reading it ends soon, with a result and never with an exception."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from checks.manifests.model import Repository, Version
from daemon.repository import Limits, read
from tests.daemon.repository.small import ATMOS, write

SECONDS = 10.0  # for repositories of a few files; most take milliseconds
LIMITS = Limits(nodes=2_000, total_nodes=10_000, work=500_000)
VERSIONS = st.sampled_from([None, (1, 163, 0), (1, 205, 1), (1, 226, 1), (2, 0, 0)])

# Keys that mean something, where values of any kind may stand.
KEYS = (
    "import", "vars", "settings", "env", "terraform", "components", "metadata", "inherits", "component", "type",
    "backend", "backend_type", "s3", "overrides", "name", "stage", "tenant", "path", "context", "a", "b", "c",
    "terraform_workspace_pattern", "terraform_workspace_template", "workspace_key_prefix", "skip_if_missing",
    "workflows", "steps", "command", "stack", "stacks", "base_path", "included_paths", "excluded_paths",
    "name_pattern", "name_template", "list_merge_strategy", "atmos_cli_version", "depends_on", "enabled", "locals",
)  # fmt: skip
WORDS = (
    "a", "b", "c", "deploy/x0", "deploy/x1", "deploy/*", "**", "./x0", "../deploy/x1", "../..", "/", "", ".",
    "{{ .a }}", "{{ .vars.stage }}", "{{", "{tenant}-{stage}", "{a,b}", "[", "append", "merge", "abstract", "s3",
    "azurerm", "stacks", "git::x", "replace", "\n", "é", "<b>", "*", "-",
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=True) | st.sampled_from(WORDS)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=15,
)
COMPONENT = st.fixed_dictionaries(
    {},
    optional={
        "vars": VALUES,
        "metadata": st.fixed_dictionaries(
            {}, optional={"inherits": st.lists(st.sampled_from("abc")), "component": VALUES}
        ),
        "component": st.sampled_from("abc") | VALUES,
        "backend": VALUES,
        "overrides": VALUES,
        "settings": VALUES,
    },
)
MANIFEST = VALUES | st.fixed_dictionaries(
    {},
    optional={
        "import": st.lists(st.sampled_from(WORDS) | VALUES, max_size=4) | VALUES,
        "vars": VALUES,
        "terraform": VALUES,
        "overrides": VALUES,
        "name": SCALARS,
        "metadata": VALUES,
        "components": st.fixed_dictionaries(
            {"terraform": st.dictionaries(st.sampled_from(["a", "b", "c", "a/b", ""]), COMPONENT | VALUES, max_size=3)}
        )
        | VALUES,
    },
)


def ends(files: dict[str, str | bytes], version: Version | None, atmos: str | bytes = ATMOS) -> Repository:
    """Read a repository of *files*; it must not take long."""
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder), {**files, "atmos.yaml": atmos})
        begun = time.monotonic()
        found = read(root, version, limits=LIMITS)
        assert time.monotonic() - begun < SECONDS
        return found


def consistent(found: Repository) -> None:
    """What holds of every reading."""
    for fault in found.faults:
        assert fault.spots
        assert all(spot.file and spot.line >= 0 for spot in fault.spots)
        assert str(fault)
    for stack in found.stacks:
        assert stack.file in stack.reached
        assert list(stack.components) == sorted(stack.components)
        for name, component in stack.components.items():
            assert component.name == name
            assert component.spot.file in stack.reached


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=100))
def test_any_bytes(stack: bytes, workflow: bytes, other: bytes) -> None:
    """In manifests, workflows, and every text file that is looked through."""
    names = ("Makefile", "README.md", "a.sh", ".tool-versions", ".env", "CODEOWNERS", "components/terraform/a/main.tf")
    files: dict[str, str | bytes] = {"stacks/deploy/x0.yaml": stack, "workflows/w.yaml": workflow}
    consistent(ends({**files, **dict.fromkeys(names, other)}, None))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_as_configuration(atmos: bytes) -> None:
    """An atmos.yaml that is none."""
    consistent(ends({"stacks/deploy/x0.yaml": "vars: {}"}, None, atmos))


@settings(max_examples=300, deadline=None)
@given(MANIFEST, MANIFEST, VALUES, VERSIONS)
def test_any_structure(first: Any, second: Any, workflow: Any, version: Version | None) -> None:
    """Values of any kind where Atmos expects others."""
    files: dict[str, str | bytes] = {
        "stacks/deploy/x0.yaml": json.dumps(first),
        "stacks/deploy/x1.yaml": json.dumps(second),
        "workflows/w.yaml": json.dumps({"workflows": {"w": {"steps": workflow}, "v": workflow}}),
    }
    consistent(ends(files, version))


@settings(max_examples=200, deadline=None)
@given(VALUES, VALUES, VALUES, VERSIONS)
def test_any_configuration(stacks: Any, components: Any, other: Any, version: Version | None) -> None:
    """Of any structure."""
    atmos = json.dumps({"stacks": stacks, "components": components, "settings": other, "workflows": other})
    consistent(ends({"stacks/deploy/x0.yaml": "vars: {tenant: a, stage: b}"}, version, atmos))


EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.booleans()), max_size=25)


@settings(max_examples=200, deadline=None)
@given(EDGES, EDGES)
def test_any_graph_of_imports_and_bases(
    imports: list[tuple[int, int, bool]], bases: list[tuple[int, int, bool]]
) -> None:
    """Circles, diamonds, with and without contexts: it ends, and reaches what the graph reaches."""
    files: dict[str, str | bytes] = {}
    for node in range(8):
        entries = [
            {"path": f"deploy/x{target}", "context": {"a": node}} if context else f"deploy/x{target}"
            for source, target, context in imports
            if source == node
        ]
        inherits = [f"c{target}" for source, target, _ in bases if source == node]
        content = {
            "import": entries,
            "vars": {"tenant": "t", "stage": f"s{node}", f"v{node}": "{{ .a }}"},
            "components": {"terraform": {f"c{node}": {"metadata": {"inherits": inherits}, "vars": {f"w{node}": 1}}}},
        }
        files[f"stacks/deploy/x{node}.yaml"] = json.dumps(content)
    found = ends(files, None)
    consistent(found)
    reachable = {node: _reachable(node, imports) for node in range(8)}
    loops = any(node in _reachable(target, imports) for node, target, _ in imports)
    assert any(fault.code == "import_loop" for fault in found.faults) == loops
    if not loops:
        assert {stack.manifest: stack.reached for stack in found.stacks} == {
            f"deploy/x{node}": {f"stacks/deploy/x{one}.yaml" for one in reachable[node]} for node in range(8)
        }
        for stack in found.stacks:
            node = int(stack.manifest[-1])
            assert set(stack.components) == {f"c{one}" for one in reachable[node]}
            assert {key for key in stack.vars.items if key.startswith("v")} == {f"v{one}" for one in reachable[node]}


def _reachable(node: int, edges: list[tuple[int, int, bool]]) -> set[int]:
    found = {node}
    pending = [node]
    while pending:
        here = pending.pop()
        following = {target for source, target, _ in edges if source == here} - found
        found |= following
        pending += following
    return found
