"""Reading the arrays of a plan, refusing what cannot be judged. Facts: Terraform's JSON output format, version 1."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.plans.model import NotJudgeable

_EXPECTED = "expected the output of `terraform show -json PLANFILE`"

_ACTIONS: Mapping[tuple[str, ...], str] = {
    ("no-op",): "no-op",
    ("create",): "create",
    ("read",): "read",
    ("update",): "update",
    ("delete",): "delete",
    ("forget",): "forget",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("create", "forget"): "replace",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of resource_drift, resource_changes or output_changes. Holds secrets in clear."""

    address: str
    action: str
    before: Any = field(repr=False)
    after: Any = field(repr=False)
    unknown: Any = None  # mask: what of *after* is only known after the apply
    before_sensitive: Any = None
    after_sensitive: Any = None
    type: str = ""
    provider: str = ""
    mode: str = "managed"
    deposed: str = ""
    previous_address: str = ""
    reason: str = ""  # why Terraform plans the action: replace_because_tainted …
    importing: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.address, self.deposed


def validated(plan: Any) -> Mapping[str, Any]:
    """*plan* if it is one that can be judged; else NotJudgeable says why not."""
    if not isinstance(plan, Mapping):
        raise NotJudgeable(f"not a plan: the JSON is no object ({_EXPECTED})")
    version = plan.get("format_version")
    if not isinstance(version, str):
        raise NotJudgeable(f"not a plan: it has no format_version ({_EXPECTED})")
    if version.partition(".")[0] != "1":
        raise NotJudgeable("the plan's format_version is not 1.x: this program does not know that format")
    if not any(key in plan for key in ("planned_values", "resource_changes", "resource_drift")):
        raise NotJudgeable("not a plan: it has no planned values (is it the JSON of a state?)")
    if plan.get("errored", False) is not False:
        raise NotJudgeable("the plan is marked as errored: Terraform did not finish it")
    if plan.get("complete", True) is not True:
        raise NotJudgeable("the plan is not complete: it was targeted, or leaves changes for a later plan")
    if plan.get("deferred_changes"):
        raise NotJudgeable("the plan defers changes to a later plan, so it does not show everything")
    return plan


def drift_entries(plan: Mapping[str, Any]) -> tuple[Change, ...]:
    """resource_drift: before is what the state recorded, after is the real world."""
    return _entries(plan, "resource_drift")


def change_entries(plan: Mapping[str, Any]) -> tuple[Change, ...]:
    """resource_changes: before is the real world, after is what the code wants."""
    return _entries(plan, "resource_changes")


def _entries(plan: Mapping[str, Any], array: str) -> tuple[Change, ...]:
    raw = plan.get(array)
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise NotJudgeable(f"{array} is not a list")
    entries = tuple(_entry(item, f"{array}[{number}]") for number, item in enumerate(raw))
    if len({entry.key for entry in entries}) != len(entries):
        raise NotJudgeable(f"{array} names one resource twice")
    return entries


def _entry(item: Any, where: str) -> Change:
    if not isinstance(item, dict) or not isinstance(item.get("address"), str) or not item["address"]:
        raise NotJudgeable(f"{where} has no address")
    change = _change(item["address"], item.get("change"), where)
    for side in (change.before, change.after):
        if side is not None and not isinstance(side, dict):
            raise NotJudgeable(f"{where}: the values of a resource are not an object")
    if change.action in ("update", "no-op", "replace") and (change.before is None or change.after is None):
        raise NotJudgeable(f"{where}: a change with one side missing")
    return Change(
        change.address, change.action, change.before, change.after, change.unknown,
        change.before_sensitive, change.after_sensitive,
        type=_word(item, "type"), provider=_word(item, "provider_name"), mode=_word(item, "mode") or "managed",
        deposed=_word(item, "deposed"), previous_address=_word(item, "previous_address"),
        reason=_word(item, "action_reason"), importing=change.importing,
    )  # fmt: skip


