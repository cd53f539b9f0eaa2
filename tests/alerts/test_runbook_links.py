"""Every way out leads to what is written for such a case."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from alerts.base import COULD_NOT_LOOK, Delivery, Incident
from alerts.baseline import summarise
from alerts.digest import Digest, digest_message
from alerts.events import EventAction, EventView, event
from alerts.gathering import Group, Member, root_message
from alerts.next_steps import runbook
from alerts.policy import Policy
from alerts.reminders import pass_time
from alerts.routes import Routes
from alerts.samples import sample
from alerts.sinks.alertmanager import Alertmanager
from alerts.sinks.base import Form
from alerts.sinks.pagerduty import PagerDuty
from alerts.sinks.slack_webhook import SlackWebhook
from alerts.sinks.webhook import SignedWebhook
from checks.base import Kind
from daemon.demo.fakeslack import validate_message
from tests.alerts.build import NOW, incident

URL = "https://b.example"
POLICY = Policy(Routes("C0", default_sinks=("x",)), status_url=URL, runbook_url=f"{URL}/runbooks/{{kind}}#{{verdict}}")
DRIFT = f"{URL}/runbooks/drift#pending"
FORMS: dict[str, Callable[[], Form]] = {
    "slack_webhook": lambda: SlackWebhook("https://hooks.slack.com/services/x"),
    "pagerduty": lambda: PagerDuty("key"),
    "alertmanager": lambda: Alertmanager("http://a"),
    "webhook": lambda: SignedWebhook("https://x/", ("secret",)),
}


def drift() -> Incident:
    return incident(kind=Kind.DRIFT, verdict="pending")


@pytest.mark.parametrize("name", FORMS)
def test_every_sink_is_told_where_the_runbook_is(name: str) -> None:
    """In the place that each has for it."""
    made = event(drift(), "x", EventAction.TRIGGER, EventView("why", URL, runbook=runbook(drift(), POLICY)))
    delivery = Delivery(made.dedupe_key, made.subject, made.kind, made.channel, made.tier, made.body, id="one")
    request = FORMS[name]().request(delivery, datetime.now(UTC))
    assert request is not None
    assert DRIFT in json.dumps(json.loads(request.body))
    if name == "slack_webhook":
        assert validate_message(json.loads(request.body)) == []


def test_what_time_does_to_an_incident_is_told_to_sinks_with_it() -> None:
    """A reminder leads there as the first message did."""
    opened = replace(sample(Kind.DRIFT, NOW), clock_from=NOW - timedelta(days=2), sinks=("x",), channel="C0")
    change = pass_time(opened, POLICY, NOW)
    assert change is not None
    [told] = [draft.body for draft in change.drafts if draft.channel == "sink:x"]
    assert told["links"]["runbook"].startswith(f"{URL}/runbooks/drift")


def test_many_in_one_message_lead_to_each_page_once() -> None:
    """A group, the summary of first looks and the digest; none has more than three."""
    kinds = [Kind.DRIFT, Kind.DRIFT, Kind.MONITORING, Kind.COMPLIANCE, Kind.PERFORMANCE]
    found = [incident(kind=kind, fingerprint=f"v1:{n}", verdict="x") for n, kind in enumerate(kinds)]
    book = partial(runbook, policy=POLICY)
    one = Group("group:1", "C0", "", "", NOW, NOW)
    digest = digest_message(Digest(time(9), ZoneInfo("UTC"), "C0"), found, NOW - timedelta(days=1), NOW, URL, book)
    first = summarise(
        [replace(each, baseline=True, announced=False, channel="", thread="") for each in found], 0, POLICY, NOW, None
    )
    assert first is not None
    for body in (
        root_message(one, [Member(n, each) for n, each in enumerate(found)], URL, book), dict(digest.body),
        dict(first.changes[0].drafts[0].body),
    ):  # fmt: skip
        assert validate_message(body) == []
        for text in (body["text"], json.dumps(body["blocks"])):
            assert text.count(f"<{URL}/runbooks/drift|") == 1
            assert text.count("/runbooks/") == 3


def test_the_anchor_is_the_checks_word_or_why_nobody_could_look() -> None:
    """And nothing that a word holds can leave its place in the address."""
    blind = incident(kind=Kind.MONITORING, verdict=COULD_NOT_LOOK, evidence={"reason": "role_refused"})
    assert runbook(blind, POLICY) == f"{URL}/runbooks/monitoring#role_refused"
    assert runbook(incident(kind=Kind.DRIFT, verdict="drift+pending"), POLICY) == f"{URL}/runbooks/drift#drift+pending"
    assert runbook(incident(kind=Kind.DRIFT, verdict=""), POLICY) == f"{URL}/runbooks/drift"
    assert " " not in runbook(incident(kind=Kind.DRIFT, verdict="> <!here> |"), POLICY)
