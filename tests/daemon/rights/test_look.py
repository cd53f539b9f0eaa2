"""`barograph preflight --aws` as its user runs it: over moto with its authorisation enforced, and with a simulator."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from alerts.policy import Policy
from alerts.routes import Routes
from checks import discover
from checks.base import Check, Role
from checks.needs.asked import ACTIONS as NEEDS
from daemon.cli import cli
from daemon.config import load
from daemon.eyes import open_eyes
from daemon.inventory.model import Inventory
from daemon.policies.demands import demanded
from daemon.record import Recorder, StoredMemory
from daemon.repository.tree import Tree
from daemon.rights.look import look
from daemon.rights.model import Answer
from daemon.runner import Runner
from daemon.store import Store
from tests.aws.sample import Sample
from tests.worlds import Proxy, client, moto_process, recording_proxy

ACCOUNT = "123456789012"  # moto's own
CONFIG = """
source: {{kind: terraform, path: ., roots: [{{path: app, stack: acme}}]}}
store: {{path: b.db}}
aws:
  region: eu-west-1
  endpoint_url: {url}
  accounts:
    - {{id: "{account}", regions: [eu-west-1], role_arn: "arn:aws:iam::{{account}}:role/sweep"}}
"""


def configured(folder: Path, url: str, account: str = ACCOUNT) -> Path:
    (folder / "app").mkdir(exist_ok=True)
    path = folder / "barograph.yml"
    path.write_text(CONFIG.format(url=url, account=account))
    return path


@pytest.fixture
def enforcing(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A moto that asks policies: a user who may take on the role `sweep`, which lacks one action."""
    with moto_process() as url:
        iam = client("iam", url)
        iam.create_user(UserName="hub")
        key = iam.create_access_key(UserName="hub")["AccessKey"]
        iam.put_user_policy(UserName="hub", PolicyName="hub", PolicyDocument=policy("sts:AssumeRole"))
        iam.create_role(RoleName="sweep", AssumeRolePolicyDocument=policy("sts:AssumeRole", Principal={"AWS": "*"}))
        has = [action for action in Sample.iam if action != "backup:ListBackupVaults"]
        iam.put_role_policy(RoleName="sweep", PolicyName="sweep", PolicyDocument=policy("sts:GetCallerIdentity", *has))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        ask_policies_after(url, "0")
        yield url


def ask_policies_after(url: str, requests: str) -> None:
    """Let moto ask policies from so many requests on."""
    headers = {"Content-Type": "text/plain"}
    reset = urllib.request.Request(f"{url}/moto-api/reset-auth", data=requests.encode(), headers=headers, method="POST")
    urllib.request.urlopen(reset, timeout=10).close()


def policy(*actions: str, **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}
    if more:
        del statement["Resource"]
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_without_the_simulator_the_last_looks_tell(enforcing: str, tmp_path: Path) -> None:
    """What a look was refused is missing; of the rest nobody can tell, and it is not said to be there."""
    config = load(configured(tmp_path, enforcing), {}, {"sample": Sample})

    def clock() -> datetime:
        return datetime.now(UTC)

    before = look(config, {})
    assert {right.answer for right in before.standings[0].rights} == {Answer.COULD_NOT_TELL}
    with Store.open(config.store.path, clock) as store:
        with open_eyes(config, tmp_path / "scratch", {}, clock, StoredMemory(store)) as eyes:
            [place] = eyes.places(Inventory(()), Tree(tmp_path))["sample"].values()
            run = Runner(eyes.plans, Recorder(store, Policy(Routes("C1"))), clock).run_and_record("sample", place)
        assert {reading.verdict for reading in run.readings} >= {"looked", "permission"}
        found = look(config, {})  # while the daemon runs
    [one] = found.standings
    assert {right.action: right.answer for right in one.rights} == {
        **dict.fromkeys((*Sample.iam, *NEEDS), Answer.COULD_NOT_TELL), "backup:ListBackupVaults": Answer.MISSING,
    }  # fmt: skip
    assert "iam:SimulatePrincipalPolicy" in one.told
    assert found.troubles == ()


