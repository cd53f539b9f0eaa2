"""What all AWS places of the program share, and what sets the places of one check apart."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from checks.base import Json, Owner
from daemon.aws.pool import ClientPool
from daemon.aws.rests import Filled
from daemon.aws.sessions import Identity
from daemon.aws.shared import SharedAnswers


class Owners(Protocol):
    """The index of what Terraform states hold."""

    @property
    def known(self) -> bool:
        """Whether every state of the inventory was read: only then does "not found" mean "unmanaged"."""

    def find(self, identifier: str, account: str = "", region: str = "") -> Owner | None:
        """Whose state holds an ARN or id; None: none that was read. *account* and *region*: where it is."""


class Memory(Protocol):
    """What checks kept in earlier looks."""

    def recall(self, check: str, place: str, name: str) -> Json | None: ...


class NoOwners:
    """No state was read: nobody may say that something is unmanaged."""

    known = False

    def find(self, identifier: str, account: str = "", region: str = "") -> Owner | None:
        return None


class NoMemory:
    """A single look has no history."""

    def recall(self, check: str, place: str, name: str) -> Json | None:
        return None


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is about to be made, each page one."""

    account: str
    region: str
    service: str  # botocore's name
    operation: str  # "ListCertificates"
    check: str
    until: float = math.inf  # the tick after which the look asks nothing any more


@dataclass(frozen=True, slots=True)
class Watching:
    """The check that looks: its name, and what it declares."""

    check: str
    iam: frozenset[str]
    rests: frozenset[str] = frozenset()  # see Check.rests


@dataclass(frozen=True)
class AwsContext:
    """What every AWS place looks through.

    *gate* is called before every request, may make it wait, and raises AwsError to forbid it: rates and caps. So is
    *whose*, with the account, the identity and the region: it raises AwsError if the identity is of another account.
    *strict*: an operation that the check does not declare raises UndeclaredError, a mistake of the program; otherwise
    the look fails with an AwsError.
    """

    pool: ClientPool
    clock: Callable[[], datetime]
    shared: SharedAnswers = field(default_factory=SharedAnswers)
    filled: Filled = field(default_factory=Filled)
    owners: Owners = field(default_factory=NoOwners)
    memory: Memory = field(default_factory=NoMemory)
    gate: Callable[[Request], None] = lambda request: None
    whose: Callable[[str, Identity, str], None] = lambda account, identity, region: None
    strict: bool = False
    ticks: Callable[[], float] = time.monotonic

    def refresh(self, account: str, region: str) -> None:
        """Something may have changed there: the next looks ask AWS, and take no answer of before for one of now."""
        self.shared.forget(lambda key: isinstance(key, tuple) and key[1:3] == (account, region))
        self.filled.wake(account, region, self.clock())
