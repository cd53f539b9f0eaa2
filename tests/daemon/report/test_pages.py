"""The page, the CSV and the pictures: whole in themselves, readable, and harmless whatever names things have."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from daemon.report.as_csv import archive, guarded, one_file, tables
from daemon.report.as_json import as_json
from daemon.report.as_text import as_text
from daemon.report.html import TEMPLATES, as_html, policy
from daemon.report.model import Chart, Column, Figure, Line, Report, Table, Unit
from daemon.report.png import HEIGHT, WIDTH, chart_png
from daemon.report.scrub import scrubbed
from daemon.report.svg import chart_svg, spark_svg, ticks
from daemon.report.words import cell, change, number, sparkline
from tests.daemon.report.scenarios import thousand
from tests.daemon.report.world import BERLIN, World, drifted, full, instance, watched, world
from tests.daemon.web.test_contrast import ratio

HOSTILE = '<script>alert(1)</script>"\'&{{7*7}} =HYPERLINK("http://evil") <!channel> https://evil AKIAIOSFODNN7EXAMPLE'


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    with world(tmp_path_factory.mktemp("full")) as it:
        full(it)
        return it.report()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One whose names are made by somebody who means no good."""
    with world(tmp_path_factory.mktemp("hostile")) as it:
        watched(it)
        place, labels = instance(f"acme-prod/{HOSTILE}", owner=HOSTILE)
        it.look("drift", place, it.day(0), drifted(place, "well"), labels=labels)
        it.look("drift", place, it.day(1), drifted(place, HOSTILE), labels=labels)
        _refused(it)
        return it.report()


def _refused(it: World) -> None:
    for day in range(7):
        it.look("quotas", HOSTILE, it.day(day, 8), failure=("denied", HOSTILE))


def parsed(page: str) -> html5lib.HTMLParser:
    parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
    parser.document = parser.parse(page)
    return parser


@pytest.mark.parametrize("which", ["report", "hostile"])
def test_the_page_is_html_and_needs_nothing_else(which: str, request: pytest.FixtureRequest) -> None:
    """It parses without an error, has no script, and asks nothing of any network."""
    page = as_html(request.getfixturevalue(which))
    parser = parsed(page)
    assert parser.errors == []
    tags = {element.tag for element in parser.document.iter() if isinstance(element.tag, str)}
    assert tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base"} == set()
    for element in parser.document.iter():
        for name, value in element.attrib.items():
            assert not str(name).startswith("on")
            if name in ("src", "href", "xlink:href"):
                here = "https://barograph.example.com"
                assert value.startswith(("#", f"{here}/reports/", f"{here}/runbooks/"))
    assert "url(" not in page
    assert "@import" not in page
    assert policy() in page.replace("&#39;", "'")


def test_what_people_do_to_names_stays_text(hostile: Report) -> None:
    """Markup, templates, mentions and secrets in names come out as text, or not at all, in every form."""
    page = as_html(hostile)
    assert "<script>" not in page
    assert "{{7*7}}" in page
    assert "49 " not in page
    for text in (page, as_json(hostile), one_file(hostile), as_text(hostile)):
        assert "AKIAIOSFODNN7EXAMPLE" not in text
        assert "secret removed" in text


def test_no_class_is_without_a_style_and_colours_can_be_read() -> None:
    """Each pair of text and background has a contrast of 4.5, in light, in dark and in print; charts have 3."""
    text = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    blocks = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", block))
        for block in re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    ]
    light, dark, printed = (blocks[0] | block for block in blocks)
    pairs = [(ink, back) for ink in ("ink", "soft", "link") for back in ("page", "card")]
    pairs += [(tone, f"{tone}-bg") for tone in ("bad", "warn", "good", "unknown", "none")]
    pairs += [("ink", f"{tone}-bg") for tone in ("bad", "warn", "good", "unknown")]
    pairs += [(tone, "card") for tone in ("bad", "warn", "good", "none")]
    pairs += [("ink", "code")]
    for theme in (light, dark, printed):
        poor = {pair: round(ratio(theme[pair[0]], theme[pair[1]]), 2) for pair in pairs}
        assert {pair: value for pair, value in poor.items() if value < 4.5} == {}
        bars = {tone: round(ratio(theme[tone], theme["card"]), 2) for tone in ("red", "green", "blue", "grey")}
        assert {tone: value for tone, value in bars.items() if value < 3} == {}


# -- CSV ----------------------------------------------------------------------------------------------------------


@given(st.text(max_size=30))
def test_no_text_is_a_formula(text: str) -> None:
    """Whatever a spreadsheet could run has an apostrophe in front; all else stays as it is."""
    made = guarded(text)
    assert made in (text, f"'{text}")
    bare = text.lstrip(" \t\r\n\ufeff\u00a0'\"")
    if bare[:1] in ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20") or text[:1] in ("\t", "\r", "\n"):
        assert made == f"'{text}"


