"""Utilization: the account's own alarms, and how much of what runs is used: too much, filling up, or hardly."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

from checks.aws import VERDICTS, AwsError, AwsPlace, could_not_look, guarded, looked, not_enabled, owner_of, unsaid
from checks.base import Asks, Check, Finding, Outcome, Reading, Scope
from checks.cloudwatch import BATCH, Metric, Series, ask
from checks.limits.trend import DAY, LONGEST, Point, remembered, seconds_left
from checks.plans.ignore import fits
from checks.usage import alarms, clusters, machines, stores, traffic
from checks.usage.judge import (
    KINDS,
    Before,
    Judgement,
    Limits,
    ThresholdRule,
    Word,
    gauge_of,
    hardly_used,
    judge,
    level,
    silent,
)
from checks.usage.model import Gauge, Probe, Service

WINDOW = timedelta(minutes=75)  # of datapoints; an hour, and what may come late
_REMEMBERED = 200  # resources that fill whose history is kept, the fullest
_LOW = 2_000  # resources whose time of hardly any use is kept
# What is listed under which name, whose it is, and what nobody knows if it cannot be.
_LISTINGS = (
    ("instances", Service.EC2, "which instances there are", machines.instances),
    ("volumes", Service.EBS, "which volumes there are", machines.volumes),
    ("databases", Service.RDS, "which databases there are", stores.databases),
    ("caches", Service.ELASTICACHE, "which caches there are", stores.caches),
    ("functions", Service.LAMBDA, "which functions there are", machines.functions),
    ("concurrency", Service.LAMBDA, "how many functions may run at once", machines.concurrency),
    ("classic_load_balancers", Service.ELB, "which classic load balancers there are", traffic.classic),
    ("load_balancers", Service.ELBV2, "which load balancers there are", traffic.balancers),
    ("nat_gateways", Service.NAT, "which NAT gateways there are", traffic.gateways),
    ("tables", Service.DYNAMODB, "which tables there are", stores.tables),
    ("queues", Service.SQS, "which queues there are", stores.queues),
)


@dataclass
class _Memory:
    """What earlier looks left, and what this one leaves."""

    words: dict[str, tuple[str, str]] = field(default_factory=dict)  # resource -> (verdict, listing)
    low: dict[str, tuple[float, float]] = field(default_factory=dict)  # resource -> (low since, last seen so)
    history: dict[str, list[Point]] = field(default_factory=dict)

    @classmethod
    def of(cls, place: AwsPlace) -> _Memory:
        words, low, history = (place.recall(name) or {} for name in ("words", "low", "history"))
        return cls(
            {str(key): (str(word), str(name)) for key, (word, name) in words.items()},
            {str(key): (float(since), float(seen)) for key, (since, seen) in low.items()},
            {str(key): [(float(at), float(used)) for at, used in points] for key, points in history.items()},
        )

    def keep(self, place: AwsPlace) -> None:
        oldest = sorted(self.low, key=lambda key: self.low[key])[:_LOW]
        fullest = sorted(self.history, key=lambda key: self.history[key][-1][1], reverse=True)[:_REMEMBERED]
        place.keep("words", {key: list(told) for key, told in sorted(self.words.items())})
        place.keep("low", {key: [int(at) for at in self.low[key]] for key in oldest})
        place.keep("history", {key: [list(point) for point in self.history[key]] for key in fullest})


@dataclass
class _Seen:
    """What one look has found so far."""

    place: AwsPlace
    before: _Memory
    after: _Memory = field(default_factory=_Memory)
    probes: list[tuple[str, Probe]] = field(default_factory=list)  # with the name of the listing each is from
    asked: set[str] = field(default_factory=set)  # listings that the options ask for
    whole: set[str] = field(default_factory=set)  # those of them that were read without a gap
    series: dict[Metric, Series | AwsError] = field(default_factory=dict)


@dataclass(frozen=True)
class Utilization(Check):
    """The account's own CloudWatch alarms, and resources that are used too much, fill up, fail, or are hardly used."""

    services: tuple[Service, ...] = tuple(Service)  # whose resources are looked at; each metric has its price
    thresholds: tuple[ThresholdRule, ...] = ()  # in place of the defaults, for gauges or single resources
    full_within: timedelta = timedelta(days=14)  # storage that is full sooner than this, as it grows, is told
    grows_within: timedelta = timedelta(days=60)  # one that is full sooner than this is told at the weekly review
    idle_for: timedelta = timedelta(days=7)  # what every look has found hardly used for this long is told
    at_least: int = 3  # fewer failed calls, or requests, in the last 75 minutes are no finding
    support_within: timedelta = timedelta(days=60)  # an EKS version whose standard support ends sooner is told
    alarms: bool = True  # read the account's own alarms
    ignore_alarms: tuple[str, ...] = ()  # alarms of no interest: globs over their names
    ignore: tuple[str, ...] = ()  # resources of no interest: globs over ARNs

    scope: ClassVar[Scope] = Scope.REGION
    every: ClassVar[timedelta] = timedelta(hours=1)
    deadline: ClassVar[timedelta] = timedelta(minutes=10)
    asks: ClassVar[Mapping[Scope, Asks]] = {Scope.REGION: Asks(16, 0.2, metrics_per_resource=1.3)}
    rests: ClassVar[tuple[str, ...]] = (
        "dynamodb:list_tables",
        "ec2:describe_instances",
        "ec2:describe_nat_gateways",
        "ec2:describe_volumes",
        "eks:list_clusters",
        "elasticache:describe_cache_clusters",
        "elb:describe_load_balancers",
        "elbv2:describe_load_balancers",
        "elbv2:describe_target_groups",
        "lambda:list_functions",
        "rds:describe_db_instances",
    )
    iam: ClassVar[tuple[str, ...]] = (
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData",
        "dynamodb:DescribeTable",
        "dynamodb:ListTables",
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeNatGateways",
        "ec2:DescribeVolumes",
        "eks:DescribeCluster",
        "eks:DescribeClusterVersions",
        "eks:DescribeNodegroup",
        "eks:ListClusters",
        "eks:ListNodegroups",
        "elasticache:DescribeCacheClusters",
        "elasticloadbalancing:DescribeInstanceHealth",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
        "lambda:GetAccountSettings",
        "lambda:ListFunctions",
        "rds:DescribeDBInstances",
        "rds:DescribeDBParameters",
        "sqs:GetQueueAttributes",
        "sqs:ListQueues",
    )
    measures: ClassVar[Mapping[str, str]] = {
        "used_ratio": "Used part of what a resource has; of several, that of the fullest.",
        "full_timestamp_seconds": "When storage will be full, if it goes on growing as it did.",
        "under_used": "Gauges that every look has found hardly used for as long as the option asks for.",
        "impaired": "Instances, clusters and node groups whose own health checks fail.",
        "targets_healthy": "Healthy targets of load balancers.",
        "targets_unhealthy": "Unhealthy targets of load balancers.",
        "alarms_firing": "Alarms of the account that are in ALARM.",
        "alarm_since_timestamp_seconds": "Since when an alarm is in ALARM.",
        "support_end_timestamp_seconds": "When the standard support of an EKS cluster's version ends.",
    }
    measure_labels: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **dict.fromkeys(("used_ratio", "full_timestamp_seconds", "under_used"), ("service", "gauge")),
        **dict.fromkeys(("targets_healthy", "targets_unhealthy"), ("service",)),
    }
    verdicts: ClassVar[Mapping[str, str]] = {
        Word.WITHIN.value: "it is well, and used neither too much nor too little",
        Word.OVER.value: "too much of it is used, or fails, and for longer than a moment",
        Word.FILLING.value: "it is full soon, at the pace of the last weeks",
        Word.GROWING.value: "it is full within some weeks, at the pace of the last weeks",
        Word.UNDER.value: "every look of the last days has found it hardly used: less would do",
        Word.IDLE.value: "nothing happened, so there is nothing to judge",
        Word.NEW.value: "it is new, and CloudWatch cannot tell yet",
        Word.NO_DATA.value: "could not tell: datapoints that should be there are missing, which is not 0",
        "gone": "it is not there any more, does not run, or is not to be looked at",
        "impaired": "its own health checks fail",
        "targets_unhealthy": "targets of a load balancer are unhealthy",
        "no_targets": "a target group in use has no targets",
        "support_ends": "the standard support of its version ends soon, or has ended",
        "quiet": "the alarm is OK",
        "alarm": "the alarm is in ALARM",
        "muted": "the alarm is OK, and would tell nobody: its actions are switched off",
        "scaling": "the alarm only drives automatic scaling",
        "insufficient_data": "could not tell: the alarm has too few data, or cannot be evaluated",
        **VERDICTS,
    }

    def run(self, place: AwsPlace) -> Iterator[Reading]:
        """Readings of each alarm, and of each gauge of each resource that runs."""
        if self.alarms:
            what = "what the account's own alarms say"
            yield from guarded(f"{place.key}/alarms", what, alarms.alarms, place, self.ignore_alarms)
        if Service.EKS in self.services:
            yield from self._clusters(place)
        seen = _Seen(place, _Memory.of(place))
        for name, service, what, read in _LISTINGS:
            if service in self.services:
                yield from self._listed(seen, name, what, read)
        seen.series = _asked(place, [metric for _, probe in seen.probes for metric in probe.metrics])
        for name, probe in seen.probes:
            yield self._read(seen, name, probe)
        yield from _gone(seen)
        seen.after.keep(place)

    def _clusters(self, place: AwsPlace) -> Iterator[Reading]:
        look = partial(clusters.clusters, place, self.support_within)
        blind = False
        for reading in guarded(f"{place.key}/clusters", "which EKS clusters there are", look, optional=True):
            blind |= reading.resource == f"{place.key}/clusters"
            if not self._ignored(reading.resource):
                yield reading
        if not blind:
            yield looked(place, "clusters", len(place.shared("eks", "list_clusters", "clusters")))

    def _listed(self, seen: _Seen, name: str, what: str, read: Any) -> Iterator[Reading]:
        place, things, gap = seen.place, set[str](), False
        seen.asked.add(name)
        try:
            found: Sequence[Probe | Reading] = tuple(read(place))
        except AwsError as error:
            yield not_enabled(f"{place.key}/{name}", error, what)
            return
        for each in found:
            if self._ignored(each.resource):
                continue
            things.add(each.resource.partition("#")[0].partition("/index/")[0])
            if isinstance(each, Probe):
                seen.probes.append((name, each))
            else:
                gap |= each.outcome is Outcome.UNKNOWN
                yield each
        if not gap:
            seen.whole.add(name)
        yield looked(place, name, len(things))

    def _ignored(self, resource: str) -> bool:
        return any(fits(glob, resource) or fits(glob, resource.partition("#")[0]) for glob in self.ignore)

    # -- judgement ----------------------------------------------------------------------------------------------

    def _read(self, seen: _Seen, name: str, probe: Probe) -> Reading:
        """The reading of one gauge, from the datapoints that were asked for."""
        place, key, now = seen.place, probe.resource, seen.place.now().timestamp()
        gauge = gauge_of(probe, self.thresholds)
        found = [seen.series[metric] for metric in probe.metrics]
        error = next((each for each in found if isinstance(each, AwsError)), None)
        series = [each for each in found if isinstance(each, Series)]
        doubt = next((each.doubt for each in series if not each.whole), "")
        if error is None and doubt:
            error = unsaid(place, "cloudwatch", "GetMetricData", doubt)
        if error is not None:
            _unchanged(seen, key)
            return could_not_look(key, error, f"how much is {gauge.what.removeprefix('of ')}")
        shown, before = level(probe, series), self._before(seen, key, now)
        if shown is None:
            judged = silent(probe, before, now, WINDOW)
            _unchanged(seen, key)
            return Reading(key, judged.outcome, judged.word.value, f"{_named(probe)}: {judged.reason}")
        if hardly_used(gauge, shown):
            since = before.low_since if before.low_since is not None else now
            seen.after.low[key] = (since, now)
            before = Before(before.word, since)
        else:
            before = Before(before.word)
        left = None
        if probe.fills:
            points = remembered(seen.before.history.get(key, ()), now, shown.used)
            seen.after.history[key] = points
            left = seconds_left(points, shown.used, 1.0)
        limits = Limits(self.full_within, self.grows_within, self.idle_for, self.at_least)
        judged = judge(probe, gauge, shown, before, left, limits, now)
        if judged.outcome is Outcome.UNHEALTHY:
            seen.after.words[key] = (judged.word.value, name)
        values = {"used_ratio": shown.used, "under_used": float(judged.word is Word.UNDER)}
        if left is not None:
            values["full_timestamp_seconds"] = now + left
        return _reading(place, probe, gauge, judged, values, before)

    def _before(self, seen: _Seen, key: str, now: float) -> Before:
        """What is known of a gauge. Hardly any use that nobody saw for a day is not known to have gone on."""
        since, last = seen.before.low.get(key, (None, 0.0))
        return Before(seen.before.words.get(key, ("", ""))[0], since if now - last <= DAY else None)


