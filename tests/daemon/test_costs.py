"""What watching costs, told beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from checks import discover
from daemon.cli import cli
from daemon.config import Config, load
from daemon.costs import (
    DAYS,
    GUARD_DUTY_USD,
    PLAN_CPU_SECONDS,
    REGIONS,
    TRAIL_USD,
    Assumed,
    Line,
    estimate,
    known_places,
)

ASSUMED = Assumed(instances=0, resources=10, planned=20)
TEXT = """
source: {kind: file, file: stacks.json, path: .}
alerts: {default_channel: C0000000001}
aws:
  payer_account: "000000000001"
  accounts:
    - {id: "000000000011", regions: [eu-west-1, us-east-1], stage: production}
    - {id: "000000000012", regions: [eu-west-1], stage: development}
"""


def configured(folder: Path, text: str = TEXT) -> Config:
    (folder / "stacks.json").write_text("{}")
    (folder / "barograph.yml").write_text(text)
    return load(folder / "barograph.yml", {}, discover())


def lines_of(
    config: Config, watched: list[tuple[str, str, Mapping[str, str]]], assumed: Assumed = ASSUMED
) -> Mapping[str, Line]:
    return {line.check: line for line in estimate(config, known_places(config, watched), assumed)}


def test_regions_and_accounts_are_counted_as_configured(tmp_path: Path) -> None:
    """Each region of each account is a place, at the pace of the account's stage."""
    line = lines_of(configured(tmp_path), [])["access"]
    assert line.places == 3 + 2
    # Regions are asked 6 + 10 x 0.02 times, accounts 3 times; production twice an hour, development once.
    assert line.requests == pytest.approx((2 * 48 + 24) * 6.2 + (48 + 24) * 3)


def test_a_look_is_priced_with_what_it_causes_elsewhere(tmp_path: Path) -> None:
    """A request is an event of a second trail and of GuardDuty."""
    line = lines_of(configured(tmp_path), [])["security"]
    assert line.trail_usd == pytest.approx(DAYS * line.requests * TRAIL_USD)
    assert line.guard_duty_usd == pytest.approx(DAYS * line.requests * GUARD_DUTY_USD)
    assert line.paid_usd == 0


def test_paid_requests_are_capped_by_the_day(tmp_path: Path) -> None:
    """Spend is asked for three times a day, the six other paid questions once, and never above the cap."""
    metrics = DAYS * 3 * 3 * 10 * 0.1 * 0.01 / 1_000
    assert lines_of(configured(tmp_path), [])["cost"].paid_usd == pytest.approx(DAYS * 9 * 0.01 + metrics)
    capped = configured(tmp_path, TEXT + "\nchecks: {cost: {max_requests_per_day: 4}}\n")
    assert lines_of(capped, [])["cost"].paid_usd == pytest.approx(DAYS * 4 * 0.01 + metrics)


def test_instances_are_not_known_before_the_first_look(tmp_path: Path) -> None:
    """Where no look has counted instances the number is not known, which is not none; a given number stands in."""
    assert lines_of(configured(tmp_path), [])["drift"].places is None
    given = lines_of(configured(tmp_path), [], Assumed(instances=7, resources=10, planned=20))["drift"]
    assert (given.places, given.plans, given.cpu_seconds) == (7, 7 * 4, 7 * 4 * PLAN_CPU_SECONDS)


def test_instances_are_counted_as_they_were_looked_at(tmp_path: Path) -> None:
    """What the store knows of is counted at the pace of its stage; a stage that is not known is production."""
    watched: list[tuple[str, str, Mapping[str, str]]] = [
        ("drift", "acme-prod/net", {"stage": "production"}),
        ("drift", "acme-dev/net", {"stage": "development"}),
        ("drift", "acme-x/net", {}),
        ("no longer a check", "acme-x/net", {}),
    ]
    line = lines_of(configured(tmp_path), watched)["drift"]
    assert (line.places, line.plans) == (3, 4 + 1 + 4)
    assert line.requests == pytest.approx(9 * (4 + 20 * 2))


def test_states_are_read_without_events(tmp_path: Path) -> None:
    """Objects and items are no management events."""
    line = lines_of(configured(tmp_path), [("state", "s3://bucket/key", {"stage": "production"})])["state"]
    assert line.requests > 0
    assert (line.trail_usd, line.guard_duty_usd) == (0, 0)


def test_regions_that_are_found_live_are_assumed_until_they_were_looked_at(tmp_path: Path) -> None:
    """Before the first look every region counts that needs no opting in; then those that are watched."""
    live = configured(tmp_path, TEXT.replace("[eu-west-1, us-east-1]", "enabled"))
    assert lines_of(live, [])["quotas"].places == REGIONS + 1
    watched: list[tuple[str, str, Mapping[str, str]]] = [("quotas", "000000000011/eu-west-1", {})]
    assert lines_of(live, watched)["quotas"].places == 1


def test_a_check_that_is_off_costs_nothing(tmp_path: Path) -> None:
    """What is switched off has no line."""
    off = configured(tmp_path, TEXT + "\nchecks: {security: {enabled: false}}\n")
    assert "security" not in lines_of(off, [])


def test_the_command_prints_it(tmp_path: Path) -> None:
    """`config check` ends with the table, and says what it does not know."""
    configured(tmp_path)
    result = CliRunner().invoke(cli, ["config", "check", "-c", str(tmp_path / "barograph.yml")])
    assert result.exit_code == 0, result.output
    assert "What watching costs" in result.output
    assert "say --instances N" in result.output
    together = next(line for line in result.output.splitlines() if line.startswith("together"))
    assert together.split()[1] == "?"
