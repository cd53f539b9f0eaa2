"""The identity of a finding over time."""

from __future__ import annotations

import hashlib
import json

# A new version would open every stored incident again: it needs a migration that maps the old ones.
VERSION = "v1"


def fingerprint(check: str, place: str, resource: str, kind: str, key: str) -> str:
    """Give "v1:" + 32 hex digits, equal for equal arguments on every machine and in every release."""
    # JSON, because joining with a separator would let two different lists of names read the same.
    parts = json.dumps([check, place, resource, str(kind), key], ensure_ascii=True, separators=(",", ":"))
    return f"{VERSION}:{hashlib.sha256(parts.encode()).hexdigest()[:32]}"
