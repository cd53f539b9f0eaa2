"""Repositories made to harm: a named fault for each, nothing run, nothing outside opened, limits held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from checks.manifests.model import Repository
from daemon.repository import Limits, RepositoryError, read
from tests.daemon.repository.small import ATMOS, only, repository, told, write

ROOT = Path(__file__).parents[3]
GOOD = "vars: {tenant: acme, stage: dev}\ncomponents: {terraform: {vpc: {vars: {a: 1}}}}\n"
CANARY = "canary-outside-the-repository"


def refused(found: Repository) -> list[tuple[str, str, str]]:
    """Which files were passed over, at which line, and why."""
    return [
        (fault.spots[0].file, str(fault.spots[0]), fault.names[0])
        for fault in found.faults
        if fault.code == "unreadable_file"
    ]


def watched(repository: Path) -> dict[str, Any]:
    """Read it in a process of its own, with an ear on all that Python opens and starts."""
    program = Path(__file__).with_name("watched_read.py")
    done = subprocess.run(
        [sys.executable, str(program), str(repository)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return dict(json.loads(done.stdout))


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (bomb(), "too_many_values"),
        ("a: [" + "x, " * 300_000 + "x]", "too_many_values"),
        ("[" * 5_000 + "]" * 5_000, "nested_too_deeply"),
        ("a: " + "{a: " * 300 + "1" + "}" * 300, "nested_too_deeply"),
        ("".join(f"{' ' * n}a:\n" for n in range(200)), "nested_too_deeply"),
        (b"vars:\n  a: b\n  c: \xff\xfe\n", "not_utf8"),
        ("a: b\n".encode("utf-16"), "not_utf8"),
        ("a: 1\n" * 100_000, "too_many_faults"),
        ("# " + "x" * (5 * 1024 * 1024), "too_large"),
    ],
    ids=["bomb", "long", "brackets", "braces", "indents", "latin", "utf16", "duplicates", "large"],
)
def test_a_file_that_asks_for_too_much_is_passed_over(tmp_path: Path, content: str | bytes, why: str) -> None:
    """It is named with the reason; the other stack is read as ever; it takes a moment."""
    begun = time.monotonic()
    found = repository(tmp_path, {"stacks/deploy/bad.yaml": content, "stacks/deploy/good.yaml": GOOD})
    assert time.monotonic() - begun < 10
    assert [(file, reason) for file, _, reason in refused(found)] == [("stacks/deploy/bad.yaml", why)]
    assert [stack.name for stack in found.stacks] == ["acme-dev"]
    assert found.manifests["stacks/deploy/bad.yaml"].top_level


def test_the_line_of_what_is_no_utf8_is_told(tmp_path: Path) -> None:
    """Line and column of the first byte that is none."""
    found = repository(tmp_path, {"stacks/deploy/bad.yaml": b"vars:\n  a: b\n  c: \xff\n"})
    assert [where for _, where, _ in refused(found)] == ["stacks/deploy/bad.yaml:3:6"]


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """100 MB with holes: its size is enough to leave it."""
    write(tmp_path, {"stacks/deploy/good.yaml": GOOD})
    with (tmp_path / "stacks/deploy/huge.yaml").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    found = read(tmp_path)
    assert [why for _, _, why in refused(found)] == ["too_large"]
    assert found.bytes_read < 10_000


def test_what_is_too_much_in_sum_is_told(tmp_path: Path) -> None:
    """Files that are small each: the rest is named as passed over."""
    files = {f"stacks/deploy/s{n}.yaml": "# " + "x" * 500 for n in range(10)}
    found = repository(tmp_path, files, limits=Limits(total_bytes=3_000))
    assert {why for _, _, why in refused(found)} == {"too_much"}
    assert found.bytes_read <= 3_000
    found = repository(tmp_path, files, limits=Limits(files=4))
    assert told(found.faults) == [("unreadable_file", ["stacks"], ("too_many_files",))]
    assert len(found.manifests) == 4
    found = repository(tmp_path, files, limits=Limits(entries=5))
    assert ("unreadable_file", ["."], ("too_many_files",)) in told(found.faults)


def test_texts_that_are_too_many_are_told(tmp_path: Path) -> None:
    """Files and lines; what fits is there."""
    files = {f"s{n}/Makefile": "a:\n\tatmos version\n" for n in range(5)}
    for limits in (Limits(texts=3), Limits(lines=3)):
        found = repository(tmp_path, files, limits=limits)
        assert len(found.calls) == 3
        assert told(found.faults) == [("unreadable_file", ["."], ("too_many_texts",))]


def test_values_are_counted_over_all_files(tmp_path: Path) -> None:
    """Each within its limit, all together not: the later ones are passed over."""
    files = {f"stacks/deploy/s{n}.yaml": "vars: {a: [" + "x, " * 500 + "x]}" for n in range(10)}
    found = repository(tmp_path, files, limits=Limits(total_nodes=2_000))
    assert [why for _, _, why in refused(found)] == ["too_many_values"] * 7


def test_nothing_outside_is_opened_and_nothing_is_run(tmp_path: Path) -> None:
    """Links, paths with `..` and absolute ones lead out; a hook, a git configuration and functions would run things."""
    outside = tmp_path / "outside"
    write(outside, {"secret.yaml": f"vars: {{tenant: {CANARY}}}\n", "folder/x.yaml": "vars: {}\n"})
    inside = tmp_path / "repository"
    pwned = f"touch {tmp_path}/pwned"
    write(
        inside,
        {
            ".git/config": f"[core]\n\tfsmonitor = {pwned}\n\tsshCommand = {pwned}\n",
            ".git/hooks/post-checkout": f"#!/bin/sh\n{pwned}\n",
            "stacks/deploy/good.yaml": GOOD,
            "stacks/deploy/out.yaml": f"import: [../../outside/secret, ../../../outside/secret, {outside}/secret,"
            f" /{outside}/secret.yaml, ./../../../outside/secret.yaml, link, folder/x]\n{GOOD}",
            "stacks/deploy/exec.yaml": f"vars:\n  tenant: acme\n  stage: e\n  a: !exec {pwned}\n"
            f"  b: !include {outside}/secret.yaml\n  c: !env HOME\n  d: '{{{{ exec \"{pwned}\" }}}}'\n"
            "  e: !!python/object/apply:os.system [touch pwned]\n",
            "Makefile": f"plan:\n\tatmos terraform plan x && {pwned}\n",
            "components/terraform/vpc/main.tf": 'terraform {\n  required_version = ">= 1"\n}\n',
        },
    )
    os.symlink(outside / "secret.yaml", inside / "stacks/link.yaml")
    os.symlink(outside / "folder", inside / "stacks/folder")
    os.symlink("../../.git/config", inside / "stacks/deploy/config.yaml")
    os.symlink(outside / "secret.yaml", inside / "CODEOWNERS")
    os.symlink(outside / "secret.yaml", inside / "README.md")
    os.symlink(outside / "folder", inside / "components/terraform/out")
    os.symlink("/etc/passwd", inside / ".tool-versions")
    (inside / ".git/hooks/post-checkout").chmod(0o755)

    seen = watched(inside)

    there = str(inside.resolve())
    ours = (there, str(ROOT), sys.prefix, sys.base_prefix, "/usr/lib/python3")
    assert [path for path in seen["opened"] if not path.startswith(ours)] == []
    assert not [path for path in seen["opened"] if "/.git/" in path and path.startswith(there)]
    assert [path for path in seen["opened"] if path.startswith(str(outside))] == []
    assert seen["started"] == []
    assert [path for path in seen["changed"] if "__pycache__" not in path] == []
    assert not (tmp_path / "pwned").exists()
    assert CANARY not in json.dumps(seen["faults"]) + json.dumps(seen["stacks"])
    said = [(code, file) for code, file, _ in seen["faults"]]
    assert {file for code, file in said if code == "unreadable_file"} == {
        "../outside",
        "CODEOWNERS",
        "components/terraform/out",
        "stacks/deploy/config.yaml",
        "stacks/folder",
        "stacks/link.yaml",
    }
    assert [file for code, file in said if code == "missing_import"] == ["stacks/deploy/out.yaml"] * 7
    assert seen["stacks"] == ["acme-e", "acme-dev", "acme-dev"]


@pytest.mark.parametrize("base", ["..", "../..", "/etc", "/", "../../../../etc"])
def test_a_base_path_that_leads_out_is_named(tmp_path: Path, base: str) -> None:
    """Atmos would read there; the reading does not."""
    folder = tmp_path / "a/b"
    folder.mkdir(parents=True)
    atmos = f"base_path: {base}\nstacks: {{base_path: stacks, included_paths: ['**/*'], name_pattern: '{{stage}}'}}\n"
    write(tmp_path, {"a/stacks/x.yaml": GOOD, "stacks/x.yaml": GOOD})
    found = repository(folder, {}, atmos=atmos)
    assert found.stacks == ()
    assert {why for _, _, why in refused(found)} == {"leaves_repository"}


def test_links_that_stay_inside_are_followed_and_circles_are_not(tmp_path: Path) -> None:
    """A shared manifest by a link is read; a folder that holds itself is named, and so is a link to nothing."""
    write(tmp_path, {"shared/dev.yaml": GOOD})
    (tmp_path / "stacks/deploy").mkdir(parents=True)
    os.symlink("../../shared/dev.yaml", tmp_path / "stacks/deploy/dev.yaml")
    os.symlink("..", tmp_path / "stacks/deploy/up")
    os.symlink("nowhere.yaml", tmp_path / "stacks/deploy/dangling.yaml")
    os.symlink("self.yaml", tmp_path / "stacks/deploy/self.yaml")
    found = read(tmp_path)
    assert only(found).name == "acme-dev"
    assert [(file, why) for file, _, why in refused(found)] == [
        ("stacks/deploy/dangling.yaml", "unreadable"),
        ("stacks/deploy/self.yaml", "unreadable"),
        ("stacks/deploy/up", "link_loop"),
    ]


def test_links_to_links_to_links_end(tmp_path: Path) -> None:
    """Folders of links that double with every level."""
    write(tmp_path, {"stacks/deploy/dev.yaml": GOOD})
    for level in range(20):
        folder = tmp_path / f"stacks/l{level}"
        folder.mkdir()
        for number in range(8):
            os.symlink(f"../l{level + 1}", folder / f"s{number}")
    begun = time.monotonic()
    found = read(tmp_path)
    assert time.monotonic() - begun < 20
    assert [why for _, _, why in refused(found)] == ["too_many_links"]
    assert only(found).name == "acme-dev"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe and a socket's name among the manifests, and a pipe for every file that is looked for by name."""
    write(tmp_path, {"stacks/deploy/good.yaml": GOOD})
    (tmp_path / "atmos.d").mkdir()
    for name in ("stacks/deploy/pipe.yaml", "Makefile", "CODEOWNERS", ".tool-versions", ".env", "atmos.d/x.yaml"):
        os.mkfifo(tmp_path / name)
    found = read(tmp_path)
    assert only(found).name == "acme-dev"
    assert {(file, why) for file, _, why in refused(found)} == {
        ("stacks/deploy/pipe.yaml", "not_a_file"),
        ("atmos.d/x.yaml", "not_a_file"),
    }


