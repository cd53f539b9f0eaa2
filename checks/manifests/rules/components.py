"""Components: whether their code is there, whether they are really off, and what they depend on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from checks.manifests.model import Case, Component, Node, Repository, RepositoryFinding, Spot, Stack
from checks.manifests.rules.building import counted, finding, listed, plannable, quoted, where
from checks.manifests.rules.names import TOKENS


def component_folder_missing(repository: Repository) -> Iterable[RepositoryFinding]:
    """Instances of a component that has no folder, grouped by component."""
    by_folder: dict[str, list[Component]] = {}
    for stack, component in plannable(repository):
        if not component.folder_exists and "{{" not in component.base and not _may_inherit_another(stack, component):
            by_folder.setdefault(component.folder or component.base, []).append(component)
    if not by_folder:
        return
    ones = [one for found in by_folder.values() for one in found]
    many = len(by_folder) > 1
    first = next(iter(by_folder.values()))[0]
    near = get_close_matches(first.base, sorted(repository.component_folders), 1, 0.75)
    meant = f"; is {quoted(near[0])} meant?" if near and not many else ""
    yield finding(
        "component_folder_missing",
        f"{counted(len(by_folder), 'component')} {'have' if many else 'has'} no folder: {listed(by_folder, 4)}, "
        f"used by {counted(len(ones), 'instance')}{meant}.",
        [
            Case(
                f"{folder} does not exist: {listed((one.name for one in found), 4)}, "
                f"in {counted(len({one.manifest for one in found}), 'stack')}",
                tuple(dict.fromkeys(one.spot for one in found)),
            )
            for folder, found in sorted(by_folder.items())
        ],
        says=f"\"'{first.name[:120]}' points to the Terraform component '{first.base[:120]}', but it does not exist\", "
        "at each plan; listing shows them as if they were there.",
        remedy=f"Create the folder, or name one that exists in `metadata.component` at {where(first.spot)}. Mark what "
        "is only there to be inherited as `metadata.type: abstract`. A key that was never meant to be a component is "
        "indented too little: move it below `vars:`. Vendored code has to be pulled first (`atmos vendor pull`).",
        components=ones,
        blinds=True,
    )


def _may_inherit_another(stack: Stack, component: Component) -> bool:
    """Whether the base may be set by a component that was not read."""
    named = component.metadata.get("inherits")
    return stack.partial and named is not None and any(node.text not in stack.components for node in named.list)


def disabled_by_string(repository: Repository) -> Iterable[RepositoryFinding]:
    """`metadata.enabled` with a string: Atmos takes nothing but the boolean false."""
    spots: dict[Spot, list[Component]] = {}
    for _, component in plannable(repository):
        node = component.metadata.get("enabled")
        if node is not None and isinstance(node.value, str) and "{{" not in node.value:
            spots.setdefault(node.spot, []).append(component)
    if spots:
        ones = [one for found in spots.values() for one in found]
        yield finding(
            "disabled_by_string",
            f"`metadata.enabled` of {listed(one.name for one in ones)} is a string: only the boolean false switches "
            "a component off.",
            [
                Case(f"{listed(one.name for one in found)}: a string, so it is on", (spot,), ("a string",))
                for spot, found in sorted(spots.items())
            ],
            says="nothing: it plans and applies the component.",
            remedy=f"Write `enabled: false` without quotes at {where(min(spots))} (or `true`, if it is to be on).",
            components=ones,
        )


def depends_on_unknown(repository: Repository) -> Iterable[RepositoryFinding]:
    """`settings.depends_on` names a component that its stack does not have."""
    stacks = _Stacks(repository)
    cases: dict[tuple[Spot, str], list[Component]] = {}
    for stack, component in plannable(repository):
        for name, node, entry in _dependencies(component):
            target = stacks.meant(stack, entry)
            if target is not None and not target.partial and name not in target.components:
                cases.setdefault((node.spot, name), []).append(component)
    if cases:
        ones = [one for found in cases.values() for one in found]
        names = [name for _, name in cases]
        yield finding(
            "depends_on_unknown",
            f"`depends_on` names {listed(names)}, which the stack does not have.",
            [
                Case(
                    f"{listed(one.name for one in found)} in {listed(one.manifest for one in found)} "
                    f"{'depends' if len(found) == 1 else 'depend'} on {quoted(name)}",
                    (spot,),
                )
                for (spot, name), found in sorted(cases.items())
            ],
            says="nothing while it plans; the order of deployment and `describe dependents` leave it out.",
            remedy=f"Correct the name at {where(next(iter(cases))[0])}, or add the component to the stack.",
            components=ones,
        )


def _dependencies(component: Component) -> Iterator[tuple[str, Node, Node]]:
    """Every component named in `depends_on`: its name, where that stands, and the entry."""
    section = component.settings.get("depends_on")
    if section is None:
        return
    for entry in (*section.items.values(), *section.list):
        name = entry.get("component")
        if name is not None and name.text and "{{" not in name.text:
            yield name.text, name, entry


class _Stacks:
    """The stacks by what an entry of `depends_on` can call them."""

    def __init__(self, repository: Repository) -> None:
        self._by_name: dict[str, list[Stack]] = {}
        self._by_context: dict[tuple[str, ...], list[Stack]] = {}
        for stack in repository.stacks:
            for name in {stack.name, stack.manifest}:
                self._by_name.setdefault(name, []).append(stack)
            self._by_context.setdefault(_context(stack, None), []).append(stack)

    def meant(self, stack: Stack, entry: Node) -> Stack | None:
        """The stack that *entry*, in *stack*, means; None where that cannot be told."""
        named = entry.get("stack")
        if named is not None:
            found = self._by_name.get(named.text, [])
        elif any(entry.get(token) is not None for token in TOKENS):
            found = self._by_context.get(_context(stack, entry), [])
        else:
            return stack
        return found[0] if len(found) == 1 else None


def _context(stack: Stack, entry: Node | None) -> tuple[str, ...]:
    """The values of the tokens in *stack*, those of *entry* before its own."""
    nodes = ((entry.get(token) if entry is not None else None) or stack.vars.get(token) for token in TOKENS)
    return tuple(node.text if node is not None else "" for node in nodes)
