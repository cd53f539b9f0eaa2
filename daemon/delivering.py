"""The way out, put together: which notifier, how fast, by one courier at a time, and what it tells of itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial

from alerts.base import Notifier
from alerts.buttons import ACKNOWLEDGE, SILENCE, Press
from alerts.delivery import Event, Settings
from alerts.events import sink_name
from alerts.slack import SlackNotifier
from alerts.slack_buttons import Buttons
from daemon.aws.mail import SesNotifier, SesSettings
from daemon.config import Config
from daemon.console import LogNotifier
from daemon.desk import Desk, Done
from daemon.destinations import ByDestination
from daemon.metrics import OwnMetrics
from daemon.reporting import MAIL
from daemon.store import Store, reports

log = logging.getLogger(__name__)

ERRORS = ("not_sent", "ambiguous", "destination", "credential", "payload", "gone")  # see alerts.base.NotifyError


def notifier(config: Config, clock: Callable[[], datetime], store: Store) -> Notifier:
    """Slack, or without it the log. Files that messages name are read from *store*; mail goes its own way."""
    chat = _chat(config, clock, partial(content, store))
    mail = config.report.weekly.mail
    if mail is None:
        return chat
    region = mail.region or config.aws.region or ""
    settings = SesSettings(mail.sender, region, config.aws.endpoint_url or "", config.aws.profile or "")
    return ByDestination(chat, {MAIL: SesNotifier(settings, partial(content, store))})


def content(store: Store, ref: str) -> bytes:
    """The bytes that a message's reference to a file stands for. Raises LookupError."""
    with store.read() as view:
        return reports.referred(view.db, ref)


def _chat(config: Config, clock: Callable[[], datetime], read: Callable[[str], bytes]) -> Notifier:
    if config.slack is None:
        log.warning("no slack in the configuration: messages are written to this log")
        return LogNotifier(clock)
    return SlackNotifier(
        config.slack.token.reveal(), base_url=config.slack.api_url, timeout=config.slack.timeout.total_seconds(),
        content=read,
    )  # fmt: skip


def listener(config: Config, desk: Desk) -> Buttons | None:
    """Who hears the buttons in Slack; None: there is no app-level token, and messages have no buttons."""
    slack = config.slack
    if slack is None or slack.app_token is None:
        return None
    return Buttons(
        slack.app_token.reveal(), slack.token.reveal(), lambda press: carry_out(desk, press),
        groups=slack.button_groups, base_url=slack.api_url, timeout=slack.timeout.total_seconds(),
    )  # fmt: skip


def carry_out(desk: Desk, press: Press) -> str:
    """Do what a button says; give what to tell the person alone. What was done, the thread says."""
    who = f"{press.name or 'a person'} (Slack {press.user})"
    if press.action == ACKNOWLEDGE:
        done: Done = desk.acknowledge(press.fingerprint, who, occurrence=press.occurrence)
    elif press.action == SILENCE:
        reason = "by the button in Slack"
        done = desk.silence_incident(press.fingerprint, who, reason, occurrence=press.occurrence)
    else:
        done = desk.show_difference(press.fingerprint, who, press.occurrence)
    return "" if done.changed else done.text


def delivery_settings(config: Config) -> Settings:
    """How fast messages leave, and how long doubt lasts."""
    if config.slack is None:
        return Settings(settle_seconds=0, timeout_seconds=0, per_second=100, burst=100)
    return Settings(
        settle_seconds=config.slack.settle.total_seconds(),
        timeout_seconds=config.slack.timeout.total_seconds(),
        per_second=config.slack.pacing.per_second,
        burst=config.slack.pacing.burst,
        fallback_channel=config.alerts.fallback_channel or "",
    )


class Deliveries:
    """What the courier tells, as metrics and as troubles for people."""

    def __init__(self, own: OwnMetrics) -> None:
        self._own = own
        self._lock = threading.Lock()
        self._troubles: dict[str, str] = {}

    def troubles(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._troubles.values())

    def listener(self, way: str) -> Callable[[Event], None]:
        """What a courier tells its events to; *way* is whom it brings messages to, for people."""
        for reason in ERRORS:  # from the start, so that the first one is an increase
            self._own.count("barograph_delivery_errors_total", 0.0, sink=_label(way), reason=reason)
        return lambda event: self.on_event(event, way)

    def on_event(self, event: Event, way: str = "Slack") -> None:
        if event.name == "sent":
            self._own.observe(
                "barograph_delivery_latency_seconds", event.seconds, sink=_label(way), tier=str(event.tier)
            )
        elif event.name == "failed":
            self._own.count("barograph_delivery_errors_total", sink=_label(way), reason=event.error_class)
        level = logging.DEBUG if event.name in ("sent", "settled") else logging.WARNING
        log.log(level, "%s: delivery: %s %s %s %s", way, event.name, event.channel, event.error_class, event.detail)
        told = "what is sent to it" if sink_name(event.channel) else f"channel {event.channel}"
        with self._lock:
            if event.name in ("sent", "circuit_closed"):
                self._troubles.pop(f"{way} credential", None)
                self._troubles.pop(event.channel, None)
            elif event.name == "circuit_open":
                self._troubles[f"{way} credential"] = f"{way} refuses the credential: {event.detail}"
            elif event.name in ("redirected", "failed") and event.error_class == "destination":
                self._troubles[event.channel] = f"{way} refuses {told}: {event.detail}"
            elif event.name == "error":
                log.error("%s: delivery: %s", way, event.detail)


def _label(way: str) -> str:
    return way.removeprefix("sink ") if way.startswith("sink ") else way.lower()


def alone(lock: threading.Lock, run: Callable[[threading.Event], None]) -> Callable[[threading.Event], None]:
    """*run*, but never beside another that has the same *lock*.

    A courier that the network holds up outlives a reload, and two of them would settle and send one message twice.
    """

    def run_alone(stop: threading.Event) -> None:
        while not stop.is_set():
            if lock.acquire(timeout=0.25):
                try:
                    run(stop)
                finally:
                    lock.release()
                return

    return run_alone
