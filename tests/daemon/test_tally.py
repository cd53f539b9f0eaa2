"""planned = ok + warn + crit + unknown + not applicable + skipped, whatever happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from checks.aws import EMPTY
from checks.base import Outcome
from daemon.standing import Standing, standings
from daemon.store import JobRow, ReadingRow
from daemon.tally import Result, Tally, tally, tally_reading

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHECKS, PLACES = ("backups", "drift", "security"), tuple("abcdef")
wheres = st.tuples(st.sampled_from(CHECKS), st.sampled_from(PLACES))
times = st.one_of(st.none(), st.integers(-400, 400).map(lambda hours: NOW + timedelta(hours=hours)))


@st.composite
def jobs(draw: st.DrawFn) -> JobRow:
    check, place = draw(wheres)
    outcome = draw(st.sampled_from(("", "ok", "failed")))
    return JobRow(
        check, place, {}, draw(times), draw(times), draw(times), draw(times), draw(times), outcome, "", "",
        draw(st.integers(0, 3)),
    )  # fmt: skip


@st.composite
def readings(draw: st.DrawFn) -> ReadingRow:
    check, place = draw(wheres)
    return ReadingRow(
        check, place, draw(st.sampled_from("xyz")), {}, draw(st.sampled_from(list(Outcome))),
        draw(st.sampled_from(("looked", "drift", EMPTY))), "", {}, {}, NOW, NOW, "", None, None,
        draw(st.sampled_from(("", "old"))),
    )  # fmt: skip


@given(
    st.sets(wheres), st.lists(jobs(), unique_by=lambda job: (job.check, job.place)), st.lists(readings()),
    st.sets(wheres), st.dictionaries(wheres, st.just("the disk is full")),
)  # fmt: skip
def test_every_planned_place_is_counted_once(
    planned: set[tuple[str, str]], known: list[JobRow], read: list[ReadingRow], critical: set[tuple[str, str]],
    unrecorded: dict[tuple[str, str], str],
) -> None:  # fmt: skip
    """Of whatever the store holds: places that are planned and unknown to it, and others it holds that are not."""
    labels = {where: dict[str, str]() for where in planned}
    found = standings(known, read, NOW, labels, unrecorded)
    counted = tally(planned, found, critical)
    assert counted.whole
    assert tally_reading(counted).outcome is Outcome.HEALTHY
    for check in CHECKS:
        places = [where for where in planned if where[0] == check]
        assert sum(counted.results.get(check, {}).values()) == len(places) == counted.planned.get(check, 0)
    # Nothing is fine that no look found fine.
    fine = {(each.job.check, each.job.place) for each in found if each.outcome is Outcome.HEALTHY}
    for check, results in counted.results.items():
        assert results[Result.OK] == len([where for where in fine & planned if where[0] == check])


def standing(place: str, outcome: Outcome, word: str = "looked", check: str = "drift") -> Standing:
    job = JobRow(check, place, {}, NOW, NOW, NOW, NOW, NOW, "ok", "", "", 1)
    row = ReadingRow(check, place, "x", {}, outcome, word, "", {}, {}, NOW, NOW, "", None, None, "")
    return Standing(job, outcome, word, "", (row,))


def test_each_outcome_has_its_result() -> None:
    """What is wrong counts as critical where there is a critical incident."""
    found = [
        standing("a", Outcome.HEALTHY), standing("b", Outcome.UNHEALTHY), standing("c", Outcome.UNHEALTHY),
        standing("d", Outcome.UNKNOWN), standing("e", Outcome.NOT_APPLICABLE),
        standing("f", Outcome.NOT_APPLICABLE, EMPTY), standing("gone", Outcome.HEALTHY),
    ]  # fmt: skip
    counted = tally([("drift", place) for place in "abcdef"], found, {("drift", "c")})
    assert counted.results == {"drift": dict.fromkeys(Result, 1)}
    assert counted.planned == {"drift": 6}
    assert counted.whole


def test_a_sum_that_does_not_hold_is_told() -> None:
    """A place that is lost, one that is counted twice, and an outcome that nobody knows."""
    planned = [("drift", "a"), ("drift", "b")]
    lost = tally(planned, [standing("a", Outcome.HEALTHY)], ())
    twice = tally(planned, [standing(place, Outcome.HEALTHY) for place in "aab"], ())
    strange = tally(planned, [standing("a", Outcome.HEALTHY), replace(standing("b", Outcome.HEALTHY), outcome="?")], ())  # type: ignore[arg-type]  # on purpose
    assert (lost.lost, twice.doubled, strange.lost) == ((("drift", "b"),), (("drift", "a"),), (("drift", "b"),))
    assert not Tally({"drift": 2}, {"drift": {Result.OK: 1}}).whole
    for wrong in (lost, twice, strange):
        assert not wrong.whole
        reading = tally_reading(wrong)
        assert reading.outcome is Outcome.UNHEALTHY
        [finding] = reading.findings
        assert finding.kind.value == "monitoring"
    assert "drift at b" in tally_reading(lost).summary
