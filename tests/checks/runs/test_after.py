"""After an apply: what is laid to a run and what is not, and that nobody calls healthy what nobody looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.base import Kind, Outcome
from checks.certificates import Certificates
from checks.runs.after import SIGNS, Blind, Health, Look, Period, Planned, Rules, Seen, Verdict, Wrong, verdict
from checks.runs.aftermath import Aftermath, latest_of, mended, reading_of, still, stored
from checks.utilization import Utilization

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PLACE = ("utilization", "111111111111/eu-west-1")
RULES = Rules()


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


# Begun at 0, applied from 2, ended at 10, watched until 40.
PERIOD = Period(T0, at(2), at(10), at(40))


def look(minutes: float, why: str = "", place: tuple[str, str] = PLACE) -> Look:
    """A look of six seconds."""
    return Look(*place, at(minutes - 0.1), at(minutes), why)


GOOD = (look(-30), look(1), look(5), *(look(minutes) for minutes in range(11, 42, 5)))


def wrong(since: float, over: float | None = None, itself: float | None = None, first: bool = False) -> Wrong:
    return Wrong(
        "v1:a", *PLACE, "alarm api-5xx", at(since), None if over is None else at(over),
        None if itself is None else at(itself), first,
    )  # fmt: skip


def judged(
    *found: Wrong, looks: Sequence[Look] = GOOD, period: Period = PERIOD, rules: Rules = RULES, **more: object
) -> Verdict:
    seen = Seen(places=[PLACE], looks=looks, wrong=found, own=3)
    return verdict(period, replace(seen, **more), rules, at(41), final=True)  # type: ignore[arg-type]  # fields of Seen


def test_every_sign_is_a_verdict_that_its_check_gives() -> None:
    """A word that no check says would never be seen, and all would be healthy."""
    known = {"utilization": Utilization.verdicts, "certificates": Certificates.verdicts}
    assert {check: words - set(known[check]) for check, words in SIGNS.items()} == dict.fromkeys(known, frozenset())


def test_what_was_looked_at_to_the_end_and_is_well_is_healthy() -> None:
    """With how much of its own was seen."""
    found = judged()
    assert (found.health, found.text) == (Health.HEALTHY, "healthy for 30 min after it, 3 things of its own seen")


@pytest.mark.parametrize(
    "old",
    [
        wrong(-600),
        wrong(-5),
        wrong(1),  # seen by a look that began before anything was applied
        wrong(2.05),  # the look that saw it began before, and ended after
        wrong(11, itself=-200),  # nobody had looked, and the alarm says itself since when
        wrong(-600, over=3),
    ],
)
def test_what_was_wrong_before_is_not_laid_to_the_run(old: Wrong) -> None:
    """It is told all the same."""
    found = judged(old, looks=(*GOOD, Look(*PLACE, at(1.9), at(2.05))))
    assert (found.health, found.worse, found.before) == (Health.HEALTHY, (), ("alarm api-5xx",))
    assert found.text.endswith("; 1 wrong before it already")


def test_what_was_red_before_and_goes_and_comes_again_is_not_laid_to_the_run() -> None:
    """An alarm that flaps did so before."""
    found = judged(wrong(-600, over=12), wrong(21))
    assert (found.health, found.before) == (Health.HEALTHY, ("alarm api-5xx",))


def test_what_went_wrong_after_it_is_worse_with_since_when() -> None:
    """And when it was seen well last: between the two it began."""
    found = judged(wrong(16))
    assert found.health is Health.WORSE
    assert found.text == "worse after it: alarm api-5xx (since 09:16 UTC, last seen well 09:11 UTC)"
    (one,) = found.worse
    assert (one.since, one.over, one.well_at, one.confirmed) == (at(16), None, at(11), True)
    assert found.restored_seconds is None


def test_what_recovered_within_the_period_is_told_from_when_to_when() -> None:
    """It was worse, and is over."""
    found = judged(wrong(16, over=26))
    assert found.health is Health.WORSE
    assert "(from 09:16 UTC to 09:26 UTC, last seen well 09:11 UTC; well again)" in found.text
    assert found.restored_seconds == 600.0


def test_an_alarm_tells_itself_since_when() -> None:
    """What began before the look that saw it, and after the apply, is dated by the alarm."""
    (one,) = judged(wrong(16, itself=7)).worse
    assert (one.since, one.well_at) == (at(7), None)


def test_what_was_over_before_the_run_ended_is_told_and_not_held_against_it() -> None:
    """Targets that are replaced are unhealthy for a while."""
    found = judged(wrong(5, over=9))
    assert (found.health, found.worse) == (Health.HEALTHY, ())
    assert found.passing == ("alarm api-5xx (from 09:05 UTC to 09:09 UTC)",)


def test_what_began_while_it_ran_and_is_not_over_is_worse() -> None:
    """The period includes the run."""
    assert judged(wrong(5)).health is Health.WORSE


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        (tuple(one for one in GOOD if one.ended > at(2)), "nobody had looked"),
        ((look(-300), *(one for one in GOOD if one.ended > at(10))), "it was looked at last 2026-03-02 04:00 UTC"),
    ],
)
def test_where_nobody_knows_how_it_was_before_neither_is_said(looks: Sequence[Look], said: str) -> None:
    """Neither worse nor healthy: whether it was so before is what could not be looked at."""
    found = judged(wrong(5 if said.startswith("nobody") else 11), looks=looks)
    assert found.health is Health.COULD_NOT_LOOK
    assert said in found.text


def test_a_place_that_could_not_be_looked_at_is_told_with_its_reason() -> None:
    """Looks that fail are no looks."""
    failing = tuple(look(minutes, "denied: elasticloadbalancing") for minutes in range(11, 42, 5))
    found = judged(looks=(*GOOD[:3], *failing))
    assert found.health is Health.COULD_NOT_LOOK
    assert "utilization at 111111111111/eu-west-1 from 09:10 UTC to 09:40 UTC: denied" in found.text


def test_one_of_two_places_is_enough_not_to_be_healthy() -> None:
    """What is not looked at is said beside what is."""
    other = ("certificates", "shop.example.com:443")
    found = judged(places=[PLACE, other])
    assert found.health is Health.COULD_NOT_LOOK
    assert "certificates at shop.example.com:443 from 09:10 UTC to 09:40 UTC: nobody looked" in found.text


def test_worse_is_worse_where_something_else_could_not_be_seen() -> None:
    """And says what could not."""
    found = judged(wrong(16), blind=[Blind("arn:aws:rds:db", "denied")])
    assert found.health is Health.WORSE
    assert found.text.endswith("; could not look: arn:aws:rds:db: denied")


def test_a_gap_in_the_middle_is_told() -> None:
    """The daemon was away from 09:11 to 09:36."""
    found = judged(looks=(*GOOD[:4], look(36), look(41)))
    assert found.health is Health.COULD_NOT_LOOK
    assert "from 09:11 UTC to 09:36 UTC: nobody looked" in found.text


@pytest.mark.parametrize("looks", [(), GOOD[:3], (look(120),)])
def test_a_period_without_any_look_is_not_watched(looks: Sequence[Look]) -> None:
    """Whatever was looked at before it, or long after."""
    found = judged(looks=looks)
    assert found.health is Health.NOT_WATCHED
    assert found.text.startswith("not watched in the 30 min after it")


def test_where_no_check_looks_nothing_is_healthy() -> None:
    """Nor where what is looked at is nothing of the stack's."""
    assert judged(places=[]).health is Health.NOT_WATCHED
    found = judged(own=0)
    assert found.health is Health.COULD_NOT_LOOK
    assert "nothing that is looked at is of this stack" in found.text
    assert judged(unowned="the state of acme-prod/vpc: denied").health is Health.COULD_NOT_LOOK