def test_a_pipe_for_a_configuration_is_none(tmp_path: Path) -> None:
    """atmos.yaml that is a pipe is not there."""
    os.mkfifo(tmp_path / "atmos.yaml")
    assert read(tmp_path).settings.file == ""


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """With the system's reason. (Root may read everything.)"""
    if os.geteuid() == 0:
        pytest.skip("root reads what nobody else may")
    write(tmp_path, {"stacks/deploy/good.yaml": GOOD, "stacks/deploy/bad.yaml": GOOD})
    (tmp_path / "stacks/deploy/bad.yaml").chmod(0)
    assert [why for _, _, why in refused(read(tmp_path))] == ["unreadable"]


def test_names_are_data(tmp_path: Path) -> None:
    """Newlines, Slack and HTML markup in names of files, stacks, components and workflows stay as they are."""
    evil = "<!channel> *x*\n<script>alert(1)</script> & `x` \u202e"
    quoted = json.dumps(evil)
    found = repository(
        tmp_path,
        {
            "stacks/deploy/<b>&\n*x*.yaml": f"vars: {{tenant: {quoted}, stage: dev}}\n"
            f"components: {{terraform: {{{quoted}: {{metadata: {{component: {quoted}}}}}}}}}\n",
            "workflows/w.yaml": f"workflows: {{{quoted}: {{steps: [{{name: {quoted}}}]}}}}\n",
        },
    )
    stack = only(found)
    assert stack.manifest == "deploy/<b>&\n*x*"
    assert stack.name == f"{evil}-dev"
    assert list(stack.components) == [evil]
    assert [step.name for workflow in found.workflows for step in workflow.steps] == [evil]


