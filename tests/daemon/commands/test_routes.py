"""`barograph routes`, `render` and `replay`: offline, read-only, and plain about what they cannot find."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alerts.escape import has_mention
from checks.base import Kind, Outcome, Reading
from daemon.cli import cli
from daemon.demo.fakeslack import validate_message
from daemon.record import Recorder, Run
from daemon.store import Store, StoreOutbox
from daemon.wiring import alert_policy
from tests.alerts.build import DELETED, DRIFT, LABELS
from tests.daemon.config.sample import ENV

CONFIG = """
source: {kind: atmos, path: .}
web: {public_url: https://b.example}
alerts:
  default_channel: C0000000001
  default_escalation: {channel: C0000000004, mention: channel}
  calendars: {office: {}}
  runbook_url: https://w.example/{kind}
  routes:
    - {owners: "team-*", channel: C0000000002, continue: true}
    - {tiers: critical, channel: C0000000003, mention: here, calendar: office}
"""
OTHER = """
source: {kind: atmos, path: .}
alerts: {default_channel: C0000000009}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("routes") / "barograph.yml"
    path.write_text(CONFIG)
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], env=dict(ENV))


def deliver(outbox: StoreOutbox, now: datetime) -> None:
    """As if Slack took everything at once."""
    while ready := outbox.ready(now):
        for number, message in enumerate(ready):
            outbox.mark_sending(message.id, now)
            outbox.mark_sent(message.id, f"{now.timestamp():.0f}.{number:06}", now)


@pytest.fixture(scope="module")
def store(config: Path) -> Path:
    """A drift that was raised, resolved and is back, and one that is open; told an hour and more ago."""
    from daemon.commands.config import load_or_exit

    loaded = load_or_exit(config)
    now = datetime.now(UTC) - timedelta(hours=3)
    with Store.open(loaded.store.path, lambda: now) as opened:
        recorder = Recorder(opened, alert_policy(loaded))
        first, second = LABELS, {**LABELS, "stack": "acme-dev", "stage": "development", "owner": "others"}
        looks = [(first, ()), (second, ()), (first, (DRIFT,)), (first, (DELETED,)), (first, ()), (first, (DRIFT,))]
        for labels, found in [*looks, (second, (DRIFT,))]:
            place = f"{labels['stack']}/service/payments"
            seen = Reading(place, Outcome.UNHEALTHY if found else Outcome.HEALTHY, "v", "it is so", found)
            recorder.record(Run("drift", place, labels, now, now, (seen,)), now)
            deliver(StoreOutbox(opened), now)
            now += timedelta(minutes=20)
    return loaded.store.path


def test_the_table_is_printed_in_its_order(config: Path) -> None:
    """With conditions, channels, escalation and calendar; the default last."""
    text = run("routes", "show", "-c", config)
    assert text.exit_code == 0
    assert text.output.index("owner=team-*") < text.output.index("tier=critical") < text.output.index("everything else")
    table = json.loads(run("routes", "show", "-c", config, "--json").output)
    assert [row["channel"] for row in table] == ["C0000000002", "C0000000003", "C0000000001"]
    assert [row["continue"] for row in table] == [True, False, False]
    assert table[1]["conditions"] == {"tier": ["critical"]}
    assert table[2]["escalation"] == {"channel": "C0000000004", "mention": "<!channel>"}


def test_a_row_that_is_never_asked_is_told(tmp_path: Path) -> None:
    """Behind one that takes everything."""
    config = tmp_path / "barograph.yml"
    config.write_text(f"{CONFIG}    - {{channel: C0000000005}}\n    - {{channel: C0000000006}}\n")
    table = json.loads(run("routes", "show", "-c", config, "--json").output)
    assert [row["reached"] for row in table] == [True, True, True, False, False]
    assert "never asked" in run("routes", "show", "-c", config).output


def test_where_a_sample_would_go(config: Path) -> None:
    """By tier, kind and labels; with each channel's own mention and the message's first lines."""
    words = ("--tier", "critical", "--kind", "drift", "--label", "owner=team-pay", "--label", "stack=acme-pay")
    [told] = json.loads(run("routes", "test", "-c", config, *words, "--json").output)
    assert (told["channel"], told["mention"], told["calendar"]) == ("C0000000002", "", "office")
    assert told["copies"] == [
        {"channel": "C0000000003", "mention": "<!here>", "reason": "route 2 (tier=critical)"}
    ]  # fmt: skip
    assert told["reason"] == "route 1 (owner=team-*); route 2 (tier=critical)"
    text = run("routes", "test", "-c", config, *words).output
    assert text.startswith("🔴 CRITICAL drift — acme-pay/service/payments\n    | 2 resources were changed by hand")
    assert "also        C0000000003, mentions <!here> (route 2 (tier=critical))" in text
    info = run("routes", "test", "-c", config, "--kind", "compliance").output
    assert "not posted  info: kept for the weekly review" in info
    assert "escalation" not in info


