"""Repositories that want to run something, read something or get somewhere: nothing of it happens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.repository.faults import Fault, FetchError
from tests.daemon.repository.support import TOKEN, USER, Bench, Remote, git, http_server, remote


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program; the file `started` beside it says that it ran."""
    program = tmp_path / "trap"
    program.write_text(f"#!/bin/sh\necho ran >> {tmp_path}/started\ncat\n")
    program.chmod(0o755)
    return program


def test_nothing_of_a_repository_is_executed(tmp_path: Path, bench: Bench, trap: Path) -> None:
    """Hooks, filters, monitors, drivers, submodule commands, in its files and in the served repository itself."""
    made = remote(tmp_path, {"main.tf": "# one\n"})
    for hook in ("post-checkout", "post-update", "reference-transaction", "pre-receive", "upload-pack"):
        for folder in (made.bare / "hooks", made.work / "hooks", made.work / ".githooks"):
            folder.mkdir(exist_ok=True)
            (folder / hook).write_bytes(trap.read_bytes())
            (folder / hook).chmod(0o755)
    for name, value in (
        ("filter.evil.smudge", str(trap)), ("filter.evil.process", str(trap)), ("filter.evil.required", "true"),
        ("core.fsmonitor", str(trap)), ("core.hooksPath", "hooks"), ("core.sshCommand", str(trap)),
        ("diff.evil.textconv", str(trap)), ("merge.evil.driver", str(trap)), ("core.pager", str(trap)),
        ("uploadpack.packObjectsHook", str(trap)), ("credential.helper", f"!{trap}"), ("core.gitProxy", str(trap)),
        ("core.alternateRefsCommand", str(trap)), ("alias.fetch", f"!{trap}"),
    ):  # fmt: skip
        git(made.bare, "config", name, value)
    (made.work / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n*.bin filter=lfs\n")
    wanted = made.push({"a.bin": "version https://git-lfs.github.com/spec/v1\n", ".gitconfig": f"[core]\npager={trap}"})
    (tmp_path / "started").unlink()  # the push itself ran them: the traps work
    tree = bench.source(str(made.bare)).now()
    assert tree.commit == wanted
    assert (tree.path / "main.tf").read_text() == "# one\n"
    assert (tree.path / "a.bin").read_text().startswith("version https://git-lfs"), "a pointer stays one"
    assert not (tmp_path / "started").exists()


def test_links_out_of_the_tree_are_left_out(tmp_path: Path, bench: Bench) -> None:
    """Nobody reads this machine by committing a link; links within the repository stay."""
    made = remote(tmp_path, {"components/a/main.tf": "# a\n"})
    for name, target in (
        ("passwd", "/etc/passwd"), ("up", "../../../../../../../etc"), ("components/b", "a"), ("chain", "passwd"),
        ("proc", "/proc/self/environ"), ("circle", "circle"), ("dangling", "components/none"), ("git", ".git/config"),
        ("components/round", "../components/a/../../../../etc/hosts"),
    ):  # fmt: skip
        (made.work / name).symlink_to(target)
    made.push({})
    tree = bench.source(str(made.bare)).now()
    links = {str(path.relative_to(tree.path)) for path in tree.path.rglob("*") if path.is_symlink()}
    assert links - {"dangling", "git"} == {"components/b"}
    assert (tree.path / "components/b/main.tf").read_text() == "# a\n"
    [problem] = tree.problems
    assert (problem.key, problem.where) == (
        "links_outside", ("chain", "circle", "components/round", "passwd", "proc", "up"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "more", "refused"),
    [
        ("ext::sh -c 'TRAP'", "", False),
        ("https://elsewhere.invalid/x", "", False),
        ("git://127.0.0.1/x", "", False),
        ("--upload-pack=TRAP", "", True),  # git itself takes none of these from a server
        ("-x", "", True),
        ("../x", "update = !TRAP", True),
    ],
)
def test_hostile_submodules(tmp_path: Path, bench: Bench, trap: Path, url: str, more: str, refused: bool) -> None:
    """Not fetched unless asked for; asked for, an address that could run something is refused by name."""
    made = remote(tmp_path)
    declared = f'[submodule "s"]\n\tpath = s\n\turl = "{url}"\n\t{more}\n'
    (made.work / ".gitmodules").write_text(declared.replace("TRAP", str(trap)))
    head = git(made.work, "rev-parse", "HEAD")
    git(made.work, "update-index", "--add", "--cacheinfo", f"160000,{head},s")
    git(made.work, "add", ".gitmodules")
    git(made.work, "commit", "-qm", "submodule")
    git(made.work, "push", "-q", "origin", "HEAD")
    for submodules, expected in ((None, ["submodules_not_fetched"]), (False, []), (True, None)):
        ours = Bench(bench.folder / str(submodules))
        ours.folder.mkdir()
        source = ours.source(str(made.bare), submodules=submodules)
        if expected is not None and not refused:
            assert [problem.key for problem in source.now().problems] == expected
            continue
        with pytest.raises(FetchError) as caught:
            source.now()
        assert caught.value.fault is Fault.CONTENT
    assert not (tmp_path / "started").exists()


def test_submodules_that_are_asked_for(tmp_path: Path, bench: Bench) -> None:
    """They come at the pinned commit, by the same way, relative addresses and nesting included."""
    inner = remote(tmp_path / "one", {"inner.tf": "# inner\n"})
    module = remote(tmp_path / "two", {"module.tf": "# pinned\n"})
    git(module.work, "submodule", "add", "-q", str(inner.bare), "in/ner")
    module.push({})
    pinned = git(module.work, "rev-parse", "HEAD")
    made = remote(tmp_path, {"main.tf": "# one\n"})
    git(made.work, "submodule", "add", "-q", str(module.bare), "modules/m")
    made.push({})
    module.push({"module.tf": "# newer\n"})
    tree = bench.source(str(made.bare), submodules=True).now()
    assert (tree.path / "modules/m/module.tf").read_text() == "# pinned\n"
    assert (tree.path / "modules/m/in/ner/inner.tf").read_text() == "# inner\n"
    assert tree.problems == ()
    assert pinned
    left = [path.name for path in (bench.folder / "mirror" / "checkouts").iterdir()]
    assert len(left) == 1, left


def test_the_token_goes_to_its_own_host_only(tmp_path: Path, bench: Bench) -> None:
    """A submodule on another server, which asks for a password, gets none."""
    secret = remote(tmp_path / "theirs", {"x.tf": "# x\n"})
    made = remote(tmp_path, {"main.tf": "# one\n"})
    with http_server(secret.bare.parent, TOKEN) as thief, http_server(made.bare.parent, TOKEN) as server:
        git(made.work, "submodule", "add", "-q", str(secret.bare), "s")
        git(made.work, "config", "-f", ".gitmodules", "submodule.s.url", thief.url)
        made.push({})
        with pytest.raises(FetchError) as caught:
            bench.source(server.url, submodules=True, token=TOKEN, username=USER).now()
        assert caught.value.fault is Fault.CREDENTIALS
        assert thief.seen
        assert all("Authorization" not in headers for _, headers in thief.seen)


@pytest.mark.parametrize("name", [".git/config", ".GIT/hooks/x", "../out", "a/../../out", "git~1/x"])
def test_names_that_would_leave_the_checkout(tmp_path: Path, bench: Bench, name: str) -> None:
    """A tree with such a name is refused as a whole."""
    made = remote(tmp_path)
    blob = git(made.work, "hash-object", "-w", "main.tf")
    tree = _tree_of(made, name.split("/"), blob)
    bad = git(made.work, "commit-tree", "-m", "bad", tree)
    git(made.work, "push", "-q", "origin", f"{bad}:refs/heads/bad")
    with pytest.raises(FetchError) as caught:
        bench.source(str(made.bare), "bad").now()
    assert caught.value.fault in (Fault.CONTENT, Fault.CORRUPT)
    assert not (bench.folder / "out").exists()


def _tree_of(made: Remote, parts: list[str], blob: str) -> str:
    """A tree object with a name that git's own commands would not write."""
    entry = f"100644 {parts[-1]}\0".encode() + bytes.fromhex(blob)
    for part in reversed(parts[:-1]):
        (made.work / "raw").write_bytes(entry)
        made_tree = git(made.work, "hash-object", "-t", "tree", "-w", "--literally", "raw")
        entry = f"40000 {part}\0".encode() + bytes.fromhex(made_tree)
    (made.work / "raw").write_bytes(entry)
    return git(made.work, "hash-object", "-t", "tree", "-w", "--literally", "raw")


def test_our_own_environment_changes_nothing(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What GIT_… variables and configuration this process has is not handed on."""
    made = remote(tmp_path)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    config = tmp_path / "gitconfig"
    config.write_text(f'[core]\n\thooksPath = {hooks}\n[url "/nonexistent"]\n\tinsteadOf = {made.bare}\n')
    for name, value in (
        ("GIT_CONFIG_GLOBAL", str(config)), ("GIT_DIR", "/nonexistent"), ("GIT_INDEX_FILE", "/nonexistent"),
        ("GIT_TRACE", str(tmp_path / "trace")), ("GIT_ASKPASS", "/nonexistent"), ("HOME", str(tmp_path)),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    source = bench.source(str(made.bare))
    assert source.now().commit
    assert not (tmp_path / "trace").exists()
    assert os.environ["GIT_DIR"] == "/nonexistent"
