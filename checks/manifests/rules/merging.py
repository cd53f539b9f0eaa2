"""What goes wrong when manifests are merged and components inherit."""

from __future__ import annotations

from collections.abc import Iterable

from checks.manifests.affected import NO_LIST_OVER_STRING
from checks.manifests.model import Case, Fault, Node, Repository, RepositoryFinding, Spot
from checks.manifests.rules.building import counted, finding, listed, quoted, type_of, where


def type_conflict(repository: Repository) -> Iterable[RepositoryFinding]:
    """A list where something of another type is inherited: older Atmos refuses the whole repository."""
    faults = _faults(repository, "type_conflict")
    if not faults:
        return
    kinds = _Kinds(repository)
    groups: dict[tuple[str, Spot], list[Fault]] = {}
    for fault in faults:
        groups.setdefault((_key(fault), fault.spots[-1]), []).append(fault)
    (key, base), first = next(iter(groups.items()))
    heir = first[0].spots[0]
    places = f" and {counted(len(first) - 1, 'more place')}" if len(first) > 1 else ""
    more = f" {counted(len(groups) - 1, 'more key')} likewise." if len(groups) > 1 else ""
    default = {"a list": " (`[]` will do)", "a map": " (`{}` will do)"}.get(kinds.of(heir), "")
    yield finding(
        "type_conflict",
        f"{quoted(key)} is {kinds.of(heir)} at {where(heir)}{places}, but {kinds.of(base)} at {where(base)}, which "
        f"comes before it: Atmos cannot merge the two.{more}",
        [_case(key, found, kinds) for (key, _), found in groups.items()],
        says='"cannot override two slices with different type". It names neither file nor key, and loads nothing, not '
        "even the stacks that have no part in it.",
        remedy=f"Make {where(base)} {kinds.of(heir)} too{default}, or delete the key there and set it only where it is "
        "known.",
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


def _key(fault: Fault) -> str:
    return fault.names[0] if fault.names else "a value"


def _case(key: str, faults: list[Fault], kinds: _Kinds) -> Case:
    """One key that is inherited from one place: the first that does not fit, what it is merged over, and the others."""
    owners = [fault.names[1] for fault in faults if len(fault.names) > 1]
    heirs = [fault.spots[0] for fault in faults]
    base = faults[0].spots[-1]
    spots = (heirs[0], base, *heirs[1:])
    marks = (kinds.of(heirs[0]), f"{kinds.of(base)}, which it is merged over", *(kinds.of(spot) for spot in heirs[1:]))
    return Case(f"{quoted(key)}{f' of {listed(owners)}' if owners else ''}", spots, marks)


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
