"""A real store, couriers for Slack and sinks, the fake Slack and the other sides, all on one clock that is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from alerts.base import Change, Delivery, DeliveryState
from alerts.delivery import Courier, Event
from alerts.lifecycle import Look, changes
from alerts.policy import Policy
from alerts.sinks.base import Form, Sink
from alerts.sinks.http import Http
from alerts.slack import SlackNotifier
from daemon.demo.fakeslack import FakeSlack, Rates
from daemon.outlets import Fallback, chore_of
from daemon.store import Store, StoreOutbox
from tests.alerts.build import POLICY
from tests.alerts.world import CHANNELS, FAST, Clock

TIMEOUT = 2.0


@dataclass
class SinkWorld:
    """What a test holds in its hands."""

    store: Store
    slack: FakeSlack
    clock: Clock
    policy: Policy
    couriers: dict[str, Courier] = field(default_factory=dict)  # "" is Slack's
    events: list[tuple[str, Event]] = field(default_factory=list)

    def look(self, seen: Look) -> list[Change]:
        """Record a look as the daemon does."""
        with self.store.transaction() as tx:
            made = changes(tx.incidents(seen.check, seen.place), seen, self.policy, self.clock())
            for change in made:
                tx.save_change(change)
        return made

    def work(self, seconds: float = 0.0) -> None:
        """Let every courier do all it can within *seconds* of the clock."""
        end = self.clock() + timedelta(seconds=seconds)
        while True:
            if 0.0 in [courier.step() for courier in self.couriers.values()]:
                continue
            left = (end - self.clock()).total_seconds()
            if left <= 0:
                return
            self.clock.advance(min(left, 1.0))

    def of(self, destination: str) -> list[Delivery]:
        return [each for each in self.store.deliveries(limit=None) if each.channel == destination]

    def states(self, destination: str) -> list[tuple[str, DeliveryState]]:
        return [(each.body["action"], each.state) for each in self.of(destination)]

    def told(self, way: str, name: str) -> list[Event]:
        return [event for of, event in self.events if of == way and event.name == name]


@contextmanager
def sinks_running(
    path: Path, forms: Mapping[str, Form], *, fallback: str = "", timeout: float = TIMEOUT, **slack: Any
) -> Iterator[SinkWorld]:
    """Incidents go to C-ops (critical ones to C-crit) and to every one of *forms*, but the fallback."""
    clock = Clock()
    wanted = tuple(name for name in forms if name != fallback)
    rows = tuple(replace(row, sinks=wanted) for row in POLICY.routes.rows)
    policy = replace(POLICY, routes=replace(POLICY.routes, rows=rows, default_sinks=wanted))
    with ExitStack() as stack:
        fake = stack.enter_context(FakeSlack(CHANNELS, rates=Rates.unlimited(), clock=clock, **slack))
        store = stack.enter_context(Store.open(path / "barograph.sqlite3", clock))
        world = SinkWorld(store, fake, clock, policy)

        def listener(way: str) -> Any:
            return lambda event: world.events.append((way, event))

        notifier = SlackNotifier(fake.token, base_url=fake.base_url, timeout=timeout)
        world.couriers[""] = Courier(
            StoreOutbox(store), notifier, clock, FAST, on_event=listener(""), jitter=lambda: 0.5,
            chore=Fallback(store, fallback, policy.status_url),
        )  # fmt: skip
        for name, form in forms.items():
            http = Http(timeout)
            world.couriers[name] = Courier(
                StoreOutbox(store, f"sink:{name}"), Sink(form, http, clock), clock,
                replace(FAST, timeout_seconds=timeout, settle_seconds=1), on_event=listener(name), jitter=lambda: 0.5,
                chore=chore_of(store, name, form, http, policy.status_url),
            )  # fmt: skip
        yield world
