"""What the library asks of the place where one state lies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from checks.base import LookFailed
from checks.states.model import Gap

OF_VERSION = "?versionId="  # between the id of a state and an old version of it


@dataclass(frozen=True, slots=True)
class Head:
    """What can be known of a state without reading it."""

    mark: str  # changes whenever the object does
    size: int  # bytes
    md5: str  # hex, where the store tells it for sure; empty: it does not
    modified_at: datetime | None


class Source(Protocol):
    """One state. Every method that looks raises UnreadError."""

    @property
    def id(self) -> str:
        """Names the state for good: "s3://bucket/key"."""

    def head(self) -> Head | None:
        """None: there is no object."""

    def body(self) -> tuple[bytes, str, Head] | None:
        """All of it, the MD5 of that in hex, and what it was at that moment. None: there is no object."""


class UnreadError(LookFailed):
    """Something could not be read; *gap* says what, why, and which permission it takes."""

    def __init__(self, gap: Gap, message: str) -> None:
        super().__init__(gap.reason, message)
        self.gap = gap
