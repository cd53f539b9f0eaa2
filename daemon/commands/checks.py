"""`barograph checks`: what every check looks at, how often, with which rights, and what it gives."""

from __future__ import annotations

import click


@click.command()
@click.option("--markdown", "as_markdown", is_flag=True, help="Print docs/checks.md.")
def checks(as_markdown: bool) -> None:
    """Describe every check: what it looks at, interval, IAM actions, options, verdicts, metrics."""
    from checks import discover
    from daemon.config.catalogue import markdown, text

    if as_markdown:
        click.echo(markdown(discover()), nl=False)
        return
    for line in text(discover()):
        click.echo(line)
