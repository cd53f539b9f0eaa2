"""Where the repository comes from: what goes together, and what a mistake is told as."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import ConfigError
from daemon.config.show import show
from daemon.config.summary import summary
from tests.daemon.config.sample import CANARY, loaded

HTTPS = "url: https://git.example.com/acme/infra.git"
SSH = "url: git@git.example.com:acme/infra.git"


def wrong(folder: Path, source: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, f"source:\n  kind: atmos\n  {source}\n")
    text = "\n".join(map(str, caught.value.problems))
    assert CANARY not in text
    return text


def test_a_git_address(tmp_path: Path) -> None:
    """Nothing else is required; the token is held as a secret, and shown as one."""
    config = loaded(
        tmp_path,
        f"source:\n  kind: atmos\n  {HTTPS}\n  ref: release/1.2\n  subfolder: infra/live\n  submodules: true\n"
        "  username: bot\n  token: ${CANARY}\n  fetch_every: 1m\n  fetch_limit: 10MiB\n",
    )
    source = config.source
    assert (source.path, source.ref, source.subfolder, source.submodules) == (None, "release/1.2", "infra/live", True)
    assert config.secrets() == {CANARY}
    assert CANARY not in show(config) + repr(config) + "\n".join(summary(config))
    assert "fetch_limit: 10MiB" in show(config)
    assert "https://git.example.com/acme/infra.git at release/1.2, fetched every 1m" in "\n".join(summary(config))


def test_a_key(tmp_path: Path) -> None:
    """SSH wants a key and the server's host keys, as files that are there."""
    (tmp_path / "key").touch(0o600)
    (tmp_path / "known").touch()
    config = loaded(tmp_path, f"source: {{kind: atmos, {SSH}, ssh_key_file: key, known_hosts_file: known}}\n")
    assert config.source.ssh_key_file == tmp_path / "key"


def test_a_folder(tmp_path: Path) -> None:
    """What is not committed does not count unless that is said."""
    assert loaded(tmp_path, "source: {kind: atmos, path: .}\n").source.uncommitted == "refuse"
    assert loaded(tmp_path, "source: {kind: atmos, path: ., uncommitted: plan}\n").source.uncommitted == "plan"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("fetch_every: 1m", "source needs path: the repository's folder, or url"),
        (f"{HTTPS}\n  path: .", "source.url and path are both given; keep one"),
        ("path: .\n  ref: main", "source.ref is for url"),
        ("path: .\n  token: ${CANARY}", "source.token is for url"),
        ("path: gone", "source.path names no folder"),
        ("url: https://user:${CANARY}@git.example.com/x", "source.url must not hold a password or token"),
        ("url: https://${CANARY}@git.example.com/x", "source.url must not hold a user"),
        ("url: https://git.example.com/ghp_0123456789abcdefghijABCDEFGHIJ0123/x", "source.url must not hold a token"),
        ("url: ext::sh", "source.url must be"),
        ("url: http://git.example.com/x", "source.url is plain http"),
        (f"{HTTPS}\n  ref: --upload-pack=x", "source.ref must be a branch, a tag"),
        (f"{HTTPS}\n  subfolder: ../x", "source.subfolder must be a folder in the repository"),
        (f"{HTTPS}\n  subfolder: /x", "source.subfolder must be a folder in the repository"),
        (f"{HTTPS}\n  username: bot", "source.username needs token beside it"),
        (f'{HTTPS}\n  token: "x\\ny"', "source.token holds a line break"),
        (f"{HTTPS}\n  ssh_key_file: barograph.yml", "source.ssh_key_file is for an SSH address"),
        (SSH, "source needs ssh_key_file"),
        (f"{SSH}\n  ssh_key_file: barograph.yml", "source needs known_hosts_file"),
        (f"{SSH}\n  ssh_key_file: gone\n  known_hosts_file: gone", "source.ssh_key_file names no file"),
        (f"{SSH}\n  token: ${{CANARY}}\n  ssh_key_file: barograph.yml", "source.token is for an https:// address"),
        (f"{HTTPS}\n  fetch_every: 1s", "source.fetch_every must be an interval of at least 10s"),
    ],
)
def test_mistakes(tmp_path: Path, source: str, told: str) -> None:
    """Each at its option, in words that say what to do."""
    assert told in wrong(tmp_path, source)
