"""One incident in several channels, stored for real and delivered to the fake Slack."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.policy import Policy
from alerts.routes import Route, Routes
from checks.base import Tier
from tests.alerts.build import DELETED, DRIFT, look, reading
from tests.alerts.world import CHANNELS, running

POLICY = Policy(Routes("C-ops", (Route("C-crit", "<!here>", tiers=(Tier.CRITICAL,)), Route("C-other", further=True))))


@pytest.mark.parametrize("outage", [False, True], ids=["at once", "after an outage"])
def test_each_channel_has_one_root_and_all_hear_the_end(tmp_path: Path, outage: bool) -> None:
    """A warning in two channels, raised into a third, over: no root twice, each says in the end that it is over."""
    with running(tmp_path) as world:
        for seen in (reading(DRIFT), reading(DELETED), reading()):
            world.look(look(seen), POLICY)
            if not outage:
                world.work(60)
        world.work(300)
        world.assert_exactly_once()
        roots = {
            channel: [message for message in world.slack.messages(channel) if not message.thread_ts]
            for channel in CHANNELS
        }
        assert {channel: len(found) for channel, found in roots.items() if found} == {
            "C-other": 1, "C-ops": 1, "C-crit": 1,
        }  # fmt: skip
        assert all("RESOLVED" in found[0].text for found in roots.values() if found)
        if not outage:
            assert "Raised to critical; this goes on in C-crit." in roots["C-other"][0].text
            assert "<!here>" in roots["C-crit"][0].history[0]
