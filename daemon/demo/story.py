"""What a quarter of looks sees, in the demo's simulated past: plain data, the same for every run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from checks.base import Fact, Finding, Json, Kind, Outcome, Reading
from checks.spend.model import LONGEST, TOTAL, Bill, stored
from checks.spend.model import days as days_of
from daemon.demo.api import ACCOUNT
from daemon.demo.repository import INSTANCES, DemoInstance

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
WEEKS = 13
REGION = f"{ACCOUNT}/eu-west-1"
SELF = ("barograph", "self")
# Check -> (place, what its reading is of where nothing is wrong, the verdict of that).
ACCOUNT_WIDE: Mapping[str, tuple[str, str, str]] = {
    "backups": (REGION, f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/acme-prod-orders", "protected"),
    "certificates": (REGION, f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/shop", "ok"),
    "compliance": ("estate", "stack/acme-prod", "kept"),
    "cost": (ACCOUNT, f"{ACCOUNT}/spend", "as_usual"),
    "quotas": (REGION, f"arn:aws:servicequotas:eu-west-1:{ACCOUNT}:ec2/L-0263D0A3", "within"),
    "security": (REGION, "arn:aws:s3:::acme-prod-uploads", "private"),
    "utilization": (REGION, f"arn:aws:sqs:eu-west-1:{ACCOUNT}:acme-prod-jobs", "within"),
}
_SHARED: Mapping[str, str] = {"account": ACCOUNT, "stage": "production", "owner": "@acme/platform"}
_SERVICES: Mapping[str, float] = {  # USD a day
    "Amazon Elastic Compute Cloud": 212.0, "Amazon Relational Database Service": 96.5,
    "Amazon Simple Storage Service": 31.2, "AWS Lambda": 12.4,
}  # fmt: skip
_GROWN = 32.0  # USD a day that one service costs more in the last week


@dataclass(frozen=True, slots=True)
class Chapter:
    """Something that a check finds at a place from *since* to *until*; somebody acknowledges it, or nobody."""

    check: str
    place: str
    resource: str
    since: datetime
    until: datetime
    verdict: str
    finding: Finding
    values: Mapping[str, float]
    evidence: Mapping[str, Json]
    answered_after: timedelta | None = None


def places() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """(check, place, labels) of all that is watched: each is looked at once a day."""
    for instance in INSTANCES:
        yield "drift", instance.key, labels_of(instance)
        yield "state", instance.key, labels_of(instance)
    for check, (place, _, _) in ACCOUNT_WIDE.items():
        yield check, place, _SHARED


def labels_of(instance: DemoInstance) -> Mapping[str, str]:
    """As the inventory gives them."""
    return {
        "stack": instance.stack, "component": instance.component, "stage": instance.stage, "owner": instance.owner,
        "account": ACCOUNT,
    }  # fmt: skip


def seen(chapters: Sequence[Chapter], check: str, place: str, at: datetime, ends: datetime) -> tuple[Reading, ...]:
    """What a look at *at* sees. *ends*: of the reported week, by which what is to end soon is placed."""
    found = [one for one in chapters if (one.check, one.place) == (check, place) and one.since <= at < one.until]
    by_resource: dict[str, list[Chapter]] = {}
    for one in found:
        by_resource.setdefault(one.resource, []).append(one)
    readings = [
        Reading(
            resource, Outcome.UNHEALTHY, all_[0].verdict, all_[0].finding.summary,
            tuple(one.finding for one in all_), all_[0].values, all_[0].evidence,
        )
        for resource, all_ in by_resource.items()
    ]  # fmt: skip
    healthy = [one for one in _healthy(check, place, ends) if one.resource not in by_resource]
    return (*readings, *healthy)


def kept(check: str, at: datetime, ends: datetime) -> Mapping[str, Json]:
    """What a check keeps for its next look: the cost check its bill of 66 days."""
    if check != "cost":
        return {}
    last = (at - DAY).astimezone(UTC).date()
    return {"bill": {"at": at.timestamp(), "asked": {}, "value": stored(_bill(last, ends))}}


def _bill(last: date, ends: datetime) -> Bill:
    grows = (ends - WEEK).date()
    dates = list(days_of(last - (LONGEST - 1) * DAY, last))
    amounts: dict[tuple[str, str], dict[date, float]] = {
        ("service", name): {day: _amount(name, day, grows) for day in dates} for name in _SERVICES
    }
    total = {day: round(sum(of[day] for of in amounts.values()), 2) for day in dates}
    return Bill("USD", dict.fromkeys(dates, False), {TOTAL: total, **amounts})


def _amount(service: str, day: date, grows: date) -> float:
    usual = _SERVICES[service] + (9.0 if service.startswith("Amazon Elastic") and day.weekday() < 5 else 0.0)
    return round(usual + (_GROWN if service == "AWS Lambda" and day >= grows else 0.0), 2)


def _healthy(check: str, place: str, ends: datetime) -> Iterator[Reading]:
    if check == "drift":
        yield _fine(place, "in_sync", f"{place} is as its code says")
    elif check == "state":
        yield _fine(place, "ok", f"the state of {place} can be read")
    elif check in ACCOUNT_WIDE:
        _, resource, verdict = ACCOUNT_WIDE[check]
        values = {
            "backups": {
                "data_stores_unprotected": 0.0,
                "last_recovery_timestamp_seconds": (ends - 2 * HOUR).timestamp(),
            },
            "certificates": {"not_after_timestamp_seconds": (ends + 75 * DAY).timestamp(), "unused": 0.0},
            "compliance": {"score_ratio": 1.0},
            "cost": {"week_usd": 2_500.0},
            "quotas": {"usage_ratio": 0.4},
        }.get(check, {})
        evidence: Mapping[str, Json] = {
            "backups": {"kind": "dynamodb"}, "certificates": {"subject": "shop.acme.example"},
            "compliance": {"scored": "acme-prod", "stage": "production"},
            "quotas": {"service_code": "ec2", "quota_name": "EC2-VPC Elastic IPs"},
        }.get(check, {})  # fmt: skip
        yield Reading(resource, Outcome.HEALTHY, verdict, f"{resource}: {verdict}", (), values, evidence)


def _fine(resource: str, verdict: str, summary: str) -> Reading:
    return Reading(resource, Outcome.HEALTHY, verdict, summary)


def chapters(ends: datetime) -> tuple[Chapter, ...]:
    """Everything that is found in the thirteen weeks up to *ends*, the end of the reported week, and after it."""
    begins = ends - WEEKS * WEEK
    return tuple(sorted((*_drifts(begins), *_baseline(begins), *_last_weeks(ends)), key=lambda one: one.since))


def _drifts(begins: datetime) -> Iterator[Chapter]:
    """Two to four instances a week are changed by hand, and mended after some days. Less and less as weeks go by."""
    dice = Random(13)  # noqa: S311 - the same quarter for everybody, and no secret
    for week in range(WEEKS):
        here = dice.sample(INSTANCES, 4 - week // 5)
        for instance in here:
            since = begins + week * WEEK + dice.randint(1, 4) * DAY
            days, count = dice.choice((1, 1, 2, 2)), dice.randint(1, 5)
            number = "a resource was" if count == 1 else f"{count} resources were"
            finding = Finding(
                Kind.DRIFT, "drift", f"{number} changed by hand in {instance.key}",
                remedy=f"atmos terraform plan {instance.component} -s {instance.stack}",
            )  # fmt: skip
            answered = HOUR / 10 if week > 4 else 3 * HOUR  # people get better at it
            until = since + days * DAY
            if week == WEEKS - 1 and instance is here[0]:
                until, answered = begins + (WEEKS + 2) * WEEK, HOUR  # it is still there when the report is made
            yield Chapter("drift", instance.key, instance.key, since, until, "drift", finding, {}, {}, answered)


def _baseline(begins: datetime) -> Iterator[Chapter]:
    """What was found on the first day, and mended one after another."""
    rules = (
        ("tags", "resources lack required tags (14)", 12), ("alarms", "resources have no alarm (7)", 10),
        ("log_retention", "log groups keep less than 30 days (5)", 7), ("versions", "buckets keep no versions (2)", 5),
        ("flow_logs", "a network has no flow logs", 2), ("owners", "resources have no owner (21)", WEEKS + 1),
    )  # fmt: skip
    place, resource, _ = ACCOUNT_WIDE["compliance"]
    for rule, lack, weeks in rules:
        finding = Finding(Kind.COMPLIANCE, f"rule:{rule}", f"acme-prod: {lack}", remedy="barograph check compliance")
        yield Chapter("compliance", place, resource, begins, begins + weeks * WEEK, "gaps", finding,
                      {"score_ratio": 0.78}, {"scored": "acme-prod", "stage": "production"})  # fmt: skip


def _last_weeks(ends: datetime) -> Iterator[Chapter]:
    """What a reader of the last week has to decide."""
    week, after = ends - WEEK, ends + 2 * WEEK

    def one(
        check: str, since: datetime, until: datetime, verdict: str, finding: Finding, /,
        values: Mapping[str, float] | None = None, answered: timedelta | None = None, **evidence: str,
    ) -> Chapter:  # fmt: skip
        place, resource, _ = ACCOUNT_WIDE[check]
        return Chapter(check, place, resource, since, until, verdict, finding, values or {}, evidence, answered)

    yield one("security", week + 2 * DAY, week + 3 * DAY, "public_bucket", Finding(
        Kind.SECURITY_VIOLATION, "public_bucket", "everybody can read the bucket acme-prod-uploads",
        frozenset({Fact.PUBLIC_DATA}), remedy="aws s3api put-public-access-block --bucket acme-prod-uploads"
        " --public-access-block-configuration BlockPublicAcls=true,BlockPublicPolicy=true",
    ), answered=HOUR / 12)  # fmt: skip
    yield one("backups", week + 3 * DAY, after, "late", Finding(
        Kind.BACKUP_FAILURE, "late", "dynamodb acme-prod-orders: the newest recovery point is 3 days old; 26 hours are"
        " asked for", remedy="aws dynamodb create-backup --table-name acme-prod-orders --backup-name orders-now",
    ), {"data_stores_unprotected": 1.0, "last_recovery_timestamp_seconds": (ends - 3 * DAY).timestamp()},
        kind="dynamodb")  # fmt: skip
    yield one("certificates", week + DAY, after, "near_end", Finding(
        Kind.CERTIFICATE_EXPIRY, "near_end", "shop.acme.example ends in less than two weeks, and its renewal failed",
        remedy=f"aws acm describe-certificate --certificate-arn {ACCOUNT_WIDE['certificates'][1]}",
    ), {"not_after_timestamp_seconds": (ends + 8 * DAY).timestamp(), "unused": 0.0}, 2 * HOUR,
        subject="shop.acme.example")  # fmt: skip
    yield one("quotas", week + 4 * DAY, after, "filling", Finding(
        Kind.UTILIZATION, "filling", "ec2 EC2-VPC Elastic IPs: 13 of 15, full within 3 weeks",
        remedy="aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-0263D0A3"
        " --region eu-west-1 --desired-value 30",
    ), {"usage_ratio": 13 / 15, "full_timestamp_seconds": (ends + 19 * DAY).timestamp()},
        service_code="ec2", quota_name="EC2-VPC Elastic IPs")  # fmt: skip
    yield one("utilization", week - 5 * WEEK, week - 4 * WEEK, "over_used", Finding(
        Kind.UTILIZATION, "waiting", "jobs wait for 21 minutes in acme-prod-jobs",
        remedy="aws sqs get-queue-attributes --queue-url acme-prod-jobs --attribute-names All",
    ), answered=HOUR)  # fmt: skip
