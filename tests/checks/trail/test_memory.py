"""What is kept from look to look: nothing lost, nothing told twice, whatever is listed late or again."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.trail.events import Event, event_of
from checks.trail.memory import MOST, SHOWN, Memory, from_json, to_json
from checks.trail.sorting import Activity
from tests.aws.places import NOW
from tests.checks.trail.history import event, user

HOUR, OPEN = timedelta(hours=1), timedelta(days=3)


def told(name: str, *, hours: float = 1, who: str = "ann", id: str = "") -> tuple[Event, Activity, str]:  # noqa: A002
    row = event(name, ago=hours * HOUR, identity=user(who), id=id)
    return event_of(row, NOW), Activity.CHANGE_BY_HAND, "ec2"


def test_a_case_gathers_what_one_did_of_one_kind_on_one_day() -> None:
    """The same day and family is one; another day, another person is another."""
    memory = Memory().add([told("A"), told("B"), told("A"), told("A", hours=30), told("A", who="bob")])
    assert {key: (case.count, dict(case.names)) for key, case in memory.cases.items()} == {
        "change_by_hand/user/ann/ec2/2026-03-02": (3, {"A": 2, "B": 1}),
        "change_by_hand/user/ann/ec2/2026-03-01": (1, {"A": 1}),
        "change_by_hand/user/bob/ec2/2026-03-02": (1, {"A": 1}),
    }


def test_an_event_that_is_listed_again_is_not_counted_again() -> None:
    """By the overlap, by several questions, at both ends of a slice."""
    once = told("A", id="e-1")
    memory = Memory().add([once]).moved(NOW, HOUR).add([once, told("B", id="e-2")])
    [case] = memory.cases.values()
    assert case.count == 2


def test_ids_are_kept_for_as_long_as_they_can_be_listed_again() -> None:
    """And no longer, so that what is kept stays small."""
    memory = Memory().add([told("A", hours=1.4, id="near"), told("A", hours=9, id="far")]).moved(NOW, HOUR)
    assert set(memory.seen) == {"near"}


def test_a_case_ends_once_and_is_then_forgotten() -> None:
    """Only when everything was read for long enough after it: what could not be read ends nothing."""
    memory = Memory(mark=NOW).add([told("A")])
    still = memory.aged(OPEN)
    assert [case.over for case in still.cases.values()] == [False]
    later = still.moved(NOW + OPEN, HOUR).aged(OPEN)
    assert [case.over for case in later.cases.values()] == [True]
    assert later.aged(OPEN).cases == {}


def test_what_comes_late_opens_a_case_again() -> None:
    """The same day's case, as if it had not ended."""
    over = Memory(mark=NOW).add([told("A")]).moved(NOW + OPEN, HOUR).aged(OPEN)
    [case] = over.add([told("B")]).cases.values()
    assert (case.over, case.count) == (False, 2)


def test_of_very_many_events_some_are_shown_and_all_are_counted() -> None:
    """What is kept is bounded."""
    memory = Memory().add([told("A", hours=0.0001 * n) for n in range(500)])
    [case] = memory.cases.values()
    assert (case.count, len(case.events)) == (500, SHOWN)


def test_very_many_cases_are_gathered_in_one() -> None:
    """A thousand people on one day is no list that anybody reads; still each event counts."""
    memory = Memory().add([told("A", who=f"user{n}") for n in range(MOST + 50)])
    assert len(memory.cases) == MOST + 1
    assert sum(case.count for case in memory.cases.values()) == MOST + 50


def test_what_a_newer_version_kept_is_refused() -> None:
    """To begin anew would tell everything again."""
    with pytest.raises(ValueError, match="another version"):
        from_json({**to_json(Memory()), "version": 99})
    assert from_json(None) == Memory()


_TOLD = st.lists(
    st.builds(
        lambda name, hours, who: told(name, hours=hours, who=who),
        st.sampled_from("ABC"), st.floats(0, 100), st.sampled_from(["ann", "bob", "mallory/x"]),
    ),
    max_size=12,
)  # fmt: skip


@given(_TOLD, st.integers(0, 12))
def test_it_comes_back_as_it_was_kept_and_order_does_not_matter(
    events: list[tuple[Event, Activity, str]], cut: int
) -> None:
    """Through JSON and back; in one look or in two, overlapping or not, the same cases with the same counts."""
    whole = Memory(mark=NOW, step=HOUR, gaps=((NOW - OPEN, NOW - HOUR, NOW),)).add(events)
    assert from_json(json.loads(json.dumps(to_json(whole)))) == whole
    parts = Memory().add(events[: cut + 2]).add(events[cut:]).add(events[:cut])
    assert {key: case.count for key, case in parts.cases.items()} == {
        key: case.count for key, case in whole.cases.items()
    }