def test_where_stored_incidents_would_go(config: Path, store: Path) -> None:
    """One by the beginning of its fingerprint, or all that are open; the store is not touched."""
    before = hashlib.sha256(store.read_bytes()).hexdigest()
    every = json.loads(run("routes", "test", "-c", config, "--all-open", "--json").output)
    assert {one["labels"]["stack"]: one["channel"] for one in every} == {
        "acme-prod": "C0000000002", "acme-dev": "C0000000001",
    }  # fmt: skip
    [one] = json.loads(run("routes", "test", "-c", config, every[0]["incident"][3:15], "--json").output)
    assert one == every[0]
    assert hashlib.sha256(store.read_bytes()).hexdigest() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("routes", "test", "--label", "stage"), "is not NAME=VALUE"),
        (("routes", "test", "ffff"), "no incident begins with 'ffff'"),
        (("routes", "test", "v1:"), "2 incidents begin with 'v1:'; give more of it"),
        (("routes", "test", "v1:", "--all-open"), "not both"),
        (("routes", "test", "--all-open", "--tier", "info"), "a stored incident has its own"),
        (("render",), "Give --sample KIND"),
        (("render", "v1:", "--sample", "drift"), "Give --sample KIND"),
        (("render", "v1:", "--tier", "info"), "are for a sample"),
        (("replay", "--since", "soon"), "is no duration such as 30d"),
        (("replay", "--since", "9999999w"), "is no duration such as 30d"),
        (("replay", "--store", "gone.db"), "there is no store here"),
    ],
)
def test_wrong_usage_is_told_and_ends_with_2(config: Path, store: Path, words: tuple[str, ...], said: str) -> None:
    """No traceback for a user's mistake."""
    result = run(*words, "-c", config)
    assert result.exit_code == 2
    assert said in result.output


def test_a_store_of_an_older_version_is_refused(config: Path, tmp_path: Path) -> None:
    """It lacks what is asked for; `run` brings it up to date."""
    path = tmp_path / "old.db"
    with Store.open(path, lambda: datetime.now(UTC)):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma user_version = 2")
    result = run("replay", "-c", config, "--store", path)
    assert result.exit_code == 2
    assert "older" in result.output


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_sample_in_every_form(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a configuration, store or network; what is printed as JSON is what Slack takes."""
    monkeypatch.chdir(tmp_path)
    text = run("render", "--sample", kind)
    made = json.loads(run("render", "--sample", kind, "--format", "json").output)
    names = [one["message"] for one in made]
    assert (text.exit_code, len(re.findall("^--- ", text.output, re.MULTILINE))) == (0, len(names))
    assert [name for name in names if name != "reminder"] == ["root", "reply", "resolve_root", "resolve"]
    assert all(validate_message({"text": one["text"], "blocks": one["blocks"]}) == [] for one in made)
    blocks = json.loads(run("render", "--sample", kind, "--format", "blocks", "--only", "root").output)
    assert list(blocks) == ["blocks"]
    assert list(tmp_path.iterdir()) == []


def test_a_sample_is_shown_as_the_configuration_has_it(config: Path) -> None:
    """Its mention, its links; a tier that is asked for."""
    made = json.loads(
        run("render", "-c", config, "--sample", "drift", "--tier", "critical", "--label", "owner=x",
            "--format", "json", "--only", "root").output
    )  # fmt: skip
    assert has_mention(made)
    assert "CRITICAL" in made["text"]
    assert "https://w.example/drift" in made["text"]
    assert run("render", "--sample", "all", "-c", config).output.count("the root message, edited") == len(Kind)


def test_a_stored_incident_is_shown(config: Path, store: Path) -> None:
    """As it stands."""
    [one, *_] = json.loads(run("routes", "test", "-c", config, "--all-open", "--json").output)
    shown = run("render", "-c", config, one["incident"])
    assert shown.exit_code == 0
    assert one["message"][0] in shown.output


def test_replay_with_the_same_configuration_and_with_another(config: Path, store: Path, tmp_path: Path) -> None:
    """The same: what was stored. Another: its channel, no mention; the store stays as it is."""
    before = hashlib.sha256(store.read_bytes()).hexdigest()
    same = json.loads(run("replay", "-c", config, "--since", "1d", "--json").output)
    assert same["transitions"] == 5
    assert all(said["sent"] == said["stored"] == said["replayed"] for said in same["channels"].values())
    assert same["channels"]["C0000000003"]["replayed"]["mentions"] == 1
    other = tmp_path / "new.yml"
    other.write_text(OTHER)
    changed = json.loads(run("replay", "-c", other, "--store", store, "--since", "1d", "--json").output)
    would = {name: said["replayed"] for name, said in changed["channels"].items() if any(said["replayed"].values())}
    assert list(would) == ["C0000000009"]
    assert would["C0000000009"]["mentions"] == 0
    text = run("replay", "-c", other, "--store", store, "--since", "1d").output
    assert "5 transitions of 2 incidents" in text
    assert "Labels (owner, stage, stack) are those of today" in text
    assert hashlib.sha256(store.read_bytes()).hexdigest() == before
