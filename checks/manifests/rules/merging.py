"""What goes wrong when manifests are merged and components inherit."""

from __future__ import annotations

from collections.abc import Iterable

from checks.manifests.affected import NO_LIST_OVER_STRING
from checks.manifests.model import Case, Fault, Node, Repository, RepositoryFinding, Spot
from checks.manifests.rules.building import counted, finding, quoted, type_of, where


def type_conflict(repository: Repository) -> Iterable[RepositoryFinding]:
    """A list where something of another type is inherited, or the other way round."""
    if faults := _faults(repository, "type_conflict"):
        kinds = _Kinds(repository)
        first = faults[0]
        paths = list(dict.fromkeys(_path(fault) for fault in faults))
        several = f", and {counted(len(paths) - 1, 'more key')} in the same way" if len(paths) > 1 else ""
        yield finding(
            "type_conflict",
            f"{paths[0]} is {kinds.of(first.spots[0])} at {where(first.spots[0])} and "
            f"{kinds.of(first.spots[-1])} at {where(first.spots[-1])}, which it is merged over{several}.",
            [_case(fault, kinds) for fault in faults],
            says='"cannot override two slices with different type", names neither file nor key, and loads nothing, '
            "no stack at all.",
            remedy=f"Make both the same type: change {where(first.spots[-1])} to {kinds.of(first.spots[0])} (an empty "
            f"one serves as a default), or drop the key there and set it only where it is known.",
            affected=NO_LIST_OVER_STRING,
            stacks=sorted({stack for fault in faults for stack in fault.stacks}),
            blocks_all=True,
        )


def inheritance_loop(repository: Repository) -> Iterable[RepositoryFinding]:
    """Components that inherit from themselves, or manifests that import themselves, over however many steps."""
    if faults := _faults(repository, "inheritance_loop", "import_loop"):
        yield finding(
            "inheritance_loop",
            f"{_chain(faults[0])}: that never ends.",
            [Case(_chain(fault), fault.spots, ("goes on from here",) * len(fault.spots)) for fault in faults],
            says='newer versions stop with "circular component inheritance detected" or "circular import"; older ones '
            "recurse until they crash. Nothing loads.",
            remedy=f"Take out one step of the circle, for example at {where(faults[0].spots[-1])}, and move what both "
            "sides need into a third that neither of them inherits.",
            stacks=sorted({stack for fault in faults for stack in fault.stacks}),
            blocks_all=True,
        )


class _Kinds:
    """What type of value stands at a place."""

    def __init__(self, repository: Repository) -> None:
        self._found: dict[Spot, str] = {}
        for manifest in repository.manifests.values():
            self._walk(manifest.root)

    def _walk(self, root: Node) -> None:
        waiting = [root]
        while waiting:
            node = waiting.pop()
            for spot in (node.spot, node.key):
                if spot is not None:
                    self._found.setdefault(spot, type_of(node.value))
            waiting.extend(node.items.values())
            waiting.extend(node.list)

    def of(self, spot: Spot) -> str:
        return self._found.get(spot, "another type")


def _path(fault: Fault) -> str:
    """ "`vars.zones` of `network`"."""
    key, *component = fault.names or ("a value",)
    return f"{quoted(key)} of {quoted(component[0])}" if component else quoted(key)


def _case(fault: Fault, kinds: _Kinds) -> Case:
    inherited = [f"{kinds.of(spot)}, which it is merged over" for spot in fault.spots[1:]]
    return Case(_path(fault), fault.spots, (kinds.of(fault.spots[0]), *inherited))


def _chain(fault: Fault) -> str:
    """ "`a` inherits from `b` inherits from `a`"."""
    verb = "imports" if fault.code == "import_loop" else "inherits from"
    names = [quoted(name) for name in fault.names[:6]]
    if not names:
        return "Something inherits from itself"
    return f" {verb} ".join([*names, names[0]] if len(names) == 1 or names[-1] != names[0] else names)


def _faults(repository: Repository, *codes: str) -> list[Fault]:
    found = [fault for fault in repository.faults if fault.code in codes and fault.spots]
    return sorted(found, key=lambda fault: (fault.spots[0], fault.names))
