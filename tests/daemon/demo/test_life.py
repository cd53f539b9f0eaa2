"""What people do in the demo, where the service is not as they need it. That it works, the demo itself shows."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from alerts.base import Incident
from checks.kinds import Kind, Tier
from daemon.demo.fakeslack import FakeSlack, Rates
from daemon.demo.life import Life
from daemon.demo.programs import DemoError
from daemon.demo.round import DemoRound
from daemon.demo.scorecard import Found
from daemon.demo.world import DemoWorld
from daemon.store import Transaction
from tests.daemon.demo.test_round import Service


class Served(Service):
    """A service whose store nobody writes."""

    def incident(self, fingerprint: str) -> Incident | None:
        return next((one for one in self.open_incidents() if one.fingerprint == fingerprint), None)

    def transaction(self) -> AbstractContextManager[Transaction]:
        raise AssertionError("nothing is to be written")


def _life(folder: Path, slack: FakeSlack, service: Served) -> Life:
    world = DemoWorld(folder)
    one_round = DemoRound(world, slack, service, clock=service.clock)
    return Life(world, slack, service, one_round, lambda _: None)


def test_nothing_to_take_in_hand_is_said(tmp_path: Path) -> None:
    """Where the service found nothing of what was planted, nobody acknowledges something else."""
    slack = FakeSlack(rates=Rates.unlimited())
    with slack, pytest.raises(DemoError, match="no security_violation of acme-staging/network"):
        _life(tmp_path, slack, Served(slack)).run()


def test_buttons_that_nobody_hears_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that does not listen to Slack ends the demo with that, not with a wait without end."""
    monkeypatch.setattr("daemon.demo.life.SECONDS", 0.2)
    slack = FakeSlack(rates=Rates.unlimited())
    with slack:
        service = Served(slack)
        for place, kind, tier in (
            ("acme-staging/network", Kind.SECURITY_VIOLATION, Tier.CRITICAL),
            ("acme-dev/service", Kind.DRIFT, Tier.WARNING),
        ):
            service.find(Found("drift", place, kind, tier, "it is wrong", 1))
        with pytest.raises(DemoError, match="nobody listens to the buttons"):
            _life(tmp_path, slack, service).run()
