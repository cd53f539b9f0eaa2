"""Options of checks come from the check's own dataclass, and the check comes out built."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from checks.base import Check
from daemon.config import ConfigError, load
from daemon.config.options import option_help, options_model
from tests.daemon.config.sample import MINIMAL, IgnoreRule, Mood, Station, Weather, loaded, write

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def test_a_check_that_is_not_named_has_its_own_defaults(tmp_path: Path) -> None:
    """Every known check runs, at its own pace."""
    settings = loaded(tmp_path, MINIMAL).checks["weather"]

    assert settings.check == Weather()
    assert (settings.enabled, settings.every, settings.deadline) == (True, DAY, timedelta(minutes=10))
    assert settings.every_by_stage == {"production": timedelta(hours=6)}


def test_options_of_every_kind_reach_the_check(tmp_path: Path) -> None:
    """Durations, words, lists, paths, dates and nested dataclasses come out as the check declared them."""
    text = """\
checks:
  weather:
    deadline: 20m
    limit: 5
    factor: 2
    wait: 1h30m
    names: [anna, 007]
    mood: wild
    unit: mmHg
    atlas: maps/world
    extra: {a: [1, x]}
    ignore:
      - {place: sea, until: 2031-12-31, reason: far away, tags: {a: b}}
      - place: lake
"""
    settings = loaded(tmp_path, MINIMAL + text).checks["weather"]

    assert settings.deadline == timedelta(minutes=20)
    assert settings.check == Weather(
        limit=5,
        factor=2.0,
        wait=timedelta(minutes=90),
        names=("anna", "007"),
        mood=Mood.WILD,
        unit="mmHg",
        ignore=(IgnoreRule("sea", date(2031, 12, 31), "far away", {"a": "b"}), IgnoreRule("lake")),
        atlas=tmp_path / "maps" / "world",
        extra={"a": [1, "x"]},
    )
    assert isinstance(settings.check, Weather)
    assert all(type(rule) is IgnoreRule for rule in settings.check.ignore)


@pytest.mark.parametrize(
    ("written", "production", "development"),
    [
        ("{}", timedelta(hours=6), DAY),
        ("{every: 1h}", HOUR, HOUR),
        ("{every_by_stage: {development: 2d}}", timedelta(hours=6), 2 * DAY),
        ("{every: 1h, every_by_stage: {production: 15m}}", timedelta(minutes=15), HOUR),
    ],
)
def test_the_pace_by_stage_follows_what_was_said(
    tmp_path: Path, written: str, production: timedelta, development: timedelta
) -> None:
    """`every` alone holds for every stage; stages alone are laid over the check's own."""
    settings = loaded(tmp_path, MINIMAL + f"checks: {{weather: {written}}}\n").checks["weather"]

    assert (settings.interval("production"), settings.interval("development")) == (production, development)
    assert settings.interval("") == production  # not known counts as production


def test_a_check_can_be_switched_off(tmp_path: Path) -> None:
    """`enabled: false` is kept with the check, so that the page can say so."""
    assert loaded(tmp_path, MINIMAL + "checks: {weather: {enabled: false}}\n").checks["weather"].enabled is False


def test_a_check_can_wait_to_be_switched_on(tmp_path: Path) -> None:
    """One that is opt-in is off where nobody says otherwise, also where only its options are given."""

    @dataclass(frozen=True)
    class Pollen(Weather):
        """What is in the air."""

        opt_in: ClassVar[bool] = True

    def enabled(text: str) -> bool:
        return load(write(tmp_path, MINIMAL + text), {}, {"pollen": Pollen}).checks["pollen"].enabled

    assert not enabled("")
    assert not enabled("checks: {pollen: {every: 2h}}\n")
    assert enabled("checks: {pollen: {enabled: true}}\n")


def test_help_for_options_is_read_from_where_it_is_written() -> None:
    """Metadata, a string below and a comment behind all count."""
    texts = option_help(Weather)

    assert texts["limit"] == "hectopascals below which a storm is near"
    assert texts["wait"] == "How long a storm must last."
    assert texts["atlas"] == "A map."
    assert "names" not in texts


def test_an_option_with_a_name_that_every_check_has_is_a_mistake_of_the_program() -> None:
    """A check that would hide a common option is refused when the model is made."""

    @dataclass(frozen=True)
    class Bad(Check):
        enabled: bool = True

    with pytest.raises(TypeError, match="check bad: the option enabled"):
        options_model("bad", Bad)


def test_a_check_without_options_takes_the_common_ones_only(tmp_path: Path) -> None:
    """Even a class that is no dataclass can be scheduled."""

    class Plain(Check):
        def run(self, place: Any) -> Any:
            return ()

    path = write(tmp_path, MINIMAL + "checks: {plain: {every: 1h}}\n")
    assert load(path, {}, {"plain": Plain}).checks["plain"].every == HOUR
    path = write(tmp_path, MINIMAL + "checks: {plain: {x: 1}}\n")
    with pytest.raises(ConfigError, match=r":2:18: checks\.plain has no option 'x'"):
        load(path, {}, {"plain": Plain})


def test_a_group_of_options_may_be_one_text(tmp_path: Path) -> None:
    """A dataclass that reads texts takes them beside mappings; both come out built."""
    text = "checks: {weather: {stations: [peak@2962, {name: shore, metres: 1}, town]}}\n"
    check = loaded(tmp_path, MINIMAL + text).checks["weather"].check
    assert isinstance(check, Weather)
    assert check.stations == (Station("peak", 2962), Station("shore", 1), Station("town"))


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("'@3'", "is not right: needs a name before the @"),
        ("peak@high", "stations[0] must be a whole number such as 10, not 'high'"),
        ("true", "stations[0] must be a mapping of options"),
    ],
)
def test_a_text_that_is_no_group_of_options_is_told_at_its_place(tmp_path: Path, written: str, told: str) -> None:
    """What the dataclass says of the text is said with line and column."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, MINIMAL + f"checks:\n  weather:\n    stations: [{written}]\n")
    [problem] = caught.value.problems
    assert (problem.line, problem.column) == (4, 16)
    assert told in str(problem)
