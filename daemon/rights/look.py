"""Goes through all roles in all accounts, with nothing of the service running."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from daemon.abreast import abreast
from daemon.accounts.directory import Directory
from daemon.accounts.telling import trouble
from daemon.accounts.watch import MEMORY
from daemon.aws import AwsContext, ClientPool, Sessions
from daemon.aws.rates import RateGate
from daemon.policies.own import own
from daemon.rights.judge import standing
from daemon.rights.model import Denial, Standing, Subject
from daemon.rights.recorded import denials
from daemon.rights.simulate import simulate
from daemon.rights.subjects import subjects

if TYPE_CHECKING:
    from daemon.config import Config

_AT_ONCE = 8  # roles that are asked about at the same time


@dataclass(frozen=True, slots=True)
class Rights:
    """What was found. *troubles*: what could not be gone through, for people."""

    standings: tuple[Standing, ...]
    troubles: tuple[str, ...] = ()


def look(
    config: Config, environ: Mapping[str, str], prepare: Callable[[Any, str], None] = lambda client, service: None
) -> Rights:
    """Find the accounts and ask about each role. *prepare* is given each new client, as ClientPool gives it."""
    from daemon.wiring import aws_settings, discovery_settings, payer_account

    def clock() -> datetime:
        return datetime.now(UTC)

    settings, troubles = discovery_settings(config), list[str]()
    recorded, memory = _stored(config, troubles)
    with ExitStack() as stack:
        pool = ClientPool(Sessions(aws_settings(config)), prepare=prepare)
        stack.callback(pool.close)
        context = AwsContext(pool, clock, gate=RateGate())
        directory = Directory(settings, context, clock)
        directory.remember(memory)
        if settings.stacks:
            _take_stacks(config, environ, directory, troubles)
        if settings.discovers:
            troubles += (f"{what}: {why}" for what, why in trouble(directory.refresh(), directory))
        checks = {name: type(one.check) for name, one in config.checks.items() if one.enabled}
        asked = own(discovers=settings.organization is not None, lists_regions=settings.lists_regions)
        found = subjects(checks, asked, directory.accounts(), payer_account(config), settings.organization)
        judge = partial(_judged, context=context, region=settings.region, recorded=recorded)
        standings = abreast(judge, found, threads=_AT_ONCE, name="rights") or []
    if not found:
        troubles.append("no account is watched: name some in aws.accounts, or switch on aws.discovery")
    return Rights(tuple(standings), tuple(troubles))


def _judged(subject: Subject, context: AwsContext, region: str, recorded: Sequence[Denial]) -> Standing:
    return standing(subject, simulate(subject, context, region), recorded)


def _stored(config: Config, troubles: list[str]) -> tuple[Sequence[Denial], str]:
    """What the service has met so far, and the accounts that it knows; nothing where it never ran."""
    from daemon.store import StoreError
    from daemon.store.store import open_reader

    if not config.store.path.exists():
        return (), ""
    try:
        with open_reader(config.store.path) as reader:
            return denials(reader), reader.meta(MEMORY) or ""
    except StoreError as error:
        troubles.append(f"what the last looks were refused: {error}")
        return (), ""


def _take_stacks(config: Config, environ: Mapping[str, str], directory: Directory, troubles: list[str]) -> None:
    from daemon.inventory.model import InventoryError
    from daemon.wiring import open_inventory

    try:
        inventory = open_inventory(config, environ)
    except InventoryError as error:
        troubles.append(f"the accounts that stacks name: {error}")
        return
    if inventory.stale_because:
        troubles.append(f"the accounts that stacks name: {inventory.stale_because}")
    directory.take(inventory)
