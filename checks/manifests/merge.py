"""Deep merging as Atmos does it, with the places where its older versions refuse to.

Up to the versions that merge with their own code, Atmos merges with the library mergo and type checks: a list over
anything that is neither a list nor null is an error ("cannot override two slices with different type"), and the whole
repository does not load. All else is replaced by what comes later. Source: dario.cat/mergo, deepMerge with
WithOverride and WithTypeCheck; pkg/merge in Atmos. Recorded: 1.205.1 refuses, 1.226.1 does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from checks.manifests.model import Node, Opaque, Spot

REPLACE, APPEND, MERGE = "replace", "append", "merge"  # of lists: settings.list_merge_strategy


_KEPT = 20  # what a value that is laid down anew counts for, as it takes memory too


class TooMuchError(Exception):
    """The repository asks for more work than any real one; reading it further would never end."""


@dataclass(slots=True)
class Budget:
    """Work left, in values looked at. One per reading."""

    left: int

    def spend(self, values: int) -> None:
        """Raises TooMuchError when there is nothing left."""
        self.left -= values
        if self.left < 0:
            raise TooMuchError


@dataclass(frozen=True, slots=True)
class Conflict:
    """A list that would replace something that is none."""

    trail: tuple[str, ...]  # keys down to it
    base: Spot
    heir: Spot
    base_type: str  # "string", "number" …


class Merger:
    """Merges nodes. What is not changed is shared, never copied."""

    def __init__(self, budget: Budget, strategy: str = REPLACE) -> None:
        self._budget = budget
        self._strategy = strategy

    def merge(
        self,
        nodes: Iterable[Node | None],
        conflicts: set[Conflict],
        trail: tuple[str, ...] = (),
        *,
        deferred: bool = False,
    ) -> Node:
        """Lay the mappings over one another, the last on top; adds to *conflicts* where an older Atmos would refuse.

        *deferred*: YAML functions wait until after the merge (component level, Atmos >= 1.201), so that a list over
        one is no conflict. Nothing and no mappings give an empty mapping. Raises TooMuchError.
        """
        merged: Node | None = None
        for node in nodes:
            if node is None or not isinstance(node.value, Mapping) or not node.value:
                continue
            merged = node if merged is None else self._over(merged, node, trail, conflicts, deferred)
        return merged if merged is not None else EMPTY

    def _over(
        self, base: Node, heir: Node, trail: tuple[str, ...], conflicts: set[Conflict], deferred: bool
    ) -> Node:  # fmt: skip
        old, new = base.value, heir.value
        if base is heir and self._strategy != APPEND:
            return base
        if isinstance(new, Mapping) and isinstance(old, Mapping):
            if not new or not old:
                return heir if new else base
            self._budget.spend(_KEPT * (len(old) + len(new)))
            merged = dict(old)
            for key, value in new.items():
                known = merged.get(key)
                merged[key] = (
                    value if known is None else self._over(known, value, (*trail, key), conflicts, deferred)
                )  # fmt: skip
            return Node(merged, heir.spot, heir.key)
        if isinstance(new, tuple) and not isinstance(old, tuple) and old is not None:
            if not (deferred and isinstance(old, Opaque)):
                conflicts.add(Conflict(trail, base.spot, heir.spot, type_name(base)))
        elif isinstance(new, tuple) and isinstance(old, tuple):
            return self._lists(base, heir, old, new, trail, conflicts)
        return heir

    def _lists(
        self,
        base: Node,
        heir: Node,
        old: tuple[Node, ...],
        new: tuple[Node, ...],
        trail: tuple[str, ...],
        conflicts: set[Conflict],
    ) -> Node:
        if self._strategy == APPEND:
            self._budget.spend(_KEPT * (len(old) + len(new)))
            return Node((*old, *new), heir.spot, heir.key)
        if self._strategy == MERGE:
            return Node(self._by_index(old, new, trail, conflicts), base.spot, heir.key)
        return heir

    def _by_index(
        self, old: Sequence[Node], new: Sequence[Node], trail: tuple[str, ...], conflicts: set[Conflict]
    ) -> tuple[Node, ...]:
        """As many entries as the base has; only mappings are merged (recorded nowhere; mergeSlicesNative in Atmos)."""
        self._budget.spend(len(old) + len(new))
        merged = list(old)
        for index, heir in enumerate(new[: len(old)]):
            base = old[index]
            if isinstance(base.value, Mapping) and isinstance(heir.value, Mapping):
                merged[index] = self._over(base, heir, (*trail, str(index)), conflicts, False)
        return tuple(merged)


def type_name(node: Node | None) -> str:
    """What kind of value a node is, for people."""
    value = node.value if node is not None else None
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "map"
    if isinstance(value, tuple):
        return "list"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return f"function {value.tag}" if isinstance(value, Opaque) else "string"


def plain(node: Node | None) -> object:
    """The value without its places; a function as Atmos prints it unresolved: "!tag arguments"."""
    value = node.value if node is not None else None
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Opaque):
        return f"{value.tag} {value.text}".rstrip()
    return value


EMPTY = Node({}, Spot(""))
"""A section that nobody wrote."""
