"""A judgement as JSON, for the page, for messages and for `barograph verdict --json`. Redacted, capped, not escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from checks.plans.model import Difference, Json, Judgement, Violation

MOST_RESOURCES = 200
MOST_PATHS = 50  # of one resource


def evidence(judgement: Judgement) -> Mapping[str, Json]:
    """What was seen, under stable keys; empty parts are left out."""
    shown = judgement.differences[:MOST_RESOURCES]
    parts: dict[str, Json] = {
        "classes": dict(sorted(Counter(item.cls.value for item in judgement.differences).items())),
        "differences": [_difference(item) for item in shown],
        "more": len(judgement.differences) - len(shown),
        "failed_checks": [
            {"address": check.address, "status": check.status, "messages": list(check.messages)}
            for check in judgement.failed_checks[:MOST_RESOURCES]
        ],
        "unknown_checks": judgement.unknown_checks,
        "security": violations(judgement.violations),
        "phantoms": judgement.phantoms,
    }
    return {key: value for key, value in parts.items() if value}


def _difference(item: Difference) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "address": item.address,
        "type": item.type,
        "action": item.action,
        "class": item.cls.value,
        "paths": [
            {"path": path.path, "recorded": path.recorded, "actual": path.actual, "desired": path.desired}
            for path in item.paths[:MOST_PATHS]
        ],
    }
    if len(item.paths) > MOST_PATHS:
        shown["more"] = len(item.paths) - MOST_PATHS
    if item.note:
        shown["note"] = item.note
    if item.ignored_by:
        shown["ignored_by"] = item.ignored_by
    return shown


def violations(found: Iterable[Violation]) -> list[Json]:
    """What was opened or weakened."""
    return [
        {"class": item.category, "address": item.address, "summary": item.summary, "public_data": item.public_data}
        for item in list(found)[:MOST_RESOURCES]
    ]
