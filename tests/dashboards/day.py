"""What goes wrong in the organisation, hour by hour: plain data. Hours are counted from the begin of the day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from checks.base import Instance, Kind, Outcome
from checks.kinds import Fact
from checks.runs.after import Health
from dashboards import names as n

DAY = 86400.0
BLIND_FROM = 19.0  # hour from which RDS refuses us in one account

_STACKS = (
    ("acme", "acme-euw1-dev", "development", "111111111111", "eu-west-1"),
    ("acme", "acme-euw1-staging", "staging", "111111111111", "eu-west-1"),
    ("acme", "acme-euw1-prod", "production", "222222222222", "eu-west-1"),
    ("acme", "acme-use1-prod", "production", "222222222222", "us-east-1"),
    ("globex", "globex-euc1-dev", "development", "333333333333", "eu-central-1"),
    ("globex", "globex-euc1-prod", "production", "444444444444", "eu-central-1"),
)
_OWNERS = {"vpc": "@net", "eks": "@platform", "rds": "@data", "dns": "@net", "checkout": "@payments"}
INSTANCES = tuple(
    Instance(stack, component, component, stage=stage, owner=owner, tenant=tenant, account=account, region=region)
    for tenant, stack, stage, account, region in _STACKS
    for component, owner in _OWNERS.items()
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account and one of its regions; region empty: the whole account, or nothing of AWS."""

    id: str
    tenant: str
    stage: str
    region: str

    def places(self) -> Iterator[tuple[str, str]]:
        """(check, place) of what is looked at there."""
        if not self.id:
            yield from (
                ("compliance", "estate"),
                ("repository", "repository"),
                ("toolchain", "toolchain"),
                ("certificates", "shop.acme.example:443"),
                ("certificates", "api.globex.example:443"),
            )
        elif not self.region:
            yield from ((check, self.id) for check in ("cost", "security", "access", "network"))
        else:
            checks = ("security", "access", "quotas", "certificates", "backups", "network", "utilization", "unmanaged")
            yield from ((check, f"{self.id}/{self.region}") for check in checks)

    def labels(self, check: str) -> Mapping[str, str]:
        """What places of no account have instead."""
        return {"stage": "all"} if not self.id and check != "certificates" else {}


def accounts() -> tuple[Account, ...]:
    """Every account, with its regions, and what belongs to none."""
    regions = dict.fromkeys((account, tenant, stage, region) for tenant, _, stage, account, region in _STACKS)
    whole = dict.fromkeys((account, tenant, stage, "") for account, tenant, stage, _ in regions)
    return tuple(Account(*each) for each in (*whole, *regions, ("", "", "production", "")))


