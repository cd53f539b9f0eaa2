"""Listeners and the trusted proxy in the configuration: what docs/access.md shows loads, and what it comes to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.config import Config, load
from daemon.config.doors import Scope, same_place
from daemon.config.summary import summary
from daemon.wiring import web_auth, web_listeners
from tests.daemon.config.sample import CHECKS

DOCS = Path(__file__).parents[3] / "docs" / "access.md"
TOKENS = {name: f"a-token-of-{name.lower()}" for name in ("BAROGRAPH_PROMETHEUS_TOKEN", "BAROGRAPH_CI_TOKEN")}


def read(folder: Path, text: str) -> Config:
    path = folder / "barograph.yml"
    path.write_text(f"source: {{kind: atmos, path: .}}\n{text}")
    return load(path, TOKENS, CHECKS)


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL))
def test_what_the_docs_show_loads(tmp_path: Path, text: str) -> None:
    """Each configuration of docs/access.md is one that starts."""
    config = read(tmp_path, text)
    assert web_auth(config).required
    assert "web      http://" in "\n".join(summary(config))


def test_the_docs_name_every_scope() -> None:
    """Nobody is given a scope that the page does not explain."""
    text = DOCS.read_text(encoding="utf-8")
    assert [scope for scope in Scope if f"`{scope}`" not in text] == []


def test_a_proxy_and_listeners_come_through_whole(tmp_path: Path) -> None:
    """What is written is what the guard and the servers get."""
    config = read(
        tmp_path,
        """\
web:
  metrics_listen: "[::1]:9878"
  auth:
    proxy:
      groups_header: X-Groups
      addresses: [10.0.0.7, "2001:db8::/64"]
      roles: [{ group: a, scopes: [read, acknowledge] }, { user: "*@b", scopes: view }]
      everyone: view
      hosts: Barograph.Internal
""",
    )
    proxy = web_auth(config).proxy
    assert proxy is not None
    assert (proxy.header, proxy.groups_header) == ("X-Forwarded-User", "X-Groups")
    assert [str(network) for network in proxy.networks] == ["10.0.0.7/32", "2001:db8::/64"]
    assert [(role.user, role.group, sorted(role.scopes)) for role in proxy.roles] == [
        ("", "a", ["acknowledge", "read"]), ("*@b", "", ["view"]),
    ]  # fmt: skip
    assert (proxy.everyone, proxy.hosts) == (frozenset({"view"}), frozenset({"barograph.internal"}))
    listeners = web_listeners(config)
    assert (listeners.people, listeners.metrics, listeners.webhooks) == ("127.0.0.1:9877", "[::1]:9878", "")
    assert web_auth(config).challenge == "", "a browser is not asked for a password that nobody has"


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("127.0.0.1:1", "127.0.0.1:1", True), ("127.0.0.1:1", "127.0.0.1:2", False), ("0.0.0.0:1", "127.0.0.1:1", True),
        ("127.0.0.1:1", "[::]:1", True), ("127.0.0.1:0", "127.0.0.1:0", False), ("127.0.0.1:1", "127.0.0.2:1", False),
    ],
)  # fmt: skip
def test_two_listeners_at_one_place(first: str, second: str, clash: bool) -> None:
    """One port of one address is for one; every address is any of them."""
    assert (same_place([("listen", first), ("metrics_listen", second)]) is not None) is clash
