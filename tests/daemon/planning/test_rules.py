"""The pure parts of planning: environment, rules, versions, roles, diagnostics, secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checks.plans.look import LookStatus
from daemon.aws import Identity, Role
from daemon.planning.binaries import Binaries
from daemon.planning.ended import LookEndedError
from daemon.planning.environment import Folders, child_environment
from daemon.planning.events import Diagnostic, cause_of, read_events, read_text
from daemon.planning.modules import read_module, role_override
from daemon.planning.s3access import identity
from daemon.planning.settings import GIB, Grant, PlanRule, grant, inherited, workers_for
from daemon.planning.versions import satisfies
from daemon.processes import Processes

FOLDERS = Folders(Path("/w/bin"), Path("/w/home"), Path("/w/tmp"), Path("/w/rc"), Path("/w/data"), Path("/w/cache"))


def test_the_environment_of_atmos_is_the_whole_table() -> None:
    """Every variable that a child gets, with its value; nothing else."""
    env = child_environment(
        folders=FOLDERS, inherited={"PATH": "/usr/bin", "HTTPS_PROXY": "http://p"}, stack={"SERVICE": "x"},
        grant=Grant(environment={"TOKEN": "t"}, variables={"password": "p"}), workspace="ws",
        base_path=Path("/w/tree"), config_path=Path("/w/tree/cfg"),
    )  # fmt: skip
    assert env == {
        "PATH": "/w/bin:/usr/bin", "HTTPS_PROXY": "http://p", "SERVICE": "x", "TOKEN": "t", "TF_VAR_password": "p",
        "HOME": "/w/home", "TMPDIR": "/w/tmp", "TF_DATA_DIR": "/w/data", "TF_CLI_CONFIG_FILE": "/w/rc",
        "TF_WORKSPACE": "ws", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1", "NO_COLOR": "1",
        "TF_PLUGIN_CACHE_DIR": "/w/cache", "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "true",
        "ATMOS_BASE_PATH": "/w/tree", "ATMOS_CLI_CONFIG_PATH": "/w/tree/cfg",
        "ATMOS_COMPONENTS_TERRAFORM_COMMAND": "/w/bin/terraform", "ATMOS_LOGS_LEVEL": "Warning",
        "ATMOS_LOGS_FILE": "/dev/stderr", "ATMOS_TELEMETRY_ENABLED": "false", "ATMOS_VERSION_CHECK_ENABLED": "false",
        "ATMOS_PAGER": "false", "NO_PAGER": "1", "ATMOS_NO_COLOR": "1", "ATMOS_SKIP_HOOKS": "true",
        "ATMOS_IDENTITY": "false",
    }  # fmt: skip


def test_a_stack_cannot_change_what_is_run_or_where() -> None:
    """Variables that steer Terraform or Atmos themselves are dropped or overwritten, whoever sets them."""
    hostile = {
        "TF_CLI_ARGS": "-destroy", "TF_CLI_ARGS_plan": "-target=x", "TF_LOG": "TRACE", "ATMOS_VERSION": "1.0.0",
        "ATMOS_USE_VERSION": "2.0.0", "CI": "true", "GITHUB_ACTIONS": "true", "TF_WORKSPACE": "other", "PATH": "/evil",
        "HOME": "/root", "TF_REATTACH_PROVIDERS": "{}", "LD_PRELOAD": "/x.so", "BAROGRAPH_GUARD_TERRAFORM": "/x",
        "ATMOS_COMPONENTS_TERRAFORM_COMMAND": "/usr/bin/terraform", "PYTHONPATH": "/x",
        "TF_DATA_DIR": "/elsewhere", "TF_PLUGIN_CACHE_DIR": "/elsewhere",
    }  # fmt: skip
    env = child_environment(
        folders=FOLDERS, inherited={}, stack=hostile, grant=Grant(environment=hostile), workspace="ws",
        base_path=Path("/w/tree"), config_path=Path("/w/tree"),
    )  # fmt: skip
    assert not set(hostile.values()) & set(env.values()) - {"true"}
    assert not {"CI", "GITHUB_ACTIONS", "TF_LOG"} & set(env)


def test_a_rules_credentials_replace_the_daemons_own() -> None:
    """Keys given to a stack never meet the daemon's session token."""
    own = {"AWS_ACCESS_KEY_ID": "own", "AWS_SESSION_TOKEN": "own-token", "AWS_CA_BUNDLE": "/ca"}
    given = Grant(environment={"AWS_ACCESS_KEY_ID": "theirs", "AWS_SECRET_ACCESS_KEY": "s"})
    env = child_environment(folders=FOLDERS, inherited=own, stack={}, grant=given, workspace="default")
    assert (env["AWS_ACCESS_KEY_ID"], "AWS_SESSION_TOKEN" in env, env["AWS_CA_BUNDLE"]) == ("theirs", False, "/ca")


