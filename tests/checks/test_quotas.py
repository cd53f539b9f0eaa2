"""The quotas check over a fake AWS: the ladder of sources, what it costs, and what nobody can tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from checks.base import Fact, Kind, Outcome
from checks.limits.judge import LimitRule
from checks.quotas import Quotas
from tests.aws.blind import World
from tests.aws.fake import FakeAws, Fault
from tests.aws.places import ACCOUNT, NOW, REGION
from tests.checks.limits.answers import (
    APPLIED,
    GET,
    HISTORY,
    METRICS,
    PLACE,
    QUIET,
    RULES,
    SQ,
    START,
    Answers,
    Patient,
    arn,
    group,
    groups,
    listed,
    look,
    metered,
    quota,
    reported,
    result,
    row,
    run,
)


def test_a_quiet_account_is_looked_at_and_healthy() -> None:
    """Every source was read, and no quota is worth a line."""
    readings = look()
    assert {reading.outcome for reading in readings.values()} == {Outcome.HEALTHY}
    assert readings[f"{PLACE}/report"].summary == "1 quotas, of 0 of which AWS tells no use"
    assert arn("L-1") not in readings


@pytest.mark.parametrize(
    ("told", "verdict", "kind"),
    [
        (row("L-2", 100), "exceeded", Kind.QUOTA_EXCEEDED),
        (row("L-2", 130), "exceeded", Kind.QUOTA_EXCEEDED),
        (row("L-2", 80), "close", Kind.UTILIZATION),
        (row("L-2", 40), "within", None),
        (row("L-2", 80, limit=None, DefaultValue=50.0), "close", Kind.UTILIZATION),
    ],
)
def test_quotas_of_the_report(told: Any, verdict: str, kind: Kind | None) -> None:
    """Reached is critical's kind, close is utilization's; a default counts where nothing was applied."""
    reading = look(reported(row("L-1", 5), told))[arn("L-2")]
    assert (reading.verdict, [finding.kind for finding in reading.findings]) == (verdict, [kind] if kind else [])


def test_what_the_report_does_not_tell_is_no_zero() -> None:
    """A quota without a utilization is counted as one that nobody knows of; it has no value and no verdict."""
    readings = look(reported(row("L-1", 5), row("L-2", None), row("L-3", 50, limit=None)))
    assert readings[f"{PLACE}/report"].values == {"without_usage": 2.0}
    assert not {arn("L-2"), arn("L-3")} & set(readings)


def test_the_numbers_are_there_for_metrics() -> None:
    """Ratio, use and limit of the region's quotas, under codes that can be labels."""
    reading = look(reported(row("L-2", 45, limit=200)))[arn("L-2")]
    assert reading.values == {"usage_ratio": 0.45, "used": 90.0, "limit": 200.0}
    assert (reading.evidence["service_code"], reading.evidence["quota_code"]) == ("ec2", "L-2")


def test_a_finding_names_the_command_that_asks_for_more() -> None:
    """Twice the limit is asked for; where a request is open, how it stands; where AWS raises nothing, nothing is."""
    (finding,) = look(reported(row("L-2", 100)))[arn("L-2")].findings
    assert finding.summary == "ec2 Things L-2: the limit of 100 is reached"
    assert finding.remedy.startswith(
        f"aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-2 --region {REGION}"
        " --desired-value 200"
    )
    (finding,) = look(reported(row("L-2", 100, Adjustable=False)))[arn("L-2")].findings
    assert "AWS raises it for nobody" in finding.remedy


def test_an_open_request_is_known() -> None:
    """Pending and escalated requests both count; the tier follows from the fact."""

    def history(call: Any) -> Mapping[str, Any]:
        code = {"PENDING": "L-2", "CASE_OPENED": "L-3"}[call.parameters["Status"]]
        return {"RequestedQuotas": [{"ServiceCode": "ec2", "QuotaCode": code, "Status": call.parameters["Status"]}]}

    readings = look(reported(row("L-2", 100), row("L-3", 100), row("L-4", 100)), {HISTORY: history})
    pending = {code: Fact.INCREASE_PENDING in readings[arn(code)].findings[0].facts for code in ("L-2", "L-3", "L-4")}
    assert pending == {"L-2": True, "L-3": True, "L-4": False}
    assert "how the request stands" in readings[arn("L-2")].findings[0].remedy


def test_an_open_request_is_remembered_while_the_list_is_refused() -> None:
    """A warning does not become critical because nobody could look at the requests."""
    asked = {HISTORY: {"RequestedQuotas": [{"ServiceCode": "ec2", "QuotaCode": "L-2", "Status": "PENDING"}]}}
    answers = {**QUIET, **reported(row("L-2", 100)), **asked}
    _, before = run(FakeAws(answers))
    fake = FakeAws(answers)
    with fake.failing(*HISTORY, Fault.DENIED):
        readings, _ = run(fake, memory=before.kept)
    assert Fact.INCREASE_PENDING in readings[arn("L-2")].findings[0].facts
    assert readings[f"{PLACE}/increases"].outcome is Outcome.UNKNOWN


