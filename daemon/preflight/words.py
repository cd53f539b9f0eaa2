"""Text of a repository, made safe to print. Everybody who can open a pull request can write it."""

from __future__ import annotations

import re

_LEGACY_COMMAND = re.compile(r"##(?=\[)")
_COMMAND = re.compile(r"^((?:\s|\x1b\[[0-9;]*m)*)(?=::)")


def shown(text: str) -> str:
    """*text* on one line, with everything that does not print as its escape: it cannot steer a terminal or a log."""
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def without_credentials(address: str) -> str:
    """An address as it may be printed: a token in it is for git alone."""
    return re.sub(r"(?<=://)[^/\s@]+@", "***@", address)


def harmless(line: str) -> str:
    """*line* as no CI system takes for a command: GitHub obeys lines that begin with `::`, and `##[` anywhere."""
    return _COMMAND.sub(r"\1\\", _LEGACY_COMMAND.sub(r"##\\", line))


def _escape(char: str) -> str:
    number = ord(char)
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}
    if char in known:
        return known[char]
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
