"""`barograph iam-policy`: prints what the configuration needs, in three forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from daemon.cli import cli
from daemon.hcl import parse

CONFIG = """
source: {{kind: terraform, path: repository, roots: [{{path: app, stack: acme}}]}}
planning:
  rules: [{{plan_role: "arn:aws:iam::{{account}}:role/planner"}}]
aws:
  accounts: [{{id: "111111111111", regions: [eu-west-1], role_arn: "arn:aws:iam::{{account}}:role/sweeper"}}]
checks:
  access: {{enabled: {access}}}
alerts: {{default_channel: C0123456789}}
slack: {{token: xoxb-1-aaaaaaaaaaaa}}
store: {{path: store.sqlite3}}
"""


def written(folder: Path, *, access: bool) -> str:
    (folder / "repository" / "app").mkdir(parents=True, exist_ok=True)
    path = folder / "barograph.yml"
    path.write_text(CONFIG.format(access=str(access).lower()))
    return str(path)


def test_it_prints_one_json_object_of_all_roles() -> None:
    """Without a configuration: all checks, all roles."""
    done = CliRunner().invoke(cli, ["iam-policy"])
    assert done.exit_code == 0
    assert set(json.loads(done.stdout)["roles"]) == {"hub", "organization", "payer", "plan", "state", "sweep"}


def test_the_configuration_decides_checks_and_roles(tmp_path: Path) -> None:
    """A check that is off takes its actions with it; what is taken on are the configured roles."""

    def asked(*, access: bool) -> tuple[str, str]:
        done = CliRunner().invoke(cli, ["iam-policy", "-c", written(tmp_path, access=access)])
        assert (done.exit_code, done.stderr) == (0, "")
        roles = json.loads(done.stdout)["roles"]
        return json.dumps(roles["sweep"]), json.dumps(roles["hub"])

    sweep, hub = asked(access=True)
    assert "cloudtrail:LookupEvents" in sweep
    assert '"name": "sweeper-1"' in sweep
    assert "arn:aws:iam::*:role/planner" in hub
    assert "arn:aws:iam::*:role/sweeper" in hub
    assert "barograph-*" not in hub
    sweep, _ = asked(access=False)
    assert "cloudtrail:LookupEvents" not in sweep


DISCOVERY = """\
  discovery:
    role_arn: arn:aws:iam::{account}:role/finder
    organization: {role_arn: "arn:aws:iam::000000000001:role/lister"}
"""


def test_what_is_discovered_needs_rights_of_its_own(tmp_path: Path) -> None:
    """Listing accounts and regions: only where the configuration wants it."""
    path = Path(written(tmp_path, access=True))
    without = json.loads(CliRunner().invoke(cli, ["iam-policy", "-c", str(path)]).stdout)["roles"]
    path.write_text(path.read_text().replace("checks:\n", DISCOVERY + "checks:\n"))
    roles = json.loads(CliRunner().invoke(cli, ["iam-policy", "-c", str(path)]).stdout)["roles"]
    assert "organization" not in without
    assert "account:ListRegions" not in json.dumps(without["sweep"])
    assert "account:ListRegions" in json.dumps(roles["sweep"])
    assert "organizations:ListAccounts" in json.dumps(roles["organization"])
    assert '"name": "lister-1"' in json.dumps(roles["organization"])
    assert {"role/finder", "role/lister"} <= {arn.partition("::")[2].partition(":")[2] for arn in taken_on(roles)}


def taken_on(roles: Any) -> list[str]:
    """The roles that the hub takes on."""
    statements = roles["hub"]["policies"][0]["document"]["Statement"]
    return [arn for one in statements if "sts:AssumeRole" in one["Action"] for arn in one["Resource"]]


@pytest.mark.parametrize("form", ["json", "terraform", "stackset"])
def test_every_form_can_be_read(form: str, tmp_path: Path) -> None:
    """By a parser of its language, and with the names of the configuration."""
    done = CliRunner().invoke(cli, ["iam-policy", "--format", form, "-c", written(tmp_path, access=True)])
    assert done.exit_code == 0
    content = parse(done.stdout, "main.tf" if form == "terraform" else "out.json")
    assert content
    assert "sweeper" in done.stdout


def test_a_configuration_that_is_not_there_is_a_mistake_of_use(tmp_path: Path) -> None:
    """With a word of what is wrong, and nothing printed that could be taken for a policy."""
    done = CliRunner().invoke(cli, ["iam-policy", "-c", str(tmp_path / "none.yml")])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "none.yml" in done.stderr


def test_anchoring_the_audit_trail_takes_rights_on_one_prefix_only(tmp_path: Path) -> None:
    """And none where it is not configured."""
    path = Path(written(tmp_path, access=True))
    hub = json.loads(CliRunner().invoke(cli, ["iam-policy", "-c", str(path)]).stdout)["roles"]["hub"]
    assert "s3:PutObject" not in json.dumps(hub["policies"])
    path.write_text(path.read_text() + "audit: {anchor: {s3: {bucket: anchors, prefix: acme/}}}\n")
    hub = json.loads(CliRunner().invoke(cli, ["iam-policy", "-c", str(path)]).stdout)["roles"]["hub"]
    statements = [one for policy in hub["policies"] for one in policy["document"]["Statement"]]
    by_sid = {one["Sid"]: (one["Action"], one["Resource"]) for one in statements}
    assert by_sid["AnchorAudit"] == (["s3:PutObject", "s3:PutObjectRetention"], ["arn:aws:s3:::anchors/acme/*"])
    assert by_sid["CompareAnchors"] == (["s3:ListBucketVersions"], ["arn:aws:s3:::anchors"])
