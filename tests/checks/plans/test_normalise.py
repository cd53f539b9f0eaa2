"""What counts as equal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.plans.normalise import expand, gaps, normalise, phantoms, same, text, unordered, value_at

_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False), st.sampled_from(["", "x"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=12,
)


@given(_JSON)
def test_normalising_twice_is_normalising_once(value: Any) -> None:
    """Normalisation leaves what is normal as it is."""
    assert normalise(normalise(value)) == normalise(value)


@given(_JSON, _JSON)
def test_sameness_is_symmetric_and_agrees_with_gaps(left: Any, right: Any) -> None:
    """Two values are equal one way if they are the other way, and exactly where no gap is found."""
    assert same(left, right) is same(right, left)
    assert same(left, right) is (not list(gaps(left, right)))
    assert {gap.path for gap in gaps(left, right)} == {gap.path for gap in gaps(right, left)}


@given(_JSON)
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    """Nothing differs from itself, also once expanded and sorted."""
    assert same(value, value)
    assert not list(gaps(unordered(value), unordered(value)))
    assert same(expand(expand(value)), expand(value))


@given(_JSON, _JSON)
def test_gaps_lead_to_values_that_differ(left: Any, right: Any) -> None:
    """At each path that is named, the two sides have different values."""
    for gap in gaps(left, right):
        assert not same(value_at(left, gap.path), value_at(right, gap.path))


@pytest.mark.parametrize("empty", [None, "", [], {}, [None], [{}], {"a": None}, {"a": {"b": []}}, [["", {}]]])
def test_everything_empty_is_absent(empty: Any) -> None:
    """Null, the empty text, list and object are one, also inside one another."""
    assert normalise(empty) is None


@pytest.mark.parametrize(
    ("left", "right"), [(0, None), (False, None), (True, 1), (False, 0), ("1", 1), ([1, 2], [2, 1])]
)
def test_what_looks_alike_is_not_the_same(left: Any, right: Any) -> None:
    """Zero and false are values; true is no number; the order of a list counts."""
    assert not same(left, right)


def test_policies_are_compared_by_what_they_say() -> None:
    """A lone action is a list of one, and the order of actions says nothing."""
    one = '{"Statement": {"Effect": "Allow", "Action": "a:B", "Resource": "*"}}'
    other = '{"Statement":[{"Action":["a:B"],"Effect":"Allow","Resource":["*"]}]}'
    assert same(expand(one), expand(other))


def test_phantoms_name_the_attributes() -> None:
    """Attributes that differ as written only are named, others are not."""
    assert phantoms({"a": None, "b": 1, "c": 1}, {"a": {}, "b": 2, "c": 1}) == {"a"}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (("tags", "Owner"), "tags.Owner"),
        (("versioning", 0, "enabled"), "versioning[0].enabled"),
        (("tags", "kubernetes.io/x"), 'tags["kubernetes.io/x"]'),
        ((), ""),
    ],
)
def test_paths_are_written_as_people_write_them(path: Any, shown: str) -> None:
    """Keys that are no words stand in brackets."""
    assert text(path) == shown
