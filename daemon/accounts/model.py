"""Accounts as their sources tell of them, and how they are chosen. Plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from daemon.aws import OWN, Account, Identity

ENABLED = "enabled"  # in the place of a list of regions: every one that the account has switched on


@dataclass(frozen=True, slots=True)
class Found:
    """An account, as one source knows it. Empty: it does not say."""

    id: str
    name: str = ""
    stage: str = ""
    tenant: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source listed, to its end."""

    accounts: Mapping[str, Found]  # to be watched, by id
    left_out: Mapping[str, str] = field(default_factory=dict)  # id -> why it is not: "it is SUSPENDED"
    closed: frozenset[str] = frozenset()  # of those left out: AWS says that they are closed, or not open yet
    unread: Mapping[str, str] = field(default_factory=dict)  # id -> why its tags are not known; the rest of it is


@dataclass(frozen=True, slots=True)
class Pattern:
    """What the accounts are whose name or id fits *account*, where nothing else says it."""

    account: str
    stage: str = ""
    tenant: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Organization:
    """Which accounts of an organization are watched, and what their tags say. Globs fit names and ids."""

    identity: Identity = OWN
    account: str = ""  # that of *identity*, where it is known
    partition: str = "aws"
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    units: tuple[str, ...] = ()  # ids of units or roots: only accounts below them; empty: all
    exclude_units: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)  # name -> glob: all must fit
    exclude_tags: Mapping[str, str] = field(default_factory=dict)  # any that fits
    stage_tags: tuple[str, ...] = ()
    tenant_tags: tuple[str, ...] = ()
    owner_tags: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    stage_words: Mapping[str, str] = field(default_factory=dict)  # in lower case

    @property
    def filters_by_tag(self) -> bool:
        return bool(self.tags or self.exclude_tags)

    @property
    def reads_tags(self) -> bool:
        return self.filters_by_tag or bool(self.stage_tags or self.tenant_tags or self.owner_tags)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where accounts come from.

    *static*: those that the configuration names. One without regions has those of discovered accounts, and so has its
    identity where it takes on no role and is discovered too. *identity* gives that of a discovered account by its id.
    """

    static: tuple[Account, ...] = ()
    organization: Organization | None = None
    stacks: bool = False
    regions: tuple[str, ...] = (ENABLED,)  # of discovered accounts
    identity: Callable[[str], Identity] = lambda account: OWN
    region: str = ""  # where regions are asked for; empty: where the partition's global services are
    every: timedelta = timedelta(hours=1)

    @property
    def discovers(self) -> bool:
        """Whether anything has to be asked for."""
        return self.organization is not None or self.stacks or any(one.regions == (ENABLED,) for one in self.static)

    @property
    def lists_regions(self) -> bool:
        """Whether the regions of some account are listed."""
        finds = self.organization is not None or self.stacks
        return (finds and self.regions == (ENABLED,)) or any(one.regions == (ENABLED,) for one in self.static)
