"""How fast AWS lets an account be asked, and a gate that keeps to it: one bucket per (account, region, limit).

botocore's own pacing (mode `adaptive`) counts per client, and one client here serves all accounts, while AWS counts
per account and region: one throttled account would slow down the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from checks.aws_errors import AwsError, ErrorClass
from daemon.aws.context import Request

_NOTHING = 1e-6  # seconds: less is what adding up fractions leaves
_FORGET_AT = 20_000  # buckets; those that are full say nothing, and are forgotten then


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit of AWS: *per_second* requests of an account in a region, and *burst* at once after a quiet time."""

    service: str  # botocore's name, or a glob
    operations: str  # a glob; all that fit share one bucket
    per_second: float
    burst: int
    source: str
    each: bool = False  # every operation that fits has a bucket of its own


_CHOSEN = "no figure is documented; chosen to be slow"

# The first that fits. Figures are AWS' own defaults where it documents them; AWS may have raised them for an account.
RATES: tuple[Rate, ...] = (
    Rate("cloudtrail", "LookupEvents", 2, 1, "awscloudtrail/latest/APIReference/API_LookupEvents.html"),
    Rate("service-quotas", "*", 10, 10, "Service Quotas: 10 requests a second of an account"),
    Rate("cloudwatch", "GetMetricData", 50, 50, "AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"),
    Rate("cloudwatch", "DescribeAlarms", 9, 9, "AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"),
    Rate("ec2", "*", 20, 100, "ec2/latest/devguide/ec2-api-throttling.html: non-mutating actions", each=True),
    Rate("elb*", "*", 10, 40, "elasticloadbalancing/latest/userguide/elb-api-throttling.html: non-mutating actions"),
    Rate("acm", "*", 8, 8, "acm/latest/userguide/acm-limits.html: the slowest of its read operations", each=True),
    Rate("securityhub", "GetFindings", 3, 6, "securityhub/1.0/APIReference/Welcome.html"),
    Rate("securityhub", "*", 10, 30, "securityhub/1.0/APIReference/Welcome.html", each=True),
    Rate("route53", "*", 5, 5, "Route53/latest/DeveloperGuide/DNSLimitations.html: of an account"),
    Rate("lambda", "*", 15, 15, "lambda/latest/dg/gettingstarted-limits.html: control plane"),
    Rate("logs", "Describe*", 10, 10, "AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html", each=True),
    Rate("resourcegroupstaggingapi", "*", 15, 15, "general/latest/gr/arg.html"),
    Rate("ce", "*", 1, 5, _CHOSEN),
    Rate("budgets", "*", 1, 5, _CHOSEN),
    Rate("organizations", "*", 4, 10, _CHOSEN),
    Rate("cost-optimization-hub", "*", 5, 5, _CHOSEN),
    Rate("compute-optimizer", "*", 5, 5, _CHOSEN),
    Rate("support", "*", 2, 5, _CHOSEN),
    Rate("*", "*", 20, 40, _CHOSEN),
)


@dataclass(frozen=True, slots=True)
class Waited:
    """A request that had to wait: of which service, and for how many seconds."""

    service: str
    seconds: float


class RateGate:
    """Lets requests through at the rates of their buckets: AwsContext.gate. Thread-safe; first come, first served.

    Each bucket is one number, the time up to which what was let through has used it up (the generic cell rate
    algorithm). Who has to wait takes the next free moment with him, so nobody overtakes.
    """

    def __init__(
        self,
        rates: Sequence[Rate] = RATES,
        *,
        ticks: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        on_wait: Callable[[Waited], None] = lambda waited: None,
    ) -> None:
        self._rates = tuple(rates)
        self._ticks = ticks
        self._sleep = sleep
        self._on_wait = on_wait
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str, str, str], float] = {}
        self._found: dict[tuple[str, str], Rate | None] = {}

    def __call__(self, request: Request) -> None:
        """Return when *request* may be made. Raises AwsError (THROTTLED) at once where that is after its `until`."""
        rate = self._rate_of(request.service, request.operation)
        if rate is None:
            return
        with self._lock:
            now = self._ticks()
            seconds = self._take(rate, request, now)
        if seconds > _NOTHING:
            self._on_wait(Waited(request.service, seconds))
            self._sleep(seconds)

    def _take(self, rate: Rate, request: Request, now: float) -> float:
        """Take the next free moment of the bucket; give the seconds until then."""
        key = (request.account, request.region, rate.service, request.operation if rate.each else rate.operations)
        used = max(self._used.get(key, now), now)
        start = max(now, used - (rate.burst - 1) / rate.per_second)
        if start > request.until:
            raise AwsError(
                ErrorClass.THROTTLED, service=request.service, operation=request.operation, code="OwnRateLimit",
                account=request.account, region=request.region,
            )  # fmt: skip
        if len(self._used) >= _FORGET_AT:
            self._used = {each: until for each, until in self._used.items() if until > now}
        self._used[key] = used + 1 / rate.per_second
        return start - now

    def _rate_of(self, service: str, operation: str) -> Rate | None:
        asked = (service, operation)
        if asked not in self._found:
            fits = (
                rate
                for rate in self._rates
                if fnmatchcase(service, rate.service) and fnmatchcase(operation, rate.operations)
            )
            self._found[asked] = next(fits, None)
        return self._found[asked]
