"""What is not in a checkout though the commit has it: whether the reading of its files is complete without it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from checks.manifests.assemble import joined
from checks.manifests.model import Examination, Repository, Settings
from daemon.inventory.atmosyaml import NAMES
from daemon.inventory.model import Problem
from daemon.repository.tree import Tree

_LISTED = 50  # places of a problem that are told: there may be more


def with_left_out(seen: Examination, tree: Tree, found: Repository) -> Examination:
    """*seen*, what was judged of *found*, with what was left out of *tree*: unread where it would have been read."""
    read = _read(found.settings, _subfolder(tree))
    notes = tuple(_told(one) for one in tree.problems if not _concerns(one, read))
    unread = tuple(_told(one) for one in tree.problems if _concerns(one, read))
    return replace(seen, notes=(*notes, *seen.notes), unread=(*unread, *seen.unread))


def _subfolder(tree: Tree) -> str:
    """The folder of the checkout that counts as the repository."""
    return "" if tree.base is None else joined(tree.path.resolve().relative_to(tree.base.resolve()).as_posix())


def _read(settings: Settings, subfolder: str) -> frozenset[str]:
    """Files and folders that the reading depends on, as seen from the checkout."""
    below = {settings.stacks_path or "stacks", settings.components_path, settings.workflows_path} - {""}
    return frozenset(
        {joined(subfolder, settings.base_path, folder) for folder in below}
        | {joined(subfolder, name) for name in (settings.file, *NAMES) if name}
    )


def _concerns(problem: Problem, read: Iterable[str]) -> bool:
    if len(problem.where) >= _LISTED or not problem.where:
        return True
    return any(_overlap(place, one) for place in problem.where for one in read)


def _overlap(one: str, other: str) -> bool:
    return not one or not other or f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _told(problem: Problem) -> str:
    more = f" and {len(problem.where) - 3} more" if len(problem.where) > 3 else ""
    places = f": {', '.join(problem.where[:3])}{more}" if problem.where else ""
    return f"{problem.summary}{places}"
