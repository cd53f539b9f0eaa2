"""The runbooks that are shipped with Barograph: Markdown, as pages and as text. The only import of markdown_it.

They are files of `docs/runbooks`, beside this package in a checkout as in an installation. What their authors write is
trusted, and rendered as if it was not: no HTML of a file reaches a page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from checks.kinds import Kind

FOLDER = Path(__file__).parent.parent / "docs" / "runbooks"
KINDS = tuple(str(kind) for kind in Kind)
OWN = "barograph"  # of the alerting rules about Barograph itself
_PAGES = {"README.md": "/runbooks", "../network.md": "/network", "../executions.md": "/runs"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_CODE = re.compile(r"`([^`\s]+)`")
_HEADING = re.compile(r"(#{1,6})\s+(.*)")


@dataclass(frozen=True)
class Runbook:
    """What is written about one kind of alert. *name*: the kind."""

    name: str
    text: str  # Markdown

    @cached_property
    def title(self) -> str:
        return next((found[2].strip() for line in self.text.splitlines() if (found := _HEADING.match(line))), self.name)

    @cached_property
    def codes(self) -> Sequence[str]:
        """The words of checks that have a heading here, in its order."""
        return tuple(code for _, heading in _headings(self.text) for code in _CODE.findall(heading))

    def section(self, code: str) -> str:
        """The part under the heading that names *code*; empty: there is none."""
        taken: list[str] = []
        depth = 0
        fenced = False
        for line in self.text.splitlines():
            fenced ^= line.startswith("```")
            found = None if fenced else _HEADING.match(line)
            if found is not None:
                if depth and len(found[1]) <= depth:
                    break
                if not depth and code in _CODE.findall(found[2]):
                    depth = len(found[1])
            if depth:
                taken.append(line)
        return "\n".join(taken).strip()

    @cached_property
    def html(self) -> str:
        """The whole as HTML, with an id for each heading and each code that a heading names."""
        markdown = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")
        tokens = markdown.parse(self.text)
        taken: set[str] = set()
        for heading, inline in pairwise(tokens):
            if heading.type == "heading_open":
                _anchored(heading, inline, taken)
        for token in tokens:
            _relinked(token)
        return str(markdown.renderer.render(tokens, markdown.options, {}))


def runbook(name: str) -> Runbook | None:
    """The runbook of a kind of alert, or of `barograph` itself; None: there is none of this name."""
    if not _NAME.fullmatch(name):
        return None
    try:
        return Runbook(name, (FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def runbooks() -> Sequence[Runbook]:
    """All that there are: of the kinds, then those beside."""
    return tuple(found for name in (*KINDS, OWN) if (found := runbook(name)) is not None)


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def _headings(text: str) -> list[tuple[int, str]]:
    found = []
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        heading = None if fenced else _HEADING.match(line)
        if heading is not None:
            found.append((len(heading[1]), heading[2]))
    return found


def _anchored(heading: Token, inline: Token, taken: set[str]) -> None:
    """Give the heading an id, and each code in it one: a message links to the code."""
    codes = [code for code in _CODE.findall(inline.content) if code not in taken]
    own = slug(inline.content)
    if own and own not in taken and own not in codes:
        heading.attrSet("id", own)
        taken.add(own)
    taken.update(codes)
    for token in inline.children or ():
        if token.type == "code_inline" and token.content in codes:
            codes.remove(token.content)
            token.attrSet("id", token.content)


def _relinked(token: Token) -> None:
    """Links between runbooks lead to their pages here; those to other files of the repository lead nowhere here."""
    dead = False
    for child in token.children or ():
        if child.type == "link_open":
            place = _place(str(child.attrGet("href") or ""))
            dead = not place
            if dead:
                child.tag, child.attrs = "span", {"class": "soft"}
            else:
                child.attrSet("href", place)
        elif child.type == "link_close" and dead:
            child.tag, dead = "span", False


def _place(target: str) -> str:
    """Where a link of a file leads on our pages; empty: nowhere."""
    page, hash_, anchor = target.partition("#")
    if not page or page.startswith(("https://", "http://")):
        return target
    if page in _PAGES:
        return _PAGES[page]
    known = page.endswith(".md") and runbook(page.removesuffix(".md")) is not None
    return f"/runbooks/{page.removesuffix('.md')}{hash_}{anchor}" if known else ""
