"""How changes reach production: what each figure is made of, and that nothing is made of nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.runs.after import Health
from checks.runs.dora import Applied, Figures, Middle, Part, by_stack, figures, median, rolled_back
from checks.runs.record import State

START = datetime(2026, 3, 2, tzinfo=UTC)
END = START + timedelta(days=7)
A, B, C = "a" * 40, "b" * 40, "c" * 40


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def applied(
    number: int, hours: float, state: State = State.SUCCEEDED, health: str = "healthy", **more: object
) -> Applied:
    one = Applied(f"run-{number}", "acme-prod", "acme-prod/vpc", state, at(hours), health)
    return replace(one, **more)  # type: ignore[arg-type]  # a test names any field


def told(*found: Applied, strays: Sequence[datetime] = (), guideline: bool = False) -> Figures:
    return figures(found, strays, START, END, guideline=guideline)


def test_nothing_is_no_data_and_not_zero() -> None:
    """But how often nothing was deployed is known: never."""
    found = told()
    assert (found.succeeded, found.per_week) == (0, 0.0)
    assert found.lead == Middle(None, 0, 0)
    assert (found.failures.ratio, found.failures.text) == (None, "no data")
    assert found.restore.value is None
    assert found.cycle.ratio is None


def test_lead_time_is_of_those_whose_commit_has_a_time() -> None:
    """The median; the others are told; a commit from the future tells nothing, and neither does a failure."""
    found = told(
        applied(1, 10, committed_at=at(8)), applied(2, 20, committed_at=at(10)), applied(3, 30, committed_at=at(31)),
        applied(4, 40), applied(5, 50, State.FAILED, committed_at=at(0)),
    )  # fmt: skip
    assert found.lead == Middle(7200.0, 2, 4)
    assert found.succeeded == 4


@pytest.mark.parametrize(
    ("one", "failed"),
    [
        (applied(1, 10), False),
        (applied(1, 10, health=Health.COULD_NOT_LOOK), False),
        (applied(1, 10, health=""), False),
        (applied(1, 10, health=Health.WORSE), True),
        (applied(1, 10, State.FAILED), True),
        (applied(1, 10, State.LOST), True),
        (applied(1, 10, State.CANCELLED), True),
    ],
)
def test_what_failed_was_lost_or_made_it_worse_is_a_failure(one: Applied, failed: bool) -> None:
    """What nobody could look at is none, and is told beside it."""
    assert told(one).failures == Part(int(failed), 1)
    assert told(one).unwatched == int(not failed and one.health in ("", Health.COULD_NOT_LOOK))


def test_a_commit_that_was_there_before_is_the_way_back() -> None:
    """What it undoes failed, and was restored by it; going on to a new commit is none."""
    first, second = applied(1, -100, commit=A), applied(2, 10, commit=B)
    back, on = applied(3, 12, commit=A[:10]), applied(4, 20, commit=C)
    assert rolled_back([first, second, back, on]) == {"run-2": at(12)}
    found = told(first, second, back, on)
    assert (found.failures, found.restore) == (Part(1, 3), Middle(7200.0, 1, 1))
    assert rolled_back([first, second, replace(back, state=State.FAILED)]) == {}
    assert rolled_back([first, second, replace(back, place="acme-prod/eks")]) == {}
    assert rolled_back([replace(first, commit=""), second, back]) == {}


def test_a_failure_is_over_with_the_next_good_apply_of_the_same_place() -> None:
    """Of another place does not count; what is not over has no time, and is counted."""
    found = told(
        applied(1, 10, State.FAILED), applied(2, 11, place="acme-prod/eks"), applied(3, 12),
        applied(4, 20, State.LOST),
    )  # fmt: skip
    assert found.restore == Middle(7200.0, 1, 2)


def test_what_got_worse_is_over_when_looks_saw_it_well() -> None:
    """An apply that ends well does not say so."""
    worse = applied(1, 10, health=Health.WORSE, worse_since=at(11), restored_at=at(14))
    assert told(worse).restore == Middle(10_800.0, 1, 1)
    assert told(replace(worse, restored_at=None), applied(2, 12)).restore == Middle(None, 0, 1)
    failed = replace(worse, state=State.FAILED)
    assert told(failed, applied(2, 12)).restore == Middle(14_400.0, 1, 1)
    assert told(replace(failed, restored_at=None), applied(2, 12)).restore == Middle(None, 0, 1)


def test_what_nobody_recorded_did_not_go_through_the_cycle() -> None:
    """With a guideline those that kept to it count; what cannot be told is told; without, those that are recorded."""
    runs = [applied(1, 10, cycle=True), applied(2, 11, cycle=False), applied(3, 12, cycle=None)]
    found = told(*runs, strays=[at(5), at(-5)], guideline=True)
    assert (found.cycle, found.unrecorded, found.undecided) == (Part(1, 3), 1, 1)
    assert told(*runs, strays=[at(5)]).cycle == Part(3, 4)


def test_stacks_stand_apart() -> None:
    """A stack that was changed behind everybody's back alone has a row, too."""
    found = by_stack([applied(1, 10), applied(2, -400, stack="acme-old")], [("acme-edge", at(3))], START, END)
    assert list(found) == ["acme-edge", "acme-prod"]
    assert (found["acme-edge"].cycle, found["acme-edge"].succeeded) == (Part(0, 1), 0)


@given(
    st.lists(
        st.tuples(
            st.integers(-300, 300), st.sampled_from(list(State)[1:]), st.sampled_from(["", *map(str, Health)]),
            st.sampled_from(["", A, B, C]), st.none() | st.integers(-300, 300), st.none() | st.booleans(),
        ),
        max_size=20,
    ),
    st.booleans(),
)  # fmt: skip
def test_parts_are_never_more_than_the_whole(
    rows: list[tuple[int, State, str, str, int | None, bool | None]], guideline: bool
) -> None:
    """Whatever there is; no time is below 0."""
    runs = [
        applied(number, hours, state, health, commit=commit, cycle=cycle,
                committed_at=None if commit_at is None else at(commit_at))
        for number, (hours, state, health, commit, commit_at, cycle) in enumerate(rows)
    ]  # fmt: skip
    found = told(*runs, guideline=guideline)
    for part in (found.failures, found.cycle):
        assert 0 <= part.part <= part.of
    for middle in (found.lead, found.restore):
        assert 0 <= middle.known <= middle.of
        assert (middle.value is None) == (middle.known == 0)
        assert middle.value is None or middle.value >= 0
    assert found.succeeded + sum(one.failed for one in runs if START <= one.ended < END) == found.failures.of


def test_the_median_is_a_value_that_was_measured() -> None:
    """The lower of two."""
    assert [median([]), median([3.0, 1.0]), median([5.0, 1.0, 3.0])] == [None, 1.0, 3.0]
