"""Which content a repository's folder has, without touching it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon.inventory.session import Run
from daemon.processes import ProgramMissingError

_SECONDS = 30.0
_GENERATED = {".git", ".terraform", "node_modules", "__pycache__"}
# Nothing that a repository's own configuration names may run, and its owner need not be us.
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*")


@dataclass(frozen=True, slots=True)
class Stamp:
    """One content of a folder."""

    commit: str  # empty: no git work tree
    dirty: bool
    fingerprint: str  # equal for equal content


def stamp(path: Path, run: Run, environment: Mapping[str, str]) -> Stamp:
    """Ask git, or, where that gives nothing, take the files' names, sizes and times. Raises OSError for no folder."""
    if not path.is_dir():
        raise NotADirectoryError(f"{path} is not a folder")
    commit = (
        (ask_git(path, run, environment, "rev-parse", "--verify", "HEAD") or b"").decode("ascii", "replace").strip()
    )
    if not commit:
        return Stamp("", False, _of_files(path, sorted(_files(path))))
    status = _status(path, run, environment)
    if status is None:  # too slow, too long: whether it is dirty is not known, but no change may be missed
        return Stamp(commit, True, f"{commit}+{_of_files(path, sorted(_files(path)))}")
    if not status:
        return Stamp(commit, False, commit)
    changed = sorted({entry[3:] for entry in status.decode("utf-8", errors="surrogateescape").split("\0") if entry[3:]})
    top = (ask_git(path, run, environment, "rev-parse", "--show-toplevel") or b"").decode("utf-8", "surrogateescape")
    return Stamp(commit, True, f"{commit}+{_of_files(Path(top.strip() or path), changed, status)}")


def changes(path: Path, run: Run, environment: Mapping[str, str]) -> int | None:
    """How many files of the folder are not as the commit has them; None: git does not tell."""
    status = _status(path, run, environment)
    return None if status is None else sum(bool(entry) for entry in status.split(b"\0"))


def _status(path: Path, run: Run, environment: Mapping[str, str]) -> bytes | None:
    """What git says is not as the commit has it, NUL between entries; None: git does not tell."""
    return ask_git(
        path, run, environment, "status", "--porcelain", "-z", "--untracked-files=all", "--", ".",
        more=_without_filters(path, run, environment),
    )  # fmt: skip


def _without_filters(path: Path, run: Run, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Variables by which git takes every filter of the repository and its submodules for one that does nothing.

    `git status` gives a file that may have changed to the filter that attributes name for it: a program of the
    repository's own configuration. Without it, such a file counts as changed.
    """
    asked = ("--includes", "--null", "--name-only", "--get-regexp", r"^filter\.")
    found = ask_git(path, run, environment, "config", *asked) or b""
    common = (ask_git(path, run, environment, "rev-parse", "--git-common-dir") or b"").decode(
        "utf-8", "surrogateescape"
    )
    modules = path / common.rstrip("\n") / "modules" if common else None
    for file in sorted(modules.rglob("config*")) if modules is not None and modules.is_dir() else ():
        if file.is_file():
            found += ask_git(path, run, environment, "config", "--file", str(file), *asked) or b""
    names = {name.rpartition(".")[0] for name in found.decode("utf-8", "surrogateescape").split("\0") if name}
    off = [f"{name}.{key}" for name in sorted(names) for key in ("clean", "smudge", "process")]
    pairs = [*((key, "") for key in off), *((f"{name}.required", "false") for name in sorted(names))]
    numbered = {
        f"GIT_CONFIG_{what}_{at}": text
        for at, pair in enumerate(pairs)
        for what, text in zip(("KEY", "VALUE"), pair, strict=True)
    }
    return {**numbered, "GIT_CONFIG_COUNT": str(len(pairs))}


def ask_git(
    path: Path, run: Run, environment: Mapping[str, str], *arguments: str, more: Mapping[str, str] | None = None
) -> bytes | None:
    """What git prints; None where it fails or is not there. Takes no locks, so that nothing is written."""
    program = shutil.which("git", path=environment.get("PATH"))
    if program is None:
        return None
    env = {
        "PATH": environment.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        **(more or {}),
    }
    try:
        finished = run([program, *_SAFE, *arguments], cwd=path, env=env, deadline=_SECONDS)
    except ProgramMissingError:
        return None
    return finished.stdout if finished.rc == 0 and not finished.truncated else None


def _files(path: Path) -> list[str]:
    found: list[str] = []
    for parent, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name not in _GENERATED]
        found.extend(os.path.relpath(os.path.join(parent, name), path) for name in names)
    return found


def _of_files(top: Path, names: list[str], also: bytes = b"") -> str:
    digest = hashlib.sha256(also)
    for name in names:
        try:
            stat = (top / name).lstat()
            line = f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_mode}\n"
        except OSError:
            line = f"{name}\0gone\n"
        digest.update(line.encode("utf-8", errors="surrogateescape"))
    return digest.hexdigest()[:20]
