"""The ways out, put together: one worker for Slack and one for each sink, so that none waits for another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from alerts.base import LIVE, Change, Incident, NotifyError
from alerts.delivery import Courier, Settings
from alerts.events import SINK, EventAction, EventView, body, event
from alerts.gathering import Pace, decide
from alerts.next_steps import no_runbook, runbook
from alerts.sinks.alertmanager import CHUNK, Alertmanager
from alerts.sinks.base import Form, Sink
from alerts.sinks.http import Http
from alerts.sinks.pagerduty import URL, PagerDuty
from alerts.sinks.slack_webhook import SlackWebhook
from alerts.sinks.webhook import SignedWebhook
from daemon.config import Config
from daemon.config.outlets import Sink as SinkSection
from daemon.deadman import DeadMan
from daemon.delivering import Deliveries, delivery_settings, notifier
from daemon.store import Store, StoreOutbox
from daemon.wiring import alert_policy

log = logging.getLogger(__name__)

Chore = Callable[[datetime, bool], None]  # see alerts.delivery.Courier

SLACK = "Slack"
FALLBACK_EVERY = timedelta(seconds=1)
RETRY = timedelta(seconds=15)  # after a telling that failed
REFUSED = "Slack refuses Barograph's token. This was meant for channel {channel} there, where it waits to be told too."


def form_of(section: SinkSection) -> Form:
    """How a configured sink is spoken to."""
    url = section.url.reveal() if section.url is not None else ""
    if section.kind == "pagerduty":
        return PagerDuty(section.routing_key.reveal() if section.routing_key is not None else "", url or URL)
    if section.kind == "alertmanager":
        authorization = section.authorization.reveal() if section.authorization is not None else ""
        return Alertmanager(section.address or "", authorization, section.resend, section.hold)
    if section.kind == "webhook":
        given = (section.secret, section.secret_before)
        return SignedWebhook(url, tuple(secret.reveal() for secret in given if secret is not None))
    return SlackWebhook(url)


def pace_of(config: Config) -> Pace:
    """When messages are gathered."""
    alerts = config.alerts
    return Pace(alerts.gather_from, alerts.gather_for, alerts.group_wait, alerts.group_for)


def http_of(section: SinkSection) -> Http:
    return Http(section.timeout.total_seconds(), section.ca_file)


def sink_settings(section: SinkSection) -> Settings:
    """How fast events leave. No sink has a history that shows things late, so nothing has to settle."""
    return Settings(
        settle_seconds=1.0, timeout_seconds=section.timeout.total_seconds(), per_second=section.per_second,
        burst=section.burst,
    )  # fmt: skip


def couriers(
    config: Config, store: Store, clock: Callable[[], datetime], delivery: Deliveries
) -> Mapping[str, Courier]:
    """One worker for each way out, by its name for people."""
    status_url = config.web.public_url or ""
    runbook_of = partial(runbook, policy=alert_policy(config))
    gatherer = Gatherer(store, pace_of(config), status_url, runbook_of)
    fallback = Fallback(store, config.alerts.fallback_sink or "", status_url, runbook_of)
    found = {
        SLACK: Courier(
            StoreOutbox(store), notifier(config, clock, store), clock, delivery_settings(config),
            on_event=delivery.listener(SLACK), chore=both(gatherer, fallback),
        )
    }  # fmt: skip
    for name, section in config.alerts.sinks.items():
        form, http = form_of(section), http_of(section)
        found[f"sink {name}"] = Courier(
            StoreOutbox(store, SINK + name), Sink(form, http, clock), clock, sink_settings(section),
            on_event=delivery.listener(f"sink {name}"),
            chore=chore_of(store, name, form, http, status_url, runbook_of),
        )  # fmt: skip
    return found


def both(*chores: Chore) -> Chore:
    """One after another."""

    def each(now: datetime, refused: bool) -> None:
        for chore in chores:
            chore(now, refused)

    return each


def chore_of(
    store: Store, name: str, form: Form, http: Http, status_url: str, runbook_of: Callable[[Incident], str] = no_runbook
) -> Chore:
    """What a sink's worker does beside delivering."""
    if isinstance(form, Alertmanager):
        return Retelling(store, name, form, http, status_url, runbook_of)
    return lambda now, refused: None


def hook_secrets(config: Config) -> tuple[str, ...]:
    """What PagerDuty may sign its webhooks with."""
    given = (one for sink in config.alerts.sinks.values() for one in (sink.webhook_secret, sink.webhook_secret_before))
    return tuple(secret.reveal() for secret in given if secret is not None)


