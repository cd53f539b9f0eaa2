"""An account, or a region of one, as checks see it: checks.aws.AwsPlace over real clients."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from checks.base import Json, Owner
from daemon.aws.account import Account
from daemon.aws.asking import Asker
from daemon.aws.context import AwsContext, Watching
from daemon.aws.rests import Rests

# Of a check's deadline: it still has to say what it saw before the runner gives it up.
_SHARE_FOR_ASKING = 0.95


class _AwsPlace:
    """Both kinds of place. Made once; opened() gives the one that a single look goes through."""

    def __init__(self, key: str, region: str, account: Account, watching: Watching, context: AwsContext) -> None:
        self.key = key
        self.account = account.id
        self.region = region
        self.lane = region  # looks at one region take turns: daemon.turns
        self.regions = account.regions
        self.partition = account.partition
        self.labels: Mapping[str, str] = account.labels
        self.kept: dict[str, Json] = {}
        self._asker = Asker(account.id, account.identity, watching, context)

    def now(self) -> datetime:
        return self._asker.context.clock()

    def opened(self, deadline: timedelta) -> Self:
        """This place for one look: it holds what the check keeps, and asks nothing after *deadline*."""
        one = copy.copy(self)
        one.kept = {}
        until = self._asker.context.ticks() + deadline.total_seconds() * _SHARE_FOR_ASKING
        one._asker = replace(self._asker, until=until, rests=one._rests())  # noqa: SLF001  its own kind
        return one

    def _rests(self) -> Rests:
        asker = self._asker
        return Rests(self.account, asker.watching.rests, self.now, self.recall, self.keep, asker.context.filled)

    # -- asking -------------------------------------------------------------------------------------------------

    def call(self, service: str, operation: str, /, *, region: str = "", **parameters: Any) -> Mapping[str, Json]:
        return self._asker.call(service, operation, region or self.region, parameters)

    def pages(
        self, service: str, operation: str, key: str, /, *, region: str = "", **parameters: Any
    ) -> Iterator[Json]:
        return self._asker.pages(service, operation, key, region or self.region, parameters)

    def shared(
        self, service: str, operation: str, key: str, /, *, region: str = "", **parameters: Any
    ) -> tuple[Json, ...]:
        return self._asker.shared(service, operation, key, region or self.region, parameters)

    def emptied(self) -> Mapping[str, datetime]:
        return self._asker.rests.told() if self._asker.rests is not None else {}

    # -- ownership and memory -----------------------------------------------------------------------------------

    def owner(self, identifier: str, /) -> Owner | None:
        return self._asker.context.owners.find(identifier, self.account, self.region)

    @property
    def ownership_known(self) -> bool:
        return self._asker.context.owners.known

    def recall(self, name: str, /) -> Json | None:
        if name in self.kept:
            return self.kept[name]
        return self._asker.context.memory.recall(self._asker.watching.check, self.key, name)

    def keep(self, name: str, value: Json, /) -> None:
        self.kept[name] = json.loads(json.dumps(value))  # a copy; what is no JSON is refused here


class AwsAccountPlace(_AwsPlace):
    """An account: its global services, and what it answers for all regions at once."""

    def __init__(self, account: Account, watching: Watching, context: AwsContext) -> None:
        super().__init__(account.id, account.global_region, account, watching, context)


class AwsRegionPlace(_AwsPlace):
    """A region of an account."""

    def __init__(self, account: Account, region: str, watching: Watching, context: AwsContext) -> None:
        super().__init__(f"{account.id}/{region}", region, account, watching, context)
        self.labels = {**account.labels, "region": region}


@dataclass(frozen=True)
class NoPayerPlace:
    """Stands where the account that pays would stand, had the configuration named one. Nothing can be asked there."""

    clock: Callable[[], datetime]
    key: str = "payer"
    account: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.clock()
