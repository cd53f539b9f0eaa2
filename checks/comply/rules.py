"""The rules: one row each. A rule says nothing of what it is not about, and does not guess what could not be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checks.base import Kind
from checks.comply.hours import WorkingHours
from checks.comply.model import Exemption, NotKnownError, Resource, Result, Word, exempt
from checks.kinds import DEVELOPMENT, PRODUCTION, STAGING
from checks.plans.ignore import fits


@dataclass(frozen=True, slots=True)
class RequiredTag:
    """A tag that resources must have. Raises ValueError where *values* is no regular expression."""

    key: str  # its name, as AWS has it
    values: str = ".+"  # regular expression that the whole value must fit
    types: tuple[str, ...] = ("*",)  # globs over kinds of resource: rds:db, ec2:*
    stack: str = "*"  # glob

    def __post_init__(self) -> None:
        _compiled(self.values)


@dataclass(frozen=True, slots=True)
class Naming:
    """How resources must be called. Raises ValueError where *pattern* is no regular expression."""

    types: tuple[str, ...]  # globs over kinds of resource: rds:db, s3:bucket
    pattern: str  # regular expression that the whole name must fit
    stack: str = "*"  # glob

    def __post_init__(self) -> None:
        _compiled(self.pattern)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error


@dataclass(frozen=True, slots=True)
class Expected:
    """What the configuration expects, and the time."""

    now: datetime
    tags: Sequence[RequiredTag] = ()
    naming: Sequence[Naming] = ()
    hours: WorkingHours = field(default_factory=WorkingHours)
    retention_days: int = 30
    off: Sequence[Exemption] = ()
    seen_off: Mapping[str, float] = field(default_factory=dict)  # ARN -> Unix time it was last seen running off hours


# None: the rule is not about this resource. Empty: it passes. Else why it fails. Raises NotKnownError.
Ask = Callable[[Resource, Expected], "str | None"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation. *fact*: only kinds that have it are asked; *stages*: empty means all."""

    name: str
    lack: str  # what is wrong with those that fail, for people
    ask: Ask
    stages: tuple[str, ...] = ()
    fact: str = ""
    kind: Kind = Kind.COMPLIANCE
    about: str = ""  # for the docs


def _flag(name: str, why: str) -> Ask:
    """A fact that must be true."""

    def ask(resource: Resource, expected: Expected) -> str | None:
        return "" if resource.fact(name) else why

    return ask


def _tags(resource: Resource, expected: Expected) -> str | None:
    wanted = [
        one for one in expected.tags
        if any(fits(each, resource.type) for each in one.types) and fits(one.stack, _stack(resource))
    ]  # fmt: skip
    if not wanted:
        return None
    tags = resource.tags
    wrong = [one.key for one in wanted if one.key in tags and not re.fullmatch(one.values, tags[one.key])]
    missing = [one.key for one in wanted if one.key not in tags]
    parts = [
        f"{word} {', '.join(keys)}"
        for word, keys in (("no", missing), ("another value than allowed in", wrong))
        if keys
    ]
    return "; ".join(parts)


def _naming(resource: Resource, expected: Expected) -> str | None:
    wanted = [
        one for one in expected.naming
        if any(fits(each, resource.type) for each in one.types) and fits(one.stack, _stack(resource))
    ]  # fmt: skip
    if not wanted:
        return None
    failing = [one.pattern for one in wanted if not re.fullmatch(one.pattern, resource.name)]
    return f"{resource.name or 'a resource without a name'} does not fit {', '.join(failing)}" if failing else ""


def _stack(resource: Resource) -> str:
    return resource.owner.stack if resource.owner else ""


def _retention(resource: Resource, expected: Expected) -> str | None:
    days = resource.fact("retention_days")
    if days is None:
        return "keeps its logs for ever"
    return "" if days >= expected.retention_days else f"keeps its logs for {days} days only"


def _spot(resource: Resource, expected: Expected) -> str | None:
    return "runs on spot capacity, which can be taken away" if resource.fact("spot") else ""


def _shutdown(resource: Resource, expected: Expected) -> str | None:
    """Whether it ran in the latest time off. A start that is known tells of all the time since; else a look must."""
    began, ended = expected.hours.last_off(expected.now)
    running = resource.fact("running")
    since = resource.fact("running_since") if running else None
    grace = timedelta(hours=1)  # who works late is not told of
    if resource.has("running_since"):
        late = since is not None and datetime.fromisoformat(since) <= ended - grace
        ran = running and late and ended - began >= grace
        return "runs outside working hours" if ran else ""
    if expected.now > began + grace and not expected.hours.within(expected.now):
        return "runs outside working hours" if running else ""
    looked = expected.seen_off.get("looked")
    if looked is None or looked < began.timestamp():
        raise NotKnownError("nobody looked outside working hours yet")
    return "runs outside working hours" if resource.arn in expected.seen_off else ""