def _change(address: str, raw: Any, where: str) -> Change:
    if not isinstance(raw, dict) or not isinstance(raw.get("actions"), list):
        raise NotJudgeable(f"{where} has no actions")
    actions = tuple(str(action) for action in raw["actions"])
    if actions not in _ACTIONS:
        raise NotJudgeable(f"{where}: this program does not know its actions")
    return Change(
        address, _ACTIONS[actions], raw.get("before"), raw.get("after"), raw.get("after_unknown"),
        raw.get("before_sensitive"), raw.get("after_sensitive"), importing=raw.get("importing") is not None,
    )  # fmt: skip


def _word(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def output_entries(plan: Mapping[str, Any]) -> tuple[Change, ...]:
    """output_changes, with "output.NAME" as address."""
    raw = plan.get("output_changes")
    if raw is None:
        return ()
    if not isinstance(raw, dict):
        raise NotJudgeable("output_changes is not an object")
    return tuple(_change(f"output.{name}", change, f"output_changes.{name}") for name, change in raw.items())


def relevant_attributes(plan: Mapping[str, Any]) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
    """(resource address, attribute path) of what contributed to the planned changes; keys may be left out."""
    raw = plan.get("relevant_attributes")
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise NotJudgeable("relevant_attributes is not a list")
    found = []
    for item in raw:
        if not isinstance(item, dict) or not isinstance(item.get("resource"), str):
            raise NotJudgeable("relevant_attributes has an entry without a resource")
        path = item.get("attribute", [])
        if not isinstance(path, list):
            raise NotJudgeable("relevant_attributes has a path that is not a list")
        found.append((item["resource"], tuple(step for step in path if isinstance(step, str | int))))
    return tuple(found)


def state_resources(plan: Mapping[str, Any], part: str) -> Iterator[Mapping[str, Any]]:
    """Every resource in prior_state or planned_values, from all modules."""
    section = plan.get(part)
    values = section.get("values") if part == "prior_state" and isinstance(section, Mapping) else section
    modules = [values.get("root_module")] if isinstance(values, Mapping) else []
    while modules:
        module = modules.pop()
        if not isinstance(module, Mapping):
            continue
        resources, children = module.get("resources", []), module.get("child_modules", [])
        if not isinstance(resources, list) or not isinstance(children, list):
            raise NotJudgeable(f"{part} has a module whose resources or modules are not a list")
        yield from (resource for resource in resources if isinstance(resource, Mapping))
        modules.extend(children)


def covered(plan: Mapping[str, Any], changes: Collection[Change]) -> None:
    """Raise NotJudgeable for a plan that passes over resources: nothing may be called fine that it does not show.

    A plan has an entry for every managed resource of the refreshed state, if only a no-op; a refresh-only plan has
    none at all, and plans no values. Not every version marks a targeted plan as incomplete.
    """
    if not any(plan.get(part) for part in ("prior_state", "configuration", "resource_changes", "resource_drift")):
        raise NotJudgeable("the plan holds neither a state nor a configuration: a part of it was cut out")
    held = {_place(resource) for resource in state_resources(plan, "prior_state") if _is_managed(resource)}
    planned = {_place(resource) for resource in state_resources(plan, "planned_values") if _is_managed(resource)}
    shown = {change.address for change in changes if change.mode == "managed"}
    if shown and held - shown:
        raise NotJudgeable(
            f"the plan passes over {len(held - shown)} of the {len(held)} resources in the state: it was targeted, "
            "or a part of it was cut out"
        )
    if planned - shown - held:
        raise NotJudgeable("the plan lacks the changes of resources that it plans values for: a part of it was cut out")


def _is_managed(resource: Mapping[str, Any]) -> bool:
    return resource.get("mode") == "managed" and not resource.get("deposed_key")


def _place(resource: Mapping[str, Any]) -> str:
    return str(resource.get("address"))
