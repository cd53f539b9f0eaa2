"""`barograph review`: the review that an emergency owes."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.commands.approve import EPILOG, agree, fail
from daemon.commands.config import USAGE, config_file


@click.command(epilog=EPILOG)
@config_file
@click.argument("run")
@click.option("--by", metavar="NAME", help="From whom it is, where that is another than who signs in.")
@click.option("--evidence", metavar="LINK", help="Where the review can be read.")
@click.option("--note", help="What it came to.")
@click.option("--revoke", is_flag=True, help="Take back the reviews of it; --note says why.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def review(
    path: Path, run: str, by: str | None, evidence: str | None, note: str | None, *, revoke: bool, as_json: bool
) -> None:
    """Say that the emergency RUN was reviewed.

    Who reviews is who signs in, as with `barograph approve`; who ran it does not count.
    """
    from daemon import approvework

    if revoke:
        body = {"run": run, **({"why": note} if note else {})}
        agree(
            path, by, ("DELETE", "reviews"), body,
            lambda desk, said, signed: approvework.revoke(desk, said, signed, review=True), as_json=as_json,
        )  # fmt: skip
        return
    if not evidence:
        fail("--evidence is missing: where the review can be read", USAGE)
    body = {"run": run, "evidence": evidence, **({"note": note} if note else {})}
    agree(path, by, ("POST", "reviews"), body, approvework.review, as_json=as_json)
