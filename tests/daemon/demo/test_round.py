"""One round of the demo, against services that do well and badly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from daemon.demo import round as one_round
from daemon.demo.fakeslack import FakeSlack, Rates
from daemon.demo.mischief import Mischief, all_mischief
from daemon.demo.programs import DemoError
from daemon.demo.repository import INSTANCES
from daemon.demo.round import DemoRound, Look
from daemon.demo.scorecard import Findings
from daemon.demo.world import DemoWorld

START = datetime(2031, 3, 14, 9, 0, tzinfo=UTC)


class Service:
    """A service that says what it is told to: everything in sync at first, then the expected verdicts."""

    def __init__(self, slack: FakeSlack, *, blind: bool = False, dead: bool = False) -> None:
        self.address = "http://127.0.0.1:1"
        self._slack = slack
        self._blind, self._dead = blind, dead
        self._now = START
        self._looks = {i.key: Look("in_sync", START) for i in INSTANCES}
        self._findings: dict[str, Findings] = {}

    def clock(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def looks(self) -> Mapping[str, Look]:
        return self._looks

    def all_looked(self, since: datetime) -> bool:
        return all(look.started_at >= since for look in self._looks.values())

    def open_findings(self) -> Mapping[str, Findings]:
        return self._findings

    def undelivered(self) -> int:
        return 0

    def check_alive(self) -> None:
        if self._dead:
            raise DemoError("the service has ended")

    def look_now(self) -> None:
        if self._dead:
            return
        at = self.clock()
        self._looks = {i.key: Look("in_sync", at) for i in INSTANCES}
        if self._blind:
            return
        for item in all_mischief():
            self._looks[item.instance.key] = Look(item.verdict, at)
            self._findings[item.instance.key] = item.findings
            for kind, tier in item.posted:
                self._post(f"{tier} {kind} — {item.instance.key}")

    def _post(self, text: str) -> None:
        body = json.dumps({"channel": "alerts", "text": text}).encode()
        headers = {"Authorization": f"Bearer {self._slack.token}", "Content-Type": "application/json; charset=utf-8"}
        with urlopen(Request(self._slack.base_url + "chat.postMessage", body, headers), timeout=10) as answer:
            assert json.load(answer)["ok"]


def _round(world: DemoWorld, slack: FakeSlack, service: Service) -> DemoRound:
    return DemoRound(world, slack, service, clock=service.clock)


@pytest.fixture
def slack() -> FakeSlack:
    """A Slack without limits of rate."""
    return FakeSlack(rates=Rates.unlimited())


def test_a_service_that_finds_everything_passes(slack: FakeSlack, tmp_path: Path) -> None:
    """A first look in sync, and then every verdict, incident and message as expected: every row agrees."""
    done: list[str] = []

    def harmless(item: Mischief) -> Mischief:
        return replace(item, do=lambda world: done.append(item.name))

    planted = [harmless(item) for item in all_mischief()]
    with slack:
        service = Service(slack)
        card = DemoRound(DemoWorld(tmp_path), slack, service, clock=service.clock, mischief=planted).run()
    assert card.ok, card.text()
    assert done == [item.name for item in all_mischief()]


def test_a_service_that_sees_nothing_fails(slack: FakeSlack, tmp_path: Path) -> None:
    """Looking again without finding what was planted does not pass."""
    with slack:
        one = _round(DemoWorld(tmp_path), slack, Service(slack, blind=True))
        one.look_again()
        card = one.score()
    assert {row.instance for row in card.rows if row.ok} == {"acme-prod/network"}


def test_a_world_out_of_order_at_the_first_look_ends_the_round(slack: FakeSlack, tmp_path: Path) -> None:
    """Mischief is not done on top of a first look that already found something."""
    service = Service(slack)
    service._looks["acme-dev/network"] = Look("error", START)
    with pytest.raises(DemoError, match="acme-dev/network is error"):
        _round(DemoWorld(tmp_path), slack, service).baseline()


def test_a_service_that_dies_ends_the_round(slack: FakeSlack, tmp_path: Path) -> None:
    """A dead service is told at once, not after the whole waiting time."""
    with pytest.raises(DemoError, match="the service has ended"):
        _round(DemoWorld(tmp_path), slack, Service(slack, dead=True)).look_again()


def test_waiting_for_looks_has_an_end(slack: FakeSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that never looks again is an error with the time that was waited."""
    monkeypatch.setattr(one_round, "LOOK_SECONDS", 0.2)
    service = Service(slack)
    monkeypatch.setattr(service, "look_now", lambda: None)
    with pytest.raises(DemoError, match="the second look did not end"):
        _round(DemoWorld(tmp_path), slack, service).look_again()
