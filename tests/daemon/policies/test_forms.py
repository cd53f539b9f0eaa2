"""The forms of the policies: what Terraform and CloudFormation take, with everything in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checks import discover
from checks.base import Role
from daemon.hcl import parse
from daemon.policies.demands import demands
from daemon.policies.documents import policies
from daemon.policies.stackset import template
from daemon.policies.terraform import module
from tests.aws.places import seed
from tests.worlds import aws_mirror

WANTED = demands(discover().values())
MADE = policies(WANTED)
ACTIONS = {role: sorted(actions) for role, actions in WANTED.actions.items()}
LARGEST_TEMPLATE = 51_200  # bytes that CloudFormation takes in a request


def terraform(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("TF_")} | variables
    return subprocess.run(
        ["terraform", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def statements(blocks: Any, role: Role) -> Iterator[Any]:
    for block in blocks:
        for name, body in block.get("aws_iam_policy_document", block.get('"aws_iam_policy_document"', {})).items():
            if name.strip('"').startswith(f"{role}_"):
                yield from body["statement"]


def test_the_module_is_formatted_and_has_every_action(tmp_path: Path) -> None:
    """`terraform fmt` has nothing to change, and each role's documents allow what it needs."""
    text = module(WANTED, MADE)
    (tmp_path / "main.tf").write_text(text)
    done = terraform(tmp_path, "fmt", "-check", "-diff")
    assert (done.returncode, done.stdout) == (0, "")
    content = parse(text, "main.tf")
    for role, wanted in ACTIONS.items():
        found = [
            action.strip('"')
            for one in statements(content["data"], role)
            if one["effect"].strip('"') == "Allow"
            for action in one["actions"]
        ]
        assert wanted == sorted(found), role


def test_the_module_makes_every_role_but_the_hub() -> None:
    """A policy that is not attached to its role grants nothing."""
    text = module(WANTED, MADE)
    for role, made in MADE.items():
        assert (f'resource "aws_iam_role" "{role}" {{' in text) is (role is not Role.HUB)
        for policy in made:
            assert f'resource "aws_iam_policy" "{role}_{policy.number}" {{' in text
            attached = f'resource "aws_iam_role_policy_attachment" "{role}_{policy.number}" {{' in text
            assert attached is (role is not Role.HUB)


def test_the_aws_provider_takes_the_module(tmp_path: Path) -> None:
    """`terraform validate` with the real provider."""
    (tmp_path / "main.tf").write_text(module(WANTED, MADE))
    mirror = tmp_path / "terraformrc"
    mirror.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{aws_mirror()}"\n  }}\n}}\n')
    ready = terraform(tmp_path, "init", "-no-color", TF_CLI_CONFIG_FILE=str(mirror))
    assert ready.returncode == 0, ready.stderr
    done = terraform(tmp_path, "validate", "-json", TF_CLI_CONFIG_FILE=str(mirror))
    assert json.loads(done.stdout)["valid"], done.stdout


def test_the_template_is_within_a_request_and_names_what_it_refers_to() -> None:
    """Each Ref, condition and substitution is of something that the template has."""
    text = template(WANTED, MADE)
    assert len(text.encode()) <= LARGEST_TEMPLATE
    said = json.loads(text)
    known = {*said["Parameters"], *said["Resources"], "AWS::NoValue", "AWS::Partition"}

    def names(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in node.items():
                if key == "Ref":
                    yield value
                elif key == "Fn::Sub":
                    yield from (part.split("}")[0] for part in value.split("${")[1:])
                else:
                    yield from names(value)
        elif isinstance(node, list):
            for value in node:
                yield from names(value)

    assert set(names(said)) <= known
    assert {one["Condition"] for one in said["Resources"].values()} <= set(said["Conditions"])


class Stack:
    """The part of CloudFormation that the template uses: its conditions and functions, over given parameters."""

    def __init__(self, said: Any, given: dict[str, Any]) -> None:
        defaults = {name: one.get("Default") for name, one in said["Parameters"].items()}
        self.values = {**defaults, **given, "AWS::Partition": "aws"}
        assert None not in self.values.values(), "a parameter without a default was not given"
        self.conditions = {name: self.resolved(one) for name, one in said["Conditions"].items()}
        made = {name: one for name, one in said["Resources"].items() if self.conditions[one["Condition"]]}
        # A reference to a role gives its name.
        self.values |= {name: self.resolved(one["Properties"].get("RoleName", "")) for name, one in made.items()}
        self.made = [(one["Type"], self.resolved(one["Properties"])) for one in made.values()]

    def resolved(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.resolved(one) for one in node]
        if not isinstance(node, dict):
            return node
        if set(node) == {"Ref"}:
            return None if node["Ref"] == "AWS::NoValue" else self.values[node["Ref"]]
        if set(node) == {"Fn::Sub"}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: self.values[found[1]], node["Fn::Sub"])
        if set(node) == {"Fn::If"}:
            name, yes, no = node["Fn::If"]
            return self.resolved(yes if self.conditions[name] else no)
        if set(node) == {"Fn::Equals"}:
            one, other = self.resolved(node["Fn::Equals"])
            return one == other
        if set(node) == {"Fn::Not"}:
            return not self.resolved(node["Fn::Not"][0])
        found = {key: self.resolved(value) for key, value in node.items()}
        return {key: value for key, value in found.items() if value is not None}


@pytest.mark.parametrize(("external", "account"), [("", "444444444441"), ("abc", "444444444442")])
def test_iam_takes_what_the_template_makes(moto: str, external: str, account: str) -> None:
    """What is asked for is made, with trust and policies; a role without a name is not."""
    hub = "arn:aws:iam::000000000001:role/hub"
    given = {"TrustedPrincipals": [hub], "ExternalId": external, "SweepRoleName": "look", "StateRoleName": "states"}
    stack = Stack(json.loads(template(WANTED, MADE)), {**given, "HubPolicyName": "hub"})
    iam = seed(moto, "iam", account=account)
    for kind, one in stack.made:
        if kind == "AWS::IAM::Role":
            trust = one["AssumeRolePolicyDocument"]
            iam.create_role(RoleName=one["RoleName"], AssumeRolePolicyDocument=json.dumps(trust))
            (statement,) = trust["Statement"]
            condition = {"StringEquals": {"sts:ExternalId": external}} if external else None
            assert (statement["Principal"], statement.get("Condition")) == ({"AWS": [hub]}, condition)
            reads = ["arn:aws:iam::aws:policy/ReadOnlyAccess"] if one["RoleName"] == "barograph-plan" else None
            assert one.get("ManagedPolicyArns") == reads
    found: dict[str, list[str]] = {}
    for kind, one in stack.made:
        if kind == "AWS::IAM::ManagedPolicy":
            document = json.dumps(one["PolicyDocument"])
            made = iam.create_policy(PolicyName=one["ManagedPolicyName"], PolicyDocument=document)["Policy"]
            for role in one.get("Roles", ()):
                iam.attach_role_policy(RoleName=role, PolicyArn=made["Arn"])
            allow = [each for each in one["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
            found.setdefault(one.get("Roles", ["-"])[0], []).extend(a for each in allow for a in each["Action"])
    names = {"look": Role.SWEEP, "states": Role.STATE, "barograph-plan": Role.PLAN}
    assert {one["RoleName"] for one in iam.list_roles()["Roles"]} == set(names)
    assert {**{name: ACTIONS[role] for name, role in names.items()}, "-": ACTIONS[Role.HUB]} == {
        name: sorted(actions) for name, actions in found.items()
    }
    for name in names:
        assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
