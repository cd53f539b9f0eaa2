"""What a demo left running: processes that name its folder."""

from __future__ import annotations

import os
import time
from pathlib import Path


def processes_of(folder: Path, *, seconds: float = 0.0) -> list[str]:
    """The command lines of live processes that name *folder*; looks again for up to *seconds* while there are any."""
    until = time.monotonic() + seconds
    while True:
        found = [line for process in Path("/proc").glob("[0-9]*") if (line := _names(process, str(folder)))]
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.05)


def _names(process: Path, folder: str) -> str:
    if process.name == str(os.getpid()):
        return ""
    try:
        line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        environment = (process / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""
    return line if folder in line or folder in environment else ""
