"""What a component inherits, as Atmos collects it (processBaseComponentConfig in its stack processor).

For each base in turn: first the bases of that base (`component`, then `metadata.inherits` in their order), then the
base itself; what comes later wins. The type of the backend is that of the base that came last, set or not. `metadata`
is inherited without `type` and `inherits` from 1.201 on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from checks.manifests.merge import EMPTY, Budget, Conflict, Merger
from checks.manifests.model import Fault, Node, Spot

SECTIONS = ("vars", "settings", "env", "backend", "metadata")
_DEEP = 64  # bases of bases that are followed
_UNKNOWN = 500  # what telling of a base that is not there counts for, in values looked at
_OWN = frozenset({"inherits", "type"})


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the bases of a component give it."""

    sections: Mapping[str, Node]
    backend_type: str = ""
    chain: tuple[str, ...] = ()  # nearest first
    conflicts: frozenset[Conflict] = frozenset()


_NOTHING = Inherited(dict.fromkeys(SECTIONS, EMPTY))

Known = dict[tuple[tuple[str, int], ...], tuple[Inherited, tuple[Node, ...]]]


@dataclass(slots=True)
class Inheritance:
    """The components of one stack, for looking up bases. *known* may be shared by all stacks of a reading."""

    components: Mapping[str, Node]
    merger: Merger
    budget: Budget
    metadata: bool  # whether metadata is inherited
    known: Known = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    _orders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _open: list[tuple[str, Spot]] = field(default_factory=list)

    def of(self, name: str, section: Node) -> Inherited:
        """All that *name* inherits. Raises TooMuchError."""
        order = tuple(base for base in self._order(name, section.spot) if base != name)
        if not order:
            return _NOTHING
        nodes = tuple(self.components[base] for base in order)
        key = tuple((base, id(node)) for base, node in zip(order, nodes, strict=True))
        self.budget.spend(len(key))
        if key not in self.known:
            self.known[key] = (self._collected(order, nodes), nodes)  # kept, so that their ids stay theirs
        return self.known[key][0]

    def _order(self, name: str, spot: Spot) -> tuple[str, ...]:
        """*name* and its bases in the order in which they are laid over one another; of repeats, the last counts."""
        if name in self._orders:
            return self._orders[name]
        section = self.components.get(name)
        if section is None or not isinstance(section.value, Mapping):
            return ()
        position = next((at for at, (base, _) in enumerate(self._open) if base == name), None)
        if position is not None or len(self._open) >= _DEEP:
            self._loop(name, spot, position or 0)
            return ()
        self._open.append((name, spot))
        order: dict[str, None] = {}
        for base, by_inherits in _bases(name, section):
            if by_inherits and base.text not in self.components:
                self.budget.spend(_UNKNOWN)
                detail = "inherits from a component that is not in the stack"
                self.faults.append(Fault("inherits_unknown", (base.spot,), detail, (name, base.text)))
            below = self._order(base.text, base.spot)
            self.budget.spend(1 + len(below))
            for one in below:
                order.pop(one, None)
                order[one] = None
        self._open.pop()
        order.pop(name, None)
        order[name] = None
        self._orders[name] = tuple(order)
        return self._orders[name]

    def _loop(self, name: str, spot: Spot, position: int) -> None:
        round_it = self._open[position:]
        spots = (spot, *(at for _, at in round_it[1:]))
        names = tuple(base for base, _ in round_it)
        deep = f"bases of bases, more than {_DEEP} deep"
        detail = "inherits from itself, by way of others" if any(base == name for base in names) else deep
        self.faults.append(Fault("inheritance_loop", spots, detail, names or (name,)))

    def _collected(self, order: tuple[str, ...], nodes: tuple[Node, ...]) -> Inherited:
        conflicts: set[Conflict] = set()
        sections = {}
        for part in SECTIONS:
            given = [section for node in nodes if (section := self._part(node, part)) is not None]
            sections[part] = self.merger.merge(given, conflicts, (part,))
        backend_type = nodes[-1].get("backend_type")
        return Inherited(
            sections, backend_type.text if backend_type else "", tuple(reversed(order)), frozenset(conflicts)
        )

    def _part(self, section: Node, part: str) -> Node | None:
        node = section.get(part)
        if node is None or not isinstance(node.value, Mapping) or part != "metadata":
            return node
        if not self.metadata:
            return None
        return Node({key: value for key, value in node.items.items() if key not in _OWN}, node.spot, node.key)


def _bases(name: str, section: Node) -> Iterator[tuple[Node, bool]]:
    """What a component names as its bases, and whether by `metadata.inherits`; `component` comes first."""
    legacy = section.get("component")
    if legacy is not None and legacy.text and legacy.text != name:
        yield legacy, False
    inherits = section.at("metadata", "inherits")
    if inherits is not None:
        yield from ((node, True) for node in inherits.list if node.text and node.text != name)