def test_a_name_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    """A file whose name cannot be written down is passed over, with a name that can."""
    write(tmp_path, {"stacks/deploy/good.yaml": GOOD})
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/stacks/deploy/\xff.yaml"))).write_text(GOOD)
    found = read(tmp_path)
    assert [(file, why) for file, _, why in refused(found)] == [("stacks/deploy/\ufffd.yaml", "name_not_utf8")]
    assert str(found.faults[0]).encode()


def test_imports_in_a_circle_end(tmp_path: Path) -> None:
    """Of itself, of two, of many; each is named once, with the places of its steps."""
    many = {f"stacks/deploy/l{n}.yaml": f"import: [deploy/l{(n + 1) % 5}]\nvars: {{a{n}: 1}}\n" for n in range(5)}
    alone = {"stacks/c/me.yaml": "import: [c/me]\n", "stacks/deploy/x.yaml": "import: [c/me]\n"}
    found = repository(tmp_path, {**alone, **many})
    loops = [fault for fault in found.faults if fault.code == "import_loop"]
    assert sorted(fault.names for fault in loops) == [
        ("c/me",),
        ("deploy/l0", "deploy/l1", "deploy/l2", "deploy/l3", "deploy/l4"),
    ]
    assert sorted(len(fault.spots) for fault in loops) == [1, 5]
    assert all(stack.partial for stack in found.stacks)


