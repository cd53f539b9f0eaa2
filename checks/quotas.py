"""Quotas: how full each is, when it will be full, and what of that nobody can tell."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from checks.aws import VERDICTS, AwsError, AwsPlace, ErrorClass, arn_at, could_not_look, looked, not_enabled, owner_of
from checks.base import Asks, Check, Fact, Finding, Kind, Outcome, Reading, Scope
from checks.limits import advisor, counts, lists, report, usage
from checks.limits.judge import Judgement, LimitRule, Word, facts, judge
from checks.limits.model import Quota, Source, Use
from checks.limits.trend import LONGEST, Point, remembered
from checks.plans.ignore import fits

_AGAIN = timedelta(minutes=1)
_REMEMBERED = 50  # quotas whose history is kept, the fullest
# Of which services quotas are listed one by one where there is no report: those that people run into. Those of VPCs
# are listed in any case, for the own counts.
_SERVICES = (
    "apigateway", "autoscaling", "cloudformation", "dynamodb", "ebs", "ec2", "ecs", "eks", "elasticache",
    "elasticfilesystem", "elasticloadbalancing", "fargate", "kms", "lambda", "logs", "rds", "s3", "sns", "sqs",
)  # fmt: skip


@dataclass
class _Seen:
    """What one look has found so far."""

    place: AwsPlace
    uses: dict[str, Use] = field(default_factory=dict)
    silent: dict[str, Quota] = field(default_factory=dict)  # quotas whose use nobody tells
    increases: frozenset[tuple[str, str]] = frozenset()
    unreported: bool = False  # the report was refused or failed; one that is only late is waited for
    blind: bool = False  # a source could not be read: what is not seen now may be there

    def add(self, found: Iterable[Use | Quota]) -> None:
        """What an earlier, better source has told stays."""
        for each in found:
            if isinstance(each, Use):
                self.uses.setdefault(each.key, each)
            else:
                self.silent.setdefault(each.key, each)


@dataclass(frozen=True)
class Quotas(Check):
    """Service quotas that are reached, close or filling up, from the utilization report, CloudWatch and own counts."""

    warn_at: float = 0.8  # part of the limit from which a quota is close
    full_within: timedelta = timedelta(days=14)  # one that is full sooner than this, as it grows, is told too
    show_from: float = 0.3  # part of the limit from which a quota is shown, and its growth remembered
    limits: tuple[LimitRule, ...] = ()  # limits or thresholds of single quotas, in place of those above and of AWS
    ignore: tuple[str, ...] = ()  # quotas of no interest: globs over SERVICE/CODE
    report: bool = True  # ask for the utilization report; it tells the most with the fewest requests
    services: tuple[str, ...] = _SERVICES  # whose quotas are listed one by one where there is no report
    own_counts: bool = True  # count what each security group, route table and VPC holds
    trusted_advisor: bool = True  # where there is no report, and the support plan has it

    scope: ClassVar[Scope] = Scope.REGION
    every: ClassVar[timedelta] = timedelta(hours=1)
    deadline: ClassVar[timedelta] = timedelta(minutes=10)
    asks: ClassVar[Mapping[Scope, Asks]] = {Scope.REGION: Asks(25)}
    iam: ClassVar[tuple[str, ...]] = (
        "cloudwatch:GetMetricData",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeManagedPrefixLists",
        "ec2:DescribeNatGateways",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpcs",
        "servicequotas:GetQuotaUtilizationReport",
        "servicequotas:ListAWSDefaultServiceQuotas",
        "servicequotas:ListRequestedServiceQuotaChangeHistory",
        "servicequotas:ListServiceQuotas",
        "servicequotas:StartQuotaUtilizationReport",
        "support:DescribeTrustedAdvisorCheckResult",
        "support:DescribeTrustedAdvisorCheckSummaries",
        "support:DescribeTrustedAdvisorChecks",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "usage_ratio": "Used part of a quota's limit; of a quota for each resource, that of the fullest.",
        "used": "What is used of a quota of the account and region.",
        "limit": "Limit of a quota of the account and region.",
        "full_timestamp_seconds": "When a quota will be full, if it goes on growing as it did.",
        "without_usage": "Quotas that are listed and whose use AWS does not tell.",
    }
    measure_labels: ClassVar[Mapping[str, tuple[str, ...]]] = dict.fromkeys(
        ("usage_ratio", "used", "limit", "full_timestamp_seconds"), ("service_code", "quota_code")
    )
    verdicts: ClassVar[Mapping[str, str]] = {
        Word.WITHIN.value: "there is room",
        Word.CLOSE.value: "close to the limit",
        Word.FILLING.value: "not close yet, and full soon at the pace of the last weeks",
        Word.EXCEEDED.value: "the limit is reached: the next request is refused",
        Word.NO_LIMIT.value: "could not tell: what is used is known, the limit is not",
        "use_not_told": "could not tell: it was close when its use was last told, and now no source tells it",
        "report_pending": "could not tell yet: the report is being made, and is asked for again in a minute",
        **VERDICTS,
    }

    def run(self, place: AwsPlace) -> Iterator[Reading]:
        """Readings of every quota that is well used, and of each source of which something is known or not."""
        seen = _Seen(place)
        for reading in self._sources(seen):
            seen.blind |= reading.outcome is Outcome.UNKNOWN
            yield reading
        yield from self._judged(seen)

    def wait(self, seconds: float) -> None:
        """Let AWS work on a report."""
        time.sleep(seconds)

    def _sources(self, seen: _Seen) -> Iterator[Reading]:
        """The best source first; what it has told, the next ones do not tell again."""
        if self.report:
            yield from self._report(seen)
        yield from self._increases(seen)
        if not self.report or seen.unreported:
            yield from self._listed(seen)
            yield from self._advised(seen)
        if self.own_counts:
            yield from self._counted(seen)

    # -- sources ------------------------------------------------------------------------------------------------

    def _report(self, seen: _Seen) -> Iterator[Reading]:
        place, here = seen.place, f"{seen.place.key}/report"
        try:
            found = report.read(place, report.recalled(place.recall("report")), self.wait)
        except AwsError as error:
            place.keep("report", {})
            seen.unreported = True
            yield could_not_look(here, error, "how full the quotas are, by the utilization report")
            return
        if isinstance(found, report.Waiting):
            place.keep("report", report.kept(found))
            summary = "the utilization report is not ready yet"
            yield Reading(here, Outcome.UNKNOWN, "report_pending", summary, look_again_in=_AGAIN)
            return
        place.keep("report", {})
        seen.add((*found.uses, *found.unused))
        total = len(found.uses) + len(found.unused)
        yield Reading(
            here, Outcome.HEALTHY, "looked", f"{total} quotas, of {len(found.unused)} of which AWS tells no use",
            values={"without_usage": float(len(found.unused))},
        )  # fmt: skip

    def _increases(self, seen: _Seen) -> Iterator[Reading]:
        here = f"{seen.place.key}/increases"
        try:
            seen.increases = lists.increases(seen.place)
        except AwsError as error:
            # Those known so far still lower the tier: nobody is woken because a list was refused.
            seen.increases = frozenset((str(key), str(of)) for key, of in seen.place.recall("increases") or ())
            yield could_not_look(here, error, "which increases are asked for")
        else:
            yield looked(seen.place, "increases", len(seen.increases))

    def _listed(self, seen: _Seen) -> Iterator[Reading]:
        """Without a report: the quotas of each service, and what CloudWatch tells of their use."""
        found: list[Quota] = []
        for service in self.services:
            try:
                found += lists.quotas(seen.place, service)
            except AwsError as error:
                if error.error_class is not ErrorClass.RACE:  # a service that this region does not have
                    here = f"{seen.place.key}/quotas/{service}"
                    yield could_not_look(here, error, f"which quotas {service} has")
        for reading in self._metered(seen, found, "usage"):
            if not seen.unreported or reading.outcome is Outcome.UNKNOWN:  # in a report's stead it is not looked for
                yield reading

    def _metered(self, seen: _Seen, quotas: Iterable[Quota], name: str) -> Iterator[Reading]:
        wanted = [quota for quota in quotas if quota.key not in seen.uses and quota.metric and not quota.context]
        try:
            found = tuple(usage.uses(seen.place, wanted))
        except AwsError as error:
            yield could_not_look(f"{seen.place.key}/{name}", error, "how full quotas are, by CloudWatch")
        else:
            seen.add(found)
            yield looked(seen.place, name, len(wanted))

    def _advised(self, seen: _Seen) -> Iterator[Reading]:
        place, here = seen.place, f"{seen.place.key}/trusted_advisor"
        if not self.trusted_advisor or place.region != advisor.REGION:
            return
        try:
            found = tuple(advisor.flagged(place))
        except AwsError as error:
            yield not_enabled(here, error, "what Trusted Advisor says of service limits")
        else:
            seen.add(found)
            if not seen.unreported:
                yield looked(place, "trusted_advisor", len(found))

    def _counted(self, seen: _Seen) -> Iterator[Reading]:
        place = seen.place
        try:
            quotas = lists.quotas(place, counts.SERVICE)
        except AwsError as error:
            yield could_not_look(f"{place.key}/quotas/{counts.SERVICE}", error, "what VPCs and their parts may hold")
            return
        yield looked(place, f"quotas/{counts.SERVICE}", len(quotas))
        yield from self._metered(seen, quotas, "vpc_usage")
        rows: dict[str, counts.Rows] = {}
        for name, (operation, member) in counts.LISTS.items():
            try:
                rows[name] = counts.own(name, place.shared("ec2", operation, member), place.account)
            except AwsError as error:
                yield could_not_look(f"{place.key}/{name}", error, f"how many {name.replace('_', ' ')} there are")
            else:
                yield looked(place, name, len(rows[name]))
        limits = {(quota.code, quota.context): quota for quota in quotas}
        for code, resource, used in counts.counted(rows, rows.__contains__):
            quota = _limit(limits, code, resource)
            if quota is not None:
                seen.add([Use(quota, used, Source.COUNTED, resource)])

    # -- judgement ----------------------------------------------------------------------------------------------

    def _judged(self, seen: _Seen) -> Iterator[Reading]:
        place, now = seen.place, seen.place.now().timestamp()
        before = _history(place.recall("history"))
        told_before = {str(key) for key in place.recall("told") or ()}
        kept: dict[str, tuple[float, list[Point]]] = {}
        told: set[str] = set()
        for key, use in sorted(seen.uses.items()):
            if any(fits(glob, use.quota.key) for glob in self.ignore):
                continue
            points = remembered(before.get(key, ()), now, use.used)
            judged = self._judge(place, use, points)
            if judged.ratio is not None and judged.ratio >= self.show_from:
                kept[key] = (judged.ratio, points)
            bad = judged.outcome is not Outcome.HEALTHY
            if bad:
                told.add(key)
            if bad or key in kept or key in told_before:
                yield _reading(seen, use, judged)
        for key, quota in sorted(seen.silent.items()):
            if key in told_before and key not in seen.uses:
                told.add(key)
                summary = f"{quota.name}: its use is not told any more; {quota.doubt}"
                yield Reading(_resource(place, quota, ""), Outcome.UNKNOWN, "use_not_told", summary)
        unseen = {
            key for key in before if key not in seen.uses and (seen.blind or key.partition("#")[0] in seen.silent)
        }
        kept |= {key: (0.0, [p for p in before[key] if p[0] >= now - LONGEST]) for key in unseen}
        if seen.blind:
            told |= told_before - set(seen.uses)
        place.keep("increases", [list(each) for each in sorted(seen.increases)])
        fullest = sorted((key for key in kept if kept[key][1]), key=lambda key: kept[key][0], reverse=True)
        place.keep("history", {key: [list(point) for point in kept[key][1]] for key in fullest[:_REMEMBERED]})
        place.keep("told", sorted(told))

    def _judge(self, place: AwsPlace, use: Use, points: list[Point]) -> Judgement:
        rules = [rule for rule in self.limits if rule.covers(use, place.account, place.region)]
        return judge(use, points, rules, self.warn_at, self.full_within)


def _limit(limits: Mapping[tuple[str, str], Quota], code: str, resource: str) -> Quota | None:
    """The limit of a resource: its own where it has one, else that of all."""
    if not resource:
        return limits.get((code, ""))
    for (other, context), quota in limits.items():
        if other == code and context and (context == resource or context.endswith((f"/{resource}", f":{resource}"))):
            return replace(quota, context="")
    return limits.get((code, ""))


def _history(kept: Any) -> Mapping[str, list[Point]]:
    if not isinstance(kept, Mapping):
        return {}
    return {str(key): [(float(at), float(used)) for at, used in points] for key, points in kept.items()}


def _resource(place: AwsPlace, quota: Quota, resource: str) -> str:
    arn = arn_at(place, "servicequotas", quota.key)
    return f"{arn}#{resource}" if resource else arn


def _reading(seen: _Seen, use: Use, judged: Judgement) -> Reading:
    place, quota = seen.place, use.quota
    evidence = {"service_code": quota.service, "quota_code": quota.code, "quota_name": quota.name}
    findings: tuple[Finding, ...] = ()
    if judged.outcome is Outcome.UNHEALTHY:
        findings = (_finding(seen, use, judged),)
    of = f" of {use.resource}" if use.resource else ""
    return Reading(
        _resource(place, quota, use.resource), judged.outcome, judged.word.value,
        f"{quota.name}{of}: {judged.reason}", findings, _values(use, judged, place.now()), evidence,
    )  # fmt: skip


def _values(use: Use, judged: Judgement, now: datetime) -> Mapping[str, float]:
    if judged.ratio is None or judged.limit is None:
        return {}
    values = {"usage_ratio": judged.ratio}
    if not use.resource:
        values |= {"used": use.used, "limit": judged.limit}
    if judged.full_in is not None:
        values["full_timestamp_seconds"] = now.timestamp() + judged.full_in
    return values


def _finding(seen: _Seen, use: Use, judged: Judgement) -> Finding:
    place, quota = seen.place, use.quota
    of = f" of {use.resource}" if use.resource else ""
    circumstances = facts(use, seen.increases)
    return Finding(
        judged.kind,
        "quota" if judged.kind is Kind.UTILIZATION else "quota_exceeded",
        f"{quota.service} {quota.name}{of}: {judged.told}",
        circumstances,
        cause=f"quota:{quota.key}",
        remedy=_remedy(place, use, judged, pending=Fact.INCREASE_PENDING in circumstances),
        addresses=(_resource(place, quota, use.resource),),
        evidence={"service_code": quota.service, "quota_code": quota.code, "limit": judged.limit},
        owner=owner_of(place, use.resource) if use.resource else None,
    )


def _remedy(place: AwsPlace, use: Use, judged: Judgement, *, pending: bool) -> str:
    quota = use.quota
    if use.source is Source.ADVISOR:
        return f"aws service-quotas list-services --region {place.region}  # find it there, and ask for more"
    code = f"--service-code {shlex.quote(quota.service)} --quota-code {shlex.quote(quota.code)}"
    where = f"{code} --region {place.region}"
    if pending:
        return (
            f"aws service-quotas list-requested-service-quota-change-history-by-quota {where}  # how the request stands"
        )
    if not quota.adjustable:
        return f"aws service-quotas get-service-quota {where}  # AWS raises it for nobody: use less of it"
    wanted = f"{2 * judged.limit:g}" if judged.limit else "NUMBER"
    return f"aws service-quotas request-service-quota-increase {where} --desired-value {wanted}  # ask for more"
