"""Twelve weeks as they can be, each a store of its own: name -> how it is seeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from checks.base import Finding, Kind, Outcome, Reading
from daemon.report.period import Week
from tests.daemon.report.applies import production
from tests.daemon.report.world import (
    ALL,
    BERLIN,
    DAY,
    HOUR,
    PLACES,
    WEEK,
    World,
    drifted,
    fine,
    full,
    instance,
    spend,
    watched,
    wrong,
)


@dataclass(frozen=True)
class Scenario:
    seed: Callable[[World], None]
    week: Week = WEEK


def empty(it: World) -> None:
    """Nothing happened, and everything was looked at."""
    watched(it)


def first_week(it: World) -> None:
    """Barograph was switched on on Wednesday, over old drift."""
    for number, place in enumerate(PLACES):
        _, labels = instance(place)
        it.look("drift", place, it.day(2, 10 + number), drifted(place), labels=labels, every=6 * HOUR)
    it.look("drift", PLACES[3], it.day(4), fine(PLACES[3]), labels=instance(PLACES[3])[1])
    it.recorder.announce_baseline(0, it.day(4, 13))
    it.deliver()


def partial(it: World) -> None:
    """The daemon was down from Tuesday to Thursday, and one place never answered."""
    since = it.week.before(10).starts
    for start, end in ((since, it.day(1, 12)), (it.day(3, 15), it.week.ends + 8 * HOUR)):
        it.quiet("barograph", "self", start, end, HOUR)
        for place in PLACES[:3]:
            it.quiet("drift", place, start, end, 6 * HOUR, labels=instance(place)[1])
    for day in (0, 4, 5):
        it.look("drift", PLACES[3], it.day(day), failure=("denied", "the role may not read the state"),
                labels=instance(PLACES[3])[1])  # fmt: skip
    it.deliver(12)


def busy_hours(it: World) -> None:
    """Drift that opens in the first and the last hour of the week, by the reader's clock."""
    watched(it)
    _, labels = instance(PLACES[0])
    it.look("drift", PLACES[0], it.week.starts + timedelta(minutes=1), drifted(PLACES[0]), labels=labels)
    it.look("drift", PLACES[0], it.week.starts + 5 * HOUR, fine(PLACES[0]), labels=labels)
    _, labels = instance(PLACES[1])
    it.look("drift", PLACES[1], it.week.ends - timedelta(minutes=1), drifted(PLACES[1]), labels=labels)
    it.deliver()
    _, labels = instance(PLACES[2])
    it.look("drift", PLACES[2], it.week.ends + timedelta(minutes=1), drifted(PLACES[2]), labels=labels)


def thousand(it: World) -> None:
    """A thousand findings in one look."""
    watched(it)
    place, labels = "111111111111/eu-west-1", {"account": "111111111111", "stage": "production"}
    it.look("security", place, it.day(0, 9), fine("arn:aws:s3:::b0", "encrypted"), labels=labels)
    found = [
        wrong(f"arn:aws:s3:::b{number:04d}", "unencrypted", Kind.SECURITY_VIOLATION,
              f"=bucket b{number:04d} is not <encrypted> & says @here")
        for number in range(1000)
    ]  # fmt: skip
    it.look("security", place, it.day(2, 9), *found, labels=labels)
    it.deliver(2.5)


def cost_missing(it: World) -> None:
    """The bill could not be read in this week; what it said before is of other days."""
    watched(it, checks=("drift", "backups"))
    spend_of = {"account": "999999999999", "stage": "all"}
    it.look("cost", "999999999999", it.day(0, 6, -3), fine("999999999999/spend", "as_usual"), labels=spend_of)
    for day in range(7):
        it.look("cost", "999999999999", it.day(day), failure=("denied", "ce:GetCostAndUsage is not allowed"),
                labels=spend_of)  # fmt: skip
    it.deliver()


def blind_week(it: World) -> None:
    """A check was refused all week."""
    watched(it, checks=("drift", "backups"))
    it.quiet("quotas", "111111111111/eu-west-1", it.week.before(9).starts, it.week.starts, DAY)
    for day in range(7):
        it.look("quotas", "111111111111/eu-west-1", it.day(day), failure=("denied", "servicequotas:List is refused"))
    it.deliver()


