"""The drift check: from looks to one reading and its findings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pytest

from checks.base import Fact, Finding, Instance, Kind, Outcome, Reading
from checks.drift import Drift
from checks.kinds import TIERS, Tier
from checks.plans.ignore import IgnoreRule
from checks.plans.look import LookStatus, PlanLook
from checks.plans.model import Verdict
from tests.checks.plans.recorded import RECORDED, drifted, entry, plan, recorded

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OPENED = drifted(
    "aws_security_group.web",
    {"ingress": []},
    {"ingress": [{"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}]},
    type="aws_security_group",
)


@dataclass
class Scripted:
    """A place whose looks are given beforehand, in order."""

    looks: Sequence[PlanLook]
    instance: Instance = field(default_factory=lambda: _instance())
    asked: int = 0

    @property
    def key(self) -> str:
        return self.instance.key

    @property
    def labels(self) -> Mapping[str, str]:
        return {}

    def now(self) -> datetime:
        return NOW

    def plan(self) -> PlanLook:
        self.asked += 1
        return self.looks[self.asked - 1]


def _instance(stage: str = "production", **more: Any) -> Instance:
    return Instance(stack="acme-prod", component="service/payments", base="service", stage=stage, **more)


def _planned(made: Any) -> PlanLook:
    return PlanLook(
        LookStatus.PLANNED, plan=made, seconds=2.5, max_rss_bytes=1000, facts={"terraform_version": "1.11.4"}
    )


def _read(*looks: PlanLook, instance: Instance | None = None, check: Drift | None = None) -> Reading:
    """The one reading of a run that must use every look."""
    place = Scripted(looks, instance or _instance())
    (reading,) = (check or Drift()).run(place)
    assert place.asked == len(looks)
    assert reading.resource == place.instance.key
    assert reading.verdict in Drift.verdicts
    assert set(reading.values) <= set(Drift.measures)
    json.dumps([reading.evidence, *(finding.evidence for finding in reading.findings)])
    return reading


def _tier(finding: Finding, stage: str) -> Tier:
    return next(
        rule.tier
        for rule in TIERS
        if rule.kind is finding.kind
        and rule.stage in ("", stage or "production")
        and (rule.fact is None or rule.fact in finding.facts)
    )


@pytest.mark.parametrize(
    ("name", "outcome", "tier"),
    [
        ("0", Outcome.HEALTHY, None),
        ("1", Outcome.UNHEALTHY, Tier.WARNING),
        ("2", Outcome.HEALTHY, Tier.INFO),
        ("4", Outcome.UNHEALTHY, Tier.WARNING),
        ("5", Outcome.UNHEALTHY, Tier.INFO),
        ("6", Outcome.UNHEALTHY, Tier.WARNING),
        ("7", Outcome.HEALTHY, Tier.INFO),
        ("8", Outcome.UNHEALTHY, Tier.WARNING),
        ("aws-clean-refresh-only-phantom", Outcome.HEALTHY, None),
    ],
)
def test_recorded_situations_give_outcome_and_tier(name: str, outcome: Outcome, tier: Tier | None) -> None:
    """Each verdict raises what the product says, and in staging no deletion is critical."""
    reading = _read(_planned(recorded(name)), instance=_instance("staging"))
    assert (reading.verdict, reading.outcome) == (RECORDED[name], outcome)
    assert [_tier(finding, "staging") for finding in reading.findings] == ([tier] if tier else [])


def test_deletion_in_production_is_looked_at_twice_and_critical() -> None:
    """A deletion is confirmed by a second plan before it is critical."""
    reading = _read(_planned(recorded("4")), _planned(recorded("4")))
    (finding,) = reading.findings
    assert Fact.DELETED in finding.facts
    assert _tier(finding, "production") is Tier.CRITICAL
    assert "fake_thing.c: deleted" in finding.summary


def test_unknown_stage_counts_as_production() -> None:
    """Where nobody knows the stage, a deletion is looked at twice too."""
    assert _read(_planned(recorded("4")), _planned(recorded("4")), instance=_instance("")).verdict == "drift"


def test_what_the_second_look_sees_counts() -> None:
    """A deletion that the second look no longer sees was a half-done change."""
    reading = _read(_planned(recorded("4")), _planned(recorded("0")))
    assert (reading.verdict, reading.outcome, reading.findings) == ("in_sync", Outcome.HEALTHY, ())


@pytest.mark.parametrize(
    ("look", "verdict"),
    [
        (PlanLook(LookStatus.BUSY, "locked"), "busy"),
        (PlanLook(LookStatus.ERROR, "timed out"), "error"),
        (PlanLook(LookStatus.CONFIG_ERROR, "no sign-in"), "config_error"),
        (PlanLook(LookStatus.PLANNED, plan={"format_version": "1.2"}), "error"),
    ],
)
def test_second_look_that_fails_claims_nothing(look: PlanLook, verdict: str) -> None:
    """Neither health nor a confirmed deletion follows from a second look that saw nothing."""
    reading = _read(_planned(recorded("4")), look)
    assert (reading.verdict, reading.outcome) == (verdict, Outcome.UNKNOWN)
    assert all(finding.kind is Kind.MONITORING for finding in reading.findings)


def test_second_look_that_sees_another_deletion_is_busy() -> None:
    """What only the second look found was seen once, so it is looked at again soon."""
    other = plan([entry("aws_x.other", ["delete"], {"a": 1}, None)], [])
    reading = _read(_planned(recorded("4")), _planned(other))
    assert (reading.verdict, reading.outcome, reading.findings) == ("busy", Outcome.UNKNOWN, ())
    assert reading.look_again_in is not None


@pytest.mark.parametrize(
    ("stage", "tier", "looks"),
    [("production", "critical", 2), ("staging", "critical", 2), ("development", "warning", 1)],
)
def test_opening_raises_a_security_violation_beside_drift(stage: str, tier: str, looks: int) -> None:
    """A port opened by hand is drift at warning and a violation; a critical one is looked at twice."""
    reading = _read(*[_planned(OPENED)] * looks, instance=_instance(stage))
    drift, violation = reading.findings
    assert (drift.kind, _tier(drift, stage)) == (Kind.DRIFT, Tier.WARNING)
    assert (violation.kind, violation.key) == (Kind.SECURITY_VIOLATION, "security:public_ingress")
    assert _tier(violation, stage) == tier
    assert "tcp port 22 from 0.0.0.0/0" in violation.summary


def test_public_data_in_development_is_critical_and_looked_at_twice() -> None:
    """Data that everybody can read is critical in every stage."""
    public = drifted(
        "aws_db_instance.d", {"publicly_accessible": False}, {"publicly_accessible": True}, type="aws_db_instance"
    )
    reading = _read(_planned(public), _planned(public), instance=_instance("development"))
    assert Fact.PUBLIC_DATA in reading.findings[1].facts
    assert _tier(reading.findings[1], "development") is Tier.CRITICAL


def test_confirmation_can_be_turned_off() -> None:
    """One look decides where the configuration says so."""
    assert _read(_planned(recorded("4")), check=Drift(confirm_critical=False)).verdict == "drift"


@pytest.mark.parametrize(
    ("status", "outcome", "kinds"),
    [
        (LookStatus.BUSY, Outcome.UNKNOWN, []),
        (LookStatus.CONFIG_ERROR, Outcome.UNKNOWN, [Kind.MONITORING]),
        (LookStatus.ERROR, Outcome.UNKNOWN, [Kind.MONITORING]),
        (LookStatus.NEVER_DEPLOYED, Outcome.UNHEALTHY, [Kind.DRIFT]),
        (LookStatus.NOT_APPLICABLE, Outcome.NOT_APPLICABLE, []),
    ],
)
def test_looks_without_a_plan(status: LookStatus, outcome: Outcome, kinds: list[Kind]) -> None:
    """Each way of not having a plan has its own outcome, and none is healthy."""
    reading = _read(PlanLook(status, "because", cause="c"))
    assert (reading.verdict, reading.outcome) == (status.value, outcome)
    assert [finding.kind for finding in reading.findings] == kinds
    assert (reading.look_again_in is not None) is (status is LookStatus.BUSY)


def test_planned_look_without_a_plan_is_an_error() -> None:
    """A look that says it planned and brings no plan is not judged healthy."""
    assert _read(PlanLook(LookStatus.PLANNED)).outcome is Outcome.UNKNOWN


def test_ignore_rules_apply_to_their_instance_until_their_day() -> None:
    """A rule of this stack makes drift accepted; an expired one does not, and the evidence names it."""
    rule = IgnoreRule(address="fake_thing.*", stack="acme-*", reason="r", owner="o", expires=date(2026, 6, 1))
    late = IgnoreRule(address="fake_thing.*", stack="acme-*", reason="r", owner="o", expires=date(2026, 5, 31))
    assert _read(_planned(recorded("1")), check=Drift(ignore=(rule,))).verdict == "accepted"
    reading = _read(_planned(recorded("1")), check=Drift(ignore=(late,)))
    assert reading.verdict == "drift"
    assert reading.findings[0].evidence["expired_ignore_rules"] == [late.label]
    assert reading.values["ignore_rules_expired"] == 1


def test_one_cause_for_one_attribute_over_many_instances() -> None:
    """The same attribute of the same type drifting in two instances is one cause; another attribute is another."""
    made = [
        drifted(address, {"drop": False, "idle": 1}, {"drop": True, "idle": 1}, type="aws_lb")
        for address in ("aws_lb.a", 'module.x["y"].aws_lb.b[0]')
    ]
    causes = {_read(_planned(item)).findings[0].cause for item in made}
    assert causes == {"drift:aws_lb:drop"}
    other = drifted("aws_lb.a", {"drop": False, "idle": 1}, {"drop": False, "idle": 2}, type="aws_lb")
    assert _read(_planned(other)).findings[0].cause == "drift:aws_lb:idle"


def test_accepted_clocks_do_not_change_the_finding() -> None:
    """A value that providers record anew at each look makes no new finding at each look."""
    findings = [
        _read(
            _planned(drifted("aws_db_instance.d", {"t": "1"}, {"t": now}, {"t": now}, type="aws_db_instance"))
        ).findings
        for now in ("2", "3")
    ]
    assert findings[0] == findings[1]


def test_remedies_are_quoted_commands() -> None:
    """What a person copies works in a shell, whatever the names hold."""
    atmos = _read(_planned(recorded("1"))).findings[0].remedy
    assert "atmos terraform plan service/payments -s acme-prod" in atmos
    assert "atmos terraform apply service/payments -s acme-prod" in atmos
    plain = _instance(atmos=False, workspace="a b", working_directory="dir; rm -rf x")
    remedy = _read(_planned(recorded("1")), instance=plain).findings[0].remedy
    assert "TF_WORKSPACE='a b' terraform '-chdir=dir; rm -rf x' plan" in remedy


def test_remedy_for_what_an_apply_would_leave_is_no_apply() -> None:
    """Where the code does not set what was opened, an apply is no remedy and is not offered as one."""
    opened = OPENED["resource_drift"][0]["change"]["after"]
    made = drifted("aws_security_group.web", {"ingress": []}, opened, opened, type="aws_security_group")
    code = {"root_module": {"resources": [{"address": "aws_security_group.web", "expressions": {"name": {}}}]}}
    look = _planned(made | {"configuration": code})
    for finding in _read(look, look).findings:
        assert "apply" not in finding.remedy.splitlines()[0]
        assert finding.remedy.splitlines()[1].startswith("# an apply would leave it")


def test_values_are_named_and_counted() -> None:
    """What the metrics show comes from the plan that decided."""
    values = _read(_planned(recorded("6"))).values
    assert (values["resources"], values["resources_drifted"], values["resources_pending"]) == (3, 1, 1)
    assert (values["plan_duration_seconds"], values["plan_max_rss_bytes"]) == (2.5, 1000)


def test_evidence_is_capped() -> None:
    """Very many differences are cut, and it says how many more there are."""
    many = plan([entry(f"aws_x.a[{n}]", ["update"], {"s": 1}, {"s": 2}) for n in range(250)], [])
    shown = _read(_planned(many)).evidence
    assert (len(shown["differences"]), shown["more"]) == (200, 50)


def test_every_verdict_is_explained() -> None:
    """The words and what they mean are one table."""
    assert set(Drift.verdicts) == {str(word) for word in Verdict}
    assert all(Drift.verdicts.values())
