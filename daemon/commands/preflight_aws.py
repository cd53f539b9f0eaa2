"""`barograph preflight --aws`: which IAM action is missing where."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from daemon.config import Config


def show(config: Config, path: Path, *, as_json: bool) -> int:
    """Print the rights of every role in every account, and give the exit code."""
    from daemon.rights.look import look
    from daemon.rights.page import exit_code, report, table

    found = look(config, os.environ)
    fix = f"barograph iam-policy -c {shlex.quote(str(path))} --format terraform"
    if as_json:
        click.echo(json.dumps(report(found.standings, found.troubles, fix), indent=2))
    else:
        click.echo("\n".join(table(found.standings, found.troubles, fix)))
    return exit_code(found.standings, found.troubles)
