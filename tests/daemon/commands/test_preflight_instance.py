"""`barograph preflight --stack S --component C`: one instance before it is applied, with real Terraform."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from checks.base import Finding, Kind, Outcome, Reading
from daemon.cli import cli
from daemon.record import Recorder, Run
from daemon.store import Store
from tests.alerts.build import POLICY
from tests.aws.places import seed
from tests.checks.plans.test_impact import SECRET, WORLD, change, plan
from tests.daemon.executions.world import world
from tests.daemon.web.world import HOSTILE

MAIN = 'variable "name" { type = string }\nresource "terraform_data" "x" { input = var.name }\n'
ACCOUNT, REGION = "111111111111", "eu-west-1"
DB = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:orders"
ON = ["--stack", "acme-prod", "--component", "net"]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A root module, and a configuration that watches it."""
    (tmp_path / "repo" / "net").mkdir(parents=True)
    (tmp_path / "repo" / "net" / "main.tf").write_text(MAIN)
    root = {"path": "net", "stack": "acme-prod", "stage": "production", "vars": {"name": "b"}, "account": ACCOUNT,
            "region": REGION}  # fmt: skip
    config = {"source": {"kind": "terraform", "path": str(tmp_path / "repo"), "roots": [root]},
              "store": {"path": str(tmp_path / "barograph.db")}}  # fmt: skip
    (tmp_path / "barograph.yml").write_text(json.dumps(config))
    return tmp_path


def applied(here: Path) -> None:
    for words in (["init"], ["apply", "-auto-approve", "-var", "name=a"]):
        subprocess.run(["terraform", *words], cwd=here / "repo" / "net", check=True, capture_output=True)


def run(here: Path, *more: str) -> Result:
    return CliRunner().invoke(cli, ["preflight", "-c", str(here / "barograph.yml"), *more])


def answers(result: Result) -> dict[str, str]:
    told = json.loads(result.output)["checklist"]
    assert told["exit_code"] == result.exit_code
    return {item["name"]: item["answer"] for item in told["items"]}


def told(here: Path, *changes: dict[str, Any], **more: Any) -> dict[str, str]:
    """The answers where this is the plan."""
    (here / "plan.json").write_text(json.dumps(plan(*changes, **more)))
    return answers(run(here, *ON, "--json", "--plan", str(here / "plan.json")))


def test_a_deployed_instance_is_planned_and_its_lock_is_looked_at(here: Path) -> None:
    """Without a daemon; nothing of the module is written to. Then somebody holds the lock."""
    applied(here)
    module = here / "repo" / "net"
    before = {path: path.stat().st_mtime_ns for path in module.rglob("*")}
    found = answers(run(here, *ON, "--json"))
    assert {name: found[name] for name in ("inventory", "state lock", "plan", "drift", "variables acme-prod/net")} == {
        "inventory": "pass", "state lock": "pass", "plan": "pass", "drift": "pass", "variables acme-prod/net": "pass",
    }  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in module.rglob("*")} == before
    lock = {"ID": "x", "Who": "bob@laptop", "Operation": "OperationTypeApply", "Created": "2026-03-02T09:00:00Z"}
    (module / ".terraform.tfstate.lock.info").write_text(json.dumps(lock))
    result = run(here, *ON)
    assert (result.exit_code, "held by bob@laptop since 2026-03-02 09:00 UTC" in result.output) == (3, True)


def test_what_was_never_deployed_cannot_be_planned_here(here: Path) -> None:
    """Which is said, and what to do; without a plan nothing is asked of it."""
    result = run(here, *ON)
    assert (result.exit_code, "it was never deployed" in result.output) == (3, True)
    assert "--plan plan.json" in result.output
    assert answers(run(here, *ON, "--json", "--no-plan"))["plan"] == "not_needed"