def test_only_a_list_of_the_daemons_environment_is_inherited(tmp_path: Path) -> None:
    """Programs, certificates, proxies and the AWS identity; nothing else, and ~/.aws by name."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("")
    environ = {"PATH": "/bin", "SLACK_TOKEN": "x", "AWS_PROFILE": "p", "TF_VAR_a": "b", "HOME": "/root"}
    assert inherited(environ, tmp_path) == {
        "PATH": "/bin", "AWS_PROFILE": "p", "AWS_CONFIG_FILE": str(tmp_path / ".aws/config"),
    }  # fmt: skip


def test_rules_add_up_and_the_later_one_counts() -> None:
    """Globs on stack and component; the account is put into the role."""
    rules = (
        PlanRule(plan_role="arn:aws:iam::{account}:role/plan", external_id="e", environment={"A": "1", "B": "1"}),
        PlanRule(stacks="acme-prod*", environment={"B": "2"}, variables={"v": "x"}, allowed_providers=()),
        PlanRule(stacks="other"),
        PlanRule(components="service/*", terraform="/opt/tf"),
    )
    given = grant(rules, "acme-prod", "service/payments", "111111111111")
    assert given == Grant(
        "arn:aws:iam::111111111111:role/plan", "e", {"A": "1", "B": "2"}, {"v": "x"}, (), "/opt/tf",
    )  # fmt: skip
    with pytest.raises(ValueError, match="account of acme-dev is not known"):
        grant(rules, "acme-dev", "x", "")


@pytest.mark.parametrize(
    ("constraint", "fits", "not_"),
    [
        ("", ["1.11.4"], []),
        ("1.11.4", ["1.11.4"], ["1.11.5"]),
        ("= 1.11.4", ["1.11.4"], ["1.11.3"]),
        ("!= 1.11.4", ["1.11.5"], ["1.11.4"]),
        (">= 1.6.0, < 2.0", ["1.6.0", "1.15.5"], ["1.5.7", "2.0.0"]),
        ("> 1.6", ["1.6.1"], ["1.6.0"]),
        ("<= 1.11", ["1.11.0"], ["1.11.1"]),
        ("~> 1.6", ["1.6.0", "1.99.0"], ["1.5.9", "2.0.0"]),
        ("~> 1.6.2", ["1.6.2", "1.6.9"], ["1.6.1", "1.7.0"]),
        ("~> 1", ["1.99.0"], ["2.0.0"]),
    ],
)
def test_version_constraints_mean_what_terraform_means(constraint: str, fits: list[str], not_: list[str]) -> None:
    """Each operator, at its edges."""
    assert [satisfies(version, constraint) for version in fits] == [True] * len(fits)
    assert [satisfies(version, constraint) for version in not_] == [False] * len(not_)


def test_an_unknown_constraint_is_an_error() -> None:
    """What cannot be read is never taken for satisfied."""
    with pytest.raises(ValueError, match="=> 1"):
        satisfies("1.11.4", "=> 1")


def test_the_binary_is_chosen_by_required_version(tmp_path: Path) -> None:
    """The first that fits, in the configured order; OpenTofu only for those who ask for it."""
    for name, version in (("terraform-old", "1.5.7"), ("terraform", "1.11.4"), ("tofu", "1.9.0")):
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\necho \'{{"terraform_version":"{version}"}}\'\n')
        program.chmod(0o755)
    found = Binaries(
        Processes(), ("terraform-old", "terraform", "tofu", "absent"), {"PATH": f"{tmp_path}:/bin:/usr/bin"}, tmp_path
    )
    assert found.choose([], tofu=False).version == "1.5.7"
    assert found.choose([">= 1.6"], tofu=False).version == "1.11.4"
    assert found.choose([">= 1.6"], tofu=True).path == str(tmp_path / "tofu")
    assert found.choose([], tofu=False, only="terraform").version == "1.11.4"
    with pytest.raises(LookEndedError) as failed:
        found.choose([">= 2"], tofu=False)
    assert failed.value.status is LookStatus.CONFIG_ERROR
    assert "1.5.7" in failed.value.reason
    with pytest.raises(LookEndedError) as failed:
        found.choose([], tofu=False, only="absent")
    assert failed.value.status is LookStatus.ERROR


def test_the_plan_role_takes_the_place_of_every_providers_own(tmp_path: Path) -> None:
    """With and without alias; a module without a provider block gets one; one without AWS gets none."""
    (tmp_path / "main.tf").write_text(
        'provider "aws" {\n  assume_role {\n    role_arn = "deploy"\n  }\n}\nprovider "aws" {\n  alias = "us"\n}\n'
    )
    (tmp_path / "more.tf.json").write_text(
        '{"provider": {"aws": [{"alias": "eu"}]}, "terraform": {"required_version": "1"}}'
    )
    module = read_module(tmp_path)
    assert (module.aws_providers, module.required_versions) == (("", "us", "eu"), ("1",))
    role = {"assume_role": [{"role_arn": "plan", "session_name": "barograph", "external_id": "e"}]}
    assert role_override(module, "plan", "e") == {
        "zzz_barograph_override.tf.json": {
            "provider": {"aws": [role, {"alias": "us", **role}, {"alias": "eu", **role}]}
        }
    }
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "main.tf").write_text('resource "aws_sqs_queue" "q" {}\n')
    assert list(role_override(read_module(bare), "plan", "")) == ["barograph_provider.tf.json"]
    (bare / "main.tf").write_text('resource "random_id" "q" {}\n')
    assert role_override(read_module(bare), "plan", "") == {}
    (bare / "main.tf").write_text('provider "aws" {\n')
    with pytest.raises(LookEndedError, match=r"main\.tf cannot be read"):
        role_override(read_module(bare), "plan", "")


def test_an_override_file_that_would_have_the_last_word_is_refused(tmp_path: Path) -> None:
    """Terraform merges override files by name: one after ours could put the provider's own role back."""
    (tmp_path / "main.tf").write_text('provider "aws" {}\n')
    (tmp_path / "providers_override.tf").write_text('provider "aws" {}\n')
    assert role_override(read_module(tmp_path), "plan", "")
    (tmp_path / "zzzz_override.tf").write_text('provider "aws" {}\n')
    with pytest.raises(LookEndedError, match=r"zzzz_override\.tf is merged after"):
        role_override(read_module(tmp_path), "plan", "")


