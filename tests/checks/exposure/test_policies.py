"""What IAM policies allow: everything, and to everybody."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from checks.exposure.policies import judge_policy, judge_trust, statements
from tests.checks.exposure.account_world import BY_EC2, EVERYTHING, LITTLE


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


def not_action(*spared: str) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "NotAction": list(spared), "Resource": "*"}]}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (EVERYTHING, "every action"),
        (LITTLE, ""),
        (allow(), "every action"),
        (allow("*:*"), "every action"),
        (allow("**"), "every action"),
        (allow(["s3:Get*", "*"]), "every action"),
        (allow(resource=["arn:aws:s3:::b", "*"]), "every action"),
        (allow(resource="arn:aws:*"), "every action"),
        (allow(resource="arn:*"), "every action"),
        (allow(resource="arn:aws-cn:*:*:*:*"), "every action"),
        (allow(resource="arn:*:*:*:*:*"), "every action"),
        (allow(resource="arn:aws:s3:::*"), ""),
        (allow("iam:*"), "every action of IAM"),
        (allow("IAM:*"), "every action of IAM"),
        (allow("s3:*"), ""),
        (allow(resource="arn:aws:s3:::b/*"), ""),
        (allow("iam:*", "arn:aws:iam::*:role/app"), ""),
        (allow(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), "every action"),
        ({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}, ""),
        ({"Statement": [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b"}]}, "every action"),
        (not_action("organizations:*"), "every action but organizations:*"),
        (not_action("iam:*", "organizations:*"), ""),
        (not_action("*"), ""),
        ({"Statement": [*LITTLE["Statement"], *allow()["Statement"]]}, "every action"),
    ],
)
def test_a_policy_that_allows_everything(policy: dict[str, Any], expected: str) -> None:
    """However it is written; as a document, as text and URL-encoded."""
    for form in (policy, json.dumps(policy), quote(json.dumps(policy))):
        told = judge_policy(form, "policy p", "look")
        assert bool(told) is bool(expected)
        if expected:
            assert told[0].summary.startswith(f"policy p allows {expected}")


def trust(principal: Any, condition: Any = None, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}
    return {"Statement": [statement | ({"Condition": condition} if condition else {})]}


def federated(host: str, **claims: str) -> dict[str, Any]:
    tests = {f"{host}:{name}": value for name, value in claims.items()}
    return trust({"Federated": f"arn:aws:iam::1:oidc-provider/{host}"}, {"StringLike": tests})


GITHUB = "token.actions.githubusercontent.com"
ANYBODY = "everybody"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (BY_EC2, ""),
        (trust("*"), ANYBODY),
        (trust({"AWS": "*"}), ANYBODY),
        (trust({"AWS": ["arn:aws:iam::1:root", "*"]}), ANYBODY),
        (trust({"AWS": "arn:aws:iam::222222222222:root"}), ""),
        (trust("*", Effect="Deny"), ""),
        ({"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "1"}, "Action": "sts:AssumeRole"}]}, ANYBODY),
        (trust("*", {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), ""),
        (trust("*", {"StringEquals": {"AWS:principalorgid": "o-1"}}), ""),
        (trust("*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::1:role/app-*"}}), ""),
        (trust("*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/app"}}), ANYBODY),
        (trust("*", {"StringLike": {"aws:PrincipalOrgID": "*"}}), ANYBODY),
        (trust("*", {"StringLike": {"aws:PrincipalOrgID": ["o-1", "*"]}}), ANYBODY),
        (trust("*", {"StringLike": {"aws:PrincipalOrgID": "o-*"}}), ANYBODY),
        (trust("*", {"ArnLike": {"aws:PrincipalArn": "arn:*"}}), ANYBODY),
        (trust("*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*"}}), ANYBODY),
        (trust("*", {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}), ANYBODY),
        (trust("*", {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::mine"}}), ""),
        # Anybody can have a user of that name, such a tag and such an address.
        (trust("*", {"StringEquals": {"aws:username": "ann"}}), ANYBODY),
        (trust("*", {"StringLike": {"aws:userid": "*:ann"}}), ANYBODY),
        (trust("*", {"StringEquals": {"aws:PrincipalTag/team": "ours"}}), ANYBODY),
        (trust("*", {"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}}), ANYBODY),
        (trust("*", {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}), ANYBODY),
        (trust("*", {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}), ANYBODY),
        (trust("*", {"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/*"}}), ANYBODY),
        (trust("*", {"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "o-1/r-1"}}), ""),
        (trust("*", {"Null": {"aws:PrincipalOrgID": "false"}}), ANYBODY),
        (trust("*", {"StringEquals": {"sts:ExternalId": "secret"}}), ANYBODY),
        (trust("*", {"Bool": {"aws:MultiFactorAuthPresent": "true"}}), ANYBODY),
        (trust("*", {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}), ""),
        (trust("*", {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), ANYBODY),
        (trust("*", {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}), ANYBODY),
        (trust({"Federated": f"arn:aws:iam::1:oidc-provider/{GITHUB}"}), f"every user of {GITHUB}"),
        (federated(GITHUB, aud="sts.amazonaws.com"), f"every user of {GITHUB}"),
        (federated(GITHUB, sub="*"), f"every user of {GITHUB}"),
        (federated(GITHUB, sub="repo:*"), f"every user of {GITHUB}"),
        (federated(GITHUB, sub="repo:*/*:*"), f"every user of {GITHUB}"),
        (federated(GITHUB, sub="*:ref:refs/heads/main"), f"every user of {GITHUB}"),
        (federated(GITHUB, sub="repo:*/infra:environment:production"), f"every user of {GITHUB}"),
        (federated(GITHUB, repository="acme/infra"), ""),
        (federated("app.terraform.io", sub="organization:*:project:p:*"), "every user of app.terraform.io"),
        (federated("app.terraform.io", sub="organization:acme:project:*"), ""),
        (federated(GITHUB, aud="sts.amazonaws.com", sub="repo:acme/infra:*"), ""),
        (federated("cognito-identity.amazonaws.com", amr="authenticated"), "every user of cognito-identity"),
        (federated("cognito-identity.amazonaws.com", aud="eu-west-1:pool"), ""),
        (federated("oidc.eks.eu-west-1.amazonaws.com", aud="sts.amazonaws.com"), ""),
        (trust({"Federated": "arn:aws:iam::1:saml-provider/okta"}), ""),
    ],
)
def test_a_role_that_anybody_can_take_on(policy: dict[str, Any], expected: str) -> None:
    """A condition counts where it says who, and not where everybody meets it."""
    told = judge_trust(policy, "role r", "look")
    assert bool(told) is bool(expected)
    if expected:
        assert told[0].summary.startswith(expected)
        assert told[0].summary.endswith("can take on role r")


@pytest.mark.parametrize("broken", [None, "", "%7B", "{", {}, {"Statement": None}, {"Statement": ["x"]}, [], 3])
def test_a_policy_that_cannot_be_read_is_no_policy_that_allows_nothing(broken: Any) -> None:
    """It raises, so that the reading says that it is not known."""
    with pytest.raises(ValueError, match="the policy"):
        statements(broken)
