"""One round of the demo: a first look at a world in order, mischief, a second look, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from alerts.base import Incident
from alerts.blocks import as_text
from alerts.render import where
from checks.estate import KEY as ESTATE
from daemon.demo.fakeslack import FakeSlack
from daemon.demo.mischief import Mischief, all_mischief, calm
from daemon.demo.programs import DemoError
from daemon.demo.repository import INSTANCES
from daemon.demo.scorecard import DRIFT, Found, Scorecard, Seen, Unsure, compare
from daemon.demo.world import DemoWorld

LOOK_SECONDS = 180.0  # a look at all instances takes about ten; a damaged state alone makes Terraform wait for ten
DELIVERY_SECONDS = 120.0  # warnings are grouped for up to a minute
CONFIRM_SECONDS = 60.0  # damage of a state is told once it has stayed for twelve
_TICK_SECONDS = 0.1
_MORE_LOOKS = 3  # at what could not be seen; states are read meanwhile
_ON_ITS_OWN = frozenset({"drift", "state"})  # what these could not see hangs on no other look


@dataclass(frozen=True, slots=True)
class Look:
    """The last recorded look of the drift check at an instance."""

    verdict: str
    started_at: datetime  # UTC


class Watcher(Protocol):
    """The running service, as the demo sees it. Keys are instances: "acme-prod/service"."""

    @property
    def address(self) -> str:
        """Where the status page is: "http://127.0.0.1:9877"."""

    def looks(self) -> Mapping[str, Look]:
        """The last recorded look at each instance that was looked at."""

    def all_looked(self, since: datetime) -> bool:
        """Whether every check has ended, at every place that is watched, a look that began at *since* or later."""

    def open_incidents(self) -> Sequence[Incident]:
        """Everything that is found wrong now."""

    def unsure(self) -> Sequence[Unsure]:
        """Everything that the last looks could not see."""

    def places(self) -> Collection[tuple[str, str]]:
        """(check, place) of all that is watched."""

    def looked_at(self, places: Iterable[tuple[str, str]], since: datetime) -> bool:
        """Whether a look that began at *since* or later has ended at each of these (check, place)."""

    def look_at(self, places: Iterable[tuple[str, str]]) -> None:
        """Look with these checks at these places as soon as may be. Returns at once."""

    def look_now(self) -> None:
        """Read the repository again and look at every instance as soon as may be. Returns at once."""

    def undelivered(self) -> int:
        """How many messages are stored and not yet sent."""

    def check_alive(self) -> None:
        """Raises DemoError when it has ended."""


class DemoRound:
    """One round in a started world, with Slack and the service running."""

    def __init__(
        self,
        world: DemoWorld,
        slack: FakeSlack,
        watcher: Watcher,
        *,
        clock: Callable[[], datetime],
        say: Callable[[str], None] = lambda _: None,
        mischief: Sequence[Mischief] | None = None,
    ) -> None:
        self._world = world
        self._slack = slack
        self._watcher = watcher
        self._clock = clock
        self._say = say
        self._mischief = tuple(mischief) if mischief is not None else all_mischief()

    def run(self) -> Scorecard:
        """Everything in order. Raises DemoError when the service does not get there, and ApiError."""
        self.baseline()
        self.harm()
        self.look_again()
        self.harm_last()
        return self.score()

    def baseline(self) -> None:
        """Wait for the first look at everything, which finds all in order. Raises DemoError."""
        first = datetime.min.replace(tzinfo=UTC)
        self.wait(
            "the first look", LOOK_SECONDS,
            lambda: len(self._watcher.looks()) >= len(INSTANCES) and self._watcher.all_looked(first),
        )  # fmt: skip
        self._settle("the first look")
        wrong = [f"{key} is {look.verdict}" for key, look in self._watcher.looks().items() if look.verdict != "in_sync"]
        wrong += [f"{one.check} finds {one.summary}" for one in self._watcher.open_incidents()]
        wrong += [f"{one.check} could not look at {one.resource}" for one in self._watcher.unsure()]
        if wrong:
            raise DemoError(f"the first look should find everything in order, but {'; '.join(sorted(wrong))}")
        self._say(f"first look: all {len(INSTANCES)} component instances are in sync, and no check finds anything")

    def harm(self) -> None:
        """Do the mischief, but for what has to come last."""
        for item in self._mischief:
            if not item.last:
                self._do(item)

    def harm_last(self) -> None:
        """Do what blinds other checks, look where it shows, and wait until all is said. Raises DemoError."""
        for item in self._mischief:
            if item.last:
                self._do(item)
                places = frozenset((one.check, one.where) for one in item.expected)
                self.look_at(item.name, places)
                self._wait_if_need_be(partial(self._seen, item))
        self.wait("the messages", DELIVERY_SECONDS, lambda: self._watcher.undelivered() == 0)

    def _do(self, item: Mischief) -> None:
        self._say(f"mischief: {item.story}")
        item.do(self._world)

    def _seen(self, item: Mischief) -> bool:
        """Whether what it must come to is found, or nothing there waits to be confirmed by another look."""
        wanted = {(one.check, one.where, one.kind) for one in item.expected if one.check != DRIFT}
        found = {(one.check, where(one), one.kind) for one in self._watcher.open_incidents()}
        places = {(check, place) for check, place, _ in wanted}
        return wanted <= found or not any((one.check, one.place) in places for one in self._watcher.unsure())

    def look_again(self) -> None:
        """Have everything looked at again, and wait until all of it is said. Raises DemoError."""
        since = self._clock()
        self._watcher.look_now()
        self.wait("the second look", LOOK_SECONDS, lambda: self._all_looked_at(since))
        self._settle("the second look")
        self.wait("the messages", DELIVERY_SECONDS, lambda: self._watcher.undelivered() == 0)

    def score(self) -> Scorecard:
        """What was planted against what is found now."""
        verdicts = {key: look.verdict for key, look in self._watcher.looks().items()}
        messages = root_messages(self._slack)
        found = [as_found(incident, messages) for incident in self._watcher.open_incidents()]
        seen = Seen(verdicts, found, self._watcher.unsure())
        harmed = {item.instance for item in self._mischief}
        spared = tuple(i for item in all_mischief() if (i := item.instance) is not None and i not in harmed)
        return compare(self._mischief, (*calm(), *spared), seen)

    def _settle(self, what: str) -> None:
        """Look once more at what hangs on other looks: what spans accounts, and what knew no owners yet."""
        for _ in range(_MORE_LOOKS):
            unsure = {(one.check, one.place) for one in self._watcher.unsure() if one.check not in _ON_ITS_OWN}
            self.look_at(what, {one for one in unsure if one[1] != ESTATE})
        self.look_at(what, {one for one in self._watcher.places() if one[1] == ESTATE})

    def look_at(self, what: str, places: Collection[tuple[str, str]]) -> None:
        """Look with these checks at these places, and wait until it is done. Raises DemoError."""
        if places:
            since = self._clock()
            self._watcher.look_at(places)
            self.wait(what, LOOK_SECONDS, lambda: self._watcher.looked_at(places, since))

    def _all_looked_at(self, since: datetime) -> bool:
        looks = self._watcher.looks()
        drift = all(i.key in looks and looks[i.key].started_at >= since for i in INSTANCES)
        return drift and self._watcher.all_looked(since)

    def _wait_if_need_be(self, done: Callable[[], bool]) -> None:
        """Give a look that has to be confirmed the time for it; what it says then counts."""
        until = time.monotonic() + CONFIRM_SECONDS
        while not done() and time.monotonic() < until:
            self._watcher.check_alive()
            time.sleep(_TICK_SECONDS)

    def wait(self, what: str, seconds: float, done: Callable[[], bool]) -> None:
        """Wait until *done*. Raises DemoError after *seconds*, naming *what*."""
        until = time.monotonic() + seconds
        while not done():
            self._watcher.check_alive()
            if time.monotonic() > until:
                raise DemoError(f"{what} did not end in {seconds:.0f} s")
            time.sleep(_TICK_SECONDS)


def root_messages(slack: FakeSlack) -> tuple[str, ...]:
    """All that every message says which is no reply, as it stands now."""
    with slack.workspace.lock:
        roots = [message for message in slack.workspace.all_messages() if not message.thread_ts]
        return tuple(as_text({"text": message.text, "blocks": list(message.blocks)}) for message in roots)


def as_found(incident: Incident, messages: Iterable[str]) -> Found:
    """An incident, and how many of *messages* are its own: its fingerprint is at their foot."""
    posted = sum(incident.fingerprint in text for text in messages)
    text = f"{incident.resource} {incident.summary}"
    return Found(incident.check, where(incident), incident.kind, incident.tier, text, posted)