def silenced(it: World) -> None:
    """Drift that somebody silenced, and one that somebody acknowledged."""
    watched(it)
    for number in (0, 1):
        it.look("drift", PLACES[number], it.day(1, 9 + number), drifted(PLACES[number], f"change {number} by hand"),
                labels=instance(PLACES[number])[1])  # fmt: skip
    it.deliver()
    it.silence("change 0", it.day(1, 9.5), "bo", "planned work", 3 * DAY)
    it.acknowledge("change 1", it.day(1, 11), "ana")
    it.hide("acme-dev", it.day(2, 8), "bo", "load test", 2 * DAY)
    it.look("drift", PLACES[3], it.day(2, 9), drifted(PLACES[3], "change 3 by hand"), labels=instance(PLACES[3])[1])
    it.deliver()


def all_resolved(it: World) -> None:
    """What was open before and what opened in the week is all over."""
    watched(it)
    for number, place in enumerate(PLACES):
        _, labels = instance(place)
        it.look("drift", place, it.day(3, 9, -1) if number else it.day(1, 9), drifted(place), labels=labels)
    for number, place in enumerate(PLACES):
        it.look("drift", place, it.day(2, 9 + number), fine(place), labels=instance(place)[1])
    it.deliver()


def shrinking(it: World) -> None:
    """A baseline of forty, of which ten are mended in each week."""
    watched(it)
    place, labels = "111111111111/eu-west-1", {"account": "111111111111", "stage": "production"}

    def look(left: int) -> list[Reading]:
        return [
            wrong(f"arn:aws:ec2:::volume/{number:02d}", "unencrypted", Kind.COMPLIANCE, f"volume {number:02d} is plain")
            if number < left else fine(f"arn:aws:ec2:::volume/{number:02d}", "encrypted") for number in range(40)
        ]  # fmt: skip

    for week, left in ((-3, 40), (-2, 30), (-1, 20), (0, 10)):
        it.look("compliance", place, it.day(2, 8, week), *look(left), labels=labels)
    it.recorder.announce_baseline(0, it.day(3, 8))
    it.deliver()


def deployments(it: World) -> None:
    """Runs of workflows, as the record of executions will tell them; and a bill."""
    watched(it, checks=ALL)
    for week in (-2, -1, 0):
        for day in range(5):
            good = Finding(Kind.DEPLOYMENT, f"run-{week}-{day}", f"deploy of day {day} ended well",
                           evidence={"workflow": "deploy", "seconds": 240.0 + day, "lead_seconds": 5400.0})  # fmt: skip
            bad = Finding(
                Kind.WORKFLOW_FAILURE, f"run-{week}-{day}", "deploy failed: state lock", remedy="atmos workflow deploy"
            )
            failed = week == 0 and day == 3
            reading = Reading(
                f"acme-prod/deploy/{week}.{day}", Outcome.UNHEALTHY if failed else Outcome.HEALTHY,
                "failed" if failed else "succeeded", "a run", (bad if failed else good,),
            )  # fmt: skip
            it.look("execution", "acme-prod", it.day(day, 15, week), fine("acme-prod", "recorded"), reading,
                    labels={"stack": "acme-prod", "stage": "production", "owner": "payments"})  # fmt: skip
    spend(it)
    it.deliver()


SCENARIOS: Mapping[str, Scenario] = {
    "empty_week": Scenario(empty),
    "first_week": Scenario(first_week),
    "partial_data": Scenario(partial),
    "summer_time_begins": Scenario(busy_hours, Week(2026, 13, BERLIN)),
    "summer_time_ends": Scenario(busy_hours, Week(2026, 43, BERLIN)),
    "week_53": Scenario(busy_hours, Week(2026, 53, BERLIN)),
    "thousand_findings": Scenario(thousand),
    "cost_missing": Scenario(cost_missing),
    "blind_week": Scenario(blind_week),
    "silenced": Scenario(silenced),
    "all_resolved": Scenario(all_resolved),
    "baseline_shrinks": Scenario(shrinking),
    "deployments_and_cost": Scenario(deployments),
    "everything": Scenario(full),
    "applies_to_production": Scenario(production),
}
