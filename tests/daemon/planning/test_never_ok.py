"""However planning goes wrong, the look says so: it is never a plan, and each way has its own reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from checks.plans.look import LookStatus
from daemon.inventory.model import Backend
from daemon.planning import PlanRule
from daemon.processes import Processes
from tests.worlds import World, client, put_item

STATE = json.dumps({"version": 4, "serial": 7, "lineage": "x", "outputs": {}, "resources": []}).encode()
SUMMARY = '{"@level":"info","type":"change_summary","changes":{"add":0,"change":0,"operation":"plan"}}'
APPLIED = SUMMARY.replace('"plan"', '"apply"')
GOOD_PLAN = f"printf 'PK and so on' > \"$out\"; echo '{SUMMARY}'; exit 2"
GOOD_SHOW = """echo '{"format_version":"1.2","resource_changes":[]}'"""


def deployed(world: World, body: bytes = STATE) -> None:
    """Put a state where the instance "app" has it."""
    world.module("app", 'output "x" { value = 1 }\n')
    client("s3", world.aws).put_object(Bucket="states", Key="app.tfstate", Body=body)


def terraform(world: World, *, init: str = "exit 0", plan: str = GOOD_PLAN, show: str = GOOD_SHOW) -> tuple[str]:
    """A program that answers as Terraform, with these pieces of shell for its subcommands."""
    program = world.root / "terraform"
    program.write_text(
        '#!/bin/sh\nfor each in "$@"; do case "$each" in -out=*) out="${each#-out=}";; esac; done\n'
        f'case "$1" in\nversion) echo \'{{"terraform_version":"1.11.4","provider_selections":{{}}}}\';;\n'
        f"init) {init};;\nplan) {plan};;\nshow) {show};;\nesac\n"
    )
    program.chmod(0o755)
    return (str(program),)


def test_the_stand_in_answers_well_when_nothing_is_wrong(small_world: World) -> None:
    """The rows below differ from a good look in one thing each."""
    deployed(small_world)
    planner = small_world.planner(terraform=terraform(small_world))
    look = planner.look(small_world.watched("app"), source_fingerprint="1")
    assert (look.status, look.serial) == (LookStatus.PLANNED, 7)


def failing(summary: str) -> str:
    """A plan that ends with one error."""
    event = {"@level": "error", "type": "diagnostic", "diagnostic": {"severity": "error", "summary": summary}}
    return f"echo '{json.dumps(event)}'; exit 1"


@dataclass(frozen=True)
class Row:
    """One way to go wrong, and what the look must say."""

    cause: str
    init: str = "exit 0"
    plan: str = GOOD_PLAN
    show: str = GOOD_SHOW
    status: LookStatus = LookStatus.ERROR


ROWS = {
    "killed": Row("terraform killed", plan="kill -9 $$"),
    "killed in init": Row("terraform killed", init="kill -9 $$"),
    "failing init": Row("Failed to get state: ", init="echo 'Error: Failed to get state' >&2; exit 1"),
    "no such provider": Row(
        "provider version: ", init="echo 'Error: Failed to query available provider packages' >&2; exit 1",
        status=LookStatus.CONFIG_ERROR,
    ),
    "registry down": Row(
        "network: ", init="echo 'Error: Failed to query available provider packages\ndial tcp: x' >&2; exit 1"
    ),
    "silent failure": Row("no message: ", plan="exit 1"),
    "crash that exits 2": Row("terraform crashed", plan="echo 'panic: runtime error' >&2; exit 2"),
    "crash after the file": Row("terraform crashed", plan='printf PK > "$out"; exit 2'),
    "exit 0 without a summary": Row("terraform crashed", plan="exit 0"),
    "no plan file": Row("no plan file", plan=f"echo '{SUMMARY}'; exit 2"),
    "empty plan file": Row("no plan file", plan=f": > \"$out\"; echo '{SUMMARY}'; exit 0"),
    "summary of an apply": Row("terraform crashed", plan=f"printf PK > \"$out\"; echo '{APPLIED}'"),
    "truncated JSON": Row("plan unreadable", show="""printf '{"format_version":"1.2","resou'"""),
    "empty JSON": Row("plan unreadable", show="exit 0"),
    "failing show": Row("no message: ", show="exit 1"),
    "JSON that is no plan": Row("plan unreadable", show="echo '{}'"),
    "sign-in": Row(
        "provider sign-in: ", status=LookStatus.CONFIG_ERROR,
        plan=failing("No valid credential sources found"),
    ),
    "throttled": Row(
        "network: ",
        plan=failing("reading x: Throttling"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_each_way_to_go_wrong_has_its_own_end(small_world: World, name: str) -> None:
    """No row is a plan; each says why, and leaves nothing behind."""
    row = ROWS[name]
    deployed(small_world)
    planner = small_world.planner(terraform=terraform(small_world, init=row.init, plan=row.plan, show=row.show))
    look = planner.look(small_world.watched("app"), source_fingerprint="1")
    assert (look.status, look.plan) == (row.status, None)
    assert look.cause.startswith(row.cause), look
    assert look.reason
    assert list(small_world.scratch.rglob("plan")) == []


def test_a_plan_that_ignores_sigterm_is_ended_at_its_deadline(small_world: World) -> None:
    """Time is up: the whole group is killed, and the reason says how long it had."""
    deployed(small_world)
    small_world.processes = Processes(grace_seconds=0.2)
    slow = terraform(small_world, plan="trap '' TERM; sleep 60")
    planner = small_world.planner(terraform=slow, deadline_seconds=3)
    look = planner.look(small_world.watched("app"), source_fingerprint="1")
    assert (look.status, look.cause) == (LookStatus.ERROR, "timeout")
    assert look.seconds < 30


def test_too_much_output_is_an_error(small_world: World) -> None:
    """A plan that prints without end is ended, not kept in memory."""
    deployed(small_world)
    endless = terraform(small_world, plan="while :; do echo xxxxxxxxxxxxxxxx; done")
    look = small_world.planner(terraform=endless, output_limit=1000).look(
        small_world.watched("app"), source_fingerprint="1"
    )
    assert (look.status, look.cause) == (LookStatus.ERROR, "output too long")


def test_a_missing_terraform_is_an_error(small_world: World) -> None:
    """No program: an error that says what to install."""
    deployed(small_world)
    look = small_world.planner(terraform=("no-such-terraform",)).look(
        small_world.watched("app"), source_fingerprint="1"
    )
    assert (look.status, look.cause) == (LookStatus.ERROR, "terraform missing")
    assert "no-such-terraform" in look.reason


def test_a_stopping_daemon_starts_nothing(small_world: World) -> None:
    """After close() of the processes a look ends as an error."""
    deployed(small_world)
    planner = small_world.planner(terraform=terraform(small_world))
    small_world.processes.close()
    assert planner.look(small_world.watched("app"), source_fingerprint="1").cause == "stopping"


def forbid(world: World) -> None:
    deployed(world)
    world.proxy.answer = lambda call: (403, b"<Error><Code>AccessDenied</Code></Error>") if not call.target else None


def forbid_table(world: World) -> None:
    deployed(world)
    denied = (400, b'{"__type":"AccessDeniedException","message":"no"}')
    world.proxy.answer = lambda call: denied if call.target else None


def no_bucket(world: World) -> None:
    deployed(world)
    s3 = client("s3", world.aws)
    s3.delete_object(Bucket="states", Key="app.tfstate")
    s3.delete_bucket(Bucket="states")


def wrong_digest(world: World) -> None:
    deployed(world)
    put_item(world, "states/app.tfstate-md5", Digest="0" * 32)


def state_gone(world: World) -> None:
    world.module("app", "")
    put_item(world, "states/app.tfstate-md5", Digest=hashlib.md5(STATE).hexdigest())


@pytest.mark.parametrize(
    ("prepare", "cause"),
    [
        (forbid, "state denied"),
        (forbid_table, "state denied"),
        (no_bucket, "state failed"),
        (wrong_digest, "state digest"),
        (state_gone, "state deleted"),
        (lambda world: deployed(world, b""), "state damaged"),
        (lambda world: deployed(world, STATE[:20]), "state damaged"),
        (lambda world: deployed(world, b'{"hello": 1}'), "state damaged"),
    ],
)
def test_a_state_that_cannot_be_read_is_an_error(
    small_world: World, prepare: Callable[[World], None], cause: str
) -> None:
    """Denied, gone, damaged: never "never deployed", and Terraform is not started."""
    prepare(small_world)
    look = small_world.planner(terraform=("no-such-terraform",)).look(
        small_world.watched("app"), source_fingerprint="1"
    )
    assert (look.status, look.cause) == (LookStatus.ERROR, cause)


def test_a_matching_digest_is_no_trouble(small_world: World) -> None:
    """The digest Terraform wrote is compared, and fits."""
    deployed(small_world)
    put_item(small_world, "states/app.tfstate-md5", Digest=hashlib.md5(STATE).hexdigest())
    planner = small_world.planner(terraform=terraform(small_world))
    assert planner.look(small_world.watched("app"), source_fingerprint="1").status is LookStatus.PLANNED


def test_what_cannot_be_planned_safely_is_refused(small_world: World) -> None:
    """Names that look like options, paths as commands, unknown backends, unresolved vars: a config_error each."""
    deployed(small_world)
    watched = small_world.watched("app")
    planner = small_world.planner(
        terraform=terraform(small_world),
        rules=(PlanRule(plan_role="arn:aws:iam::{account}:role/plan", stacks="roles"),),
    )
    rows = {
        "starts with a dash": replace(watched, backend=replace(watched.backend, workspace="-vpc-main")),
        "without Barograph's guard": replace(watched, command="/usr/bin/terraform"),
        "no backend is configured": replace(watched, backend=Backend("")),
        'backend type "azurerm"': replace(watched, backend=Backend("azurerm")),
        "only Atmos can plan it": replace(watched, unresolved=("cidr",)),
        "folder gone is not there": replace(watched, instance=replace(watched.instance, working_directory="gone")),
        "only": replace(watched, command="tofu"),
        "account of roles is not known": replace(watched, instance=replace(watched.instance, stack="roles")),
    }
    for words, instance in rows.items():
        look = planner.look(instance, source_fingerprint="1")
        assert (look.status, words in look.reason) == (LookStatus.CONFIG_ERROR, True), look


def test_a_version_nobody_has_is_named(small_world: World) -> None:
    """required_version that none of the binaries meets is a config_error that names them."""
    deployed(small_world)
    folder = small_world.module("app", 'terraform { required_version = "~> 0.12" }\n')
    look = small_world.planner(terraform=terraform(small_world)).look(
        small_world.watched("app"), source_fingerprint=str(folder)
    )
    assert look.status is LookStatus.CONFIG_ERROR
    assert "~> 0.12" in look.reason
    assert "1.11.4" in look.reason


def test_a_provider_that_is_not_listed_does_not_run(small_world: World) -> None:
    """The allow-list is held before any provider code could run."""
    small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    before = sorted(path.stat().st_mtime_ns for path in small_world.things.iterdir())
    planner = small_world.planner(rules=(PlanRule(allowed_providers=("hashicorp/aws",)),))
    look = planner.look(watched, source_fingerprint="1")
    assert (look.status, look.cause) == (LookStatus.CONFIG_ERROR, "provider not allowed")
    assert "local/test/fake" in look.reason
    assert sorted(path.stat().st_mtime_ns for path in small_world.things.iterdir()) == before
    allowed = small_world.planner(rules=(PlanRule(allowed_providers=("local/test/fake",)),))
    assert allowed.look(watched, source_fingerprint="1").status is LookStatus.PLANNED


def test_a_scratch_folder_that_cannot_be_made_is_an_error(small_world: World, tmp_path: Path) -> None:
    """A file in the way of the scratch folder: an error, no traceback."""
    deployed(small_world)
    (tmp_path / "file").write_text("")
    planner = small_world.planner(scratch=tmp_path / "file")
    assert planner.look(small_world.watched("app"), source_fingerprint="1").cause == "scratch"
