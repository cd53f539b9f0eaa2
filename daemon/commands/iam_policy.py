"""`barograph iam-policy`: the policies that Barograph's roles need, no more."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from checks.base import Role
    from daemon.config import Config

_USAGE = 2


@click.command("iam-policy")
@click.option(
    "--format", "form", type=click.Choice(("json", "terraform", "stackset")), default="json", show_default=True,
    help="json: the documents; terraform: a module; stackset: a CloudFormation template.",
)  # fmt: skip
@click.option(
    "-c", "--config", "path", type=click.Path(path_type=Path),
    help="The configuration file: only its checks count, and only its roles are taken on. Without it: all checks.",
)  # fmt: skip
def iam_policy(form: str, path: Path | None) -> None:
    """Print the least-privilege IAM policies of Barograph's roles. Asks AWS nothing.

    What a plan reads cannot be derived: its role needs AWS' ReadOnlyAccess, or a policy of your own, on top.

    Exit codes: 0 printed; 2 wrong usage or configuration.
    """
    from checks import discover
    from daemon.commands.config import load_or_exit
    from daemon.policies import stackset, terraform
    from daemon.policies.demands import demands
    from daemon.policies.documents import TooLargeError, policies
    from daemon.policies.own import own
    from daemon.policies.report import report

    found = discover()
    if path is None:
        wanted = demands(found.values(), own=own())
    else:
        config = load_or_exit(path)
        enabled = [check for name, check in found.items() if config.checks[name].enabled]
        wanted = demands(enabled, roles_of(config), _own(config))
        anchor = config.audit.anchor.s3
        if anchor is not None:
            wanted = replace(wanted, anchored=f"{anchor.bucket}/{anchor.prefix}")
    for remark in wanted.remarks:
        click.echo(f"barograph: {remark}", err=True)
    try:
        made = policies(wanted)
    except TooLargeError as error:
        click.echo(f"barograph: {error}", err=True)
        sys.exit(_USAGE)
    if form == "terraform":
        text = terraform.module(wanted, made)
    elif form == "stackset":
        text = stackset.template(wanted, made)
    else:
        text = json.dumps(report(wanted, made), indent=2) + "\n"
    click.echo(text, nl=False)


def _own(config: Config) -> Mapping[Role, frozenset[str]]:
    """What Barograph asks for itself, as it is configured."""
    from daemon.policies.own import own
    from daemon.wiring import discovery_settings

    settings = discovery_settings(config)
    return own(discovers=settings.organization is not None, lists_regions=settings.lists_regions)


def roles_of(config: Config) -> Iterator[tuple[Role, str]]:
    """The roles that the configuration names, and what for."""
    from checks.base import Role

    aws = config.aws
    yield Role.HUB, aws.hub_role_arn or ""
    yield Role.PAYER, aws.payer_role_arn or ""
    yield from ((Role.SWEEP, account.role_arn or "") for account in aws.accounts)
    yield Role.SWEEP, aws.discovery.role_arn or ""
    yield Role.ORGANIZATION, aws.discovery.organization.role_arn or "" if aws.discovery.organization else ""
    yield from ((Role.PLAN, rule.plan_role or "") for rule in config.planning.rules)
