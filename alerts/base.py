"""The words of alerting: incidents, their transitions, and messages on their way out.

Plain data. What happens to an incident is decided in alerts.lifecycle; what is sent, in alerts.delivery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from checks.base import Json, Kind, Tier


class IncidentState(StrEnum):
    """Where an incident stands. RESOLVED only after a successful look; RETIRED when nobody looks any more."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    RETIRED = "retired"


COULD_NOT_LOOK = "could_not_look"  # as a finding's key: of the place, whichever resource it was found at
LIVE = frozenset({IncidentState.OPEN, IncidentState.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class Copy:
    """A thread of an incident beside its own: one more channel hears of it, or it began there and went on elsewhere."""

    channel: str
    subject: str  # of its deliveries
    left: bool = False  # it went on elsewhere: the root message is still edited, its thread hears nothing more


@dataclass(frozen=True, slots=True)
class Flap:
    """How often an incident changed lately, so that people would have heard of it; see alerts.flapping."""

    changes: tuple[datetime, ...] = ()  # the latest, oldest first
    since: datetime | None = None  # flapping since then; None: it is not
    told_at: datetime | None = None  # while it is: when its message was edited last
    owed: bool = False  # its message does not say yet how it is
    count: int = 0  # changes since it began


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that is or was wrong, under one fingerprint, over all its occurrences. Redacted, not escaped."""

    fingerprint: str  # "v1:" + 32 hex digits; the version keeps upgrades from posting again
    check: str
    place: str
    resource: str
    key: str  # Finding.key
    kind: Kind
    tier: Tier
    tier_reason: str
    state: IncidentState
    summary: str
    first_seen: datetime  # ever
    opened_at: datetime  # this occurrence
    last_seen: datetime
    changed_at: datetime
    occurrence: int = 1
    seq: int = 0  # transitions so far, this one included
    baseline: bool = False  # it was there at the first look, and so was not posted alone
    announced: bool = False  # it is in a baseline message, or has a message of its own
    cause: str = ""
    remedy: str = ""
    addresses: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)  # stack, component, stage, tenant, account, region, owner
    evidence: Mapping[str, Json] = field(default_factory=dict)
    resolved_at: datetime | None = None
    channel: str = ""  # where its root message is or will be; empty: not posted
    thread: str = ""  # the subject of its deliveries: fingerprint + "#" + number of the root message
    not_seen_because: str = ""  # why the last look could not confirm it; empty: it was looked at
    verdict: str = ""  # the check's word for the resource when it was last seen: Reading.verdict
    copies: tuple[Copy, ...] = ()  # the threads of this occurrence beside `thread`
    sinks: tuple[str, ...] = ()  # names of the sinks that hold it as open
    ack_by: str = ""  # who acknowledged it; empty: nobody, or that has ended
    ack_at: datetime | None = None
    ack_until: datetime | None = None
    clock_from: datetime | None = None  # since when the deadlines of its tier run
    deadline_at: datetime | None = None  # when something is due next; None: nothing will be
    escalated_level: int = 0  # reminders since clock_from, those that were missed included
    promoted: bool = False  # its target was missed, in this occurrence, and that was told
    escalation: str = ""  # the subject of its messages in the escalation channel; empty: none
    escalation_channel: str = ""
    silence: str = ""  # what hides it now: the id of a silence, "window:" + name, "inhibited:" + fingerprint
    silence_note: str = ""  # "silenced until … by …: …", for people
    silenced_until: datetime | None = None
    flap: Flap = Flap()

    def with_sinks(self, sinks: tuple[str, ...]) -> Incident:
        """The same, held as open by these."""
        return self if self.sinks == sinks else replace(self, sinks=sinks)


class Action(StrEnum):
    """What a look, a person or time did to an incident."""

    OPEN = "open"
    UPDATE = "update"  # tier or content changed
    RESOLVE = "resolve"
    REOPEN = "reopen"
    RETIRE = "retire"
    ACKNOWLEDGE = "acknowledge"
    ACK_EXPIRE = "ack_expire"
    REMIND = "remind"  # a critical incident that nobody has acknowledged
    PROMOTE = "promote"  # a warning that was not answered within its target
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    SHOW = "show"  # a flapping incident, whose message had not said yet how it is
    STEADY = "steady"  # flapping no more


@dataclass(frozen=True, slots=True)
class Transition:
    """One stored fact about an incident: what changed, when, why."""

    fingerprint: str
    seq: int
    at: datetime
    action: Action
    reason: str
    before: str  # state before, or empty
    after: str
    tier: Tier
    summary: str


class DeliveryKind(StrEnum):
    POST = "post"  # a root message; its ts becomes the thread's
    UPDATE = "update"  # edits the root message in place; the whole current state, so repeating it is harmless
    REPLY = "reply"  # into the thread of the root message
    FILE = "file"  # files into the thread: the body names them, whoever sends them reads them
    EVENT = "event"  # to a sink; the whole current state as data, see alerts.events


class DeliveryState(StrEnum):
    PENDING = "pending"
    SENDING = "sending"  # the intent is committed; whether it arrived is not known yet
    SENT = "sent"
    SUPERSEDED = "superseded"  # a later state made it pointless before it was sent
    DEAD = "dead"  # the payload is refused in every form, and a self-alert says so


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be stored in the same transaction as the facts that caused it."""

    dedupe_key: str
    subject: str  # Incident.thread, "baseline:*:…": its deliveries are sent in order
    kind: DeliveryKind
    channel: str  # of Slack, or "sink:" and the name of a sink
    tier: Tier
    # {"text": …, "blocks": […]}: rendered, escaped, within Slack's limits. "reply_broadcast": a REPLY that its channel
    # sees too, and of which only the latest is sent where several wait. Of an EVENT: data, see alerts.events.
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery(Draft):
    """A stored message."""

    id: str = ""  # uuid4 hex; also the message's metadata, by which doubt is settled
    number: int = 0  # order of storing
    state: DeliveryState = DeliveryState.PENDING
    attempt: int = 0
    created_at: datetime | None = None
    not_before: datetime | None = None
    intent_at: datetime | None = None
    sent_at: datetime | None = None
    ts: str = ""  # Slack's message id, once sent
    root_ts: str = ""  # of the subject's root message, for UPDATE, REPLY and FILE
    parent_ts: str = ""  # of a POST that goes into the thread of another subject: that one's root message
    error_class: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What one look did to one incident: the incident after it, the fact to store, the messages to send."""

    incident: Incident
    transition: Transition | None  # None: only last_seen or not_seen_because moved
    drafts: tuple[Draft, ...] = ()


class Outbox(Protocol):
    """The stored messages, as the delivery worker sees them. Each method is one transaction."""

    def ready(self, now: datetime, limit: int = 100) -> Sequence[Delivery]:
        """Pending messages whose time has come and whose subject has nothing earlier still to send.

        A time that is more than minutes away has come too: it was set by a clock that has been set back since.

        Ordered by tier (critical first), then by number. UPDATE and REPLY carry root_ts; where the root message
        is not sent they are not ready.
        """

    def heads(self, now: datetime) -> Sequence[Delivery]:
        """Of what is ready, the first of each lane: a channel's posts and replies, and apart from them its edits."""

    def in_doubt(self) -> Sequence[Delivery]:
        """Messages in state SENDING: their intent was committed and no answer was."""

    def mark_sending(self, delivery_id: str, now: datetime) -> Delivery | None:
        """Commit the intent to send; None if it is no longer pending (superseded meanwhile)."""

    def mark_sent(self, delivery_id: str, ts: str, now: datetime) -> None:
        """Commit that it arrived. For a POST, *ts* becomes the root of its subject."""

    def put_back(self, delivery_id: str, not_before: datetime, error_class: str, error: str) -> None:
        """Back to pending: it is known not to have arrived."""

    def redirect(self, delivery_id: str, channel: str, error_class: str, error: str) -> None:
        """Back to pending, for another channel, with every later message of its subject."""

    def replace_body(self, delivery_id: str, body: Mapping[str, Any], error: str) -> None:
        """Back to pending with a smaller body that Slack may take."""

    def repost(self, delivery_id: str, body: Mapping[str, Any], error: str) -> None:
        """An UPDATE whose root message is gone becomes a new POST of its subject."""

    def speak(self, delivery_id: str, body: Mapping[str, Any], error: str) -> None:
        """A FILE that is refused becomes a REPLY that says so."""

    def mark_dead(self, delivery_id: str, error_class: str, error: str) -> None: ...

    def backlog(self) -> Mapping[str, tuple[int, datetime | None]]:
        """For each channel: how many messages wait, and since when the oldest does."""


class NotifyError(Exception):
    """A message did not arrive, or may not have.

    *error_class* is one of not_sent, ambiguous, destination, credential, payload, gone (update-only errors).
    """

    def __init__(self, error_class: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.retry_after = retry_after  # seconds


class Notifier(Protocol):
    """One way out. Each call is one attempt, never retried inside."""

    def post(self, delivery: Delivery) -> str:
        """Send a root message, a reply or files; give its ts (of files: the id of one). Raises NotifyError."""

    def update(self, delivery: Delivery) -> str:
        """Edit the root message; give its ts. Raises NotifyError."""

    def find(self, delivery: Delivery) -> str | None:
        """Look for the message's id in the channel's history: its ts, or None if it is not there.

        Raises NotifyError if the history cannot be read.
        """

    def probe(self) -> None:
        """Ask whether the credential works. Raises NotifyError."""
