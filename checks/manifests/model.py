"""An Atmos repository as its files say it, as plain data: every value knows where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Version = tuple[int, int, int]  # of Atmos


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A place in a file of the repository. Line and column count from 1; 0: the file as a whole."""

    file: str  # relative to the repository, with "/"
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = (self.file, *(str(number) for number in (self.line, self.column) if number))
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value that only Atmos can compute: a YAML function such as `!terraform.output vpc id`. Never evaluated."""

    tag: str  # "!terraform.output"
    text: str = field(repr=False)  # its arguments, as written


# What a node can hold. Mappings keep the order of the file.
Content = None | bool | int | float | str | Opaque | tuple["Node", ...] | Mapping[str, "Node"]


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a manifest, and where it stands. The value may be secret: only its place and type are ever told."""

    value: Content = field(repr=False)
    spot: Spot
    key: Spot | None = None  # where the key it belongs to stands; None in lists and at the top

    def get(self, name: str) -> Node | None:
        """The value under *name*; None where this is no mapping or has no such key."""
        return self.value.get(name) if isinstance(self.value, Mapping) else None

    def at(self, *names: str) -> Node | None:
        """The value under a path of names; None where any step is missing."""
        node: Node | None = self
        for name in names:
            node = node.get(name) if node is not None else None
        return node

    @property
    def text(self) -> str:
        """The value where it is a string, else empty."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def items(self) -> Mapping[str, Node]:
        """The value where it is a mapping, else an empty one."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def list(self) -> tuple[Node, ...]:
        """The value where it is a list, else an empty one."""
        return self.value if isinstance(self.value, tuple) else ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong while reading, as the reader saw it; the rules make findings of it."""

    code: str  # one of FAULTS
    spots: tuple[Spot, ...]  # all places it is about, the most telling one first
    detail: str = ""  # for people: never quotes a value of vars, env, settings or backend
    names: tuple[str, ...] = ()  # the key, import, component … it is about; see FAULTS
    stacks: tuple[str, ...] = ()  # manifests (as listed by Atmos: "deploy/acme/dev") that it reaches


FAULTS: Mapping[str, str] = {
    "broken_yaml": "no YAML, or no mapping; the places are where it begins and where the parser stops",
    "duplicate_key": "names: the key; the second place first",
    "second_document": "Atmos reads the first document of a file only",
    "wrong_type": "a section of a type that Atmos refuses; names: the section",
    "missing_import": "names: the import as written",
    "import_loop": "names: the manifests in the order in which they import one another",
    "inherits_unknown": "names: the component, and the base that its stack does not have",
    "inheritance_loop": "names: the components in the order in which they inherit",
    "type_conflict": "a list over what is none; places: the list, what it replaces; names: the key, the component",
    "not_resolved": "Go templates or imports that only Atmos can follow: it may read more there",
    "unreadable_file": "passed over; names: why, as one word (too_large, not_utf8, leaves_repository …)",
}
"""Every word Fault.code can be."""


@dataclass(frozen=True, slots=True)
class Import:
    """One entry of a manifest's `import`."""

    path: str  # as written
    spot: Spot
    files: tuple[str, ...] = ()  # what it resolves to; empty with `remote`, `templated` or where nothing is found
    remote: bool = False  # named, never fetched
    templated: bool = False  # the path holds a Go template that is not resolved
    context: Node | None = None
    optional: bool = False  # skip_if_missing


@dataclass(frozen=True, slots=True)
class Manifest:
    """One file under the stacks folder."""

    file: str  # relative to the repository: "stacks/deploy/acme/dev.yaml"
    name: str  # as Atmos names it: "deploy/acme/dev"
    root: Node
    imports: tuple[Import, ...] = ()
    top_level: bool = False  # matched by the included paths and by no excluded one


@dataclass(frozen=True, slots=True)
class Component:
    """A Terraform component in a stack, with all that it imports and inherits merged in."""

    name: str  # the instance: "service/payments"
    manifest: str  # the stack manifest: "deploy/acme/dev"
    stack: str  # the stack's name under the version the reading was made for
    base: str  # `metadata.component`, else the section's `component`, else the name
    spot: Spot  # where the most telling definition of it stands
    abstract: bool
    enabled: bool
    vars: Node
    settings: Node
    metadata: Node
    env: Node
    backend_type: str  # empty: none
    backend: Node  # the section of that type, merged
    inherits: tuple[str, ...] = ()  # every component it inherits from, nearest first
    workspace: str = ""  # as Atmos plans in it; empty where it cannot be told
    folder: str = ""  # component folder relative to the repository
    folder_exists: bool = True
    varfile: str = ""  # name that Atmos gives the variable file


