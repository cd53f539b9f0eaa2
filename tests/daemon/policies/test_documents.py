"""Policies: everything that is declared, where it belongs, within IAM's size, and nothing that writes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import discover
from checks.base import Check, Role, Scope
from daemon.policies.demands import ASSUME, OWN_ROLES, SIMULATE, STATE_ROLE, demanded, demands
from daemon.policies.documents import (
    FILLED,
    LIMIT,
    POLICIES_PER_ROLE,
    Policy,
    Statement,
    TooLargeError,
    pack,
    policies,
    size,
)
from daemon.policies.own import own
from daemon.policies.report import report
from tests.test_contract import IAM_PREFIXES, READING

CHECKS = discover()
# What is allowed and does not begin as reading does. Two of them start a report; none changes anything.
STARTERS = {"iam:GenerateCredentialReport", "servicequotas:StartQuotaUtilizationReport"}
OTHER_READS = {
    "iam:SimulatePrincipalPolicy",
    "acm:SearchCertificates", "apigateway:GET", "budgets:ViewBudget", "cloudtrail:LookupEvents", "dynamodb:Query",
    "config:SelectAggregateResourceConfig", "config:SelectResourceConfig", "dynamodb:Scan",
    "ec2:SearchTransitGatewayRoutes",
}  # fmt: skip


def allowed(made: Mapping[Role, tuple[Policy, ...]]) -> dict[Role, list[str]]:
    """Actions by role, as the printed documents have them."""
    return {
        role: [
            action
            for policy in of_role
            for statement in json.loads(json.dumps(policy.document()))["Statement"]
            if statement["Effect"] == "Allow"
            for action in statement["Action"]
        ]
        for role, of_role in made.items()
    }


ALL = policies(demands(CHECKS.values(), own=own()))
ALLOWED = allowed(ALL)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_what_a_check_declares_is_in_the_role_it_belongs_to(name: str) -> None:
    """`iam` in its own role, `sweep_iam` in the sweep's; taking on roles is the hub's alone."""
    check = CHECKS[name]
    for role, declared in ((check.role, check.iam), (Role.SWEEP, check.sweep_iam)):
        for action in declared:
            assert action in ALLOWED[Role.HUB if action == ASSUME else role], action


def test_no_role_has_an_action_that_nothing_of_it_asks_for() -> None:
    """Whatever a document allows, a check of that role declares, or reading the states takes."""
    for role, actions in ALLOWED.items():
        asked = {action for check in CHECKS.values() if check.role is role for action in check.iam}
        if role is Role.SWEEP:
            asked |= {action for check in CHECKS.values() for action in check.sweep_iam}
        if role is Role.HUB:
            asked |= {ASSUME}
        asked |= own().get(role, frozenset())
        assert set(actions) <= asked, role
    assert [role for role, actions in ALLOWED.items() if ASSUME in actions] == [Role.HUB]


def test_every_document_fits_with_all_checks_on() -> None:
    """Within IAM's 6,144 characters, and no more documents than can be attached to a role."""
    assert set(Role) == set(ALL)
    for of_role in ALL.values():
        assert 1 <= len(of_role) <= POLICIES_PER_ROLE
        assert [policy.number for policy in of_role] == list(range(1, len(of_role) + 1))
        for policy in of_role:
            assert len(json.dumps(policy.document(), separators=(",", ":"))) <= LIMIT


def test_actions_are_sorted_single_and_of_services_that_exist() -> None:
    """Within a statement in order; within a role once; with a prefix that botocore, or IAM, knows."""
    services = set(botocore.session.get_session().get_available_services()) | IAM_PREFIXES
    for role, actions in ALLOWED.items():
        assert not [action for action, times in Counter(actions).items() if times > 1], role
        for policy in ALL[role]:
            for statement in policy.statements:
                assert list(statement.actions) == sorted(set(statement.actions))
                assert list(statement.resources) == sorted(set(statement.resources))
                assert {action.split(":")[0] for action in statement.actions} <= services


def test_nothing_that_is_allowed_writes() -> None:
    """Only reading, but for the two that make AWS compute a report; and no wildcard."""
    for actions in ALLOWED.values():
        for action in actions:
            assert "*" not in action
            assert action in STARTERS | OTHER_READS or action.split(":")[1].startswith(READING), action


def test_the_plan_role_is_denied_writing_states_and_says_what_it_lacks() -> None:
    """What the providers read cannot be derived, so it has to be said."""
    denied = {
        action
        for policy in ALL[Role.PLAN]
        for statement in policy.statements
        if statement.effect == "Deny" and statement.resources == ("*",)
        for action in statement.actions
    }
    assert {"s3:PutObject", "s3:DeleteObject", "dynamodb:PutItem", "dynamodb:DeleteItem"} <= denied
    told = report(demands(CHECKS.values(), own=own()), ALL)["roles"]["plan"]
    assert told["attach"] == ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    assert any("not all that a plan needs" in note for note in told["notes"])