def test_options_override_what_aws_knows() -> None:
    """A limit of our own, a threshold of our own, a quota of no interest."""
    told = reported(row("L-2", 90), row("L-3", 85), row("L-4", 100))
    check = Patient(limits=(LimitRule("ec2/L-2", limit=90), LimitRule("ec2/L-3", warn_at=0.9)), ignore=("*/L-4",))
    readings = look(told, check=check)
    assert (readings[arn("L-2")].verdict, readings[arn("L-3")].verdict) == ("exceeded", "within")
    assert arn("L-4") not in readings


def test_seventeen_hundred_quotas_take_fewer_than_ten_requests() -> None:
    """The report has a thousand in a page; asked one by one EC2 alone would take thirty-four."""
    fake = FakeAws({**QUIET, **reported(*(row(f"L-{n}", 1) for n in range(1700)), row("L-X", 95))})
    readings, _ = run(fake)
    assert readings[arn("L-X")].verdict == "close"
    asked = [call for call in fake.calls if call.service in (SQ, "cloudwatch")]
    assert len(asked) < 10
    assert all(
        call.operation in {operation for _, operation in LISTS_OF_OTHERS} for call in fake.calls if call not in asked
    )


LISTS_OF_OTHERS = [key for key in QUIET if key[0] == "ec2"]


# -- the report ---------------------------------------------------------------------------------------------------


def waiting(*states: str) -> Answers:
    left = list(states)

    def get(call: Any) -> Mapping[str, Any]:
        state = left.pop(0) if len(left) > 1 else left[0]
        found = {"Status": state, "Quotas": [row("L-2", 100)], "TotalCount": 1} if state == "COMPLETED" else {}
        return {"Status": state, **found}

    return {START: {"ReportId": "report-1"}, GET: get}


def test_a_report_is_waited_for() -> None:
    """It takes some seconds to be made."""
    paused: list[float] = []

    class Counting(Quotas):
        def wait(self, seconds: float) -> None:
            paused.append(seconds)

    readings = look(waiting("PENDING", "IN_PROGRESS", "COMPLETED"), check=Counting())
    assert readings[arn("L-2")].verdict == "exceeded"
    assert paused == [1.0, 2.0]


def test_a_report_that_is_late_is_asked_for_again_soon_and_not_started_twice() -> None:
    """The next look comes in a minute, goes on with the same report, and lists no service one by one."""
    fake = FakeAws({**QUIET, **waiting("IN_PROGRESS")})
    readings, place = run(fake)
    pending = readings[f"{PLACE}/report"]
    assert (pending.outcome, pending.verdict, pending.look_again_in) == (
        Outcome.UNKNOWN, "report_pending", timedelta(minutes=1),
    )  # fmt: skip
    assert {call.parameters["ServiceCode"] for call in fake.calls if call.operation == APPLIED[1]} == {"vpc"}
    later = FakeAws({**QUIET, **waiting("COMPLETED")})
    readings, after = run(later, memory=place.kept, now=NOW + timedelta(minutes=1))
    assert START not in later.asked
    assert readings[arn("L-2")].verdict == "exceeded"
    assert after.kept["report"] == {}


def test_an_old_report_is_not_asked_for() -> None:
    """AWS deletes it after fifteen minutes: a new one is started."""
    fake = FakeAws({**QUIET, **waiting("COMPLETED")})
    old = {"report": {"id": "report-0", "started": (NOW - timedelta(minutes=20)).isoformat()}}
    run(fake, memory=old)
    assert START in fake.asked


@pytest.mark.parametrize(
    "answers",
    [
        {START: {"Status": "PENDING"}},
        waiting("FAILED"),
        {**waiting("COMPLETED"), GET: {"Status": "COMPLETED", "Quotas": []}},
        {**waiting("COMPLETED"), GET: {"Status": "COMPLETED", "Quotas": [row("L-2", 5)], "TotalCount": 9}},
        {**waiting("COMPLETED"), GET: {"Status": "COMPLETED", "Quotas": [row("L-2", 5)], "NextToken": "again"}},
    ],
)
def test_a_report_that_is_not_whole_is_no_report(answers: Answers) -> None:
    """No id, failed, empty, broken off, or the same page for ever: what it lacks may be the quota that is full."""
    readings = look(answers)
    assert readings[f"{PLACE}/report"].outcome is Outcome.UNKNOWN
    assert arn("L-2") not in readings


# -- counted ourselves --------------------------------------------------------------------------------------------


VPC = listed({"vpc": [quota(RULES, 60, "vpc")]})


