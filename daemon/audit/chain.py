"""The chain of the audit trail, pure: the hash of a row, and walking all rows to the first link that is broken.

The hash of a row is the SHA-256, in hexadecimal, of the JSON array

    ["barograph.audit", 1, seq, at, who, action, detail, previous]

written as UTF-8 with ASCII escapes and without spaces. *detail* is the text that is stored, which is JSON itself;
*previous* is the hash of the row before, and 64 zeros in the first one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

DOMAIN, VERSION = "barograph.audit", 1
NONE = "0" * 64  # what the first row has before it
RETENTION, RESTORE = "audit.retention", "restore"  # actions that the chain itself knows


@dataclass(frozen=True, slots=True)
class Head:
    """Where a trail ends, or ended."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"row {self.seq} ({self.hash[:12]}…)"


@dataclass(frozen=True, slots=True)
class Link:
    """One row as it is stored, every text as it stands there."""

    seq: int
    at: str
    who: str
    action: str
    detail: str
    previous: str
    hash: str

    def computed(self) -> str:
        """What its hash has to be."""
        return digest(self.seq, self.at, self.who, self.action, self.detail, self.previous)


@dataclass(frozen=True, slots=True)
class Walk:
    """What walking a trail found. *broken*: why it is not whole, at *broken_at*; empty: every link holds.

    *hashes*: of the rows that were asked for, *before* among them: what the first row says of the one that left.
    """

    rows: int
    first: int
    head: Head | None
    broken: str = ""
    broken_at: int = 0
    before: Head | None = None
    left_at: str = ""
    restores: tuple[Link, ...] = ()
    hashes: Mapping[int, str] = field(default_factory=dict)


def digest(seq: int, at: str, who: str, action: str, detail: str, previous: str) -> str:
    """The hash of a row."""
    text = json.dumps([DOMAIN, VERSION, seq, at, who, action, detail, previous], separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def walk(links: Iterable[Link], wanted: Collection[int] = (), written: int = 0) -> Walk:
    """Check *links*, in the order of their numbers. *written*: the highest number that was ever given."""
    wanted = frozenset(wanted)
    rows, last, first, broken, broken_at = 0, None, None, "", 0
    retention: Link | None = None
    restores: list[Link] = []
    hashes: dict[int, str] = {}
    for link in links:
        rows += 1
        why = _wrong(link, last)
        if why and not broken:
            broken, broken_at = why, link.seq
        first = first or link
        if link.seq in wanted:
            hashes[link.seq] = link.hash
        if link.action == RETENTION:
            retention = link
        elif link.action == RESTORE:
            restores.append(link)
        last = link
    before = Head(first.seq - 1, first.previous) if first is not None and first.seq > 1 else None
    if first is not None:
        why = _begins_wrong(first, retention)
        if why:  # the beginning comes before every other link
            broken, broken_at = why, first.seq
    end = last.seq if last is not None else 0
    if not broken and written > end:
        broken, broken_at = f"rows {end + 1} to {written} were written and are gone", end + 1
    return Walk(
        rows, first.seq if first is not None else 0, Head(last.seq, last.hash) if last is not None else None,
        broken, broken_at, before, retention.at if before is not None and retention is not None else "",
        tuple(restores), hashes,
    )  # fmt: skip


def _wrong(link: Link, before: Link | None) -> str:
    if before is not None and link.seq != before.seq + 1:
        return f"row {link.seq} follows row {before.seq}: rows between them are gone, or were put elsewhere"
    if before is not None and link.previous != before.hash:
        return f"row {link.seq} was written after another row {before.seq} than the one that is there"
    if link.computed() != link.hash:
        return f"row {link.seq} does not have the content that its hash was made of"
    return ""


def _begins_wrong(first: Link, retention: Link | None) -> str:
    """Why a trail may not begin with *first*. *retention*: the latest row that tells of rows that left."""
    said = _removed(retention)
    if first.seq == 1:
        if said is not None:
            return f"row {retention.seq if retention else 0} says that row 1 has left, and it is there"
        return "" if first.previous == NONE else "row 1 says that there was a row before it"
    if said is None:
        return f"the trail begins with row {first.seq}, and no row says why those before it are gone"
    if said != Head(first.seq - 1, first.previous):
        return f"the trail begins with row {first.seq}, but the rows that were let go end with {said}"
    return ""


def _removed(retention: Link | None) -> Head | None:
    if retention is None:
        return None
    try:
        said = json.loads(retention.detail)
        return Head(int(said["through"]), str(said["hash"]))
    except (ValueError, KeyError, TypeError):
        return Head(0, "")  # fits no row