def test_what_could_not_be_seen_at_the_end_is_not_healthy_unless_it_says_itself_that_it_never_could() -> None:
    """An alarm with too few data before the run, too, is told and decides nothing."""
    assert judged(blind=[Blind("alarm x", "too few data")]).health is Health.COULD_NOT_LOOK
    found = judged(blind=[Blind("alarm x", "too few data", before=True)])
    assert (found.health, found.text[-38:]) == (Health.HEALTHY, "; 1 that could not tell before it either"[-38:])


def test_a_clock_that_was_set_back_makes_nothing_healthy() -> None:
    """Nobody can tell then when what was looked at."""
    assert judged(set_back=True).health is Health.COULD_NOT_LOOK


def test_two_runs_at_once_are_told_of_in_both() -> None:
    """Nobody can tell which it was."""
    found = judged(wrong(16), others=["run-2"])
    assert found.text.endswith("; another run applied to the stack meanwhile: run-2")


def test_the_plan_after_it_counts() -> None:
    """Drift that was not there before is worse; drift as before is not; a plan that did not come is a gap."""
    plan = Planned("acme-prod/vpc", "in_sync", "in sync", at=at(45))
    assert judged(plans=[plan]).health is Health.HEALTHY
    drift = replace(plan, verdict="drift", summary="aws_vpc.main was changed")
    found = judged(plans=[drift])
    assert (found.health, found.worse[0].confirmed) == (Health.WORSE, False)
    assert "the plan of acme-prod/vpc after it: aws_vpc.main was changed (since 09:45 UTC)" in found.text
    assert judged(plans=[replace(drift, before="drift")]).health is Health.HEALTHY
    assert judged(plans=[replace(plan, verdict="pending")]).health is Health.HEALTHY
    missing = judged(plans=[Planned("acme-prod/vpc", why="timeout: no answer")])
    assert missing.health is Health.COULD_NOT_LOOK
    assert "the plan of acme-prod/vpc after it: timeout: no answer" in missing.text