def _commitments(resource: Resource, expected: Expected) -> str | None:
    covered = resource.fact("covered_ratio") >= _COVERED_LEAST
    return "" if covered else "less than half of the account's load is covered by reservations or savings plans"


def _cycle(resource: Resource, expected: Expected) -> str | None:
    """*cycle* of a change is why it did not go through the recorded cycle; empty: it did."""
    return str(resource.fact("cycle"))


_COVERED_LEAST = 0.5  # of the hours that reservations and savings plans could cover

RULES: tuple[Rule, ...] = (
    Rule(
        "tags",
        "required tags are missing or wrong",
        _tags,
        fact="tags",
        about="has the required tags of the configuration, with values that are allowed",
    ),
    Rule("naming", "not named as agreed", _naming, about="is named as the configuration says for its kind"),
    Rule(
        "encryption",
        "not encrypted at rest",
        _flag("encrypted", "is not encrypted at rest"),
        fact="encrypted",
        about="volumes, databases, caches and file systems are encrypted at rest",
    ),
    Rule(
        "log_retention",
        "logs are kept too short or for ever",
        _retention,
        fact="retention_days",
        about="a log group keeps its logs for the agreed time, and not for ever",
    ),
    Rule(
        "flow_logs",
        "no flow logs",
        _flag("flow_logs", "has no active flow log"),
        fact="flow_logs",
        about="a VPC has an active flow log",
    ),
    Rule(
        "load_balancer_logs",
        "load balancers without access logs",
        _flag("access_logs", "writes no access logs"),
        fact="access_logs",
        about="a load balancer writes access logs",
    ),
    Rule(
        "bucket_logs",
        "buckets without access logs",
        _flag("bucket_logs", "has no server access logging"),
        (PRODUCTION, STAGING),
        "bucket_logs",
        about="a bucket that is no target of logs itself logs its accesses",
    ),
    Rule(
        "audit_logs",
        "clusters without an audit log",
        _flag("audit_logs", "does not write the audit log of its API"),
        fact="audit_logs",
        about="an EKS cluster writes its audit log",
    ),
    Rule(
        "cdn_logs",
        "distributions without access logs",
        _flag("cdn_logs", "has no access logging"),
        fact="cdn_logs",
        about="a CloudFront distribution logs its requests, in the old way or the new",
    ),
    Rule(
        "alarms",
        "in production without any alarm",
        _flag("alarmed", "no CloudWatch alarm is about it"),
        (PRODUCTION,),
        "alarmed",
        about="a production database, cache, table, load balancer, queue, function or service has a CloudWatch alarm",
    ),
    Rule(
        "multi_az",
        "in production in one zone only",
        _flag("multi_az", "would fail with its zone"),
        (PRODUCTION,),
        "multi_az",
        about="production data stores, load balancers and scaling groups are in more than one zone",
    ),
    Rule(
        "deletion_protection",
        "in production without deletion protection",
        _flag("deletion_protection", "can be deleted by one call"),
        (PRODUCTION,),
        "deletion_protection",
        about="production databases, tables and load balancers have deletion protection",
    ),
    Rule(
        "rollback",
        "no automatic rollback",
        _flag("rollback", "a deployment that fails is not rolled back"),
        (PRODUCTION, STAGING),
        "rollback",
        about="an ECS service rolls back what fails: by its circuit breaker or alarms, or by CodeDeploy",
    ),
    Rule("spot", "spot capacity in staging", _spot, (STAGING,), "spot", about="staging is production-like: no spot"),
    Rule(
        "shutdown",
        "development runs outside working hours",
        _shutdown,
        (DEVELOPMENT,),
        "running",
        Kind.COST_OPPORTUNITY,
        about="development is shut down outside working hours",
    ),
    Rule(
        "commitments",
        "most of the load is paid on demand",
        _commitments,
        (PRODUCTION,),
        "covered_ratio",
        Kind.COST_OPPORTUNITY,
        about="production's steady load is covered by reservations or savings plans",
    ),
    Rule(
        "cycle",
        "changed past the guideline's cycle",
        _cycle,
        (PRODUCTION,),
        "cycle",
        about="changes of production went through the recorded cycle; where none was seen it is not known",
    ),
)
BY_NAME: Mapping[str, Rule] = {rule.name: rule for rule in RULES}


def results(resource: Resource, expected: Expected) -> Iterator[Result]:
    """What every rule says of *resource*, but for those that are not about it."""
    for rule in RULES:
        if rule.stages and resource.in_stage not in rule.stages:
            continue
        if rule.fact and not resource.has(rule.fact):
            continue
        unread = ""
        try:
            why = rule.ask(resource, expected)
        except NotKnownError as error:
            why = unread = str(error)
        if why is None:
            continue
        reason = exempt(expected.off, rule.name, resource, expected.now)
        if reason:
            yield Result(rule.name, resource.arn, Word.OFF, reason)
        elif unread:
            yield Result(rule.name, resource.arn, Word.NOT_KNOWN, unread)
        else:
            yield Result(rule.name, resource.arn, Word.FAILED if why else Word.PASSED, why)
