"""Demands -> policy documents, each within the size that IAM takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from checks.base import Json, Role
from daemon.policies.demands import ASSUME, DECRYPT, Demands

# Characters of a managed policy, white space not counted (docs.aws.amazon.com/IAM: IAM and STS quotas).
LIMIT = 6144
# The rest is for longer names of partitions, and for what Terraform's provider writes in other words.
FILLED = 5900
POLICIES_PER_ROLE = 10  # what may be attached to a role unless AWS raised the quota
READ_ONLY = "ReadOnlyAccess"
ANCHOR = ("s3:PutObject", "s3:PutObjectRetention")  # daemon/aws/locked
ANCHORED = ("s3:ListBucketVersions",)

_STATE_WRITES = (
    "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:DeleteTable", "dynamodb:PutItem",
    "dynamodb:UpdateItem", "s3:DeleteBucket", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject",
    "s3:RestoreObject",
)  # fmt: skip
# A state is decrypted by S3 and DynamoDB on behalf of the role; the role itself decrypts nothing.
_BY_STORES = {"StringLike": {"kms:ViaService": ("dynamodb.*.amazonaws.com*", "s3.*.amazonaws.com*")}}

WHAT: Mapping[Role, str] = {
    Role.HUB: "what Barograph runs as (and aws.hub_role_arn): takes on the other roles",
    Role.ORGANIZATION: "in the management account or a delegate's (role_arn of aws.discovery.organization)",
    Role.PAYER: "in the account that pays (aws.payer_role_arn)",
    Role.PLAN: "what Terraform reads to plan (plan_role)",
    Role.STATE: "what the S3 backends of the states name, where they name a role",
    Role.SWEEP: "in every watched account (role_arn of aws.accounts and aws.discovery)",
}
_EVERY_STATE = 'Buckets, tables and keys of states are "*", as only the inventory says which there are. Narrow them.'
_SIMULATES = (
    "iam:SimulatePrincipalPolicy is optional: with it, barograph preflight --aws tells which rights the role has."
)  # fmt: skip
NOTES: Mapping[Role, tuple[str, ...]] = {
    Role.HUB: (
        "No role is made of it: attach it to what Barograph runs as, and to aws.hub_role_arn if there is one.",
        "Backends and providers can name other roles to take on. Add their ARNs to the statement TakeOn.",
        "AnchorAudit and CompareAnchors are optional, and there where audit.anchor.s3 is configured: without the first "
        "the audit trail is not anchored, without the second barograph audit verify says that it could not compare.",
    ),
    Role.ORGANIZATION: (_SIMULATES,),
    Role.PAYER: (_SIMULATES,),
    Role.PLAN: (
        "This is not all that a plan needs. What the providers read depends on what the repository holds, so it "
        "cannot be derived.",
        f"Attach AWS' {READ_ONLY} to it as well, or a narrower policy of your own; ViewOnlyAccess alone lacks most of "
        "what providers refresh.",
        "Data sources that decrypt, such as a SecureString of SSM, need kms:Decrypt of that key on top.",
        "Writing states is denied.",
        _EVERY_STATE,
    ),
    Role.STATE: (
        "Where a backend names no role, the states are read as what Barograph runs as: attach it there then.",
        _EVERY_STATE,
    ),
    Role.SWEEP: (_SIMULATES,),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy. Actions and resources are sorted and without repetition."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    effect: str = "Allow"
    condition: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def json(self) -> Mapping[str, Json]:
        """As IAM takes it."""
        said: dict[str, Json] = {"Sid": self.sid, "Effect": self.effect, "Action": list(self.actions)}
        said["Resource"] = "*" if self.resources == ("*",) else list(self.resources)
        if self.condition:
            said["Condition"] = {
                operator: {name: list(values) for name, values in keys.items()}
                for operator, keys in self.condition.items()
            }
        return said

    def units(self) -> Iterator[Statement]:
        """The smallest parts of it that belong together: the actions of one service; where ARNs are named, one ARN."""
        if self.resources != ("*",):
            yield from (self._with(self.actions, (one,)) for one in self.resources)
            return
        for _, group in groupby(self.actions, key=_service):
            part = self._with(tuple(group), self.resources)
            whole = size([part]) <= FILLED
            yield from [part] if whole else (self._with((one,), self.resources) for one in part.actions)

    def joined(self, other: Statement) -> Statement:
        """With what *other*, a part of the same statement, has."""
        actions, resources = {*self.actions, *other.actions}, {*self.resources, *other.resources}
        return self._with(tuple(sorted(actions)), tuple(sorted(resources)))

    def _with(self, actions: tuple[str, ...], resources: tuple[str, ...]) -> Statement:
        return Statement(self.sid, actions, resources, self.effect, self.condition)


@dataclass(frozen=True, slots=True)
class Policy:
    """A managed policy: *name* is the role's, with a number behind."""

    role: Role
    number: int
    statements: tuple[Statement, ...]

    def document(self) -> Mapping[str, Json]:
        """The policy document, as plain data for JSON."""
        return document(self.statements)


