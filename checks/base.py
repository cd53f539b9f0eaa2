"""The contract between checks and everything else.

A check looks at one *place* and yields a *reading* for every resource it saw, healthy or not. A reading carries
*findings*: what a person should hear about it. The runner measures, stores and routes; a check only looks and judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from checks.kinds import Fact, Kind, Tier

if TYPE_CHECKING:
    from checks.plans.look import PlanLook

# Anything that json.dumps takes. `Any` because mypy cannot narrow a recursive alias without a cast at every step.
Json = Any


class Outcome(StrEnum):
    """What looking gave. Three outcomes, never two; the fourth means that there was no question to ask."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"  # could not look: never green, never resolves anything
    NOT_APPLICABLE = "not_applicable"  # disabled, abstract: nothing to look at


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a resource is: the component instance whose Terraform state holds it. UNMANAGED: no state does."""

    stack: str = ""
    component: str = ""
    address: str = ""  # in the state: "module.db.aws_db_instance.this"
    stage: str = ""  # of the stack; empty: not known
    owner: str = ""  # the people who look after it
    labels: Mapping[str, str] = field(default_factory=dict)  # what else the stack is known by: tenant, environment
    settings: Mapping[str, Json] = field(default_factory=dict)  # settings.barograph of the component instance

    @property
    def managed(self) -> bool:
        return bool(self.stack)

    def __str__(self) -> str:
        return f"{self.stack}/{self.component} {self.address}".rstrip() if self.managed else "unmanaged"


UNMANAGED = Owner()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a person should hear about. Everything in it is already redacted; nothing in it is escaped."""

    kind: Kind
    key: str  # stable within its reading: two findings of one resource have two keys
    summary: str  # one sentence: what is wrong
    facts: frozenset[Fact] = frozenset()  # circumstances that decide the tier
    cause: str = ""  # equal for findings that have one cause
    remedy: str = ""  # the command to run next
    addresses: tuple[str, ...] = ()  # Terraform addresses or ARNs it is about
    evidence: Mapping[str, Json] = field(default_factory=dict)  # what was seen, for the diff and the page
    owner: Owner | None = None  # of the resource, where a check asked; UNMANAGED: it asked, and nobody's. See owner_of


@dataclass(frozen=True, slots=True)
class Reading:
    """What a check saw of one resource, healthy or not."""

    resource: str  # stable for the life of the thing: an ARN, "stack/component"
    outcome: Outcome
    verdict: str  # the check's own word for it: "in_sync", "drift", "expired"
    summary: str  # one sentence for a person
    findings: tuple[Finding, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)  # keys of Check.measures
    evidence: Mapping[str, Json] = field(default_factory=dict)  # redacted; shown on the page
    look_again_in: timedelta | None = None  # sooner than the schedule, where the answer was "not now"


class Scope(StrEnum):
    """What kind of place a check looks at; the runner makes one run per place."""

    INSTANCE = "instance"  # a component in a stack
    ACCOUNT = "account"
    REGION = "region"  # an account and a region
    STATE = "state"  # a state backend
    ENDPOINT = "endpoint"  # a host and a port
    FILES = "files"  # files on the machine that Barograph runs on
    REPOSITORY = "repository"
    ESTATE = "estate"  # all of it at once, as last seen: checks.estate


class Role(StrEnum):
    """With which of Barograph's AWS roles a check looks; each has a policy of its own, of what checks declare."""

    HUB = "hub"  # what Barograph runs as, and takes on the others from
    PLAN = "plan"  # what Terraform reads to plan
    SWEEP = "sweep"  # in every watched account
    PAYER = "payer"  # in the account that pays, or its delegate
    ORGANIZATION = "organization"  # in the management account, or a delegate's: lists accounts
    STATE = "state"  # in the account that holds the Terraform states


@dataclass(frozen=True, slots=True)
class Instance:
    """A component in a stack, as Atmos (or a list of root modules) names it. Holds nothing secret."""

    stack: str
    component: str  # as listed: "service/payments"
    base: str  # the Terraform component it is made from: "service"
    stage: str = ""  # production, staging, development; empty: not known, which counts as production
    tenant: str = ""
    environment: str = ""
    region: str = ""
    account: str = ""
    owner: str = ""
    channel: str = ""  # of Slack, where the component says one of its own
    runbook: str = ""  # address of the component's own
    workspace: str = ""
    working_directory: str = ""  # relative to the repository
    var_files: tuple[str, ...] = ()  # of a plain root module, relative to its folder: for the commands people run
    atmos: bool = True  # False: a plain Terraform root module
    enabled: bool = True
    abstract: bool = False

    @property
    def key(self) -> str:
        return f"{self.stack}/{self.component}"


