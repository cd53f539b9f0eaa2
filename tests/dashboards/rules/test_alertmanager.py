"""The example for Alertmanager: taken by amtool, each kind, tier and rule routed; seen working."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from alerts.sinks.alertmanager import labels as sink_labels
from checks.base import Kind, Tier
from daemon.web import create_app, serving
from dashboards.rules.every import GROUPS
from dashboards.rules.model import Record, alerts, said_by
from tests.daemon.metrics.everything import everything
from tests.tools.programs import alertmanager, amtool, prometheus

EVERY = [rule for group in GROUPS for rule in group.rules]
# These are about checks that the small world does not have, or need growth.
NEEDS_MORE = {
    "place_ends:barograph_next_end_timestamp_seconds:min", "stack:barograph_compliance_score_ratio:max",
    "sink_tier:barograph_delivery_latency_seconds:p99_1h",
    "instance:barograph_store_transaction_duration_seconds:p99_15m", "service_result:barograph_aws_requests:rate15m",
}  # fmt: skip

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "dashboards" / "alertmanager" / "alertmanager.example.yml"
RULES = ROOT / "dashboards" / "prometheus" / "barograph.rules.yml"


def routed(labels: dict[str, str]) -> str:
    """To whom amtool says that an alert goes: receivers, with commas."""
    words = [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run(
        [amtool(), "config", "routes", "test", f"--config.file={EXAMPLE}", *words],
        capture_output=True, timeout=60, check=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


def all_routed(found: Sequence[dict[str, str]]) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(routed, found))


def test_amtool_takes_it() -> None:
    """Without an error, and with every receiver that it names."""
    done = subprocess.run(
        [amtool(), "check-config", str(EXAMPLE)], capture_output=True, timeout=60, check=False, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " - 6 receivers" in done.stdout


def wanted(kind: Kind, tier: Tier) -> str:
    """What the guideline's tiers come to in the example."""
    if kind is Kind.SECURITY_VIOLATION and tier is not Tier.INFO:
        return "security,pager" if tier is Tier.CRITICAL else "security"
    if tier is Tier.INFO:
        return "chat" if kind is Kind.WORKFLOW_FAILURE else "review"
    return "pager" if tier is Tier.CRITICAL else "chat"


def test_every_kind_and_tier_goes_where_it_should() -> None:
    """With the labels that the sink gives, whether or not a stack is known."""
    pairs = [(kind, tier) for kind in Kind for tier in Tier]
    said = [
        sink_labels({
            "kind": kind, "tier": tier, "check": "drift", "fingerprint": "v1:a",
            "labels": {"stack": "acme-prod"} if tier is not Tier.INFO else {},
        })
        for kind, tier in pairs
    ]  # fmt: skip
    assert dict(zip(pairs, all_routed(said), strict=True)) == {pair: wanted(*pair) for pair in pairs}


def test_every_rule_goes_to_those_who_run_barograph() -> None:
    """Critical ones to the pager; the proof of life to the dead man's switch alone; none to the default."""
    rules = alerts(GROUPS)
    found = all_routed([
        {"alertname": rule.name, "severity": rule.severity, "job": "barograph", "instance": "b:9877"} for rule in rules
    ])  # fmt: skip
    by_tier = {"critical": "pager", "warning": "operators", "info": "review"}
    assert {rule.name: to for rule, to in zip(rules, found, strict=True)} == {
        rule.name: "dead-man" if rule.name == "BarographWatchdog" else by_tier[rule.severity] for rule in rules
    }


