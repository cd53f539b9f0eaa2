"""Reports on twelve kinds of week and two more: as people read them, and right to the last number."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import jsonschema
import pytest

from alerts.blocks import as_text as shown
from alerts.blocks import characters
from daemon.demo.fakeslack import validate_message
from daemon.report import slack
from daemon.report.as_json import SCHEMA, plain
from daemon.report.as_text import as_text
from daemon.report.html import MOST_BYTES, as_html
from daemon.report.model import Report
from tests.daemon.report.checker import numbers
from tests.daemon.report.scenarios import SCENARIOS
from tests.daemon.report.world import HOUR, world

GOLDEN = Path(__file__).parent / "golden"
WRITE = "BAROGRAPH_WRITE_GOLDEN"  # set it to write the files anew; then read every difference


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Report, Path]]:
    """Every report, and the store that it was made of."""
    found = {}
    for name, scenario in SCENARIOS.items():
        folder = tmp_path_factory.mktemp(name)
        with world(folder, scenario.week) as it:
            scenario.seed(it)
            found[name] = (it.report(), it.store.path)
    return found


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_report_reads_as_it_should(made: Mapping[str, tuple[Report, Path]], name: str) -> None:
    """Text and message of each week are, word for word, those that somebody has read and found right."""
    report, _ = made[name]
    text = as_text(report) + "\n--- in Slack ---\n" + shown(slack.root(report)) + "\n"
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get(WRITE):
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_numbers_are_those_of_the_raw_tables(made: Mapping[str, tuple[Report, Path]], name: str) -> None:
    """Whoever counts again, without the report's code, comes to the same figures."""
    report, path = made[name]
    week = report.week
    again = numbers(path, week.starts, week.ends, week.ends + 9 * HOUR)
    compared = 0
    for section in report.sections:
        if section.id in ("incidents", "barograph", "drift", "security", "deployments"):
            for figure in section.figures:
                if figure.label in again and not (section.id != "incidents" and figure.label in ("Ended", "Opened")):
                    compared += 1
                    assert figure.this == pytest.approx(again[figure.label], abs=0.002), figure.label
    assert compared >= 10


def test_the_figures_of_production_are_those_that_were_planted(made: Mapping[str, tuple[Report, Path]]) -> None:
    """Each of how many; what has no commit time, is not over or is not decided is left out of its figure, and told."""
    section = made["applies_to_production"][0].section("deployments")
    found = {figure.label: (round(figure.this or 0.0, 6), figure.note) for figure in section.figures}
    assert found["Deployments to production"] == (6, "")
    assert found["Lead time to production, median"] == (4 * 3600, "of 4 of 6")
    assert found["Changes to production that failed"] == (round(3 / 7, 6), "3 of 7")
    assert found["Time to restore, median"] == (7200, "of 2 of 3")
    assert found["Through the recorded cycle"] == (round(5 / 7, 6), "5 of 7")
    before = {figure.label: figure.last for figure in section.figures}
    assert before["Changes to production that failed"] == 1.0  # the way back came in the week after
    quiet = {figure.label: figure.this for figure in made["empty_week"][0].section("deployments").figures}
    assert quiet.get("Lead time to production, median") is None


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_json_keeps_its_schema(made: Mapping[str, tuple[Report, Path]], name: str) -> None:
    """What programs read has the form that is promised to them."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(plain(made[name][0]), schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("name", SCENARIOS)
def test_slack_takes_every_message(made: Mapping[str, tuple[Report, Path]], name: str) -> None:
    """The root message has at most 12 blocks and 6,000 characters; nothing is refused; nobody is mentioned."""
    report, _ = made[name]
    root = slack.root(report)
    assert len(root["blocks"]) <= 12
    assert sum(map(characters, root["blocks"])) <= 6_000
    for body in (root, *(body for _, body in slack.replies(report))):
        assert validate_message({"channel": "C1", **body}) == []
        assert "<!" not in json.dumps(body, ensure_ascii=False)
        assert "<@" not in json.dumps(body, ensure_ascii=False)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_page_stays_small(made: Mapping[str, tuple[Report, Path]], name: str) -> None:
    """A page is below a megabyte, however much happened."""
    assert len(as_html(made[name][0]).encode()) <= MOST_BYTES


def test_the_weeks_with_other_lengths_say_so(made: Mapping[str, tuple[Report, Path]]) -> None:
    """A week in which clocks change has 167 or 169 hours, and its edges are the reader's midnights."""
    assert made["summer_time_begins"][0].week.hours == 167
    assert made["summer_time_ends"][0].week.hours == 169
    assert "167 hours long" in made["summer_time_begins"][0].section("quality").summary
    opened = made["summer_time_ends"][0].section("incidents").figures[0]
    assert (opened.label, opened.this) == ("Opened", 2)


def test_what_is_not_known_is_never_zero(made: Mapping[str, tuple[Report, Path]]) -> None:
    """Blind checks, first weeks and missing bills give null and a grey lamp, and no section is green."""
    blind = made["blind_week"][0].section("quotas")
    assert (str(blind.light), blind.figures) == ("grey", ())
    first = made["first_week"][0].section("incidents").figures[0]
    assert (first.last, first.mean, first.series[:-1]) == (None, None, (None,) * 8)
    cost = made["cost_missing"][0].section("cost")
    assert (str(cost.light), cost.watched) == ("grey", True)
    assert str(made["blind_week"][0].light) != "green"


def test_an_empty_week_says_that_everything_was_looked_at(made: Mapping[str, tuple[Report, Path]]) -> None:
    """Good news is news too."""
    report = made["empty_week"][0]
    assert str(report.light) == "green"
    assert report.headline == "Nothing happened, and everything that is watched was looked at. Nice."
    assert report.decisions == ()
