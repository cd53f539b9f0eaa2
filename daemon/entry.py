"""The command `barograph`. `exec` stands before every job: it is not to wait for what other commands import."""

from __future__ import annotations

import sys
from typing import Any


def main() -> Any:
    """Run the command of the arguments; gives the exit code."""
    if sys.argv[1:2] == ["exec"]:
        from daemon.wrapper.wrap import main as wrap

        return wrap(sys.argv[2:])
    from daemon.cli import main as cli

    return cli()
