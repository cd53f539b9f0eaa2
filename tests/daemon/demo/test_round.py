"""One round of the demo, against services that do well and badly."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from alerts.base import Incident, IncidentState
from checks.kinds import Kind, Tier
from daemon.demo import round as one_round
from daemon.demo.fakeslack import FakeSlack, Rates
from daemon.demo.mischief import Mischief, all_mischief
from daemon.demo.programs import DemoError
from daemon.demo.repository import INSTANCES
from daemon.demo.round import DemoRound, Look
from daemon.demo.scorecard import Found, Unsure
from daemon.demo.world import DemoWorld
from tests.daemon.demo.test_scorecard import found

START = datetime(2031, 3, 14, 9, 0, tzinfo=UTC)


class Service:
    """A service that says what it is told to: everything in order at first, then the expected verdicts."""

    def __init__(self, slack: FakeSlack, *, blind: bool = False, dead: bool = False) -> None:
        self.address = "http://127.0.0.1:1"
        self._slack = slack
        self._blind, self._dead = blind, dead
        self._now = START
        self._looks = {i.key: Look("in_sync", START) for i in INSTANCES}
        self._incidents: list[Incident] = []
        self.unseen: list[Unsure] = []
        self.asked: list[tuple[str, str]] = []

    def clock(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def looks(self) -> Mapping[str, Look]:
        return self._looks

    def all_looked(self, since: datetime) -> bool:
        return all(look.started_at >= since for look in self._looks.values())

    def open_incidents(self) -> Sequence[Incident]:
        return self._incidents

    def unsure(self) -> Sequence[Unsure]:
        return self.unseen

    def places(self) -> Collection[tuple[str, str]]:
        return (("network", "estate"), ("cost", "123456789012"))

    def looked_at(self, places: Iterable[tuple[str, str]], since: datetime) -> bool:
        return set(places) <= set(self.asked)

    def look_at(self, places: Iterable[tuple[str, str]]) -> None:
        self.asked += places
        if not self._blind:
            self._find(item for item in all_mischief() if item.last and self._asked(item))

    def _asked(self, item: Mischief) -> bool:
        return item.instance is not None and ("drift", item.instance.key) in self.asked

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
        self._find(item for item in all_mischief() if not item.last)

    def _find(self, items: Iterable[Mischief]) -> None:
        for item in items:
            if item.instance is not None:
                self._looks[item.instance.key] = Look(item.verdict, self.clock())
            for one in item.expected:
                for each in found(one):
                    self.find(each)

    def find(self, one: Found) -> None:
        fingerprint = f"v1:{len(self._incidents):032x}"
        self._incidents.append(
            Incident(
                fingerprint, one.check, one.where, one.text, "key", one.kind, one.tier, "told so", IncidentState.OPEN,
                "", START, START, START, START,
            )
        )  # fmt: skip
        if one.posted:
            self._post(f"{one.tier} {one.kind} — {one.where}", f"{one.check} · {fingerprint}")

    def _post(self, text: str, foot: str) -> None:
        blocks = [{"type": "section", "text": {"type": "plain_text", "text": each}} for each in (text, foot)]
        body = json.dumps({"channel": "alerts", "text": text, "blocks": blocks}).encode()
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
    assert done == [item.name for item in sorted(all_mischief(), key=lambda item: item.last)]


def test_a_service_that_sees_nothing_fails(slack: FakeSlack, tmp_path: Path) -> None:
    """Looking again without finding what was planted does not pass."""
    with slack:
        one = _round(DemoWorld(tmp_path), slack, Service(slack, blind=True))
        one.look_again()
        card = one.score()
    assert {(row.check, row.where) for row in card.rows if row.ok} == {("drift", "acme-prod/network")}


def test_a_world_out_of_order_at_the_first_look_ends_the_round(slack: FakeSlack, tmp_path: Path) -> None:
    """Mischief is not done on top of a first look that already found something."""
    service = Service(slack)
    service._looks["acme-dev/network"] = Look("error", START)
    with pytest.raises(DemoError, match="acme-dev/network is error"):
        _round(DemoWorld(tmp_path), slack, service).baseline()


def test_a_false_alarm_at_the_first_look_ends_the_round(slack: FakeSlack, tmp_path: Path) -> None:
    """A check that finds something in the calm world is told, with what it says."""
    with slack:
        service = Service(slack)
        service.find(Found("cost", "123456789012", Kind.COST_OPPORTUNITY, Tier.INFO, "an address", 0))
        with pytest.raises(DemoError, match="should find everything in order, but cost finds"):
            _round(DemoWorld(tmp_path), slack, service).baseline()


def test_what_could_not_be_seen_is_looked_at_once_more(slack: FakeSlack, tmp_path: Path) -> None:
    """What spans accounts is looked at after all others; what is not seen then either ends the round."""
    service = Service(slack)
    service.unseen = [Unsure("security", "123456789012", "123456789012/buckets", "denied")]
    with pytest.raises(DemoError, match="security could not look at 123456789012/buckets"):
        _round(DemoWorld(tmp_path), slack, service).baseline()
    assert service.asked == [*[("security", "123456789012")] * 3, ("network", "estate")]


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
