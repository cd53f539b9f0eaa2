"""The check of what is open, unencrypted or unguarded, at a region and at an account."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from checks.base import Check, Scope
from checks.security import Security
from tests.aws.blind import World
from tests.checks.exposure.account_world import GLOBAL
from tests.checks.exposure.world import REGIONAL, arn


@dataclass(frozen=True)
class AtAccount(Security):
    """The same check, for the places that tests make by a check's scope."""

    scope: ClassVar[Scope] = Scope.ACCOUNT
    more_scopes: ClassVar[tuple[Scope, ...]] = ()


class BothPlaces:
    """A region, and an account as a whole."""

    def prove(self, check: Check, folder: Path) -> None:
        for name, each, world in (
            ("region", check, World(REGIONAL, memory={"told": [["store_unencrypted", arn("ec2", "volume/vol-2")]]})),
            ("account", AtAccount(), World(GLOBAL, region="us-east-1")),
        ):
            (folder / name).mkdir()
            world.prove(each, folder / name)


WORLD = BothPlaces()