def test_the_backends_identity_is_the_backends_own_first() -> None:
    """Keys, profile, then the environment; a masked key counts as none; roles in both spellings."""
    env = {"AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "s"}
    assert identity({"access_key": "own", "secret_key": "s"}, env).access_key == "own"
    assert identity({"access_key": "<MASKED>", "secret_key": "<MASKED>"}, env).access_key == "env"
    assert identity({"profile": "p", "shared_config_files": ["/c"]}, env) == Identity(profile="p", config_file="/c")
    assert identity({}, {}) == Identity()
    for config in ({"role_arn": "r"}, {"assume_role": {"role_arn": "r"}}, {"assume_role": [{"role_arn": "r"}]}):
        assert identity(config, env).roles == (Role("r"),)


def test_events_are_found_among_other_text() -> None:
    """Init's and Atmos' text, cut lines and foreign JSON are passed over; snippets are never kept."""
    diagnostic = {
        "severity": "error", "summary": "Bad", "detail": "very\n bad", "address": "a.b",
        "range": {"filename": "main.tf", "start": {"line": 3}}, "snippet": {"values": [{"statement": "canary"}]},
    }  # fmt: skip
    lines = [
        "Initializing…",
        '{"other": "json"}',
        '{"@level":"info","type":"version","terraform":"1.11.4"}', '{"@level":"inf',
        json.dumps({"@level": "error", "type": "diagnostic", "diagnostic": diagnostic}),
        json.dumps({"@level": "warn", "type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "w"}}),
        json.dumps({"@level": "info", "type": "change_summary", "changes": {"operation": "plan"}}),
    ]  # fmt: skip
    events = read_events("\n".join(lines).encode())
    assert (events.summarised, events.terraform) == (True, "1.11.4")
    assert [error.text() for error in events.errors] == ["main.tf:3: a.b: Bad: very bad"]


def test_errors_are_read_out_of_coloured_text() -> None:
    """Frames and colours go; file and line stay; the sentence that only announces others is left out."""
    text = (
        "\x1b[31m╷\x1b[0m\n\x1b[31m│\x1b[0m \x1b[1mError: \x1b[0mTerraform encountered problems during initialisation\n"
        "│ described below.\n╵\n╷\n│ Error: Unclosed configuration block\n│ \n│   on main.tf line 20, in x:\n"
        '│   20: resource "a" "b" {\n│ \n│ There is no closing brace.\n╵\n'
    )
    assert read_text(text.encode()) == (
        Diagnostic("Unclosed configuration block", "There is no closing brace.", "main.tf", 20),
    )


@pytest.mark.parametrize(
    ("summary", "detail", "status", "cause"),
    [
        ("No value for required variable", "", LookStatus.CONFIG_ERROR, "missing variable"),
        ("Unsupported Terraform Core version", "", LookStatus.CONFIG_ERROR, "terraform version"),
        ("Unsupported backend type", "", LookStatus.CONFIG_ERROR, "backend"),
        ("Module not installed", "", LookStatus.CONFIG_ERROR, "module"),
        ("No valid credential sources found", "", LookStatus.CONFIG_ERROR, "provider sign-in"),
        ("Cannot assume IAM Role", "", LookStatus.CONFIG_ERROR, "provider sign-in"),
        ('Currently selected workspace "x" does not exist', "", LookStatus.CONFIG_ERROR, "workspace"),
        ("Reference to undeclared input variable", "", LookStatus.CONFIG_ERROR, "syntax"),
        ("Failed to query available provider packages", "", LookStatus.CONFIG_ERROR, "provider version"),
        ("Failed to query available provider packages", "dial tcp: no such host", LookStatus.ERROR, "network"),
        ("Plugin did not respond", "", LookStatus.ERROR, "Plugin did not respond"),
        ("reading S3 Bucket: AccessDenied", "", LookStatus.ERROR, "reading S3 Bucket: AccessDenied"),
    ],
)
def test_whose_fault_an_error_is(summary: str, detail: str, status: LookStatus, cause: str) -> None:
    """The configuration's faults are told from all else; what is unknown stays an error."""
    assert cause_of([Diagnostic(summary, detail)]) == (status, cause)


def test_memory_bounds_the_workers() -> None:
    """A plan may take 0.8 GB; there is always one worker."""
    assert [workers_for(memory * GIB, 8) for memory in (0, 1, 2, 4, 64)] == [1, 1, 2, 5, 8]
