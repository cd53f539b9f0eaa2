"""Levels, shares, hysteresis and trends, as a table of cases and as properties."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.cloudwatch import Metric, Series
from checks.usage.judge import Before, Level, Limits, ThresholdRule, Word, gauge_of, judge, level, silent
from checks.usage.model import GAUGES, Probe, Service
from tests.aws.places import NOW

AT = NOW.timestamp()
DAY = 86_400.0
CPU = GAUGES[Service.EC2, "cpu"]
WINDOW = timedelta(minutes=75)


def probe(gauge: str = "cpu", service: Service = Service.EC2, metrics: int = 1, **more: object) -> Probe:
    named = tuple(Metric("AWS/X", f"M{number}", (), "Sum") for number in range(metrics))
    return Probe(service, gauge, "arn:aws:ec2:::x", "x", named, **more)  # type: ignore[arg-type]  # fields by name


def series(*values: float) -> Series:
    return Series([(NOW - timedelta(minutes=5 * n), value) for n, value in enumerate(reversed(values))])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((100, 5, 5, 5), 0.05),  # a spike is no load
        ((100, 100, 5, 5), 0.05),
        ((100, 99, 98, 5), 0.98),  # a quarter of an hour is
        ((0, 0, 0), 0.0),
        ((90, 90), None),  # too little to tell
        ((), None),
    ],
)
def test_a_level_is_what_lasted(values: tuple[float, ...], expected: float | None) -> None:
    """For fifteen minutes somewhere in the window; no datapoint is not 0."""
    found = level(probe(scale=0.01), [series(*values)])
    assert (found.used if found else None) == (pytest.approx(expected) if expected is not None else None)


def test_what_fills_is_as_full_as_it_is_now() -> None:
    """The newest datapoint, of what is free, in part of what can be had in all."""
    found = level(probe("storage", Service.RDS, scale=0.1, inverse=True, fills=True, portion=0.5), [series(9, 2)])
    assert found is not None
    assert found.used == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("quiet", "beside", "part", "calls", "expected"),
    [
        (True, False, (3, 2), (50, 50), 0.05),
        (True, False, (), (50, 50), 0.0),  # errors that there were not are not published
        (True, False, (), (), None),
        (True, False, (5,), (), 1.0),  # never more than all
        (True, True, (5,), (), 1.0),
        (True, True, (5,), (15,), 0.25),
        (True, True, (0,), (0,), None),
        (False, False, (), (50,), None),  # one that is always published is missed
        (False, False, (1,), (), None),
    ],
)
def test_a_share_is_a_part_of_what_happened(
    quiet: bool, beside: bool, part: tuple[float, ...], calls: tuple[float, ...], expected: float | None
) -> None:
    """Of nothing there is no part."""
    asked = probe("errors", Service.LAMBDA, 2, quiet=quiet, beside=beside)
    found = level(asked, [series(*part), series(*calls)])
    assert (found.used if found else None) == expected


@pytest.mark.parametrize(
    ("used", "before", "word"),
    [
        (0.5, "", Word.WITHIN), (0.85, "", Word.WITHIN), (0.9, "", Word.OVER), (0.85, "over_used", Word.OVER),
        (0.8, "over_used", Word.OVER), (0.79, "over_used", Word.WITHIN), (0.85, "under_used", Word.WITHIN),
    ],
)  # fmt: skip
def test_too_much_stays_too_much_until_it_is_clear(used: float, before: str, word: Word) -> None:
    """Between clear and warn it is as it was."""
    assert judge(probe(), CPU, Level(used), Before(before), None, Limits(), AT).word is word


@given(st.lists(st.floats(0.801, 0.899), min_size=1, max_size=30))
def test_a_level_between_the_two_numbers_never_flaps(levels: list[float]) -> None:
    """Whichever word it had, it keeps."""
    for start in ("", "over_used"):
        word = start
        for used in levels:
            found = judge(probe(), CPU, Level(used), Before(word), None, Limits(), AT).word
            word = found.value if found is Word.OVER else ""
            assert word == start


def test_a_few_failures_are_no_finding() -> None:
    """Two of two calls are all of them, and still two."""
    gauge = GAUGES[Service.LAMBDA, "errors"]
    asked = probe("errors", Service.LAMBDA, 2)
    assert judge(asked, gauge, Level(1.0, 2), Before(), None, Limits(), AT).word is Word.WITHIN
    assert judge(asked, gauge, Level(1.0, 3), Before(), None, Limits(), AT).word is Word.OVER


@pytest.mark.parametrize(
    ("days", "before", "word"),
    [
        (13, "", Word.FILLING), (15, "", Word.GROWING), (15, "filling", Word.FILLING), (22, "filling", Word.GROWING),
        (59, "", Word.GROWING), (61, "", Word.WITHIN), (61, "growing", Word.GROWING), (91, "growing", Word.WITHIN),
        (None, "filling", Word.WITHIN),
    ],
)  # fmt: skip
def test_storage_that_fills_is_told_before_it_is_full(days: float | None, before: str, word: Word) -> None:
    """As a warning within two weeks, at the weekly review within two months; neither flaps."""
    gauge = GAUGES[Service.RDS, "storage"]
    left = None if days is None else days * DAY
    assert judge(probe("storage", Service.RDS), gauge, Level(0.5), Before(before), left, Limits(), AT).word is word


def test_hardly_used_is_told_after_a_week() -> None:
    """Not before, and never of what is full."""
    for days, word in ((6.9, Word.WITHIN), (7.1, Word.UNDER)):
        before = Before("", AT - days * DAY)
        assert judge(probe(), CPU, Level(0.01), before, None, Limits(), AT).word is word


@given(st.floats(0.9, 3.0))
def test_a_finding_says_the_same_while_it_is_about_the_same(used: float) -> None:
    """A number that changes at each look would be news at each look; what fills moves in steps of 5 %."""
    told = judge(probe(), CPU, Level(used), Before(), None, Limits(), AT).told
    assert told == "90 % of its processor in use, or more"
    gauge = GAUGES[Service.RDS, "storage"]
    told = judge(probe("storage", Service.RDS, fills=True), gauge, Level(used), Before(), None, Limits(), AT).told
    assert told == f"more than {int(used * 20 + 1e-9) * 5} % of its storage in use"


@pytest.mark.parametrize(
    ("quiet", "before", "age", "word"),
    [
        (False, "", 90, Word.NO_DATA), (True, "", 90, Word.IDLE), (True, "over_used", 90, Word.NO_DATA),
        (False, "", 0.01, Word.NEW), (False, "over_used", 90, Word.NO_DATA),
    ],
)  # fmt: skip
def test_no_datapoints_are_no_health(quiet: bool, before: str, age: float, word: Word) -> None:
    """Unknown; idle only where CloudWatch publishes nothing then, and nothing was wrong when it was last seen."""
    asked = probe(quiet=quiet, born=NOW - timedelta(days=age))
    assert silent(asked, Before(before), AT, WINDOW).word is word


def test_the_first_row_that_fits_decides() -> None:
    """A resource, then a gauge, then the default; only warn_at takes clear_at along."""
    rules = (ThresholdRule("*/cpu", warn_at=0.5, resource="*:x"), ThresholdRule("*/cpu", idle_below=0))
    first, other = gauge_of(probe(), rules), gauge_of(probe(), rules[1:])
    assert (first.warn, first.clear, other.warn, other.idle) == (0.5, 0.45, 0.9, 0)