class TooLargeError(Exception):
    """A role needs more policies than can be attached to it. The text is for people."""


def document(statements: Iterable[Statement]) -> Mapping[str, Json]:
    """The policy document of *statements*."""
    return {"Version": "2012-10-17", "Statement": [one.json() for one in statements]}


def size(statements: Iterable[Statement]) -> int:
    """Characters that IAM counts."""
    return len(json.dumps(document(statements), separators=(",", ":")))


def policies(wanted: Demands) -> Mapping[Role, tuple[Policy, ...]]:
    """The policies of every role. Raises TooLargeError rather than leave anything out."""
    found: dict[Role, tuple[Policy, ...]] = {}
    for role, actions in sorted(wanted.actions.items()):
        packed = pack([*_statements(role, actions, wanted.assumed), *_anchoring(role, wanted)])
        most = POLICIES_PER_ROLE - (role is Role.PLAN)  # one is left for what AWS offers
        if len(packed) > most:
            raise TooLargeError(
                f"the role {role} needs {len(packed)} policies, and {most} can be attached: name roles with "
                "{account} in place of one ARN for each account, or switch off checks"
            )
        found[role] = tuple(Policy(role, number, one) for number, one in enumerate(packed, 1))
    return found


def pack(statements: Iterable[Statement]) -> list[tuple[Statement, ...]]:
    """Fill documents with *statements*, in order. What does not fit goes on in the next; nothing is left out."""
    done: list[tuple[Statement, ...]] = []
    now: dict[str, Statement] = {}
    for unit in (unit for statement in statements for unit in statement.units()):
        grown = {**now, unit.sid: now[unit.sid].joined(unit) if unit.sid in now else unit}
        if now and size(grown.values()) > FILLED:
            done.append(tuple(now.values()))
            grown = {unit.sid: unit}
        now = grown
    return [*done, tuple(now.values())] if now else done


def _statements(role: Role, actions: Iterable[str], assumed: tuple[str, ...]) -> Iterator[Statement]:
    everywhere = tuple(one for one in actions if one not in {ASSUME, DECRYPT})
    if everywhere:
        yield Statement("Read", everywhere)
    if DECRYPT in actions:
        yield Statement("DecryptStates", (DECRYPT,), condition=_BY_STORES)
    if ASSUME in actions:
        yield Statement("TakeOn", (ASSUME,), assumed)
    if role is Role.PLAN:
        yield Statement("NeverWriteStates", _STATE_WRITES, effect="Deny")


def _anchoring(role: Role, wanted: Demands) -> Iterator[Statement]:
    """What anchoring the audit trail takes: optional, and nothing beside one prefix of one bucket."""
    if role is not Role.HUB or not wanted.anchored:
        return
    bucket, _, prefix = wanted.anchored.partition("/")
    arn = f"arn:{wanted.partition}:s3:::{bucket}"
    yield Statement("AnchorAudit", ANCHOR, (f"{arn}/{prefix}*",))
    yield Statement("CompareAnchors", ANCHORED, (arn,))


def _service(action: str) -> str:
    return action.split(":", maxsplit=1)[0]
