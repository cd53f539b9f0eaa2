"""The inventory for people and programs: nothing in it may be secret."""

from __future__ import annotations

from checks.base import Json
from daemon.inventory.model import Changes, Inventory, Watched

_MOST = 200


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
        "changes": changes_report(inventory.changes),
        "kept_though_not_listed": sorted(inventory.held),
    }


def changes_report(changes: Changes) -> dict[str, Json]:
    """How a listing differs from the one before; the most that is told of each is bounded."""
    return {
        "since_commit": changes.before,
        "appeared": list(changes.appeared[:_MOST]),
        "vanished": list(changes.vanished[:_MOST]),
        "changed": {key: list(what) for key, what in changes.changed[:_MOST]},
    }


def in_words(changes: Changes) -> str:
    """The same in one line."""
    parts = [
        f"{len(keys)} {word} ({', '.join(keys[:3])}{' …' if len(keys) > 3 else ''})"
        for word, keys in (
            ("appeared", changes.appeared),
            ("vanished", changes.vanished),
            ("changed", tuple(key for key, _ in changes.changed)),
        )
        if keys
    ]
    since = f" since commit {changes.before[:12]}" if changes.before else ""
    return (", ".join(parts) or "nothing") + since


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
