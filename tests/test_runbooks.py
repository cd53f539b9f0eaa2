"""A message at three in the morning leads to a page that is there, and says what to do about that very code."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import html5lib
import pytest
from click.testing import CliRunner

from checks import discover
from checks.comply.rules import RULES
from checks.kinds import Kind
from checks.runs import aftermath
from checks.runs.cycle import Broken
from checks.runs.errors import ErrorKind
from checks.runs.told import VERDICTS
from daemon.cli import cli
from daemon.runbooks import FOLDER, KINDS, Runbook, runbook, runbooks, slug

SECTIONS = (
    "First", "Why it has its tier", "What it usually is", "By code", "Acknowledge or silence", "False alarm", "Prevent",
    "Escalate",
)  # fmt: skip
REASONS = ("denied", "throttled", "timeout", "unavailable", "failed")  # of checks.base.LookFailed


def one(kind: str) -> Runbook:
    found = runbook(kind)
    assert found is not None, f"docs/runbooks/{kind}.md is missing"
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_runbook_that_begins_with_what_to_look_at(kind: str) -> None:
    """Its sections stand in one order, and the first commands are safe ones."""
    found = one(kind)
    headings = re.findall(r"^## (.+)$", found.text, re.MULTILINE)
    assert [heading for heading in headings if heading in SECTIONS] == list(SECTIONS)
    first = found.text.partition("## First")[2].partition("## Why")[0]
    assert "barograph alerts" in first
    assert "DANGER" not in first
    assert len(found.text.splitlines()) < 250


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_has_one_heading_and_a_copy_one_reader(kind: str) -> None:
    """Two headings of one code have one address, and nobody sees the second; a copy of a state is not for /tmp."""
    text = one(kind).text
    codes = [code for line in re.findall(r"^### (.+)$", text, re.MULTILINE) for code in re.findall(r"`([^`]+)`", line)]
    assert sorted(codes) == sorted(set(codes))
    assert not re.search(r"(?<!\S)/tmp/", text)


def test_every_word_of_every_check_is_in_a_runbook_or_needs_nobody() -> None:
    """A code in a message that nobody has written about is a night's work."""
    written = {code for each in runbooks() for code in each.codes}
    quiet = set(re.findall(r"`([^`]+)`", (FOLDER / "README.md").read_text("utf-8").partition("need nobody")[2]))
    checks = discover()
    words = {word: name for name, check in checks.items() for word in check.verdicts}
    words |= dict.fromkeys((*VERDICTS, *aftermath.VERDICTS), "runs")
    words |= dict(literals())
    assert {word: check for word, check in words.items() if word not in written | quiet} == {}
    assert quiet - set(words) - set(checks) == set(), "words that no check has"


def literals() -> Iterator[tuple[str, str]]:
    """Verdicts that stand as a text where a reading is made, in checks and in the daemon, each with its file."""
    root = Path(__file__).parent.parent
    for file in (*(root / "checks").rglob("*.py"), *(root / "daemon").rglob("*.py")):
        if "demo" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reading":
                verdict = node.args[2] if len(node.args) > 2 else None
                if isinstance(verdict, ast.Constant) and isinstance(verdict.value, str):
                    yield verdict.value, str(file.relative_to(root))


def test_every_reason_class_and_rule_has_its_heading() -> None:
    """What a message names beside its code is found too."""
    assert set(REASONS) <= set(one(Kind.MONITORING).codes)
    assert {str(each) for each in ErrorKind} <= set(one(Kind.WORKFLOW_FAILURE).codes)
    text = one(Kind.COMPLIANCE).text + one(Kind.SECURITY_VIOLATION).text
    assert [str(each) for each in Broken if f"`{each}`" not in text] == []
    assert [rule.name for rule in RULES if f"`{rule.name}`" not in one(Kind.COMPLIANCE).text] == []


def test_the_page_has_an_anchor_for_each_code_and_for_each_heading() -> None:
    """Messages link to `/runbooks/KIND#CODE`."""
    for each in runbooks():
        document = html5lib.parse(each.html, namespaceHTMLElements=False)
        ids = [element.get("id") for element in document.iter() if element.get("id")]
        assert len(ids) == len(set(ids)), each.name
        assert set(each.codes) <= set(ids), each.name
        for link in document.iter("a"):
            page, _, anchor = (link.get("href") or "").partition("#")
            if page.startswith("/runbooks/") and runbook(page.removeprefix("/runbooks/")) is not None:
                other = html5lib.parse(one(page.removeprefix("/runbooks/")).html, namespaceHTMLElements=False)
                assert not anchor or anchor in {element.get("id") for element in other.iter()}, (each.name, anchor)


def test_nothing_in_a_file_becomes_markup() -> None:
    """The renderer passes no HTML on, and no address that runs something."""
    page = Runbook("x", "# T\n\n<script>alert(1)</script>\n\n[a](javascript:alert(1)) ### `<b>`\n").html
    assert "<script" not in page
    assert 'href="javascript' not in page


def test_a_name_is_no_path() -> None:
    """Only what is in the folder is served."""
    for name in ("../README", "..%2fREADME", "/etc/passwd", "", "Drift", "drift.md", "README"):
        assert runbook(name) is None, name


def test_a_section_ends_where_the_next_begins() -> None:
    """Comments of shell blocks are no headings."""
    section = one("workflow_failure").section("possibly_orphaned")
    assert section.startswith("### `cancelled`, `possibly_orphaned`")
    assert "atmos terraform import" in section
    assert "### `lost`" not in section
    assert slug("What `drift+pending` is") == "what-driftpending-is"


def test_the_command_prints_a_runbook_one_code_or_what_there_is() -> None:
    """Without a browser; a word that is wrong is told with those that are right."""
    run = CliRunner().invoke
    assert "drift" in run(cli, ["runbook"]).output
    assert run(cli, ["runbook", "drift"]).output.startswith("# Drift")
    assert "author" in run(cli, ["runbook", "drift", "pending"]).output
    wrong = run(cli, ["runbook", "drift", "nosuch"])
    assert (wrong.exit_code, "check_failed" in wrong.output) == (2, True)
    assert run(cli, ["runbook", "nosuch"]).exit_code == 2
    assert isinstance(cli.get_command(click.Context(cli), "runbook"), click.Command)


def test_runbooks_are_part_of_what_is_installed() -> None:
    """The wheel and the image hold them, beside the package that reads them."""
    root = Path(__file__).parent.parent
    setuptools = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    assert "docs.runbooks" in setuptools["packages"]["find"]["include"]
    assert setuptools["package-data"]["docs.runbooks"] == ["*.md"]
    assert "COPY docs/runbooks docs/runbooks" in (root / "Dockerfile").read_text("utf-8")
