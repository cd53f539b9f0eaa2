"""What a commit holds, looked at before any of it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from daemon.processes import MIB
from daemon.repository.faults import Fault, FetchError
from daemon.repository.mirror import Mirror

_LIST_LIMIT = 64 * MIB  # of names: a tree that repeats itself is endless long before
_LINK, _COMMIT = "120000", "160000"
_ENTRY = re.compile(rb"(\d{6}) \w+ ([0-9a-f]+) +(-|\d+)\t(.*)", re.DOTALL)
_MODULES = ".gitmodules"


@dataclass(frozen=True, slots=True)
class Held:
    """What is special in one commit."""

    links: tuple[str, ...] = ()
    submodules: tuple[tuple[str, str], ...] = ()  # path, commit
    declares_submodules: bool = False


def held(mirror: Mirror, commit: str) -> Held:
    """Look through *commit*. Raises FetchError, too, where it is larger than the limits allow."""
    what = f"looking through commit {commit[:12]} of {mirror.address}"
    said = mirror.read("ls-tree", "-r", "-z", "-l", "--full-tree", commit, what=what, stdout_limit=_LIST_LIMIT)
    links: list[str] = []
    submodules: list[tuple[str, str]] = []
    total = count = 0
    declares = False
    for entry in said.split(b"\0"):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            continue
        mode, path = match[1].decode(), match[4].decode("utf-8", "surrogateescape")
        count += 1
        total += int(match[3]) if match[3] != b"-" else 0
        if mode == _LINK:
            links.append(path)
        elif mode == _COMMIT:
            submodules.append((path, match[2].decode()))
        declares = declares or path == _MODULES
    if total > mirror.limits.size or count > mirror.limits.files:
        size = f"{count} files of {total // MIB} MiB"
        raise FetchError(Fault.TOO_LARGE, what, f"{size}; {mirror.limits.files} files may be there")
    return Held(tuple(links), tuple(submodules), declares)


def submodule_urls(mirror: Mirror, commit: str) -> dict[str, str]:
    """Path -> address as `.gitmodules` of *commit* writes them. Raises FetchError."""
    what = f"reading {_MODULES} of commit {commit[:12]}"
    said = mirror.read("config", "--blob", f"{commit}:{_MODULES}", "--no-includes", "--list", "-z", what=what)
    found: dict[str, dict[str, str]] = {}
    for entry in said.decode("utf-8", errors="replace").split("\0"):
        name, _, value = entry.partition("\n")
        section, _, key = name.rpartition(".")
        if section.startswith("submodule."):
            found.setdefault(section, {})[key] = value
    return {each["path"]: each["url"] for each in found.values() if "path" in each and "url" in each}