def test_a_plan_is_held_against_what_the_store_tells(here: Path) -> None:
    """Which is read, and not written to."""
    changes = [
        change("aws_db_instance.a", ["delete", "create"], {"arn": DB}, {}),
        change("aws_vpc.n", ["create"], None, {}),
        change("aws_security_group.g", ["create"], None, {"ingress": [WORLD]}),
        change("aws_vpc.v", ["update"], {"x": 1}, {"x": 2}),
    ]
    found = told(here, *changes)
    assert {name: found[name] for name in found if name.split()[0] in ("recovery", "quota", "opens", "replaces")} == {
        "recovery aws_db_instance.a": "could_not_look", "quota vpc/L-F678F1CE": "could_not_look",
        "quota vpc/L-E79EC296": "could_not_look", "opens aws_security_group.g": "fail",
        "replaces aws_db_instance.a": "fail",
    }  # fmt: skip
    now = datetime.now(UTC)
    drifted = Finding(Kind.DRIFT, "drift", "changed", evidence={
        "who": "bob", "differences": [{"address": "aws_vpc.v", "class": "drift", "action": "update"}]})  # fmt: skip
    looks = {
        ("backups", f"{ACCOUNT}/{REGION}"): Reading(DB, Outcome.HEALTHY, "protected", "can be restored as of today"),
        ("quotas", f"{ACCOUNT}/{REGION}"): Reading(
            "q", Outcome.UNHEALTHY, "exceeded", "", values={"used": 5.0, "limit": 5.0},
            evidence={"service_code": "vpc", "quota_code": "L-F678F1CE"}),
        ("drift", "acme-prod/net"): Reading("acme-prod/net", Outcome.UNHEALTHY, "drift", "changed", (drifted,)),
        ("network", "estate"): Reading("planned/acme-prod/net", Outcome.UNHEALTHY, "planned_overlap", "10.0.0.0/16"),
    }  # fmt: skip
    store = Store.open(here / "barograph.db", lambda: now)
    for (check, place), reading in looks.items():
        Recorder(store, POLICY).record(Run(check, place, {}, now, now, (reading,)), now + timedelta(hours=1))
    store.close()
    before = (here / "barograph.db").read_bytes()
    found = told(here, *changes)
    assert {name: found.get(name) for name in (
        "recovery aws_db_instance.a", "quota vpc/L-F678F1CE", "quota vpc/L-E79EC296", "drift aws_vpc.v", "CIDR blocks",
    )} == {
        "recovery aws_db_instance.a": "pass", "quota vpc/L-F678F1CE": "fail",
        "quota vpc/L-E79EC296": "could_not_look", "drift aws_vpc.v": "fail", "CIDR blocks": "fail",
    }  # fmt: skip
    assert (here / "barograph.db").read_bytes() == before


def test_hostile_and_secret_plans_print_neither(here: Path) -> None:
    """No escape sequence, no markup that works, no secret."""
    address = f'aws_db_instance.a["{HOSTILE}\x1b[31m\x07\u202e"]'
    (here / "plan.json").write_text(json.dumps(plan(
        change(address, ["delete"], {"arn": f"arn:{SECRET}", "password": SECRET},
               before_sensitive={"password": True}),
        change(f'aws_security_group.a["{SECRET}"]', ["create"], None, {"ingress": [WORLD]}),
    )))  # fmt: skip
    result = run(here, *ON, "--plan", str(here / "plan.json"))
    assert result.exit_code in (1, 3)
    assert "recovery aws_db_instance.a" in result.output
    assert not [one for one in ("\x1b", "\x07", "\u202e", SECRET) if one in result.output]


@pytest.mark.parametrize(
    ("content", "words"),
    [("no json " + SECRET, "is no JSON"), ("[]", "is no plan"), ('{"format_version": "7"}', "no plan whose format"),
     ("[" * 100_000, "is no JSON")],
)  # fmt: skip
def test_a_file_that_is_no_plan_could_not_be_looked_at(here: Path, content: str, words: str) -> None:
    """And nothing of it is printed."""
    (here / "plan.json").write_text(content)
    result = run(here, *ON, "--plan", str(here / "plan.json"))
    assert (result.exit_code, words in result.output, SECRET in result.output) == (3, True, False)


