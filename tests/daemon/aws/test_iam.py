"""Operation -> action: the table against botocore's models, and what is called against what is declared."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from checks import discover
from daemon.aws.iam import ACTIONS, BY_SERVICE, PREFIXES, action_of
from daemon.policies.demands import demands
from daemon.policies.own import own

ROOT = Path(__file__).parents[3]
# What is declared and asked for by others than our own calls.
INDIRECT = {
    "kms:Decrypt": "S3 and DynamoDB decrypt for the role",
    "sts:AssumeRole": "botocore takes on roles",
    "s3:GetObjectVersion": "get_object with a version needs it",
}


@cache
def session() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def services() -> frozenset[str]:
    return frozenset(session().get_available_services())


@cache
def model(service: str) -> tuple[str, dict[str, str]]:
    """Give the signing name of a service, and its operations by the name of their method."""
    found = session().get_service_model(service)
    return found.signing_name, {xform_name(name): name for name in found.operation_names}


def signed_with(name: str) -> Iterator[str]:
    """The services that sign with *name*. Only those called alike, or that the table names, are opened."""
    aliases = {"access-analyzer": "accessanalyzer", "monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}
    for service in (name, aliases.get(name, "")):
        if service in services() and model(service)[0] == name:
            yield service


@pytest.mark.parametrize(("signing_name", "operation"), sorted(ACTIONS))
def test_every_row_of_the_table_is_an_operation_that_there_is(signing_name: str, operation: str) -> None:
    """A name that AWS does not know would let another action through unseen."""
    known = {name for service in signed_with(signing_name) for name in model(service)[1].values()}
    assert known
    assert operation == "*" or operation in known


def test_rows_by_service_and_prefixes_are_needed() -> None:
    """Each names what exists, and says what the rule for all others does not."""
    for service, operation in BY_SERVICE:
        signing_name, operations = model(service)
        assert operation in operations.values()
        assert BY_SERVICE[service, operation] != ACTIONS.get((signing_name, operation))
    for signing_name, prefix in PREFIXES.items():
        assert list(signed_with(signing_name))
        assert prefix != signing_name
    for (signing_name, operation), action in ACTIONS.items():
        assert action != f"{signing_name}:{operation}"


def sources() -> list[Path]:
    """The modules that may ask AWS."""
    found = [*(ROOT / "checks").rglob("*.py"), *(ROOT / "daemon").rglob("*.py")]
    return sorted(path for path in found if "demo" not in path.parts)


def texts(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Texts that stand side by side as arguments or in a tuple: a service and its operation, among others."""
    for node in ast.walk(tree):
        found = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple | ast.List) else ()
        values = [each.value if isinstance(each, ast.Constant) else None for each in found]
        for one, other in pairwise(values):
            if isinstance(one, str) and isinstance(other, str):
                yield one, other


@cache
def called() -> dict[str, tuple[str, str]]:
    """Action -> a module, and the service and operation that are named in it side by side."""
    found: dict[str, tuple[str, str]] = {}
    for path in sources():
        for service, method in texts(ast.parse(path.read_text(encoding="utf-8"))):
            if service in services() and method in model(service)[1]:
                signing_name, operations = model(service)
                action = action_of(service, signing_name, operations[method])
                found[action] = (path.relative_to(ROOT).as_posix(), f"{service} {method}")
    return found


@cache
def named() -> frozenset[str]:
    """The actions of all operations that a module names, as a text or an attribute, beside a service or not."""
    words: set[str] = set()
    used: set[str] = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(node.value)
                used |= {node.value} & services()
            elif isinstance(node, ast.Attribute):
                words.add(node.attr)
    return frozenset(
        action_of(service, model(service)[0], operation)
        for service in used
        for method, operation in model(service)[1].items()
        if method in words
    )


def declared() -> set[str]:
    """Every action in any of the generated policies."""
    made = demands(discover().values(), own=own()).actions
    return {action for actions in made.values() for action in actions}


def test_whatever_is_called_is_declared() -> None:
    """By some check, or by the daemon for itself; that it is the check that calls, its place sees to."""
    assert len(called()) > 150
    assert {action: where for action, where in called().items() if action not in declared()} == {}


def test_whatever_is_declared_is_called() -> None:
    """A right that nothing needs is not asked for."""
    assert {action for action in declared() if action not in named()} <= set(INDIRECT)


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("s3", "ListBuckets", "s3:ListAllMyBuckets"),
        ("s3control", "GetPublicAccessBlock", "s3:GetAccountPublicAccessBlock"),
        ("cloudwatch", "GetMetricData", "cloudwatch:GetMetricData"),
        ("service-quotas", "ListServices", "servicequotas:ListServices"),
        ("elbv2", "DescribeListeners", "elasticloadbalancing:DescribeListeners"),
        ("efs", "DescribeFileSystems", "elasticfilesystem:DescribeFileSystems"),
        ("docdb", "DescribeDBClusters", "rds:DescribeDBClusters"),
        ("accessanalyzer", "ListFindingsV2", "access-analyzer:ListFindings"),
        ("apigatewayv2", "GetApis", "apigateway:GET"),
        ("budgets", "DescribeBudgets", "budgets:ViewBudget"),
        ("organizations", "ListAccounts", "organizations:ListAccounts"),
        ("account", "ListRegions", "account:ListRegions"),
        ("iam", "SimulatePrincipalPolicy", "iam:SimulatePrincipalPolicy"),
    ],
)
def test_actions_as_the_service_authorization_reference_has_them(service: str, operation: str, action: str) -> None:
    """Where the rule holds, and where the table does."""
    assert action_of(service, model(service)[0], operation) == action