def test_while_it_goes_on_it_is_watched_and_worse_is_told_at_once() -> None:
    """Health is said only when it is over."""
    seen = Seen(places=[PLACE], looks=GOOD[:5], own=3)
    assert verdict(PERIOD, seen, RULES, at(17)).health is Health.WATCHING
    assert verdict(replace(PERIOD, ended=None, until=None), seen, RULES, at(5)).health is Health.WATCHING
    assert verdict(PERIOD, replace(seen, wrong=[wrong(16)]), RULES, at(17)).health is Health.WORSE


@given(
    st.lists(st.tuples(st.integers(-120, 80), st.booleans()), max_size=30),
    st.lists(st.tuples(st.integers(-120, 60), st.none() | st.integers(0, 60)), max_size=5),
)
def test_healthy_is_only_what_was_seen_without_a_gap_from_the_end_to_the_last(
    looks: list[tuple[int, bool]], spells: list[tuple[int, int | None]]
) -> None:
    """Whatever looks and troubles there are."""
    found = [look(minutes, "" if good else "denied") for minutes, good in looks]
    troubles = [
        replace(wrong(since, None if length is None else since + length), mark=f"v1:{number}")
        for number, (since, length) in enumerate(spells)
    ]
    told = judged(*troubles, looks=found)
    if told.health is Health.HEALTHY:
        good = sorted(one.ended for one in found if not one.why and at(10) <= one.began <= at(45))
        edges = [at(10), *good, max([at(40), *good])]
        assert good
        assert max(later - earlier for earlier, later in pairwise(edges)) <= RULES.gap
    for one in told.worse:
        assert one.since > PERIOD.applied


# -- as it is told ----------------------------------------------------------------------------------------------------


FACTS = {"commit": "3f2a9c1d", "actor": "alice", "rollback": "https://ci.example/rollback/7"}


def test_worse_is_a_failure_that_names_the_run_who_what_and_the_way_back() -> None:
    """Once a second look has seen it."""
    told = stored(judged(wrong(16), others=["run-2"]))
    reading = reading_of("acme-prod/vpc", [Aftermath("run-1", "deploy", told, FACTS)])
    assert reading is not None
    (finding,) = reading.findings
    assert (finding.kind, finding.key) == (Kind.WORKFLOW_FAILURE, "worse:run-1")
    assert finding.summary == (
        "deploy of 3f2a9c1 by alice applied, and its stack is worse since: alarm api-5xx "
        "(another run applied to it meanwhile: run-2)"
    )
    assert finding.remedy == "# go back: https://ci.example/rollback/7"
    once = stored(judged(wrong(41), looks=GOOD))
    assert reading_of("acme-prod/vpc", [Aftermath("run-1", "deploy", once, FACTS)]) is not None
    told_once = reading_of("acme-prod/vpc", [Aftermath("run-1", "deploy", once, FACTS)])
    assert told_once is not None
    assert told_once.findings == ()


def test_it_ends_once_all_of_it_is_well_again() -> None:
    """With how long that took; what nobody looks at any more does not end well."""
    told = stored(judged(wrong(16)))
    assert len(still(told)) == 1
    over = mended(told, {"v1:a": (at(76), False)})
    assert (still(over), over["restored_seconds"]) == ([], 3600.0)
    assert str(over["text"]).endswith("; all of it well again at 2026-03-02 10:16 UTC")
    reading = reading_of("acme-prod/vpc", [Aftermath("run-1", "deploy", over, FACTS)])
    assert reading is not None
    assert (reading.outcome, reading.verdict) == (Outcome.HEALTHY, "well_again")
    gone = mended(told, {"v1:a": (None, True)})
    reading = reading_of("acme-prod/vpc", [Aftermath("run-1", "deploy", gone, FACTS)])
    assert reading is not None
    assert (reading.outcome, gone["restored_seconds"]) == (Outcome.NOT_APPLICABLE, None)


def test_an_earlier_run_that_is_well_again_does_not_speak_for_the_latest() -> None:
    """After which nobody looked: both are said."""
    over = Aftermath("run-1", "deploy", mended(stored(judged(wrong(16))), {"v1:a": (at(76), False)}), FACTS)
    blind = Aftermath("run-2", "deploy", stored(judged(own=0)), {})
    for found, outcome in [([blind, over], Outcome.UNKNOWN), ([over, blind], None), ([blind], None)]:
        latest = latest_of("acme-prod/vpc", found)
        assert (None if latest is None else latest.outcome) is outcome
    assert reading_of("acme-prod/vpc", [blind, over]) != latest_of("acme-prod/vpc", [blind, over])


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (judged(), Outcome.HEALTHY),
        (judged(looks=()), Outcome.NOT_APPLICABLE),
        (judged(own=0), Outcome.UNKNOWN),
    ],
)
def test_what_could_not_be_seen_is_no_good_reading(found: Verdict, outcome: Outcome) -> None:
    """Three outcomes, and a fourth for what nobody looks at."""
    reading = reading_of("acme-prod/vpc", [Aftermath("run-1", "deploy", stored(found), {})])
    assert reading is not None
    assert reading.outcome is outcome
    assert reading_of("acme-prod/vpc", []) is None
