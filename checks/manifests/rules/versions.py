"""Versions of tools and providers that files of the repository state, and that cannot all be right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from checks.manifests.constraints import allowed
from checks.manifests.model import Case, Repository, RepositoryFinding, Spot, Stated
from checks.manifests.rules.building import finding, listed, quoted, where

_PROVIDER = "provider "


def version_contradiction(
    repository: Repository, installed: Mapping[str, str] | None = None
) -> Iterable[RepositoryFinding]:
    """Statements about one tool of which no version fits all; *installed* (tool -> version) is one more statement."""
    cases: list[Case] = []
    first: tuple[str, Stated, Stated] | None = None
    unsatisfiable = False
    for group in _together(repository.versions):
        pairs = _apart(group)
        if pairs:
            cases.append(_case(group[0].tool, _ordered(pairs)))
            first = first or (group[0].tool, *pairs[0])
            unsatisfiable = unsatisfiable or any(one.folder and one.folder == other.folder for one, other in pairs)
        have = (installed or {}).get(group[0].tool, "")
        refusing = [one for one in group if have and _contradict(have, one.constraint)]
        if refusing:
            places = {one.spot: quoted(one.constraint) for one in refusing}
            text = f"{group[0].tool} {quoted(have)} is installed, and does not fit"
            cases.append(Case(text, tuple(places), tuple(places.values())))
    if not cases:
        return
    if first is not None:
        tool, one, other = first
        summary = (
            f"Files state versions of {tool} that do not go together: {quoted(one.constraint)} at {where(one.spot)}, "
            f"{quoted(other.constraint)} at {where(other.spot)}."
        )
    else:
        summary = f"{cases[0].text[0].upper()}{cases[0].text[1:]} what {where(cases[0].spots[0])} asks for."
    yield finding(
        "version_contradiction",
        summary,
        cases,
        says="nothing: whoever runs it gets the version of that place, and Terraform refuses at `init` what its code "
        "does not allow.",
        remedy=f"Decide on one version and state it everywhere; start at {where(cases[0].spots[0])}.",
        blinds=unsatisfiable,
    )


def _together(versions: Sequence[Stated]) -> list[list[Stated]]:
    """Statements that must hold together: of a tool all, of a provider those of one component."""
    groups: dict[tuple[str, str], list[Stated]] = {}
    for one in sorted(versions, key=lambda stated: (stated.tool, stated.folder, stated.spot, stated.constraint)):
        groups.setdefault((one.tool, one.folder if one.tool.startswith(_PROVIDER) else ""), []).append(one)
    return [group for _, group in sorted(groups.items())]


def _apart(group: Sequence[Stated]) -> list[tuple[Stated, Stated]]:
    """Every two that contradict each other. Two components may need two versions of a tool: each is run alone."""
    return [
        (one, other)
        for index, one in enumerate(group)
        for other in group[index + 1 :]
        if not (one.folder and other.folder and one.folder != other.folder)
        and _contradict(one.constraint, other.constraint)
    ]


def _contradict(one: str, other: str) -> bool:
    first, second = allowed(one), allowed(other)
    return first is not None and second is not None and not first & second


def _ordered(pairs: Iterable[tuple[Stated, Stated]]) -> list[Stated]:
    """The statements, one of each constraint before the others of it."""
    stated = list(dict.fromkeys(one for pair in pairs for one in pair))
    firsts = list({one.constraint: one for one in reversed(stated)}.values())[::-1]
    return [*firsts, *(one for one in stated if one not in firsts)]


def _case(tool: str, stated: Sequence[Stated]) -> Case:
    places: dict[Spot, str] = {}
    for one in stated:
        places.setdefault(one.spot, quoted(one.constraint))
    constraints = listed((one.constraint for one in stated), 4)
    return Case(f"{tool}: {constraints} do not go together", tuple(places), tuple(places.values()))
