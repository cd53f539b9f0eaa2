"""`barograph config`: what is wrong with a configuration, what it comes to, and what can be written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from daemon.config import Config
    from daemon.costs import Assumed

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
@click.option("--instances", type=click.IntRange(0), default=0, help="Component instances, where none is counted yet.")
@click.option("--resources", type=click.IntRange(0), default=50, show_default=True, help="In an account and region.")
@click.option("--planned", type=click.IntRange(0), default=30, show_default=True, help="Resources in an instance.")
def check(path: Path, instances: int, resources: int, planned: int) -> None:
    """Say what is wrong with the configuration, all at once, or what it will do and what that costs.

    Exit code 2 if it cannot be used.
    """
    loaded = load_or_exit(path)
    for warning in loaded.warnings:
        click.echo(f"{warning} (warning)", err=True)
    from daemon.config.summary import summary

    click.echo(f"{path}: ok")
    for line in summary(loaded):
        click.echo(line)
    from daemon.costs import Assumed

    click.echo()
    for line in _costs(loaded, Assumed(instances, resources, planned)):
        click.echo(line)


def _costs(config: Config, assumed: Assumed) -> Iterator[str]:
    """What watching costs, with what it is reckoned from."""
    from daemon.costs import PLAN_CPU_SECONDS, estimate, known_places, table
    from daemon.store import StoreError, open_reader

    watched: list[tuple[str, str, Mapping[str, str]]] = []
    if config.store.path.exists():
        try:
            with open_reader(config.store.path) as reader:
                watched = [(job.check, job.place, job.labels) for job in reader.jobs()]
        except StoreError as error:
            yield f"what was looked at before is not known: {error}"
    lines = estimate(config, known_places(config, watched), assumed)
    yield (
        f"What watching costs, roughly, with {assumed.resources} resources in each account and region and "
        f"{assumed.planned} in each instance; money is for a month, at the prices of us-east-1:"
    )
    yield from table(lines)
    if any(line.places is None for line in lines):
        yield "?: not looked yet, so how many there are is not known; say --instances N"
    yield f"A plan takes about {PLAN_CPU_SECONDS:.0f} s of CPU. The first trail of an account records for nothing."


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
