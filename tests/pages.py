"""Markdown as tests read it: fenced blocks with their lines, commands in them, links and anchors."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from daemon.runbooks import slug

ROOT = Path(__file__).parent.parent
SHELL = ("sh", "bash", "console", "shell")
_FENCE = re.compile(r"^ *(`{3,}|~{3,})(\w*)[^`]*$")
_LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)")
_WORDS = re.compile(r"^(?:\w+=\S+\s+)*(?:sudo (?:-u \S+ )?(?:\w+=\S+ )*)?(?:\S*/)?barograph(?=\s|$)")


@dataclass(frozen=True)
class Block:
    """A fenced block. *line*: where its text begins."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One call of barograph. *synopsis*: it shows what can be given, not what is typed."""

    where: str
    words: tuple[str, ...]  # behind "barograph"
    synopsis: bool = False


def pages() -> list[Path]:
    """All Markdown for readers."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def blocks(page: Path) -> Sequence[Block]:
    """Every fenced block of *page*, also those in lists."""
    found: list[Block] = []
    fence, language, begun = "", "", 0
    taken: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        edge = _FENCE.match(line)
        if fence:
            if edge and edge[1].startswith(fence) and not edge[2]:
                text = "\n".join(taken)
                found.append(Block(page, begun, language, textwrap.dedent(text) + "\n"))
                fence = ""
            else:
                taken.append(line)
        elif edge:
            fence, language, begun, taken = edge[1], edge[2], number + 1, []
    assert not fence, f"{name(page)}: a block is not closed"
    return found


def prose(page: Path) -> str:
    """The text of *page* without its blocks."""
    kept, inside = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def links(page: Path) -> list[str]:
    """Where its links and pictures lead."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page)))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of its headings, as GitHub makes them, and those of HTML."""
    found: dict[str, int] = {}
    known = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", prose(page), re.MULTILINE):
        made = slug(heading)
        times = found.get(made, 0)
        found[made] = times + 1
        known.add(f"{made}-{times}" if times else made)
    return frozenset(known | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", page.read_text(encoding="utf-8"))))


def commands(page: Path) -> Iterator[Command]:
    """Every call of barograph in the shell blocks of *page*."""
    for block in blocks(page):
        if block.language not in SHELL:
            continue
        prompts = block.language == "console"
        joined = re.sub(r"\\\n\s*", " ", block.text)
        for line in joined.splitlines():
            typed = line.strip()
            if prompts:
                if not typed.startswith(("$ ", "# ")):
                    continue  # what a command printed
                typed = typed[2:]
            for part in _parts(typed):
                if _WORDS.match(part):
                    yield _command(block.where, _WORDS.sub("", part, count=1).strip())


def _parts(line: str) -> list[str]:
    """The commands of one line."""
    return [part.strip() for part in re.split(r"\s(?:&&|\|\||;)\s", line)]


def _command(where: str, text: str) -> Command:
    if re.search(r"\[-|\[[A-Z]|\w\|\w", text.partition("#")[0]):
        return Command(where, tuple(re.findall(r"--[a-z-]+|^[a-z-]+(?: [a-z-]+)*", text)), synopsis=True)
    words = []
    for word in shlex.split(text, comments=True):
        if re.fullmatch(r"\||&|\d?>{1,2}(?:&\d)?.*|<.*", word):
            break
        words.append(word.removesuffix(";"))
    return Command(where, tuple(words))