def test_what_decrypts_does_so_through_the_stores_only() -> None:
    """A role that may decrypt anything with any key would read more than states."""
    found = [
        statement
        for of_role in ALL.values()
        for policy in of_role
        for statement in policy.statements
        if "kms:Decrypt" in statement.actions
    ]
    assert found
    assert all(statement.actions == ("kms:Decrypt",) and statement.condition for statement in found)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_switching_a_check_off_removes_what_only_it_needs(name: str) -> None:
    """Neither more nor less; what the daemon asks itself stays."""
    others = {other: check for other, check in CHECKS.items() if other != name}
    left = allowed(policies(demands(others.values(), own=own())))
    of_others, daemon = demanded(others.values()), demands((), own=own()).actions
    for role, actions in ALLOWED.items():
        alone = demanded([CHECKS[name]])[role] - of_others[role] - set(daemon.get(role, ()))
        if role not in left:
            alone |= {SIMULATE}  # a role that nobody needs has no use for it
        assert set(actions) - alone == set(left.get(role, ())), role


def test_without_checks_only_reading_states_and_taking_on_roles_is_left() -> None:
    """A role that nobody needs has no policy."""
    assert set(demands(()).actions) == {Role.HUB, Role.STATE}
    assert set(demands((), own=own(discovers=False, lists_regions=False)).actions) == {Role.HUB, Role.STATE}
    assert demands((), own=own()).actions[Role.HUB] == (ASSUME,)


def test_a_payers_check_asks_elsewhere_as_the_sweep() -> None:
    """Its `iam` never reaches the accounts that are watched."""

    class Bills(Check):
        role = Role.PAYER
        scope = Scope.ACCOUNT
        more_scopes = (Scope.REGION,)
        iam = ("ce:GetCostAndUsage",)
        sweep_iam = ("ec2:DescribeVolumes",)

    found = demanded([Bills])
    assert found[Role.PAYER] == {"ce:GetCostAndUsage"}
    assert found[Role.SWEEP] == {"ec2:DescribeVolumes"}


def test_only_configured_roles_are_taken_on() -> None:
    """With {account} for any account; the backends' role is none of the configuration's, so its own name stays."""
    assert demands(()).assumed == (OWN_ROLES,)
    roles = [(Role.SWEEP, "arn:aws:iam::111111111111:role/look"), (Role.PLAN, "arn:aws:iam::{account}:role/plan")]
    wanted = demands((), [*roles, (Role.PAYER, "")])
    assert wanted.assumed == (STATE_ROLE, "arn:aws:iam::*:role/plan", "arn:aws:iam::111111111111:role/look")
    assert (wanted.names[Role.SWEEP], wanted.names[Role.PLAN]) == ("look", "plan")
    assert wanted.names[Role.PAYER] == "barograph-payer"
    assert wanted.remarks == ()


def test_the_partition_is_that_of_the_configured_roles() -> None:
    """IAM refuses ARNs of another one."""
    wanted = demands(CHECKS.values(), [(Role.SWEEP, "arn:aws-us-gov:iam::{account}:role/look")])
    assert wanted.assumed == ("arn:aws-us-gov:iam::*:role/barograph-state", "arn:aws-us-gov:iam::*:role/look")
    assert "arn:aws:" not in json.dumps(report(wanted, policies(wanted)))


def test_a_role_that_cannot_be_made_under_its_name_is_told_of() -> None:
    """One for two purposes, one under a path, and a second one for the same purpose."""
    roles = [
        (Role.SWEEP, "arn:aws:iam::{account}:role/look"),
        (Role.PLAN, "arn:aws:iam::{account}:role/look"),
        (Role.PAYER, "arn:aws:iam::111111111111:role/team/pay"),
        (Role.SWEEP, "arn:aws:iam::222222222222:role/other"),
    ]
    wanted = demands((), roles)
    assert wanted.names[Role.PLAN] == "barograph-plan"
    assert wanted.names[Role.PAYER] == "barograph-payer"
    assert [remark.split()[0] for remark in wanted.remarks] == [arn for _, arn in roles[1:]]


def test_more_than_can_be_attached_is_an_error_and_not_cut_off() -> None:
    """A thousand roles, one for each account."""
    many = [(Role.SWEEP, f"arn:aws:iam::{number:012}:role/one-for-each-{number}") for number in range(2000)]
    with pytest.raises(TooLargeError, match=r"the role hub needs \d+ policies, and 10 can be attached"):
        policies(demands((), many))
    few = policies(demands((), many[:300]))[Role.HUB]
    assert len(few) > 1
    assert {arn for policy in few for one in policy.statements if one.sid == "TakeOn" for arn in one.resources} == {
        *(arn for _, arn in many[:300]),
        STATE_ROLE,
    }


ACTION = st.tuples(st.sampled_from("abcdef"), st.integers(0, 400)).map(lambda one: f"{one[0]}:Get{one[1]:030}")


@given(st.lists(st.sets(ACTION, max_size=700), max_size=3))
def test_splitting_loses_and_repeats_nothing(wanted: list[set[str]]) -> None:
    """Every action is in one document, and every document fits, however much one service has."""
    statements = [Statement(f"S{number}", tuple(sorted(one))) for number, one in enumerate(wanted)]
    packed = pack(statements)
    assert all(size(document) <= FILLED for document in packed)
    for number, one in enumerate(wanted):
        spread = [
            action for document in packed for part in document if part.sid == f"S{number}" for action in part.actions
        ]
        assert sorted(one) == sorted(spread)


def test_a_service_stays_together_where_it_fits() -> None:
    """So that people find what they look for in one place."""
    actions = tuple(sorted(f"{service}:Get{number:030}" for service in "abcd" for number in range(60)))
    packed = pack([Statement("Read", actions)])
    assert len(packed) > 1
    homes = Counter(service for document in packed for service in {one[0] for one in document[0].actions})
    assert homes == dict.fromkeys("abcd", 1)
