"""Reports on the web: behind the same sign-in, as they were made, with their own style and nothing else."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.reporting import Plan, Reporter
from daemon.web import AuthSettings, Credential, create_app
from tests.daemon.report.scenarios import all_resolved
from tests.daemon.report.world import BERLIN, HOUR, WEEK
from tests.daemon.report.world import World as Seeded
from tests.daemon.report.world import world as seeded
from tests.daemon.web.world import World, browsing

AUTH = AuthSettings(tokens=(Credential("reader", "token-of-reader"), Credential("ci", "ci", frozenset({"ingest"}))))


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Seeded]:
    with seeded(tmp_path) as made:
        all_resolved(made)
        made.now = WEEK.ends + 9 * HOUR
        yield made


def made(it: Seeded) -> World:
    Reporter(it.store, lambda: it.now, Plan(BERLIN, ("C1",))).make(WEEK)
    return World(it.store, it.now)


def test_every_form_of_a_report_is_there(it: Seeded) -> None:
    """The list, the page, and the forms for programs."""
    with browsing(create_app(made(it).deps())) as browser:
        assert "2026-W47" in browser.get("/reports/").text
        assert browser.get("/reports").status_code == 200
        page = browser.get("/reports/2026-W47")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert page.text.startswith("<!doctype html>")
        report = browser.get("/reports/2026-W47.json")
        assert json.loads(report.text)["period"]["name"] == "2026-W47"
        text = browser.get("/reports/2026-W47.csv").content.decode("utf-8-sig")
        assert next(csv.reader(io.StringIO(text))) == ["report", "Weekly report 2026-W47"]
        assert browser.get("/reports/2026-W47.zip").content[:2] == b"PK"


def test_the_page_allows_its_own_style_and_nothing_else(it: Seeded) -> None:
    """Its policy is stricter than none, and the style's hash is in it."""
    with browsing(create_app(made(it).deps())) as browser:
        headers = browser.get("/reports/2026-W47").headers
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        other = browser.get("/").headers["content-security-policy"]
        assert other != headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/reports/2026-W46", "/reports/2026-W47.exe", "/reports/..%2fetc", "/reports/x"])
def test_what_was_not_made_is_not_there(it: Seeded, path: str) -> None:
    """A page that says so."""
    with browsing(create_app(made(it).deps())) as browser:
        assert browser.get(path).status_code == 404


def test_an_empty_list_says_how_to_make_one(it: Seeded) -> None:
    """Before the first."""
    with browsing(create_app(World(it.store, it.now).deps())) as browser:
        assert "barograph report weekly" in browser.get("/reports/").text


@pytest.mark.parametrize("path", ["/reports/", "/reports/2026-W47", "/reports/2026-W47.json", "/reports/2026-W47.csv"])
def test_nobody_reads_them_without_signing_in(it: Seeded, path: str) -> None:
    """A token with the scope read, as everywhere."""
    app = create_app(made(it).deps(auth=AUTH))
    for header, status in (("", 401), ("Bearer ci", 403), ("Bearer token-of-reader", 200)):
        with browsing(app, **({"Authorization": header} if header else {})) as browser:
            assert browser.get(path).status_code == status
