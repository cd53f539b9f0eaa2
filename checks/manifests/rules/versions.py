"""Versions of tools and providers that files of the repository state, and that cannot all be right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from checks.manifests.constraints import allowed
from checks.manifests.model import Case, Repository, RepositoryFinding, Stated
from checks.manifests.rules.building import counted, finding, listed, quoted, where

_PROVIDER = "provider "


def version_contradiction(
    repository: Repository, installed: Mapping[str, str] | None = None
) -> Iterable[RepositoryFinding]:
    """Statements about one tool of which no version fits all; *installed* (tool -> version) is one more statement."""
    cases: list[Case] = []
    tools: list[str] = []
    unsatisfiable = False
    for group in _together(repository.versions):
        tool = group[0].tool
        pairs = _pairs(group)
        for one, others in pairs.items():
            cases.append(_case(tool, one, others))
            tools.append(tool)
            unsatisfiable = unsatisfiable or any(one.folder and one.folder == other.folder for other in others)
        have = (installed or {}).get(tool, "")
        refusing = [one for one in group if have and _apart(have, one.constraint)]
        if refusing:
            spots = tuple(dict.fromkeys(one.spot for one in refusing))
            cases.append(Case(f"{tool}: {have} is installed, and refused by {counted(len(spots), 'place')}", spots,
                              tuple(quoted(one.constraint) for one in refusing)))  # fmt: skip
            tools.append(tool)
    if cases:
        first = cases[0]
        yield finding(
            "version_contradiction",
            f"Stated versions contradict one another, for {listed(tools)}: {first.text}.",
            cases,
            says="nothing: whoever runs it gets the version of that place, and Terraform refuses at `init` what its "
            "code does not allow.",
            remedy=f"Decide on one version and state it everywhere; start at {where(first.spots[0])}.",
            blinds=unsatisfiable,
        )


def _together(versions: Sequence[Stated]) -> list[list[Stated]]:
    """Statements that must hold together: of a tool all, of a provider those of one component."""
    groups: dict[tuple[str, str], list[Stated]] = {}
    for one in sorted(versions, key=lambda stated: (stated.tool, stated.folder, stated.spot)):
        # A statement without a place of its own in a component holds for the whole repository.
        folder = one.folder if one.tool.startswith(_PROVIDER) else ""
        groups.setdefault((one.tool, folder), []).append(one)
    return [group for _, group in sorted(groups.items())]


def _pairs(group: Sequence[Stated]) -> Mapping[Stated, list[Stated]]:
    """Each statement that another one contradicts, with those; each pair once, under whichever contradicts more."""
    apart: dict[Stated, list[Stated]] = {}
    for index, one in enumerate(group):
        for other in group[index + 1 :]:
            # Two components may well need two versions of a tool: each is run by itself.
            if one.folder and other.folder and one.folder != other.folder:
                continue
            if _apart(one.constraint, other.constraint):
                apart.setdefault(one, []).append(other)
                apart.setdefault(other, []).append(one)
    told: dict[Stated, list[Stated]] = {}
    done: set[frozenset[Stated]] = set()
    for one, others in sorted(apart.items(), key=lambda item: (-len(item[1]), item[0].spot)):
        left = [other for other in others if frozenset((one, other)) not in done]
        done.update(frozenset((one, other)) for other in left)
        if left:
            told[one] = left
    return told


def _apart(one: str, other: str) -> bool:
    first, second = allowed(one), allowed(other)
    return first is not None and second is not None and not first & second


def _case(tool: str, one: Stated, others: Sequence[Stated]) -> Case:
    constraints = listed(dict.fromkeys(other.constraint for other in others))
    spots = tuple(dict.fromkeys((one.spot, *(other.spot for other in others))))
    marks = {one.spot: one.constraint} | {other.spot: other.constraint for other in others}
    return Case(
        f"{tool} {quoted(one.constraint)} at {where(one.spot)} does not fit {constraints} "
        f"at {where(others[0].spot)}{f' and {len(others) - 1} more places' if len(others) > 1 else ''}",
        spots,
        tuple(quoted(marks[spot]) for spot in spots),
    )
