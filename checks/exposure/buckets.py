"""Who can reach a bucket, whether it encrypts, and whether it insists on TLS. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checks.base import Fact
from checks.exposure.model import Weakness
from checks.exposure.policies import actions, covers_action, everybody, resources, statements, values_of

FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_GROUPS = {
    "http://acs.amazonaws.com/groups/global/AllUsers": "everybody",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "every AWS account",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A public access block; what is not configured blocks nothing."""

    acls: bool = False
    ignores_acls: bool = False
    policy: bool = False
    restricts: bool = False

    @classmethod
    def of(cls, answer: Mapping[str, Any] | None) -> Block:
        """From AWS' answer; None: there is none."""
        held = (answer or {}).get("PublicAccessBlockConfiguration") or {}
        return cls(*(held.get(flag) is True for flag in FLAGS))

    def __or__(self, other: Block) -> Block:
        return Block(
            self.acls or other.acls, self.ignores_acls or other.ignores_acls, self.policy or other.policy,
            self.restricts or other.restricts,
        )  # fmt: skip

    @property
    def whole(self) -> bool:
        return self.acls and self.ignores_acls and self.policy and self.restricts


def grants(acl: Mapping[str, Any]) -> list[str]:
    """To whom an ACL opens the bucket: "everybody: READ"."""
    return sorted(
        f"{_GROUPS[each['Grantee']['URI']]}: {each.get('Permission', '?')}"
        for each in acl.get("Grants") or ()
        if (each.get("Grantee") or {}).get("URI") in _GROUPS
    )


def exposure(name: str, block: Block, public_policy: bool, acl: Mapping[str, Any]) -> list[Weakness]:
    """What is wrong with who reaches a bucket. *block*: the account's and the bucket's together."""
    quoted = shlex.quote(name)
    told = []
    if public_policy and not block.restricts:
        told.append(
            Weakness(
                "bucket_public", f"bucket {name} is public by its policy", "bucket_public:policy",
                f"aws s3api get-bucket-policy --bucket {quoted}", "block public access, or name who may read",
                frozenset({Fact.PUBLIC_DATA}),
            )
        )  # fmt: skip
    open_to = grants(acl)
    if open_to and not block.ignores_acls:
        told.append(
            Weakness(
                "bucket_public", f"bucket {name} is public by its ACL ({', '.join(open_to)})", "bucket_public:acl",
                f"aws s3api get-bucket-acl --bucket {quoted}", "block public access, or switch ACLs off",
                frozenset({Fact.PUBLIC_DATA}), {"grants": open_to},
            )
        )  # fmt: skip
    if not told and not block.whole:
        off = [flag for flag, on in zip(FLAGS, (block.acls, block.ignores_acls, block.policy, block.restricts),
                                        strict=True) if not on]  # fmt: skip
        told.append(
            Weakness(
                "bucket_unblocked", f"public access of bucket {name} is not blocked, by it or by the account",
                look=f"aws s3api get-public-access-block --bucket {quoted}",
                change="set all four switches of aws_s3_bucket_public_access_block", evidence={"off": off},
            )
        )  # fmt: skip
    return told


def encryption(name: str, answer: Mapping[str, Any] | None) -> list[Weakness]:
    """*answer* None: AWS says that the bucket has no default encryption."""
    rules = ((answer or {}).get("ServerSideEncryptionConfiguration") or {}).get("Rules") or ()
    if any((rule.get("ApplyServerSideEncryptionByDefault") or {}).get("SSEAlgorithm") for rule in rules):
        return []
    return [
        Weakness(
            "bucket_unencrypted", f"bucket {name} has no default encryption",
            look=f"aws s3api get-bucket-encryption --bucket {shlex.quote(name)}",
            change="add aws_s3_bucket_server_side_encryption_configuration",
        )
    ]  # fmt: skip


def transport(name: str, partition: str, policy: Any) -> list[Weakness]:
    """*policy*: the bucket's, as text; None: there is none. Raises ValueError for one that cannot be read."""
    if policy is not None and any(_denies_plain(each, name, partition) for each in statements(policy)):
        return []
    return [
        Weakness(
            "bucket_plain_transport", f"bucket {name} answers requests without TLS",
            look=f"aws s3api get-bucket-policy --bucket {shlex.quote(name)}",
            change="deny s3:* to everybody where aws:SecureTransport is false, in its aws_s3_bucket_policy",
        )
    ]  # fmt: skip


def _denies_plain(statement: Mapping[str, Any], name: str, partition: str) -> bool:
    """Whether a statement denies everybody everything on bucket and objects without TLS, and needs nothing more."""
    if statement.get("Effect") != "Deny" or not everybody(statement):
        return False
    arn = f"arn:{partition}:s3:::{name}"
    whole = any(covers_action(each, "s3:getobject") and covers_action(each, "s3:putobject") for each in
                actions(statement))  # fmt: skip
    named = resources(statement)
    everywhere = any(each in ("*", f"{arn}*", f"arn:{partition}:s3:::*") for each in named)
    objects = everywhere or (arn in named and f"{arn}/*" in named)
    condition = statement.get("Condition") or {}
    if not (whole and objects) or len(condition) != 1:
        return False
    ((operator, tests),) = condition.items()
    if operator.lower() not in ("bool", "boolifexists") or not isinstance(tests, Mapping) or len(tests) != 1:
        return False
    ((key, value),) = tests.items()
    return key.lower() == "aws:securetransport" and [each.lower() for each in values_of(value)] == ["false"]
