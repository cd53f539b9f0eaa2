"""The check `repository`: each cause one reading, and never clean without having looked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.base import Incident, IncidentState
from alerts.lifecycle import Look, Policy, changes
from alerts.owners import labels_of
from alerts.routes import Routes
from checks.base import Kind, LookFailed, Outcome, Reading
from checks.manifests.examine import examine
from checks.manifests.model import CODES, Examination, Version
from checks.repository import HIDING, MEANING, Repository
from daemon.repository import read
from tests.checks.manifests.replica import build
from tests.checks.manifests.small import CATALOG, FILES, STACK, written
from tests.fakeatmos import lay_out


@dataclass
class Folder:
    """A place that reads a real folder."""

    path: Path
    version: Version | None = None
    key: str = "infrastructure"
    labels: Mapping[str, str] = field(default_factory=dict)

    def now(self) -> datetime:
        return datetime(2026, 1, 5, tzinfo=UTC)

    def examine(self) -> Examination:
        return examine(read(self.path, self.version))


def look(path: Path, version: Version | None = None) -> list[Reading]:
    return list(Repository().run(Folder(path, version)))


# Variant -> (verdict, kind) of each reading after the whole.
VERDICTS = {
    "broken-yaml": [("broken_yaml", Kind.MONITORING), ("inert_workflow", Kind.COMPLIANCE)],
    "no-stage": [("pattern_part_missing", Kind.MONITORING), ("inert_workflow", Kind.COMPLIANCE)],
    "name-template": [("name_cannot_be_planned", Kind.MONITORING), ("inert_workflow", Kind.COMPLIANCE)],
    "no-atmos-yaml": [("no_configuration", Kind.MONITORING)],
    "workspaces": [
        ("varfile_collision", Kind.MONITORING),
        ("inert_workflow", Kind.COMPLIANCE),
        ("workflow_target_unknown", Kind.COMPLIANCE),
    ],
    "functions": [
        ("literal_interpolation", Kind.COMPLIANCE),
        ("inert_workflow", Kind.COMPLIANCE),
        ("workflow_target_unknown", Kind.COMPLIANCE),
    ],
}


@pytest.mark.parametrize("variant", sorted(VERDICTS))
def test_each_cause_is_a_reading_of_its_kind(variant: str, tmp_path: Path) -> None:
    """What keeps Atmos from listing or planning rightly is `monitoring`; the rest waits for the weekly review."""
    whole, *rest = look(lay_out(tmp_path, variant))
    assert [(one.verdict, one.findings[0].kind) for one in rest] == VERDICTS[variant]
    assert whole.outcome is (Outcome.UNKNOWN if whole.verdict in HIDING else Outcome.UNHEALTHY)
    assert whole.verdict == rest[0].verdict
    assert all(one.outcome is Outcome.UNHEALTHY and len(one.findings) == 1 for one in rest)


def test_a_clean_repository_is_one_healthy_reading(tmp_path: Path) -> None:
    """With what was read in numbers."""
    [reading] = look(written(tmp_path, {}))
    assert (reading.resource, reading.outcome, reading.verdict) == ("infrastructure", Outcome.HEALTHY, "clean")
    assert reading.findings == ()
    assert reading.values["stacks"] == 2
    assert set(reading.values) == set(Repository.measures)


def test_what_could_not_be_read_is_unknown(tmp_path: Path) -> None:
    """Beside what was found: the one is no excuse for the other."""
    changes = {"stacks/catalog/net.yaml": b"\xff", "stacks/deploy/prod.yaml": STACK.format(stage="dev").encode()}
    whole, *rest = look(written(tmp_path, {**changes}))
    assert (whole.outcome, whole.verdict) == (Outcome.UNKNOWN, "unread")
    [finding] = whole.findings
    assert finding.kind is Kind.MONITORING
    assert "stacks/catalog/net.yaml" in finding.summary
    assert "stack_name_collision" in [one.verdict for one in rest]


@pytest.mark.parametrize(
    "variant",
    ["broken-yaml", "missing-import", "name-template", "no-atmos-yaml", "no-stage", "unknown-token", "duplicate-stack"],
)
def test_what_another_cause_hides_is_not_resolved(variant: str, tmp_path: Path) -> None:
    """A workflow's target is not mended because nobody can tell any more which stacks there are."""
    now = datetime(2026, 1, 5, tzinfo=UTC)
    policy = Policy(Routes("ops"))
    known: dict[str, Incident] = {}
    folder = Folder(tmp_path / "before"), Folder(tmp_path / "after")
    lay_out(folder[0].path)
    lay_out(folder[1].path, variant)
    for place in folder:
        found = changes(known, Look("repository", place.key, {}, tuple(look(place.path))), policy, now)
        known |= {change.incident.fingerprint: change.incident for change in found}
    before = {one.key: one.state for one in known.values() if one.key in ("inert_workflow", "workflow_target_unknown")}
    expected = {"inert_workflow": IncidentState.OPEN, "workflow_target_unknown": IncidentState.OPEN}
    assert expected == before


