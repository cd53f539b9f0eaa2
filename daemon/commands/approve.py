"""`barograph approve`: somebody agrees to a run, or to a commit on a stack, or takes that back."""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from daemon.commands.config import USAGE, config_file, load_or_exit
from daemon.commands.verdict import printable

if TYPE_CHECKING:
    from daemon.executions.approving import Answer, Approving, Signed
    from daemon.reaching import Reply

REFUSED, TROUBLE = 1, 4
TOKEN = "BAROGRAPH_TOKEN"  # noqa: S105 - the name of a variable
EPILOG = """Exit codes: 0 done, or it was so already; 1 refused, there is no such thing, or it was kept and does not
count; 2 usage; 4 the store or the daemon cannot be reached."""


@click.command(epilog=EPILOG)
@config_file
@click.argument("run", required=False)
@click.option("--workflow", help="The run of this workflow that goes on at --stack; or, with --commit, only its runs.")
@click.option("--stack", help="The stack.")
@click.option("--commit", metavar="SHA", help="The whole id of a commit that may be applied to --stack.")
@click.option("--by", metavar="NAME", help="From whom it is, where that is another than who signs in.")
@click.option("--evidence", metavar="LINK", help="Where it can be seen: a ticket, a pull request, a protocol.")
@click.option("--note", help="What else is to be said.")
@click.option("--expires", metavar="DURATION|TIME", help="Until when it holds: 8h, or 2031-01-31T22:00:00Z.")
@click.option("--revoke", is_flag=True, help="Take back all approvals of it; --note says why.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def approve(
    path: Path, run: str | None, workflow: str | None, stack: str | None, commit: str | None, by: str | None,
    evidence: str | None, note: str | None, expires: str | None, *, revoke: bool, as_json: bool,
) -> None:  # fmt: skip
    """Agree to RUN, to the run of a workflow that goes on, or to a commit on a stack.

    Who agrees is who signs in: on the machine of the store its user, over HTTP the token in BAROGRAPH_TOKEN, which
    needs the scope approve. --by is kept beside that. Nobody approves what they run themselves: it is kept, and does
    not count.
    """
    from daemon import approvework

    body = _body(run=run, workflow=workflow, stack=stack, commit=commit)
    if not body:
        fail("say what is agreed to: RUN, or --workflow and --stack, or --commit and --stack", USAGE)
    if revoke:
        body |= _body(why=note)
    else:
        if not evidence:
            fail("--evidence is missing: where it can be seen that this was agreed to", USAGE)
        body |= _body(evidence=evidence, note=note)
        body |= _body(**{"expires_at" if expires and ":" in expires else "for": expires})
    method = "DELETE" if revoke else "POST"
    do = approvework.revoke if revoke else approvework.give
    agree(path, by, (method, "approvals"), body, do, as_json=as_json)


def agree(
    path: Path, by: str | None, where: tuple[str, str], body: dict[str, Any],
    do: Callable[[Approving, dict[str, Any], Signed], Answer], *, as_json: bool,
) -> None:  # fmt: skip
    """Have it done by the daemon that runs, or here where none does; print what came of it, and end."""
    from daemon.approvework import signed_in
    from daemon.deskwork import BadRequestError
    from daemon.reaching import UnreachableError, reach_to_agree
    from daemon.store import StoreError

    config = load_or_exit(path)
    token = os.environ.get(TOKEN, "")
    told = by or ""
    try:
        signed = signed_in(_user(), "command line", told)
        # Where nobody signs in, the daemon knows only what it is told.
        said = body | {"by": told or ("" if token else _user())}
        reply = reach_to_agree(
            config, token, lambda: datetime.now(UTC), lambda desk: do(desk, body, signed),
            lambda there: there.agree(*where, said),
        )  # fmt: skip
    except BadRequestError as error:
        fail(str(error), USAGE)
    except (StoreError, UnreachableError) as error:
        fail(str(error), TROUBLE)
    _say(reply, as_json=as_json)


def _say(reply: Reply, *, as_json: bool) -> None:
    counts = reply.status == 200 and reply.body.get("counts") is not False
    if as_json:
        click.echo(json.dumps(dict(reply.body), indent=2))
    else:
        click.echo(printable(reply.text), err=not counts)
        if "impacts" in reply.body and reply.body["impacts"] is None:
            click.echo("  what its apply does is shown to those who may read: this token may not", err=not counts)
        for plan in reply.body.get("impacts") or ():
            where = "/".join(part for part in (str(plan.get("stack", "")), str(plan.get("component", ""))) if part)
            click.echo(
                printable(f"  plan of {where or 'what nobody can match'}: {plan.get('title', '')}"), err=not counts
            )
    if not counts:
        sys.exit({200: REFUSED, 400: USAGE, 404: REFUSED, 409: REFUSED}.get(reply.status, TROUBLE))


def _user() -> str:
    """Whose process this is: no variable of the environment decides that."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"  # a container's user need not have a name


def _body(**given: str | None) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value}


def fail(text: str, code: int) -> NoReturn:
    """Say what is wrong, and end."""
    click.echo(printable(text), err=True)
    sys.exit(code)
