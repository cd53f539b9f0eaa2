"""Documentation that cannot lie: what it shows is loaded or run, and what it links to is there."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from checks import discover
from daemon.cli import COMMANDS, cli
from daemon.config import Config, load
from daemon.wrapper.options import parse
from tests.pages import ROOT, Block, Command, anchors, blocks, commands, links, name, pages

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = pages()
COMMANDS_SHOWN = [command for page in PAGES for command in commands(page)]
# Settings of a component in Atmos, under settings.barograph.
OWN = {"owner", "channel", "runbook", "rpo", "backup_copy", "depends_on"}
# What asks nobody but the files that it is given, and so can be run here.
OFFLINE = ("checks", "config check", "config schema", "config show", "iam-policy", "inventory", "render", "routes show",
           "routes test", "runbook", "verdict")  # fmt: skip


def blocks_in(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page) if block.language in languages]


def where(block: Block) -> str:
    return block.where


# -- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading that is in it."""
    dead = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            assert link.startswith(("https://", "mailto:")), link
            continue
        target, _, anchor = link.partition("#")
        file = page if not target else (page.parent / target).resolve()
        if not file.exists():
            dead.append(link)
        elif anchor and file.suffix == ".md" and file.exists() and anchor not in anchors(file):
            dead.append(f"{link} ({', '.join(sorted(anchors(file)))[:300]})")
    assert dead == []


def test_every_page_is_in_the_index() -> None:
    """A page that nobody finds was not written."""
    listed = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in links(ROOT / "docs" / "README.md")}
    books = {
        (ROOT / "docs/runbooks" / link.partition("#")[0]).resolve() for link in links(ROOT / "docs/runbooks/README.md")
    }
    known = listed | books | {ROOT / "docs" / "README.md"}
    assert [name(page) for page in PAGES if page not in known and page.parent != ROOT] == []


# -- commands ---------------------------------------------------------------------------------------------------------


def command_of(words: tuple[str, ...]) -> tuple[click.Command, click.Context, list[str]]:
    """The command that *words* begin with, and what is left for it."""
    found: click.Command = cli
    context, rest = click.Context(cli, info_name="barograph"), list(words)
    while isinstance(found, click.Group) and rest and not rest[0].startswith("-"):
        inner = found.get_command(context, rest[0])
        assert inner is not None, f"there is no command {rest[0]!r}"
        found, context = inner, click.Context(inner, parent=context, info_name=rest.pop(0))
    return found, context, rest


def furnished(folder: Path, words: tuple[str, ...]) -> None:
    """The files that *words* name, as if somebody had them."""
    for word in words:
        if re.fullmatch(r"[\w.-]+\.ya?ml", word):
            (folder / word).write_text(BASE)
        elif re.fullmatch(r"[\w.-]*plan[\w.-]*\.json", word):
            shutil.copy(ROOT / "tests/fixtures/terraform-plans/0.plan.json", folder / word)


