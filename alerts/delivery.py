"""The worker that empties the outbox: nothing committed is lost, nothing is posted twice.

A message is sent in four steps: commit the intent, send once, commit the answer. Where the answer is missing (a crash,
a reset, a timeout), the message's id is looked for in the channel's history before it may be sent again, and it counts
as not posted only when a request still in flight could not land any more.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.base import Delivery, DeliveryKind, Notifier, NotifyError, Outbox
from alerts.degrade import noted, smaller
from alerts.pacing import Circuit, Pace
from alerts.slack_files import without
from checks.base import Tier

# Where a test may kill the process: on both sides of every commit and of every call.
FAILPOINTS = (
    "before_intent", "after_intent", "after_send", "after_sent", "after_error", "after_error_stored",
    "before_settle", "during_settle", "after_settle", "during_redirect",
)  # fmt: skip

LONGEST_BACKOFF = 300.0  # seconds
SET_BACK = timedelta(seconds=5)  # a clock set back by more takes what was timed by it along
IDLE = 0.25  # seconds between looks at an empty outbox
UPDATES, LOOKUPS = "chat.update", "conversations.history"  # lanes: Slack limits these per workspace, 50 a minute
MAY_REPEAT = "(may repeat)"


@dataclass(frozen=True, slots=True)
class Settings:
    """How to deliver. *timeout_seconds* is the notifier's: an older request cannot be in flight any more."""

    settle_seconds: float = 5.0  # how long after that Slack's history may still not show a message
    timeout_seconds: float = 30.0
    per_second: float = 1.0  # posts per channel
    burst: int = 5
    fallback_channel: str = ""  # empty: what cannot be posted where it belongs waits
    probe_seconds: float = 60.0
    per_minute: float = 45.0  # edits, and history lookups


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a message, for metrics, logs and self-alerts.

    *name*: sent, failed, settled, redirected, degraded, dead, circuit_open, circuit_closed, error.
    """

    name: str
    channel: str = ""
    tier: Tier | None = None
    kind: str = ""
    delivery_id: str = ""
    error_class: str = ""
    detail: str = ""
    seconds: float = 0.0  # sent: from storing to Slack's answer


class Courier:
    """One worker over one outbox: Slack's, or that of one sink. Not thread-safe: run it in one thread."""

    def __init__(
        self,
        outbox: Outbox,
        notifier: Notifier,
        clock: Callable[[], datetime],
        settings: Settings | None = None,
        failpoint: Callable[[str], None] = lambda _name: None,
        on_event: Callable[[Event], None] = lambda _event: None,
        jitter: Callable[[], float] = random.random,
        chore: Callable[[datetime, bool], None] = lambda _now, _refused: None,
    ) -> None:
        """*chore* is done before each step, in the same thread, so that nothing is being sent meanwhile.

        It is told the time and whether the credential is refused.
        """
        self._outbox = outbox
        self._notifier = notifier
        self._clock = clock
        self._settings = settings or Settings()
        self._failpoint = failpoint
        self._on_event = on_event
        self._jitter = jitter
        self._chore = chore
        self._circuit = Circuit(timedelta(seconds=self._settings.probe_seconds))
        self._stop = threading.Event()
        self._last: datetime | None = None  # the latest time of a step
        self._unclear = 0  # answers in a row that left a message in doubt
        self._free_lanes()

    def _free_lanes(self) -> None:
        self._posts = Pace(self._settings.per_second, self._settings.burst)
        self._methods = Pace(self._settings.per_minute / 60, max(1, int(self._settings.per_minute / 5)))
        self._ask_at: datetime | None = None  # when to ask whether Slack answers again
        self._looked: dict[str, datetime] = {}  # doubtful message -> when to look in the history again

    def run(self, stop: threading.Event) -> None:
        """Deliver until *stop* is set; whatever goes wrong is told and does not end it."""
        self._stop = stop
        while not stop.is_set():
            try:
                wait = self.step()
            except Exception as error:  # noqa: BLE001 - a full disk must not end delivery; rows in doubt are settled later
                self._on_event(Event("error", detail=f"{type(error).__name__}: {error}"))
                wait = 1.0
            stop.wait(IDLE if wait is None else min(wait, IDLE))

    def step(self) -> float | None:
        """Do the next piece of work; give seconds until there may be more (None: nothing waits as far as is known)."""
        now = self._clock()
        if self._last is not None and self._last - now > SET_BACK:
            self._free_lanes()  # they are held until times that the clock may reach in years
        self._last = now
        self._chore(now, self._circuit.is_open)
        if self._circuit.is_open:
            return self._circuit.until_probe(now) or self._probe(now)
        doubts = self.settle()
        if self._circuit.is_open:
            return self._circuit.until_probe(now)
        sent, wait = self._send_next(now) if self._answers(now) else (False, 1.0)
        if self._circuit.is_open:
            return self._circuit.until_probe(now)
        if sent:
            return 0.0
        waits = [seconds for seconds in (doubts, wait) if seconds is not None]
        return min(waits, default=None)

    def _answers(self, now: datetime) -> bool:
        """Whether to send: after an unclear answer only once a harmless question was answered.

        Else an outage would leave every message in doubt, one after another.
        """
        if not self._unclear:
            return True
        if self._ask_at is not None and now < self._ask_at:
            return False
        try:
            self._notifier.probe()
        except NotifyError as error:
            if error.error_class == "credential":
                self._circuit.open(now)
                self._on_event(Event("circuit_open", error_class=error.error_class, detail=str(error)))
                return False
            self._unclear += 1
            longest = min(LONGEST_BACKOFF / 5, 2.0 ** min(self._unclear, 16))
            pause = error.retry_after or max(1.0, self._jitter() * longest)
            self._ask_at = now + timedelta(seconds=pause)
            return False
        self._unclear, self._ask_at = 0, None
        return True

    def _send_next(self, now: datetime) -> tuple[bool, float | None]:
        """Send the first message whose lane is free. Else give seconds until one is."""
        waits: list[float] = []
        for delivery in self._outbox.heads(now):
            wait = self._lane_wait(delivery, now)
            if wait <= 0:
                self._send(delivery)
                return True, None
            waits.append(wait)
        return False, min(waits, default=None)

    def _lane_wait(self, delivery: Delivery, now: datetime) -> float:
        if delivery.kind is DeliveryKind.UPDATE:
            return max(self._methods.wait(UPDATES, now), self._methods.wait(f"{UPDATES} {delivery.channel}", now))
        return self._posts.wait(delivery.channel, now)

    def _send(self, delivery: Delivery) -> None:
        self._failpoint("before_intent")
        intended = self._outbox.mark_sending(delivery.id, self._clock())
        if intended is None:
            return  # a later state made it pointless
        self._failpoint("after_intent")
        if intended.kind is DeliveryKind.UPDATE:
            self._methods.take(UPDATES, self._clock())
        else:
            self._posts.take(intended.channel, self._clock())
        try:
            if intended.kind is DeliveryKind.UPDATE:
                ts = self._notifier.update(intended)
            else:
                ts = self._notifier.post(intended)
        except NotifyError as error:
            self._failpoint("after_error")
            self._failed(intended, error)
            self._failpoint("after_error_stored")
            return
        self._failpoint("after_send")
        now = self._clock()
        self._outbox.mark_sent(intended.id, ts, now)
        self._failpoint("after_sent")
        self._tell("sent", intended, seconds=(now - (intended.created_at or now)).total_seconds())

    def _failed(self, delivery: Delivery, error: NotifyError) -> None:
        """Store what is known now. An ambiguous message stays SENDING, and settle() finds out."""
        now = self._clock()
        self._tell("failed", delivery, error)
        kind, text = error.error_class, str(error)
        if kind == "ambiguous":
            self._unclear += 1
        if kind == "not_sent":
            self._outbox.put_back(delivery.id, now + self._pause(delivery, error, now), kind, text)
        elif kind == "credential":
            self._outbox.put_back(delivery.id, now, kind, text)
            self._open(delivery, error, now)
        elif kind == "destination":
            self._elsewhere(delivery, error, now)
        elif delivery.kind is DeliveryKind.FILE and kind in ("gone", "payload"):
            self._outbox.speak(delivery.id, without(delivery, error), text)
            self._tell("degraded", delivery, error)
        elif kind == "gone":
            self._outbox.repost(delivery.id, noted(delivery.body, "The earlier message of this is gone."), text)
        elif kind == "payload":
            self._shrink(delivery, error)

    def _pause(self, delivery: Delivery, error: NotifyError, now: datetime) -> timedelta:
        """Retry-After for its lane alone, else full jitter between a second and a growing limit."""
        if error.retry_after is not None:
            pause = timedelta(seconds=error.retry_after)
            if delivery.kind is DeliveryKind.UPDATE:
                self._methods.hold(f"{UPDATES} {delivery.channel}", now + pause)
            else:
                self._posts.hold(delivery.channel, now + pause)
            return pause
        longest = min(LONGEST_BACKOFF, 2.0 ** min(delivery.attempt, 16))
        return timedelta(seconds=max(1.0, self._jitter() * longest))

    def _elsewhere(self, delivery: Delivery, error: NotifyError, now: datetime) -> None:
        fallback = self._settings.fallback_channel
        if not fallback or fallback == delivery.channel:
            pause = timedelta(seconds=max(1.0, self._jitter() * LONGEST_BACKOFF))
            self._outbox.put_back(delivery.id, now + pause, error.error_class, str(error))
            return
        note = f"Meant for {delivery.channel}, which cannot be reached: {error}"
        self._outbox.replace_body(delivery.id, noted(delivery.body, note), str(error))
        self._failpoint("during_redirect")
        self._outbox.redirect(delivery.id, fallback, error.error_class, str(error))
        self._tell("redirected", delivery, error)

    def _shrink(self, delivery: Delivery, error: NotifyError) -> None:
        if delivery.kind is DeliveryKind.EVENT and delivery.error_class != "payload":
            # A sink renders what is stored as data, and knows by the class to say less the next time.
            self._outbox.put_back(delivery.id, self._clock(), error.error_class, str(error))
            self._tell("degraded", delivery, error)
            return
        body = None if delivery.kind is DeliveryKind.EVENT else smaller(delivery.body)
        if body is None:
            self._outbox.mark_dead(delivery.id, error.error_class, str(error))
            self._tell("dead", delivery, error)
        else:
            self._outbox.replace_body(delivery.id, body, str(error))
            self._tell("degraded", delivery, error)

    def _open(self, delivery: Delivery, error: NotifyError, now: datetime) -> None:
        self._circuit.open(now)
        self._tell("circuit_open", delivery, error)

    def _probe(self, now: datetime) -> float:
        try:
            self._notifier.probe()
        except NotifyError:
            self._circuit.probed(now)
            return self._circuit.until_probe(now)
        self._circuit.close()
        self._on_event(Event("circuit_closed"))
        return 0.0

    def settle(self) -> float | None:
        """Find out about messages that may or may not have arrived; give seconds until the next can be (None: none)."""
        doubts = self._outbox.in_doubt()
        self._looked = {d.id: self._looked[d.id] for d in doubts if d.id in self._looked}
        waits: list[float] = []
        for delivery in doubts:
            wait = self._settle(delivery, self._clock())
            if wait is not None:
                waits.append(wait)
            if self._circuit.is_open or self._stop.is_set():
                break
        return min(waits, default=None)

    def _settle(self, delivery: Delivery, now: datetime) -> float | None:
        """None: it is settled. Found is found at any time; "not there" counts only after the deadline."""
        limit = self._settings.timeout_seconds + self._settings.settle_seconds
        deadline = (delivery.intent_at or now) + timedelta(seconds=limit)
        if deadline > now + timedelta(seconds=limit):
            deadline = now + timedelta(seconds=limit)  # the clock was set back
        left = (deadline - now).total_seconds()
        if delivery.kind in (DeliveryKind.UPDATE, DeliveryKind.EVENT):
            # Repeating it is harmless, but an old state that lands after a new one is not. Sinks know an event by its
            # key or its id; the one that does not says that it may be a repeat.
            if left > 0:
                return left
            self._failpoint("during_settle")
            self._outbox.put_back(delivery.id, now, "ambiguous", f"an {delivery.kind} in doubt is repeated")
            self._failpoint("after_settle")
            return None
        wait = max((self._looked.get(delivery.id, now) - now).total_seconds(), self._methods.wait(LOOKUPS, now))
        if wait > 0:
            return wait
        return self._look(delivery, deadline, now)

    def _look(self, delivery: Delivery, deadline: datetime, now: datetime) -> float | None:
        self._failpoint("before_settle")
        self._methods.take(LOOKUPS, now)
        try:
            ts = self._notifier.find(delivery)
        except NotifyError as error:
            return self._unreadable(delivery, error, deadline, now)
        self._failpoint("during_settle")
        if ts is not None:
            self._outbox.mark_sent(delivery.id, ts, self._clock())
            self._tell("settled", delivery, detail="it had arrived")
        elif now < deadline:
            self._looked[delivery.id] = deadline
            return (deadline - now).total_seconds()
        else:
            self._outbox.put_back(delivery.id, now, "ambiguous", "the history does not have it")
            self._tell("settled", delivery, detail="it had not arrived")
        self._failpoint("after_settle")
        return None

    def _unreadable(self, delivery: Delivery, error: NotifyError, deadline: datetime, now: datetime) -> float | None:
        """The history cannot be read: now, or for lack of a scope never."""
        if error.error_class == "credential":
            self._open(delivery, error, now)
        if error.error_class != "destination":
            pause = self._jitter() * 10 + 1 if error.retry_after is None else error.retry_after
            self._looked[delivery.id] = now + timedelta(seconds=pause)
            if error.retry_after is not None:
                self._methods.hold(LOOKUPS, now + timedelta(seconds=pause))
            return pause
        if now < deadline:
            self._looked[delivery.id] = deadline
            return (deadline - now).total_seconds()
        self._failpoint("during_settle")
        self._outbox.replace_body(delivery.id, noted(delivery.body, MAY_REPEAT), str(error))
        self._tell("settled", delivery, error, detail="sent again: the history cannot be read")
        self._failpoint("after_settle")
        return None

    def _tell(
        self, name: str, delivery: Delivery, error: NotifyError | None = None, *, detail: str = "", seconds: float = 0.0
    ) -> None:
        self._on_event(
            Event(
                name, delivery.channel, delivery.tier, str(delivery.kind), delivery.id,
                error.error_class if error else "", detail or (str(error) if error else ""), seconds,
            )
        )  # fmt: skip
