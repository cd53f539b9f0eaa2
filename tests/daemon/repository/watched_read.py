"""Run as a program: reads a repository and prints what was opened, started or written on the way, as JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from daemon.repository import read

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
STARTS = ("subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "pty.", "socket.")
CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")


def main() -> None:
    opened: list[str] = []
    changed: list[str] = []
    started: list[str] = []
    watching = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not watching:
            return
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            opened.append(os.fsdecode(arguments[0]))
            if arguments[2] & WRITING:
                changed.append(os.fsdecode(arguments[0]))
        elif event in ("os.scandir", "os.listdir"):
            opened.append(os.fsdecode(arguments[0]))
        elif event.startswith(STARTS):
            started.append(event)
        elif event.startswith(CHANGES):
            changed.append(f"{event} {arguments}")

    sys.addaudithook(hook)
    watching = True
    found = read(Path(sys.argv[1]))
    watching = False
    faults = [(fault.code, fault.spots[0].file, fault.names) for fault in found.faults]
    names = [stack.name for stack in found.stacks]
    print(json.dumps({"opened": opened, "changed": changed, "started": started, "faults": faults, "stacks": names}))


if __name__ == "__main__":
    main()
