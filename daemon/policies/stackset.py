"""Policies as a CloudFormation template in JSON, fit for a StackSet."""

from __future__ import annotations

import json
from collections.abc import Mapping

from checks.base import Json, Role
from daemon.policies.demands import Demands
from daemon.policies.documents import NOTES, READ_ONLY, WHAT, Policy

# Roles that belong in every account; the others are made where their name is given.
EVERYWHERE = frozenset({Role.PLAN, Role.SWEEP})
_ARN = "arn:aws:iam::*:"


def template(wanted: Demands, made: Mapping[Role, tuple[Policy, ...]]) -> str:
    """The template, with a line break behind. A role is made where its name is not empty."""
    parameters: dict[str, Json] = {
        "TrustedPrincipals": _parameter(
            "ARNs that may take on the roles: what Barograph runs as, or aws.hub_role_arn.", kind="CommaDelimitedList"
        ),
        "ExternalId": _parameter("External id that they must give; empty: none.", ""),
    }
    conditions: dict[str, Json] = {"HasExternalId": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}}
    resources: dict[str, Json] = {}
    for role, of_role in made.items():
        title, parameter = role.title(), f"{role.title()}{'Policy' if role is Role.HUB else 'Role'}Name"
        default = wanted.names[role] if role in EVERYWHERE else ""
        parameters[parameter] = _parameter(
            f"{WHAT[role]}; empty: not made. Otherwise such as {wanted.names[role]}.", default
        )
        conditions[f"Make{title}"] = {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}
        if role is not Role.HUB:
            resources[f"{title}Role"] = _role(role, f"Make{title}", parameter)
        for policy in of_role:
            resources[f"{title}Policy{policy.number}"] = _policy(policy, f"Make{title}", parameter)
    if Role.PLAN in made:
        parameters["PlanManagedPolicy"] = _parameter("Name of AWS' policy that plans read with.", READ_ONLY)
    notes = {role.title(): list(NOTES[role]) for role in made if role in NOTES}
    said = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Read-only roles of Barograph. Needs CAPABILITY_NAMED_IAM. See Metadata for what to add.",
        "Metadata": {"Barograph": notes},
        "Parameters": parameters,
        "Conditions": conditions,
        "Resources": resources,
    }
    return json.dumps(said, indent=2) + "\n"


def _parameter(text: str, default: str | None = None, kind: str = "String") -> Mapping[str, Json]:
    return {"Type": kind, "Description": text} | ({} if default is None else {"Default": default})


def _role(role: Role, condition: str, parameter: str) -> Mapping[str, Json]:
    needed = {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": {"Ref": "TrustedPrincipals"}},
        "Action": "sts:AssumeRole",
        "Condition": {"Fn::If": ["HasExternalId", needed, {"Ref": "AWS::NoValue"}]},
    }
    properties: dict[str, Json] = {
        "RoleName": {"Ref": parameter},
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
    }
    if role is Role.PLAN:
        properties["ManagedPolicyArns"] = [
            {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/${PlanManagedPolicy}"}
        ]  # fmt: skip
    return {"Type": "AWS::IAM::Role", "Condition": condition, "Properties": properties}


def _policy(policy: Policy, condition: str, parameter: str) -> Mapping[str, Json]:
    properties: dict[str, Json] = {
        "ManagedPolicyName": {"Fn::Sub": f"${{{parameter}}}-{policy.number}"},
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {**one.json(), "Resource": [_in_partition(arn) for arn in one.resources]} for one in policy.statements
            ],
        },
    }
    if policy.role is not Role.HUB:
        properties["Roles"] = [{"Ref": f"{policy.role.title()}Role"}]
    return {"Type": "AWS::IAM::ManagedPolicy", "Condition": condition, "Properties": properties}


def _in_partition(arn: str) -> Json:
    """A pattern of our own holds in whatever partition the stack is made."""
    if arn.startswith(_ARN):
        return {"Fn::Sub": arn.replace(_ARN, "arn:${AWS::Partition}:iam::*:")}
    return arn
