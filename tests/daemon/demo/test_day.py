"""The simulated day of the demo, over a real store, the real courier and the fake Slack."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.gathering import Pace
from daemon.demo import day as one_day
from daemon.demo.day import DAY_CHANNEL, FLOOD, ON_CALL, day
from daemon.demo.fakeslack import FakeSlack, Rates
from daemon.demo.programs import DemoError
from daemon.demo.scorecard import Row

START = datetime(2031, 3, 14, 9, 0, tzinfo=UTC)


@pytest.fixture
def slack() -> FakeSlack:
    """A Slack without limits of rate."""
    return FakeSlack([DAY_CHANNEL, ON_CALL], rates=Rates.unlimited())


def _live(
    path: Path, slack: FakeSlack, pace: Pace | None = None, say: Callable[[str], None] = lambda _: None
) -> list[Row]:
    with slack, day(path / "day.db", slack, START, say, pace) as simulated:
        return simulated.live()


def test_everything_of_the_day_comes_out_as_expected(slack: FakeSlack, tmp_path: Path) -> None:
    """Told again, escalated, left in peace, promoted, gathered, over: and each jump of the clock is said."""
    said: list[str] = []
    rows = _live(tmp_path, slack, say=said.append)
    assert [row.found for row in rows if not row.ok] == []
    assert len(rows) == 5
    assert [line for line in said if not line.startswith("clock: ")] == []


def test_a_flood_that_is_not_gathered_is_seen(slack: FakeSlack, tmp_path: Path) -> None:
    """Where each of the many is told alone, the scorecard says how many messages there were."""
    rows = _live(tmp_path, slack, Pace(gather_from=FLOOD + 1))
    wrong = {row.planted: row.found for row in rows if not row.ok}
    assert wrong[f"{FLOOD} instances drift at once"] == f"{FLOOD} messages, with a list of 0"


def test_reminders_that_do_not_come_are_seen(slack: FakeSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still reminds nobody, and that is no success."""
    monkeypatch.setattr(one_day, "MINUTE", timedelta(microseconds=1))
    monkeypatch.setattr(one_day, "HOUR", timedelta(microseconds=60))
    rows = _live(tmp_path, slack)
    assert {"a critical incident is left alone for an hour", "a warning is left alone for a day"} <= {
        row.planted for row in rows if not row.ok
    }


def test_a_slack_that_takes_nothing_ends_the_day(
    slack: FakeSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages that cannot be sent are an error after a while, not a wait without end."""
    monkeypatch.setattr(one_day, "DELIVERY_SECONDS", 0.2)
    slack.refuse_token()
    with pytest.raises(DemoError, match="were not sent"):
        _live(tmp_path, slack)
