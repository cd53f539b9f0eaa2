"""The reading of the files held against what Atmos itself lists. Where they differ, Atmos is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from checks.manifests.model import Stack

Key = tuple[str, str]  # stack, component
_SHOWN = 5


def limitations(stacks: Iterable[Stack], listed: Mapping[Key, str]) -> tuple[str, ...]:
    """Say where our reading differs from the listing of Atmos: *listed* is (stack, component) -> workspace.

    An empty workspace is not compared: an instance that is not planned has none.
    """
    ours: dict[Key, str] = {}
    for stack in stacks:
        for name, component in stack.components.items():
            ours[(stack.name, name)] = component.workspace
    found = (
        ("Atmos lists what the reading of the files does not have", sorted(set(listed) - set(ours))),
        ("the reading of the files has what Atmos does not list", sorted(set(ours) - set(listed))),
        (
            "Atmos plans in another workspace than the reading of the files gives",
            sorted(key for key in set(ours) & set(listed) if ours[key] and listed[key] and ours[key] != listed[key]),
        ),
    )
    return tuple(f"{what}: {_told(keys)}; where they differ, Atmos is right" for what, keys in found if keys)


def _told(keys: list[Key]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(f"{stack}/{component}" for stack, component in keys[:_SHOWN]) + more
