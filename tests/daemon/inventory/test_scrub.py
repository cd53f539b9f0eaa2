"""Error texts for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.inventory.scrub import explained, secrets_in_manifests, secrets_of, uses_templates
from tests import fakeatmos
from tests.daemon.inventory.support import SECRETS


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password=hunter2hunter2", "hunter2"),
        ('api_token: "a b c d e f"', "a b c"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIA"),
        ("https://user:pa55word@example.com/x.git", "pa55word"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abc"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "eyJ"),
    ],
)
def test_what_looks_secret_is_put_out(text: str, secret: str) -> None:
    """By name, by shape, and in URLs."""
    said = explained(f"cannot use {text} here")
    assert secret not in said
    assert "***" in said


def test_values_of_secret_names_in_manifests_are_known(tmp_path: Path) -> None:
    """What the stack files give to names like api_token must not be quoted from an error."""
    repository = fakeatmos.lay_out(tmp_path)
    known = secrets_in_manifests(repository)
    assert set(SECRETS) <= known
    assert "***" in explained(f"bad value {SECRETS[0]} in service", secrets=known)


def test_noise_goes_and_sense_stays() -> None:
    """Headings, log lines, colours and boxes are dropped; wrapped sentences are joined."""
    text = "WARN x\n\x1b[31m╷\x1b[0m\n# Error\n\n**Error:** stack\nimport **not** found\n\n## Why\n\nexit status 1\n"
    assert explained(text) == "stack import not found"
    assert len(explained("word " * 1000)) <= 500
    assert explained("") == ""


def test_secret_names_of_the_environment() -> None:
    """Keys and tokens are secret; the region and the PATH are not."""
    env = {
        "AWS_SECRET_ACCESS_KEY": "abcdefgh",
        "AWS_SESSION_TOKEN": "ijklmnop",
        "AWS_REGION": "eu-west-2",
        "PATH": "/bin",
    }
    assert secrets_of(env) == {"abcdefgh", "ijklmnop"}


def test_templates_are_seen(tmp_path: Path) -> None:
    """Any Go template in any manifest counts."""
    repository = fakeatmos.lay_out(tmp_path)
    assert not uses_templates(repository)
    assert uses_templates(fakeatmos.lay_out(tmp_path, "templates"))