# (check, place) -> [(from hour, what it then is)], in order.
_WRONG: dict[tuple[str, str], tuple[tuple[float, Mapping[str, Any]], ...]] = {
    ("drift", "acme-euw1-prod/eks"): ((14.0, {
        "verdict": "drift", "findings": [
            (Kind.DRIFT, "drift", "2 resources changed, 1 deleted by hand", [Fact.DELETED]),
            (Kind.SECURITY_VIOLATION, "open", "port 22 is open to the world", []),
        ], "values": {n.DRIFT_DRIFTED: 3, n.DRIFT_DELETED: 1, n.DRIFT_SECURITY: 1},
    }),),
    ("drift", "globex-euc1-prod/rds"): ((17.5, {
        "verdict": "drift", "findings": [(Kind.DRIFT, "drift", "1 resource changed by hand", [])],
        "values": {n.DRIFT_DRIFTED: 1},
    }),),
    ("drift", "acme-use1-prod/checkout"): ((4.0, {
        "verdict": "pending", "findings": [(Kind.DRIFT, "pending", "4 changes are not applied", [Fact.NOT_DRIFT])],
        "values": {n.DRIFT_PENDING: 4, n.DRIFT_IGNORES_EXPIRED: 1},
    }),),
    ("drift", "acme-euw1-staging/checkout"): (
        (6.0, {"verdict": "drift+pending", "findings": [(Kind.DRIFT, "drift", "1 resource changed by hand", [])],
               "values": {n.DRIFT_DRIFTED: 1, n.DRIFT_PENDING: 2}}),
        (12.0, {}),
    ),
    ("drift", "acme-euw1-staging/rds"): ((10.0, {"failure": ("failed", "variable db_password is not set")}),),
    ("drift", "acme-euw1-dev/checkout"): ((2.0, {
        "verdict": "never_deployed", "findings": [(Kind.DRIFT, "new", "was never applied", [Fact.NOT_DRIFT])],
        "values": {n.DRIFT_PENDING: 11},
    }),),
    ("drift", "globex-euc1-dev/eks"): ((20.0, {"verdict": "busy", "outcome": Outcome.UNKNOWN}),),
    ("state", "globex-euc1-dev/eks"): ((20.0, {"values": {n.STATE_LOCK_TAKEN: -9000}}),),
    ("state", "acme-euw1-prod/rds"): ((9.0, {
        "findings": [(Kind.SECURITY_VIOLATION, "change:42:5d41402abc4b", "no recorded run explains serial 42", [])],
        "values": {n.STATE_TAINTED: 1},
    }),),
    ("security", "222222222222/eu-west-1"): ((14.0, {
        "findings": [(Kind.SECURITY_VIOLATION, "open", "port 22 is open to the world", []),
                     (Kind.SECURITY_VIOLATION, "plain", "a listener speaks plain HTTP", [])],
        "values": {n.SECURITY_VIOLATIONS: 2, n.SECURITY_SUPPRESSED: 1},
    }),),
    ("security", "111111111111"): ((8.0, {
        "findings": [(Kind.SECURITY_VIOLATION, "public", "a bucket is open to everybody", [Fact.PUBLIC_DATA])],
        "values": {n.SECURITY_VIOLATIONS: 1, n.SECURITY_PUBLIC: 1},
    }),),
    ("access", "222222222222/eu-west-1"): ((13.8, {
        "findings": [(Kind.SECURITY_VIOLATION, "hand", "bob opened a security group", [])],
        "values": {n.ACCESS_SENSITIVE: 2, n.ACCESS_BY_HAND: 5},
    }),),
    ("backups", "444444444444/eu-central-1"): ((11.0, {
        "findings": [(Kind.BACKUP_FAILURE, "job", "the job of plan daily failed", [])],
        "values": {n.BACKUP_JOBS_FAILED: 1},
    }),),
    ("backups", "222222222222/us-east-1"): ((15.0, {"failure": ("denied", "rds:DescribeDBInstances is denied")}),),
    ("utilization", "222222222222/us-east-1"): ((BLIND_FROM, {"failure": ("denied", "rds is denied")}),),
    ("quotas", "222222222222/eu-west-1"): ((16.0, {
        "findings": [(Kind.QUOTA_EXCEEDED, "eip", "elastic IPs: 39 of 40 are used", [])],
    }),),
    ("certificates", "shop.acme.example:443"): ((5.0, {
        "findings": [(Kind.CERTIFICATE_EXPIRY, "soon", "ends in 6 days", [])],
        "values": {n.CERTIFICATES_NEAR_END: 1, n.CERTIFICATES_RENEWALS: 1},
    }),),
    ("cost", "222222222222"): ((3.0, {
        "findings": [(Kind.COST_OPPORTUNITY, "idle", "3 volumes are attached to nothing", [])],
    }),),
    ("compliance", "estate"): ((1.0, {
        "findings": [(Kind.COMPLIANCE, "tags", "5 resources lack the tag CostCenter", [])],
    }),),
    ("repository", "repository"): ((7.0, {
        "findings": [(Kind.COMPLIANCE, "stack", "a workflow names a stack that is not there", [])],
    }),),
    ("network", "444444444444/eu-central-1"): ((18.0, {
        "findings": [(Kind.UTILIZATION, "addresses", "a subnet has 4 % of its addresses left", [])],
    }),),
}  # fmt: skip


