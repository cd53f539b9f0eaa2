"""The list, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from checks.base import Owner
from checks.toolchain import Answer, Item
from daemon.inventory.model import Inventory, Watched
from daemon.repository.tree import Tree
from daemon.toolchain import ground, programs
from daemon.toolchain.bench import Bench
from daemon.toolchain.network import network
from daemon.toolchain.telling import some
from daemon.toolchain.variables import Given, given


def checklist(bench: Bench, inventory: Inventory | None, tree: Tree | None = None) -> tuple[Item, ...]:
    """Every item of the list. *inventory* None: it does not load, and what depends on it cannot be looked at.

    *tree*: the content that is watched; None: the watched folder as it is.
    """
    return (
        ground.credentials(bench, inventory),
        programs.atmos(bench),
        programs.terraform(bench),
        *_repository(bench, inventory, tree),
        *network(bench, inventory),
        ground.disk(bench.planning),
        ground.memory(bench),
    )


def _repository(bench: Bench, inventory: Inventory | None, tree: Tree | None) -> tuple[Item, ...]:
    """Root, commit and variables: of the content that is watched, for as long as it is kept."""
    names = ("repository root", "git clean", "variables")
    if tree is None and bench.folder is None:
        told = "the repository was not fetched"
        return tuple(Item(name, Answer.COULD_NOT_LOOK, told, "barograph inventory") for name in names)
    content = tree or Tree(bench.folder or bench.source.path)
    try:
        with content.held() as folder:
            source = replace(bench.source, path=folder)
            return (
                ground.root(source),
                ground.git(bench, content),
                *_variables(replace(bench, source=source), inventory),
            )
    except FileNotFoundError as gone:
        return tuple(Item(name, Answer.COULD_NOT_LOOK, str(gone), "look again") for name in names)


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
    """Nothing here is an alarm of its own: where a plan lacks a value, drift says so."""
    instance = watched.instance
    given_to = bench.grant(watched)
    found = given(watched, bench.source.path, given_to) if given_to is not None else Given()
    number, listed = len(found.wanted), some(found.missing)
    answer, remedy = Answer.COULD_NOT_LOOK, ""
    if given_to is None:
        told = f"the account of {instance.key} is not known"
    elif found.missing:
        answer, told = Answer.FAIL, f"{instance.key} gives no value to {listed}"
        remedy = f"set {listed} in the stack's vars or a var file, or in planning.rules"
    elif found.unread:
        told, remedy = some(found.unread), "correct the file"
    elif found.unknown:
        told = f"what {instance.key} gives to {some(found.unknown)} is masked, or worked out only when it is planned"
    else:
        answer = Answer.PASS
        told = f"{instance.key}: {f'all {number} that are required have values' if number else 'none is required'}"
    owner = Owner(instance.stack, instance.component, "", instance.stage, instance.owner)
    return Item(f"variables {instance.key}", answer, told, remedy, blinds=False, owner=owner)


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where Barograph runs, as checks.toolchain sees it."""

    bench: Bench
    inventory: Inventory
    tree: Tree | None
    clock: Callable[[], datetime] = field(repr=False)
    key: str = "toolchain"

    @property
    def labels(self) -> Mapping[str, str]:
        return {}

    def now(self) -> datetime:
        return self.clock()

    def checklist(self) -> tuple[Item, ...]:
        # One that never loaded is empty, and says nothing.
        return checklist(self.bench, self.inventory if self.inventory.loaded_at is not None else None, self.tree)