BASE = """
source: {kind: file, path: ., file: stacks.json}
alerts: {default_channel: C0123456789}
slack: {token: xoxb-1-x}
"""


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_can_be_typed_as_it_stands(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name, its options and the form of their values: click itself reads them."""
    monkeypatch.chdir(tmp_path)
    for command in commands(page):
        if command.synopsis:
            found, _, _ = command_of(tuple(w for w in command.words[0].split() if w in _names()))
            known = {option for each in found.params for option in (*each.opts, *each.secondary_opts)}
            assert {w for w in command.words if w.startswith("--")} <= known, command.where
            continue
        if command.words[:1] == ("exec",):
            parse(command.words[1:])
            continue
        furnished(tmp_path, command.words)
        try:
            found, context, rest = command_of(command.words)
            if rest or not isinstance(found, click.Group):
                with found.make_context(context.info_name, rest, parent=context.parent):
                    pass
        except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
            pass  # --help, --version
        except (click.ClickException, AssertionError) as error:
            if "does not exist" not in str(getattr(error, "message", "")):
                pytest.fail(f"{command.where}: barograph {' '.join(command.words)}: {error or type(error)}")


def _names() -> set[str]:
    """The names of all commands and of those below them."""
    found = set(COMMANDS)
    for each in COMMANDS:
        command = cli.get_command(click.Context(cli), each)
        if isinstance(command, click.Group):
            found |= set(command.list_commands(click.Context(command)))
    return found


def offline() -> list[Command]:
    """Commands of the pages that need no store, no network and no repository; each once."""
    found: dict[tuple[str, ...], Command] = {}
    for command in COMMANDS_SHOWN:
        text = " ".join(command.words)
        fits = any(text == each or text.startswith(f"{each} ") for each in OFFLINE)
        if fits and not command.synopsis and not re.search(r"\bv1:|--all-open|[A-Z]{4}", text):
            found.setdefault(command.words, command)
    return list(found.values())


@pytest.mark.parametrize("command", offline(), ids=lambda command: " ".join(command.words)[:80])
def test_what_needs_nobody_runs_as_it_stands(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a configuration of one saved list of stacks: no usage error, and no traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BAROGRAPH_CONFIG", raising=False)
    (tmp_path / "stacks.json").write_text("{}")
    furnished(tmp_path, ("barograph.yml", *command.words))
    words = [word.removeprefix("/etc/barograph/") for word in command.words]
    ran = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert ran.exit_code in (0, 1, 3), f"{command.where}: {ran.output}"


def test_commands_are_found_at_all() -> None:
    """A reader of Markdown that finds nothing would let everything pass."""
    assert len(COMMANDS_SHOWN) > 60
    assert len(offline()) > 10


# -- configurations ---------------------------------------------------------------------------------------------------


def configuration_of(text: str) -> Mapping[str, Any] | None:
    """What a block says, if it is a configuration of Barograph, or a part of one."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    sections = {each.name for each in fields(Config)} - {"path", "file", "warnings"}
    return found if isinstance(found, dict) and found and set(map(str, found)) <= sections else None


def placed(text: str, folder: Path) -> str:
    """*text* with its files in *folder*, and these files there."""
    text = re.sub(r"\$\{CREDENTIALS_DIRECTORY:-([^}]+)\}", r"\1", text)
    text = re.sub(r"(?<=[\s:\[{\"'])/(?:run/secrets|etc|srv|var/lib|opt)/", f"{folder}/", text)
    for key, file in re.findall(r"\b(\w*)file: *\"?([^\s,}\"#]+)", text):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(HELD.get(key, "xoxb-1-canary-of-the-documentation-which-is-long-enough"))
    for file in re.findall(r"\bpath: *\"?([^\s,}\"#]+)", text):
        wanted = folder / file
        (wanted.parent if wanted.suffix else wanted).mkdir(parents=True, exist_ok=True)
    return text


# What a file holds, by the option that names it.
HELD = {"url_": "https://hooks.example.com/x", "uuid_": "5d8f3c1e-7a52-4b8e-9d1f-2c6a0b9e4f77", "": "{}"}


@pytest.mark.parametrize("block", blocks_in("yaml", "yml"), ids=where)
def test_every_configuration_loads(block: Block, tmp_path: Path) -> None:
    """What people copy must work as it stands, but for its paths; the rest of YAML can at least be read."""
    found = configuration_of(block.text)
    if found is None:
        documents = list(yaml.safe_load_all(block.text))
        assert documents
        for settings in (
            re.findall(r"barograph:\n((?:[ ]{4,}\S.*\n)+)", block.text) if "settings:" in block.text else ()
        ):
            keys = re.findall(r"^( +)(\w+):", settings, re.MULTILINE)
            assert {key for depth, key in keys if depth == keys[0][0]} <= OWN, block.where
        return
    text = block.text
    if "source" not in found:
        text = f"source: {{kind: atmos, path: .}}\n{text}"
    path = tmp_path / "barograph.yml"
    path.write_text(placed(text, tmp_path))
    named = dict.fromkeys(re.findall(r"(?<!\$)\$\{(\w+)", text), "canary")
    load(path, {**os.environ, **named}, discover())


def test_what_systemd_runs_is_read_without_it_too(tmp_path: Path) -> None:
    """`db backup`, `db check` and the rest are typed by people, to whom systemd hands no credential."""
    [text] = [block.text for block in blocks(ROOT / "docs" / "install.md") if configuration_of(block.text)]
    path = tmp_path / "barograph.yml"
    path.write_text(placed(text, tmp_path))
    config = load(path, {}, discover())
    assert config.slack is not None
    assert "${" in text, "the unit hands the token over as a credential"


def test_the_readme_counts_the_checks() -> None:
    """All but drift, which has a line of its own."""
    counts = {13: "Thirteen", 14: "Fourteen", 15: "Fifteen", 16: "Sixteen"}
    assert f"**{counts[len(discover()) - 1]} checks** beside it" in README


def test_every_json_is_json() -> None:
    """In blocks and in files."""
    texts = {block.where: block.text for block in blocks_in("json")}
    texts |= {name(file): file.read_text(encoding="utf-8") for file in (ROOT / "docs").rglob("*.json")}
    assert texts
    for which, text in texts.items():
        try:
            json.loads(text)
        except ValueError as error:
            pytest.fail(f"{which}: {error}")


def test_the_readmes_configuration_says_what_is_said_of_it(tmp_path: Path) -> None:
    """The first thing that people copy: where critical ones go, and where from."""
    [text] = [block.text for block in blocks(ROOT / "README.md") if configuration_of(block.text)]
    path = tmp_path / "barograph.yml"
    path.write_text(placed(text, tmp_path))
    config = load(path, {}, discover())
    assert config.alerts.default_channel == "C0123456789"
    assert config.checks["drift"].enabled


# -- the README -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_loads_has_help_and_is_in_the_documentation(command: str) -> None:
    """A command that nobody can read about is not there."""
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    assert CliRunner().invoke(cli, [command, "--help"]).exit_code == 0
    assert (found.help or "").strip()
    shown = {each.words[0] for each in COMMANDS_SHOWN if each.words}
    assert command in shown or f"make {command}" in README, f"barograph {command} is in no page"


def test_every_verdict_of_drift_is_explained() -> None:
    """The table of verdicts is the heart of it; a new word must not be missing from it."""
    text = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")
    for verdict in discover()["drift"].verdicts:
        assert f"`{verdict}`" in text, verdict


def test_the_make_targets_that_pages_name_exist() -> None:
    """`make demo`, `make test` and the others are in the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {
        target
        for page in PAGES
        for target in re.findall(r"`make ([a-z-]+)|^\$ make ([a-z-]+)", page.read_text("utf-8"))
    }
    targets = {each for pair in named for each in pair if each}
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
