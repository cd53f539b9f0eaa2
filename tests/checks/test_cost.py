"""The cost check over a fake AWS: what it tells, what it pays, and what nobody can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.policy import Policy
from alerts.routes import Routes
from checks.base import Check, Kind, Outcome, Owner, Scope
from checks.cost import Cost
from checks.spend.model import restored
from daemon.aws.place import NoPayerPlace
from daemon.record import Recorder, StoredMemory
from daemon.runner import CheckPlan, Runner
from daemon.store import Store
from tests.aws.blind import World
from tests.aws.fake import FakeAws, Fault
from tests.aws.places import ACCOUNT, NAME, NOW, REGION, fake_place
from tests.checks.spend.answers import (
    ADVICE,
    ANOMALIES,
    BUDGETS,
    DAY,
    ENROLLED,
    FORECAST,
    METRICS,
    OPTIMIZED,
    OPTIMIZER,
    PAYER,
    PLACE,
    REGIONAL,
    RISE,
    TODAY,
    USAGE,
    billed,
    flows,
    look,
    spend,
)

HOURS = timedelta(hours=1)


@dataclass(frozen=True)
class Worlds:
    """A check that looks at places of several kinds is proved in each."""

    worlds: tuple[World, ...]

    def prove(self, check: Check, folder: Path) -> None:
        for number, world in enumerate(self.worlds):
            below = folder / str(number)
            below.mkdir()
            world.prove(check, below)


WORLD = Worlds((World(PAYER, scope=Scope.ACCOUNT), World(REGIONAL, scope=Scope.REGION),
                World(OPTIMIZED, scope=Scope.REGION)))  # fmt: skip


def paid(fake: FakeAws) -> list[str]:
    return [call.operation for call in fake.calls if call.service == "ce"]


def test_what_is_said_of_the_account_that_pays() -> None:
    """A verdict for every series, budget, commitment and anomaly."""
    readings, _ = look(PAYER)
    assert {name.removeprefix(f"{ACCOUNT}/"): reading.verdict for name, reading in readings.items()} == {
        "paid_requests": "looked", "spend": "rise", "spend/service/EC2": "rise", "spend/service/S3": "as_usual",
        f"spend/account/{ACCOUNT}": "rise", "spend/account/222222222222": "as_usual", "forecast": "within",
        "savings_plans_utilization": "idle_commitment", "savings_plans_coverage": "used",
        "reservation_utilization": "used", "reservation_coverage": "uncovered", "coverage": "covered",
        "anomalies": "looked", "anomaly/anomaly-1": "anomaly",
        "budgets": "looked", "budget/team": "within", "budget/lab": "over_forecast",
        "savings_plans": "looked", f"arn:aws:savingsplans::{ACCOUNT}:savingsplan/1": "ends_soon",
        f"arn:aws:savingsplans::{ACCOUNT}:savingsplan/2": "running", "purchases": "looked",
        "saving/p-1": "saving",
    }  # fmt: skip
    kinds = {finding.kind for reading in readings.values() for finding in reading.findings}
    assert kinds == {Kind.COST_OPPORTUNITY}


def test_one_question_asks_for_the_spend_of_all_accounts() -> None:
    """By service and account, with an end that is not in it, and no credits."""
    fake = FakeAws(PAYER)
    look(fake)
    (asked,) = (dict(call.parameters) for call in fake.calls if call.operation == USAGE[1])
    assert asked["TimePeriod"] == {"Start": (TODAY - 66 * DAY).isoformat(), "End": (TODAY + DAY).isoformat()}
    assert [each["Key"] for each in asked["GroupBy"]] == ["SERVICE", "LINKED_ACCOUNT"]
    assert asked["Filter"]["Not"]["Dimensions"]["Values"] == ["Credit", "Refund"]


def test_a_rise_says_what_when_and_how_much() -> None:
    """On the closed day, against its weekday, with a command that shows more."""
    readings, _ = look(PAYER)
    (finding,) = readings[f"{ACCOUNT}/spend/service/EC2"].findings
    assert finding.summary == (
        "EC2 cost 180.00 USD on Friday 2026-02-27; such a day usually costs 100.00 USD"
    )  # fmt: skip
    assert '"Values": ["EC2"]' in finding.remedy
    assert readings[f"{ACCOUNT}/spend"].values["day_usd"] == 70.0  # the Saturday that closed last


def test_a_second_look_within_eight_hours_pays_for_nothing() -> None:
    """A restart is no reason to ask again; the findings stay as they are."""
    first, memory = look(PAYER)
    fake = FakeAws(PAYER)
    second, _ = look(fake, memory=memory, now=NOW + 7 * HOURS)
    assert paid(fake) == []
    assert {n: (r.verdict, r.findings) for n, r in first.items()} == {
        n: (r.verdict, r.findings) for n, r in second.items()
    }
    assert first[f"{ACCOUNT}/spend"].values == second[f"{ACCOUNT}/spend"].values


def test_what_a_day_of_looks_costs() -> None:
    """The bill three times, the rest once; later bills ask for two weeks, and history stays."""
    fake = FakeAws(PAYER)
    memory: Mapping[str, Any] = {}
    for hours in (0, 8, 16):
        _, memory = look(fake, memory=memory, now=NOW.replace(hour=0) + hours * HOURS)
    assert len(paid(fake)) == 3 + 1 + 2 + 4  # anomalies have two pages
    assert memory["paid"] == {"day": TODAY.isoformat(), "count": 10}
    starts = [call.parameters["TimePeriod"]["Start"] for call in fake.calls if call.operation == USAGE[1]]
    assert starts == [(TODAY - 66 * DAY).isoformat(), *[(TODAY - 14 * DAY).isoformat()] * 2]
    assert len(memory["bill"]["value"]["days"]) == 67


def test_at_the_cap_nothing_is_asked_and_said_to_be_unknown() -> None:
    """Also after a restart; without a value, so that the last ones keep their age; the next UTC day may pay again."""
    check = Cost(max_requests_per_day=1)
    readings, memory = look(PAYER, check)
    assert readings[f"{ACCOUNT}/spend"].outcome is Outcome.UNHEALTHY
    fake = FakeAws(PAYER)
    readings, memory = look(fake, check, memory=memory, now=NOW + 9 * HOURS)
    assert paid(fake) == []
    capped = readings[f"{ACCOUNT}/spend"]
    assert (capped.outcome, capped.verdict, capped.values) == (Outcome.UNKNOWN, "capped", {})
    assert "max_requests_per_day" in capped.findings[0].remedy
    fake = FakeAws(PAYER)
    look(fake, check, memory=memory, now=NOW + 13 * HOURS)
    assert paid(fake) == [USAGE[1]]


def test_what_was_paid_and_asked_survives_a_restart(tmp_path: Path) -> None:
    """The store is opened anew, and the next look finds the count and the bill."""
    path, policy = tmp_path / "barograph.db", Policy(Routes("C0000000001"))
    plan = CheckPlan(NAME, Cost(), lambda labels: 8 * HOURS, timedelta(minutes=5))
    with Store.open(path, lambda: NOW) as store:
        run = Runner({NAME: plan}, Recorder(store, policy), lambda: NOW).run_and_record(
            NAME, fake_place(Cost(), PAYER, scope=Scope.ACCOUNT)
        )
        assert run.readings
    with Store.open(path, lambda: NOW + HOURS) as store:
        memory = {name: StoredMemory(store).recall(NAME, ACCOUNT, name) for name in ("paid", "bill", "forecast")}
    assert memory["paid"] == {"day": TODAY.isoformat(), "count": 8}
    fake = FakeAws(PAYER)
    readings, _ = look(fake, memory=memory, now=NOW + HOURS)
    assert {USAGE, FORECAST}.isdisjoint(fake.asked)
    assert readings[f"{ACCOUNT}/paid_requests"].values == {"paid_requests": 8.0}


def test_pages_are_counted_and_capped() -> None:
    """Each page is a request; half a bill is no bill."""
    page = billed(spend)

    def pages(call: Any) -> Mapping[str, Any]:
        more = {} if call.parameters.get("NextPageToken") == "2" else {"NextPageToken": "2"}
        return {**page(call), **more}

    answers = {**PAYER, USAGE: pages}
    readings, memory = look(answers, Cost(max_requests_per_day=1))
    assert (readings[f"{ACCOUNT}/spend"].verdict, memory["paid"]["count"]) == ("capped", 1)
    assert "bill" not in memory


@pytest.mark.parametrize(("fault", "count"), [(Fault.DENIED, 6), (Fault.TIMEOUT, 7)])
def test_a_failed_request_counts_only_where_it_may_be_charged(fault: Fault, count: int) -> None:
    """AWS charges for no refusal; what came too late may have been answered."""
    fake = FakeAws(PAYER)
    with fake.failing(*FORECAST, fault):
        readings, memory = look(fake)
    assert (memory["paid"]["count"], readings[f"{ACCOUNT}/forecast"].outcome) == (count + 1, Outcome.UNKNOWN)


def test_another_currency_is_told_and_has_no_dollars() -> None:
    """Rises are rises in any currency; measures that say usd are not filled."""
    readings, _ = look({**PAYER, USAGE: billed(spend, "CNY")})
    reading = readings[f"{ACCOUNT}/spend/service/EC2"]
    assert (reading.verdict, reading.values, reading.evidence["unit"]) == ("rise", {}, "CNY")
    assert "180.00 CNY" in reading.summary


def test_two_currencies_in_one_bill_are_not_added() -> None:
    """It is not known what was spent."""
    mixed = billed(spend)

    def answer(call: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = mixed(call)
        found["ResultsByTime"][0]["Groups"][0]["Metrics"]["AmortizedCost"] = {"Amount": "1", "Unit": "EUR"}
        return found

    readings, _ = look({**PAYER, USAGE: answer})
    assert readings[f"{ACCOUNT}/spend"].outcome is Outcome.UNKNOWN
    assert "EUR and USD" in readings[f"{ACCOUNT}/spend"].summary


@pytest.mark.parametrize("amount", ["", "NaN", "lots"])
def test_an_amount_that_is_no_number_is_not_zero(amount: str) -> None:
    """It is an answer that nobody can read."""
    whole = billed(spend)

    def answer(call: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = whole(call)
        found["ResultsByTime"][5]["Groups"][0]["Metrics"]["AmortizedCost"]["Amount"] = amount
        return found

    readings, _ = look({**PAYER, USAGE: answer})
    assert readings[f"{ACCOUNT}/spend"].outcome is Outcome.UNKNOWN


def test_late_data_is_not_taken_for_a_fall_or_for_now() -> None:
    """Open days are not judged; a bill whose newest closed day is old says nothing of today."""
    late = billed(lambda day: spend(day) if day < TODAY - 4 * DAY else None)
    readings, _ = look({**PAYER, USAGE: late})
    assert readings[f"{ACCOUNT}/spend"].evidence["newest_closed_day"] == (TODAY - 5 * DAY).isoformat()
    later = billed(lambda day: spend(day) if day < TODAY - 20 * DAY else None)
    readings, _ = look({**PAYER, USAGE: later})
    assert (readings[f"{ACCOUNT}/spend"].verdict, readings[f"{ACCOUNT}/spend"].values) == ("no_closed_day", {})


def test_a_month_that_is_estimated_as_a_whole_closes_day_by_day() -> None:
    """AWS calls it so until the invoice is written."""
    readings, _ = look({**PAYER, USAGE: billed(spend, estimated=lambda day: True)})
    assert readings[f"{ACCOUNT}/spend"].evidence["newest_closed_day"] == (TODAY - 7 * DAY).isoformat()


def test_the_forecast_is_of_the_whole_month() -> None:
    """What was billed of it, and what is forecast; over the configured budget it is a finding."""
    readings, _ = look(PAYER, Cost(monthly_budget_usd=2900.0))
    reading = readings[f"{ACCOUNT}/forecast"]
    spent, ahead = 70.0, 30  # Sunday the first, and thirty days from today
    assert reading.values == {
        "forecast_usd": spent + 100 * ahead,
        "forecast_lower_usd": spent + 90 * ahead,
        "forecast_upper_usd": spent + 115 * ahead,
    }
    assert (reading.verdict, len(reading.findings)) == ("over_forecast", 1)


def test_without_an_account_that_pays_it_says_so() -> None:
    """Spend was not looked at: neither healthy nor unknown."""
    (reading,) = Cost().run(NoPayerPlace(lambda: NOW))  # type: ignore[arg-type]  # what the daemon gives in its place
    assert (reading.outcome, reading.verdict) == (Outcome.NOT_APPLICABLE, "not_looked")
    assert "aws.payer_account" in reading.summary


def test_what_lies_idle_in_a_region() -> None:
    """Each thing by its own rule; what is new is young, what is gone is not told."""
    readings, _ = look(REGIONAL, scope=Scope.REGION)
    told = {name.rpartition(":")[2].rpartition("loadbalancer/")[2]: one.verdict for name, one in readings.items()}
    assert {name: verdict for name, verdict in told.items() if not name.startswith(PLACE)} == {
        "volume/vol-1": "in_use", "volume/vol-2": "unattached", "volume/vol-3": "young",
        "elastic-ip/eipalloc-1": "unattached", "elastic-ip/eipalloc-2": "in_use", "snapshot/snap-1": "old_snapshot",
        "old": "idle", "app/busy/1": "in_use", "app/quiet/1": "idle", "app/fresh/1": "young",
        "natgateway/nat-quiet": "idle", "logs": "no_lifecycle", "reserved-instances/r-1": "ends_soon", "db": "running",
        "instance/i-1#saving": "saving",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("quiet", "verdict"), [([0.0] * 13, "idle"), ([0.0] * 12, "no_data"), ([], "no_data"), ([0.1], "in_use")]
)
def test_no_data_is_not_zero(quiet: list[float], verdict: str) -> None:
    """That nothing went through takes every day; that something did, one."""
    readings, _ = look({**REGIONAL, METRICS: flows(quiet=quiet)}, scope=Scope.REGION)
    assert readings[f"arn:aws:ec2:{REGION}:{ACCOUNT}:natgateway/nat-quiet"].verdict == verdict


def test_metrics_are_paid_for_once_a_day() -> None:
    """GetMetricData is; all else of a region is free and read again."""
    _, memory = look(REGIONAL, scope=Scope.REGION)
    fake = FakeAws(REGIONAL)
    look(fake, scope=Scope.REGION, memory=memory, now=NOW + 8 * HOURS)
    assert METRICS not in fake.asked
    assert ("ec2", "describe_volumes") in fake.asked


def test_a_capped_region_still_tells_what_is_free() -> None:
    """Only what CloudWatch would have told is not known."""
    readings, _ = look(REGIONAL, Cost(max_requests_per_day=0), scope=Scope.REGION)
    assert readings[f"{PLACE}/metrics"].verdict == "capped"
    assert readings[f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/vol-2"].verdict == "unattached"


def test_findings_have_their_owner() -> None:
    """Of our own and of AWS' recommendations."""
    owner = Owner("acme-dev", "app", "aws_ebs_volume.this", "development")
    readings, _ = look(REGIONAL, scope=Scope.REGION, owners={"vol-2": owner, "i-1": owner})
    for arn in ("volume/vol-2", "instance/i-1#saving"):
        assert readings[f"arn:aws:ec2:{REGION}:{ACCOUNT}:{arn}"].findings[0].owner == owner


