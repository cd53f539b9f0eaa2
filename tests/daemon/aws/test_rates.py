"""The gate: AWS' rates kept to the millisecond, per account and region, in turn, and never beyond a deadline."""

from __future__ import annotations

import dataclasses
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.aws_errors import AwsError, ErrorClass
from daemon.aws.context import Request
from daemon.aws.rates import RATES, Rate, RateGate, Waited
from tests.aws.fake import FakeAws, Fault, loader
from tests.aws.places import fake_place
from tests.daemon.aws.test_place import LIST, Looking


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def ticks(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def request(service: str, operation: str, account: str = "1", region: str = "r", until: float = math.inf) -> Request:
    return Request(account, region, service, operation, "check", until)


def passed(gate: RateGate, clock: Clock, number: int, service: str, operation: str) -> list[int]:
    """When each of *number* requests, made one after the other, got through, in milliseconds."""
    began, found = clock.now, []
    for _ in range(number):
        gate(request(service, operation))
        found.append(round((clock.now - began) * 1000))
    return found


@pytest.mark.parametrize(
    ("service", "operation", "number", "expected"),
    [
        ("cloudtrail", "LookupEvents", 5, [0, 500, 1000, 1500, 2000]),
        ("service-quotas", "GetQuotaUtilizationReport", 13, [*[0] * 10, 100, 200, 300]),
        ("cloudwatch", "GetMetricData", 53, [*[0] * 50, 20, 40, 60]),
        ("cloudwatch", "DescribeAlarms", 11, [*[0] * 9, 111, 222]),
        ("ec2", "DescribeVolumes", 102, [*[0] * 100, 50, 100]),
        ("securityhub", "GetFindings", 8, [*[0] * 6, 333, 667]),
        ("nothing-of-ours", "ListThings", 42, [*[0] * 40, 50, 100]),
    ],
)
def test_requests_pass_at_their_rate(service: str, operation: str, number: int, expected: list[int]) -> None:
    """A burst at once, then one by one; to the millisecond."""
    clock = Clock()
    gate = RateGate(ticks=clock.ticks, sleep=clock.sleep)
    assert passed(gate, clock, number, service, operation) == expected


def test_a_quiet_time_fills_the_bucket_again_and_no_further() -> None:
    """An hour without requests allows for one burst, not for an hour's requests at once."""
    clock = Clock()
    gate = RateGate((Rate("*", "*", 2, 3, "test"),), ticks=clock.ticks, sleep=clock.sleep)
    assert passed(gate, clock, 5, "x", "Y") == [0, 0, 0, 500, 1000]
    clock.now += 3600
    assert passed(gate, clock, 5, "x", "Y") == [0, 0, 0, 500, 1000]
    clock.now += 0.25
    assert passed(gate, clock, 2, "x", "Y") == [250, 750]


def test_accounts_regions_and_limits_do_not_wait_for_one_another() -> None:
    """As AWS counts: each (account, region) by itself; operations of one limit together."""
    clock = Clock()
    gate = RateGate(ticks=clock.ticks, sleep=clock.sleep)
    for account in ("1", "2"):
        for region in ("r", "s"):
            gate(request("cloudtrail", "LookupEvents", account, region))
    gate(request("cloudtrail", "DescribeTrails"))
    assert clock.slept == []
    for _ in range(100):
        gate(request("ec2", "DescribeVolumes"))
    gate(request("ec2", "DescribeVpcs"))
    assert clock.slept == []
    for operation in ("ListServiceQuotas", "GetServiceQuota") * 6:
        gate(request("service-quotas", operation))
    assert [round(each, 3) for each in clock.slept] == [0.1, 0.1]


def test_nobody_waits_beyond_his_deadline() -> None:
    """It is told at once, as throttled, and takes no turn from those who have more time."""
    clock = Clock()
    gate = RateGate(ticks=clock.ticks, sleep=clock.sleep)
    gate(request("cloudtrail", "LookupEvents"))
    for _ in range(3):
        with pytest.raises(AwsError) as late:
            gate(request("cloudtrail", "LookupEvents", until=clock.now + 0.499))
        assert late.value.error_class is ErrorClass.THROTTLED
        assert late.value.reason == "throttled"
    assert clock.slept == []
    gate(request("cloudtrail", "LookupEvents", until=clock.now + 0.5))
    assert clock.slept == [0.5]


def test_many_threads_get_one_moment_each() -> None:
    """No two share a turn, none is lost, and those who came first are let through first."""
    slept: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            slept.append(round(seconds, 6))

    waited: list[Waited] = []
    gate = RateGate((Rate("*", "*", 10, 5, "test"),), ticks=lambda: 7.0, sleep=sleep, on_wait=waited.append)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: gate(request("x", "Y")), range(205)))
    assert sorted(slept) == [round(number / 10, 6) for number in range(1, 201)]
    assert sorted(round(each.seconds, 6) for each in waited) == sorted(slept)


