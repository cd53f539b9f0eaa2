"""Savings plans and reservations: how much of them is used, how much they cover, and when they end.

Of savings plans, Cost Explorer tells no account apart without a paid question for each; of reservations it does, in the
one question there is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from checks.aws import AwsPlace, arn_at, looked, unsaid
from checks.base import Json, Outcome, Reading
from checks.spend.explorer import number, period
from checks.spend.model import DAY
from checks.spend.purse import Purse
from checks.spend.told import opportunity

VERDICTS: Mapping[str, str] = {
    "used": "what was committed to is used, or covers what it should",
    "idle_commitment": "a part of what was committed to is paid for and not used",
    "uncovered": "steady use is paid for on demand, and no commitment covers it",
    "nothing_to_cover": "there was no use that a commitment could cover",
    "running": "the commitment runs on for a while",
    "covered": "how much of each account's instances is covered, which the check `compliance` holds against its rule",
    "ends_soon": "the commitment ends soon; what it covers is paid for on demand from then on",
}
_WINDOW = 7  # closed days that are asked for


@dataclass(frozen=True, slots=True)
class Share:
    """How much is used or covered."""

    percent: float | None = None  # None: there is nothing to cover
    accounts: Mapping[str, float] = field(default_factory=dict)  # ratio, 0 to 1, of those that AWS tells apart


def restored(kept: Mapping[str, Json]) -> Share:
    """What Question.ask() gave."""
    percent = kept["percent"]
    return Share(
        None if percent is None else float(percent), {name: float(one) for name, one in kept["accounts"].items()}
    )


@dataclass(frozen=True, slots=True)
class Question:
    """One of the four paid questions."""

    name: str  # "savings_plans_utilization", also the end of its reading's resource
    operation: str  # of boto3
    what: str  # that nobody knows where it fails
    measure: str
    read: Callable[[AwsPlace, Purse, Mapping[str, str]], Share]

    def ask(self, place: AwsPlace, purse: Purse, newest: date) -> Json:
        """Over the week that ends on *newest*, a closed day: what restored() makes a Share of."""
        found = self.read(place, purse, period(newest - (_WINDOW - 1) * DAY, newest + DAY))
        return {"percent": found.percent, "accounts": dict(found.accounts)}


def _plans_used(place: AwsPlace, purse: Purse, when: Mapping[str, str]) -> Share:
    answer = purse.call("ce", "get_savings_plans_utilization", TimePeriod=when)
    used = (answer.get("Total") or {}).get("Utilization") or {}
    return Share(number(place, "GetSavingsPlansUtilization", used.get("UtilizationPercentage")))


def _plans_cover(place: AwsPlace, purse: Purse, when: Mapping[str, str]) -> Share:
    covered, total = [], []
    for page in purse.pages("ce", "get_savings_plans_coverage", "NextToken", TimePeriod=when, Granularity="DAILY"):
        if page.get("SavingsPlansCoverages") is None:
            raise unsaid(place, "ce", "GetSavingsPlansCoverage", "no list in the answer")
        for one in page["SavingsPlansCoverages"]:
            said = one.get("Coverage") or {}
            covered.append(number(place, "GetSavingsPlansCoverage", said.get("SpendCoveredBySavingsPlans")))
            total.append(number(place, "GetSavingsPlansCoverage", said.get("TotalCost")))
    return Share(100 * math.fsum(covered) / math.fsum(total) if math.fsum(total) > 0 else None)


def _reserved_used(place: AwsPlace, purse: Purse, when: Mapping[str, str]) -> Share:
    answer = purse.call("ce", "get_reservation_utilization", TimePeriod=when)
    total = answer.get("Total") or {}
    if number(place, "GetReservationUtilization", total.get("PurchasedHours")) == 0:
        return Share()
    return Share(number(place, "GetReservationUtilization", total.get("UtilizationPercentage")))


def _reserved_cover(place: AwsPlace, purse: Purse, when: Mapping[str, str]) -> Share:
    """Of EC2 instances. One page is paid for: of accounts that do not fit on it, nothing is known."""
    by_account = [{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}]
    answer = purse.call("ce", "get_reservation_coverage", TimePeriod=when, GroupBy=by_account)
    hours = (answer.get("Total") or {}).get("CoverageHours") or {}
    if number(place, "GetReservationCoverage", hours.get("TotalRunningHours")) == 0:
        return Share()
    percent = number(place, "GetReservationCoverage", hours.get("CoverageHoursPercentage"))
    return Share(percent, dict(_by_account(place, answer.get("CoveragesByTime") or ())))


def _by_account(place: AwsPlace, periods: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    """Account -> the part of its hours that reservations cover, of those with any."""
    for group in (each for one in periods for each in one.get("Groups") or ()):
        names = [str(value) for value in (group.get("Attributes") or {}).values()]
        account = next((name for name in names if len(name) == 12 and name.isdigit()), "")
        hours = (group.get("Coverage") or {}).get("CoverageHours") or {}
        total = number(place, "GetReservationCoverage", hours.get("TotalRunningHours"))
        if account and total > 0:
            yield account, number(place, "GetReservationCoverage", hours.get("ReservedHours")) / total


QUESTIONS: tuple[Question, ...] = (
    Question("savings_plans_utilization", "get_savings_plans_utilization", "how much of the savings plans is used",
             "commitment_utilization_ratio", _plans_used),
    Question("savings_plans_coverage", "get_savings_plans_coverage", "how much the savings plans cover",
             "commitment_coverage_ratio", _plans_cover),
    Question("reservation_utilization", "get_reservation_utilization", "how much of the reservations is used",
             "commitment_utilization_ratio", _reserved_used),
    Question("reservation_coverage", "get_reservation_coverage", "how much the reservations cover",
             "commitment_coverage_ratio", _reserved_cover),
)  # fmt: skip


def share_reading(place: str, question: Question, percent: float | None, least: float) -> Reading:
    """How much is used or covered, against the least that should be (0 to 1)."""
    resource, labels = f"{place}/{question.name}", {"commitment": question.name.rpartition("_")[0]}
    name = question.name.replace("_", " ")
    if percent is None:
        told = f"{name}: there was nothing"
        return Reading(resource, Outcome.NOT_APPLICABLE, "nothing_to_cover", told, evidence=labels)
    ratio = percent / 100
    told = f"{name}: {percent:.0f} % of the last {_WINDOW} closed days"
    values = {question.measure: ratio}
    if ratio >= least:
        return Reading(resource, Outcome.HEALTHY, "used", told, values=values, evidence=labels)
    told += f"; {least:.0%} are expected"
    verdict = "idle_commitment" if question.name.endswith("utilization") else "uncovered"
    family = "savings-plans" if "plans" in question.name else "reservation"
    command = f"aws ce get-{family}-purchase-recommendation help  # what to buy"
    if verdict == "idle_commitment":
        command = f"aws ce get-{family}-utilization help  # which of them is not used"
    finding = opportunity(verdict, told, f"cost:{question.name}", command)
    return Reading(resource, Outcome.UNHEALTHY, verdict, told, (finding,), values, labels)


def coverage_reading(place: str, plans: Share | None, reserved: Share | None) -> Reading:
    """How much of each account's instances is covered, in its evidence. None: that was not told.

    What savings plans cover is known of all accounts together only: of what reservations leave, they are taken to cover
    the same part everywhere, as they are shared unless somebody says otherwise.
    """
    resource = f"{place}/coverage"
    if plans is None or reserved is None:
        told = "not known: how much of each account's instances is covered"
        return Reading(resource, Outcome.UNKNOWN, "not_told", told)
    if not reserved.accounts:
        told = "no account is known to have instances that could be covered"
        return Reading(resource, Outcome.NOT_APPLICABLE, "nothing_to_cover", told)
    shared = (plans.percent or 0.0) / 100
    coverage = {name: round(1 - (1 - own) * (1 - shared), 4) for name, own in sorted(reserved.accounts.items())}
    told = f"how much of the instances of {len(coverage)} accounts is covered"
    return Reading(resource, Outcome.HEALTHY, "covered", told, evidence={"coverage": coverage})


@dataclass(frozen=True, slots=True)
class Commitment:
    """A savings plan or reservation that runs."""

    kind: str  # "savings_plan", "ec2", "rds", "elasticache"
    arn: str
    name: str  # for people: "3 × m5.large"
    ends: datetime


def end_readings(place: AwsPlace, what: str, found: list[Commitment], within: timedelta) -> Iterator[Reading]:
    """A reading of each commitment, and that their list was read. What ended since it was listed is gone."""
    yield looked(place, what, len(found))
    for one in found:
        told = f"{one.kind.replace('_', ' ')} {one.name} ends on {one.ends.date().isoformat()}"
        values, labels = {"commitment_end_timestamp_seconds": one.ends.timestamp()}, {"commitment": one.kind}
        if one.ends - place.now() > within:
            yield Reading(one.arn, Outcome.HEALTHY, "running", told, values=values, evidence=labels)
            continue
        finding = opportunity(
            "ends_soon", told, f"cost:ends:{one.kind}", "Renew it, or let it end on purpose and silence this finding.",
            addresses=(one.arn,),
        )  # fmt: skip
        yield Reading(one.arn, Outcome.UNHEALTHY, "ends_soon", told, (finding,), values, labels)


def savings_plans(place: AwsPlace) -> list[Commitment]:
    """The savings plans of the account that is asked."""
    found = []
    for one in place.pages("savingsplans", "describe_savings_plans", "savingsPlans", states=["active"]):
        try:
            ends = datetime.fromisoformat(str(one["end"]))
        except (KeyError, ValueError) as error:
            raise unsaid(place, "savingsplans", "DescribeSavingsPlans", "a plan without an end") from error
        name = f"{one.get('savingsPlanType', '')} {one.get('commitment', '')} {one.get('currency', '')} an hour"
        found.append(Commitment("savings_plan", str(one["savingsPlanArn"]), name, ends))
    return found


def ec2_reserved(place: AwsPlace) -> list[Commitment]:
    """Reserved instances of a region. EC2 lists them in one answer."""
    wanted = [{"Name": "state", "Values": ["active"]}]
    answer = place.call("ec2", "describe_reserved_instances", Filters=wanted)
    if answer.get("ReservedInstances") is None:
        raise unsaid(place, "ec2", "DescribeReservedInstances", "no list in the answer")
    return [
        Commitment(
            "ec2", arn_at(place, "ec2", f"reserved-instances/{one['ReservedInstancesId']}"),
            f"{one.get('InstanceCount', '')} × {one.get('InstanceType', '')}", one["End"],
        )
        for one in answer["ReservedInstances"]
    ]  # fmt: skip


def rds_reserved(place: AwsPlace) -> list[Commitment]:
    """Reserved database instances of a region."""
    rows = place.pages("rds", "describe_reserved_db_instances", "ReservedDBInstances")
    return [
        _timed(one, "rds", str(one["ReservedDBInstanceArn"]), f"{one['DBInstanceCount']} × {one['DBInstanceClass']}")
        for one in rows
        if one.get("State") == "active"
    ]


def cache_reserved(place: AwsPlace) -> list[Commitment]:
    """Reserved cache nodes of a region."""
    rows = place.pages("elasticache", "describe_reserved_cache_nodes", "ReservedCacheNodes")
    return [
        _timed(one, "elasticache", str(one["ReservationARN"]), f"{one['CacheNodeCount']} × {one['CacheNodeType']}")
        for one in rows
        if one.get("State") == "active"
    ]


def _timed(one: Mapping[str, Any], kind: str, arn: str, name: str) -> Commitment:
    return Commitment(kind, arn, name, one["StartTime"] + timedelta(seconds=one["Duration"]))


RESERVED: Mapping[str, Callable[[AwsPlace], list[Commitment]]] = {
    "reserved_instances": ec2_reserved,
    "reserved_databases": rds_reserved,
    "reserved_cache_nodes": cache_reserved,
}
