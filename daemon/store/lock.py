"""One daemon for one database: a lock on a file next to it, which the kernel gives back when the process dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from daemon.store.errors import InUseError, StoreError


class InstanceLock:
    """Held from construction until release(). Raises StoreError if another process holds it, or it cannot be made."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".lock")
        try:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be opened for the instance lock: {error.strerror}") from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise InUseError(
                f"{database}: {who} uses this store already. Two daemons would post everything twice: "
                "end the other one, or give this one its own store.path."
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        # The file stays: removing it would let a process that waits on the old file and one that makes a new one
        # both believe that they hold the lock.
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
