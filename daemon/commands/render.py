"""`barograph render`: messages as Slack would show them, before there is anything to tell."""

from __future__ import annotations

import json
from pathlib import Path

import click

from alerts.preview import NAMES
from checks.kinds import Kind
from daemon.commands.config import config_file
from daemon.commands.incidents import labels_of, of_tier, policy_of, refuse, sampled, stored, with_labels


@click.command()
@config_file
@click.argument("fingerprint", required=False)
@click.option(
    "--sample",
    type=click.Choice([*map(str, Kind), "all"]),
    help="A sample of this kind, or of all.",
)
@of_tier
@with_labels
@click.option("--format", "form", type=click.Choice(("text", "blocks", "json")), default="text", show_default=True,
              help="text: as people read it; blocks: for Slack's Block Kit Builder; json: what is sent.")  # fmt: skip
@click.option("--only", type=click.Choice(NAMES), help="One of the messages.")
@click.pass_context
def render(
    ctx: click.Context, path: Path, fingerprint: str | None, sample: str | None, tier: str | None,
    labels: tuple[str, ...], form: str, only: str | None,
) -> None:  # fmt: skip
    """Show the messages of a sample, or of the stored incident whose FINGERPRINT begins so. Sends nothing.

    Exit codes: 0 shown; 2 wrong usage, configuration, or no such incident.
    """
    from alerts.preview import messages
    from daemon.commands.check import utc_now

    if (fingerprint is None) == (sample is None):
        refuse("Give --sample KIND, or the beginning of a stored incident's fingerprint.")
    given = ctx.get_parameter_source("path") is not click.core.ParameterSource.DEFAULT
    policy = policy_of(path, given=given)
    if fingerprint is not None:
        if tier or labels:
            refuse("--tier and --label are for a sample; a stored incident has its own.")
        from daemon.commands.config import load_or_exit

        incidents = [stored(load_or_exit(path).store.path, fingerprint)]
    else:
        kinds = [str(kind) for kind in Kind] if sample == "all" else [str(sample)]
        incidents = sampled(kinds, tier, labels_of(labels), policy)
    told = [(one, [m for m in messages(one, policy, utc_now()) if only in (None, m.name)]) for one in incidents]
    if form != "text":
        shown = [
            {"incident": one.fingerprint, "kind": str(one.kind), "message": m.name,
             **({"blocks": m.body["blocks"]} if form == "blocks" else m.body)}
            for one, made in told for m in made
        ]  # fmt: skip
        single = shown[0] if len(shown) == 1 else shown
        builder = {"blocks": shown[0]["blocks"]} if form == "blocks" and len(shown) == 1 else single
        click.echo(json.dumps(builder, indent=2, ensure_ascii=False))
        return
    from alerts.blocks import as_text

    for _, made in told:
        for each in made:
            click.echo(f"--- {each.when} ---\n{as_text(each.body)}\n")