@pytest.mark.parametrize(
    "words",
    [
        ["--stack", "acme-prod"], ["--component", "net"], ["--plan", "x"], ["--no-plan"], [*ON, "--repository", "."],
        [*ON, "--aws"], [*ON, "--format", "github"], [*ON, "--plan", "x", "--no-plan"],
        ["--stack", "acme-prod", "--component", "nothing"],
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(here: Path, words: list[str]) -> None:
    """With exit code 2, before anything is looked at."""
    assert run(here, *words).exit_code == 2


@pytest.mark.timeout(240)
def test_what_new_resources_need_is_asked_of_the_account(
    here: Path, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the role that reads, and no store: what checks would have stored is looked at now."""
    account = "000000000077"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    seed(moto, "s3", account=account).create_bucket(
        Bucket="taken-77", CreateBucketConfiguration={"LocationConstraint": REGION}
    )  # fmt: skip
    subnets = seed(moto, "ec2", account=account).describe_subnets()["Subnets"]
    subnet = subnets[0]["SubnetId"]
    config = json.loads((here / "barograph.yml").read_text())
    config["source"]["roots"][0]["account"] = account
    config["checks"] = {"network": {"enabled": True}, **{name: {"enabled": False} for name in ("quotas", "backups")}}
    config["aws"] = {"region": REGION, "endpoint_url": moto, "accounts": [
        {"id": account, "regions": [REGION], "role_arn": f"arn:aws:iam::{account}:role/sweep"}]}  # fmt: skip
    (here / "barograph.yml").write_text(json.dumps(config))
    machine = {
        "instance_type": "m5.large",
        "ami": "ami-00000000",
        "iam_instance_profile": "nobody",
        "subnet_id": subnet,
    }
    found = told(
        here, change("aws_s3_bucket.a", ["create"], None, {"bucket": "taken-77"}),
        change("aws_s3_bucket.b", ["create"], None, {"bucket": "free-77"}),
        change("aws_instance.a", ["create"], None, machine),
        change("aws_instance.b", ["create"], None, {**machine, "instance_type": "z9.large"}),
    )  # fmt: skip
    assert {name: found.get(name) for name in (
        "name taken-77", "name free-77", "instance type m5.large", "instance type z9.large", "image ami-00000000",
        "instance profile nobody", f"subnet {subnet}", "quota ec2/L-1216C47A",
    )} == {
        "name taken-77": "fail", "name free-77": "pass", "instance type m5.large": "pass",
        "instance type z9.large": "fail", "image ami-00000000": "fail", "instance profile nobody": "fail",
        f"subnet {subnet}": "pass", "quota ec2/L-1216C47A": "could_not_look",
    }  # fmt: skip


def test_a_lock_whose_run_has_ended_may_be_taken_away(here: Path) -> None:
    """As the store tells; a damaged store tells nothing, and the list is gone through all the same."""
    applied(here)
    made = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
    lock = {"ID": "l-1", "Who": "ci@runner-7", "Operation": "OperationTypeApply", "Created": made.isoformat()}
    (here / "repo" / "net" / ".terraform.tfstate.lock.info").write_text(json.dumps(lock))
    with world(here) as told_of:
        told_of.start(host="runner-7", component="net")
        told_of.send(told_of.event(1, "phase.start", phase="apply"))
        told_of.move(minutes=1)
        assert "wait for ci@runner-7" in run(here, *ON, "--no-plan").output
        told_of.send(told_of.event(2, "phase.end", phase="apply", rc=1))
        told_of.end(rc=1)
        told_of.judge.tick()
        assert "force-unlock l-1" in run(here, *ON, "--no-plan").output
    (here / "barograph.db").write_bytes(b"no database" * 1_000)
    for rest in here.glob("barograph.db-*"):
        rest.unlink()
    assert "wait for ci@runner-7" in run(here, *ON, "--no-plan").output
