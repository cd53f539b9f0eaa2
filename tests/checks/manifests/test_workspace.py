"""The workspace rule against every recorded row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checks.manifests.workspace import Naming, base_of, workspace
from tests import fakeatmos

PATTERN = Naming(pattern="{tenant}-{stage}")
TEMPLATE = Naming(template="{{ .vars.tenant }}-{{ .vars.stage }}")


def rows() -> list[tuple[str, str, dict[str, Any], str]]:
    """Generation, instance, its section in `describe stacks`, and the workspace that Atmos planned in."""
    found = []
    for generation in fakeatmos.GENERATIONS:
        used = fakeatmos.recording(generation, "workspaces-used")
        listing = json.loads(fakeatmos.recording(generation, "workspaces-describe-stacks")["stdout"])
        sections = listing["acme-test"]["components"]["terraform"]
        found += [(generation, name, sections[name], row["used"][0]) for name, row in used.items() if row["used"]]
    return found


ROWS = rows()


def test_all_rows_are_there() -> None:
    """Nine rows were recorded; one cannot be planned by 1.163, one is refused by the schema of 1.226."""
    assert [sum(row[0] == generation for row in ROWS) for generation in fakeatmos.GENERATIONS] == [8, 9, 8]


@pytest.mark.parametrize(("generation", "instance", "section", "used"), ROWS, ids=[f"{r[0]}-{r[1]}" for r in ROWS])
def test_it_is_the_one_that_atmos_uses(generation: str, instance: str, section: dict[str, Any], used: str) -> None:
    """What is computed is what the real Atmos planned in."""
    assert workspace("acme-test", instance, section, PATTERN) == used


def test_taking_the_printed_one_would_be_wrong() -> None:
    """More than half of the recorded rows are printed wrong: without the rule these tests would fail."""
    wrong = [row[1] for row in ROWS if row[2]["workspace"] != row[3]]
    assert len(wrong) > len(ROWS) / 2


def test_tokens_are_empty_under_a_name_template() -> None:
    """Atmos fills {tenant} and {stage} only under name_pattern, and really uses --q under a template."""
    section = {
        "metadata": {"component": "network", "terraform_workspace_pattern": "{tenant}-{stage}-q"},
        "vars": {"tenant": "acme", "stage": "test"},
        "workspace": "--q",
    }
    assert workspace("acme-test", "main", section, TEMPLATE) == "--q"


@pytest.mark.parametrize(
    ("pattern", "printed", "expected"),
    [
        ("{tenant}-{component}-{stage}", "acme--test", "acme-vpc-main-test"),
        ("{component}", "", "vpc-main"),
        ("{base-component}.{component}", ".", "network.vpc-main"),
        ("{tenant}-{unknown}-{component}", "acme--", "acme--vpc-main"),
        ("fixed", "fixed", "fixed"),
        ("{tenant}/{stage}", "acme-test", "acme-test"),
        ("{tenant}-{component}", "other-", "other-vpc-main"),
    ],
)
def test_component_in_a_pattern_is_the_instance(pattern: str, printed: str, expected: str) -> None:
    """{component} prints as nothing but is the instance, wherever in the pattern it stands."""
    section = {
        "metadata": {"component": "network", "terraform_workspace_pattern": pattern},
        "vars": {"tenant": "acme", "stage": "test"},
        "workspace": printed,
    }
    assert workspace("acme-test", "vpc/main", section, PATTERN) == expected


def test_without_workspaces_it_is_the_default() -> None:
    """The http backend has no workspaces, and atmos.yaml can switch them off."""
    section = {"component": "dns", "workspace": "default", "backend_type": "http"}
    assert workspace("acme-dev", "dns", section, PATTERN) == "default"
    assert workspace("acme-dev", "dns", {"component": "dns"}, Naming(workspaces_enabled=False)) == "default"


def test_metadata_component_wins_over_component() -> None:
    """`metadata.component` overrides `component`, which overrides the instance's own name."""
    assert base_of("a", {"component": "b", "metadata": {"component": "c"}}) == "c"
    assert base_of("a", {"component": "b", "metadata": None}) == "b"
    assert base_of("a", {}) == "a"
