"""Changes outside Terraform that open or weaken something: ingress, IAM, KMS, encryption, logging, public access.

Judged from what the state recorded to what the real world has; what is only planned opens nothing yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.plans import reach
from checks.plans.ignore import fits
from checks.plans.normalise import canonical, expand, normalise, same
from checks.plans.parse import state_resources
from checks.plans.rules import ANY_CHANGE, DATA_POLICIES, PROTECTIONS, RULES, Test

PUBLIC_INGRESS, IAM, KMS = "public_ingress", "iam", "kms"
ENCRYPTION_OFF, LOGGING_OFF, PUBLIC_ACCESS = "encryption_off", "logging_off", "public_access"

MEANING: Mapping[str, str] = {
    PUBLIC_INGRESS: "open to the world",
    IAM: "permissions changed",
    KMS: "encryption key weakened",
    ENCRYPTION_OFF: "encryption turned off",
    LOGGING_OFF: "logging turned off",
    PUBLIC_ACCESS: "public access",
}

_GROUPS = ("aws_security_group", "aws_default_security_group")
_GROUP_RULES = ("aws_security_group_rule", "aws_vpc_security_group_ingress_rule")
_ACCESS_LISTS = ("aws_network_acl", "aws_default_network_acl")


@dataclass(frozen=True, slots=True)
class Opening:
    """One thing that was opened. *summary* may hold values: redact it before it is kept."""

    category: str
    summary: str
    path: str = ""  # the attribute; empty: the resource as a whole
    public_data: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """What other resources of the same code open on purpose.

    A group's own ingress and a role's own attachments are refreshed by the provider from what rule and attachment
    resources made. After each apply of one of those, the state of the group or role is late by one refresh.
    """

    ranges: Mapping[str, list[reach.Range]] = field(default_factory=dict)  # security group id -> open to the world
    attachments: frozenset[tuple[str, str]] = frozenset()  # (role name, policy ARN)
    inline: frozenset[tuple[str, str]] = frozenset()  # (role name, policy name)
    bucket_policies: Mapping[str, str] = field(default_factory=dict)  # bucket -> canonical policy


def declared(plan: Mapping[str, Any]) -> Declared:
    """What resources of this state open on purpose, from the refreshed state: by-hand changes of those are theirs."""
    ranges: dict[str, list[reach.Range]] = {}
    attachments, inline = set(), set()
    policies: dict[str, str] = {}
    for resource in state_resources(plan, "prior_state"):
        kind, values = resource.get("type"), resource.get("values")
        if not isinstance(values, Mapping):
            continue
        if kind in _GROUP_RULES:
            ranges.setdefault(str(values.get("security_group_id")), []).extend(reach.world_of_rule(values))
        elif kind == "aws_iam_role_policy_attachment":
            attachments.add((str(values.get("role")), str(values.get("policy_arn"))))
        elif kind == "aws_iam_role_policy":
            inline.add((str(values.get("role")), str(values.get("name"))))
        elif kind == "aws_s3_bucket_policy":
            policies[str(values.get("bucket"))] = canonical(normalise(expand(values.get("policy"))))
    return Declared(ranges, frozenset(attachments), frozenset(inline), policies)


def openings(kind: str, address: str, recorded: Any, actual: Any, known: Declared) -> Iterator[Opening]:
    """What a change from *recorded* to *actual* (both expanded) of a resource of type *kind* opens.

    *actual* is None where the resource was deleted.
    """
    if not isinstance(recorded, dict):
        recorded = {}
    if actual is None:
        yield from (Opening(category, sentence) for glob, category, sentence in PROTECTIONS if fits(glob, kind))
        return
    if not isinstance(actual, dict):
        return
    yield from _ingress(kind, recorded, actual, known)
    yield from _permissions(kind, recorded, actual, known)
    yield from _by_table(kind, recorded, actual)


def _ingress(kind: str, recorded: dict[str, Any], actual: dict[str, Any], known: Declared) -> Iterator[Opening]:
    if kind in _GROUPS:
        before = [*reach.world_of_group(recorded), *known.ranges.get(str(actual.get("id")), ())]
        for one in reach.new_ranges(before, reach.world_of_group(actual)):
            yield Opening(PUBLIC_INGRESS, one.text, "ingress")
    elif kind in _GROUP_RULES:
        for one in reach.new_ranges(reach.world_of_rule(recorded), reach.world_of_rule(actual)):
            yield Opening(PUBLIC_INGRESS, one.text, "cidr_blocks")
    elif kind == "aws_network_acl_rule":
        for one in reach.new_ranges(reach.world_of_rule(recorded), reach.world_of_rule(actual)):
            yield Opening(PUBLIC_INGRESS, one.text, "cidr_block")
    elif kind in _ACCESS_LISTS:
        (before, denied), (after, still) = map(reach.world_of_access_list, (recorded, actual))
        for one in reach.new_ranges(before, after):
            yield Opening(PUBLIC_INGRESS, one.text, "ingress")
        if denied - still:
            yield Opening(PUBLIC_INGRESS, "a rule that denied traffic is gone", "ingress")


def _permissions(kind: str, recorded: dict[str, Any], actual: dict[str, Any], known: Declared) -> Iterator[Opening]:
    for glob, attribute, category, sentence in ANY_CHANGE:
        if fits(glob, kind) and not same(recorded.get(attribute), actual.get(attribute)):
            yield Opening(category, sentence, attribute)
    if kind == "aws_iam_role":
        yield from _role(recorded, actual, known)
    for glob, attribute in DATA_POLICIES:
        if fits(glob, kind):
            yield from _resource_policy(kind, attribute, recorded, actual, known)


def _role(recorded: dict[str, Any], actual: dict[str, Any], known: Declared) -> Iterator[Opening]:
    name = str(actual.get("name"))
    old, new = _set(recorded.get("managed_policy_arns")), _set(actual.get("managed_policy_arns"))
    for arn in sorted(new - old):
        if (name, arn) not in known.attachments:
            yield Opening(IAM, f"policy {arn} attached", "managed_policy_arns")
    before = {canonical(normalise(item)) for item in _items(recorded.get("inline_policy"))}
    for item in _items(actual.get("inline_policy")):
        inline = str(item.get("name")) if isinstance(item, Mapping) else ""
        if canonical(normalise(item)) not in before and (name, inline) not in known.inline:
            yield Opening(IAM, f"inline policy {inline} added or changed", "inline_policy")


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _set(value: Any) -> set[str]:
    return {str(item) for item in _items(value)}


def _resource_policy(
    kind: str, attribute: str, recorded: dict[str, Any], actual: dict[str, Any], known: Declared
) -> Iterator[Opening]:
    before, after = recorded.get(attribute), actual.get(attribute)
    if same(before, after):
        return
    bucket = str(actual.get("bucket") or actual.get("id"))
    if kind == "aws_s3_bucket" and known.bucket_policies.get(bucket) == canonical(normalise(after)):
        return
    wider, public = reach.widened(before, after)
    if public:
        yield Opening(PUBLIC_ACCESS, "its policy allows everybody", attribute, kind.startswith("aws_s3"))
    elif wider:
        yield Opening(IAM, "its policy allows more than it did", attribute)


def _by_table(kind: str, recorded: dict[str, Any], actual: dict[str, Any]) -> Iterator[Opening]:
    before, after = _flat(recorded), _flat(actual)
    for rule in RULES:
        if not fits(rule.type, kind):
            continue
        for path in sorted({*before, *after}):
            if rule.attribute.fullmatch(path) and _weaker(
                rule.test, rule.values, before.get(path, []), after.get(path, [])
            ):
                yield Opening(rule.category, f"{path}: {rule.sentence}", path, rule.public_data)


def _flat(value: Any, path: str = "") -> dict[str, list[Any]]:
    """Every scalar under its path without indices; an empty list or object keeps its path, with nothing in it."""
    found: dict[str, list[Any]] = {path: []} if path else {}
    if isinstance(value, dict):
        for key, item in value.items():
            _add(found, _flat(item, f"{path}.{key}" if path else str(key)))
    elif isinstance(value, list):
        for item in value:
            _add(found, _flat(item, path))
    elif value is not None and value != "":
        found[path].append(value)
    if isinstance(value, dict | list) and value and path and not found[path]:
        found[path].append(canonical(value))  # a block has a value of its own: that it is there
    return found


def _add(found: dict[str, list[Any]], more: Mapping[str, list[Any]]) -> None:
    for path, values in more.items():
        found.setdefault(path, []).extend(values)


def _weaker(test: Test, values: frozenset[str], before: list[Any], after: list[Any]) -> bool:
    if test is Test.TURNED_OFF:
        return sum(_on(item) for item in after) < sum(_on(item) for item in before)
    if test is Test.TURNED_ON:
        return sum(_on(item) for item in after) > sum(_on(item) for item in before)
    old, new = {str(item).lower() for item in before}, {str(item).lower() for item in after}
    if test is Test.GAINS:
        return bool((new - old) & values)
    if test is Test.GAINS_WORLD:
        return any(reach.is_world(item) for item in new - old)
    if test is Test.LOSES_ANY:
        return bool(old - new)
    if test is Test.EMPTIED:
        return bool(old) and not new
    return bool(old & values) and not new & values  # LOSES: it had one of these values and has none


def _on(value: Any) -> bool:
    """Text too: some providers write booleans as "true" or "Enabled"."""
    return value is True or str(value).lower() in ("true", "enabled", "on", "yes", "1")
