"""Which role may do what: what the enabled checks declare, and what the daemon itself asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from checks.base import Check, Role
from checks.needs.asked import ACTIONS as NEEDS

ASSUME = "sts:AssumeRole"
DECRYPT = "kms:Decrypt"
SIMULATE = "iam:SimulatePrincipalPolicy"  # of a role about itself: daemon/rights
ALONE = frozenset({SIMULATE, *NEEDS})  # what is asked beside looks, on demand
# Where the configuration names no roles: those that the printed Terraform and CloudFormation make by default.
OWN_ROLES = "arn:aws:iam::*:role/barograph-*"
STATE_ROLE = "arn:aws:iam::*:role/barograph-state"
DEFAULT_NAMES: Mapping[Role, str] = {role: f"barograph-{role}" for role in Role}
# Beside the one check that may be switched off, daemon/states reads every state for the owners of resources.
_DAEMON: Mapping[Role, frozenset[str]] = {
    Role.HUB: frozenset({ASSUME}),
    Role.STATE: frozenset(
        {
            "dynamodb:GetItem", DECRYPT, "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket",
            "s3:ListBucketVersions",
        }
    ),
}  # fmt: skip
_ROLE = re.compile(r"arn:[^:]+:iam::[^:]*:role/(?P<name>.+)")


@dataclass(frozen=True, slots=True)
class Demands:
    """*actions*: sorted, by role; a role that needs none is not there. *assumed*: ARNs of the roles taken on."""

    actions: Mapping[Role, tuple[str, ...]]
    assumed: tuple[str, ...] = (OWN_ROLES,)
    names: Mapping[Role, str] = field(default_factory=lambda: DEFAULT_NAMES)
    partition: str = "aws"  # of the configured roles
    remarks: tuple[str, ...] = ()  # for people: which configured roles are not made under their own name
    anchored: str = ""  # "BUCKET/PREFIX" that the audit trail is anchored below; empty: nowhere in S3


def demanded(checks: Iterable[type[Check]]) -> Mapping[Role, frozenset[str]]:
    """What *checks* declare, by the role that asks. Roles are always taken on by the hub, whoever declares it."""
    found: dict[Role, set[str]] = {role: set() for role in Role}
    for check in checks:
        for scope in check.scopes():
            elsewhere = check.role is Role.PAYER and scope in check.more_scopes
            role = Role.SWEEP if elsewhere else check.role
            for action in check.actions(scope):
                found[Role.HUB if action == ASSUME else role].add(action)
    return {role: frozenset(actions) for role, actions in found.items()}


def demands(
    checks: Iterable[type[Check]],
    configured: Iterable[tuple[Role, str]] = (),
    own: Mapping[Role, frozenset[str]] | None = None,
) -> Demands:
    """What every role needs. *configured*: roles and the ARNs that the configuration gives them, with {account}.

    *own*: what else may be asked for, by role (daemon.policies.own). For ALONE nobody needs a role.
    """
    own = own or {}
    declared = demanded(checks)
    actions: dict[Role, tuple[str, ...]] = {}
    for role in Role:
        looks, asks = declared[role] | _DAEMON.get(role, frozenset()), own.get(role, frozenset())
        if looks or asks - ALONE:
            actions[role] = tuple(sorted(looks | asks))
    given = [(role, arn) for role, arn in configured if arn]
    # The backends of the states name their role themselves, so the configuration does not know it.
    partition = given[0][1].split(":")[1] if given else "aws"
    state = STATE_ROLE.replace("arn:aws:", f"arn:{partition}:")
    assumed = {arn.replace("{account}", "*") for _, arn in given} | {state} if given else {OWN_ROLES}
    names, remarks = _named(given)
    return Demands(actions, tuple(sorted(assumed)), {**DEFAULT_NAMES, **names}, partition, remarks)


def _named(given: Iterable[tuple[Role, str]]) -> tuple[Mapping[Role, str], tuple[str, ...]]:
    """The names that the configuration gives to roles, and where a role of ours cannot have the configured name."""
    names: dict[Role, str] = {}
    remarks: dict[str, None] = {}
    for role, arn in given:
        match = _ROLE.fullmatch(arn)
        name = match["name"] if match else ""
        other = next((other for other, taken in names.items() if taken == name and other is not role), None)
        if other is not None:
            remarks[f"{arn} is the role for {other} and for {role}: attach the policies of both to it"] = None
        elif "/" in name or names.setdefault(role, name) != name:
            remarks[f"{arn} is not made here: attach the policies of the role {role} to it"] = None
    return names, tuple(remarks)
