"""A simulated day: what deadlines and floods come to, on a clock that jumps. Seconds, not hours.

A second, small store, with the service's own Recorder, Ticker, Desk and Courier, and a clock that only moves when told.
Its messages go to the demo's Slack, into channels of their own; the store of the service knows nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from alerts.base import Action, Incident
from alerts.blocks import as_text
from alerts.delivery import Courier, Settings
from alerts.gathering import Pace
from alerts.policy import Policy
from alerts.routes import Escalation, Routes
from alerts.slack import SlackNotifier
from checks.base import Fact, Finding, Kind, Outcome, Reading
from daemon.demo.fakeslack import FakeSlack, Message, channel_id
from daemon.demo.programs import DemoError
from daemon.demo.repository import INSTANCES, DemoInstance
from daemon.demo.scorecard import Row, agreed
from daemon.demo.story import labels_of
from daemon.desk import Desk
from daemon.outlets import Gatherer
from daemon.record import Recorder, Run
from daemon.store import Store, StoreOutbox
from daemon.ticking import Ticker

DAY_CHANNEL, ON_CALL = "simulated-day", "simulated-on-call"
ACT = "deadlines"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FLOOD = 12  # more than are told one by one
DELIVERY_SECONDS = 60.0
_CRITICAL, _WARNING = DemoInstance("acme-prod", "database"), DemoInstance("acme-dev", "service")
_WHO = "ana (Slack U0ANA00001)"
_LONGEST_WAIT = 1.0  # seconds


@dataclass
class Day:
    """The simulated day. *say* takes what a person reads of it."""

    store: Store
    slack: FakeSlack
    now: datetime
    say: Callable[[str], None]
    pace: Pace
    _fleet: tuple[DemoInstance, ...] = field(init=False)

    def __post_init__(self) -> None:
        routes = Routes(channel_id(DAY_CHANNEL), default_escalation=Escalation(channel_id(ON_CALL)))
        policy = Policy(routes=routes)
        self._recorder = Recorder(self.store, policy)
        self._desk = Desk(self.store, policy, lambda: self.now)
        self._ticker = Ticker(self.store, policy, lambda: self.now)
        self._courier = Courier(
            StoreOutbox(self.store), SlackNotifier(self.slack.token, base_url=self.slack.base_url), lambda: self.now,
            Settings(per_second=100.0, burst=100, per_minute=6_000.0), chore=Gatherer(self.store, self.pace, ""),
        )  # fmt: skip
        # As many stacks as a region more would bring: the components of the demo, in stacks that are only names.
        self._fleet = tuple(DemoInstance(f"acme-region{number}", "network") for number in range(1, FLOOD + 1))

    def live(self) -> list[Row]:
        """All of it, in order; gives the rows of the scorecard. Raises DemoError and StoreError."""
        for instance in (*INSTANCES, *self._fleet):
            self._look(instance)  # so that nothing after it is a first look
        rows = [self._left_alone(), self._in_hand(), self._target_missed()]
        rows += [self._flood(), self._over()]
        return rows

    def _left_alone(self) -> Row:
        """A critical incident that nobody acknowledges is told again and again, and escalated."""
        self.say(f"clock: a simulated day begins, whose messages are in #{DAY_CHANNEL} and #{ON_CALL}")
        began = self.now
        self._look(_CRITICAL, "the table acme-prod-orders was deleted", Fact.DELETED)
        self._look(_WARNING, "a resource was changed by hand")
        self._deliver()
        for waited in (15 * MINUTE, 30 * MINUTE, HOUR):
            self._at(began + waited)
            self.say(f"clock: {waited // MINUTE} minutes later, nobody has acknowledged it: told again, and on call")
        again = len(self._broadcasts(DAY_CHANNEL))
        heard = len(self._on_call())
        return _row(
            "a critical incident is left alone for an hour", _CRITICAL.key,
            "told again 3 times in its thread, and 3 times on call",
            f"told again {again} times in its thread, and {heard} times on call",
        )  # fmt: skip

    def _in_hand(self) -> Row:
        """Once somebody has it, nobody hears of it again."""
        before = len(self._broadcasts(DAY_CHANNEL)) + len(self._on_call())
        self._desk.acknowledge(self._incident(_CRITICAL).fingerprint, _WHO)
        self._at(self.now + 8 * HOUR)
        self.say("clock: ana acknowledges it, and eight hours pass")
        more = len(self._broadcasts(DAY_CHANNEL)) + len(self._on_call()) - before
        return _row("it is acknowledged, and eight hours pass", _CRITICAL.key, "nobody is called again",
                    f"called again {_times(more)}" if more else "nobody is called again")  # fmt: skip

    def _target_missed(self) -> Row:
        """A warning that was not answered within 24 hours is told once, and stays a warning."""
        warning = self._incident(_WARNING)
        self._at(warning.opened_at + 24 * HOUR)
        self.say("clock: 24 hours after the warning, nobody has answered it: target missed")
        self._at(self.now + MINUTE)
        after = self._incident(_WARNING)
        promoted = [one for one in self.store.transitions(after.fingerprint) if one.action is Action.PROMOTE]
        told = sum("24 h target missed" in message.text for message in self._broadcasts(DAY_CHANNEL))
        return _row(
            "a warning is left alone for a day", _WARNING.key, "'24 h target missed' told once, a warning still",
            f"'24 h target missed' told {_times(told)}, a {after.tier} still" if len(promoted) == 1
            else f"promoted {_times(len(promoted))}",
        )  # fmt: skip

    def _flood(self) -> Row:
        """Many at once are one message, with its list.

        Whatever gathers them: the row says only that nobody had to read each of them.
        """
        before = {message.ts for message in self._roots()}
        for instance in self._fleet:
            self._look(instance, "the tags of a network were changed by hand")
        self._deliver()
        self.say(f"clock: a script changes the tags of {FLOOD} networks, all at once")
        new = [message for message in self._roots() if message.ts not in before]
        listed = sum(self._names(instance, new) for instance in self._fleet)
        return _row(f"{FLOOD} instances drift at once", DAY_CHANNEL, f"1 message, with a list of {FLOOD}",
                    f"{len(new)} message{'s' * (len(new) != 1)}, with a list of {listed}")  # fmt: skip

    def _names(self, instance: DemoInstance, roots: list[Message]) -> bool:
        replies = [one for root in roots for one in self._messages(DAY_CHANNEL) if one.thread_ts == root.ts]
        return any(f"{instance.key}:" in _shown(one) for one in replies)

    def _over(self) -> Row:
        """When all is mended, every message ends with it."""
        for instance in (*self._fleet, _CRITICAL, _WARNING):
            self._look(instance)
        self._at(self.now + MINUTE)  # a message with a list is edited now and then, not with each of its members
        self.say("clock: all of it is mended, and looked at again")
        ended = sum(message.text.startswith("✅") for message in self._roots())
        return _row("all of it is mended", DAY_CHANNEL, "3 of 3 messages end with it",
                    f"{ended} of {len(self._roots())} messages end with it")  # fmt: skip

    def _look(self, instance: DemoInstance, wrong: str = "", *facts: Fact) -> None:
        """A look of the drift check, as the service records it. *wrong*: what it finds."""
        key = instance.key
        reading = Reading(key, Outcome.HEALTHY, "in_sync", f"{key} is as its code says")
        if wrong:
            remedy = f"atmos terraform plan {instance.component} -s {instance.stack}"
            finding = Finding(Kind.DRIFT, "drift", wrong, frozenset(facts), remedy=remedy)
            reading = Reading(key, Outcome.UNHEALTHY, "drift", wrong, (finding,))
        labels = _labels(instance)
        self._recorder.record(Run("drift", key, labels, self.now, self.now, (reading,)), self.now + HOUR)

    def _at(self, moment: datetime) -> None:
        """Let the clock jump, do what is due then, and tell it."""
        self.now = moment
        self._ticker.tick()
        self._deliver()

    def _deliver(self) -> None:
        """Send all that waits. Slack's own pace is that of a real clock, so that is waited for."""
        until = time.monotonic() + DELIVERY_SECONDS
        while True:
            wait = self._courier.step()
            if wait == 0.0:
                continue
            if not any(waiting for waiting, _ in self.store.backlog().values()):
                return
            if time.monotonic() > until:
                raise DemoError(f"the messages of the simulated day were not sent in {DELIVERY_SECONDS:.0f} s")
            seconds = min(wait or _LONGEST_WAIT, _LONGEST_WAIT)
            time.sleep(seconds)
            self.now += timedelta(seconds=seconds)

    def _incident(self, instance: DemoInstance) -> Incident:
        return next(one for one in self.store.incidents() if one.resource == instance.key)

    def _messages(self, channel: str) -> list[Message]:
        return self.slack.messages(channel)

    def _roots(self) -> list[Message]:
        return [message for message in self._messages(DAY_CHANNEL) if not message.thread_ts]

    def _on_call(self) -> list[Message]:
        """What calls somebody in the escalation channel: a reply that is not shown in the channel calls nobody."""
        return [message for message in self._messages(ON_CALL) if message.broadcast or not message.thread_ts]

    def _broadcasts(self, channel: str) -> list[Message]:
        return [message for message in self._messages(channel) if message.broadcast]


@contextmanager
def day(
    path: Path, slack: FakeSlack, now: datetime, say: Callable[[str], None], pace: Pace | None = None
) -> Iterator[Day]:
    """A day that begins at *now*, in a store at *path*. Raises StoreError."""
    made: list[Day] = []
    with Store.open(path, lambda: made[0].now if made else now) as store:
        made.append(Day(store, slack, now, say, pace or Pace()))
        yield made[0]


def _labels(instance: DemoInstance) -> dict[str, str]:
    if instance in INSTANCES:
        return dict(labels_of(instance))
    return {"stack": instance.stack, "component": instance.component, "stage": "development", "owner": instance.owner}


def _shown(message: Message) -> str:
    return as_text({"text": message.text, "blocks": list(message.blocks)})


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _row(happens: str, where: str, expected: str, found: str) -> Row:
    return agreed(ACT, happens, where, expected, found)
