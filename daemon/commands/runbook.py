"""`barograph runbook`: what to do about a kind of alert, where there is no browser."""

from __future__ import annotations

import sys

import click

from daemon.commands.config import USAGE


@click.command()
@click.argument("kind", required=False)
@click.argument("code", required=False)
def runbook(kind: str | None, code: str | None) -> None:
    """Print the runbook of KIND (drift, certificate_expiry …), or only what it says of CODE; without KIND, list them.

    CODE is the check's word for what it found: a message has it beside the kind.
    """
    from daemon import runbooks

    if kind is None:
        for each in runbooks.runbooks():
            click.echo(f"{each.name:20} {each.title}")
        return
    found = runbooks.runbook(kind)
    if found is None:
        known = ", ".join(each.name for each in runbooks.runbooks())
        click.echo(f"barograph runbook: there is none for {kind!r}; there are {known}", err=True)
        sys.exit(USAGE)
    text = found.section(code) if code else found.text
    if not text:
        click.echo(f"barograph runbook: {kind} has nothing about {code!r}; it knows {', '.join(found.codes)}", err=True)
        sys.exit(USAGE)
    click.echo(text.rstrip())
