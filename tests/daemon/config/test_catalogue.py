"""What is told of every check comes from the check."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from checks import discover
from checks.base import Check
from daemon.commands.checks import checks
from daemon.config.catalogue import Option, markdown, options_of, text
from tests.daemon.config.sample import CHECKS, Weather


def test_options_are_told_with_type_default_and_meaning() -> None:
    """Every kind of option has plain words, nested ones under the name of what holds them."""
    found = {option.name: option for option in options_of("weather", Weather)}

    assert found["limit"] == Option("limit", "whole number", "10", "Hectopascals below which a storm is near.")
    assert found["wait"] == Option("wait", "duration", "5m", "How long a storm must last.")
    assert found["names"].kind == "list of texts"
    assert (found["mood"].kind, found["mood"].default) == ("one of calm, wild", "calm")
    assert found["unit"].kind == "one of hPa, mmHg"
    assert (found["atlas"].kind, found["atlas"].meaning) == ("path", "A map.")
    assert found["extra"].kind == "mapping"
    assert found["ignore"].kind == "list of mappings"
    assert found["ignore[].place"].required
    assert found["ignore[].until"] == Option("ignore[].until", "date", "", "After this day the rule no longer counts.")
    assert "enabled" not in found


def test_the_page_holds_everything_a_check_declares() -> None:
    """Docstring, pace, rights, options, verdicts and metrics are all there, in both forms."""
    for page in (markdown(CHECKS), "\n".join(text(CHECKS))):
        for part in ("Storms that are near.", "The pressure of the air tells.", "1d; production 6h", "10m", "ignore[]"):
            assert part in page


def test_a_bar_in_a_text_does_not_break_the_table() -> None:
    """What stands in a cell is escaped."""

    class Odd(Check):
        """Odd."""

        verdicts = {"a": "one | two"}  # noqa: RUF012 - a check's own words, as the contract has them

    assert "| `a` | one \\| two |" in markdown({"odd": Odd})


def test_the_command_tells_every_check() -> None:
    """Each discovered check is there, with its words and metrics, and --markdown is the page of the docs."""
    result = CliRunner().invoke(checks, [])

    assert result.exit_code == 0
    for name, check in discover().items():
        assert f"{name}: " in result.stdout
        assert all(f"{word}: " in result.stdout for word in check.verdicts)
        assert all(f"barograph_{name}_{suffix}: " in result.stdout for suffix in check.measures)
        assert all(action in result.stdout for action in check.iam)
    page = CliRunner().invoke(checks, ["--markdown"]).stdout
    assert page == (Path(__file__).parents[3] / "docs" / "checks.md").read_text()
