"""Documentation that cannot lie: what it shows is run, what can be typed is in it."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from checks import discover
from daemon.cli import COMMANDS, cli
from daemon.config import load

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readmes_configuration_loads(tmp_path: Path) -> None:
    """What people copy first must work as it stands, but for its paths."""
    text, *_ = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "slack-token").write_text("xoxb-1-readme")
    (tmp_path / "repo").mkdir()
    text = text.replace("/srv/infrastructure", "repo").replace("/run/secrets/", "")
    path = tmp_path / "barograph.yml"
    path.write_text(text)
    config = load(path, {}, discover())
    assert config.alerts.default_channel == "C0123456789"
    assert config.checks["drift"].enabled


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_loads_has_help_and_is_in_the_readme(name: str) -> None:
    """A command that nobody can read about is not there."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0
    assert (command.help or "").strip()
    assert re.search(rf"barograph {name}\b|make {name}\b", README), f"barograph {name} is not in the README"


def test_every_verdict_is_explained_in_the_readme() -> None:
    """The table of verdicts is the heart of the README; a new word must not be missing from it."""
    for verdict in discover()["drift"].verdicts:
        assert f"`{verdict}`" in README, verdict


def test_the_make_targets_the_readme_names_exist() -> None:
    """`make demo`, `make test` and the others are in the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`?make ([a-z-]+)", README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    assert {"demo", "test"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_linked_files_exist() -> None:
    """No dead link inside the repository."""
    for text in (README, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (ROOT / target).exists(), target