def _asked(place: AwsPlace, metrics: Iterable[Metric]) -> dict[Metric, Series | AwsError]:
    """The series of each metric, asked once, 500 at a time; or what kept its question from an answer."""
    found: dict[Metric, Series | AwsError] = {}
    every = list(dict.fromkeys(metrics))
    for start in range(0, len(every), BATCH):
        some = every[start : start + BATCH]
        try:
            found |= zip(some, ask(place, some, WINDOW), strict=True)
        except AwsError as error:
            found |= dict.fromkeys(some, error)
    return found


def _unchanged(seen: _Seen, key: str) -> None:
    """What was known of a gauge that nobody could see stays known."""
    before, after = seen.before, seen.after
    if key in before.words:
        after.words[key] = before.words[key]
    if key in before.low:
        after.low[key] = before.low[key]
    if key in before.history:
        after.history[key] = before.history[key]


def _gone(seen: _Seen) -> Iterator[Reading]:
    """What was told, and is not there any more; of what is behind a list that was refused nobody knows, so it stays."""
    here, now = {probe.resource for _, probe in seen.probes}, seen.place.now().timestamp()
    for key, (word, name) in sorted(seen.before.words.items()):
        if key in here:
            continue
        if name in seen.whole or name not in seen.asked:
            said = "it is not there any more, does not run, or is not to be looked at"
            yield Reading(key, Outcome.NOT_APPLICABLE, "gone", said)
        else:
            seen.after.words[key] = (word, name)
    if seen.whole < seen.asked:
        hidden = [key for key in seen.before.history if key not in here]
        fresh = {key: [point for point in seen.before.history[key] if point[0] >= now - LONGEST] for key in hidden}
        seen.after.history |= {key: points for key, points in fresh.items() if points}
        seen.after.low |= {
            key: times for key, times in seen.before.low.items() if key not in here and now - times[1] <= DAY
        }


