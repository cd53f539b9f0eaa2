from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from daemon.cli import cli
from tests.alerts.sinks.fakes import ROUTING_KEY, SECRET, FakePagerDuty, FakeReceiver, Trouble, served


def run(path: Path, sink: str, *arguments: str) -> tuple[int, str]:
    config = path / "barograph.yml"
    config.write_text(f"source: {{kind: atmos, path: .}}\nalerts:\n  sinks:\n    out: {sink}\n")
    result = CliRunner().invoke(cli, ["sinks", "test", *arguments, "-c", str(config)])
    return result.exit_code, result.output


def test_a_sink_is_tried_with_a_begin_and_an_end(tmp_path: Path) -> None:
    """What is opened is also ended."""
    with served(FakePagerDuty()) as there:
        code, said = run(
            tmp_path, f"{{kind: pagerduty, routing_key: {ROUTING_KEY}, url: '{there.url}/v2/enqueue'}}", "out"
        )
        assert (code, said) == (0, "trigger: taken\nresolve: taken\n")
        assert list(there.alerts.values()) == ["resolved"]
        assert there.events[0]["payload"]["severity"] == "info"


def test_a_dry_run_sends_nothing_and_shows_no_secret(tmp_path: Path) -> None:
    """Neither the address nor the key."""
    with served(FakePagerDuty()) as there:
        address = f"{there.url}/v2/very-secret-path"
        code, said = run(
            tmp_path, f"{{kind: pagerduty, routing_key: {ROUTING_KEY}, url: '{address}'}}", "out", "--dry-run"
        )
        assert code == 0
        assert there.requests == []
        assert '"event_action":"trigger"' in said
        assert '"routing_key":"<secret>"' in said
        assert not [word for word in (ROUTING_KEY, "very-secret-path") if word in said]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [(Trouble(404), "trigger: webhook: HTTP 404 (destination)\n"),
     (Trouble(reset=True), "trigger: no answer: ConnectionResetError: Connection reset by peer (ambiguous)\n")],
)  # fmt: skip
def test_a_sink_that_does_not_take_it_is_told_in_one_line(tmp_path: Path, trouble: Trouble, said: str) -> None:
    """No traceback, no address."""
    with served(FakeReceiver()) as there:
        there.troubles.append(trouble)
        assert run(tmp_path, f"{{kind: webhook, url: '{there.url}/very-secret-path', secret: {SECRET}}}", "out") == (
            1,
            said,
        )


def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    """What there is, is named."""
    code, said = run(tmp_path, "{kind: alertmanager, address: 'http://127.0.0.1:9093'}", "other")
    assert code == 2
    assert said.endswith("alerts.sinks has no other; there are: out\n")
