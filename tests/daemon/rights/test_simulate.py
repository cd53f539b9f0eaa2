"""What the policy simulator says of a role, and what it leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from checks.base import Role
from daemon.aws import Account, AwsContext, AwsSettings, ClientPool, Sessions
from daemon.aws import Role as AssumedRole
from daemon.rights.model import Answer, Subject
from daemon.rights.simulate import BATCH, judged, principal, simulate
from tests.aws.fake import Call, FakeAws, Fault, loader
from tests.daemon.accounts.world import NOW, PROD, identity

ALLOWED = {"EvalActionName": "backup:ListBackupJobs", "EvalDecision": "allowed"}
BY_ORGANIZATION = {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}
BY_BOUNDARY = {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}}


@pytest.mark.parametrize(
    ("result", "answer", "told"),
    [
        (ALLOWED, Answer.THERE, ""),
        ({**ALLOWED, "EvalDecision": "implicitDeny"}, Answer.MISSING, "no policy allows it for every resource"),
        ({**ALLOWED, "EvalDecision": "explicitDeny"}, Answer.MISSING, "a policy denies it"),
        ({**ALLOWED, **BY_ORGANIZATION}, Answer.MISSING, "a policy of the organization does not allow it"),
        (
            {**ALLOWED, "EvalDecision": "implicitDeny", **BY_ORGANIZATION},
            Answer.MISSING,
            "a policy of the organization",
        ),
        ({**ALLOWED, **BY_BOUNDARY}, Answer.MISSING, "the permissions boundary"),
        ({**ALLOWED, "OrganizationsDecisionDetail": {"AllowedByOrganizations": True}}, Answer.THERE, ""),
        ({**ALLOWED, "MissingContextValues": ["aws:SourceIp"]}, Answer.COULD_NOT_TELL, "go by aws:SourceIp"),
        (
            {**ALLOWED, "EvalDecision": "explicitDeny", "MissingContextValues": ["aws:SourceVpc"]},
            Answer.COULD_NOT_TELL,
            "go by aws:SourceVpc",
        ),
        ({"EvalActionName": "x:Y"}, Answer.COULD_NOT_TELL, "the simulator says None"),
        ({**ALLOWED, "EvalDecision": "perhaps"}, Answer.COULD_NOT_TELL, "the simulator says perhaps"),
    ],
)
def test_one_result(result: Mapping[str, Any], answer: Answer, told: str) -> None:
    """Allowed is there; whatever may turn out otherwise in a real request is not."""
    found = judged(result)
    assert (found[0], told in found[1]) == (answer, True)


@pytest.mark.parametrize(
    ("arn", "source"),
    [
        ("arn:aws:sts::000000000011:assumed-role/sweep/barograph", "arn:aws:iam::000000000011:role/sweep"),
        ("arn:aws-cn:sts::000000000011:assumed-role/sweep/x", "arn:aws-cn:iam::000000000011:role/sweep"),
        ("arn:aws:iam::000000000011:user/ops/baro", "arn:aws:iam::000000000011:user/ops/baro"),
        ("arn:aws:iam::000000000011:root", ""),
        ("arn:aws:sts::000000000011:federated-user/x", ""),
    ],
)
def test_whom_one_can_ask_about(arn: str, source: str) -> None:
    """A role or a user; the root user has no policies."""
    assert principal(arn) == source


def simulating(decisions: Mapping[str, str]) -> FakeAws:
    """A fake in which PROD's simulator gives one result on each page, of those actions that it knows."""

    def results(call: Call) -> Mapping[str, Any]:
        names = [name for name in call.parameters["ActionNames"] if name in decisions]
        assert len(call.parameters["ActionNames"]) <= BATCH
        at = int(call.parameters.get("Marker", "0"))
        more = at + 1 < len(names)
        page = [{"EvalActionName": name, "EvalDecision": decisions[name]} for name in names[at : at + 1]]
        return {"EvaluationResults": page, "IsTruncated": more} | ({"Marker": str(at + 1)} if more else {})

    fake = FakeAws(
        {
            ("sts", "get_caller_identity"): {
                "Account": PROD, "UserId": "x", "Arn": f"arn:aws:sts::{PROD}:assumed-role/sweep/barograph",
            },
            ("iam", "simulate_principal_policy"): results,
        }
    )  # fmt: skip
    fake.accounts[f"ASIAFAKE{PROD}"] = PROD
    return fake


def context(fake: FakeAws) -> AwsContext:
    """The way to the fake."""
    return AwsContext(
        ClientPool(Sessions(AwsSettings(region="eu-west-1"), loader()), prepare=fake.prepare), lambda: NOW, strict=True
    )


def subject(*actions: str, account: str = PROD) -> Subject:
    """PROD, seen with keys that the fake knows."""
    return Subject(
        Account(account, ("eu-west-1",), identity=identity(PROD)), Role.SWEEP, dict.fromkeys(actions, ("backups",))
    )


def test_every_action_is_asked_about_on_every_page() -> None:
    """In portions; one that the simulator does not speak of has no answer."""
    actions = [f"ec2:Describe{number}" for number in range(BATCH + 7)]
    fake = simulating({action: "implicitDeny" if action.endswith("3") else "allowed" for action in actions[:-1]})
    found = simulate(subject(*actions), context(fake))
    assert found.failed == ""
    assert set(found.said) == set(actions[:-1])
    assert {action for action, (answer, _) in found.said.items() if answer is Answer.MISSING} == {
        action for action in actions if action.endswith("3")
    }
    asked = [call for call in fake.calls if call.operation == "simulate_principal_policy"]
    assert {call.parameters["PolicySourceArn"] for call in asked} == {f"arn:aws:iam::{PROD}:role/sweep"}


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize(
    ("service", "operation"), [("sts", "get_caller_identity"), ("iam", "simulate_principal_policy")]
)
def test_what_is_not_answered_is_not_known(service: str, operation: str, fault: Fault) -> None:
    """And nothing is said to be there."""
    fake = simulating({"ec2:DescribeVpcs": "allowed"})
    with fake.failing(service, operation, fault):
        found = simulate(subject("ec2:DescribeVpcs"), context(fake))
    assert (found.said, bool(found.failed)) == ({}, True)
    assert "canary" not in found.failed


def test_credentials_of_another_account_tell_nothing() -> None:
    """An account without a role is looked at with the credentials as they are: they may be anybody's."""
    found = simulate(subject("ec2:DescribeVpcs", account="000000000099"), context(simulating({})))
    assert (found.said, found.failed) == ({}, f"the credentials are of account {PROD}, not of 000000000099")


def test_the_role_that_was_taken_on_is_asked_about_by_its_own_name() -> None:
    """The caller's ARN lacks the role's path."""
    role = AssumedRole(f"arn:aws:iam::{PROD}:role/ops/sweep")
    account = Account(PROD, ("eu-west-1",), identity=identity(PROD))
    assert Subject(account, Role.SWEEP, {}).arn == ""
    taken = Account(PROD, (), identity=type(account.identity)(roles=(role,)))
    assert Subject(taken, Role.SWEEP, {}).arn == f"arn:aws:iam::{PROD}:role/ops/sweep"