@pytest.mark.parametrize(
    ("answers", "verdict", "monthly"),
    [(REGIONAL, "looked", {40.0}), (OPTIMIZED, "looked", {40.0, 70.0}),
     ({**OPTIMIZED, OPTIMIZER: {"status": "Inactive"}}, "not_enrolled", set())],
)  # fmt: skip
def test_savings_come_from_the_hub_or_from_compute_optimizer(answers: Any, verdict: str, monthly: set[float]) -> None:
    """From one of them, never both; with neither there is no question to ask."""
    readings, _ = look(answers, scope=Scope.REGION)
    assert readings[f"{PLACE}/savings"].verdict == verdict
    assert {one.values["savings_monthly_usd"] for one in readings.values() if one.verdict == "saving"} == monthly


@pytest.mark.parametrize(("key", "resource"), [(ANOMALIES, "anomalies"), (BUDGETS, "budgets"), (ENROLLED, "purchases"),
                                               (ADVICE, "purchases")])  # fmt: skip
def test_a_part_that_is_refused_hides_no_other(key: tuple[str, str], resource: str) -> None:
    """It is unknown; spend is told as before."""
    fake = FakeAws(PAYER)
    with fake.failing(*key, Fault.DENIED):
        readings, _ = look(fake)
    assert readings[f"{ACCOUNT}/{resource}"].verdict == "permission"
    assert readings[f"{ACCOUNT}/spend"].verdict == "rise"