class Place(Protocol):
    """One place to look at, with a clock. What else it offers depends on the scope."""

    @property
    def key(self) -> str: ...  # stable: "acme-prod/service/payments", "111111111111/eu-west-1"

    @property
    def labels(self) -> Mapping[str, str]: ...  # stack, component, stage, tenant, account, region, owner

    def now(self) -> datetime: ...  # UTC


class InstancePlace(Place, Protocol):
    """A component instance, which can be planned. Each call of plan() is a new, real plan."""

    @property
    def instance(self) -> Instance: ...

    def plan(self) -> PlanLook: ...


@dataclass(frozen=True, slots=True)
class Asks:
    """What one look at a place asks of AWS, roughly: retries and shared answers are left out.

    A place with n resources is asked `requests + n * per_resource` times.
    """

    requests: float = 0  # of a place with nothing in it
    per_resource: float = 0
    metrics_per_resource: float = 0  # that CloudWatch gives, and charges for one by one: GetMetricData
    paid_per_day: float = 0  # requests that Cost Explorer charges for, however often it looks
    data: bool = False  # objects and items are read: no management events, so CloudTrail and GuardDuty charge nothing
    plans: int = 0  # of Terraform


class Target(Protocol):
    """A place that a check's own options name, in place of the inventory. Plain data: the daemon makes the place."""

    @property
    def key(self) -> str: ...

    @property
    def labels(self) -> Mapping[str, str]: ...


class LookFailed(Exception):  # noqa: N818 - named for what happened, as it reads in a sentence
    """Could not look. *reason* is one of denied, throttled, timeout, unavailable, failed; the text is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def cause(self) -> str:
        """Equal for failures that have one cause, as Finding.cause; empty: nobody can tell."""
        return ""


class Check:
    """A read-only question about one place.

    A subclass is a frozen dataclass, alone in its module. Its fields are its options in the configuration file;
    its docstring is its line in the docs.

    run() yields a reading for every resource it looked at. What it cannot see it must not report as healthy: it
    yields an UNKNOWN reading, or lets the exception out, and the runner records the run as failed.

    A check whose subject is found in places of several kinds names the others in `more_scopes`, and looks at what
    the place offers to know which it was given.
    """

    scope: ClassVar[Scope] = Scope.REGION
    more_scopes: ClassVar[tuple[Scope, ...]] = ()
    opt_in: ClassVar[bool] = False  # whether it runs only where the configuration switches it on
    every: ClassVar[timedelta] = timedelta(hours=1)
    every_by_stage: ClassVar[Mapping[str, timedelta]] = {}
    deadline: ClassVar[timedelta] = timedelta(minutes=10)
    iam: ClassVar[tuple[str, ...]] = ()  # all it may call: an AWS place refuses every other operation
    role: ClassVar[Role] = Role.SWEEP  # PAYER: of the places of `scope`, only that of the account that pays
    sweep_iam: ClassVar[tuple[str, ...]] = ()  # in place of `iam`, at the places of more_scopes, where role is PAYER
    # Lists ("rds:describe_db_instances") of which "none" means only that there is nothing to look at: an AWS place asks
    # for one that was empty once a day. Never one whose absence is judged, here or at the estate.
    rests: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[Mapping[str, str]] = {}  # metric suffix -> help text
    # Metric suffix -> further labels, filled from the text that a reading's evidence has under these names. Bounded: a
    # kind, a code; never a resource. Of several resources with the same labels: the earliest time, the highest ratio,
    # the sum of anything else.
    measure_labels: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    verdicts: ClassVar[Mapping[str, str]] = {}  # every word Reading.verdict can be -> what it means
    asks: ClassVar[Mapping[Scope, Asks]] = {}  # what one look at a place of each scope costs; none: it asks AWS nothing

    @classmethod
    def scopes(cls) -> tuple[Scope, ...]:
        """Every kind of place it looks at."""
        return (cls.scope, *cls.more_scopes)

    @classmethod
    def actions(cls, scope: Scope) -> frozenset[str]:
        """The IAM actions that it may call at a place of *scope*."""
        elsewhere = cls.role is Role.PAYER and scope in cls.more_scopes
        return frozenset(cls.sweep_iam if elsewhere else cls.iam)

    def asking(self, scope: Scope) -> Asks:
        """What one look at a place of *scope* costs with these options."""
        return self.asks.get(scope, Asks())

    def targets(self) -> Iterable[Target]:
        """The places that its own options name: endpoints, files."""
        return ()

    def run(self, place: Any) -> Iterable[Reading]:  # Any: a subclass asks for the place of its scope
        raise NotImplementedError


__all__ = [
    "UNMANAGED", "Asks", "Check", "Fact", "Finding", "Instance", "InstancePlace", "Json", "Kind", "LookFailed",
    "Outcome", "Owner", "Place", "Reading", "Role", "Scope", "Target", "Tier",
]  # fmt: skip
