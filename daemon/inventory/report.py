"""The inventory for people and programs: nothing in it may be secret."""

from __future__ import annotations

from checks.base import Json
from daemon.inventory.model import Inventory, Watched


def inventory_report(inventory: Inventory) -> dict[str, Json]:
    """The object that `barograph inventory --json` prints: no vars, no environment, no credentials."""
    return {
        "commit": inventory.commit,
        "dirty": inventory.dirty,
        "loaded_at": inventory.loaded_at.isoformat() if inventory.loaded_at else None,
        "stale_because": inventory.stale_because,
        "instances": [_instance(watched) for watched in inventory.watched],
        "left_out": [
            {"stack": one.stack, "component": one.component, "reason": one.reason} for one in inventory.left_out
        ],
        "problems": [
            {"key": one.key, "summary": one.summary, "where": list(one.where), "remedy": one.remedy}
            for one in inventory.problems
        ],
        "notes": list(inventory.notes),
    }


def _instance(watched: Watched) -> dict[str, Json]:
    instance, backend = watched.instance, watched.backend
    region = backend.config.get("region", "")
    return {
        "stack": instance.stack,
        "component": instance.component,
        "base": instance.base,
        "workspace": instance.workspace,
        "working_directory": instance.working_directory,
        "backend": {
            "type": backend.type,
            "bucket": backend.bucket,
            "key": backend.key,
            "region": region if isinstance(region, str) else "",
        },
        "stage": instance.stage,
        "owner": instance.owner,
        "enabled": instance.enabled,
        "tenant": instance.tenant,
        "environment": instance.environment,
        "region": instance.region,
        "account": instance.account,
        "atmos": instance.atmos,
        "unresolved": list(watched.unresolved),
    }
