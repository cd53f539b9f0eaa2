"""`barograph preflight`: what it prints and how it ends, on every form of repository, hostile ones too."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from checks.manifests.model import Case, Examination, RepositoryFinding, Spot
from daemon.cli import cli
from daemon.preflight.annotations import annotated
from daemon.preflight.page import page
from daemon.preflight.report import as_json, report
from daemon.preflight.words import harmless, shown, without_credentials
from tests.checks.manifests.replica import build
from tests.checks.manifests.small import STACK, written
from tests.fakeatmos import GENERATIONS, install, lay_out

PATH = os.environ["PATH"]
GOLDEN = Path(__file__).parent / "preflight"
# Name of the recorded page -> variant and further options. Made by running the command in the repository's folder.
PAGES = {
    "type-conflict.txt": ("type-conflict", ()),
    "type-conflict.json": ("type-conflict", ("--json",)),
    "type-conflict.github": ("type-conflict", ("--format", "github")),
    "unknown-token.txt": ("unknown-token", ("--atmos-version", "1.163.0")),
    "name-collision.txt": ("name-collision", ("--atmos-version", "1.226.1")),
    "workspaces.github": ("workspaces", ("--format", "github")),
    "no-atmos-yaml.txt": ("no-atmos-yaml", ()),
    "broken-yaml.txt": ("broken-yaml", ()),
}
HOSTILE = (
    "x\n::error file=forged::forged",
    "::warning::forged",
    "##[error]forged",
    "\x1b[31mred\x1b]0;title\x07",
    "[bold red]markup[/] :smile:",
    "%0A::error::forged",
    "a,line=1,title=b:c",
    "\u202etxt.lmth\u2028::error::forged",
    "<script>alert(1)</script><!channel>",
)


@pytest.fixture(autouse=True)
def _without_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither Atmos nor Terraform nor git: the page needs none of them."""
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["preflight", *arguments])


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_page_is_the_recorded_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word for word: a change of a sentence is seen in review."""
    variant, options = PAGES[name]
    monkeypatch.chdir(lay_out(tmp_path, variant))
    assert run("--repository", ".", *options).stdout == (GOLDEN / name).read_text("utf-8")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"stacks/deploy/prod.yaml": STACK.format(stage="dev")}, 1),
        ({"stacks/catalog/net.yaml": b"\xff"}, 3),  # findings too: could not read wins
        ({"atmos.yaml": None}, 1),
    ],
)
def test_exit_codes(changes: dict[str, str | bytes | None], code: int, tmp_path: Path) -> None:
    """0 clean, 1 findings, 3 something could not be read; the same in every form."""
    repository = str(written(tmp_path, changes))
    for form in ("text", "json", "github"):
        assert run("--repository", repository, "--format", form).exit_code == code, form


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "barograph.yml"),
        (("--ref", "main"), "--ref goes with --repository"),
        (("--repository", ""), "--repository is empty"),
        (("--repository", ".", "--atmos-version", "newest"), "is no version"),
        (("--repository", ".", "--ref", "main"), "--ref goes with a git address"),
        (("--repository", ".", "--json", "--format", "github"), "exclude each other"),
        (("-c", "missing.yml"), "missing.yml"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_why(arguments: tuple[str, ...], words: str) -> None:
    """Nothing is read, and the message names the option."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output


def test_a_folder_that_is_not_there_could_not_be_read(tmp_path: Path) -> None:
    """Exit 3 and the reason, never clean; as JSON too."""
    missing = str(tmp_path / "missing")
    assert "could not be read" in run("--repository", missing).stdout
    result = run("--repository", missing, "--json")
    assert (result.exit_code, json.loads(result.stdout)["clean"]) == (3, False)
    assert run("--repository", missing, "--format", "github").stdout.startswith("::error title=could not read::")


def test_both_are_shown_where_something_is_wrong_and_something_unread(tmp_path: Path) -> None:
    """What was found is worth having, whatever else could not be read."""
    changes = {"stacks/catalog/big.yaml": b"\xff", "stacks/deploy/prod.yaml": STACK.format(stage="dev").encode()}
    result = run("--repository", str(written(tmp_path, {**changes})))
    assert result.exit_code == 3
    assert "Not everything could be read" in result.stdout
    assert "stack_name_collision" in result.stdout


