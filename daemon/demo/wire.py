"""AWS' ways of writing tags and security group rules, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from daemon.demo.api import ACCOUNT, Api, ApiError, read_xml


def arn(api: Api, service: str, resource: str) -> str:
    """The ARN of a resource of the demo's account."""
    return f"arn:aws:{service}:{api.region}:{ACCOUNT}:{resource}"


def found(answer: Element, path: str) -> Element:
    """The element at *path*. Raises ApiError when the answer has none: the thing is gone."""
    element = answer.find(path)
    if element is None:
        raise ApiError("404", "not found")
    return element


def tag_list(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    """Tags as DynamoDB and SSM take them."""
    return [{"Key": key, "Value": value} for key, value in (tags or {}).items()]


def ec2_tags(kind: str, tags: Mapping[str, str] | None) -> dict[str, str]:
    """Tags as the creating calls of EC2 take them."""
    if not tags:
        return {}
    form = {"TagSpecification.1.ResourceType": kind}
    for number, (key, value) in enumerate(tags.items(), 1):
        form |= {f"TagSpecification.1.Tag.{number}.Key": key, f"TagSpecification.1.Tag.{number}.Value": value}
    return form


def read_ec2_tags(item: Element) -> dict[str, str] | None:
    """The tags of an EC2 resource; None when it has none."""
    tags = item.findall("tagSet/item")
    return {tag.findtext("key") or "": tag.findtext("value") or "" for tag in tags} or None


def change_ec2_tags(api: Api, current: Mapping[str, Any], planned: Mapping[str, Any]) -> None:
    """Make the tags of an EC2 resource those of *planned*."""
    before, after = current["tags"] or {}, planned["tags"] or {}
    gone = {f"Tag.{n}.Key": key for n, key in enumerate(sorted(before.keys() - after.keys()), 1)}
    if gone:
        api.ec2("DeleteTags", {"ResourceId.1": current["id"], **gone})
    if after:
        form = {"ResourceId.1": str(current["id"])}
        for number, (key, value) in enumerate(after.items(), 1):
            form |= {f"Tag.{number}.Key": key, f"Tag.{number}.Value": value}
        api.ec2("CreateTags", form)


def ingress_parameters(rule: Mapping[str, Any]) -> dict[str, str]:
    """One rule of a security group as EC2's calls take it."""
    one = "IpPermissions.1"
    form = {
        f"{one}.IpProtocol": str(rule["protocol"]),
        f"{one}.FromPort": str(int(rule["from_port"])),
        f"{one}.ToPort": str(int(rule["to_port"])),
    }
    for number, block in enumerate(rule["cidr_blocks"] or (), 1):
        form[f"{one}.IpRanges.{number}.CidrIp"] = block
        if rule.get("description"):
            form[f"{one}.IpRanges.{number}.Description"] = rule["description"]
    return form


def read_rules(group: Element) -> list[dict[str, Any]]:
    """The rules of a security group, grouped as the real provider groups them: by ports, protocol and description."""
    rules: dict[tuple[str, int, int, str], list[str]] = {}
    for permission in group.findall("ipPermissions/item"):
        protocol = permission.findtext("ipProtocol") or "-1"
        ports = int(permission.findtext("fromPort") or 0), int(permission.findtext("toPort") or 0)
        for block in permission.findall("ipRanges/item"):
            key = (protocol, *ports, block.findtext("description") or "")
            rules.setdefault(key, []).append(block.findtext("cidrIp") or "")
    return [
        {
            "protocol": protocol, "from_port": first, "to_port": last, "description": description or None,
            "cidr_blocks": sorted(blocks),
        }
        for (protocol, first, last, description), blocks in sorted(rules.items())
    ]  # fmt: skip


def queue_attributes(planned: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of a queue as SQS takes them."""
    return {
        "VisibilityTimeout": str(int(planned["visibility_timeout_seconds"])),
        "MessageRetentionPeriod": str(int(planned["message_retention_seconds"])),
    }


def bucket_tags(tags: Mapping[str, str] | None) -> bytes:
    """The tags of a bucket as S3 takes them."""
    root = ElementTree.Element("Tagging")
    tag_set = ElementTree.SubElement(root, "TagSet")
    for key, value in (tags or {}).items():
        tag = ElementTree.SubElement(tag_set, "Tag")
        ElementTree.SubElement(tag, "Key").text = key
        ElementTree.SubElement(tag, "Value").text = value
    return ElementTree.tostring(root)


def read_bucket_tags(answer: bytes) -> dict[str, str] | None:
    """The tags of a bucket; None when it has none."""
    return {tag.findtext("Key") or "": tag.findtext("Value") or "" for tag in read_xml(answer).iter("Tag")} or None
