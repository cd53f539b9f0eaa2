"""The list, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from checks.toolchain import Answer, Item
from daemon.inventory.model import Inventory, Watched
from daemon.toolchain import ground, programs
from daemon.toolchain.bench import Bench
from daemon.toolchain.network import network
from daemon.toolchain.telling import some
from daemon.toolchain.variables import given


def checklist(bench: Bench, inventory: Inventory | None) -> tuple[Item, ...]:
    """Every item of the list. *inventory* None: it does not load, and what depends on it cannot be looked at."""
    return (
        ground.credentials(bench, inventory),
        programs.atmos(bench),
        programs.terraform(bench),
        ground.root(bench.source),
        ground.git(bench.source, bench.run),
        *network(bench, inventory),
        *_variables(bench, inventory),
        ground.disk(bench.planning),
        ground.memory(bench),
    )


def _variables(bench: Bench, inventory: Inventory | None) -> Iterator[Item]:
    if inventory is None:
        yield Item(
            "variables", Answer.COULD_NOT_LOOK, "the inventory does not load, so nobody knows what variables get",
            "barograph inventory",
        )  # fmt: skip
        return
    for watched in inventory.watched:
        if watched.instance.enabled and not watched.instance.abstract:
            yield _variables_of(bench, watched)


def _variables_of(bench: Bench, watched: Watched) -> Item:
    name = f"variables {watched.instance.key}"
    given_to = bench.grant(watched)
    if given_to is None:
        return Item(name, Answer.COULD_NOT_LOOK, f"the account of {watched.instance.key} is not known")
    found = given(watched, bench.source.path, given_to)
    if found.missing:
        listed = some(found.missing)
        return Item(
            name, Answer.FAIL, f"{watched.instance.key} gives no value to {listed}",
            f"set {listed} in the stack's vars or a var file, or in planning.rules",
        )  # fmt: skip
    if found.unread:
        return Item(name, Answer.COULD_NOT_LOOK, f"{some(found.unread)}", "correct the file")
    if found.unknown:
        return Item(
            name, Answer.COULD_NOT_LOOK,
            f"the values that {watched.instance.key} gives to {some(found.unknown)} are masked or not worked out yet",
        )  # fmt: skip
    number = len(found.wanted)
    return Item(
        name, Answer.PASS, f"{watched.instance.key}: all {number} have values" if number else "none is required"
    )


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where Barograph runs, as checks.toolchain sees it."""

    bench: Bench
    inventory: Inventory
    clock: Callable[[], datetime] = field(repr=False)
    key: str = "toolchain"

    @property
    def labels(self) -> Mapping[str, str]:
        return {}

    def now(self) -> datetime:
        return self.clock()

    def checklist(self) -> tuple[Item, ...]:
        return checklist(self.bench, self.inventory)
