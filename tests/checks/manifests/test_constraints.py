"""Version constraints as sets: what they allow, compared with a plain reading of each clause."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.manifests.constraints import ANY, Number, allowed, contradictory, exact

PART = st.integers(0, 3)
VERSION = st.tuples(PART, PART, PART)
OPERATORS = ("=", "!=", ">", ">=", "<", "<=", "~>")
ALL = [(a, b, c) for a, b, c in itertools.product(range(5), repeat=3)]


@st.composite
def clauses(draw: st.DrawFn) -> tuple[str, tuple[int, ...]]:
    """An operator and a version of two or three parts."""
    parts = draw(VERSION)[: draw(st.integers(2, 3))]
    return draw(st.sampled_from(OPERATORS)), parts


def fits(version: Number, operator: str, parts: tuple[int, ...]) -> bool:
    """One clause, read as its documentation says."""
    want = (*parts, *(0,) * (3 - len(parts)))
    if operator == "~>":
        return version >= want and version[: len(parts) - 1] == tuple(parts[:-1])
    return {
        "=": version == want, "!=": version != want, ">": version > want, ">=": version >= want,
        "<": version < want, "<=": version <= want,
    }[operator]  # fmt: skip


def text(chosen: list[tuple[str, tuple[int, ...]]]) -> str:
    return ", ".join(f"{operator} {'.'.join(map(str, parts))}" for operator, parts in chosen)


@given(st.lists(clauses(), min_size=1, max_size=4))
def test_a_constraint_allows_what_fits_all_its_clauses(chosen: list[tuple[str, tuple[int, ...]]]) -> None:
    """For every version near the limits."""
    found = allowed(text(chosen))
    assert found is not None
    for version in ALL:
        assert (version in found) is all(fits(version, *clause) for clause in chosen), version


@given(st.lists(st.lists(clauses(), min_size=1, max_size=2), min_size=2, max_size=3))
def test_a_contradiction_is_two_that_share_no_version(constraints: list[list[tuple[str, tuple[int, ...]]]]) -> None:
    """Neither told where there is a version for both, nor missed where there is none."""
    pair = contradictory(map(text, constraints))
    apart = [
        (i, j)
        for i, j in itertools.combinations(range(len(constraints)), 2)
        if not any(all(fits(v, *clause) for clause in (*constraints[i], *constraints[j])) for v in _wide())
    ]
    assert pair == (apart[0] if apart else None)


def _wide() -> list[Number]:
    """All versions in which constraints of parts up to 3 can differ."""
    return ALL


@pytest.mark.parametrize(
    "constraint",
    ["", "latest", "1.x", "^1.5", ">= 1.6.0-beta1", "~> 1.6, oops", "1.2.3.4", "${VERSION}", "=> 1.0", ">"],
)
def test_what_is_not_understood_is_not_judged(constraint: str) -> None:
    """None, and no contradiction with anything."""
    assert allowed(constraint) is None
    assert contradictory([constraint, "1.0.0"]) is None


@pytest.mark.parametrize(
    ("constraint", "inside", "outside"),
    [
        ("1.5", (1, 5, 9), (1, 6, 0)),
        ("v1.5.7", (1, 5, 7), (1, 5, 8)),
        ("~> 5.74.0", (5, 74, 3), (5, 75, 0)),
        ("~> 5.74", (5, 99, 0), (6, 0, 0)),
        ("~> 1", (2, 0, 0), (0, 9, 9)),  # the wider of two readings
        ("> 1.5.7", (1, 5, 8), (1, 5, 7)),
    ],
)
def test_examples(constraint: str, inside: Number, outside: Number) -> None:
    """The forms that stand in real files."""
    found = allowed(constraint)
    assert found is not None
    assert inside in found
    assert outside not in found


def test_nothing_lies_between_neighbours() -> None:
    """Versions are whole numbers: `> 1.5.7, < 1.5.8` allows none."""
    found = allowed("> 1.5.7, < 1.5.8")
    assert found is not None
    assert not found
    assert ANY


def test_one_version_is_exact() -> None:
    """A pin, told from a range."""
    assert exact("1.5.7")
    assert not exact("~> 1.5")
    assert not exact("latest")
