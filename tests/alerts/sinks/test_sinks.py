from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.acting import acknowledge
from alerts.announce import sinks_of
from alerts.base import DeliveryState
from alerts.lifecycle import Look
from alerts.sinks.alertmanager import Alertmanager
from alerts.sinks.base import Form
from alerts.sinks.pagerduty import PagerDuty
from alerts.sinks.slack_webhook import SlackWebhook
from alerts.sinks.webhook import SignedWebhook
from checks.base import Outcome
from tests.alerts.build import DELETED, DRIFT, NOTE, PLACE, finding, look, reading
from tests.alerts.sinks.fakes import (
    ROUTING_KEY,
    SECRET,
    FakeAlertmanager,
    FakePagerDuty,
    FakeReceiver,
    FakeSlackWebhook,
    Other,
    Trouble,
    served,
)
from tests.alerts.sinks.world import sinks_running

SENT, DEAD, SUPERSEDED = DeliveryState.SENT, DeliveryState.DEAD, DeliveryState.SUPERSEDED
PATH = "/T0/B0/very-secret-path"


@pytest.fixture
def pagerduty() -> Iterator[FakePagerDuty]:
    with served(FakePagerDuty()) as made:
        yield made


@pytest.fixture
def alertmanager() -> Iterator[FakeAlertmanager]:
    with served(FakeAlertmanager()) as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[FakeReceiver]:
    with served(FakeReceiver()) as made:
        yield made


@pytest.fixture
def hook() -> Iterator[FakeSlackWebhook]:
    with served(FakeSlackWebhook()) as made:
        yield made


def page(other: FakePagerDuty) -> PagerDuty:
    return PagerDuty(ROUTING_KEY, f"{other.url}/v2/enqueue")


def test_pagerduty_opens_and_ends_one_alert_per_incident(tmp_path: Path, pagerduty: FakePagerDuty) -> None:
    """Triggered, told again when the tier is raised and not when words change, resolved, and opened anew."""
    with sinks_running(tmp_path, {"oncall": page(pagerduty)}) as world:
        world.look(look(reading(DRIFT)))
        world.work(1)
        world.look(look(reading(finding("other words"))))
        world.look(look(reading(DELETED)))
        world.work(1)
        world.look(look(reading()))
        world.work(1)
        world.look(look(reading(DRIFT)))
        world.work(1)
        assert [e["event_action"] for e in pagerduty.events] == ["trigger", "trigger", "resolve", "trigger"]
        (key,) = pagerduty.alerts
        assert key.startswith("v1:")
        assert pagerduty.opened == [key, key]
        assert [e["payload"]["severity"] for e in pagerduty.events if "payload" in e] == [
            "warning", "critical", "warning",
        ]  # fmt: skip
        assert pagerduty.refused == []
        assert {each.state for each in world.of("sink:oncall")} == {SENT, SUPERSEDED}


def test_what_waits_for_the_weekly_review_is_sent_to_no_sink(tmp_path: Path, receiver: FakeReceiver) -> None:
    """Info, and what a first look finds, has no message of its own, and so no event."""
    with sinks_running(tmp_path, {"hook": SignedWebhook(receiver.url, (SECRET,))}) as world:
        world.look(look(reading(NOTE)))
        world.look(replace(look(reading(DRIFT, resource="other"), first=True), place="other"))
        world.work(1)
        assert receiver.requests == []


def test_one_that_could_not_be_looked_at_is_never_resolved(tmp_path: Path, pagerduty: FakePagerDuty) -> None:
    """UNKNOWN ends nothing at a sink either; retired is told as what it is."""
    with sinks_running(tmp_path, {"oncall": page(pagerduty)}) as world:
        world.look(look(reading(DRIFT)))
        world.look(look(reading(outcome=Outcome.UNKNOWN)))
        world.work(1)
        assert set(pagerduty.alerts.values()) == {"triggered"}
        world.look(look(reading(outcome=Outcome.NOT_APPLICABLE)))
        world.work(1)
        assert set(pagerduty.alerts.values()) == {"resolved"}
        assert [each.body["state"] for each in world.of("sink:oncall")][-1] == "retired"