def told(check: str, place: str, hour: float) -> Mapping[str, Any]:
    """What a look at that hour sees: what is usual there, and what is wrong by then."""
    usual = _usual(check, place)
    wrong: Mapping[str, Any] = {}
    for since, then in _WRONG.get((check, place), ()):
        if hour >= since:
            wrong = then
    return {**usual, **wrong, "values": {**usual.get("values", {}), **wrong.get("values", {})}}


def _size(place: str) -> int:
    """Something that differs from place to place and stays."""
    return sum(place.encode()) % 17 + 3


def _usual(check: str, place: str) -> Mapping[str, Any]:
    size = _size(place)
    rich: Mapping[str, Mapping[str, Any]] = {
        "drift": {"verdict": "in_sync", "took": 8 + 4 * size, "values": {
            n.DRIFT_DRIFTED: 0, n.DRIFT_DELETED: 0, n.DRIFT_PENDING: 0, n.DRIFT_SECURITY: 0, n.DRIFT_IGNORES_EXPIRED: 0,
            n.DRIFT_PLAN_TOOK: 5 + 3.3 * size,
        }},
        "state": {"values": {
            n.STATE_RESOURCES: 11 * size, n.STATE_SIZE: 31_000 * size, n.STATE_TAINTED: 0, n.STATE_DEPOSED: 0,
            n.STATE_WRITTEN: -DAY * size,
        }},
        "certificates": {"values": {
            n.CERTIFICATE_ENDS: DAY * (6 if "shop" in place else 9 * size),
            n.CERTIFICATE_CHAIN_ENDS: DAY * (6 if "shop" in place else 9 * size), n.CERTIFICATES_SEEN: size // 2,
            n.CERTIFICATES_EXPIRED: 0, n.CERTIFICATES_NEAR_END: 0, n.CERTIFICATES_RENEWALS: 0,
            n.CERTIFICATES_MISPLACED: 0, n.CERTIFICATES_WEAK: 0,
        }},
        "security": {"values": {n.SECURITY_VIOLATIONS: 0, n.SECURITY_SUPPRESSED: 0, n.SECURITY_PUBLIC: 0}},
        "access": {"values": {
            n.ACCESS_ROOT: 0, n.ACCESS_SENSITIVE: 0, n.ACCESS_BY_HAND: size // 9, n.ACCESS_FAILED: size % 3,
            n.ACCESS_READ_TO: -600,
        }},
    }  # fmt: skip
    return rich.get(check) or _labelled(check, place, size)


def _labelled(check: str, place: str, size: int) -> Mapping[str, Any]:
    """Checks whose measures have labels of their own: a reading for each."""
    if check == "cost":
        return _money(place, size)
    if check == "network":
        free = 40 if place == "444444444444/eu-central-1" else 400 + 30 * size
        in_region = {n.ADDRESSES: 1004, n.ADDRESSES_FREE: free}
        return {"values": in_region if "/" in place else {n.DOMAIN_ENDS: DAY * 15 * size}}
    made = {
        "backups": _backups, "quotas": _quotas, "utilization": _utilization, "unmanaged": _unmanaged,
        "compliance": _compliance,
    }  # fmt: skip
    return made[check](place, size) if check in made else {}


def _backups(place: str, size: int) -> Mapping[str, Any]:
    old = 3600 * (2 + size % 7)
    values = {
        n.BACKUP_STORES: size,
        n.BACKUP_JOBS_FAILED: 0,
        n.BACKUP_POINTS_EXPIRED: 0,
        n.BACKUP_RESTORE_TESTED: -DAY * 4 * size,
    }
    more = []
    for kind in ("rds", "dynamodb", "s3"):
        unprotected = int(kind == "s3" and size % 5 == 0)
        recent = {n.BACKUP_LAST: -old, n.BACKUP_DUE: 24 * 3600 - old, n.BACKUP_COPY_LAST: -old - 7 * 3600}
        more.append(({"kind": kind}, {n.BACKUP_UNPROTECTED: unprotected, n.BACKUP_COPIES_MISSING: 0, **recent}))
    return {"values": {**values, n.BACKUP_DELETABLE: size % 2}, "more": more}


