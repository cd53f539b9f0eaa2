"""Grouping: causes first, what follows under them; and nothing that a repository can hold makes it fail."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.manifests.examine import examine, grouped
from checks.manifests.model import (
    CODES,
    FAULTS,
    Component,
    Fault,
    Import,
    Line,
    Manifest,
    Node,
    Opaque,
    Repository,
    RepositoryFinding,
    Settings,
    Spot,
    Stack,
    Stated,
    Workflow,
    WorkflowStep,
)
from checks.manifests.rules.files import EXPLAINED, HARMLESS, NOT_FOLLOWED
from tests.checks.manifests.small import CATALOG, FILES, STACK, codes, seen

IMPORTING = "import: [catalog/made.yaml.tmpl]\n"


def cause(code: str, **given_: object) -> RepositoryFinding:
    values: dict[str, object] = {"summary": code, "spots": (Spot("f", 1),), "atmos_says": "", "remedy": ""}
    return RepositoryFinding(code, **{**values, **given_})  # type: ignore[arg-type]  # a short form for tests


def test_what_blocks_everything_comes_first_and_what_blinds_next() -> None:
    """Whatever the order of the rules."""
    told = grouped([cause("inert_workflow"), cause("no_backend", blinds=True), cause("type_conflict", blocks_all=True)])
    assert [one.code for one in told] == ["type_conflict", "no_backend", "inert_workflow"]


def test_what_follows_stands_under_its_nearest_cause() -> None:
    """And by itself where the cause is not there, or concerns other stacks or other versions."""
    follower = cause("state_collision", because=("unknown_pattern_token", "stack_name_collision"), stacks=("dev",))
    token = cause("unknown_pattern_token", stacks=("dev", "prod"))
    assert [one.code for one in grouped([token, follower])[0].follows] == ["state_collision"]
    assert [one.code for one in grouped([follower])] == ["state_collision"]
    elsewhere = cause("unknown_pattern_token", stacks=("other",))
    assert len(grouped([elsewhere, follower])) == 2
    newer = cause("state_collision", because=("unknown_pattern_token",), since=(1, 204, 0))
    assert len(grouped([cause("unknown_pattern_token", before=(1, 204, 0)), newer])) == 2


def test_the_owner_is_that_of_the_first_place(tmp_path: Path) -> None:
    """By CODEOWNERS, so that the finding reaches who can mend it."""
    changes = {
        "CODEOWNERS": "*  @acme/all\nstacks/catalog/  @acme/network\n",
        "stacks/catalog/net.yaml": CATALOG.replace("zones: []", 'zones: ""'),
        "stacks/deploy/dev.yaml": STACK.format(stage="dev").replace("net/defaults]", "net/other]"),
    }
    told = {one.code: one.owner for one in seen(tmp_path, changes).findings}
    assert told == {"missing_import": "@acme/all"}


def test_a_file_that_was_passed_over_is_never_clean(tmp_path: Path) -> None:
    """It is a finding, and the reading says that it is not complete."""
    examination = seen(tmp_path, {"stacks/catalog/net.yaml": b"\xff\xfe"})
    assert "unreadable_file" in codes(examination)
    assert len(examination.unread) == 1
    assert "stacks/catalog/net.yaml" in examination.unread[0]


def test_an_import_from_elsewhere_is_never_clean(tmp_path: Path) -> None:
    """What it brings is not known, so nothing is said to be fine."""
    text = FILES["stacks/deploy/dev.yaml"].replace("[catalog/net]", "[catalog/net, 'github.com/acme/stacks//x?ref=v1']")
    examination = seen(tmp_path, {"stacks/deploy/dev.yaml": text})
    assert examination.findings == ()
    assert len(examination.unread) == 1
    assert "stacks/deploy/dev.yaml:1" in examination.unread[0]


def test_what_only_atmos_can_read_is_unread_and_no_finding(tmp_path: Path) -> None:
    """A manifest that is a template as a whole may hold anything."""
    text = "{{ if true }}\nvars: {a: 1}\n{{ else }\n"
    examination = seen(
        tmp_path, {"stacks/catalog/made.yaml.tmpl": text, "stacks/catalog/net.yaml": IMPORTING + CATALOG}
    )
    assert examination.findings == ()
    assert any("stacks/catalog/made.yaml.tmpl" in why for why in examination.unread)


def test_every_fault_of_the_reader_is_accounted_for() -> None:
    """As a finding of its own, as something unread, or as a note; one that is not is an unreadable file."""
    assert EXPLAINED | HARMLESS | NOT_FOLLOWED | {"unreadable_file"} == set(FAULTS)


def test_what_an_import_from_elsewhere_may_bring_is_not_called_missing(tmp_path: Path) -> None:
    """Neither a base to inherit from, nor a folder, nor a backend, nor a part of the name, nor a target."""
    stack = (
        "import: ['github.com/acme/stacks//x?ref=v1']\n"
        "components: {terraform: {app: {metadata: {inherits: [far/base]}, vars: {a: 1}}}}\n"
    )
    plan = "workflows: {w: {steps: [{command: terraform plan nat -s acme-prod}, {command: terraform plan nat}]}}\n"
    examination = seen(tmp_path, {"stacks/deploy/dev.yaml": stack, "workflows/plan.yaml": plan})
    assert codes(examination) == ["workflow_target_unknown"]
    assert "in stack `acme-prod`" in examination.findings[0].summary
    assert examination.unread


def test_a_backend_that_atmos_computes_is_a_note(tmp_path: Path) -> None:
    """Whether two such states are one cannot be told: not judged, and said so."""
    text = FILES["stacks/deploy/dev.yaml"].replace("bucket: states", "bucket: !env BUCKET")
    examination = seen(tmp_path, {"stacks/deploy/dev.yaml": text})
    assert (examination.findings, examination.unread) == ((), ())
    assert len(examination.notes) == 1


# What a repository may hold, at its worst: any name, any value, any fault.

NAMES = st.sampled_from(
    [
        "",
        "net",
        "a/b",
        "-x",
        "{{ .vars.x }}",
        "${x}",
        "::error::",
        "x\ny",
        "\x1b[31m",
        "<!channel>",
        "ü" * 300,
        "\ud800",
    ]
)
SPOTS = st.builds(Spot, st.sampled_from(["a.yaml", "b\n.yaml", ""]), st.integers(0, 3), st.integers(0, 3))
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), NAMES, st.builds(Opaque, NAMES, NAMES)
)
KEYS = st.one_of(
    NAMES,
    st.sampled_from(["stage", "tenant", "enabled", "depends_on", "component", "metadata", "terraform_workspace", "1"]),
)
NODES = st.recursive(
    st.builds(Node, LEAVES, SPOTS, st.one_of(st.none(), SPOTS)),
    lambda inner: st.builds(
        Node, st.one_of(st.lists(inner, max_size=3).map(tuple), st.dictionaries(KEYS, inner, max_size=3)), SPOTS
    ),
    max_leaves=6,
)
COMPONENTS = st.builds(
    Component, name=NAMES, manifest=NAMES, stack=NAMES, base=NAMES, spot=SPOTS, abstract=st.booleans(),
    enabled=st.booleans(), vars=NODES, settings=NODES, metadata=NODES, env=NODES,
    backend_type=st.sampled_from(["", "s3", "http", "local", "odd"]), backend=NODES, workspace=NAMES, folder=NAMES,
    folder_exists=st.booleans(), varfile=NAMES,
)  # fmt: skip
STACKS = st.builds(
    Stack, manifest=NAMES, file=st.sampled_from(["a.yaml", "b\n.yaml"]), name=NAMES, name_spot=SPOTS,
    name_from=st.sampled_from(["name", "template", "pattern", "file"]), vars=NODES,
    components=st.dictionaries(NAMES, COMPONENTS, max_size=3), reached=st.frozensets(st.just("a.yaml")),
    manifest_name=NAMES, manifest_name_spot=st.one_of(st.none(), SPOTS), partial=st.booleans(),
)  # fmt: skip
STEPS = st.builds(
    WorkflowStep, name=NAMES, command=st.one_of(st.none(), NODES, st.builds(Node, st.sampled_from(
        ["terraform plan net -s x", "workflow x a=b", "atmos 'unclosed", "describe component", "terraform", "-s", ""]
    ), SPOTS)), type=st.sampled_from(["atmos", "shell", "", "http"]), spot=SPOTS, stack=NAMES,
    node=st.one_of(st.none(), NODES),
)  # fmt: skip
SOME_FAULTS = st.builds(
    Fault,
    code=st.sampled_from([*CODES, "import_loop", "inherits_unknown", "wrong_type", "too_large", "second_document"]),
    spots=st.lists(SPOTS, max_size=3).map(tuple), detail=NAMES, names=st.lists(NAMES, max_size=3).map(tuple),
    stacks=st.lists(NAMES, max_size=2).map(tuple),
)  # fmt: skip
REPOSITORIES = st.builds(
    Repository,
    settings=st.builds(
        Settings, file=st.sampled_from(["", "atmos.yaml"]), root=st.one_of(st.none(), NODES), stacks_path=NAMES,
        workflows_path=NAMES, included=st.lists(NODES, max_size=2).map(tuple),
        name_pattern=st.one_of(st.none(), st.builds(Node, st.sampled_from(["{dir}", "{tenant}-{stage}", "{x}-{stage}"]),
                                                    SPOTS)),
        name_template=st.one_of(st.none(), NODES),
    ),
    version=st.one_of(st.none(), st.sampled_from([(1, 163, 0), (1, 205, 1), (1, 226, 1), (2, 0, 0)])),
    manifests=st.dictionaries(
        st.sampled_from(["a.yaml", "b\n.yaml"]),
        st.builds(Manifest, file=st.sampled_from(["a.yaml", "b\n.yaml"]), name=NAMES, root=NODES,
                  imports=st.lists(st.builds(Import, NAMES, SPOTS, remote=st.booleans(), templated=st.booleans()),
                                   max_size=2).map(tuple)),
        max_size=2,
    ),
    stacks=st.lists(STACKS, max_size=3).map(tuple),
    workflows=st.lists(st.builds(Workflow, name=NAMES, file=st.just("w.yaml"), spot=SPOTS,
                                 steps=st.lists(STEPS, max_size=2).map(tuple), stack=NAMES), max_size=2).map(tuple),
    component_folders=st.frozensets(NAMES, max_size=2),
    calls=st.lists(st.builds(Line, SPOTS, st.sampled_from(["atmos workflow x a=b", "atmos 'x", "x"])),
                   max_size=2).map(tuple),
    versions=st.lists(st.builds(Stated, st.sampled_from(["atmos", "terraform", "provider x"]),
                                st.sampled_from(["1.0.0", ">= 2", "", "~> 1", "${x}"]), SPOTS, NAMES),
                      max_size=4).map(tuple),
    faults=st.lists(SOME_FAULTS, max_size=4).map(tuple),
    owners=st.dictionaries(st.just("a.yaml"), NAMES),
)  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(REPOSITORIES)
def test_no_repository_makes_it_fail_and_twice_gives_the_same(repository: Repository) -> None:
    """No rule raises; the answer depends on the repository alone; every code is a known one."""
    examination = examine(repository)
    assert examine(repository) == examination
    assert set(codes(examination)) <= set(CODES)
    assert grouped(examination.findings) == examination.findings
    assert all(str(one.summary) and one.remedy for one in examination.findings)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(REPOSITORIES)
def test_a_reading_with_faults_is_never_clean(repository: Repository) -> None:
    """Whatever went wrong while reading is a finding, a gap or a note."""
    told = [fault for fault in repository.faults if fault.spots]
    examination = examine(repository)
    assert bool(examination.findings or examination.unread or examination.notes) or not told
