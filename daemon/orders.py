"""What the daemon can be told while it runs. Light, so that signals can be handled before all else is imported."""

from __future__ import annotations

from queue import SimpleQueue

STOP, RELOAD = "stop", "reload"
Commands = SimpleQueue[str]  # STOP and RELOAD; safe to put into from a signal handler
