"""What commands about single incidents share: a sample, or one of the store by the beginning of its fingerprint."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from checks.kinds import Tier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alerts.base import Incident
    from alerts.policy import Policy
    from daemon.store import Reader

USAGE = 2

of_tier = click.option(
    "--tier", type=click.Choice([*map(str, Tier)]), help="The sample's tier; without it the table of tiers decides."
)
with_labels = click.option(
    "--label", "labels", multiple=True, metavar="NAME=VALUE",
    help="A label of the sample: stack, component, stage, tenant, owner, account, region, channel, runbook.",
)  # fmt: skip


def refuse(text: str) -> NoReturn:
    """End with exit code 2: the user must correct something."""
    click.echo(text, err=True)
    sys.exit(USAGE)


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """Read the store at *path*, which a daemon may be using; end with exit code 2 where it cannot be read."""
    from daemon.store import StoreError, open_reader

    try:
        with open_reader(path) as reader:
            yield reader
    except StoreError as error:
        refuse(str(error))


def stored(path: Path, beginning: str) -> Incident:
    """The incident whose fingerprint begins with *beginning*, with or without its version."""
    with reading(path) as reader:
        every = reader.incidents()
    wanted = beginning.strip()
    found = [one for one in every if one.fingerprint.startswith((wanted, f"v1:{wanted}"))] if wanted else []
    if len(found) == 1:
        return found[0]
    if not found:
        refuse(f"{path}: no incident begins with {wanted!r}. `barograph routes test --all-open` lists what is open.")
    names = "\n".join(f"  {one.fingerprint}  {one.summary[:80]}" for one in found[:10])
    refuse(f"{path}: {len(found)} incidents begin with {wanted!r}; give more of it:\n{names}")


def labels_of(pairs: Iterable[str]) -> dict[str, str]:
    """`k=v` texts as labels; an empty value takes the sample's own away."""
    labels = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            refuse(f"--label {pair!r} is not NAME=VALUE, such as --label stack=acme-prod")
        labels[name] = value
    return labels


def sampled(kinds: Sequence[str], tier: str | None, labels: dict[str, str], policy: Policy) -> list[Incident]:
    """Samples of these kinds, tiered by the policy."""
    from alerts.samples import sample
    from checks.base import Kind, Tier
    from daemon.commands.check import utc_now

    chosen = Tier(tier) if tier is not None else None
    return [sample(Kind(kind), utc_now(), chosen, labels, policy.overrides) for kind in kinds]


def policy_of(path: Path, *, given: bool) -> Policy:
    """What the configuration says of alerting; without a file that was asked for, what Barograph does by itself."""
    from alerts.policy import Policy
    from alerts.routes import Routes
    from daemon.commands.config import load_or_exit
    from daemon.wiring import NOWHERE, alert_policy

    return alert_policy(load_or_exit(path)) if given or path.exists() else Policy(Routes(NOWHERE))
