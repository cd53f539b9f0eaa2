"""Versions of a state are compared by digests, and belong to the run that may have written them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.states.changes import NOTHING, RunSeen, Snapshot, Version, compare, legs, run_of

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PRINTS = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("123"))


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def seen(name: str = "r", began: float = 0, ended: float | None = 10, applies: bool | None = True) -> RunSeen:
    return RunSeen(name, at(began), None if ended is None else at(ended), applies=applies)


@given(PRINTS, PRINTS)
def test_each_address_is_in_one_place(old: dict[str, str], new: dict[str, str]) -> None:
    """What was added, changed and destroyed turns the old version into the new one, and there and back is mirrored."""
    there = compare(Snapshot("a", prints=old), Snapshot("b", prints=new))
    back = compare(Snapshot("b", prints=new), Snapshot("a", prints=old))
    assert (there.added, there.changed, there.destroyed) == (back.destroyed, back.changed, back.added)
    same = set(old) - set(there.changed) - set(there.destroyed)
    assert same | set(there.changed) | set(there.added) == set(new)
    assert all(old[one] == new[one] for one in same)


def test_what_is_too_large_to_compare_is_not_called_the_same() -> None:
    """Without digests nothing is known of instances; outputs are compared all the same."""
    found = compare(Snapshot("a", prints=None, rest="x"), Snapshot("b", prints={}, rest="y"))
    assert (found.known, found.rest) == (False, True)
    assert compare(NOTHING, Snapshot("b", prints={"a": "1"})).added == ("a",)


@pytest.mark.parametrize(
    ("first", "last", "run", "fits"),
    [
        (1, 9, seen(), True),
        (-1, 11, seen(), True),  # clocks differ
        (-5, 5, seen(), False),  # begun before it
        (5, 15, seen(), False),  # gone on after it
        (5, 500, seen(ended=None), True),  # it runs
        (5, 6, seen(applies=False), False),  # it planned
        (5, 6, seen(applies=None), True),  # it says nothing
    ],
)
def test_a_run_explains_what_was_written_while_it_went_on(first: float, last: float, run: RunSeen, fits: bool) -> None:
    """All of a change has to be within it, and it has to be one that may write."""
    assert run_of(at(first), at(last), [run]) == (run if fits else None)


def test_a_run_that_says_it_applied_goes_before_a_later_one_that_says_nothing() -> None:
    """Of two that fit."""
    said = seen("said", -1)
    assert run_of(at(5), at(5), [seen("later", 1, applies=None), said]) == said


def test_versions_are_put_together_by_what_wrote_them() -> None:
    """Those of one run; those close to each other; never both."""
    versions = [Version(str(n), at(n)) for n in (1, 5, 9, 14, 20, 45)]
    found = legs(versions, [seen("run", 0, 10)])
    assert [([one.id for one in leg.versions], leg.run.id if leg.run else "") for leg in found] == [
        (["1", "5", "9"], "run"), (["14", "20"], ""), (["45"], ""),
    ]  # fmt: skip
