"""Terraform's version constraints as sets of released versions: whether two of them can hold together.

A set is a few half-open ranges of (major, minor, patch). Pre-releases are left out: a constraint that names one is not
judged. What is not understood is not judged either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

Number = tuple[int, int, int]
Range = tuple[Number, Number | None]  # from, included, to, excluded; None: no end

_CLAUSE = re.compile(r"(=|==|!=|>=|<=|>|<|~>)?\s*v?(\d{1,9}(?:\.\d{1,9}){0,2})")
_ZERO: Number = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The versions that a constraint allows: ranges that do not touch, in order."""

    ranges: tuple[Range, ...]

    def __and__(self, other: Allowed) -> Allowed:
        """What both allow."""
        found = []
        for low, high in self.ranges:
            for other_low, other_high in other.ranges:
                start, end = max(low, other_low), _least(high, other_high)
                if end is None or start < end:
                    found.append((start, end))
        return Allowed(tuple(sorted(found, key=lambda one: one[0])))

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __contains__(self, version: Number) -> bool:
        return any(low <= version and (high is None or version < high) for low, high in self.ranges)


ANY = Allowed(((_ZERO, None),))


def allowed(constraint: str) -> Allowed | None:
    """What *constraint* allows ("~> 5.74.0", ">= 1.6, != 1.7.1, < 2"); None where it is not understood.

    A version of fewer than three parts without an operator ("1.5") stands for all that begin with it, as tools that
    install Terraform take it.
    """
    clauses = [clause.strip() for clause in constraint.split(",")]
    result = ANY
    for clause in clauses:
        one = _clause(clause)
        if one is None:
            return None
        result &= one
    return result


def exact(constraint: str) -> bool:
    """Whether *constraint* is one version, not a range."""
    found = allowed(constraint)
    return found is not None and len(found.ranges) == 1 and found.ranges[0][1] == _next(found.ranges[0][0])


def contradictory(constraints: Iterable[str]) -> tuple[int, int] | None:
    """The first two that cannot hold together, by their positions; None where all may."""
    sets = [(index, one) for index, text in enumerate(constraints) if (one := allowed(text)) is not None]
    for position, (index, one) in enumerate(sets):
        for other_index, other in sets[position + 1 :]:
            if not one & other:
                return index, other_index
    return None


def _clause(text: str) -> Allowed | None:
    found = _CLAUSE.fullmatch(text)
    if found is None:
        return None
    operator = found[1] or ""
    parts = [int(part) for part in found[2].split(".")]
    version: Number = (parts[0], parts[1] if len(parts) > 1 else 0, parts[2] if len(parts) > 2 else 0)
    match operator:
        case "":
            return Allowed(((version, _after_prefix(parts)),))
        case "=" | "==":
            return Allowed(((version, _next(version)),))
        case "!=":
            below: tuple[Range, ...] = ((_ZERO, version),) if version > _ZERO else ()
            return Allowed((*below, (_next(version), None)))
        case ">=":
            return Allowed(((version, None),))
        case ">":
            return Allowed(((_next(version), None),))
        case "<":
            return Allowed(((_ZERO, version),) if version > _ZERO else ())
        case "<=":
            return Allowed(((_ZERO, _next(version)),))
    # ~>: the last part given may grow. With one part Terraform's two libraries differ: the wider reading is taken.
    return Allowed(((version, _after_prefix(parts[:-1]) if len(parts) > 1 else None),))


def _next(version: Number) -> Number:
    return version[0], version[1], version[2] + 1


def _after_prefix(parts: list[int]) -> Number:
    """The first version that does not begin with *parts*."""
    if len(parts) == 1:
        return parts[0] + 1, 0, 0
    if len(parts) == 2:
        return parts[0], parts[1] + 1, 0
    return parts[0], parts[1], parts[2] + 1


def _least(one: Number | None, other: Number | None) -> Number | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)
