"""Manifests with all that they import merged in, each worked out once.

Order, as in Atmos (processYAMLConfigFile in internal/exec/stack_processor_utils.go): the imports one after the other,
each with its own imports below it, then the file itself. `overrides` of a file and of what it imports reach the
components that the file defines, and those of what it imports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from checks.manifests.globs import is_glob
from checks.manifests.imports import Entry, Tree, entries, manifest_name, resolved
from checks.manifests.merge import EMPTY, Budget, Conflict, Merger, type_name
from checks.manifests.model import Fault, Import, Node, Spot

CHAIN = 64  # imports of imports that are followed
_LOOKUP = 500  # what finding and merging one import counts for, in values looked at
_CONTEXT = 3_000  # the same, where it is imported with a context: it may have to be merged anew


class Files(Tree, Protocol):
    """The manifests themselves."""

    def root(self, file: str, context: Node | None) -> tuple[Node, bool]:
        """What a file says, with the plain fields of *context* filled in; and whether all of it could be read."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A manifest and all that it imports, as one."""

    root: Node
    inline: Node  # `terraform.overrides` of the file and of those that import it
    imported: Node  # of what it imports
    reached: frozenset[str]
    conflicts: frozenset[Conflict]
    whole: bool  # False: something below it is remote, templated, missing or cannot be read


@dataclass(slots=True)
class Merging:
    """Merges manifests on demand. One per reading."""

    files: Files
    stacks: str  # the stacks folder, relative to the repository
    merger: Merger
    budget: Budget
    faults: list[Fault] = field(default_factory=list)
    _done: dict[tuple[str, str, int, int], tuple[Merged, tuple[Node, ...]]] = field(default_factory=dict)
    _imports: dict[tuple[str, int], tuple[tuple[Entry, Import], ...]] = field(default_factory=dict)
    _said: set[tuple[str, Spot]] = field(default_factory=set)

    def merged(self, file: str) -> Merged:
        """The manifest *file* with its imports. Raises TooMuchError."""
        return self._merged(file, None, EMPTY, EMPTY, ())

    def imports(self, file: str, root: Node) -> tuple[tuple[Entry, Import], ...]:
        """What *file* imports, and what that means."""
        key = (file, id(root))
        if key not in self._imports:
            faults: list[Fault] = []
            found = []
            for entry in entries(root, faults):
                self.budget.spend(_LOOKUP + len(self.files.names) * is_glob(entry.path))
                found.append((entry, resolved(entry, file, self.stacks, self.files)))
            self._imports[key] = tuple(found)
            for fault in faults:
                self._say(fault)
        return self._imports[key]

    def _merged(
        self, file: str, context: Node | None, inline: Node, imported: Node, chain: tuple[tuple[str, Spot], ...]
    ) -> Merged:  # fmt: skip
        root, whole = self.files.root(file, context)
        above = (id(inline) if inline.items else 0, id(imported) if imported.items else 0)
        key = (file, self._fingerprint(context), *above)
        known = self._done.get(key)
        if known is None:
            done = self._work_out(file, root, whole, context, inline, imported, chain)
            if not done.whole and len(chain) >= CHAIN - 1:
                return done  # cut short because of where it stands: not to be used for others
            known = self._done[key] = (done, (inline, imported))  # kept, so that their ids stay theirs
        return known[0]

    def _work_out(
        self,
        file: str,
        root: Node,
        whole: bool,
        context: Node | None,
        inline: Node,
        imported: Node,
        chain: tuple[tuple[str, Spot], ...],
    ) -> Merged:
        conflicts: set[Conflict] = set()
        merge = self.merger.merge
        own = (root.get("overrides"), root.at("terraform", "overrides"))
        inline = merge((*own, inline), conflicts, ("overrides",))
        parts: list[Node] = []
        reached: set[str] = {file}
        for entry, one in self.imports(file, root):
            targets = self._targets(file, entry, one, chain)
            whole = whole and targets is not None
            for target in targets or ():
                below = None
                if entry.context is not None or context is not None:
                    below = merge((entry.context, context), set())
                    self.budget.spend(_CONTEXT)
                child = self._merged(target, below, inline, imported, (*chain, (file, entry.spot)))
                imported = merge((imported, child.imported, child.inline), conflicts, ("overrides",))
                parts.append(child.root)
                reached |= child.reached
                conflicts |= child.conflicts
                whole = whole and child.whole
                self.budget.spend(_LOOKUP + len(child.reached))
        overrides = merge((imported, inline), conflicts, ("overrides",))
        parts.append(_overridden(root, overrides, self.budget))
        merged = merge(parts, conflicts)
        return Merged(merged, inline, imported, frozenset(reached), frozenset(conflicts), whole)

    def _targets(
        self, file: str, entry: Entry, one: Import, chain: tuple[tuple[str, Spot], ...]
    ) -> tuple[str, ...] | None:
        """The files to merge; None where something is left out."""
        if one.remote or one.templated:
            return None
        if not one.files:
            if not one.optional:
                detail = f"no file below {self.stacks or 'the repository'} fits the import"
                self._say(Fault("missing_import", (one.spot,), detail, (one.path,)))
            return None if not one.optional else ()
        above = {name for name, _ in chain} | {file}
        loops = [target for target in one.files if target in above]
        for target in loops:
            begin = next((index for index, (name, _) in enumerate(chain) if name == target), len(chain))
            spots = (one.spot, *(spot for _, spot in chain[begin:]))
            names = tuple(manifest_name(name, self.stacks) for name in (*(n for n, _ in chain[begin:]), file))
            self._say(Fault("import_loop", spots, "the file imports itself, by way of what it imports", names))
        if len(chain) >= CHAIN:
            self._say(Fault("import_loop", (one.spot,), f"imports of imports, more than {CHAIN} deep", (one.path,)))
            return None
        rest = tuple(target for target in one.files if target not in above)
        return rest if not loops else (rest or None)

    def _fingerprint(self, context: Node | None) -> str:
        """Equal for equal contexts."""
        if context is None or not context.items:
            return ""
        words = repr(_words(context))
        self.budget.spend(len(words) // 8)
        return words

    def _say(self, fault: Fault) -> None:
        """Once for each place, however many stacks come by."""
        key = (fault.code, fault.spots[0])
        if fault.code == "import_loop":  # one loop is met from each of its files
            key = (fault.code, min(fault.spots))
        if key not in self._said:
            self._said.add(key)
            self.faults.append(fault)


def _overridden(root: Node, overrides: Node, budget: Budget) -> Node:
    """*root* with *overrides* in each Terraform component that it defines."""
    components = root.at("components", "terraform")
    if not overrides.items or components is None or not components.items:
        return root
    budget.spend(len(components.items))
    changed = {
        name: Node({**component.items, "overrides": overrides}, component.spot, component.key)
        if isinstance(component.value, Mapping)
        else component
        for name, component in components.items.items()
    }
    section = root.items["components"]
    types = {**section.items, "terraform": Node(changed, components.spot, components.key)}
    return Node({**root.items, "components": Node(types, section.spot, section.key)}, root.spot, root.key)


def _words(node: Node) -> object:
    if isinstance(node.value, Mapping):
        return [(key, _words(value)) for key, value in sorted(node.items.items())]
    if isinstance(node.value, tuple):
        return [_words(value) for value in node.list]
    return (type_name(node), str(node.value))
