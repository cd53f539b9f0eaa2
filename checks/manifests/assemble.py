"""From the files of a repository to its stacks: imports, inheritance and names worked out. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from checks.manifests import globs
from checks.manifests.components import Found, Place, Resolver
from checks.manifests.imports import EXTENSIONS, manifest_name
from checks.manifests.inheritance import Inheritance, Known
from checks.manifests.merge import APPEND, MERGE, REPLACE, Budget, Conflict, Merger, TooMuchError
from checks.manifests.model import Component, Fault, Manifest, Node, Settings, Spot, Stack, Version
from checks.manifests.stacks import Files, Merged, Merging
from checks.manifests.versions import Abilities, abilities
from checks.manifests.workspace import Naming

_MATCH = 10  # what holding a name against a pattern counts for, in values looked at


@dataclass(frozen=True, slots=True)
class Assembled:
    """What the files say, put together."""

    manifests: Mapping[str, Manifest]
    stacks: tuple[Stack, ...]
    faults: tuple[Fault, ...]


def joined(*parts: str) -> str:
    """A path relative to the repository, without detours; empty for the repository itself."""
    path = posixpath.normpath(posixpath.join(*(part or "." for part in parts)))
    return "" if path == "." else path


def assemble(
    files: Files, settings: Settings, version: Version | None, folders: frozenset[str], *, work: int
) -> Assembled:  # fmt: skip
    """Put the stacks together. *folders*: component folders that are there. *work*: work that merging may take."""
    can = abilities(version)
    stacks_path = joined(settings.base_path, settings.stacks_path)
    budget = Budget(work)
    merger = Merger(budget, _strategy(settings))
    merging = Merging(files, stacks_path, merger, budget)
    resolver = Resolver(merger, budget, can, _naming(settings))
    building = _Building(settings, can, merging, merger, budget, folders, resolver)
    top: tuple[str, ...] = ()
    stacks: list[Stack] = []
    faults: list[Fault] = []
    try:
        top = top_level(files.names, settings, stacks_path, budget)
        for file in top:
            stacks += building.stack(file, stacks_path)
    except TooMuchError:
        detail = f"reading stopped after {len(stacks)} of {len(top)} stacks: merging them takes more work than allowed"
        faults.append(Fault("unreadable_file", (Spot(stacks_path or "."),), detail, ("too_much_work",)))
    manifests = _manifests(files, merging, stacks_path, top)
    faults += [*merging.faults, *building.faults(), *building.conflicts()]
    return Assembled(manifests, tuple(stacks), tuple(reaching(faults, stacks, manifests)))


def top_level(names: Sequence[str], settings: Settings, stacks_path: str, budget: Budget) -> tuple[str, ...]:
    """The manifests that are stacks: fit an included path and no excluded one, sorted. Templates count too.

    Raises TooMuchError.
    """
    budget.spend(_MATCH * len(names) * (len(settings.included) + len(settings.excluded)))
    included = [globs.compiled(one) for node in settings.included for one in _patterns(node.text, stacks_path)]
    excluded = [globs.compiled(joined(stacks_path, node.text)) for node in settings.excluded if node.text]
    broken = any(not glob.alternatives for glob in excluded)  # a pattern that cannot be read excludes everything
    if broken:
        return ()
    return tuple(
        name for name in sorted(names) if globs.fitting(included, name) and not globs.fitting(excluded, name)
    )  # fmt: skip


def _patterns(path: str, stacks_path: str) -> tuple[str, ...]:
    """An included path without extension stands for one with each of them."""
    if not path:
        return ()
    pattern = joined(stacks_path, path)
    return (pattern,) if "." in posixpath.basename(pattern) else tuple(pattern + one for one in EXTENSIONS)


def _strategy(settings: Settings) -> str:
    node = settings.root.at("settings", "list_merge_strategy") if settings.root is not None else None
    return node.text if node is not None and node.text in (APPEND, MERGE) else REPLACE


def _naming(settings: Settings) -> Naming:
    enabled = settings.root.at("components", "terraform", "workspaces_enabled") if settings.root is not None else None
    return Naming(
        pattern=settings.name_pattern.text if settings.name_pattern is not None else "",
        template=settings.name_template.text if settings.name_template is not None else "",
        workspaces_enabled=enabled is None or enabled.value is not False,
    )


def _manifests(files: Files, merging: Merging, stacks_path: str, top: tuple[str, ...]) -> dict[str, Manifest]:
    stacks = frozenset(top)
    manifests = {}
    for name in sorted(files.names):
        root, _ = files.root(name, None)
        try:
            imports = tuple(one for _, one in merging.imports(name, root))
        except TooMuchError:
            imports = ()
        manifests[name] = Manifest(name, manifest_name(name, stacks_path), root, imports, name in stacks)
    return manifests


class _Building:
    def __init__(
        self,
        settings: Settings,
        can: Abilities,
        merging: Merging,
        merger: Merger,
        budget: Budget,
        folders: frozenset[str],
        resolver: Resolver,
    ) -> None:
        self._faults: dict[tuple[str, tuple[Spot, ...]], tuple[Fault, list[str]]] = {}
        self._settings = settings
        self._can = can
        self._merging = merging
        self._merger = merger
        self._budget = budget
        self._folders = folders
        self._resolver = resolver
        self._known: Known = {}
        self._conflicts: dict[tuple[Conflict, str], list[str]] = {}

    def stack(self, file: str, stacks_path: str) -> tuple[Stack, ...]:
        """The stack of a top-level manifest; none where the manifest itself cannot be read."""
        root, whole = self._merging.files.root(file, None)
        if not whole and not root.items:
            return ()
        merged = self._merging.merged(file)
        manifest = manifest_name(file, stacks_path)
        own = merged.root.get("name")
        place = Place(
            manifest,
            file,
            own,
            self._settings,
            self._can,
            joined(self._settings.base_path, self._settings.components_path),
            self._folders,
        )
        sections, faults = _sections(merged.root)
        inheritance = Inheritance(
            sections, self._merger, self._budget, self._can.inherits_metadata, self._known
        )  # fmt: skip
        found = self._resolver.found(merged.root, place, inheritance)
        self._note(manifest, merged, found, faults)
        stack = Stack(
            manifest=manifest,
            file=file,
            name=found.name.text,
            name_spot=found.name.spot,
            name_from=found.name.source,
            vars=found.vars,
            components=_sorted(found.components),
            reached=merged.reached,
            manifest_name=own.text if own is not None else "",
            manifest_name_spot=(own.key or own.spot) if own is not None and own.text else None,
            partial=not merged.whole,
        )
        return (stack,)

    def _note(self, manifest: str, merged: Merged, found: Found, faults: Iterable[Fault]) -> None:
        for fault in (*faults, *found.faults):
            key = (fault.code, tuple(sorted(fault.spots)))
            self._faults.setdefault(key, (fault, []))[1].append(manifest)
        if not self._can.refuses_mixed_types:
            return
        for conflict in merged.conflicts:
            self._conflicts.setdefault((conflict, ""), []).append(manifest)
        for pair in found.conflicts:
            self._conflicts.setdefault(pair, []).append(manifest)

    def faults(self) -> list[Fault]:
        """What is wrong in the stacks, each with those that it is in."""
        return [replace(fault, stacks=tuple(dict.fromkeys(stacks))) for fault, stacks in self._faults.values()]

    def conflicts(self) -> list[Fault]:
        """One fault for each pair of places."""
        by_spots: dict[tuple[Spot, Spot], tuple[Fault, set[str]]] = {}
        for (conflict, component), stacks in self._conflicts.items():
            trail = conflict.trail
            if trail[:2] == ("components", "terraform") and len(trail) > 3:
                component, trail = trail[2], trail[3:]
            names = (".".join(trail), *((component,) if component else ()))
            detail = f"a list here, a {conflict.base_type} there"
            spots = (conflict.heir, conflict.base)
            by_spots.setdefault(spots, (Fault("type_conflict", spots, detail, names), set()))[1].update(stacks)
        return [replace(fault, stacks=tuple(sorted(stacks))) for _, (fault, stacks) in sorted(by_spots.items())]


def _sections(root: Node) -> tuple[dict[str, Node], list[Fault]]:
    """The Terraform components of a manifest, and what stands in their place but is none."""
    faults = []
    components = root.get("components")
    terraform = components.get("terraform") if components is not None else None
    for node, name in ((components, "components"), (terraform, "components.terraform")):
        if node is not None and not isinstance(node.value, Mapping):
            faults.append(Fault("wrong_type", (node.key or node.spot,), f"`{name}` must be a map", (name,)))
    sections = {}
    for name, node in (terraform.items if terraform is not None else {}).items():
        if isinstance(node.value, Mapping):
            sections[name] = node
        else:
            faults.append(Fault("wrong_type", (node.key or node.spot,), "a component must be a map", (name,)))
    return sections, faults


def _sorted(components: Mapping[str, Component]) -> dict[str, Component]:
    return {name: components[name] for name in sorted(components)}


def reaching(faults: Iterable[Fault], stacks: Sequence[Stack], manifests: Mapping[str, Manifest]) -> list[Fault]:
    """The faults with the stacks that they reach: those made of a file that one stands in."""
    made_of: dict[str, set[str]] = {}
    for stack in stacks:
        for file in stack.reached:
            made_of.setdefault(file, set()).add(stack.manifest)
    for file, manifest in manifests.items():
        if manifest.top_level:
            made_of.setdefault(file, set()).add(manifest.name)
    known: dict[frozenset[str], tuple[str, ...]] = {}
    found = []
    for fault in faults:
        files = frozenset(spot.file for spot in fault.spots)
        if not fault.stacks and files not in known:
            known[files] = tuple(sorted(set().union(*(made_of.get(file, ()) for file in files))))
        found.append(fault if fault.stacks else replace(fault, stacks=known[files]))
    return found