@pytest.mark.parametrize(
    "trouble",
    [Trouble(429, {"Retry-After": "20"}), Trouble(500), Trouble(503), Trouble(reset=True),
     Trouble(reset=True, committed=True), Trouble(502, committed=True)],
    ids=["429", "500", "503", "reset", "reset-committed", "502-committed"],
)  # fmt: skip
def test_pagerduty_is_told_until_it_takes_the_event(tmp_path: Path, pagerduty: FakePagerDuty, trouble: Trouble) -> None:
    """Whatever goes wrong, there is one alert in the end, in the right state."""
    with sinks_running(tmp_path, {"oncall": page(pagerduty)}) as world:
        pagerduty.troubles.append(trouble)
        world.look(look(reading(DRIFT)))
        world.work(60)
        world.look(look(reading()))
        world.work(60)
        assert list(pagerduty.alerts.values()) == ["resolved"]
        assert len(pagerduty.opened) == 1
        assert {each.state for each in world.of("sink:oncall")} == {SENT}


def test_retry_after_is_kept_to_the_second(tmp_path: Path, pagerduty: FakePagerDuty) -> None:
    """Not earlier than asked for, and not much later."""
    with sinks_running(tmp_path, {"oncall": page(pagerduty)}) as world:
        pagerduty.troubles.append(Trouble(429, {"Retry-After": "30"}))
        world.look(look(reading(DRIFT)))
        world.work(29)
        assert pagerduty.events == []
        world.work(3)
        assert len(pagerduty.events) == 1


def test_an_event_that_is_refused_is_made_smaller_and_then_given_up_loudly(
    tmp_path: Path, pagerduty: FakePagerDuty
) -> None:
    """400 twice: the second try says the least, then the message is dead, which a self-alert tells."""
    with sinks_running(tmp_path, {"oncall": page(pagerduty)}) as world:
        pagerduty.troubles += [Trouble(400, body=b'{"errors": ["odd"]}', committed=True)] * 2
        world.look(look(reading(DRIFT)))
        world.work(5)
        full, small = (json.loads(each["body"])["payload"] for each in pagerduty.requests)
        assert "custom_details" in full
        assert "custom_details" not in small
        assert world.states("sink:oncall") == [("trigger", DEAD)]
        assert [event.detail for event in world.told("oncall", "dead")] == ["PagerDuty: HTTP 400, odd"]


def test_a_routing_key_that_is_refused_is_tried_once_a_minute(tmp_path: Path, pagerduty: FakePagerDuty) -> None:
    """Nothing is lost, and it comes back without a restart."""
    with sinks_running(tmp_path, {"oncall": PagerDuty("short", f"{pagerduty.url}/v2/enqueue")}) as world:
        world.look(look(reading(DRIFT)))
        world.work(600)
        assert 9 <= len(pagerduty.requests) <= 11
        assert world.told("oncall", "circuit_open")
        assert [each.state for each in world.of("sink:oncall")] == [DeliveryState.PENDING]
        text = repr([event for _, event in world.events])
        assert "routing key" in text
        assert "short" not in text.replace("shorter", "")


def test_a_long_outage_of_a_sink_ends_with_the_final_state(tmp_path: Path, receiver: FakeReceiver) -> None:
    """Opened, changed and ended meanwhile: one event that says how it ended; what is open is told with its begin."""
    with sinks_running(tmp_path, {"hook": SignedWebhook("http://127.0.0.1:9/", (SECRET,))}) as world:
        for n in range(3):
            world.look(look(reading(finding(f"words {n}"))))
            world.work(10)
        world.look(look(reading()))
        world.look(_other(reading(DRIFT, resource="other")))
        world.look(_other(reading(finding("more"), resource="other")))
        world.work(10)
        assert receiver.requests == []
    with sinks_running(tmp_path, {"hook": SignedWebhook(receiver.url, (SECRET,))}) as world:
        world.clock.advance(3600)
        world.work(400)
        told = [(event["place"], event["action"]) for event in receiver.events.values()]
        assert sorted(told) == [(PLACE, "resolve"), ("other", "trigger"), ("other", "update")]


