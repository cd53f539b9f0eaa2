"""The recorded plans and small hand-made ones, for the tests of the judge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "fixtures" / "terraform-plans"

# Situation -> verdict. What was recorded, and what each recording is, stands in the README of the folder.
RECORDED: Mapping[str, str] = {
    "0": "in_sync",
    "1": "drift",
    "1b": "in_sync",
    "1c": "drift",
    "2": "accepted",
    "2c": "drift",
    "3": "drift",
    "4": "drift",
    "5": "pending",
    "6": "drift+pending",
    "7": "accepted",
    "8": "drift",
    "aws-clean-refresh-only-phantom": "in_sync",
}


def recorded(name: str) -> dict[str, Any]:
    """A recorded plan."""
    plan: dict[str, Any] = json.loads((FOLDER / f"{name}.plan.json").read_bytes())
    return plan


def entry(
    address: str, actions: list[str], before: Any, after: Any, *, mask: Any = None, unknown: Any = None, **more: Any
) -> dict[str, Any]:
    """One entry of resource_drift or resource_changes."""
    kind = address.rpartition("]")[0] or address
    return {
        "address": address,
        "mode": "managed",
        "type": more.pop("type", address.split(".")[-2] if "." in kind else "t"),
        "name": "x",
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": actions,
            "before": before,
            "after": after,
            "after_unknown": unknown or {},
            "before_sensitive": mask or {},
            "after_sensitive": mask or {},
        },
        **more,
    }


def plan(drift: list[dict[str, Any]], changes: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A whole plan with these arrays; the state holds every resource that had a value before."""
    held = [
        {"address": item["address"], "mode": "managed", "type": item["type"], "values": item["change"]["before"]}
        for item in changes
        if item["change"]["before"] is not None
    ]
    made: dict[str, Any] = {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {}},
        "prior_state": {"format_version": "1.0", "values": {"root_module": {"resources": held}}},
        "configuration": {"root_module": {}},
        "complete": True,
        "errored": False,
    }
    if drift:
        made["resource_drift"] = drift
    if changes:
        made["resource_changes"] = changes
    return made | more


def drifted(
    address: str, recorded_: dict[str, Any], actual: Any, desired: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A plan where one resource was changed from *recorded_* to *actual*; the code wants *desired*, else recorded."""
    wanted = recorded_ if desired is None else desired
    if actual is None:
        drift, change = (
            entry(address, ["delete"], recorded_, None, **more),
            entry(address, ["create"], None, wanted, **more),
        )
    else:
        actions = ["no-op"] if json.dumps(wanted) == json.dumps(actual) else ["update"]
        drift, change = (
            entry(address, ["update"], recorded_, actual, **more),
            entry(address, actions, actual, wanted, **more),
        )
    return plan([drift], [change])
