"""The simulated quarter of the demo and the report of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.base import Outcome
from daemon.demo.programs import DemoError
from daemon.demo.quarter import ZONE, Past, Replay, live_quarter, report
from daemon.demo.story import DAY, chapters, places, seen
from daemon.report.model import Light
from daemon.report.period import last_complete
from daemon.store import Store, open_reader

NOW = datetime(2031, 3, 11, 9, 0, tzinfo=UTC)  # a Tuesday: a week is over, and another has begun
WEEK = last_complete(NOW, ZONE)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    """The whole quarter, once."""
    return live_quarter(tmp_path_factory.mktemp("past") / "barograph.db", NOW)


def test_its_report_says_what_was_planted(past: Past, tmp_path: Path) -> None:
    """As many incidents as the story has, nothing late, no gap; kept and queued in the other store, once."""
    with Store.open(tmp_path / "barograph.db", lambda: NOW) as target:
        made = report(past, target, "C0000000001", "http://127.0.0.1:9877")
        again = report(past, target, "C0000000001", "http://127.0.0.1:9877")
        waiting = set(target.backlog())
    opened = sum(WEEK.starts <= one.since < WEEK.ends for one in chapters(WEEK.ends))
    assert opened == past.opened > 0
    assert f"{opened} opened" in made.report.headline
    lights = {section.id: section.light for section in made.report.sections}
    assert lights["barograph"] is Light.GREEN
    assert Light.RED not in lights.values()
    assert {name for name, light in lights.items() if light is Light.GREY} == {"deployments"}
    assert made.queued == ("C0000000001",)
    assert (again.queued, again.before) == ((), ("C0000000001",))
    assert waiting == {"C0000000001"}


def test_the_quarter_ends_with_what_the_story_leaves_open(past: Past) -> None:
    """Incidents that are open are those that the last looks see, and every place was looked at on each day."""
    with open_reader(past.path) as view:
        live = {(one.check, one.resource, one.key) for one in view.incidents() if one.resolved_at is None}
    expected = {
        (one.check, one.resource, one.finding.key) for one in chapters(WEEK.ends)
        if one.since <= NOW - DAY / 4 < one.until
    }  # fmt: skip
    assert live == expected
    assert past.looks == sum(1 for _ in places()) * (13 * 7 + 2) + 12 * (13 * 7 + 1) + 5


def test_a_look_sees_what_is_wrong_from_its_beginning_to_its_end() -> None:
    """Before and after, the same place is healthy; a look never sees nothing at all."""
    for one in chapters(WEEK.ends):
        for at, wrong in ((one.since, True), (one.until - timedelta(seconds=1), True), (one.until, False)):
            found = seen(chapters(WEEK.ends), one.check, one.place, at, WEEK.ends)
            keys = {finding.key for reading in found for finding in reading.findings}
            assert (one.finding.key in keys) is wrong
            assert found
    calm = [reading for check, place, _ in places() for reading in seen((), check, place, NOW, WEEK.ends)]
    assert {reading.outcome for reading in calm} == {Outcome.HEALTHY}


def test_leaving_it_early_ends_it_at_once(tmp_path: Path) -> None:
    """Ctrl-C does not wait for a quarter to pass."""
    began = time.monotonic()
    with Replay(tmp_path / "past" / "barograph.db", NOW):
        pass
    assert time.monotonic() - began < 10


def test_one_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """Whoever waits for it hears why."""
    (tmp_path / "past").write_text("a file, where a folder is wanted")
    with Replay(tmp_path / "past" / "barograph.db", NOW) as replay, pytest.raises(DemoError, match="quarter"):
        replay.past()