@given(
    st.floats(0.5, 50), st.integers(1, 20), st.lists(st.floats(0, 3), min_size=1, max_size=60)
)  # fmt: skip
def test_no_window_holds_more_than_its_share(per_second: float, burst: int, pauses: list[float]) -> None:
    """Of any window of w seconds: at most burst + w x rate requests, whenever they came."""
    clock = Clock()
    gate = RateGate((Rate("*", "*", per_second, burst, "test"),), ticks=clock.ticks, sleep=clock.sleep)
    times = []
    for pause in pauses:
        clock.now += pause
        gate(request("x", "Y"))
        times.append(clock.now)
    for first, begin in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= burst + (times[last] - begin) * per_second + 1e-6


def test_buckets_that_say_nothing_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts that are gone take no memory; a bucket in use keeps what it holds."""
    monkeypatch.setattr("daemon.aws.rates._FORGET_AT", 10)
    clock = Clock()
    gate = RateGate(ticks=clock.ticks, sleep=clock.sleep)
    for number in range(50):
        gate(request("cloudtrail", "LookupEvents", account=str(number)))
        clock.now += 0.25
    gate(request("cloudtrail", "LookupEvents", account="49"))
    assert clock.slept == [0.25]
    assert len(gate._used) <= 11


def test_every_limit_is_of_something_that_there_is() -> None:
    """Services and operations of the table are botocore's; each row says where its figure is from."""
    session = botocore.session.get_session()
    session.register_component("data_loader", loader())
    services = session.get_available_services()
    for rate in RATES:
        assert rate.source
        fitting = [name for name in services if fnmatchcase(name, rate.service)]
        assert fitting, rate
        if "*" not in rate.service:
            operations = session.get_service_model(rate.service).operation_names
            assert any(fnmatchcase(name, rate.operations) for name in operations), rate


def test_a_look_that_is_told_to_wait_too_long_could_not_look() -> None:
    """Through a real place: the gate is asked before every request, with the look's own deadline."""
    clock = Clock()
    fake = FakeAws({("acm", "list_certificates"): {"CertificateSummaryList": []}})
    place = fake_place(Looking, fake)
    gate = RateGate((Rate("*", "*", 0.001, 1, "test"),), ticks=clock.ticks, sleep=clock.sleep)
    context = dataclasses.replace(place._asker.context, gate=gate, ticks=clock.ticks)
    place._asker = dataclasses.replace(place._asker, context=context, until=clock.now + 60)
    place.call(*LIST)
    with pytest.raises(AwsError, match="acm ListCertificates in account 111111111111") as late:
        place.call(*LIST)
    assert late.value.error_class is ErrorClass.THROTTLED
    assert len(fake.calls) == 1
    with fake.failing(*LIST, Fault.DENIED), pytest.raises(AwsError):
        place.call(*LIST)
    assert fake.sent == []
