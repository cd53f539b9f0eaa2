"""A real store, a real courier and the fake Slack over HTTP, all on one clock that only moves when told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.base import Change, Delivery, DeliveryKind, DeliveryState, Draft
from alerts.delivery import Courier, Event, Settings
from alerts.lifecycle import Look, changes
from alerts.policy import Policy
from alerts.slack import SlackNotifier
from checks.base import Tier
from daemon.demo.fakeslack import FakeSlack, Rates
from daemon.store import Store, StoreOutbox
from tests.alerts.build import NOW, POLICY

CHANNELS = ("C-ops", "C-crit", "C-other", "C-fallback")
FAST = Settings(settle_seconds=5, timeout_seconds=30, per_second=1000, burst=1000, per_minute=60_000)


class Clock:
    """A clock for several threads that only moves when told."""

    def __init__(self) -> None:
        self._now = NOW
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self._now += timedelta(microseconds=1)
            return self._now

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)


@dataclass
class World:
    """What a test holds in its hands."""

    store: Store
    slack: FakeSlack
    clock: Clock
    courier: Courier
    events: list[Event] = field(default_factory=list)

    def put(self, *drafts: Draft) -> None:
        with self.store.transaction() as tx:
            tx.enqueue(*drafts)

    def look(self, seen: Look, policy: Policy = POLICY) -> list[Change]:
        """Record a look as the daemon does."""
        with self.store.transaction() as tx:
            made = changes(tx.incidents(seen.check, seen.place), seen, policy, self.clock())
            for change in made:
                tx.save_change(change)
        return made

    def work(self, seconds: float = 0.0) -> None:
        """Let the courier do everything it can within *seconds* of the clock."""
        end = self.clock() + timedelta(seconds=seconds)
        while True:
            wait = self.courier.step()
            if wait == 0.0:
                continue
            left = (end - self.clock()).total_seconds()
            if left <= 0:
                return
            self.clock.advance(min(left, max(0.05, 1.0 if wait is None else wait)))

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    @property
    def deliveries(self) -> list[Delivery]:
        return self.store.deliveries(limit=None)

    def assert_exactly_once(self) -> None:
        """Everything stored is sent, is visible once, and nothing else is visible."""
        assert {d.state for d in self.deliveries} <= {DeliveryState.SENT, DeliveryState.SUPERSEDED}
        sent = [d for d in self.deliveries if d.state is DeliveryState.SENT and d.kind is not DeliveryKind.UPDATE]
        assert [len(self.slack.visible_by_id(d.id)) for d in sent] == [1] * len(sent)
        assert sum(len(self.slack.messages(channel)) for channel in CHANNELS) == len(sent)


@contextmanager
def running(
    path: Path, settings: Settings = FAST, *, rates: Rates | None = None, timeout: float = 10.0, **slack: Any
) -> Iterator[World]:
    clock = Clock()
    events: list[Event] = []
    with (
        FakeSlack(CHANNELS, rates=rates or Rates.unlimited(), clock=clock, **slack) as fake,
        Store.open(path / "barograph.sqlite3", clock) as store,
    ):
        notifier = SlackNotifier(fake.token, base_url=fake.base_url, timeout=timeout)
        courier = Courier(StoreOutbox(store), notifier, clock, settings, on_event=events.append, jitter=lambda: 0.5)
        yield World(store, fake, clock, courier, events)


def draft(
    number: int | str = 1, kind: DeliveryKind = DeliveryKind.POST, channel: str = "C-ops", tier: Tier = Tier.WARNING,
    subject: str = "", text: str = "",
) -> Draft:  # fmt: skip
    """A small message; drafts of one *number* and kind are one message."""
    text = text or f"{kind} {number}"
    block = {"type": "section", "text": {"type": "plain_text", "text": text}}
    return Draft(
        f"{kind}-{number}", subject or f"s{number}", kind, channel, tier, {"text": text, "blocks": [block] * 3}
    )