def test_the_csv_holds_every_row_and_no_formula(tmp_path: Path) -> None:
    """A thousand findings are a thousand rows, read back by csv, and none begins like a formula."""
    with world(tmp_path) as it:
        thousand(it)
        made = it.report()
    with zipfile.ZipFile(io.BytesIO(archive(made))) as kept:
        names = kept.namelist()
        assert len(names) == len(set(names))
        (name,) = [each for each in names if "open-violations" in each]
        rows = list(csv.reader(io.StringIO(kept.read(name).decode("utf-8-sig"))))
    assert len(rows) == 1001
    assert rows[1][1].startswith("'=bucket b0")
    for text in (*tables(made).values(), one_file(made)):
        for row in csv.reader(io.StringIO(text)):
            assert not [one for one in row if re.match(r"[=+@]|-(?![\d.]+$)", one)]


# -- numbers, charts ----------------------------------------------------------------------------------------------


def test_what_is_not_known_is_told_as_such() -> None:
    """In every unit, and never as 0."""
    for unit in Unit:
        assert number(None, unit) == "no data"
        assert cell(None, unit, BERLIN) == "no data"
    assert sparkline((1.0, None, 3.0)) == "▃·█"
    assert sparkline((None, None, 3.0)) == ""
    assert number(0.9996, Unit.RATIO) == "99.9 %"
    assert number(0.0004, Unit.RATIO) == "0.1 %"


@pytest.mark.parametrize(
    ("unit", "this", "last", "told"),
    [
        (Unit.COUNT, 5, 2, "+3"), (Unit.COUNT, 2, 2, "as before"), (Unit.COUNT, None, 2, ""), (Unit.COUNT, 2, None, ""),
        (Unit.RATIO, 0.5, 0.75, "−25 points"), (Unit.USD, 110, 100, "+$10.00 (+10 %)"), (Unit.USD, 10, 0, "+$10.00"),
        (Unit.SECONDS, 3600, 60, "+59 min"), (Unit.SECONDS, 0.41, 0.42, "as before"),
    ],
)  # fmt: skip
def test_a_change_is_told_in_its_unit(unit: Unit, this: float | None, last: float | None, told: str) -> None:
    """Only where both weeks are known."""
    assert change(Figure("x", unit, this, last)) == told


@given(st.floats(0, 1e12, allow_nan=False))
def test_ticks_reach_the_highest_bar(most: float) -> None:
    """A handful of round values, from 0 to at least the most."""
    marks = ticks(most)
    assert marks[0] == 0
    assert marks[-1] >= most * 0.999999
    assert 2 <= len(marks) <= 12


VALUES = st.lists(st.none() | st.floats(0, 1e9, allow_nan=False), min_size=9, max_size=9)


@given(VALUES, VALUES)
def test_any_chart_can_be_drawn(one: list[float | None], other: list[float | None]) -> None:
    """As SVG that parses, with every week named, also where nothing is known."""
    labels = tuple(f"W{number:02d}" for number in range(9))
    chart = Chart("<Title> & more", labels, (Line("a", tuple(one), "red"), Line("b", tuple(other), "green")))
    svg = str(chart_svg(chart))
    assert parsed(f"<!doctype html><title>x</title>{svg}").errors == []
    assert svg.count('class="week') == 9
    assert svg.count("no data") >= sum(a is None and b is None for a, b in zip(one, other, strict=True))
    assert "nan" not in str(spark_svg(Figure("x", Unit.COUNT, one[-1], series=tuple(one))))


def test_a_picture_has_its_size_and_its_colours() -> None:
    """A bar of this week is drawn in its full colour; a week without data has none."""
    chart = Chart("Spend", ("W1", "W2"), (Line("USD", (None, 5.0), "blue"),), Unit.USD)
    image = Image.open(io.BytesIO(chart_png(chart)))
    assert image.size == (WIDTH, HEIGHT)
    colours = {image.getpixel((x, HEIGHT - 80)) for x in range(WIDTH)}
    assert (47, 111, 181) in colours
    left = {image.getpixel((x, HEIGHT - 80)) for x in range(100, WIDTH // 2)}
    assert (47, 111, 181) not in left


def test_a_page_with_very_many_rows_stays_below_a_megabyte(report: Report) -> None:
    """Rows are left out, and the page says how many there are."""
    wide = tuple(f"{number} " + "x" * 500 for number in range(8))
    table = Table("Many", tuple(Column(f"c{n}") for n in range(8)), (wide,) * 1000, 50_000)
    sections = tuple(replace(section, tables=(table,) * 5) for section in report.sections)
    page = as_html(replace(report, sections=sections))
    assert len(page.encode()) <= 1_000_000
    assert "49,997 more" in page


def test_scrubbing_changes_nothing_that_is_no_secret(report: Report) -> None:
    """The last net lets everything else through."""
    assert json.loads(as_json(scrubbed(report))) == json.loads(as_json(report))