def test_a_version_leaves_out_what_does_not_affect_it(tmp_path: Path) -> None:
    """The type conflict is told to 1.205, the literal beside it to everybody."""
    repository = str(lay_out(tmp_path, "type-conflict"))
    first = []
    for version in ("1.163.0", "v1.205.1", "1.215"):
        told = json.loads(run("--repository", repository, "--json", "--atmos-version", version).stdout)
        first.append(told["findings"][0]["code"])
    assert first == ["type_conflict", "type_conflict", "literal_interpolation"]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_installed_atmos_is_asked_too(
    generation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Its version narrows the page down; what `validate stacks` says stands under ours."""
    install(tmp_path / "bin", generation)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-of-the-environment")
    repository = lay_out(tmp_path / "repository", "type-conflict")
    result = run("--repository", str(repository), "--json")
    seen = json.loads(result.stdout)
    assert seen["atmos_version"] == generation
    assert seen["atmos_validate_stacks"]  # never recorded: the stand-in says so, and that is what is shown
    assert "canary" not in result.stdout
    assert json.loads(run("--repository", str(repository), "--json", "--no-atmos").stdout)["atmos_version"] is None


def test_without_a_repository_the_checklist_is_gone_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the configuration, and the repository that it watches is read below it; the worse of both decides."""
    repository = written(tmp_path / "repository", {})
    config = tmp_path / "barograph.yml"
    config.write_text(f"source: {{kind: atmos, path: {repository}}}\nstore: {{path: {tmp_path / 'b.db'}}}\n")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # without Atmos
    result = run("-c", str(config))
    assert result.exit_code == 3, result.output
    assert "FAIL            atmos" in result.stdout
    assert "FAIL            inventory" in result.stdout
    assert "pass            repository root" in result.stdout
    assert "Clean" in result.stdout
    told = json.loads(run("-c", str(config), "--json").stdout)
    assert (told["clean"], told["checklist"]["exit_code"]) == (True, 3)
    answers = {item["name"]: item["answer"] for item in told["checklist"]["items"]}
    assert (answers["variables"], answers["atmos"]) == ("could_not_look", "fail")
    assert run("-c", str(config), "--format", "github").exit_code == 0


def test_root_modules_have_a_checklist_and_no_page(tmp_path: Path) -> None:
    """There are no manifests to read."""
    (tmp_path / "repository" / "app").mkdir(parents=True)
    config = tmp_path / "barograph.yml"
    source = "{kind: terraform, path: repository, roots: [{path: app, stack: dev}]}"
    config.write_text(f"source: {source}\nstore: {{path: b.db}}\n")
    result = run("-c", str(config))
    assert "pass            repository root" in result.stdout
    assert set(json.loads(run("-c", str(config), "--json").stdout)) == {"checklist"}


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=Ann", "-c", "user.email=ann@acme.test", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A real git repository: its branch `main` is clean, its tag `broken` is not."""
    monkeypatch.setenv("PATH", PATH)
    folder = written(tmp_path / "origin", {})
    git(folder, "init", "-q")
    (folder / "stacks/deploy/prod.yaml").write_text(STACK.format(stage="dev"))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Broken")
    git(folder, "tag", "broken")
    (folder / "stacks/deploy/prod.yaml").write_text(STACK.format(stage="prod"))
    git(folder, "commit", "-qam", "Mended")
    return f"file://{folder}"


def test_a_git_address_is_read_at_its_ref(address: str, tmp_path: Path) -> None:
    """What is committed there, and nothing is left behind."""
    assert run("--repository", address).exit_code == 0
    broken = run("--repository", address, "--ref", "broken", "--json")
    assert broken.exit_code == 1
    assert json.loads(broken.stdout)["findings"][0]["code"] == "stack_name_collision"


@pytest.mark.parametrize(
    ("link", "code"), [("stacks/deploy/test.yaml", 3), ("docs/link.md", 0), ("stacks", 3), (".atmos.yaml", 3)]
)
def test_a_link_that_was_left_out_of_a_checkout_is_not_read(
    link: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is clean that leads out of the repository, however it is named; elsewhere it is a note."""
    monkeypatch.setenv("PATH", PATH)
    folder = written(tmp_path / "origin", {})
    if link == "stacks":
        shutil.rmtree(folder / link)
    (folder / link).parent.mkdir(exist_ok=True)
    (folder / link).symlink_to("/etc/hostname")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "A link")
    result = run("--repository", f"file://{folder}")
    assert code == result.exit_code, result.output
    assert link in result.stdout
    assert (code == 0) is ("Clean" in result.stdout)


@pytest.mark.parametrize(("path", "code"), [("stacks/deploy/more", 3), ("components/terraform/vpc", 3), ("docs", 0)])
def test_a_submodule_that_was_not_fetched_is_not_read(
    path: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stacks could be anything; outside of what is read it is a note."""
    monkeypatch.setenv("PATH", PATH)
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("")
    folder = written(tmp_path / "origin", {})
    for one in (other, folder):
        git(one, "init", "-q")
        git(one, "add", "-A")
        git(one, "commit", "-qm", "First")
    git(folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), path)
    git(folder, "commit", "-qm", "A submodule")
    result = run("--repository", f"file://{folder}")
    assert code == result.exit_code, result.output
    assert path in result.stdout


def test_a_ref_that_is_not_there_could_not_be_read(address: str) -> None:
    """With the reason, and no word of clean."""
    result = run("--repository", address, "--ref", "gone")
    assert result.exit_code == 3
    assert "does not exist" in result.stdout
    assert "Clean" not in result.stdout


def test_a_configuration_can_watch_an_address(address: str, tmp_path: Path) -> None:
    """-c reads what the daemon would read, at its ref."""
    config = tmp_path / "barograph.yml"
    text = f"source: {{kind: atmos, url: '{address}', ref: broken}}\nstore: {{path: {tmp_path / 'b.db'}}}\n"
    config.write_text(text)
    assert run("-c", str(config), "--format", "github").exit_code == 1
    result = run("-c", str(config))
    assert "stack_name_collision" in result.stdout


@pytest.mark.parametrize(
    "address",
    [
        "x:canary-4711@example.com/acme/x",
        "https:/x:canary-4711@example.com/x",
        "x:canary/-4711@example.com",
        f"x:canary{'y' * 5_000}@example.com",
    ],
)
def test_a_mistyped_address_with_a_password_is_not_repeated(address: str) -> None:
    """Without its scheme it could pass for a folder, whose name is shown."""
    result = run("--repository", address)
    assert result.exit_code == 2
    assert "canary" not in result.output


def test_an_address_with_a_password_is_refused_and_not_repeated() -> None:
    """It stands in the list of processes for everybody to read."""
    result = run("--repository", "https://me:canary-password@git.acme.test/infra.git")
    assert result.exit_code == 2
    assert "must not hold a password" in result.output
    assert "canary" not in result.output


# Names are chosen by whoever opens a pull request.


def hostile(name: str) -> Examination:
    """An examination in which everything a repository can choose is *name*."""
    spot = Spot(name, 1, 2)
    one = RepositoryFinding(
        "type_conflict", name, (spot, Spot(name)), name, name, name, blinds=True, stacks=(name,), components=(name,),
        owner=name, cases=(Case(name, (spot, spot), (name, name)),),
    )  # fmt: skip
    below = RepositoryFinding("state_collision", name, (spot,), name, name)
    follows = RepositoryFinding("no_backend", name, (), name, name, follows=(below,))
    return Examination((one, follows), None, files_read=1, notes=(name,), unread=(name,), atmos_words=name)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_forges_an_annotation(name: str) -> None:
    """Every line is one of ours, with our properties, and no more lines than there are things to say."""
    lines = annotated(hostile(name)).splitlines()
    assert len(lines) == 4
    for line in lines:
        assert re.fullmatch(
            r"::(error|warning|notice) (file=[^,:]*,(line=1,col=2,)?)?title=[a-z ]+::[^\r\n]*", line
        ), line  # fmt: skip
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u202e]", line)


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_steers_a_terminal_or_a_log(name: str, colour: bool) -> None:
    """No escape but ours, no markup obeyed, no line that GitHub's runner takes for a command."""
    text = page(hostile(name), name, width=80, colour=colour)
    assert not re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u2028\u202e]", text)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "\x1b" not in (plain if colour else text)
    for line in plain.splitlines():
        assert not line.lstrip().startswith("::"), line
        assert "##[" not in line
    if "markup" in name:
        assert "[bold red]markup[/] :smile:" in plain


