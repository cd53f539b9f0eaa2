"""What operators copy beside configurations: the Slack app, policies of AWS, the unit of systemd."""

from __future__ import annotations

import ast
import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name
from click.testing import CliRunner

from checks import discover
from checks.base import Role
from daemon.cli import cli
from daemon.demo.fakeslack.methods import SCOPES
from daemon.policies.documents import LIMIT
from tests.pages import SHELL, blocks, name, pages, prose

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
METHOD = re.compile(r"(?:chat|conversations|files|usergroups|users|views|reactions|pins|apps|auth)(?:\.[a-zA-Z]+){1,2}")


def methods() -> set[str]:
    """The methods of Slack's Web API that the program names: as texts, or as methods of the client."""
    return {
        found for file in (ROOT / "alerts").glob("slack*.py") for found in _named(ast.parse(file.read_text("utf-8")))
    }


def _named(tree: ast.Module) -> Iterator[str]:
    known = {name.replace(".", "_").lower(): name for name in SCOPES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and METHOD.fullmatch(node.value):
            yield node.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = known.get(node.func.attr.lower())
            if name:
                yield name


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DOCS / "slack-app.yml").read_text("utf-8"))
    return loaded


def test_the_slack_app_asks_for_what_the_program_uses_and_nothing_else(manifest: dict[str, Any]) -> None:
    """Each method that is called has all of its scopes (public and private channels); each scope has a method."""
    used = methods()
    assert {"chat.postMessage", "chat.update", "chat.postEphemeral", "usergroups.users.list"} <= used
    needed = {scope for method in used for scope in SCOPES.get(method, ())} - {"connections:write"}
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == needed


def test_the_slack_app_takes_buttons_over_a_socket(manifest: dict[str, Any]) -> None:
    """No address of ours has to be reachable: interactivity without a URL, Socket Mode on, no events."""
    settings = manifest["settings"]
    assert (settings["socket_mode_enabled"], settings["interactivity"]) == (True, {"is_enabled": True})
    assert "event_subscriptions" not in settings
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140


def test_every_scope_is_explained(manifest: dict[str, Any]) -> None:
    """What each is for, and what is lost without it."""
    text = (DOCS / "slack.md").read_text("utf-8")
    assert [scope for scope in manifest["oauth_config"]["scopes"]["bot"] if f"`{scope}`" not in text] == []


def test_the_policies_are_those_that_the_command_prints() -> None:
    """`make docs` writes them; a check that asks for more makes them old."""
    printed = CliRunner().invoke(cli, ["iam-policy"])
    assert printed.exit_code == 0
    assert json.loads((DOCS / "aws/policies.json").read_text("utf-8")) == json.loads(printed.output)


def test_the_policies_hold_what_every_check_asks_for_and_fit_iam() -> None:
    """Read back by themselves: of each role all actions of its checks, each document within IAM's size."""
    roles = json.loads((DOCS / "aws/policies.json").read_text("utf-8"))["roles"]
    for role in roles.values():
        for policy in role["policies"]:
            assert len(json.dumps(policy["document"], separators=(",", ":"))) <= LIMIT
    allowed = {name: set(_actions(role)) for name, role in roles.items()}
    for which, check in discover().items():
        wanted = set(check.sweep_iam if check.role is Role.PAYER else check.iam)
        where = allowed["sweep" if check.role is Role.PAYER else str(check.role)] | allowed["hub"]
        assert wanted <= where, which


def _actions(role: dict[str, Any]) -> Iterator[str]:
    for policy in role["policies"]:
        for statement in policy["document"]["Statement"]:
            if statement["Effect"] == "Allow":
                actions = statement["Action"]
                yield from [actions] if isinstance(actions, str) else actions


def test_the_trust_policy_lets_in_one_role_with_an_external_id() -> None:
    """Nobody else's, and not without the id."""
    [statement] = json.loads((DOCS / "aws/trust-policy.json").read_text("utf-8"))["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
    assert re.fullmatch(r"arn:aws:iam::\d{12}:role/[\w+=,.@-]+", statement["Principal"]["AWS"])
    assert set(statement["Condition"]["StringEquals"]) == {"sts:ExternalId"}


def test_the_unit_of_systemd_is_one_that_systemd_takes(tmp_path: Path) -> None:
    """By `systemd-analyze verify` where it is there; its options are those that the command has, everywhere."""
    text = (DOCS / "systemd/barograph.service").read_text("utf-8")
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names of systemd have capitals
    unit.read_string(text)
    program, *words = unit["Service"]["ExecStart"].split()
    assert program.endswith("/bin/barograph")
    assert words == ["run", "-c", "/etc/barograph/barograph.yml"]
    assert unit["Service"]["RestartPreventExitStatus"] == "2"
    assert unit["Service"]["NoNewPrivileges"] == "yes"
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return
    (tmp_path / "barograph.service").write_text(text.replace(program, sys.executable).replace("run -c", "-c"))
    ran = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / "barograph.service")], capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    said = [line for line in ran.stderr.splitlines() if "barograph.service" in line]
    assert said == []


def aws_calls() -> Iterator[tuple[str, list[str]]]:
    """Every call of the AWS CLI in the pages, with where it stands: in blocks, and in lines of text."""
    for page in pages():
        for block in blocks(page):
            for line in re.sub(r"\\\n\s*", " ", block.text).splitlines() if block.language in SHELL else ():
                if line.strip().startswith("aws "):
                    yield block.where, shlex.split(line, comments=True)[1:]
        for code in re.findall(r"`(aws [a-z0-9-]+ [a-z][^`]*)`", prose(page)):
            yield name(page), shlex.split(code)[1:]


def test_every_call_of_aws_is_one_that_aws_has() -> None:
    """Service, operation and options, by botocore's own models: at three in the morning nobody reads manuals."""
    session = botocore.session.get_session()
    wrong, seen = [], 0
    for where, (service, operation, *rest) in aws_calls():
        if service in ("s3", "configure"):  # the CLI's own
            continue
        seen += 1
        model = session.get_service_model({"s3api": "s3"}.get(service, service))
        known = {xform_name(each, "-"): each for each in model.operation_names}
        if operation not in known:
            wrong.append(f"{where}: aws {service} {operation}")
            continue
        shape = model.operation_model(known[operation]).input_shape
        members = {xform_name(each, "-") for each in (shape.members if shape is not None else {})}
        options = {word.removeprefix("--") for word in rest if word.startswith("--")}
        members |= SHORT.get(f"{service} {operation}", set())
        left = {one for one in options - members - GLOBAL if one.removeprefix("no-") not in members}
        if left:
            wrong.append(f"{where}: aws {service} {operation} has no --{', --'.join(sorted(left))}")
    assert wrong == []
    assert seen > 40


GLOBAL = {"region", "query", "output", "profile"}
# What the CLI takes beside the model: docs.aws.amazon.com/cli/latest/reference/ec2/revoke-security-group-ingress.html
SHORT = {"ec2 revoke-security-group-ingress": {"protocol", "port", "cidr", "source-group", "group-owner"}}