def _named(probe: Probe) -> str:
    return f"{probe.service.value} {probe.name}"


def _reading(
    place: AwsPlace, probe: Probe, gauge: Gauge, judged: Judgement, values: Mapping[str, float], before: Before
) -> Reading:
    evidence: dict[str, Any] = {"service": probe.service.value, "gauge": gauge.name}
    if judged.word is Word.UNDER:
        evidence["under_used_since"] = before.low_since
    findings: tuple[Finding, ...] = ()
    if judged.word in KINDS:
        owner = owner_of(place, probe.arn, *probe.ids)
        whose = f":{owner.stack}" if owner is not None and owner.managed else ""
        findings = (
            Finding(
                KINDS[judged.word], gauge.name if judged.word is not Word.UNDER else f"{gauge.name}_under_used",
                f"{_named(probe)}: {judged.told}",
                cause=f"utilization:{probe.service.value}:{gauge.name}:{judged.word}{whose}",
                remedy=_remedy(place, probe), addresses=(probe.arn,), owner=owner,
                evidence={"service": probe.service.value, "gauge": gauge.name, "warn_at": gauge.warn},
            ),
        )  # fmt: skip
    summary = f"{_named(probe)}: {judged.reason}"
    return Reading(probe.resource, judged.outcome, judged.word.value, summary, findings, values, evidence)


def _remedy(place: AwsPlace, probe: Probe) -> str:
    """The command that shows the last hours of the metric that the finding rests on."""
    metric = probe.metrics[0]
    named = " ".join(shlex.quote(f"Name={name},Value={value}") for name, value in metric.dimensions)
    about = f" --dimensions {named}" if named else ""
    return (
        f"aws cloudwatch get-metric-statistics --namespace {metric.namespace} --metric-name {metric.name}{about}"
        f" --statistics {metric.statistic} --period 300 --region {place.region}"
        ' --start-time "$(date -u -d \'6 hours ago\' +%FT%TZ)" --end-time "$(date -u +%FT%TZ)"  # how it went'
    )
