"""Long forms of what the rest of this folder shows in short: run by `make proof`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from alerts.base import Delivery, Incident, IncidentState
from alerts.events import EventAction, EventView, event
from alerts.sinks.alertmanager import Alertmanager
from alerts.sinks.base import Form
from alerts.sinks.pagerduty import PagerDuty
from alerts.sinks.slack_webhook import SlackWebhook
from alerts.sinks.webhook import SignedWebhook
from daemon.demo.fakeslack import Fault, FaultKind
from daemon.store.codec import dump
from tests.alerts.build import NOW
from tests.alerts.sinks.fakes import (
    ROUTING_KEY,
    SECRET,
    FakeAlertmanager,
    FakePagerDuty,
    FakeReceiver,
    FakeSlackWebhook,
    Other,
)
from tests.alerts.test_render import HOSTILE, everywhere, forms, incidents
from tests.alerts.test_render import accepted as taken_by_slack
from tests.alerts.world import draft, running

LENIENT = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
SINKS: list[tuple[Form, type[Other]]] = [
    (PagerDuty(ROUTING_KEY, "http://x/v2/enqueue"), FakePagerDuty), (Alertmanager("http://x"), FakeAlertmanager),
    (SlackWebhook("http://x/"), FakeSlackWebhook), (SignedWebhook("http://x/", (SECRET,)), FakeReceiver),
]  # fmt: skip


def requests(one: Incident) -> list[tuple[Form, Other, str | None, bytes]]:
    """What each kind of sink is sent of an incident, with what its other side has against it."""
    if one.state in (IncidentState.RESOLVED, IncidentState.RETIRED):
        one = replace(one, resolved_at=NOW + timedelta(hours=1))
    if one.state is IncidentState.ACKNOWLEDGED:
        action = EventAction.ACKNOWLEDGE  # a trigger of what somebody has in hand is no page
    else:
        action = EventAction.RESOLVE if one.resolved_at else EventAction.TRIGGER
    found = []
    for form, other in SINKS:
        made = event(one, "x", action, EventView(one.summary, "https://barograph.example", one.summary[:100]))
        sent = Delivery(made.dedupe_key, made.subject, made.kind, made.channel, made.tier, json.loads(dump(made.body)))
        request = form.request(sent, NOW + timedelta(hours=2))
        assert request is not None
        path = request.url.removeprefix("http://x")
        judge = other()
        headers = {name.lower(): value for name, value in request.headers.items()}
        found.append((form, judge, judge.judge(path, headers, request.body), request.body))
    return found


def check(one: Incident) -> None:
    for body in forms(one):
        taken_by_slack(body)
    assert [problem for _, _, problem, _ in requests(one) if problem] == []


@settings(LENIENT, max_examples=50)
@given(incidents())
def test_every_sink_takes_whatever_was_found(one: Incident) -> None:
    """Emoji, right-to-left text, lone surrogates, megabytes."""
    check(one)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(LENIENT, max_examples=5_000)
@given(incidents())
def test_five_thousand_payloads_are_taken_by_slack_and_every_sink(one: Incident) -> None:
    """The same, as often."""
    check(one)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_no_sink_is_sent_a_secret_or_a_mention_out_of_data(hostile: str) -> None:
    """What is escaped for Slack is, what is a secret is nowhere."""
    for form, _, problem, body in requests(everywhere(hostile)):
        assert problem is None
        text = body.decode()
        assert "A1B2C3D4E5F6G7H8" not in text
        if isinstance(form, SlackWebhook):
            assert "<!" not in text
            assert "<@" not in text
            assert "<http" not in text.lower().replace("<https://barograph.example/", "")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "fault",
    [Fault(FaultKind.RESET), Fault(FaultKind.EOF), Fault(FaultKind.HTTP, status=503),
     Fault(FaultKind.ERROR, error="internal_error")],
    ids=["reset", "eof", "503", "internal_error"],
)  # fmt: skip
@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not"])
def test_doubt_five_hundred_times_ends_with_each_message_once(tmp_path: Path, fault: Fault, committed: bool) -> None:
    """Every one of them is found, or sent again, and never both."""
    with running(tmp_path) as world:
        for number in range(500):
            world.slack.script(replace(fault, committed=committed))
            world.put(draft(number))
            world.work(0 if number % 10 else 40)
        world.work(60)
        world.assert_exactly_once()
        assert len(world.named("failed")) >= 500
