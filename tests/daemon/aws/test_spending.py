"""Paid requests: counted before they are made, capped by the day, beyond a restart; told, and never taken for 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.stub import stub
from checks import discover
from checks.aws import VERDICTS, AwsError, AwsPlace, ErrorClass, guarded, looked
from checks.base import Check, Reading
from daemon.aws import (
    PRICES,
    Account,
    Asked,
    AwsContext,
    AwsRegionPlace,
    AwsSettings,
    ClientPool,
    Forgotten,
    Identity,
    Ledger,
    Sessions,
    Spending,
    Watching,
)
from daemon.aws.prices import price_of
from daemon.aws.spending import PaidLimitError
from daemon.record import StoredFact
from daemon.store import Store, StoreError
from tests.aws.fake import FakeAws, Fault, loader

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PERIOD: dict[str, Any] = {
    "TimePeriod": {"Start": "2026-03-01", "End": "2026-03-02"},
    "Granularity": "DAILY",
    "Metrics": ["BlendedCost"],
}
ACTIONS = ("ce:GetCostAndUsage", "cloudwatch:GetMetricData", "s3:ListAllMyBuckets", "acm:ListCertificates")


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with stub(latency=0) as address:
        yield address


def place(pool: ClientPool) -> AwsRegionPlace:
    context = AwsContext(pool, lambda: NOON, strict=True)
    account = Account("111111111111", ("eu-west-1",), identity=Identity("test", "test"))
    return AwsRegionPlace(account, "eu-west-1", Watching("x", frozenset(ACTIONS)), context)


def metrics(number: int) -> dict[str, Any]:
    one = {"Metric": {"Namespace": "AWS/EC2", "MetricName": "CPUUtilization"}, "Period": 300, "Stat": "Maximum"}
    queries: list[Mapping[str, object]] = [{"Id": f"q{n}", "MetricStat": one} for n in range(number)]
    queries.append({"Id": "sum", "Expression": "SUM(METRICS())"})
    return {"MetricDataQueries": queries, "StartTime": NOON - timedelta(hours=1), "EndTime": NOON}


def test_what_is_asked_is_counted_and_priced(address: str) -> None:
    """A cent a page of Cost Explorer; CloudWatch by the metric, its expressions for nothing; most for nothing."""
    told: list[Asked] = []
    pool = ClientPool(Sessions(AwsSettings(endpoint_url=address), loader()), Ledger(on_request=told.append))
    one = place(pool)
    one.call("ce", "get_cost_and_usage", **PERIOD)
    one.call("cloudwatch", "get_metric_data", **metrics(500))
    one.call("s3", "list_buckets")
    one.call("acm", "list_certificates")
    assert [(each.service, each.operation, each.result, round(each.usd, 9)) for each in told] == [
        ("ce", "GetCostAndUsage", "ok", 0.01),
        ("cloudwatch", "GetMetricData", "ok", 0.005),
        ("s3", "ListBuckets", "ok", 0.000005),
        ("acm", "ListCertificates", "ok", 0.0),
    ]
    pool.close()


class Paying(Check):
    """Asks Cost Explorer, and something that is free."""

    iam: ClassVar[tuple[str, ...]] = ACTIONS
    verdicts: ClassVar[Mapping[str, str]] = VERDICTS

    def run(self, place: AwsPlace) -> Iterator[Reading]:
        yield from guarded(f"{place.key}/spend", "what was spent", self._spend, place)
        place.call("acm", "list_certificates")
        yield looked(place, "certificates", 0)

    def _spend(self, place: AwsPlace) -> Iterator[Reading]:
        place.call("ce", "get_cost_and_usage", **PERIOD)
        yield looked(place, "spend", 1)


def test_at_the_limit_the_look_says_so_and_asks_nothing_that_is_paid(address: str, tmp_path: Path) -> None:
    """UNKNOWN with the word `capped`; what is free is looked at; a restart and a clock set back open no new purse."""
    clock, told = Clock(), list[Asked]()
    with Store.open(tmp_path / "b.db", clock) as store:

        def look() -> list[tuple[str, str]]:
            spending = Spending(0.03, StoredFact(store, "aws.paid"), clock)  # as at a start
            pool = ClientPool(
                Sessions(AwsSettings(endpoint_url=address), loader()), Ledger(spending, told.append)
            )  # fmt: skip
            found = list(Paying().run(place(pool)))
            pool.close()
            return [(reading.outcome.value, reading.verdict) for reading in found]

        fine = [("healthy", "looked"), ("healthy", "looked")]
        capped = [("unknown", "capped"), ("healthy", "looked")]
        assert [look() for _ in range(5)] == [fine, fine, fine, capped, capped]
        assert sum(each.service == "ce" for each in told) == 3
        clock.now = NOON - timedelta(days=1)
        assert look() == capped
        clock.now = NOON + timedelta(hours=11, minutes=59)
        assert look() == capped
        clock.now = NOON + timedelta(hours=12)
        assert look() == fine
        assert Spending(9, StoredFact(store, "aws.paid"), clock).today_usd == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("fault", "spent"),
    [(Fault.DENIED, 0.0), (Fault.THROTTLED, 0.0), (Fault.TIMEOUT, 0.05), (Fault.NETWORK, 0.05)],
)
def test_every_try_that_may_be_charged_counts(fault: Fault, spent: float) -> None:
    """Five tries without an answer may be five answers on the way; what AWS refuses costs nothing."""
    fake, told = FakeAws({}), list[Asked]()
    spending = Spending(1, Forgotten(), Clock())
    pool = ClientPool(Sessions(AwsSettings(), loader()), Ledger(spending, told.append), prepare=fake.prepare)
    fake.accounts["test"] = "111111111111"
    with fake.failing("ce", "get_cost_and_usage", fault), pytest.raises(AwsError):
        place(pool).call("ce", "get_cost_and_usage", **PERIOD)
    assert spending.today_usd == pytest.approx(spent)
    assert sum(each.usd for each in told) == pytest.approx(spent)


def test_retries_stop_at_the_limit() -> None:
    """The limit holds within one question too."""
    fake, told = FakeAws({}), list[Asked]()
    spending = Spending(0.03, Forgotten(), Clock())
    pool = ClientPool(Sessions(AwsSettings(), loader()), Ledger(spending, told.append), prepare=fake.prepare)
    fake.accounts["test"] = "111111111111"
    with fake.failing("ce", "get_cost_and_usage", Fault.TIMEOUT), pytest.raises(AwsError) as capped:
        place(pool).call("ce", "get_cost_and_usage", **PERIOD)
    assert capped.value.error_class is ErrorClass.CAPPED
    assert len(told) == 3


def test_what_cannot_be_written_down_is_not_asked(address: str) -> None:
    """A store that fails opens no purse without a bottom: the request is not made."""

    class Broken(Forgotten):
        def remember(self, value: str) -> None:
            raise StoreError("the disk is full")

    told: list[Asked] = []
    ledger = Ledger(Spending(1, Broken(), Clock()), told.append)
    pool = ClientPool(Sessions(AwsSettings(endpoint_url=address), loader()), ledger)
    with pytest.raises(StoreError):
        place(pool).call("ce", "get_cost_and_usage", **PERIOD)
    assert told == []
    pool.close()


@given(st.lists(st.integers(1, 400), max_size=60), st.integers(0, 3000))
def test_no_more_is_spent_than_may_be(thousandths: list[int], limit: int) -> None:
    """Whatever the prices: the sum of what was let through is the count, and within the limit."""
    spending, spent = Spending(limit / 1000, Forgotten(), Clock()), 0
    for usd in thousandths:
        try:
            spending.spend(usd / 1000)
        except PaidLimitError:
            assert spent + usd > limit
        else:
            spent += usd
    assert spent <= limit
    assert spending.today_usd == pytest.approx(spent / 1000)


def test_a_clock_that_was_far_ahead_closes_no_purse_for_ever() -> None:
    """What was spent then counts for today; a new day has its own again. Set back a little, it opens none."""
    clock = Clock()
    spending = Spending(1, Forgotten(), clock)
    clock.now = NOON + timedelta(days=20_000)
    spending.spend(0.6)
    clock.now = NOON
    spending.spend(0.4)
    with pytest.raises(PaidLimitError):
        spending.spend(0.01)
    clock.now = NOON - timedelta(days=1)
    with pytest.raises(PaidLimitError):
        spending.spend(0.01)
    clock.now = NOON + timedelta(days=1)
    spending.spend(1)


def test_threads_do_not_spend_more_together() -> None:
    """Of 200 who want a cent of a dollar, 100 get one."""
    spending = Spending(1, Forgotten(), Clock())

    def spend(_: int) -> bool:
        try:
            spending.spend(0.01)
        except PaidLimitError:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(spend, range(200))) == 100


def test_every_price_is_of_something_that_there_is() -> None:
    """Services and operations of the table are botocore's; each row says where it is from."""
    session = botocore.session.get_session()
    session.register_component("data_loader", loader())
    for price in PRICES:
        names = session.get_service_model(price.service).operation_names
        assert any(price_of(price.service, name) == price for name in names), price
        assert price.source


def test_what_checks_pay_for_is_capped() -> None:
    """Every operation of Cost Explorer, and CloudWatch's data: the only ones of ours that cost a cent."""
    paid = [price for price in PRICES if price.capped]
    assert {price.service for price in paid} == {"ce", "cloudwatch"}
    assert max(price.usd for price in PRICES if not price.capped) <= 0.00001
    declared = {action for check in discover().values() for action in (*check.iam, *check.sweep_iam)}
    for action in declared:
        service, _, operation = action.partition(":")
        if service == "ce":
            assert price_of("ce", operation) == paid[0]