def test_a_repository_that_cannot_be_reached_is_no_answer() -> None:
    """The place's own word for it gets out, and the run counts as failed."""

    class Gone(Folder):
        def examine(self) -> Examination:
            raise LookFailed("unavailable", "the host cannot be reached")

    with pytest.raises(LookFailed, match="the host cannot be reached"):
        list(Repository().run(Gone(Path())))


def test_a_line_that_moves_is_no_news(tmp_path: Path) -> None:
    """Neither a new incident nor a changed one: keys and all that an incident holds are free of lines."""
    build(tmp_path)
    before = look(tmp_path)
    for file in tmp_path.rglob("*.yaml"):
        if "metadata:" in file.read_text():
            file.write_text("# one\n# two\n" + file.read_text())
    after = look(tmp_path)
    assert [one.resource for one in before] == [one.resource for one in after]
    assert [one.findings for one in before] == [one.findings for one in after]
    assert [one.evidence for one in before] != [one.evidence for one in after]


def test_the_page_has_every_place(tmp_path: Path) -> None:
    """The lines stand in the reading's own evidence, which is shown and never compared."""
    _, first, *_ = look(lay_out(tmp_path, "type-conflict"))
    assert first.evidence["places"] == ["stacks/deploy/acme/dev.yaml:15:16", "stacks/catalog/network.yaml:10:16"]
    assert first.findings[0].evidence["files"] == ["stacks/deploy/acme/dev.yaml", "stacks/catalog/network.yaml"]


def test_the_owner_is_told(tmp_path: Path) -> None:
    """By CODEOWNERS of the first place."""
    net = CATALOG.replace("zones: []", 'zones: "a"')
    dev = STACK.format(stage="dev").replace("cidr:", "zones: [a], cidr:")
    changes = {"CODEOWNERS": "/stacks/ @acme/infra\n", "stacks/catalog/net.yaml": net, "stacks/deploy/dev.yaml": dev}
    _, first = look(written(tmp_path, {**changes}))
    owner = first.findings[0].owner
    assert owner is not None
    assert labels_of({"owner": "by default"}, owner) == {"owner": "@acme/infra"}


def test_two_causes_of_one_code_are_two_resources(tmp_path: Path) -> None:
    """Told apart by what they are, not by their order: with one mended, the other keeps its incident."""
    named, plain = "name: ours\n", "vars: {tenant: acme, stage: dev}\n"
    atmos = FILES["atmos.yaml"].replace('"deploy/**/*"', '"deploy/**/*", "more/**/*"')
    twins = {f"stacks/more/{name}.yaml": plain for name in "ab"} | {"atmos.yaml": atmos}
    both = {**twins, "stacks/catalog/net.yaml": named + CATALOG}
    newest = (1, 226, 1)

    def collisions(changes: Mapping[str, str]) -> list[str]:
        readings = look(written(tmp_path / str(len(changes)), {**changes}), newest)
        return [one.resource for one in readings if one.verdict == "stack_name_collision" and one.findings]

    by_name, by_pattern = "infrastructure/stack_name_collision:by_name", "infrastructure/stack_name_collision"
    assert collisions(both) == [by_name, by_pattern]
    assert collisions({"stacks/catalog/net.yaml": named + CATALOG}) == [by_name]


def test_evidence_is_bounded(tmp_path: Path) -> None:
    """Hundreds of symptoms do not make a message of hundreds of lines."""
    for reading in look(build(tmp_path)):
        for evidence in (reading.evidence, *(one.evidence for one in reading.findings)):
            for value in evidence.values():
                assert not isinstance(value, list) or len(value) <= 20
                assert all(len(str(each)) <= 300 for each in (value if isinstance(value, list) else ()))


def test_every_code_is_a_verdict() -> None:
    """And has a meaning for the docs."""
    assert set(CODES) | {"clean", "unread"} == set(MEANING)
