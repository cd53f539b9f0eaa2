"""`barograph preflight` on a git address: fetched, read, and gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.cli import cli
from tests.daemon.repository.support import TOKEN, Remote, git, http_server, remote
from tests.fakeatmos import lay_out


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """A recorded repository with a workflow that runs nothing, and a folder for what is temporary."""
    made = remote(tmp_path)
    lay_out(made.work, "inert-workflow")
    made.push({})
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["preflight", "--no-atmos", *arguments])


def test_the_fetched_content_is_read(served: Remote, tmp_path: Path) -> None:
    """A branch, a tag and a commit by their names; nothing of it stays."""
    git(served.work, "tag", "v1")
    git(served.work, "push", "-q", "origin", "v1")
    for ref in ("", "main", "v1", git(served.work, "rev-parse", "HEAD")):
        result = run("--repository", served.bare.as_uri(), *(("--ref", ref) if ref else ()))
        assert result.exit_code == 1, result.output
        assert "inert_workflow" in result.output
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_cannot_be_fetched_was_not_read(served: Remote) -> None:
    """Exit 3 with the named reason, never clean."""
    result = run("--repository", served.bare.as_uri(), "--ref", "none")
    assert result.exit_code == 3
    assert "the branch or tag none does not exist there (any more)" in " ".join(result.output.split())
    with http_server(served.bare.parent, TOKEN) as server:
        result = run("--repository", server.url)
    assert result.exit_code == 3
    assert "refuses the credentials" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("https://me:canary-4711@example.com/x.git",), "the address must not hold a password or token"),
        (("https://canary-4711@example.com/x.git",), "the address must not hold a user"),
        (("https://example.com/x.git", "--ref", "--upload-pack=x"), "the ref must be a branch"),
    ],
)
def test_what_is_no_address(arguments: tuple[str, ...], words: str) -> None:
    """Wrong usage, in words that repeat no token."""
    result = run("--repository", *arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert "canary" not in result.output
