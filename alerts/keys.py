"""How a message is known to be the same as one that was stored before."""

from __future__ import annotations

import hashlib


def dedupe_key(channel: str, subject: str, occurrence: int, seq: int, kind: str) -> str:
    """Equal for equal messages, so that storing a change twice stores its messages once."""
    return hashlib.sha256(f"{channel}\n{subject}\n{occurrence}\n{seq}\n{kind}".encode()).hexdigest()