def _quotas(place: str, size: int) -> Mapping[str, Any]:
    spread = size / 20
    limits = (
        ("ec2", "L-0263D0A3", 40, 0.97 if place == "222222222222/eu-west-1" else 0.3 + spread / 2),
        ("vpc", "L-F678F1CE", 10, 0.5 + spread / 3),
        ("rds", "L-7B6409FD", 40, 0.2 + spread / 3),
        ("eks", "L-1194D53C", 100, 0.05 + spread / 9),
        ("lambda", "L-B99A9384", 1000, 0.1 + spread / 4),
    )
    more = []
    for service, code, limit, part in limits:
        used = {n.QUOTA_RATIO: part, n.QUOTA_USED: round(limit * part), n.QUOTA_LIMIT: limit}
        more.append(({"service_code": service, "quota_code": code}, {**used, n.QUOTA_FULL: DAY * 400 * (1 - part)}))
    return {"more": more}


def _utilization(_place: str, size: int) -> Mapping[str, Any]:
    gauges = (
        ("rds", "storage", 0.45), ("rds", "connections", 0.2), ("elasticache", "memory", 0.3), ("eks", "nodes", 0.25),
    )  # fmt: skip
    more = []
    for service, gauge, least in gauges:
        used = {n.USED_RATIO: min(0.93, least + size / 40), n.STORAGE_FULL: DAY * 200 * (1 - least)}
        more.append(({"service": service, "gauge": gauge}, {**used, n.UNDER_USED: size % 2}))
    more.append(({"service": "elb"}, {n.TARGETS_UNHEALTHY: int(size % 4 == 0)}))
    return {"values": {n.IMPAIRED: 0, n.ALARMS: size % 3, n.SUPPORT_ENDS: DAY * 20 * size}, "more": more}


def _unmanaged(_place: str, size: int) -> Mapping[str, Any]:
    types = {
        "aws_s3_bucket": size % 4, "aws_iam_role": size // 3, "aws_security_group": size // 2, "aws_lambda_function": 0,
    }  # fmt: skip
    held = 9 * size
    return {"more": [
        ({"type": name}, {n.UNMANAGED: strays, n.UNMANAGED_MANAGED: held, n.UNMANAGED_RATIO: held / (held + strays)})
        for name, strays in types.items()
    ]}  # fmt: skip


def _compliance(_place: str, _size: int) -> Mapping[str, Any]:
    scores = {
        "acme-euw1-dev": (0.93, 0), "acme-euw1-staging": (0.86, 1), "acme-euw1-prod": (0.79, 0),
        "acme-use1-prod": (0.96, 0), "globex-euc1-dev": (1.0, 0), "globex-euc1-prod": (0.57, 2),
    }  # fmt: skip
    more = []
    for stack, (score, unknown) in scores.items():
        rules = {n.COMPLIANCE_CHECKED: 14, n.COMPLIANCE_FAILED: round(14 * (1 - score)), n.COMPLIANCE_UNKNOWN: unknown}
        more.append(({"scored": stack}, {**rules, n.COMPLIANCE_SCORE: score}))
    return {"more": more}


def _money(account: str, size: int) -> Mapping[str, Any]:
    day = 61.0 * size
    parts = {
        "Amazon EC2": 0.46, "Amazon RDS": 0.22, "Amazon EKS": 0.11, "Amazon S3": 0.09, "AmazonCloudWatch": 0.07,
        "AWS Lambda": 0.05,
    }  # fmt: skip
    budget = {n.COST_BUDGET: day * 31, n.COST_BUDGET_SPENT: day * 25, n.COST_BUDGET_FORECAST: day * (26 + size % 9)}
    plan = {n.COST_COMMITMENT_USED: 0.8 + size / 100, n.COST_COMMITMENT_COVERS: 0.4 + size / 60}
    weeks = {n.COST_WEEK: day * 6.8, n.COST_WEEK_BEFORE: day * 6.4}
    return {
        "values": {n.COST_USUAL_DAY: day * 0.87, n.COST_FORECAST: day * 30.2, **weeks},
        "more": [
            ({"by": "total", "name": ""}, {n.COST_DAY: day}),
            ({"by": "account", "name": account}, {n.COST_DAY: day}),
            *(({"by": "service", "name": name}, {n.COST_DAY: day * part}) for name, part in parts.items()),
            ({"budget": "month"}, budget),
            ({"commitment": "savings_plans"}, {**plan, n.COMMITMENT_ENDS: DAY * 30 * size}),
            ({"action": "Stop"}, {n.COST_SAVING: 11 * size}),
            ({"action": "Rightsize"}, {n.COST_SAVING: 23 * size}),
        ],
    }


