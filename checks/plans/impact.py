"""A plan reduced to what its apply would do, for who approves it: addresses, types, actions, what it opens.

No value of the plan is in it but names of what exists in AWS: subnets, images, instance types, and the ARN or id of
a data store that would go; and none of those where the plan, or its name, says that it is sensitive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.plans import effects, security
from checks.plans.ignore import fits
from checks.plans.model import NotJudgeable
from checks.plans.normalise import expand, normalise, same
from checks.plans.parse import Change, change_entries, drift_entries
from checks.plans.redact import SENSITIVE, Scrubber, cut, mask_at, merged, secrets_of
from checks.plans.rules import DATA_POLICIES

MOST_ROWS = 400
CREATE_FIRST, DESTROY_FIRST = "create_first", "destroy_first"
# The most telling first: what is cut is what matters least.
_WEIGHT: Mapping[str, int] = {"delete": 0, "replace": 1, "forget": 2, "update": 3, "import": 4, "create": 5, "move": 6}
_OPENS = 8  # of one resource that are told
_SUBNETS = 20
_OPENING = frozenset({security.PUBLIC_INGRESS, security.PUBLIC_ACCESS})
_GROUPS = ("aws_security_group", "aws_default_security_group", "aws_default_network_acl", "aws_network_acl")
_RULES = ("aws_security_group_rule", "aws_vpc_security_group_ingress_rule", "aws_network_acl_rule")
_CIDRS = ("cidr_blocks", "ipv6_cidr_blocks", "cidr_block", "ipv6_cidr_block", "cidr_ipv4", "cidr_ipv6")


@dataclass(frozen=True, slots=True)
class Reduced:
    """What a plan would do. *rows* are as `checks.runs.wire` takes them."""

    counts: Mapping[str, int]
    rows: tuple[Mapping[str, Any], ...]
    left_out: int = 0
    created: Mapping[str, int] = field(default_factory=dict)  # by type, of all
    partial: str = ""  # why it does not show everything


def reduced(plan: Any) -> Reduced:
    """What *plan*, the output of `terraform show -json PLANFILE`, would do. Raises NotJudgeable."""
    changes = [(change, order) for change, order in _changes(plan) if change.action not in ("no-op", "read")]
    scrubber = Scrubber(secrets_of(plan))
    drifted = {change.address for change in drift_entries(plan) if _moved(change)}
    rows = sorted(
        (_row(change, order, scrubber, change.address in drifted) for change, order in changes),
        key=lambda row: (not row.get("opens"), _WEIGHT.get(row["action"], 9), row["addr"]),
    )
    created = Counter(change.type for change, _ in changes if change.action == "create")
    return Reduced(
        dict(Counter(row["action"] for row in rows)), tuple(rows[:MOST_ROWS]), max(0, len(rows) - MOST_ROWS),
        dict(created), _partial(plan),
    )  # fmt: skip


def _changes(plan: Any) -> Iterator[tuple[Change, str]]:
    if not isinstance(plan, Mapping) or not str(plan.get("format_version", "")).startswith("1."):
        raise NotJudgeable("it is no plan whose format is known")
    if plan.get("errored", False) is not False:
        raise NotJudgeable("the plan is marked as errored: Terraform did not finish it")
    entries = change_entries(plan)
    for change, raw in zip(entries, plan.get("resource_changes") or (), strict=True):
        if change.mode == "managed":
            yield change, _order(raw["change"]["actions"])


def _moved(change: Change) -> bool:
    """Whether it was changed outside Terraform, and not only written in another way."""
    return change.action == "delete" or (
        change.action == "update" and not same(expand(change.before), expand(change.after))
    )


def _order(actions: list[Any]) -> str:
    if len(actions) != 2:
        return ""
    return DESTROY_FIRST if actions[0] == "delete" else CREATE_FIRST


def _partial(plan: Mapping[str, Any]) -> str:
    if plan.get("complete", True) is not True:
        return "it was targeted, or leaves changes for a later plan"
    return "it leaves changes for a later plan" if plan.get("deferred_changes") else ""


def _row(change: Change, order: str, scrubber: Scrubber, drifted: bool) -> dict[str, Any]:
    opened, unclear = _opens(change)
    action = change.action
    if action == "update" and change.importing and same(change.before, change.after):
        action = "import"
    row: dict[str, Any] = {
        "addr": scrubber.address(change.address), "type": change.type, "action": action,
        "order": order if action == "replace" else "", "opens": _texts(opened, scrubber), "unclear": unclear,
        "drifted": drifted,
    }  # fmt: skip
    if action in ("delete", "replace", "forget") and change.type in effects.STATEFUL:
        row |= {"id": _identity(change, scrubber), "final": _final_snapshot(change)}
    if action in ("create", "replace"):
        row |= _needs(change, scrubber)
    return {name: value for name, value in row.items() if value not in ("", False, [], 0)}


def _texts(opened: list[security.Opening], scrubber: Scrubber) -> list[str]:
    found = [cut(scrubber.text(f"{security.MEANING[one.category]}: {one.summary}"), 200) for one in opened]
    found = list(dict.fromkeys(found))
    more = [f"… {len(found) - _OPENS} more"] if len(found) > _OPENS else []
    return found[:_OPENS] + more


def _opens(change: Change) -> tuple[list[security.Opening], bool]:
    """What the apply opens or weakens, and whether that is only known after it."""
    before, after = expand(change.before), expand(change.after)
    if change.action in ("forget", "import"):
        return [], False
    found = list(security.openings(change.type, change.address, before, after, security.Declared()))
    if change.before is None:
        found = [one for one in found if one.category in _OPENING]  # what is new was not more closed before
    elif change.after is None:
        found = [one for one in found if one.category not in (security.IAM, security.KMS)]  # permissions that end
    return found, _unclear(change)


def _unclear(change: Change) -> bool:
    unknown = change.unknown if isinstance(change.unknown, Mapping) else {}
    wanted = [attribute for glob, attribute in DATA_POLICIES if fits(glob, change.type)]
    if change.type in _GROUPS:
        # The provider works out a group's own rules where the code names none.
        ingress = unknown.get("ingress")
        return isinstance(ingress, list) and any(normalise(one) is not None and one is not False for one in ingress)
    if change.type in _RULES:
        wanted += _CIDRS
    return any(_any_true(unknown.get(attribute)) for attribute in wanted)


def _any_true(mask: Any) -> bool:
    return mask is True or (isinstance(mask, list) and any(_any_true(one) for one in mask))


def _identity(change: Change, scrubber: Scrubber) -> str:
    before = change.before if isinstance(change.before, Mapping) else {}
    mask = merged(change.before_sensitive, change.after_sensitive)
    for name in ("arn", "id"):
        value = before.get(name)
        if isinstance(value, str) and value and not mask_at(mask, (name,)):
            told = scrubber.text(value)
            return told if SENSITIVE not in told else ""
    return ""


def _final_snapshot(change: Change) -> bool:
    before = change.before if isinstance(change.before, Mapping) else {}
    return before.get("skip_final_snapshot") is False and bool(before.get("final_snapshot_identifier"))


def _needs(change: Change, scrubber: Scrubber) -> dict[str, Any]:
    mask = merged(change.before_sensitive, change.after_sensitive)
    after = _open_part(change.after, mask)
    found = effects.needs(change.type, after, change.unknown)
    named = {
        name: value
        for name, value in (("variant", found.variant), ("image", found.image), ("profile", found.profile))
        if value and SENSITIVE not in scrubber.text(value)
    }  # fmt: skip
    subnets = [one for one in found.subnets if one.startswith("subnet-") and SENSITIVE not in scrubber.text(one)]
    return {
        **named, "subnets": subnets[:_SUBNETS], "takes": found.addresses,
        "somewhere": found.unknown or len(subnets) != len(found.subnets) or len(subnets) > _SUBNETS,
    }  # fmt: skip


def _open_part(value: Any, mask: Any) -> Any:
    """*value* without what the mask hides, wherever a part of it is hidden."""
    if not isinstance(value, Mapping):
        return None
    return {name: item for name, item in value.items() if not mask_at(mask, (name,))}
