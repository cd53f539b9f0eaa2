"""Whether a region is recorded: trails and their states, as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from checks.base import Kind, Outcome
from checks.trail.trails import Trail, judged, records_changes
from tests.aws.places import NOW

HOUR = timedelta(hours=1)
GOOD = Trail(
    "arn:aws:cloudtrail:eu-west-1:1:trail/audit", "audit", True, False, True, True, delivered=NOW - HOUR,
    digested=NOW - HOUR, since=NOW - 999 * HOUR,
)  # fmt: skip
PLAIN = replace(GOOD, validated=False, digested=None)
CASES: list[tuple[str, list[Trail], str, Kind | None]] = [
    ("good", [GOOD], "recorded", None),
    ("none", [], "not_recorded", Kind.SECURITY_VIOLATION),
    ("switched off", [replace(GOOD, logging=False)], "not_recorded", Kind.SECURITY_VIOLATION),
    ("records no changes", [replace(GOOD, changes=False)], "not_recorded", Kind.SECURITY_VIOLATION),
    ("cannot deliver", [replace(GOOD, error="AccessDenied")], "not_delivered", Kind.SECURITY_VIOLATION),
    ("cannot deliver digests", [replace(GOOD, digest_error="NoSuchBucket")], "not_delivered", Kind.SECURITY_VIOLATION),
    ("late digest", [replace(GOOD, digested=NOW - 7 * HOUR)], "not_delivered", Kind.SECURITY_VIOLATION),
    ("never a digest", [replace(GOOD, digested=None)], "not_delivered", Kind.SECURITY_VIOLATION),
    ("new, no digest yet", [replace(GOOD, digested=None, since=NOW - HOUR)], "recorded", None),
    ("no validation", [PLAIN], "not_validated", Kind.COMPLIANCE),
    ("no validation, quiet for long", [replace(PLAIN, delivered=NOW - 999 * HOUR)], "not_validated", Kind.COMPLIANCE),
    ("a good one beside bad ones", [replace(GOOD, arn="b", error="x"), GOOD, replace(GOOD, arn="c", logging=False)],
     "recorded", None),
]  # fmt: skip


@pytest.mark.parametrize(("case", "trails", "verdict", "kind"), CASES, ids=[case[0] for case in CASES])
def test_the_best_trail_decides(case: str, trails: list[Trail], verdict: str, kind: Kind | None) -> None:
    """Recorded, and delivered, and provable."""
    reading = judged("r", trails, 6 * HOUR, NOW)
    assert (reading.verdict, [finding.kind for finding in reading.findings]) == (verdict, [kind] if kind else [])
    assert reading.outcome is (Outcome.UNHEALTHY if kind else Outcome.HEALTHY)
    assert all("aws cloudtrail " in finding.remedy for finding in reading.findings)


def advanced(**fields: str) -> dict[str, Any]:
    selectors = [{"Field": name, "Equals": [value]} for name, value in fields.items()]
    return {"AdvancedEventSelectors": [{"FieldSelectors": selectors}]}


@pytest.mark.parametrize(
    ("selectors", "records"),
    [
        ({}, False),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "WriteOnly"}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]}, False),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]}, False),
        (advanced(eventCategory="Management"), True),
        (advanced(eventCategory="Data"), False),
        (advanced(eventCategory="Management", readOnly="true"), False),
        (advanced(eventCategory="Management", readOnly="false"), True),
    ],
)
def test_what_selectors_take_in(selectors: dict[str, Any], records: bool) -> None:
    """Only management events that write count as a record of changes."""
    assert records_changes(selectors) is records
