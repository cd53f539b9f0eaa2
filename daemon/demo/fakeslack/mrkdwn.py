"""Slack's mrkdwn as HTML. Every piece of the text is escaped, and only http, https and mailto become links."""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

EMOJI: Mapping[str, str] = {
    "red_circle": "🔴", "large_orange_circle": "🟠", "large_yellow_circle": "🟡", "large_green_circle": "🟢",
    "large_blue_circle": "🔵", "white_circle": "⚪", "warning": "⚠️", "rotating_light": "🚨", "white_check_mark": "✅",
    "information_source": "ℹ️", "lock": "🔒", "question": "❓", "x": "❌", "eyes": "👀", "arrows_counterclockwise": "🔄",
}  # fmt: skip

_CODE_BLOCK = re.compile(r"```(.+?)```", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_REFERENCE = re.compile(r"<([^<>\n]+)>")
_STYLES = (("*", "strong"), ("_", "em"), ("~", "del"))
_STYLE = {
    mark: re.compile(
        rf"(?<![\w{re.escape(mark)}]){re.escape(mark)}(?=\S)([^\n{re.escape(mark)}]+?)(?<=\S){re.escape(mark)}(?!\w)"
    )
    for mark, _ in _STYLES
}
_EMOJI = re.compile(r":([a-z0-9_+-]+):")
_BROADCASTS = ("here", "channel", "everyone")


def to_html(text: str, channels: Mapping[str, str] | None = None) -> Markup:
    """Render one mrkdwn string. *channels*: names by id, for `<#C…>`."""
    parts = _CODE_BLOCK.split(text)
    rendered = [
        Markup("<pre>{}</pre>").format(plain(part).strip("\n")) if number % 2 else _inline(part, channels or {})
        for number, part in enumerate(parts)
    ]
    return Markup("").join(rendered)


def plain(text: str) -> str:
    """Slack's three entities turned back: what a reader of the message sees, not yet escaped for HTML."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _inline(text: str, channels: Mapping[str, str]) -> Markup:
    parts = _CODE.split(text)
    html = Markup("").join(
        Markup("<code>{}</code>").format(plain(part)) if number % 2 else _references(part, channels)
        for number, part in enumerate(parts)
    )
    return _lines(html)


def _lines(html: Markup) -> Markup:
    """Line breaks, and quotes for lines that began with `&gt;` (double-escaped by now)."""
    lines = []
    for line in str(html).split("\n"):
        quoted = line.removeprefix("&gt; ") if line.startswith("&gt; ") else None
        lines.append(f'<span class="quote">{quoted}</span>' if quoted is not None else line)
    return Markup("<br>".join(lines))  # noqa: S704 - the pieces were escaped where they were made


def _references(text: str, channels: Mapping[str, str]) -> Markup:
    """Links and mentions in angle brackets; what is between them is styled text."""
    rendered = [
        _reference(part, channels) if number % 2 else _styled(part)
        for number, part in enumerate(_REFERENCE.split(text))
    ]
    return Markup("").join(rendered)


def _reference(inner: str, channels: Mapping[str, str]) -> Markup:
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return _mention(f"@{plain(label or target[1:])}")
    if target.startswith("#"):
        return _mention(f"#{plain(label or channels.get(target[1:], target[1:]))}")
    if target.startswith("!subteam^"):
        return _mention(plain(label) or f"@{target.removeprefix('!subteam^')}")
    if target.startswith("!"):
        return _mention(f"@{target[1:]}") if target[1:] in _BROADCASTS else escape(plain(label or target))
    if target.startswith(("https://", "http://", "mailto:")):
        return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(plain(target), plain(label or target))
    return escape(plain(f"<{inner}>"))


def _mention(name: str) -> Markup:
    return Markup('<span class="mention">{}</span>').format(name)


def _styled(text: str) -> Markup:
    """Bold, italic, struck, emoji. The text is escaped first, so that the marks are all that becomes HTML."""
    html = str(escape(plain(text)))
    for mark, tag in _STYLES:
        html = _STYLE[mark].sub(rf"<{tag}>\1</{tag}>", html)
    html = _EMOJI.sub(lambda match: EMOJI.get(match[1], match[0]), html)
    return Markup(html)  # noqa: S704 - escaped two lines above; only our own tags were added
