"""Text can be read against what is behind it, in light and in dark: WCAG 2.2, 1.4.3, ratio 4.5."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import daemon.demo.fakeslack
import daemon.web

STATUS = Path(daemon.web.__file__).parent / "templates" / "style.css"
INBOX = Path(daemon.demo.fakeslack.__file__).parent / "templates" / "inbox.html"

PAIRS = {
    STATUS: [
        *((text, back) for text in ("ink", "soft", "link") for back in ("page", "card")),
        *((tone, f"{tone}-bg") for tone in ("bad", "warn", "good", "unknown", "none")),
        *(("ink", f"{tone}-bg") for tone in ("bad", "warn", "good", "unknown")),
        ("unknown", "page"), ("ink", "code"),
    ],
    INBOX: [
        ("ink", "page"), ("muted", "page"), ("link", "page"), ("side-ink", "side"), ("code-ink", "code"),
        ("muted", "code"), ("mention-ink", "mention"), ("primary", "page"), ("danger", "page"),
    ],
}  # fmt: skip


def themes(path: Path) -> list[dict[str, str]]:
    """The colours by name: of the light theme, then of the dark one, which changes some."""
    light, dark, *printed = re.findall(r":root \{(.*?)\}", path.read_text(encoding="utf-8"), re.DOTALL)
    assert not [each for each in printed if "--" in each]  # print changes no colour
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", block)) for block in (light, dark)]
    return [found[0], found[0] | found[1]]


def luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(digit * 2 for digit in color[1:])
    parts = [int(digits[number : number + 2], 16) / 255 for number in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.name)
@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read(path: Path, theme: int) -> None:
    """Every pair of text and background that the pages use has enough contrast."""
    colors = themes(path)[theme]
    poor = {pair: round(ratio(colors[pair[0]], colors[pair[1]]), 2) for pair in PAIRS[path]}
    assert {pair: value for pair, value in poor.items() if value < 4.5} == {}
