"""`barograph config`: what is wrong with a configuration, what it comes to, and what can be written."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from daemon.config import Config

USAGE = 2  # exit code for what the user must correct

config_file = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default="barograph.yml",
    envvar="BAROGRAPH_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)


def load_or_exit(path: Path) -> Config:
    """Give the configuration, or print everything that is wrong with it and end with exit code 2."""
    from checks import discover
    from daemon.config import ConfigError, load

    try:
        return load(path, os.environ, discover())
    except ConfigError as error:
        problems = error.problems
    for problem in problems:
        click.echo(str(problem), err=True)
    sys.exit(USAGE)


@click.group()
def config() -> None:
    """Check, show and describe the configuration."""


@config.command()
@config_file
def check(path: Path) -> None:
    """Say what is wrong with the configuration, all at once, or what it will do. Exit code 2 if it cannot be used."""
    loaded = load_or_exit(path)
    for warning in loaded.warnings:
        click.echo(f"{warning} (warning)", err=True)
    from daemon.config.summary import summary

    click.echo(f"{path}: ok")
    for line in summary(loaded):
        click.echo(line)


@config.command()
@config_file
def show(path: Path) -> None:
    """Print the effective configuration as YAML: defaults marked, secrets hidden."""
    from daemon.config.show import show as render

    click.echo(render(load_or_exit(path)), nl=False)


@config.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file, options of the checks included."""
    from checks import discover
    from daemon.config.show import schema as render

    click.echo(render(discover()), nl=False)