def test_a_new_service_that_rises_is_not_hidden_among_the_small_ones() -> None:
    """Only what is as usual is summed up; no money is lost in it."""

    def many(day: Any) -> Mapping[tuple[str, str], float]:
        small = {(f"s{number}", ACCOUNT): 1.0 for number in range(5)}
        return {**spend(day), **small, ("s4", ACCOUNT): 60.0 if day == RISE else 0.5}

    readings, _ = look({**PAYER, USAGE: billed(many)}, Cost(shown=2))
    assert readings[f"{ACCOUNT}/spend/service/s4"].verdict == "rise"
    services = [one for name, one in readings.items() if "/spend/service/" in name]
    assert sum(one.values["day_usd"] for one in services) == readings[f"{ACCOUNT}/spend"].values["day_usd"]


def by_stack(call: Any) -> Mapping[str, Any]:
    """Spend by service and account, or by the tag: one stack, and what has no tag."""
    if call.parameters["GroupBy"][0]["Type"] == "TAG":
        return billed(lambda day: {("Stack$acme-prod",): 10.0, ("Stack$",): 5.0})(call)  # type: ignore[no-any-return]
    return billed(spend)(call)  # type: ignore[no-any-return]  # of a helper that gives any answer


def test_spend_by_stack_is_asked_for_where_a_tag_is_named() -> None:
    """Once a day, one paid question more; kept for what applies did to it; no value of the tag is no stack."""
    fake = FakeAws({**PAYER, USAGE: by_stack})
    readings, memory = look(fake, Cost(stack_tag="Stack"))
    assert readings[f"{ACCOUNT}/stacks"].summary == "1 values of the tag Stack have spend"
    kept = restored(memory["stacks"]["value"])
    assert set(kept.amounts) == {("stack", "acme-prod")}
    assert kept.amount(("stack", "acme-prod"), TODAY - 3 * DAY) == 10.0
    again = FakeAws({**PAYER, USAGE: by_stack})
    look(again, Cost(stack_tag="Stack"), memory=memory, now=NOW + 9 * HOURS)
    assert sum(call.operation == USAGE[1] for call in again.calls) == 1  # the bill; the tag's is fresh
    assert Cost(stack_tag="Stack").asking(Scope.ACCOUNT).paid_per_day == Cost().asking(Scope.ACCOUNT).paid_per_day + 1


def test_spend_by_stack_that_is_refused_hides_nothing_else() -> None:
    """It is unknown with its reason."""

    def refused(call: Any) -> Mapping[str, Any]:
        if call.parameters["GroupBy"][0]["Type"] == "TAG":
            period = {"Start": "2026-02-01", "End": "2026-02-02"}
            return {"ResultsByTime": [{"TimePeriod": period, "Groups": [{"Keys": [], "Metrics": {}}]}]}
        return billed(spend)(call)  # type: ignore[no-any-return]  # of a helper that gives any answer

    readings, memory = look(FakeAws({**PAYER, USAGE: refused}), Cost(stack_tag="Stack"))
    assert readings[f"{ACCOUNT}/stacks"].outcome is Outcome.UNKNOWN
    assert readings[f"{ACCOUNT}/spend"].outcome is not Outcome.UNKNOWN
    assert "stacks" not in memory
