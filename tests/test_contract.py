"""What holds for every check, those not yet written too."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import botocore.session
import pytest

from checks import discover
from checks.base import Check, Role, Scope

CHECKS = sorted(discover().items())
# Prefixes of IAM actions that are no names of botocore's services.
IAM_PREFIXES = {
    "access-analyzer", "elasticfilesystem", "elasticloadbalancing", "elasticmapreduce", "es", "servicequotas", "states",
    "tag",
}  # fmt: skip
READING = ("Get", "List", "Describe", "Head", "AssumeRole", "Decrypt", "Batch")
# They only read as well, or make AWS compute a report of what there is.
READS = {
    "apigateway:GET", "budgets:ViewBudget", "cloudtrail:LookupEvents", "config:SelectAggregateResourceConfig",
    "config:SelectResourceConfig", "dynamodb:Query", "dynamodb:Scan", "ec2:SearchTransitGatewayRoutes",
    "iam:GenerateCredentialReport", "servicequotas:StartQuotaUtilizationReport", "acm:SearchCertificates",
}  # fmt: skip


def test_there_are_checks() -> None:
    """Discovery that finds nothing would let every test below pass."""
    assert "drift" in dict(CHECKS)


@pytest.mark.parametrize(("name", "check"), CHECKS)
def test_a_check_describes_itself(name: str, check: type[Check]) -> None:
    """Its docs row, its words and its metrics come from the class, so they have to be there."""
    assert dataclasses.is_dataclass(check)
    assert check.__dataclass_params__.frozen
    assert (check.__doc__ or "").strip().endswith("."), "the docstring is the line in the docs"
    assert all(isinstance(scope, Scope) for scope in check.scopes())
    assert len(set(check.scopes())) == len(check.scopes())
    assert isinstance(check.role, Role)
    assert not check.sweep_iam or (check.role is Role.PAYER and check.more_scopes), "nothing would be asked with it"
    assert timedelta(minutes=1) <= check.every <= timedelta(days=7)
    assert set(check.every_by_stage) <= {"production", "staging", "development"}
    assert check.deadline < check.every
    assert check.verdicts
    assert all(re.fullmatch(r"[a-z][a-z_+]*", word) and meaning for word, meaning in check.verdicts.items())


@pytest.mark.parametrize(("name", "check"), CHECKS)
def test_its_measures_are_metric_names_in_base_units(name: str, check: type[Check]) -> None:
    """Suffixes that Prometheus takes, no percentages, minutes or days, each with a help text."""
    for suffix, text in check.measures.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", suffix), suffix
        assert not re.search(r"(percent|_ms|_minutes|_hours|_days|_mb|_gb)(_|$)", suffix), suffix
        assert text.strip(), f"{suffix} has no help text"


@pytest.mark.parametrize(("name", "check"), CHECKS)
def test_its_iam_actions_name_real_services_and_only_read(name: str, check: type[Check]) -> None:
    """`service:Action` of a service botocore knows by its signing or endpoint name; nothing that writes."""
    session = botocore.session.get_session()
    services = set(session.get_available_services()) | IAM_PREFIXES
    for action in (*check.iam, *check.sweep_iam):
        match = re.fullmatch(r"([a-z0-9-]+):([A-Z][A-Za-z0-9]+)", action)
        assert match, action
        assert match[1] in services, action
        assert action in READS or match[2].startswith(READING), action


@pytest.mark.parametrize(("name", "check"), CHECKS)
def test_it_can_be_made_with_no_options(name: str, check: type[Check]) -> None:
    """A check that is switched on without a word must have sensible defaults."""
    assert check() == check()
