from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.base import DeliveryState
from alerts.sinks.alertmanager import Alertmanager
from alerts.sinks.pagerduty import PagerDuty
from alerts.sinks.slack_webhook import SlackWebhook
from alerts.sinks.webhook import SignedWebhook
from checks import discover
from daemon.config import Config, ConfigError, load
from daemon.delivering import Deliveries
from daemon.metrics import OwnMetrics
from daemon.outlets import couriers, dead_man, forget_unknown, form_of, hook_secrets
from daemon.store import Store
from daemon.wiring import alert_policy
from tests.alerts.build import DRIFT, look, reading
from tests.alerts.sinks.fakes import SECRET, FakeReceiver, served
from tests.alerts.sinks.world import sinks_running

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SINKS = """
    pd: {kind: pagerduty, routing_key: a-key, webhook_secret: one, webhook_secret_before: two}
    am: {kind: alertmanager, address: "http://am:9093", authorization: Bearer x, resend: 30s, hold: 5m}
    hook: {kind: webhook, url: "https://x.example/a", secret: new, secret_before: old}
    other: {kind: slack_webhook, url: "https://hooks.example/b"}
"""


def config(path: Path, sinks: str, more: str = "") -> Config:
    file = path / "barograph.yml"
    file.write_text(f"source: {{kind: atmos, path: .}}\nalerts:\n  default_channel: C0123456789\n{more}  sinks:{sinks}")
    return load(file, {}, discover())


def test_each_sink_is_made_from_its_options(tmp_path: Path) -> None:
    """One worker for Slack and one for each."""
    made = config(tmp_path, SINKS, "  default_sinks: [pd, am]\n")
    assert {name: form_of(section) for name, section in made.alerts.sinks.items()} == {
        "pd": PagerDuty("a-key"),
        "am": Alertmanager("http://am:9093", "Bearer x", timedelta(seconds=30), timedelta(minutes=5)),
        "hook": SignedWebhook("https://x.example/a", ("new", "old")),
        "other": SlackWebhook("https://hooks.example/b"),
    }
    assert hook_secrets(made) == ("one", "two")
    assert alert_policy(made).routes.default_sinks == ("pd", "am")
    with Store.open(tmp_path / "barograph.db", lambda: NOW) as store:
        ways = couriers(made, store, lambda: NOW, Deliveries(OwnMetrics()))
    assert list(ways) == ["Slack", "sink pd", "sink am", "sink hook", "sink other"]


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        ("{kind: pagerduty}", "alerts.sinks.x is a pagerduty and needs routing_key"),
        ("{kind: webhook, url: 'https://x.example/'}", "alerts.sinks.x is a webhook and needs secret"),
        ("{kind: slack_webhook, url: 'http://hooks.internal/secret'}", "alerts.sinks.x.url must begin with https://"),
        ("{kind: slack_webhook, url: nonsense-secret}", "alerts.sinks.x.url must be an address such as"),
        ("{kind: slack_webhook, url: 'https://u:secret@x/'}", "alerts.sinks.x.url must not hold a user or password"),
        ("{kind: alertmanager, address: 'http://am', hold: 1m}", "alerts.sinks.x.hold must be at least twice resend"),
        (
            "{kind: alertmanager, address: 'http://am', secret: secret}",
            "alerts.sinks.x.secret is not for a alertmanager",
        ),
        (
            "{kind: pagerduti, routing_key: secret}",
            "alerts.sinks.x.kind cannot be 'pagerduti'; did you mean pagerduty?",
        ),
    ],
)
def test_a_wrong_sink_is_told_at_its_place_without_its_secret(tmp_path: Path, sink: str, said: str) -> None:
    """file:line:column, what is wrong, and nothing of what may be secret."""
    with pytest.raises(ConfigError) as error:
        config(tmp_path, f"\n    x: {sink}\n")
    text = str(error.value)
    assert said in text
    assert "barograph.yml:5:" in text
    assert "nonsense-secret" not in text
    assert "hooks.internal" not in text


@pytest.mark.parametrize("option", ["fallback_sink: oncal", "default_sinks: [oncal]"])
def test_a_sink_that_is_not_there_is_told(tmp_path: Path, option: str) -> None:
    """At every option that names one."""
    with pytest.raises(ConfigError, match="oncal"):
        config(tmp_path, "\n    oncall: {kind: pagerduty, routing_key: k}\n", f"  {option}\n")


def test_events_for_a_sink_that_was_removed_are_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They wait for nobody, hold up nothing, and the log says so."""
    caplog.set_level(logging.WARNING)
    with (
        served(FakeReceiver()) as there,
        sinks_running(tmp_path, {"gone": SignedWebhook(there.url, (SECRET,))}) as world,
    ):
        world.look(look(reading(DRIFT)))
        forget_unknown(config(tmp_path, SINKS), world.store)
        assert [each.state for each in world.of("sink:gone")] == [DeliveryState.SUPERSEDED]
        world.work(5)
        assert there.requests == []
        assert len(world.slack.messages("C-ops")) == 1
        assert "1 events for sink:gone are given up" in caplog.text


def test_no_sign_of_life_without_an_address(tmp_path: Path) -> None:
    """And with one, no address in what prints."""
    assert dead_man(config(tmp_path, SINKS), list, lambda: NOW) is None
    made = config(tmp_path, SINKS, "  dead_man: {url: 'https://hc.example/secret-uuid'}\n")
    assert "secret-uuid" not in repr([dead_man(made, list, lambda: NOW), made])
