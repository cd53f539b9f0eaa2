"""A state in a local file, with its lock and its backup, read only."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from checks.states.locks import lock_of
from checks.states.model import Gap, LockSeen
from daemon.states.source import Head, UnreadError


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A state file."""

    file: Path
    shown: str

    @property
    def id(self) -> str:
        return f"file:{self.file}"

    def head(self) -> Head | None:
        with _unread(self.shown):
            if not self._is_there(self.file):
                return None
            seen = self.file.stat()
        return Head(f"{seen.st_mtime_ns} {seen.st_size} {seen.st_ino}", seen.st_size, "", _time(seen.st_mtime))

    def body(self) -> tuple[bytes, str, Head] | None:
        while True:
            head = self.head()
            if head is None:
                return None
            with _unread(self.shown):
                read = self.file.read_bytes()
            if head == self.head():  # else it was written meanwhile
                return read, hashlib.md5(read, usedforsecurity=False).hexdigest(), head

    def lock(self) -> LockSeen | None:
        """The lock; None: it is free. Raises UnreadError."""
        file = self.file.with_name(f".{self.file.name}.lock.info")
        with _unread(f"the lock of {self.shown}"):
            if not self._is_there(file):
                return None
            return lock_of("file", file.name, file.read_text(errors="replace"), _time(file.stat().st_mtime))

    def backup(self) -> str:
        """The copy that Terraform left of the version before; empty: there is none."""
        file = self.file.with_name(f"{self.file.name}.backup")
        return str(file) if file.is_file() else ""

    def _is_there(self, file: Path) -> bool:
        if file.exists() and not file.is_file():  # a pipe would be waited for
            raise OSError(errno.EINVAL, "is no file", str(file))
        return file.exists()


@contextmanager
def _unread(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        reason = "denied" if failed.errno in (errno.EACCES, errno.EPERM) else "failed"
        message = f"{what} cannot be read: {failed.strerror or type(failed).__name__}"
        raise UnreadError(Gap(what, reason, ""), message) from None


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
