"""Recovery points against what was asked: a table, boundaries to the second, and what may never happen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.base import Outcome
from checks.recovery.judge import AHEAD, OUTCOMES, Word, judge, judge_copy
from checks.recovery.model import Copy, DataStore, Demand, Destination, Origin, Point, StoreKind

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RPO = 26 * HOUR
ARN = "arn:aws:rds:eu-west-1:111111111111:db:orders"
DEMAND = Demand(RPO, "the default in production")


def store(**more: object) -> DataStore:
    """A database that was made long ago."""
    known = {"account": "111111111111", "region": "eu-west-1", "created": NOW - timedelta(days=400)}
    return DataStore(StoreKind.RDS, ARN, "orders", **{**known, **more})  # type: ignore[arg-type]  # of each test's making


def point(age: timedelta, origin: Origin = Origin.SNAPSHOT, *, partial: bool = False) -> Point:
    return Point(NOW - age, origin, partial)


@pytest.mark.parametrize(
    ("what", "points", "demand", "doubts", "word"),
    [
        (store(), [point(HOUR)], DEMAND, (), Word.PROTECTED),
        (store(), [point(RPO)], DEMAND, (), Word.PROTECTED),
        (store(), [point(RPO + timedelta(seconds=1))], DEMAND, (), Word.LATE),
        (store(), [point(40 * HOUR), point(HOUR)], DEMAND, (), Word.PROTECTED),
        (store(), [], DEMAND, (), Word.NEVER),
        (store(automatic=False), [], DEMAND, (), Word.NEVER),
        (store(created=None), [], DEMAND, (), Word.NEVER),
        (store(created=NOW - HOUR), [], DEMAND, (), Word.NEW),
        (store(created=NOW - RPO), [], DEMAND, (), Word.NEW),
        (store(created=NOW - RPO - timedelta(seconds=1)), [], DEMAND, (), Word.NEVER),
        (store(created=NOW + HOUR), [], DEMAND, (), Word.NEVER),
        # What was saved before it was made is another's that had its name.
        (store(created=NOW - 27 * HOUR), [point(28 * HOUR)], DEMAND, (), Word.NEVER),
        (store(created=NOW - HOUR), [point(2 * HOUR)], DEMAND, (), Word.NEW),
        (store(), [point(HOUR, partial=True)], DEMAND, (), Word.PARTIAL),
        (store(), [point(HOUR, partial=True), point(2 * HOUR)], DEMAND, (), Word.PROTECTED),
        (store(), [point(HOUR, partial=True), point(50 * HOUR)], DEMAND, (), Word.PARTIAL),
        (store(), [point(40 * HOUR, partial=True)], DEMAND, (), Word.LATE),
        # A fresh point is proof, whatever else could not be read; no point is none.
        (store(), [point(HOUR)], DEMAND, ("vault a: denied",), Word.PROTECTED),
        (store(), [point(40 * HOUR)], DEMAND, ("vault a: denied",), Word.NOT_READ),
        (store(), [], DEMAND, ("vault a: denied",), Word.NOT_READ),
        (store(created=NOW - HOUR), [], DEMAND, ("vault a: denied",), Word.NOT_READ),
        (store(), [point(HOUR, partial=True)], DEMAND, ("vault a: denied",), Word.NOT_READ),
        # A clock that is a little ahead is one thing, a point from next week another.
        (store(), [point(-AHEAD)], DEMAND, (), Word.PROTECTED),
        (store(), [point(-7 * 24 * HOUR)], DEMAND, (), Word.NEVER),
        (store(idle="stopped"), [point(400 * HOUR, Origin.CONTINUOUS)], DEMAND, (), Word.PROTECTED),
        (store(idle="stopped"), [], DEMAND, (), Word.NEVER),
        (store(), [], Demand(None, "checks.backups.rpo"), (), Word.NOT_REQUIRED),
        (store(nothing_to_lose="memcached"), [], DEMAND, ("denied",), Word.NOTHING_TO_LOSE),
        (store(), [point(timedelta(0), Origin.VERSIONING)], DEMAND, (), Word.PROTECTED),
    ],
)
def test_verdicts(what: DataStore, points: list[Point], demand: Demand, doubts: tuple[str, ...], word: Word) -> None:
    """Each situation has its word, and a reason that names what it rests on."""
    judged = judge(what, points, demand, NOW, doubts)
    assert (judged.word, judged.outcome) == (word, OUTCOMES[word])
    assert judged.reason
    assert all(doubt in judged.reason for doubt in doubts if word is Word.NOT_READ)


def test_reasons_say_what_when_and_who_asked() -> None:
    """The sentence names the newest point, where it came from, what was asked and that backups are off."""
    judged = judge(store(automatic=False), [point(40 * HOUR, Origin.AWS_BACKUP)], DEMAND, NOW, ())
    assert judged.reason == (
        "the newest recovery point is of 2026-05-30 20:00 UTC, by AWS Backup; 26h are asked for by "
        "the default in production; the service's own backups are off"
    )


def test_reason_stays_the_same_while_nothing_happens() -> None:
    """A sentence that held an age would be told anew at each look."""
    looks = [judge(store(), [point(40 * HOUR)], DEMAND, NOW + timedelta(hours=n), ()).reason for n in range(3)]
    assert len(set(looks)) == 1


ages = st.integers(-3_600, 400_000).map(lambda seconds: timedelta(seconds=seconds))
points_ = st.lists(st.builds(point, ages, st.sampled_from(Origin), partial=st.booleans()), max_size=6)
doubts_ = st.lists(st.just("denied"), max_size=2).map(tuple)
rpos = st.integers(1, 300_000).map(lambda seconds: timedelta(seconds=seconds))


@given(points_, points_, doubts_, rpos)
def test_more_points_never_make_it_worse(
    some: list[Point], more: list[Point], doubts: tuple[str, ...], rpo: timedelta
) -> None:
    """Whoever is protected stays so when further points are found."""
    demand = Demand(rpo, "a test")
    before, after = judge(store(), some, demand, NOW, doubts), judge(store(), [*some, *more], demand, NOW, doubts)
    if before.word is Word.PROTECTED:
        assert after.word is Word.PROTECTED


@given(points_, rpos)
def test_doubt_never_turns_anything_green_or_red(some: list[Point], rpo: timedelta) -> None:
    """What could not be read leaves a proof standing, and turns all else into "not known"."""
    demand = Demand(rpo, "a test")
    sure, unsure = judge(store(), some, demand, NOW, ()), judge(store(), some, demand, NOW, ("denied",))
    assert unsure.word in (Word.PROTECTED, Word.NOT_READ)
    assert (unsure.word is Word.PROTECTED) == (sure.word is Word.PROTECTED)


@given(ages, rpos)
def test_the_boundary_is_exact(age: timedelta, rpo: timedelta) -> None:
    """One point is enough exactly when it is no older than the objective, and not from the far future."""
    judged = judge(store(), [point(age)], Demand(rpo, "a test"), NOW, ())
    assert (judged.word is Word.PROTECTED) == (-AHEAD <= age <= rpo)


@given(points_, rpos, rpos)
def test_a_longer_objective_is_easier(some: list[Point], one: timedelta, other: timedelta) -> None:
    """Whoever holds a strict objective holds a lax one."""
    strict, lax = sorted((one, other))
    if judge(store(), some, Demand(strict, ""), NOW, ()).outcome is Outcome.HEALTHY:
        assert judge(store(), some, Demand(lax, ""), NOW, ()).outcome is Outcome.HEALTHY


THERE = Destination("eu-central-1")


@pytest.mark.parametrize(
    ("copies", "asked", "doubts", "word"),
    [
        ([Copy("eu-central-1", "111111111111", NOW - HOUR, "v")], THERE, (), Word.PROTECTED),
        ([Copy("eu-central-1", "111111111111", NOW - RPO, "v")], THERE, (), Word.PROTECTED),
        ([Copy("eu-central-1", "111111111111", NOW - 2 * RPO, "v")], THERE, (), Word.LATE),
        ([Copy("eu-west-1", "111111111111", NOW, "v")], THERE, (), Word.NEVER),
        ([Copy("eu-central-1", "222222222222", NOW, "v")], THERE, (), Word.NEVER),
        ([Copy("eu-central-1", "222222222222", NOW, "v")], Destination("", "222222222222"), (), Word.PROTECTED),
        ([Copy("eu-central-1", "222222222222", NOW, "v")], Destination("us-east-1", "222222222222"), (), Word.NEVER),
        ([Copy("eu-central-1", "111111111111", None, "v")], THERE, (), Word.NEVER),
        ([], THERE, ("denied",), Word.NOT_READ),
        ([Copy("eu-central-1", "111111111111", NOW - 2 * RPO, "v")], THERE, ("denied",), Word.NOT_READ),
        ([Copy("eu-central-1", "111111111111", NOW, "v")], THERE, ("denied",), Word.PROTECTED),
    ],
)
def test_copies(copies: list[Copy], asked: Destination, doubts: tuple[str, ...], word: Word) -> None:
    """A copy counts where it was asked for, in the account it was asked for, if it is new enough."""
    assert judge_copy(store(), asked, copies, NOW - RPO, "one within 26h is asked for", doubts).word is word
