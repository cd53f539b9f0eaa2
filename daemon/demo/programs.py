"""Programs of the demo that are written in Python: how they are started, and how they end with who started them."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

_TICK_SECONDS = 0.5


class DemoError(Exception):
    """The embedded world cannot be made. The text is for people: what is wrong, what to do."""


def python_command(code: str, *arguments: str) -> tuple[str, ...]:
    """The argument list that runs *code* in an isolated Python which finds this package, installed or not."""
    root = str(Path(__file__).resolve().parents[2])
    return (sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {root!r}); {code}", *arguments)


def end_with_parent() -> None:
    """From now on, end this process when its parent is gone: a killed parent ends nobody by itself."""
    threading.Thread(target=_watch, args=(os.getppid(),), name="end-with-parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_TICK_SECONDS)
    os._exit(1)