def test_rules_of_each_security_group_are_counted() -> None:
    """The full one is told by its id, the empty one is not worth a line."""
    readings = look(VPC, groups(group("sg-full", 60), group("sg-half", 30), group("sg-none", 0)))
    assert readings[arn(RULES, "vpc", "sg-full")].verdict == "exceeded"
    assert readings[arn(RULES, "vpc", "sg-half")].values == {"usage_ratio": 0.5}
    assert arn(RULES, "vpc", "sg-none") not in readings


def test_a_limit_for_one_resource_is_its_own() -> None:
    """AWS raises some quotas for a single resource."""
    context = {"ContextId": f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/sg-full", "ContextScope": "RESOURCE"}
    raised = quota(RULES, 200, "vpc", QuotaContext=context)
    readings = look(listed({"vpc": [quota(RULES, 60, "vpc")]}, {"vpc": [raised]}), groups(group("sg-full", 60)))
    assert readings[arn(RULES, "vpc", "sg-full")].verdict == "within"


def test_a_refused_list_spoils_what_is_counted_from_it() -> None:
    """Other counts go on, and nothing is 0."""
    fake = FakeAws({**QUIET, **VPC, **groups(group("sg-full", 60))})
    with fake.failing("ec2", "describe_managed_prefix_lists", Fault.DENIED):
        readings, _ = run(fake)
    assert readings[f"{PLACE}/prefix_lists"].outcome is Outcome.UNKNOWN
    assert arn(RULES, "vpc", "sg-full") not in readings


def test_what_the_report_tells_is_not_counted_again() -> None:
    """The better source stays."""
    told = reported(row("L-F678F1CE", 40, 5, "vpc"))
    vpcs = {("ec2", "describe_vpcs"): {"Vpcs": [{"VpcId": f"vpc-{n}"} for n in range(5)]}}
    readings = look(told, listed({"vpc": [quota("L-F678F1CE", 5, "vpc")]}), vpcs)
    assert readings[arn("L-F678F1CE", "vpc")].verdict == "within"


# -- memory -------------------------------------------------------------------------------------------------------


def test_growth_is_remembered_and_told_before_it_is_close() -> None:
    """Three percent more each day: at 60 % it is full in two weeks."""
    memory: dict[str, Any] = {}
    for day in range(8):
        answers = {**QUIET, **reported(row("L-2", 40 + day * 3))}
        readings, place = run(FakeAws(answers), memory=memory, now=NOW + timedelta(days=day))
        memory = place.kept
    reading = readings[arn("L-2")]
    assert (reading.verdict, reading.findings[0].kind) == ("filling", Kind.UTILIZATION)
    assert reading.findings[0].summary == "ec2 Things L-2: more than 60 % of 100 used; full within 2 weeks at this pace"
    full = (reading.values["full_timestamp_seconds"] - (NOW + timedelta(days=7)).timestamp()) / 86_400
    assert 12.9 < full < 13.1


def test_a_quota_that_was_close_is_shown_until_it_was_seen_again() -> None:
    """It resolves by being seen below the threshold, once; it is unknown while nobody tells its use."""
    _, close = run(FakeAws({**QUIET, **reported(row("L-2", 90))}))
    calm, after = run(FakeAws({**QUIET, **reported(row("L-2", 2))}), memory=close.kept)
    assert calm[arn("L-2")].verdict == "within"
    silent, still = run(FakeAws({**QUIET, **reported(row("L-1", 5), row("L-2", None))}), memory=close.kept)
    assert (silent[arn("L-2")].outcome, silent[arn("L-2")].verdict) == (Outcome.UNKNOWN, "use_not_told")
    assert (after.kept["told"], still.kept["told"]) == ([], ["ec2/L-2"])


def test_a_look_without_a_report_forgets_nothing() -> None:
    """History and what was told survive a day on which the report is refused."""
    _, before = run(FakeAws({**QUIET, **reported(row("L-2", 90))}))
    fake = FakeAws(QUIET)
    with fake.failing(*START, Fault.THROTTLED):
        _, after = run(fake, Patient(services=()), memory=before.kept)
    assert (after.kept["told"], list(after.kept["history"])) == (["ec2/L-2"], ["ec2/L-2"])


def test_memory_is_bounded() -> None:
    """Of a thousand full quotas the history of fifty is kept."""
    _, place = run(FakeAws({**QUIET, **reported(*(row(f"L-{n}", 50) for n in range(1000)))}))
    assert len(place.kept["history"]) == 50


# -- blindness ----------------------------------------------------------------------------------------------------

_LISTED = {"vpc": [quota(RULES, 60, "vpc"), quota("L-F678F1CE", 10, "vpc", **metered())]}
WORLD = World({
    **QUIET,
    **reported(row("L-2", 100), row("L-3", 50)),
    **listed(_LISTED, {"vpc": [quota(RULES, 100, "vpc")]}),
    **groups(group("sg-full", 100)),
    HISTORY: {"RequestedQuotas": [{"ServiceCode": "ec2", "QuotaCode": "L-9", "Status": "PENDING"}]},
    METRICS: {"MetricDataResults": [result(0, 9)]},
})  # fmt: skip