@pytest.fixture
def proxy(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with recording_proxy(moto) as made:
        yield made


def simulated(denied: frozenset[str] = frozenset(), silent: frozenset[str] = frozenset()) -> bytes:
    """The simulator's answer for all actions of all checks, as IAM writes it."""
    actions = set().union(NEEDS, *demanded(discover().values()).values()) - silent
    members = "".join(
        f"<member><EvalActionName>{action}</EvalActionName><EvalResourceName>*</EvalResourceName>"
        f"<EvalDecision>{'implicitDeny' if action in denied else 'allowed'}</EvalDecision></member>"
        for action in sorted(actions)
    )
    return (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{members}"
        "</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
    ).encode()


def enabled(path: Path) -> list[type[Check]]:
    """The checks that a configuration has on."""
    return [type(one.check) for one in load(path, {}, discover()).checks.values() if one.enabled]


def asked(path: Path, *options: str) -> Any:
    return CliRunner().invoke(cli, ["preflight", "--aws", "-c", str(path), *options])


@pytest.mark.parametrize(
    ("denied", "silent", "code", "told"),
    [
        (frozenset(), frozenset(), 0, "Every right is there."),
        (frozenset({"backup:ListCopyJobs"}), frozenset(), 1, "missing         backup:ListCopyJobs  backups: no policy"),
        (frozenset(), frozenset({"ec2:DescribeVpcs"}), 3, "could not tell  ec2:DescribeVpcs"),
        (frozenset({"ec2:DescribeVpcs"}), frozenset({"backup:ListCopyJobs"}), 3, "missing         ec2:DescribeVpcs"),
    ],
)
def test_what_is_missing_is_named_with_its_checks(
    proxy: Proxy, tmp_path: Path, denied: frozenset[str], silent: frozenset[str], code: int, told: str
) -> None:
    """And what to run; as text and as JSON, with one exit code."""
    answer = (200, simulated(denied, silent))
    proxy.answer = lambda call: answer if call.action == "SimulatePrincipalPolicy" else None
    path = configured(tmp_path, proxy.url, "000000000061")
    text, data = asked(path), asked(path, "--json")
    assert (text.exit_code, data.exit_code) == (code, code)
    assert told in text.output
    assert ("iam-policy -c" in text.output) == (code != 0)
    said = json.loads(data.stdout)
    [role] = said["roles"]
    assert (role["account"], role["for"], role["role"]) == (
        "000000000061", str(Role.SWEEP), "arn:aws:iam::000000000061:role/sweep",
    )  # fmt: skip
    answers = {right["action"]: right["answer"] for right in role["rights"]}
    assert set(answers) == {*demanded(enabled(path))[Role.SWEEP], *NEEDS}
    assert {action for action, answer in answers.items() if answer == "missing"} == denied
    assert {action for action, answer in answers.items() if answer == "could_not_tell"} == silent


def test_a_role_that_is_refused_is_told(proxy: Proxy, tmp_path: Path) -> None:
    """With the right that is missing: that of taking it on."""
    refusal = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>canary</Message></Error></ErrorResponse>"
    proxy.answer = lambda call: (403, refusal) if call.action == "AssumeRole" else None
    done = asked(configured(tmp_path, proxy.url, "000000000062"))
    assert done.exit_code == 3
    assert "missing         sts:AssumeRole" in done.output
    assert "canary" not in done.output
    assert "0 there" in done.output


def test_no_account_is_no_answer(tmp_path: Path) -> None:
    """Nothing that was not looked at passes for fine."""
    path = configured(tmp_path, "http://127.0.0.1:9")
    path.write_text(path.read_text().partition("aws:")[0])
    done = asked(path)
    assert done.exit_code == 3
    assert "no account is watched" in done.output


@pytest.mark.parametrize("options", [["--repository", "."], ["--format", "github"]])
def test_what_does_not_go_together_is_wrong_usage(tmp_path: Path, options: list[str]) -> None:
    """With a word of why."""
    done = asked(configured(tmp_path, "http://127.0.0.1:9"), *options)
    assert done.exit_code == 2
    assert "--aws" in done.output