def _other(*readings: object) -> Look:
    return Look("drift", "other", {"stage": "production"}, readings)  # type: ignore[arg-type]  # readings of the test


def test_alertmanager_holds_open_what_is_open_and_nothing_else(tmp_path: Path, alertmanager: FakeAlertmanager) -> None:
    """Told again before each end, over a restart too; ended when resolved; a raised tier ends the earlier alert."""
    form = Alertmanager(alertmanager.url, resend=timedelta(seconds=60), hold=timedelta(seconds=180))
    with sinks_running(tmp_path, {"am": form}) as world:
        world.look(look(reading(DRIFT)))
        for _ in range(20):
            world.work(30)
            assert len(alertmanager.firing(world.clock())) == 1
        before = len(alertmanager.requests)
        world.work(300)
        assert len(alertmanager.requests) - before in (4, 5)
        world.look(look(reading(DELETED)))
        world.work(1)
        assert [one["labels"]["severity"] for one in alertmanager.firing(world.clock())] == ["critical"]
        now = world.clock()
    with sinks_running(tmp_path, {"am": form}) as world:
        world.clock.advance((now - world.clock()).total_seconds() + 30)
        before = len(alertmanager.requests)
        world.work(10)
        assert len(alertmanager.requests) == before
        world.work(60)
        assert len(alertmanager.requests) == before + 1
        world.look(look(reading()))
        world.work(1)
        assert alertmanager.firing(world.clock()) == []
        world.work(300)
        assert alertmanager.firing(world.clock()) == []
        assert alertmanager.refused == []


def test_alertmanager_that_is_away_is_told_when_it_is_back(tmp_path: Path, alertmanager: FakeAlertmanager) -> None:
    """Its own loss of everything heals with the next telling."""
    form = Alertmanager(alertmanager.url)
    with sinks_running(tmp_path, {"am": form}) as world:
        world.look(look(reading(DRIFT)))
        world.work(1)
        alertmanager.alerts.clear()
        alertmanager.troubles += [Trouble(reset=True)]
        world.work(61)
        assert alertmanager.firing(world.clock()) == []
        world.work(20)
        assert len(alertmanager.firing(world.clock())) == 1


def test_a_signed_event_can_be_checked_and_a_repeat_is_known(tmp_path: Path, receiver: FakeReceiver) -> None:
    """The receiver of the documentation takes each once, whatever is in doubt."""
    with sinks_running(tmp_path, {"hook": SignedWebhook(f"{receiver.url}{PATH}", (SECRET, "old"))}) as world:
        receiver.troubles.append(Trouble(reset=True, committed=True))
        world.look(look(reading(DRIFT)))
        world.work(10)
        (event,) = receiver.events.values()
        assert receiver.repeats == [event["id"]]
        assert (event["version"], event["action"], event["tier"]) == (1, "trigger", "warning")
        assert receiver.refused == []


def test_a_wrong_secret_is_refused_by_the_receiver(tmp_path: Path, receiver: FakeReceiver) -> None:
    """So that the check above means something."""
    with sinks_running(tmp_path, {"hook": SignedWebhook(receiver.url, ("another",))}) as world:
        world.look(look(reading(DRIFT)))
        world.work(10)
        assert set(receiver.refused) == {"bad signature"}
        assert receiver.events == {}


def test_a_slack_webhook_gets_a_message_for_each_change_that_matters(tmp_path: Path, hook: FakeSlackWebhook) -> None:
    """A begin, a raised tier, an end; a repeat in doubt says that it may be one."""
    with sinks_running(tmp_path, {"hook": SlackWebhook(f"{hook.url}{PATH}")}) as world:
        hook.troubles.append(Trouble(reset=True, committed=True))
        world.look(look(reading(DRIFT)))
        world.work(10)
        world.look(look(reading(finding("other words"))))
        world.look(look(reading(DELETED)))
        world.work(10)
        world.look(look(reading()))
        world.work(10)
        firsts = [message["text"].split("\n")[0] for message in hook.messages]
        assert firsts == [
            "🟠 WARNING drift — acme-prod/service/payments",
            "(may repeat)",
            "🔴 CRITICAL drift — acme-prod/service/payments",
            "✅ RESOLVED drift — acme-prod/service/payments",
        ]
        assert hook.refused == []


