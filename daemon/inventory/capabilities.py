"""What each version of Atmos does otherwise than another, as data.

Recorded with 1.163.0, 1.205.1 and 1.226.1; what lies between is from the release that first shows it in Atmos' source,
and can be early by one release. A version that is newer than all of them has what the newest has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Version = tuple[int, int, int]

OLDEST: Version = (1, 163, 0)  # that Barograph works with
NEWEST_KNOWN: Version = (1, 226, 1)  # that it was tried with


class Can(StrEnum):
    """Something that matters to whoever reads what Atmos says, or starts it."""

    INCLUDE_EMPTY = "lists stacks without components if told to"
    METADATA_INHERITED = "inherits metadata, enabled and locked among it"
    NAME_IDENTITY = "takes a manifest's `name:` for the stack's name"
    MASKS = "prints <MASKED> in place of what looks like a credential"
    COMPONENT_INFO = "prints component_info in listings"
    CI_REMAPS_CODES = "turns exit code 2 into 0 where ci.enabled is set"
    SKIPS_HOOKS = "runs no hooks where ATMOS_SKIP_HOOKS is set"
    SELECTS_OR_CREATES = "selects workspaces with -or-create"
    COMPUTED = "prints (computed) for a function that failed, and goes on"
    REFUSES_ROOT_METADATA = "loads nothing where a manifest has metadata at its root"
    REFUSES_LIST_OVER_TEXT = "loads nothing where a list meets a text, and names no file"


@dataclass(frozen=True, slots=True)
class Span:
    """The versions that do it: from *since*, up to but without *until*."""

    since: Version
    until: Version | None = None


TABLE: Mapping[Can, Span] = {
    Can.INCLUDE_EMPTY: Span((1, 176, 0)),
    Can.METADATA_INHERITED: Span((1, 201, 0)),
    Can.NAME_IDENTITY: Span((1, 204, 0)),
    Can.MASKS: Span((1, 205, 0)),
    Can.COMPONENT_INFO: Span((1, 205, 0)),
    Can.CI_REMAPS_CODES: Span((1, 211, 0)),
    Can.SKIPS_HOOKS: Span((1, 220, 0)),
    Can.SELECTS_OR_CREATES: Span((1, 223, 0)),
    Can.COMPUTED: Span((1, 223, 0)),
    Can.REFUSES_ROOT_METADATA: Span((1, 225, 0)),
    Can.REFUSES_LIST_OVER_TEXT: Span((1, 0, 0), until=(1, 215, 0)),  # 1.205 does, 1.215 does not
}


@dataclass(frozen=True, slots=True)
class Atmos:
    """One version. None: not known, as of a saved listing: then it may do anything."""

    version: Version | None = None

    def does(self, can: Can) -> bool:
        """Whether this version does it, or may."""
        span = TABLE[can]
        if self.version is None:
            return True
        return span.since <= self.version and (span.until is None or self.version < span.until)

    @property
    def newer(self) -> bool:
        """Whether it is newer than anything Barograph was tried with; a later patch is not."""
        return self.version is not None and self.version[:2] > NEWEST_KNOWN[:2]

    def __str__(self) -> str:
        return ".".join(map(str, self.version)) if self.version is not None else "of an unknown version"