def test_imports_that_never_repeat_end_too(tmp_path: Path) -> None:
    """A chain of a thousand files: followed as far as any real one goes, and said."""
    files = {f"stacks/c/l{n}.yaml": f"import: [c/l{n + 1}]\n" for n in range(1_000)}
    found = repository(tmp_path, {**files, "stacks/c/l1000.yaml": "", "stacks/deploy/x.yaml": "import: [c/l0]\n"})
    assert [fault.code for fault in found.faults] == ["import_loop"]
    assert only(found).partial


@pytest.mark.parametrize("shape", ["contexts", "diamonds", "bases", "lists"])
def test_what_doubles_with_every_level_ends(tmp_path: Path, shape: str) -> None:
    """Imports with contexts, imports and bases of diamonds, and lists that are appended: no exponential work."""
    files = {"stacks/deploy/x.yaml": "import: [c/l0]\n", "stacks/c/l50.yaml": "vars: {a: [1, 2, 3], b: '{{ .k1 }}'}\n"}
    for level in range(50):
        following = f"c/l{level + 1}"
        entries = [following, following]
        if shape == "contexts":
            entries = [f"{{path: {following}, context: {{k{level}: {number}}}}}" for number in (1, 2, 3)]
        files[f"stacks/c/l{level}.yaml"] = f"import: [{', '.join(entries)}]\nvars: {{v{level}: [1]}}\n"
    if shape == "bases":
        bases = "{metadata: {inherits: [a%d, b%d]}}"
        lines = [f"    {letter}{n}: {bases % (n + 1, n + 1)}\n" for n in range(50) for letter in "ab"]
        files = {"stacks/deploy/x.yaml": f"components:\n  terraform:\n{''.join(lines)}    a50: {{}}\n    b50: {{}}\n"}
    atmos = ATMOS + ("settings: {list_merge_strategy: append}\n" if shape == "lists" else "")
    begun = time.monotonic()
    found = repository(tmp_path, files, atmos=atmos)
    assert time.monotonic() - begun < 30
    stopped = {why for _, _, why in refused(found)}
    assert stopped == ({"too_much_work"} if shape in ("contexts", "lists") else set())


def test_a_reading_that_stops_early_says_so(tmp_path: Path) -> None:
    """Work is counted; what was read until then is there."""
    files = {f"stacks/deploy/s{n:03}.yaml": GOOD.replace("dev", f"s{n}") for n in range(100)}
    found = repository(tmp_path, files, limits=Limits(work=20_000))
    assert 0 < len(found.stacks) < 100
    (fault,) = found.faults
    assert (fault.code, fault.names) == ("unreadable_file", ("too_much_work",))
    assert f"after {len(found.stacks)} of 100 stacks" in fault.detail


def test_owners_that_take_too_long_to_look_up_are_not_told(tmp_path: Path) -> None:
    """Which is said; the rest is read."""
    files = {f"stacks/deploy/{'a' * 200}{n}.yaml": "" for n in range(50)}
    begun = time.monotonic()
    found = repository(tmp_path, {**files, "CODEOWNERS": "*a*a*a*a*a*a*b @x\n" * 6_000})
    assert time.monotonic() - begun < 10
    assert found.owners == {}
    assert told(found.faults) == [("unreadable_file", ["CODEOWNERS"], ("too_much_work",))]


def test_only_the_folder_itself_is_an_error(tmp_path: Path) -> None:
    """What is no folder is told in words for people."""
    for path in (tmp_path / "nowhere", write(tmp_path, {}) / "atmos.yaml", tmp_path / "a\0b"):
        with pytest.raises(RepositoryError, match="name the repository's folder"):
            read(path)
