"""From a merged manifest to its Terraform components, with all that they inherit and are overridden with."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from checks.base import Json
from checks.manifests.backends import backend
from checks.manifests.inheritance import Inheritance, Inherited
from checks.manifests.merge import EMPTY, Budget, Conflict, Merger, plain
from checks.manifests.model import Component, Fault, Node, Settings, Spot
from checks.manifests.names import Context, Name, named, text_of
from checks.manifests.templates import filled
from checks.manifests.versions import Abilities
from checks.manifests.workspace import Naming, planned

ROOT_METADATA = frozenset({"labels", "tags", "custom", "enabled", "locked", "terraform_workspace_pattern"})
"""What Atmos >= 1.225 takes in a `metadata` that stands outside components."""

_COST = 200  # what resolving one component counts for, in values looked at
_MAPS = ("vars", "settings", "env", "metadata", "backend", "providers", "overrides")
_WORDS = ("backend_type", "component", "command")


@dataclass(frozen=True, slots=True)
class Place:
    """What is the same for all components of a stack."""

    manifest: str
    file: str
    own_name: Node | None
    settings: Settings
    can: Abilities
    components_path: str  # relative to the repository
    folders: frozenset[str]  # component folders that are there, relative to components_path


@dataclass(slots=True)
class Found:
    """What reading the components of one stack gives."""

    vars: Node = EMPTY
    name: Name = field(default_factory=lambda: Name("", Spot(""), "file"))
    components: dict[str, Component] = field(default_factory=dict)
    conflicts: set[tuple[Conflict, str]] = field(default_factory=set)  # and the component; empty: of the whole stack
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Globals:
    sections: Mapping[str, Node]
    backend: Node | None
    backend_type: str


class Resolver:
    """Resolves the components of stacks."""

    def __init__(self, merger: Merger, budget: Budget, can: Abilities, naming: Naming) -> None:
        self._merger = merger
        self._budget = budget
        self._can = can
        self._naming = naming

    def found(self, root: Node, place: Place, inheritance: Inheritance) -> Found:
        """All components of a merged manifest. Raises TooMuchError."""
        found = Found()
        conflicts: set[Conflict] = set()
        over_all = self._globals(root, conflicts, found)
        found.conflicts |= {(conflict, "") for conflict in conflicts}
        found.vars = over_all.sections["vars"]
        found.name = named(_context(place, over_all.sections), place.settings, place.can)
        for name, section in inheritance.components.items():
            found.components[name] = self._component(name, section, over_all, place, inheritance, found)
        found.faults += inheritance.faults
        if not found.name.text and found.name.source in ("pattern", "template"):
            given = {component.stack for component in found.components.values()}
            if len(given) == 1:
                found.name = Name(given.pop(), found.name.spot, found.name.source)
        return found

    def _globals(self, root: Node, conflicts: set[Conflict], found: Found) -> _Globals:
        terraform = root.get("terraform") or EMPTY
        found.faults += _misfits(root, ("vars", "settings", "env", "terraform"), ())
        found.faults += _misfits(terraform, ("vars", "settings", "env", "backend"), ("backend_type",))
        sections = {
            part: self._merger.merge((root.get(part), terraform.get(part)), conflicts, (part,))
            for part in ("vars", "settings", "env")
        }
        common = root.get("metadata") if self._can.root_metadata else None
        if common is not None:
            kept = {key: value for key, value in common.items.items() if key in ROOT_METADATA}
            common = Node(kept, common.spot, common.key)
        sections["metadata"] = common or EMPTY
        kind = terraform.get("backend_type")
        return _Globals(sections, terraform.get("backend"), kind.text if kind is not None else "")

    def _component(
        self, name: str, section: Node, over_all: _Globals, place: Place, inheritance: Inheritance, found: Found
    ) -> Component:  # fmt: skip
        found.faults += _misfits(section, _MAPS, _WORDS)
        inherited = inheritance.of(name, section)
        self._budget.spend(_COST + len(inherited.conflicts))
        conflicts: set[Conflict] = set(inherited.conflicts)
        overrides = section.get("overrides") or EMPTY
        merged: dict[str, Node] = {}
        for part in ("vars", "settings", "env", "metadata"):
            layers = (
                over_all.sections[part],
                inherited.sections[part],
                section.get(part),
                overrides.get(part) if part != "metadata" else None,
            )
            deferred = self._can.defers_functions and part != "metadata"
            merged[part] = self._merger.merge(layers, conflicts, (part,), deferred=deferred)
        backends = self._merger.merge(
            (over_all.backend, inherited.sections["backend"], section.get("backend")), conflicts, ("backend",)
        )
        found.conflicts |= {(conflict, name) for conflict in conflicts}
        return self._built(name, section, over_all, place, inheritance, inherited, merged, backends)

    def _built(
        self,
        name: str,
        section: Node,
        over_all: _Globals,
        place: Place,
        inheritance: Inheritance,
        inherited: Inherited,
        merged: Mapping[str, Node],
        backends: Node,
    ) -> Component:
        metadata = merged["metadata"]
        own = section.at("metadata", "component")
        section_base = (own.text if own is not None else "") or _legacy(name, section, inheritance)
        base = _text(metadata.get("component")) or section_base
        own_type = section.get("backend_type")
        kind = (own_type.text if own_type is not None else "") or inherited.backend_type or over_all.backend_type
        spot = section.key or section.spot
        stack = named(_context(place, merged), place.settings, place.can)
        enabled = metadata.get("enabled")
        folder, exists = _folder(base, place)
        return Component(
            name=name,
            manifest=place.manifest,
            stack=stack.text,
            base=base,
            spot=spot,
            abstract=_text(section.at("metadata", "type")) == "abstract",
            enabled=enabled is None or enabled.value is not False,
            vars=merged["vars"],
            settings=merged["settings"],
            metadata=metadata,
            env=merged["env"],
            backend_type=kind,
            backend=backend(
                kind,
                backends,
                name,
                own=section.get("backend"),
                over_all=over_all.backend,
                named=(_text(metadata.get("name")) if self._can.inherits_metadata else "") or section_base,
                spot=spot,
            ),
            inherits=inherited.chain,
            workspace=self._workspace(name, base, stack, kind, merged, place),
            folder=folder,
            folder_exists=exists,
            varfile=_varfile(stack.text, name, base),
        )

    def _workspace(
        self, name: str, base: str, stack: Name, kind: str, merged: Mapping[str, Node], place: Place
    ) -> str:  # fmt: skip
        if not self._naming.workspaces_enabled or kind == "http":
            return "default"
        metadata = merged["metadata"]
        said: dict[str, Json] = {
            key: _text(metadata.get(key))
            for key in ("terraform_workspace", "terraform_workspace_pattern", "terraform_workspace_template")
        }
        if template := _text(metadata.get("terraform_workspace_template")):
            words = {"atmos_component": name, "atmos_stack": stack.text, "component": base, "stack": stack.text}
            words["atmos_stack_file"] = words["atmos_manifest"] = place.manifest
            value = filled(template, lambda names: _look(names, merged, words))
            if value is None:
                return ""
            said["terraform_workspace_template"] = value
        if not any(said.values()) and not stack.text and not _nameless(place):
            return ""
        variables = {key: plain(merged["vars"].get(key)) for key in (*_TOKENS, "region")}
        return planned(stack.text, name, base, said, variables, self._naming)


_TOKENS = ("namespace", "tenant", "environment", "stage")


def _nameless(place: Place) -> bool:
    """Whether the pattern knows no part of itself: Atmos goes on with an empty name, and workspaces like `-vpc`."""
    pattern = place.settings.name_pattern
    by_template = place.settings.name_template is not None and place.settings.name_template.text
    return (
        not by_template
        and pattern is not None
        and not any(f"{{{token}}}" in pattern.text.split("-") for token in _TOKENS)
    )


def _look(names: tuple[str, ...], merged: Mapping[str, Node], words: Mapping[str, str]) -> str | None:
    if len(names) == 1:
        return words.get(names[0])
    section = merged.get(names[0])
    return text_of(section.at(*names[1:])) if section is not None else None


def _context(place: Place, sections: Mapping[str, Node]) -> Context:
    return Context(
        place.manifest, place.file, place.own_name, sections["vars"], sections["settings"], sections["env"]
    )  # fmt: skip


def _legacy(name: str, section: Node, inheritance: Inheritance) -> str:
    """The Terraform component by `component`: that of the first base in the chain that is a component of the stack."""
    base = _text(section.get("component"))
    seen = {name}
    while base in inheritance.components and base not in seen:
        seen.add(base)
        deeper = inheritance.components[base]
        following = _text(deeper.get("component"))
        if not following:
            inherits = deeper.at("metadata", "inherits")
            following = next((node.text for node in inherits.list if node.text), "") if inherits is not None else ""
        if following not in inheritance.components or following in seen:
            return base
        base = following
    return name


def _folder(base: str, place: Place) -> tuple[str, bool]:
    inside = posixpath.normpath(base) if base else ""
    return posixpath.normpath(posixpath.join(place.components_path, base)), inside in place.folders


def _varfile(stack: str, name: str, base: str) -> str:
    """Named after the last part of the instance, and the folders of its base: two instances may share one."""
    folders = (base if base != name else name).rpartition("/")[0].replace("/", "-")
    parts = (stack, folders, name.rpartition("/")[2])
    return "-".join((parts[0], *(part for part in parts[1:] if part))) + ".terraform.tfvars.json"


def _misfits(section: Node, maps: tuple[str, ...], words: tuple[str, ...]) -> Iterator[Fault]:
    """Sections of a type that Atmos refuses: it loads nothing because of one."""
    for key in (*maps, *words):
        node = section.get(key)
        if node is None:
            continue
        wanted = Mapping if key in maps else str
        if not isinstance(node.value, wanted):
            kind = "a map" if key in maps else "text"
            yield Fault("wrong_type", (node.key or node.spot,), f"`{key}` must be {kind}", (key,))


def _text(node: Node | None) -> str:
    return node.text if node is not None else ""