@pytest.mark.parametrize("name", HOSTILE)
def test_json_of_any_name_is_ascii_and_comes_back_as_it_was(name: str) -> None:
    """Escaped where it is printed, whole where it is parsed."""
    text = as_json(report(hostile(name), name))
    assert text.isascii()
    assert "##[" not in text
    assert json.loads(text)["findings"][0]["summary"] == name


def test_hostile_names_in_a_real_repository(tmp_path: Path) -> None:
    """From the file to the annotation, through the reader and the rules."""
    stack = STACK.format(stage="dev") + '    "x\\n::error::forged": {metadata: {component: "no\\ncomponent"}}\n'
    result = run("--repository", str(written(tmp_path, {"stacks/deploy/dev.yaml": stack})), "--format", "github")
    unusable, missing = result.stdout.splitlines()
    place = "::error file=stacks/deploy/dev.yaml,line=11,col=5,title="
    assert unusable.startswith(f"{place}workspace name unusable::")
    assert missing.startswith(f"{place}component folder missing::")


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_page_keeps_to_its_width_but_for_places(width: int, tmp_path: Path) -> None:
    """Places are never broken, so that they can be clicked and copied; all else wraps."""
    from checks.manifests.examine import examine
    from daemon.repository import read

    seen = examine(read(build(tmp_path)))
    for line in page(seen, "replica", width=width, colour=False).splitlines():
        place = re.search(r"[\w.-]+(/[\w.-]+)*\.(yaml|yml|md|tf)(:\d+)*|Makefile:|^     \.", line)
        assert len(line) <= max(width, 40) or place, line