@pytest.mark.parametrize(
    ("status", "word", "error_class"),
    [(400, b"invalid_blocks", "payload"), (403, b"invalid_token", "credential"), (404, b"no_service", "credential"),
     (404, b"channel_not_found", "destination"), (410, b"channel_is_archived", "destination"), (429, b"", "not_sent"),
     (500, b"", "ambiguous"), (200, b"<html>", "ambiguous"), (302, b"", "destination")],
)  # fmt: skip
def test_each_answer_of_a_slack_webhook_means_what_it_means(
    tmp_path: Path, hook: FakeSlackWebhook, status: int, word: bytes, error_class: str
) -> None:
    """Tried again, given up or held back as each class is; its words are told, its address never."""
    with sinks_running(tmp_path, {"hook": SlackWebhook(f"{hook.url}{PATH}")}) as world:
        hook.troubles.append(Trouble(status, body=word, headers={"Location": "https://evil.example/"}))
        world.look(look(reading(DRIFT)))
        world.work(0)
        assert [event.error_class for event in world.told("hook", "failed")] == [error_class]
        assert "secret-path" not in repr([world.events, world.of("sink:hook")])


@pytest.mark.parametrize("kind", ["slack_webhook", "webhook", "pagerduty", "alertmanager"])
def test_a_sink_that_hangs_holds_nobody_up_and_tells_no_secret(tmp_path: Path, kind: str) -> None:
    """An answer that never ends is cut at the timeout; Slack and the other sinks are served meanwhile."""
    with served(FakeReceiver()) as slow, served(FakeReceiver()) as other:
        forms: dict[str, Form] = {
            "slack_webhook": SlackWebhook(f"{slow.url}{PATH}"),
            "webhook": SignedWebhook(f"{slow.url}{PATH}", (SECRET,)),
            "pagerduty": PagerDuty(ROUTING_KEY, f"{slow.url}{PATH}"),
            "alertmanager": Alertmanager(slow.url, f"Bearer {SECRET}"),
        }
        slow.troubles += [Trouble(drip=0.1)] * 20
        named = {"slow": forms[kind], "fast": SignedWebhook(other.url, (SECRET,))}
        with sinks_running(tmp_path, named, timeout=1.0) as world:
            world.look(look(reading(DRIFT)))
            stop = threading.Event()
            threads = [threading.Thread(target=courier.run, args=(stop,)) for courier in world.couriers.values()]
            for thread in threads:
                thread.start()
            try:
                tick = threading.Event()
                for _ in range(300):
                    if other.events and world.slack.messages("C-ops") and world.told("slow", "failed"):
                        break
                    tick.wait(0.02)
            finally:
                stop.set()
                for thread in threads:
                    thread.join(10)
            assert other.events
            assert world.slack.messages("C-ops")
            sent = {way: event for way, event in world.events if event.name == "sent"}
            assert {"", "fast"} <= set(sent)
            assert [event.error_class for event in world.told("slow", "failed")][:1] == ["ambiguous"]
            said = repr([world.events, world.of("sink:slow"), forms, world.couriers])
            assert not [word for word in (SECRET, ROUTING_KEY, "secret-path") if word in said]


