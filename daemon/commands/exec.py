"""`barograph exec`: runs a job and reports it. `daemon.entry` gets there without what this module imports."""

from __future__ import annotations

import sys

import click


@click.command(
    "exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}, add_help_option=False
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def exec(arguments: tuple[str, ...]) -> None:  # noqa: A001  (the module's command is named as the command is)
    """Run a job unchanged, and report it."""
    from daemon.wrapper.wrap import main

    sys.exit(main(arguments))
