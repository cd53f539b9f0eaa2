"""One look from the command line, as lines for people."""

from __future__ import annotations

from daemon.commands.check import COULD_NOT_LOOK, lines_of


def test_what_is_told_steers_no_terminal() -> None:
    """Whatever a resource is called, and wherever it stands; a long name makes no other line as long as itself."""
    hostile = "\x1b[2J\x9b31mboo\r\n\u202egpj"
    finding = {"tier": "warning", "kind": "drift", "why": hostile, "remedy": f"{hostile}\n{hostile}"}
    reading = {"outcome": "unhealthy", "verdict": "x", "summary": hostile, "findings": [finding]}
    report = {
        "readings": [reading | {"resource": hostile}, reading | {"resource": "a" * 60_000}],
        "inventory_problems": [hostile],
        "could_not_look": [{"place": hostile, "reason": hostile}],
        "exit_code": COULD_NOT_LOOK,
    }
    lines = list(lines_of(report))
    assert all(line.isprintable() for line in lines)
    assert sum(len(line) > 1000 for line in lines) == 1