def test_more_than_ten_findings_are_told_in_a_line_each() -> None:
    """Ten are explained in full; nothing is left out."""
    many = tuple(
        RepositoryFinding("inert_workflow", f"finding number {n}.", (Spot("f", n),), "", "") for n in range(14)
    )
    text = page(Examination(many, None, files_read=1), "r", width=100, colour=False)
    assert "10. finding number 9." in text
    assert "11. " not in text
    assert all(f"finding number {n}." in text for n in range(14))


def test_secrets_of_a_repository_are_in_no_form(tmp_path: Path) -> None:
    """Values of vars, env and backend are read, and never told."""
    for variant in ("functions", "duplicate-stack", "no-stage", "workspaces", "broken-yaml"):
        repository = str(lay_out(tmp_path / variant, variant))
        for form in ("text", "json", "github"):
            told = run("--repository", repository, "--format", form).stdout
            for secret in ("canary-secret", "testing", "acme-terraform-state", "127.0.0.1"):
                assert secret not in told, (variant, form, secret)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain ü …", "plain ü …"),
        ("a\nb\tc\x1b[0m", "a\\nb\\tc\\e[0m"),
        ("\x00\x9b\u202e\ud800", "\\x00\\x9b\\u202e\\ud800"),
    ],
)
def test_what_does_not_print_is_shown_as_its_escape(text: str, told: str) -> None:
    """Also what only moves or turns what stands beside it."""
    assert shown(text) == told


def test_a_command_of_the_runner_is_disarmed() -> None:
    """At the beginning of a line, and the older form anywhere."""
    assert harmless("  ::error::x") == "  \\::error::x"
    assert harmless("a ##[error]x") == "a ##\\[error]x"
    assert harmless("std::string") == "std::string"


def test_credentials_of_an_address_are_not_printed() -> None:
    """They are for git alone."""
    assert without_credentials("https://me:secret@host/x.git") == "https://***@host/x.git"
    assert without_credentials("git@host:x.git") == "git@host:x.git"


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _objects(each)


def test_every_key_of_the_json_is_documented(tmp_path: Path) -> None:
    """docs/preflight.md names each, so that programs can rely on them."""
    documentation = (Path(__file__).parents[3] / "docs" / "preflight.md").read_text("utf-8")
    seen = json.loads(run("--repository", str(lay_out(tmp_path, "unknown-token")), "--json").stdout)
    keys = {key for each in _objects(seen) for key in each}
    assert keys
    for key in keys:
        assert f"`{key}`" in documentation, key