class Heard:
    """A receiver of webhooks: what came, by path."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.came: list[tuple[str, dict[str, Any]]] = []

    def alerts(self, path: str, status: str, name: str) -> list[dict[str, Any]]:
        with self.lock:
            return [
                one
                for where, body in self.came if where == path
                for one in body["alerts"] if one["status"] == status and one["labels"]["alertname"] == name
            ]  # fmt: skip


@contextmanager
def receiving(heard: Heard) -> Iterator[int]:
    """Hear on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with heard.lock:
                heard.came.append((self.path, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def running(argv: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program, ended by its id."""
    with log.open("wb") as out:
        process = subprocess.Popen(list(argv), stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(15)


def until(true: Callable[[], object], what: str, logs: Path) -> None:
    """Ask again and again, for 60 seconds at most."""
    end = time.monotonic() + 60
    while not true():
        if time.monotonic() > end:
            tails = [f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in logs.glob("*.log")]
            raise AssertionError("\n".join([f"not in time: {what}", *tails]))
        time.sleep(0.1)


def ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def asked(address: str, **query: str) -> dict[str, Any]:
    """What Prometheus' API answers."""
    path = query.pop("path")
    with urllib.request.urlopen(f"{address}/api/v1/{path}?{urlencode(query)}", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def recorded(address: str) -> bool:
    """Whether every rule was evaluated, and what is recorded can be asked for."""
    name = "stack:barograph_stack_incidents:worst_tier"
    groups = asked(address, path="rules")["data"]["groups"]
    done = all(rule["health"] != "unknown" for group in groups for rule in group["rules"])
    return done and bool(asked(address, path="query", query=name)["data"]["result"])


def unwell(address: str) -> list[str]:
    """What is wrong with the rules on real metrics: errors, warnings, and recordings that record nothing."""
    groups = asked(address, path="rules")["data"]["groups"]
    found = [f"{rule['name']}: {rule.get('lastError')}" for group in groups for rule in group["rules"]
             if rule["health"] == "err"]  # fmt: skip
    for one in EVERY:
        answer = asked(address, path="query", query=one.expr)
        found += [f"{one.name}: {text}" for text in (*answer.get("warnings", ()), *answer.get("infos", ()))]
        if isinstance(one, Record) and not answer["data"]["result"] and one.name not in NEEDS_MORE:
            found.append(f"{one.name} records nothing")
    return found


def test_from_a_scrape_to_a_person_and_back(tmp_path: Path) -> None:
    """Barograph's own endpoint, a real Prometheus, a real Alertmanager with the example's routes, a webhook: the alert
    comes with all its texts, to those who run Barograph; when the cause is gone, so is the alert."""
    heard = Heard()
    with ExitStack() as stack:
        made = stack.enter_context(everything(tmp_path))
        made.health = replace(made.health, paid_usd=0.99, paid_limit_usd=1.0)
        snapshots = made.snapshots()
        snapshots.refresh()
        ours = stack.enter_context(serving(create_app(made.deps(snapshots))))
        hook, at_prometheus, at_alertmanager = stack.enter_context(receiving(heard)), free_port(), free_port()
        example = EXAMPLE.read_text(encoding="utf-8").replace("http://127.0.0.1:9/", f"http://127.0.0.1:{hook}/")
        # Nobody waits half a minute in a test.
        quick = example.replace("group_wait: 30s", "group_wait: 0s").replace("group_interval: 5m", "group_interval: 1s")
        (tmp_path / "am.yml").write_text(quick)
        (tmp_path / "rules.yml").write_text(RULES.read_text(encoding="utf-8").replace("interval: 30s", "interval: 1s"))
        (tmp_path / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s"}, "rule_files": ["rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{at_alertmanager}"]}]}]},
            "scrape_configs": [{"job_name": "barograph", "static_configs": [{"targets": [f"127.0.0.1:{ours}"]}]}],
        }))  # fmt: skip
        stack.enter_context(running(
            [alertmanager(), f"--config.file={tmp_path / 'am.yml'}", f"--storage.path={tmp_path / 'am'}",
             f"--web.listen-address=127.0.0.1:{at_alertmanager}", "--cluster.listen-address="],
            tmp_path / "alertmanager.log",
        ))  # fmt: skip
        stack.enter_context(running(
            [prometheus(), f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
             f"--web.listen-address=127.0.0.1:{at_prometheus}", "--log.level=warn",
             "--rules.alert.resend-delay=1s"],
            tmp_path / "prometheus.log",
        ))  # fmt: skip
        until(lambda: ready(f"http://127.0.0.1:{at_prometheus}"), "Prometheus", tmp_path)
        name = "BarographPaidLimitReached"
        until(lambda: heard.alerts("/operators", "firing", name), "the alert", tmp_path)
        until(lambda: heard.alerts("/dead-man", "firing", "BarographWatchdog"), "the proof of life", tmp_path)
        (alert, *_) = heard.alerts("/operators", "firing", name)
        (rule,) = (one for one in alerts(GROUPS) if one.name == name)
        instance = f"127.0.0.1:{ours}"
        assert alert["labels"] == {
            "alertname": name, "severity": "warning", "job": "barograph", "instance": instance,
        }  # fmt: skip
        said = rule.description.replace("{{ $labels.instance }}", instance).replace("{{ $value }}", "0.99")
        assert alert["annotations"] == {**said_by(rule), "description": said}
        assert not [path for path, _ in heard.came if path in ("/chat", "/security")]
        # Each group has a moment of its own at which it is evaluated first.
        until(lambda: recorded(f"http://127.0.0.1:{at_prometheus}"), "every recording", tmp_path)
        assert unwell(f"http://127.0.0.1:{at_prometheus}") == []
        made.health = replace(made.health, paid_usd=0.1)
        snapshots.refresh()
        until(lambda: heard.alerts("/operators", "resolved", name), "the end of the alert", tmp_path)


def test_what_is_told_with_more_weight_hides_what_follows_from_it(tmp_path: Path) -> None:
    """Of a Barograph that is down, warnings are quiet; what it told of the estate, and another Barograph, are not."""
    here = {"job": "barograph", "instance": "b:9877"}
    told = [
        {"alertname": "BarographDown", "severity": "critical", **here},
        {"alertname": "BarographBlind", "severity": "warning", "check": "drift", **here},
        {"alertname": "BarographWatchdog", "severity": "info", **here},
        {"alertname": "BarographStoreDamaged", "severity": "critical", **here},
        {"alertname": "BarographBlind", "severity": "warning", "job": "other", "instance": "c:9877"},
        {"alertname": "BarographDrift", "severity": "warning", "fingerprint": "v1:a", "check": "drift", **here},
        {"alertname": "BarographCredentialRefused", "severity": "critical", "sink": "slack", "job": "third"},
        {"alertname": "BarographDeliveryFailing", "severity": "warning", "sink": "slack", "reason": "credential",
         "job": "third"},
        {"alertname": "BarographDeliveryFailing", "severity": "warning", "sink": "slack", "reason": "gone",
         "job": "third"},
        {"alertname": "BarographBlind", "severity": "warning", "job": "barograph", "instance": "c:9877"},
    ]  # fmt: skip
    port = free_port()
    argv = [alertmanager(), f"--config.file={EXAMPLE}", f"--storage.path={tmp_path / 'am'}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    with running(argv, tmp_path / "alertmanager.log"):
        until(lambda: ready(address), "Alertmanager", tmp_path)
        body = json.dumps([{"labels": labels} for labels in told]).encode()
        posted = urllib.request.Request(f"{address}/api/v2/alerts", body, {"Content-Type": "application/json"})
        urllib.request.urlopen(posted, timeout=10).close()

        def quiet() -> set[int]:
            with urllib.request.urlopen(f"{address}/api/v2/alerts", timeout=10) as answer:
                found = json.load(answer)
            return {told.index(one["labels"]) for one in found if one["status"]["state"] == "suppressed"}

        until(lambda: quiet() == {1, 7}, "the two that follow from others are quiet", tmp_path)
        assert quiet() == {1, 7}
