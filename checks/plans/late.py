"""Attributes that are late by one refresh, because another resource of the same code made what they now show.

A security group shows the rules that rule resources make, a bucket the encryption that another resource sets, a role
its attachments. After each apply of one of those the state of the first is late, on a stack that nobody touched. The
resource that owns the value is compared by itself, so nothing is lost by leaving its echo out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks.plans.normalise import Path, canonical, normalise
from checks.plans.parse import state_resources

# type -> attribute -> (owning type, its attribute that points back, what it points to)
_S3 = "aws_s3_bucket"
_ONE_OWNER: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    _S3: {
        attribute: (f"{_S3}_{owner}", "bucket", "id")
        for attribute, owner in (
            ("policy", "policy"),
            ("server_side_encryption_configuration", "server_side_encryption_configuration"),
            ("versioning", "versioning"),
            ("lifecycle_rule", "lifecycle_configuration"),
            ("logging", "logging"),
            ("acl", "acl"),
            ("grant", "acl"),
            ("cors_rule", "cors_configuration"),
            ("website", "website_configuration"),
            ("website_domain", "website_configuration"),
            ("website_endpoint", "website_configuration"),
            ("replication_configuration", "replication_configuration"),
            ("acceleration_status", "accelerate_configuration"),
            ("request_payer", "request_payment_configuration"),
            ("object_lock_configuration", "object_lock_configuration"),
        )
    },
    "aws_sns_topic": {"policy": ("aws_sns_topic_policy", "arn", "arn")},
    "aws_sqs_queue": {
        "policy": ("aws_sqs_queue_policy", "queue_url", "id"),
        "redrive_policy": ("aws_sqs_queue_redrive_policy", "queue_url", "id"),
    },
    "aws_kms_key": {"policy": ("aws_kms_key_policy", "key_id", "id")},
    "aws_secretsmanager_secret": {"policy": ("aws_secretsmanager_secret_policy", "secret_arn", "arn")},
    "aws_vpc_endpoint": {"policy": ("aws_vpc_endpoint_policy", "vpc_endpoint_id", "id")},
    "aws_iam_policy": {"attachment_count": ("aws_iam_role_policy_attachment", "policy_arn", "arn")},
}


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the things in an attribute that many resources make: its name, and what else is to be compared."""

    name: str
    content: str = ""


_GROUPS = ("aws_security_group", "aws_default_security_group")


class Echoes:
    """What the resources of one state make of one another. Reads the refreshed state in the plan once."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._held: dict[str, list[Mapping[str, Any]]] = {}
        for resource in state_resources(plan, "prior_state"):
            values = resource.get("values")
            if isinstance(values, Mapping):
                self._held.setdefault(str(resource.get("type")), []).append(values)

    def explains(self, kind: str, path: Path, recorded: Any, actual: Any) -> bool:
        """Whether other resources of this state made what the attribute at *path* shows now."""
        attribute = str(path[0]) if path else ""
        if not isinstance(recorded, Mapping) or not isinstance(actual, Mapping):
            return False
        owner = _ONE_OWNER.get(kind, {}).get(attribute)
        if owner is not None:
            mine = actual.get(owner[2])
            return mine is not None and any(self._of(owner[0], owner[1], mine))
        many = self._many(kind, attribute, actual)
        if many is None:
            return False
        parts, declared = many
        before, after = set(parts(recorded.get(attribute))), set(parts(actual.get(attribute)))
        # A part that changed under its name is as new as one that was added: somebody declared must have made it.
        new = {part.name for part in after - before}
        # What went is no echo: the resource that had made it would be compared, and gone too.
        return new <= declared and {part.name for part in before} <= {part.name for part in after}

    def _many(
        self, kind: str, attribute: str, actual: Mapping[str, Any]
    ) -> tuple[Callable[[Any], Iterator[_Part]], set[str]] | None:
        """How to take an attribute apart that many resources make, and the parts that they made."""
        if kind in _GROUPS and attribute in ("ingress", "egress"):
            return _rules, set(self._group_rules(attribute, actual.get("id")))
        if kind == "aws_iam_role" and attribute == "managed_policy_arns":
            mine = self._of("aws_iam_role_policy_attachment", "role", actual.get("name"))
            return _texts, {str(values.get("policy_arn")) for values in mine}
        if kind == "aws_iam_role" and attribute == "inline_policy":
            mine = self._of("aws_iam_role_policy", "role", actual.get("name"))
            return _names, {str(values.get("name")) for values in mine}
        if kind == "aws_route_table" and attribute == "route":
            mine = self._of("aws_route", "route_table_id", actual.get("id"))
            return _routes, {destination for values in mine for destination in _destinations(values)}
        return None

    def _of(self, kind: str, link: str, value: Any) -> Iterator[Mapping[str, Any]]:
        return (values for values in self._held.get(kind, ()) if values.get(link) == value)

    def _group_rules(self, direction: str, group: Any) -> Iterator[str]:
        for values in self._of("aws_security_group_rule", "security_group_id", group):
            if values.get("type") == direction:
                yield from (part.name for part in _rules([values]))
        for values in self._of(f"aws_vpc_security_group_{direction}_rule", "security_group_id", group):
            yield from (part.name for part in _rules([values]))


def _dicts(value: Any) -> Iterator[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else iter(())


def _texts(value: Any) -> Iterator[_Part]:
    return (_Part(str(item)) for item in value) if isinstance(value, list) else iter(())


def _names(value: Any) -> Iterator[_Part]:
    return (_Part(str(item.get("name")), _content(item)) for item in _dicts(value))


def _content(item: Mapping[str, Any]) -> str:
    return canonical(normalise(dict(item)))


def _destinations(values: Mapping[str, Any]) -> Iterator[str]:
    for name in ("destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id"):
        if values.get(name):
            yield str(values[name])


def _routes(value: Any) -> Iterator[_Part]:
    for route in _dicts(value):
        names = ("cidr_block", "ipv6_cidr_block", "destination_prefix_list_id")
        content = _content(route)
        yield _Part(next((str(route[name]) for name in names if route.get(name)), content), content)


def _rules(value: Any) -> Iterator[_Part]:
    """Each source of each rule by itself, however the rules are grouped: "tcp 443 443 0.0.0.0/0 description"."""
    for rule in _dicts(value):
        protocol = str(rule.get("protocol", rule.get("ip_protocol")) or "-1").lower()
        ports = (0, 0) if protocol == "-1" else (rule.get("from_port"), rule.get("to_port"))
        for source in _sources(rule):
            yield _Part(f"{protocol} {ports[0]} {ports[1]} {source} {rule.get('description') or ''}")


def _sources(rule: Mapping[str, Any]) -> Iterator[str]:
    for many in ("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups"):
        yield from (part.name for part in _texts(rule.get(many)))
    for one in ("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id", "source_security_group_id"):
        if rule.get(one):
            yield str(rule[one])
    if rule.get("self") is True:
        yield "self"