@dataclass(frozen=True, slots=True)
class Stack:
    """A top-level manifest, resolved: imports and inheritance merged."""

    manifest: str  # "deploy/acme/dev"
    file: str
    name: str  # for the version the reading was made for; empty where the pattern gives nothing
    name_spot: Spot  # what decides the name: `name:`, the template or pattern in atmos.yaml, or the file
    name_from: str  # "name", "template", "pattern", "file"
    vars: Node
    components: Mapping[str, Component]
    reached: frozenset[str] = frozenset()  # files that it is made of, its own included
    manifest_name: str = ""  # the merged `name:` of manifests, used or not
    manifest_name_spot: Spot | None = None
    partial: bool = False  # something it imports is remote, templated, missing or broken: it may hold more


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """One step of a workflow."""

    name: str  # as written, else "step1" …
    command: Node | None  # None: there is no `command`
    type: str  # "atmos", "shell", …
    spot: Spot
    stack: str = ""
    node: Node | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """One workflow of a workflow file."""

    name: str
    file: str
    spot: Spot
    steps: tuple[WorkflowStep, ...]
    stack: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """What atmos.yaml says, with the defaults of Atmos where it says nothing."""

    file: str = ""  # empty: there is none, or it is empty
    root: Node | None = None
    base_path: str = "."
    components_path: str = "components/terraform"
    stacks_path: str = "stacks"  # empty: not configured, and Atmos loads nothing
    workflows_path: str = ""
    included: tuple[Node, ...] = ()
    excluded: tuple[Node, ...] = ()
    name_pattern: Node | None = None
    name_template: Node | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a plain text file (Makefile, README, script, CI job) that a rule may want to see."""

    spot: Spot
    text: str = field(repr=False)  # as written: it may hold a secret beside the call


@dataclass(frozen=True, slots=True)
class Stated:
    """A version that some file states: `settings.atmos_cli_version`, `.tool-versions`, `required_version` …"""

    tool: str  # "atmos", "terraform", "opentofu", "provider hashicorp/aws"
    constraint: str  # "1.163.0", ">= 1.9.0", "~> 5.74.0"
    spot: Spot
    folder: str = ""  # of a component, where one states it


@dataclass(frozen=True, slots=True)
class Repository:
    """All that a reading saw."""

    settings: Settings
    version: Version | None  # the Atmos it was read for; None: not known, and rules speak of every version
    manifests: Mapping[str, Manifest] = field(default_factory=dict)  # every YAML file below the stacks folder, by file
    stacks: tuple[Stack, ...] = ()
    workflows: tuple[Workflow, ...] = ()
    component_folders: frozenset[str] = frozenset()  # existing, relative to the components folder
    calls: tuple[Line, ...] = ()  # lines of Makefile, README, scripts and CI files that mention `atmos`
    versions: tuple[Stated, ...] = ()
    faults: tuple[Fault, ...] = ()
    files_read: int = 0
    bytes_read: int = 0
    owners: Mapping[str, str] = field(default_factory=dict)  # file -> owner, by CODEOWNERS


@dataclass(frozen=True, slots=True)
class Case:
    """One instance of a cause, for a line of a page: what, and every place of it."""

    text: str  # "`zones` of `network`: a list takes the place of a string"
    spots: tuple[Spot, ...] = ()
    marks: tuple[str, ...] = ()  # for each spot what stands there ("a list"); shorter: nothing to add


@dataclass(frozen=True, slots=True)
class RepositoryFinding:
    """One cause, explained. Nothing in it is escaped; nothing in it quotes a value that may be secret."""

    code: str  # "type_conflict"
    summary: str  # one sentence: what is wrong
    spots: tuple[Spot, ...]  # every place, the most telling first
    atmos_says: str  # what Atmos would say, hide or do because of it
    remedy: str
    affected: str = "all versions"  # for people: "up to 1.205", "from 1.225"
    blinds: bool = False  # because of it, Atmos lists or plans wrongly or not at all
    blocks_all: bool = False  # nothing of the repository loads
    stacks: tuple[str, ...] = ()  # stack manifests or names concerned
    components: tuple[str, ...] = ()
    owner: str = ""
    follows: tuple[RepositoryFinding, ...] = ()  # what follows from it, told under it
    cases: tuple[Case, ...] = ()  # every instance of it
    since: Version | None = None  # the first Atmos that is affected; None: all before too
    before: Version | None = None  # the first Atmos that is affected no more; None: all after too
    variant: str = ""  # tells it from other findings of its code, in the same word at every look
    because: tuple[str, ...] = ()  # codes of what it follows from, where one of them is found too: nearest cause first


@dataclass(frozen=True, slots=True)
class Examination:
    """What `preflight --repository` tells: the findings, worst first, and what the reading covered."""

    findings: tuple[RepositoryFinding, ...]
    version: Version | None
    stacks: tuple[Stack, ...] = ()
    files_read: int = 0
    notes: tuple[str, ...] = ()  # our limitations: where the CLI answers otherwise, what was not followed
    atmos_words: str = ""  # what `atmos validate stacks` said, redacted; empty: it was not run
    unread: tuple[str, ...] = ()  # why something could not be read; not empty: the reading is not complete


CODES: tuple[str, ...] = (
    "no_configuration", "broken_yaml", "missing_import", "type_conflict", "root_metadata", "pattern_part_missing",
    "unknown_pattern_token", "stack_name_collision", "ambiguous_component", "name_cannot_be_planned",
    "inheritance_loop", "component_folder_missing", "no_backend", "state_collision", "varfile_collision",
    "workspace_name_unusable", "literal_interpolation", "inert_workflow", "workflow_arguments",
    "workflow_target_unknown", "version_contradiction", "duplicate_key", "unreachable_manifest", "depends_on_unknown",
    "disabled_by_string", "unreadable_file",
)  # fmt: skip
"""Every word RepositoryFinding.code can be. `unreadable_file`: too large, not UTF-8, nested too deeply, leaves the
repository, too many aliases: the file is passed over, and said so."""
