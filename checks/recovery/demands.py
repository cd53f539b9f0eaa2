"""What is asked of a data store: rows of the configuration, first fit decides, and below them the defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from checks.base import Owner
from checks.kinds import DEVELOPMENT, PRODUCTION
from checks.plans.ignore import fits
from checks.recovery.model import DataStore, Demand, Destination, StoreKind

# A day's backup, and the two hours that its window and its run may take.
DAILY = timedelta(hours=26)
WEEKLY = timedelta(days=8)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class RpoRule:
    """How much time's data may be lost, of what. The first row that fits decides.

    Raises ValueError for a negative time.
    """

    within: timedelta  # the newest recovery point may be this old; 0 asks for no backup
    kinds: tuple[StoreKind, ...] = ()  # of these; empty: of all
    stages: tuple[str, ...] = ()  # in these; empty: in all
    resource: str = "*"  # glob over ARNs

    def __post_init__(self) -> None:
        if self.within < timedelta(0):
            raise ValueError("within is a length of time, and cannot be negative")

    def covers(self, store: DataStore, stage: str) -> bool:
        """Whether it speaks of *store* in *stage*."""
        return (
            (not self.kinds or store.kind in self.kinds)
            and (not self.stages or stage in self.stages)
            and fits(self.resource, store.arn)
        )


@dataclass(frozen=True, slots=True)
class CopyRule:
    """Where a second copy must be, of what: in another region, another account, or both.

    Raises ValueError when it names neither.
    """

    region: str = ""  # empty: any region of the account
    account: str = ""  # empty: the account of the data store
    kinds: tuple[StoreKind, ...] = ()  # of these; empty: of all
    stages: tuple[str, ...] = (PRODUCTION,)  # in these; empty: in all
    resource: str = "*"  # glob over ARNs

    def __post_init__(self) -> None:
        if not (self.region or self.account):
            raise ValueError("a copy needs a region or an account to be in")

    def covers(self, store: DataStore, stage: str) -> bool:
        """Whether it speaks of *store* in *stage*."""
        return RpoRule(timedelta(0), self.kinds, self.stages, self.resource).covers(store, stage)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the owner of a data store says of its backups. Kept from look to look: see wish()."""

    stage: str = ""
    who: str = ""  # the owner, for people
    settings: Mapping[str, object] = field(default_factory=dict)  # rpo and backup_copy of settings.barograph

    @property
    def kept(self) -> Mapping[str, object]:
        """As place.keep() takes it; empty: nothing that the defaults do not say."""
        plain = self.stage in ("", PRODUCTION) and not self.settings
        return {} if plain else {"stage": self.stage, "who": self.who, "settings": dict(self.settings)}


def wish(owner: Owner | None, before: object) -> Wish:
    """What *owner* says. Where nobody knows the owner now, what was kept of an earlier look: *before*.

    Without that, a state that cannot be read for a day would make every relaxed objective strict, and raise alarms.
    """
    if owner is not None:
        settings = {name: owner.settings[name] for name in ("rpo", "backup_copy") if name in owner.settings}
        return Wish(owner.stage, str(owner) if owner.managed else "", settings)
    if not isinstance(before, Mapping):
        return Wish()
    settings = before.get("settings") or {}
    return Wish(str(before.get("stage") or ""), str(before.get("who") or ""), settings)


@dataclass(frozen=True, slots=True)
class ExemptRule:
    """Ask no backup of these until a day is over. Raises ValueError when there is no reason or no owner."""

    resource: str  # glob over ARNs
    reason: str  # why it may be lost
    owner: str  # whom to ask
    expires: date  # the last day it applies, UTC
    tag: str = ""  # only where it has this tag: name=value, the value a glob

    def __post_init__(self) -> None:
        for name in ("resource", "reason", "owner"):
            if not getattr(self, name).strip():
                raise ValueError(f"an exemption needs {name}: say of what, why it may be lost, and whom to ask")
        if self.tag and "=" not in self.tag:
            raise ValueError("tag is written name=value")

    def covers(self, store: DataStore) -> bool:
        """Whether it speaks of *store*."""
        name, _, value = self.tag.partition("=")
        tagged = not self.tag or (name in store.tags and fits(value, store.tags[name]))
        return tagged and fits(self.resource, store.arn)


def exemption(
    rules: Iterable[ExemptRule], store: DataStore, now: datetime
) -> tuple[ExemptRule | None, Sequence[ExemptRule]]:
    """The first rule that holds for *store* at *now*, and those whose day is over."""
    mine = [rule for rule in rules if rule.covers(store)]
    today = now.date()
    return next((rule for rule in mine if today <= rule.expires), None), [r for r in mine if today > r.expires]


def demand(store: DataStore, stage: str, said: Wish, rules: Iterable[RpoRule], copies: Iterable[CopyRule]) -> Demand:
    """What is asked of *store*. *stage*: of the account, where the owner has none; one nobody knows is production.

    settings.barograph may hold `rpo` ("4h", seconds, or a mapping of kinds to one) and `backup_copy` (a region, or
    a mapping of region and account, or a list of these).
    """
    stage = said.stage or stage or PRODUCTION
    rpo, why = _rpo(store, stage, said, rules)
    asked = list(_own_copies(store, said.settings))
    asked += [_destination(store, rule.region, rule.account) for rule in copies if rule.covers(store, stage)]
    # A copy where the data is already is none: "eu-west-1" asked of all says nothing to what lives there.
    asked = [each for each in asked if each.account or each.region not in ("", store.region)]
    has_switch = store.deletion_protection is not None or store.protection_unread is not None
    protected = stage == PRODUCTION and has_switch
    return Demand(rpo or None, why, tuple(dict.fromkeys(asked)), protected)


def _rpo(store: DataStore, stage: str, said: Wish, rules: Iterable[RpoRule]) -> tuple[timedelta, str]:
    own = said.settings.get("rpo")
    if isinstance(own, Mapping):
        own = own.get(store.kind.value)
    length = read_span(own)
    if length is not None:
        return length, f"settings.barograph of {said.who}"
    for rule in rules:
        if rule.covers(store, stage):
            return rule.within, "checks.backups.rpo"
    within = WEEKLY if stage == DEVELOPMENT else DAILY
    return within, f"the default in {stage}"


def _own_copies(store: DataStore, settings: Mapping[str, object]) -> Iterable[Destination]:
    asked = settings.get("backup_copy")
    for each in asked if isinstance(asked, (list, tuple)) else [asked]:
        if isinstance(each, str) and each.strip():
            yield _destination(store, each, "")
        elif isinstance(each, Mapping) and (each.get("region") or each.get("account")):
            yield _destination(store, str(each.get("region") or ""), str(each.get("account") or ""))


def _destination(store: DataStore, region: str, account: str) -> Destination:
    return Destination(region, account if account != store.account else "")


def read_span(value: object) -> timedelta | None:
    """A length of time as Atmos' settings write it: 26h, 1d12h, or seconds. None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return timedelta(seconds=value) if 0 <= value < 1e10 else None
    text = str(value).strip().lower()
    if not re.fullmatch(r"(\d{1,6}[smhdw])+", text):
        return None
    return timedelta(seconds=sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([smhdw])", text)))