def dead_man(config: Config, reasons: Callable[[], Sequence[str]], clock: Callable[[], datetime]) -> DeadMan | None:
    """The sign of life; None: none is configured."""
    section = config.alerts.dead_man
    if section is None:
        return None
    return DeadMan(section.url.reveal(), Http(section.timeout.total_seconds()), reasons, clock)


def forget_unknown(config: Config, store: Store) -> None:
    """Give up events for sinks that the configuration does not have any more: nobody would ever send them."""
    names = set(config.alerts.sinks)
    with store.read() as view:
        waiting = [channel for channel in view.backlog() if channel.startswith(SINK)]
    for channel in waiting:
        if channel.removeprefix(SINK) not in names:
            with store.transaction() as tx:
                count = tx.give_up(channel, "alerts.sinks has no sink of this name any more")
            log.warning("%d events for %s are given up: alerts.sinks has no sink of this name", count, channel)


@dataclass(slots=True)
class Gatherer:
    """Makes one message of many that wait for one channel, and keeps what groups say true. A chore of Slack's courier.

    Done before each step, so that nothing of a flood slips out alone between two looks at the queue.
    """

    store: Store
    pace: Pace
    status_url: str
    runbook_of: Callable[[Incident], str] = no_runbook

    def __call__(self, now: datetime, refused: bool) -> None:
        with self.store.read() as view:
            waiting = view.waiting()
            leads = view.leads(waiting, now, self.pace.group_for)
            wanted = bool(waiting and decide(waiting, view.open_groups(now), self.pace, now, leads))
            if not wanted and not view.dirty_groups(now):
                return
        with self.store.transaction() as tx:
            # Decided anew on what holds in this transaction: an incident may have changed in between.
            waiting = tx.waiting()
            found = decide(waiting, tx.open_groups(), self.pace, tx.now, tx.leads(waiting, self.pace.group_for))
            for what in found.gather:
                tx.gather(what)
            for one in found.hold:
                tx.hold(one)
            tx.render_groups(self.status_url, self.runbook_of)


@dataclass(slots=True)
class Fallback:
    """While Slack refuses the token, tells a sink of the incidents whose messages wait. A chore of Slack's courier.

    From then on the sink holds them as open, so it hears of their end too; Slack hears of everything later.
    """

    store: Store
    sink: str  # empty: nobody is told
    status_url: str
    runbook_of: Callable[[Incident], str] = no_runbook
    _looked: datetime | None = None

    def __call__(self, now: datetime, refused: bool) -> None:
        if not refused or not self.sink or (self._looked and timedelta(0) <= now - self._looked < FALLBACK_EVERY):
            return
        self._looked = now
        with self.store.read() as view:
            if not view.waiting_incidents(self.sink):
                return
        with self.store.transaction() as tx:
            for incident in tx.waiting_incidents(self.sink):
                note = REFUSED.format(channel=incident.channel)
                view_ = EventView(
                    "it waits to be posted to Slack", self.status_url, note, runbook=self.runbook_of(incident)
                )
                draft = event(incident, self.sink, EventAction.TRIGGER, view_, mark=".fallback")
                tx.save_change(Change(incident.with_sinks((*incident.sinks, self.sink)), None, (draft,)))


@dataclass(slots=True)
class Retelling:
    """Tells an Alertmanager of everything that is open, again and again. A chore of that sink's courier.

    When it last did is in the store, so that a restart neither forgets nor repeats; what is open is read there too.
    """

    store: Store
    name: str
    form: Alertmanager
    http: Http
    status_url: str
    runbook_of: Callable[[Incident], str] = no_runbook
    _not_before: datetime | None = None

    def _view(self, incident: Incident) -> EventView:
        return EventView("it is still open", self.status_url, runbook=self.runbook_of(incident))

    def __call__(self, now: datetime, refused: bool) -> None:
        if self._not_before is not None and timedelta(0) < self._not_before - now <= self.form.resend:
            return
        key = f"retold:{self.name}"
        with self.store.read() as view:
            last = view.meta(key)
            due = datetime.fromisoformat(last) + self.form.resend if last else now
            if timedelta(0) < due - now <= self.form.resend:
                self._not_before = due
                return
            open_ = [one for one in view.incidents(LIVE) if self.name in one.sinks]
        told = [self.form.alert(body(one, EventAction.UPDATE, self._view(one)), now) for one in open_]
        try:
            for begin in range(0, len(told), CHUNK):
                error = self.form.problem(self.http.send(self.form.telling(told[begin : begin + CHUNK])))
                if error is not None:
                    raise error
        except NotifyError as error:
            self._not_before = now + min(RETRY, self.form.resend)
            log.warning("sink %s: what is open could not be told again: %s", self.name, error)
            return
        with self.store.transaction() as tx:
            tx.set_meta(key, now.isoformat())
        self._not_before = now + self.form.resend
