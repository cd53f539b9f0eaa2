"""The daily digest: once for each local day, one message after days away, none when there is nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.base import Change
from alerts.digest import SHOWN, Digest, digest_message, last_due
from checks.base import Tier
from daemon.demo.fakeslack import validate_message
from daemon.digesting import Digester
from daemon.store import Store
from tests.alerts.build import NOW, incident

BERLIN = ZoneInfo("Europe/Berlin")
DIGEST = Digest(time(9), BERLIN, "C-info")
HOUR = timedelta(hours=1)
INFO = replace(incident(tier=Tier.INFO), channel="", thread="")


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 3, 28, 9, tzinfo=BERLIN), datetime(2026, 3, 28, 9, tzinfo=BERLIN)),
        (datetime(2026, 3, 29, 8, 59, 59, tzinfo=BERLIN), datetime(2026, 3, 28, 9, tzinfo=BERLIN)),
        (datetime(2026, 3, 29, 9, tzinfo=BERLIN), datetime(2026, 3, 29, 9, tzinfo=BERLIN)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=BERLIN), datetime(2026, 10, 24, 9, tzinfo=BERLIN)),
    ],
)
def test_it_is_due_at_its_local_time_every_day(now: datetime, due: datetime) -> None:
    """To the second, also on the days on which clocks change."""
    assert last_due(DIGEST, now.astimezone(UTC)) == due.astimezone(UTC)


def test_one_message_a_day_whatever_restarts_there_are(tmp_path: Path) -> None:
    """What opened since the last one; after three days away still one; on a quiet day none."""
    now = NOW  # 10:00 in Berlin
    with Store.open(tmp_path / "b.db", lambda: now) as store:

        def open_one(mark: str, at: datetime, **more: object) -> None:
            found = replace(INFO, fingerprint=mark, opened_at=at, **more)  # type: ignore[arg-type]  # any field
            with store.transaction() as tx:
                tx.save_change(Change(found, None))

        def tick() -> list[str]:
            for _ in range(3):
                Digester(store, DIGEST, lambda: now).tick()
            return [str(one.body["text"]).split(",")[0] for one in store.deliveries()]

        open_one("v1:a", NOW - 2 * HOUR)
        open_one("v1:b", NOW - 3 * HOUR, tier=Tier.WARNING, channel="C-ops")
        open_one("v1:c", NOW - 3 * HOUR, baseline=True)
        assert tick() == ["🔵 1 for the weekly review"]
        open_one("v1:d", NOW)
        assert len(tick()) == 1
        now = NOW + 72 * HOUR
        open_one("v1:e", NOW + 40 * HOUR)
        assert tick() == ["🔵 1 for the weekly review", "🔵 2 for the weekly review"]
        now = NOW + 96 * HOUR
        assert len(tick()) == 2


def test_many_are_counted_and_nothing_hostile_gets_through() -> None:
    """Slack takes the message whatever was found."""
    many = [replace(INFO, summary="<!channel> " + "x" * 5_000)] * 400
    draft = digest_message(DIGEST, many, NOW - 24 * HOUR, NOW, "https://barograph.example")
    assert validate_message(draft.body) == []
    assert f"+{400 - SHOWN} more" in draft.body["text"]
    assert "<!channel>" not in draft.body["text"]
