"""Lifecycle rules that moto does not keep whole: it forgets how many versions stay."""

from __future__ import annotations

from datetime import timedelta

import pytest

from checks.states.model import BackendLook, LifecycleRule
from checks.states.settings import readings


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (LifecycleRule("r", noncurrent_days=1, keeps_versions=10), "as_it_should_be"),
        (LifecycleRule("r", noncurrent_days=1, keeps_versions=9), "expires_early"),
        (LifecycleRule("r", noncurrent_days=30), "as_it_should_be"),
        (LifecycleRule("r", noncurrent_days=29), "expires_early"),
        (LifecycleRule("r", "app/", noncurrent_days=29), "expires_early"),
        (LifecycleRule("r", "logs/", current_days=1), "as_it_should_be"),
        (LifecycleRule("", current_days=3650), "expires_early"),
    ],
)
def test_a_rule_is_too_early_or_not(rule: LifecycleRule, verdict: str) -> None:
    """Days, versions that stay whatever their age, and whether it concerns states at all."""
    look = BackendLook("b", True, ("app/terraform.tfstate",), lifecycle=(rule,))
    found = {reading.resource: reading.verdict for reading in readings(look, timedelta(days=30))}
    assert found["s3://b lifecycle"] == verdict
