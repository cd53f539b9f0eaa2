"""A resource as the check `unmanaged` sees it, and who decided that nobody's state needs to hold it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from checks.aws import Arn
from checks.plans.ignore import fits

AWS = "AWS"  # as a maker: it comes with the account, or with what it is in


@dataclass(frozen=True, slots=True)
class Thing:
    """A resource of an account, as a list of AWS names it."""

    arn: str
    kind: str  # "rds:db", as in ARNs
    name: str  # for people; its id where it has none
    ids: tuple[str, ...] = ()  # other names by which a state may know it
    created: datetime | None = None  # None: the list does not say
    tags: Mapping[str, str] | None = None  # None: the list does not say
    region: str = ""  # where it is asked about, if not where it was listed
    maker: str = ""  # what made it and looks after it, where the list itself says so: "instance i-1", AWS

    @property
    def names(self) -> tuple[str, ...]:
        """All it may be called."""
        return tuple(dict.fromkeys(one for one in (self.arn, *self.ids, self.name) if one))


class Word(StrEnum):
    """Whose a resource is."""

    MANAGED = "managed"  # a Terraform state holds it
    MADE = "made"  # something else made it, and looks after it
    ACCEPTED = "accepted"  # no state holds it, and somebody said that this is fine
    NEW = "new"  # no state holds it yet
    UNMANAGED = "unmanaged"  # no state holds it
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class Accepted:
    """Resources that need no Terraform, until a day is over. Globs know * and ?.

    Raises ValueError when it has no reason or no owner, or names everything there is.
    """

    reason: str  # why it is fine
    owner: str  # whom to ask
    expires: date  # the last day it applies, UTC; afterwards they are told of again
    resource: str = "*"  # glob over ARNs, ids and names
    type: str = "*"  # glob over kinds of resource: rds:db, ec2:*
    tag: str = ""  # key, or key=value, that they must have; both are globs
    account: str = "*"  # glob over account ids

    def __post_init__(self) -> None:
        for name in ("reason", "owner", "resource", "type", "account"):
            if not getattr(self, name).strip():
                raise ValueError(f"what is ignored needs {name}: say which resources, why, and whom to ask")
        if not (self.tag or (self.resource + self.type + self.account).strip("*")):
            raise ValueError("what is ignored needs a resource, a type, a tag or an account: this would be everything")

    def covers(self, thing: Thing, account: str, tags: Mapping[str, str]) -> bool:
        """Whether it is about this resource."""
        return (
            fits(self.type, thing.kind)
            and fits(self.account, account)
            and any(fits(self.resource, name) for name in thing.names)
            and (not self.tag or tagged(self.tag, tags))
        )

    def over(self, today: date) -> bool:
        return today > self.expires

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.reason} ({self.owner}, until {self.expires.isoformat()})"


def tagged(pattern: str, tags: Mapping[str, str]) -> bool:
    """Whether one of *tags* fits "key" or "key=value"; both are globs."""
    key, _, value = pattern.partition("=")
    return any(fits(key, name) and (not value or fits(value, text)) for name, text in tags.items())


def accepting(
    rules: Iterable[Accepted], thing: Thing, account: str, tags: Mapping[str, str], today: date
) -> tuple[Accepted | None, Accepted | None]:
    """(the rule that covers it, if one applies; else one whose day is over)."""
    mine = [rule for rule in rules if rule.covers(thing, account, tags)]
    live = next((rule for rule in mine if not rule.over(today)), None)
    return live, None if live is not None else next(iter(mine), None)


# ARNs that name no kind: their whole resource is a name.
_PLAIN: Mapping[str, str] = {"s3": "s3:bucket", "sns": "sns:topic", "sqs": "sqs:queue", "codepipeline": "codepipeline"}


def kind_of(arn: Arn) -> str:
    """The kind of what an ARN names: "rds:db", "elasticloadbalancing:loadbalancer", "sns:topic"."""
    if arn.service in _PLAIN:
        return _PLAIN[arn.service]
    resource = arn.resource.lstrip("/")
    ends = [position for position in (resource.find(":"), resource.find("/")) if position > 0]
    return f"{arn.service}:{resource[: min(ends)]}" if ends else arn.service


@dataclass(frozen=True, slots=True)
class Judged:
    """A resource, whose it is, and why."""

    thing: Thing
    word: Word
    why: str = ""  # the stack's component; what made it; the rule that accepts it


@dataclass(slots=True)
class Kind:
    """All resources of one kind at a place."""

    name: str
    judged: list[Judged] = field(default_factory=list)

    def of(self, word: Word) -> list[Judged]:
        return sorted((one for one in self.judged if one.word is word), key=lambda one: one.thing.arn)

    def values(self) -> Mapping[str, float]:
        """The measures of a kind. There is no ratio where nothing is there that a state could hold."""
        number = {word: len(self.of(word)) for word in Word}
        ours = sum(number[word] for word in (Word.MANAGED, Word.ACCEPTED, Word.NEW, Word.UNMANAGED))
        return {
            "resources": float(number[Word.UNMANAGED]),
            "resources_managed": float(number[Word.MANAGED]),
            "resources_of_others": float(number[Word.MADE]),
            "resources_accepted": float(number[Word.ACCEPTED]),
            "resources_new": float(number[Word.NEW]),
            **({"managed_ratio": number[Word.MANAGED] / ours} if ours else {}),
        }
