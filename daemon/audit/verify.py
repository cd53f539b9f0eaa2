"""What a walk and the anchors come to, pure: whole, broken, or not told."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from checks.base import Json
from daemon.audit.chain import Head, Link, Walk

HERE, GIVEN, S3 = "this store", "given", "s3"
MOST_TOLD = 20  # faults that are listed one by one


@dataclass(frozen=True, slots=True)
class Anchored:
    """A head that was told outside. *source*: who says so; *at*: since when, for people; *note*: what is odd of it."""

    head: Head
    source: str
    place: str = ""
    at: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `barograph audit verify` says. *faults*: what is wrong; *unseen*: what could not be compared, and why."""

    walk: Walk
    faults: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    compared: Mapping[str, int] = field(default_factory=dict)  # by source: how many anchors are in the chain
    newest: Anchored | None = None  # of those that are in the chain and come from outside
    blind: bool = False  # an anchor that could be fetched was not

    @property
    def outcome(self) -> str:
        """ "broken", "unknown" (could not look) or "whole"."""
        if self.walk.broken or self.faults:
            return "broken"
        return "unknown" if self.blind else "whole"

    def json(self) -> Mapping[str, Json]:
        """For programs."""
        walk, newest = self.walk, self.newest
        return {
            "outcome": self.outcome,
            "rows": walk.rows,
            "first": walk.first,
            "head": _head(walk.head),
            "broken": {"row": walk.broken_at, "why": walk.broken} if walk.broken else None,
            "left": _head(walk.before),
            "anchors": {
                "compared": dict(self.compared),
                "newest": {**(_head(newest.head) or {}), "place": newest.place, "at": newest.at} if newest else None,
            },
            "faults": list(self.faults),
            "not_compared": list(self.unseen),
            "restores": [{"row": each.seq, "at": each.at, "detail": each.detail} for each in walk.restores],
        }


def _head(head: Head | None) -> dict[str, Json] | None:
    return None if head is None else {"seq": head.seq, "hash": head.hash}


def judge(
    walk: Walk, anchors: Iterable[Anchored], unseen: Iterable[str] = (), *, blind: bool = False,
    accepted: Collection[int] = (),
) -> Verdict:  # fmt: skip
    """Hold *walk* against *anchors*. *accepted*: rows that tell of a restore which somebody answers for.

    *walk* must be of a moment after the anchors were read, or an anchor that was set in between looks like a cut tail.
    """
    faults: dict[str, None] = {}
    gone = 0
    compared: dict[str, int] = {}
    newest: Anchored | None = None
    left: dict[str, int] = {}
    for anchor in anchors:
        if anchor.note:
            faults[f"{_told(anchor)}: {anchor.note}"] = None
        found = _found(walk, anchor.head)
        if found == anchor.head.hash:
            compared[anchor.source] = compared.get(anchor.source, 0) + 1
            if anchor.source != HERE and (newest is None or anchor.head.seq >= newest.head.seq):
                newest = anchor
        elif found is None and walk.before is not None and anchor.head.seq < walk.before.seq:
            left[anchor.source] = left.get(anchor.source, 0) + 1
        else:
            restore = _restored(walk, anchor)
            if restore is not None and restore.seq in accepted:
                gone += 1
                continue
            faults[_fault(walk, anchor, found, restore)] = None
    told = [f"{count} anchors of {source} are of rows that have left by age" for source, count in left.items()]
    told += [f"{gone} anchors are of rows that were lost with a restore, which was accepted"] if gone else []
    return Verdict(walk, tuple(faults), (*unseen, *told), compared, newest, blind)


def _found(walk: Walk, head: Head) -> str | None:
    """The hash that the chain has at the place of *head*."""
    if walk.before is not None and head.seq == walk.before.seq:
        return walk.before.hash
    return walk.hashes.get(head.seq)


def _fault(walk: Walk, anchor: Anchored, found: str | None, restore: Link | None) -> str:
    end = walk.head.seq if walk.head is not None else 0
    if found is None:
        what = f"the trail ends at row {end}: its tail was cut, or an older copy was put in its place"
    else:
        what = "the trail has another row there: it was written anew, or an older copy was put in its place and went on"
    text = f"{_told(anchor)} is not in this trail; {what}"
    if restore is not None:
        text += (
            f". Row {restore.seq} tells of a restore at {restore.at}, which would explain it; if you know of that "
            f"restore: --accept-restore {restore.seq}"
        )
    return text


def _told(anchor: Anchored) -> str:
    when = f" at {anchor.at}" if anchor.at else ""
    return f"{anchor.head}, anchored{when} ({anchor.place or anchor.source})"


def _restored(walk: Walk, anchor: Anchored) -> Link | None:
    """The row of a restore that can have taken the row away: the copy's trail ended before it, the other one after."""
    for each in walk.restores:
        replaced = _replaced(each)
        reached = anchor.head.seq <= replaced if replaced else bool(anchor.at) and anchor.at[:19] <= each.at[:19]
        if each.seq <= anchor.head.seq and reached:
            return each
    return None


def _replaced(restore: Link) -> int:
    """How far the trail went that a restore replaced; 0: it could not be read then."""
    try:
        return int(json.loads(restore.detail)["replaced"]["seq"])
    except (ValueError, KeyError, TypeError):
        return 0


def in_words(verdict: Verdict) -> str:
    """For people."""
    walk = verdict.walk
    words = {
        "whole": "WHOLE: every link holds", "broken": "BROKEN",
        "unknown": "every link holds, BUT what is anchored could not be looked at",
    }  # fmt: skip
    lines = [f"audit trail: {words[verdict.outcome]}"]
    if walk.head is None:
        lines.append("  rows: none")
    else:
        lines.append(f"  rows: {walk.rows}, from {walk.first} to {walk.head.seq}; head {walk.head.hash}")
    if walk.before is not None and not walk.broken:
        lines.append(f"  rows 1 to {walk.before.seq} have left by age, the last at {walk.left_at}")
    if walk.broken:
        lines.append(f"  first broken link, row {walk.broken_at}: {walk.broken}")
    lines += [f"  anchor: {fault}" for fault in verdict.faults[:MOST_TOLD]]
    if len(verdict.faults) > MOST_TOLD:
        lines.append(f"  and {len(verdict.faults) - MOST_TOLD} anchors more (--json has all)")
    lines += [f"  anchors in the trail: {count} of {source}" for source, count in sorted(verdict.compared.items())]
    if verdict.newest is not None:
        behind = walk.head.seq - verdict.newest.head.seq if walk.head is not None else 0
        lines.append(f"  held from outside up to row {verdict.newest.head.seq}; {behind} rows are newer than that")
    lines += [f"  restore: row {each.seq} at {each.at}" for each in walk.restores]
    lines += [f"  not compared: {each}" for each in verdict.unseen]
    return "\n".join(lines) + "\n"