def test_the_fallback_hears_while_slack_refuses_and_slack_goes_on_without_a_double(
    tmp_path: Path, pagerduty: FakePagerDuty
) -> None:
    """One call, then at most one probe a minute; rows stay; the end goes to both; nothing is posted twice."""
    with sinks_running(tmp_path, {"oncall": page(pagerduty)}, fallback="oncall") as world:
        world.look(_other(reading(DRIFT, resource="other")))
        world.work(1)
        world.slack.refuse_token("token_revoked")
        world.look(look(reading(DELETED)))
        world.work(300)
        calls = [entry.method for entry in world.slack.journal if entry.error == "token_revoked"]
        assert calls.count("chat.postMessage") == 1
        assert calls.count("auth.test") <= 5
        (event,) = pagerduty.events
        assert event["payload"]["custom_details"]["note"].startswith("Slack refuses Barograph's token. This was meant")
        world.look(look(reading(finding("changed meanwhile", facts=DELETED.facts))))
        world.slack.refuse_token("")
        world.work(61)
        (message,) = world.slack.messages("C-crit")
        assert "changed meanwhile" in message.text
        world.look(look(reading()))
        world.work(5)
        assert list(pagerduty.alerts.values()) == ["resolved"]
        root, reply = world.slack.messages("C-crit")
        assert root.text.startswith("✅ RESOLVED")
        assert reply.thread_ts == root.ts
        sent = [d for d in world.store.deliveries(limit=None) if d.state is SENT and str(d.kind) in ("post", "reply")]
        assert [len(world.slack.visible_by_id(d.id)) for d in sent] == [1] * len(sent)


def test_a_fallback_over_a_restart_says_it_once(tmp_path: Path, receiver: FakeReceiver) -> None:
    """The store knows what it has been told."""
    form = SignedWebhook(receiver.url, (SECRET,))
    for _ in range(2):
        with sinks_running(tmp_path, {"hook": form}, fallback="hook") as world:
            world.slack.refuse_token("invalid_auth")
            world.look(look(reading(DRIFT)))
            world.work(130)
    assert len(receiver.events) == 1
    assert receiver.repeats == []


def test_hostile_data_stays_data(tmp_path: Path, hook: FakeSlackWebhook, alertmanager: FakeAlertmanager) -> None:
    """No mention, no link and no secret comes from what was found, and every sink takes it."""
    hostile = (
        "<!channel> <@U012345> <https://evil.example|x> AKIAIOSFODNN7EXAMPLE \u202e\ud800 `*_~ password=hunter22222"
    )
    receiver, pagerduty = FakeReceiver(), FakePagerDuty()
    with served(receiver), served(pagerduty):
        forms: dict[str, Form] = {
            "hook": SlackWebhook(hook.url), "am": Alertmanager(alertmanager.url), "oncall": page(pagerduty),
            "signed": SignedWebhook(receiver.url, (SECRET,)),
        }  # fmt: skip
        with sinks_running(tmp_path, forms) as world:
            labels = {"stack": hostile, "component": hostile, "stage": "production", "owner": hostile}
            found = finding(hostile * 40, remedy=hostile, addresses=(hostile,))
            world.look(Look("drift", PLACE, labels, (reading(found, resource=hostile),)))
            world.work(5)
            others: list[Other] = [hook, alertmanager, receiver, pagerduty]
            assert [other.refused for other in others] == [[]] * 4
            assert [len(other.requests) >= 1 for other in others] == [True] * 4
            bodies = b"".join(each["body"] for other in others for each in other.requests)
            assert b"AKIAIOSFODNN7" not in bodies
            assert b"hunter22222" not in bodies
            said = json.dumps(hook.messages, ensure_ascii=False)
            assert "<!channel>" not in said
            assert "<@U012345>" not in said
            assert "<https://evil" not in said


def test_an_acknowledgement_is_told_and_a_silence_keeps_sinks_from_hearing_of_it_first(
    tmp_path: Path, pagerduty: FakePagerDuty
) -> None:
    """Acknowledged here is acknowledged there; what is hidden opens nothing there until it is no longer hidden."""
    with sinks_running(tmp_path, {"oncall": page(pagerduty)}) as world:
        world.look(look(reading(DRIFT)))
        world.work(1)
        (one,) = world.store.incidents()
        assert sinks_of(one, world.policy) == ("oncall",)
        assert sinks_of(replace(one, silence="s1"), world.policy) == ()
        answer = acknowledge(one, "alice", world.policy, world.clock())
        assert answer.change is not None
        with world.store.transaction() as tx:
            tx.save_change(answer.change)
        world.work(1)
        assert list(pagerduty.alerts.values()) == ["acknowledged"]
