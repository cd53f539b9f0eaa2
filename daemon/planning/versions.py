"""Terraform's version constraints (`>= 1.6, < 2.0`), as far as released versions go."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CLAUSE = re.compile(r"^(=|!=|>=|<=|>|<|~>)?\s*v?(\d+(?:\.\d+)*)(-[0-9A-Za-z.-]+)?$")


def parse_version(text: str) -> tuple[int, int, int]:
    """ "1.11.4-beta1" -> (1, 11, 4); a pre-release counts as its release. Raises ValueError."""
    found = re.match(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a version")
    return int(found[1]), int(found[2] or 0), int(found[3] or 0)


def satisfies(version: str, constraint: str) -> bool:
    """Whether *version* fits all clauses of *constraint*; an empty one fits. Raises ValueError for unknown syntax."""
    have = parse_version(version)
    return all(_fits(have, clause.strip()) for clause in constraint.split(",") if clause.strip())


def satisfies_all(version: str, constraints: Iterable[str]) -> bool:
    """Whether *version* fits every one of *constraints* (a module may state more than one)."""
    return all(satisfies(version, constraint) for constraint in constraints)


def _fits(have: tuple[int, int, int], clause: str) -> bool:
    found = _CLAUSE.match(clause)
    if found is None:
        raise ValueError(f"{clause!r} is not a version constraint")
    operator, want = found[1] or "=", parse_version(found[2])
    if operator == "~>":
        given = found[2].count(".") + 1
        # ~> 1.6 goes up to 2.0, ~> 1.6.2 up to 1.7: the last number given may grow.
        upper = (want[0] + 1, 0, 0) if given <= 2 else (want[0], want[1] + 1, 0)
        return want <= have < upper
    return {
        "=": have == want,
        "!=": have != want,
        ">=": have >= want,
        "<=": have <= want,
        ">": have > want,
        "<": have < want,
    }[operator]