@dataclass(frozen=True, slots=True)
class MadeRun:
    """A run of a workflow. *end* None: it is under way."""

    id: str
    workflow: str
    stack: str
    begin: float  # hours of the day
    end: float | None
    rc: int = 0
    signal: int | None = None
    lead: float | None = None  # hours from the commit to its end; None: nobody told the time of the commit
    after: Health | None = None  # of the stack, of an apply to production
    kept: bool | None = True  # to the guideline's cycle; None: it cannot be told

    def events(self, began: datetime) -> Iterator[tuple[int, str, float, Mapping[str, Any]]]:
        """(number, event, hour, what it says). *began*: when hour 0 is."""
        started = {"workflow": self.workflow, "stack": self.stack, "component": "checkout", "actor": "alice"}
        if self.lead is not None and self.end is not None:
            committed = began + timedelta(hours=self.end - self.lead)
            started |= {"git_sha": f"{int(self.id[-12:], 16):040x}", "git_committed_at": committed.isoformat()}
        yield 0, "run.start", self.begin, started
        yield 1, "phase.start", self.begin + 0.01, {"phase": "apply"}
        if self.end is not None:
            how = {"rc": self.rc} if self.signal is None else {"signal": self.signal}
            yield 1_000, "run.end", self.end, how


def runs() -> tuple[MadeRun, ...]:
    """Runs of the day, and the deployments of the weeks before it."""
    ok, dark, worse = Health.HEALTHY, Health.COULD_NOT_LOOK, Health.WORSE
    made: list[tuple[Any, ...]] = [
        ("deploy", "acme-euw1-prod", 3.0, 3.2, 0, None, 6.0, ok),
        ("deploy", "acme-euw1-prod", 9.0, 9.3, 0, None, 4.5, ok),
        ("deploy", "acme-use1-prod", 3.5, 3.9, 0, None, None, ok), ("deploy", "acme-euw1-staging", 2.0, 2.1, 0, None),
        ("deploy", "acme-euw1-staging", 11.8, 12.0, 0, None), ("deploy", "acme-euw1-staging", 15.0, 15.1, 1, None),
        ("deploy", "globex-euc1-prod", 8.0, 8.6, 0, None, 70.0, ok),
        ("deploy", "globex-euc1-prod", 17.0, 17.2, 1, None, 30.0, dark, False),
        ("deploy", "globex-euc1-prod", 21.0, 21.5, 0, None, 3.0, dark), ("nightly", "acme-euw1-dev", 1.0, 1.4, 0, None),
        ("nightly", "globex-euc1-dev", 1.0, 1.3, 0, 15), ("rotate-secrets", "acme-euw1-prod", 5.0, None, 0, None),
        ("deploy", "acme-use1-prod", 23.95, None, 0, None),
    ]  # fmt: skip
    for day in range(2, 26, 3):
        hour = -24.0 * day
        made += [
            ("deploy", "acme-euw1-prod", hour, hour + 0.3, 0, None, 3.0 + day / 2, worse if day == 17 else ok),
            ("deploy", "acme-use1-prod", hour + 1, hour + 1.4, 0, None, None, dark if day > 20 else ok),
            ("deploy", "globex-euc1-prod", hour + 5, hour + 5.5, int(day == 11), None, 20.0 + 4 * day,
             worse if day == 5 else ok, day != 14),
        ]  # fmt: skip
    return tuple(MadeRun(f"01890a5d-ac96-774b-bcce-{number:012x}", *each) for number, each in enumerate(made, start=1))
