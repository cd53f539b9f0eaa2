"""CODEOWNERS: whom the host of the repository asks about a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from checks.manifests.globs import Glob, gitignore

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")  # GitHub takes the first that exists
_OWNER = re.compile(r"@[\w-]{1,100}(/[\w.-]{1,100})?|[^\s@]{1,100}@[\w.-]{1,200}")
_GAP = re.compile(r"(?<!\\)\s+")  # a space of a path is written with a backslash before it
_LIMIT = 3 * 1024 * 1024  # bytes; GitHub ignores larger files


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: files that fit belong to these owners. No owners: to nobody."""

    glob: Glob
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Codeowners:
    """The rules of one repository; the last that fits wins. *prefix*: the folder of it that is watched, with "/"."""

    rules: tuple[Rule, ...] = ()
    prefix: str = ""

    def owner(self, paths: Iterable[str]) -> str:
        """The owners that the last rule which fits any of *paths* (relative to what is watched) names."""
        wanted = tuple(self.prefix + path for path in paths)
        for rule in reversed(self.rules):
            if any(rule.glob.fits(path) for path in wanted):
                return " ".join(rule.owners)
        return ""


def read(watched: Path, top: Path | None = None) -> Codeowners:
    """The repository's CODEOWNERS; empty where it has none, or one that cannot be read.

    *top*: the folder of the repository, where only a folder of it is *watched*.
    """
    watched, top = watched.resolve(), None if top is None else top.resolve()
    repository = top if top is not None and watched.is_relative_to(top) else watched
    prefix = "" if repository == watched else f"{watched.relative_to(repository).as_posix()}/"
    for place in PLACES:
        file = repository / place
        try:
            if file.is_file():
                inside = file.resolve().is_relative_to(repository)
                if not inside or file.stat().st_size > _LIMIT:
                    return Codeowners()
                return Codeowners(parse(file.read_text("utf-8", errors="replace")).rules, prefix)
        except OSError:
            return Codeowners()
    return Codeowners()


def parse(text: str) -> Codeowners:
    """CODEOWNERS as GitHub reads it: gitignore's patterns without `!` and `[ ]`, then owners, then a comment.

    A line that is not valid is passed over, as GitHub does: an owner is @user, @organisation/team or an address.
    """
    rules = []
    for line in text.splitlines():
        words = _GAP.split(re.split(r"(?<!\\)#", line, maxsplit=1)[0].strip())
        if not words[0] or words[0].startswith(("!", "[")):  # sections of GitLab, and what GitHub does not take
            continue
        if all(map(_OWNER.fullmatch, words[1:])):
            rules.append(Rule(gitignore(re.sub(r"\\([# ])", r"\1", words[0])), tuple(words[1:])))
    return Codeowners(tuple(rules))
