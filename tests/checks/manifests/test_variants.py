"""Every recorded variant: what stands first on its page, on which lines, for which version."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.manifests.examine import examine
from checks.manifests.model import Examination, Version
from daemon.repository import read
from tests.checks.manifests.small import codes, found
from tests.fakeatmos import FIXTURES, lay_out

A, D = "stacks/deploy/acme", "stacks/workflows/deploy.yaml"
OLD, MIDDLE, NEXT, NEW = (1, 163, 0), (1, 205, 1), (1, 215, 0), (1, 226, 1)
VERSIONS: tuple[Version | None, ...] = (None, OLD, MIDDLE, NEXT, NEW)
PLAIN = "inert_workflow", (f"{D}:33",)  # what the recorded repository has of its own

LITERAL = "literal_interpolation", ("stacks/catalog/network.yaml:10",)

# Variant -> the first finding and its lines, and for which versions; elsewhere the repository's own come first.
FIRST: dict[str, tuple[str, tuple[str, ...], tuple[Version | None, ...]]] = {
    "broken-yaml": ("broken_yaml", (f"{A}/dev.yaml:28", f"{A}/dev.yaml:29"), VERSIONS),
    "ci": (*PLAIN, VERSIONS),
    "duplicate-stack": ("stack_name_collision", (f"{A}/dev.yaml:6", f"{A}/dev2.yaml:6", "atmos.yaml:15"), VERSIONS),
    "functions": ("literal_interpolation", (f"{A}/fn.yaml:13",), VERSIONS),
    "inert-workflow": ("inert_workflow", ("stacks/workflows/inert.yaml:4", f"{D}:33"), VERSIONS),
    "missing-component-folder": ("component_folder_missing", (f"{A}/dev.yaml:28",), VERSIONS),
    "missing-import": ("missing_import", (f"{A}/dev.yaml:3",), VERSIONS),
    "name-collision": (
        "stack_name_collision",
        ("stacks/catalog/network.yaml:1", f"{A}/dev.yaml", f"{A}/prod.yaml", f"{A}/staging.yaml"),
        (None, MIDDLE, NEXT, NEW),
    ),
    "name-template": ("name_cannot_be_planned", ("atmos.yaml:15",), VERSIONS),
    "no-atmos-yaml": ("no_configuration", ("atmos.yaml",), VERSIONS),
    "no-backend": (
        "no_backend", (f"{A}/_defaults.yaml:1", f"{A}/dev.yaml", f"{A}/prod.yaml", f"{A}/staging.yaml"), VERSIONS
    ),
    "no-stage": ("pattern_part_missing", (f"{A}/dev.yaml:5", "atmos.yaml:15"), VERSIONS),
    "root-metadata": ("root_metadata", (f"{A}/dev.yaml:28",), (None, NEW)),
    "templates": (*PLAIN, VERSIONS),
    "type-conflict": (
        "type_conflict", (f"{A}/dev.yaml:15", "stacks/catalog/network.yaml:10"), (None, OLD, MIDDLE)
    ),
    "unknown-token": ("unknown_pattern_token", ("atmos.yaml:15",), VERSIONS),
    "workspaces": ("varfile_collision", (f"{A}/test.yaml:11", f"{A}/test.yaml:12"), VERSIONS),
}  # fmt: skip


def look(folder: Path, *variants: str, version: Version | None = None) -> Examination:
    """The recorded repository with *variants* laid over it, read and judged."""
    return examine(read(lay_out(folder, *variants), version))


def lines(examination: Examination, number: int = 0) -> tuple[str, ...]:
    """The places of a finding, without columns."""
    spots = examination.findings[number].spots
    return tuple(dict.fromkeys(f"{spot.file}:{spot.line}" if spot.line else spot.file for spot in spots))


def test_the_table_has_every_variant() -> None:
    """A new recording needs a row."""
    assert set(FIRST) == {path.name for path in (FIXTURES / "variants").iterdir()}


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("variant", sorted(FIRST))
def test_the_first_finding_is_the_cause(variant: str, version: Version | None, tmp_path: Path) -> None:
    """What must be mended first stands first, with the lines to go to."""
    code, places, versions = FIRST[variant]
    if version not in versions:
        code, places = LITERAL if variant == "type-conflict" else PLAIN
    examination = look(tmp_path, variant, version=version)
    assert (examination.findings[0].code, lines(examination)) == (code, places)
    assert examination.unread == ()


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("variant", ["", "ci", "templates"])
def test_the_plain_repository_has_two_findings(variant: str, version: Version | None, tmp_path: Path) -> None:
    """A step with no command, and one for a component that is not there; nothing else is wrong with it."""
    examination = look(tmp_path, *filter(None, [variant]), version=version)
    assert [one.code for one in examination.findings] == ["inert_workflow", "workflow_target_unknown"]
    assert (lines(examination, 0), lines(examination, 1)) == ((f"{D}:33",), (f"{D}:29",))
    assert "`nosuch`" in examination.findings[1].summary
    assert not any(one.follows for one in examination.findings)


@pytest.mark.parametrize("version", [None, OLD, MIDDLE], ids=str)
def test_a_literal_stands_beside_the_type_conflict(version: Version | None, tmp_path: Path) -> None:
    """The string that cannot be merged is also one that nobody resolves: two causes, two findings."""
    assert codes(look(tmp_path, "type-conflict", version=version))[:2] == ["type_conflict", "literal_interpolation"]


def test_a_type_conflict_names_both_types(tmp_path: Path) -> None:
    """The list first, then the string that it is merged over."""
    [case] = look(tmp_path, "type-conflict").findings[0].cases
    assert case.marks == ("a list", "a string, which it is merged over")


def test_all_that_comes_of_an_unknown_token_is_one_finding(tmp_path: Path) -> None:
    """Ambiguous names, unusable workspaces and shared states go with the token, not beside it."""
    examination = look(tmp_path, "unknown-token", version=OLD)
    assert [one.code for one in examination.findings] == ["unknown_pattern_token", "inert_workflow"]
    assert {one.code for one in examination.findings[0].follows} == {
        "ambiguous_component", "state_collision", "varfile_collision", "workspace_name_unusable",
        "workflow_target_unknown",
    }  # fmt: skip


def test_what_a_missing_import_takes_away_is_told_under_it(tmp_path: Path) -> None:
    """A base that the import would have brought is no cause of its own; what is not read is not called missing."""
    examination = look(tmp_path, "missing-import")
    assert [one.code for one in examination.findings] == ["missing_import", "inert_workflow"]
    assert [one.code for one in examination.findings[0].follows] == ["missing_import"]


# A table that no mistake in the reading can fail proves nothing: the same repositories, turned into their opposite.


def test_with_base_and_heir_swapped_the_type_conflict_is_gone(tmp_path: Path) -> None:
    """A string over a list is replaced by every version; only the list over a string is refused."""
    lay_out(tmp_path, "type-conflict")
    base, heir = tmp_path / "stacks/catalog/network.yaml", tmp_path / A / "dev.yaml"
    base.write_text(base.read_text().replace('"${zones}"', "[a, b]"))
    heir.write_text(heir.read_text().replace("[a, b]", '"${zones}"'))
    examination = examine(read(tmp_path, OLD))
    assert "type_conflict" not in codes(examination)
    assert lines(examination) == (f"{A}/dev.yaml:15",)


@pytest.mark.parametrize(
    ("variant", "gone"),
    [("type-conflict", "type_conflict"), ("name-collision", "stack_name_collision")],
)
def test_without_imports_what_they_bring_is_not_found(variant: str, gone: str, tmp_path: Path) -> None:
    """Both come over an import: a reading that dropped imports would be found out by the table."""
    lay_out(tmp_path, variant)
    for file in (tmp_path / A).glob("*.yaml"):
        file.write_text(file.read_text().replace("  - catalog/network\n", ""))
    examination = examine(read(tmp_path, MIDDLE))
    assert gone not in codes(examination)
    assert found(examination, "missing_import").blocks_all


def test_nothing_that_may_be_secret_is_told(tmp_path: Path) -> None:
    """Neither values of vars, env, settings and backend nor the text of a literal; names and places only."""
    for variant in ("functions", "type-conflict", "duplicate-stack", "no-backend", "workspaces", "unknown-token"):
        told = repr(look(tmp_path / variant, variant).findings)
        for secret in ("canary-secret", "testing", "acme-terraform-state", "output.network.cidr", "${zones}", "10.0.0"):
            assert secret not in told, (variant, secret)
