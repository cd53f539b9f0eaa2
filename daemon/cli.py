"""The command `barograph`. Commands are loaded when asked for, so that `--help` and short commands start fast."""

from __future__ import annotations

import errno
import importlib
import sys
from importlib.metadata import version
from typing import Any

import click

_CANNOT_SAY = 3

# Command -> what `barograph --help` says of it; daemon.commands.<command> holds the click object of that name, with
# "_" for "-".
COMMANDS = {
    "run": "Watch on schedule, until stopped.",
    "demo": "Watch an embedded world: no account, no network.",
    "check": "Look once, and say what was found.",
    "exec": "Run a job unchanged, and report it.",
    "verdict": "Judge a saved plan (`terraform show -json`) offline.",
    "alerts": "List incidents, acknowledge and silence them.",
    "approve": "Agree to a run, or to a commit on a stack.",
    "review": "Give the review that an emergency owes.",
    "inventory": "List what would be watched.",
    "config": "Check, show or describe the configuration.",
    "checks": "Describe every check.",
    "iam-policy": "Print the IAM policies of the roles, made of what the checks declare.",
    "preflight": "Go through the checklist before execution, and read the repository.",
    "report": "Make reports: the weekly one, and that on compliance.",
    "routes": "Show where incidents go, and why.",
    "render": "Show messages before there is anything to tell.",
    "replay": "Show what another configuration would have posted, mentioned and paged.",
    "runbook": "Print what to do about a kind of alert.",
    "sinks": "Try the ways out beside Slack's channels.",
    "audit": "Verify the audit trail, or export it.",
    "db": "Back up, restore or check the store.",
}


class Lazy(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(importlib.import_module(f"daemon.commands.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("barograph"), prog_name="barograph")
def cli() -> None:
    """Barograph watches AWS infrastructure built with Atmos and Terraform."""


def main(arguments: list[str] | None = None) -> Any:
    """Entry point. A reader that closed its end of the pipe early is no error of ours."""
    try:
        return cli(args=arguments)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO) or error.filename is not None:
            raise
        sys.stdout = None  # what is left in it cannot be written either, when Python ends
        click.echo(f"barograph: the output cannot be written: {error.strerror}", err=True)
        return _CANNOT_SAY
