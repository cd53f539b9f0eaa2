"""What is listed again and again: a thing is gone when two listings in a row lack it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")
LISTINGS = 2  # in a row
MANY = 5
UNLISTED = "it is not listed any more"


@dataclass(frozen=True, slots=True)
class Entry(Generic[_T]):
    """Something that was listed; *missing* is how many of the latest listings in a row lack it, *why* they say."""

    what: _T
    missing: int = 0
    why: str = ""


def after(
    before: Mapping[str, Entry[_T]],
    listed: Mapping[str, _T],
    left_out: Mapping[str, str] | None = None,
    *,
    counts: bool = True,
) -> tuple[Mapping[str, Entry[_T]], Mapping[str, str]]:
    """Give what is known after a listing, and what is gone with it: key -> why.

    *left_out*: why something that is not in *listed* is not. *counts* False: it comes so soon after the listing before
    that both are one.
    """
    known = {key: Entry(what) for key, what in listed.items()}
    gone: dict[str, str] = {}
    for key, entry in before.items():
        if key in listed:
            continue
        why = (left_out or {}).get(key, UNLISTED)
        missing = max(1, entry.missing + counts)
        if missing >= LISTINGS:
            gone[key] = why
        else:
            known[key] = Entry(entry.what, missing, why)
    return known, gone


def present(entries: Mapping[str, Entry[_T]]) -> Mapping[str, _T]:
    """What the latest listing had."""
    return {key: entry.what for key, entry in entries.items() if not entry.missing}


def lost(known: Collection[str], listed: Collection[str]) -> tuple[str, ...]:
    """Give what a listing lacks of what is known, if it is so much that the listing is doubtful; else nothing.

    That is at least MANY, and more than half: it may be a listing of something else.
    """
    lacking = sorted(set(known) - set(listed))
    return tuple(lacking) if len(lacking) >= MANY and 2 * len(lacking) > len(known) else ()
