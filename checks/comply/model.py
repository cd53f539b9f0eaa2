"""Resources as rules see them, and what a rule says of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from checks.base import Json, Owner
from checks.kinds import PRODUCTION
from checks.plans.ignore import fits


class NotKnownError(Exception):
    """A rule asks for what could not be read. The text says why, for people."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of an account. What could not be read of it is in *unread*, by the name it would have in *facts*."""

    arn: str
    type: str  # "rds:db", as in ARNs
    name: str
    owner: Owner | None = None  # UNMANAGED: no state holds it; None: nobody knows
    stage: str = ""  # of the owner, else of the account; empty: not known
    facts: Mapping[str, Json] = field(
        default_factory=dict
    )  # what rules ask for; what a kind does not have is not there
    unread: Mapping[str, str] = field(default_factory=dict)  # name of a fact -> why it could not be read

    def fact(self, name: str) -> Json:
        """What is known under *name*; None: the kind has no such thing. Raises NotKnownError."""
        if name in self.unread:
            raise NotKnownError(self.unread[name])
        return self.facts.get(name)

    def has(self, name: str) -> bool:
        """Whether its kind has such a fact, read or not."""
        return name in self.facts or name in self.unread

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags. Raises NotKnownError."""
        return dict(self.fact("tags") or {})

    @property
    def in_stage(self) -> str:
        """Its stage; one that is not known counts as production."""
        return self.stage or PRODUCTION


class Word(StrEnum):
    """What a rule says of a resource."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_KNOWN = "not_known"
    OFF = "off"  # switched off, with a reason


@dataclass(frozen=True, slots=True)
class Result:
    """What a rule says of a resource, and why."""

    rule: str
    resource: str  # the ARN
    word: Word
    why: str = ""


@dataclass(frozen=True, slots=True)
class Exemption:
    """A rule that is switched off for some resources until a day is over.

    Globs know `*` and `?`. Raises ValueError when there is no reason or no owner.
    """

    rule: str
    """Glob over names of rules: tags, naming, encryption, log_retention, flow_logs, load_balancer_logs, bucket_logs,
    audit_logs, cdn_logs, alarms, multi_az, deletion_protection, rollback, spot, shutdown, commitments,
    cycle."""
    reason: str  # why it is fine
    owner: str  # whom to ask
    expires: date | None = None  # the last day it applies, UTC; empty: for good
    stack: str = "*"  # glob
    resource: str = "*"  # glob over ARNs, ids and names

    def __post_init__(self) -> None:
        for name in ("rule", "reason", "owner"):
            if not getattr(self, name).strip():
                raise ValueError(f"a rule that is switched off needs {name}: say which, why, and whom to ask")

    def applies(self, now: datetime) -> bool:
        """Whether its last day is not over at *now* (aware UTC)."""
        return self.expires is None or now.date() <= self.expires

    def covers(self, rule: str, resource: Resource) -> bool:
        """Whether it is about this rule and this resource."""
        stack = resource.owner.stack if resource.owner else ""
        return (
            fits(self.rule, rule)
            and fits(self.stack, stack)
            and any(fits(self.resource, name) for name in (resource.arn, resource.name))
        )


def exempt(exemptions: Iterable[Exemption], rule: str, resource: Resource, now: datetime) -> str:
    """Why *rule* is switched off for *resource* at *now*; empty: it is not."""
    found = next((one for one in exemptions if one.applies(now) and one.covers(rule, resource)), None)
    return f"{found.reason} ({found.owner})" if found else ""


def expired(exemptions: Sequence[Exemption], now: datetime) -> list[str]:
    """Exemptions whose last day is over, for people: their rules apply again."""
    return [f"{one.rule} {one.stack} {one.resource}: {one.reason} ({one.owner}, until {one.expires})"
            for one in exemptions if not one.applies(now)]  # fmt: skip
