"""What runs of Terraform and Atmos say, as recorded and as run here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.plans.redact import Scrubber
from checks.runs.listener import LONGEST, Listener
from checks.runs.model import Doing, Phase, ResourceEvent, Status, StepFailed, Summary, Trouble
from checks.runs.story import Story, tell

FIXTURES = Path(__file__).parents[2] / "fixtures"
RUNS, ATMOS = FIXTURES / "runs", FIXTURES / "atmos"
GENERATIONS = ("1.163.0", "1.205.1", "1.226.1")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def heard(output: bytes, *, piece: int = 0) -> list[object]:
    """The events of *output*, given whole, or in pieces of so many bytes."""
    listener = Listener(Scrubber().text)
    pieces = [output[n : n + piece] for n in range(0, len(output), piece)] if piece else [output]
    events = [one for each in pieces for one in listener.feed(each)] + listener.close()
    return [one.event for one in events]


def story(*outputs: bytes) -> Story:
    """The story of a run that printed *outputs*, each to a stream of its own."""
    events = []
    for output in outputs:
        listener = Listener(Scrubber().text)
        events += listener.feed(output) + listener.close()
    return tell(events, NOW)


def recorded(generation: str, name: str) -> tuple[bytes, bytes, int]:
    """What Atmos printed, and its exit code."""
    told = json.loads((ATMOS / generation / f"{name}.json").read_text())
    return told["stdout"].encode(), told["stderr"].encode(), told["rc"]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_first_deployment_is_three_calls_that_create(generation: str) -> None:
    """Each component is a call of Terraform of its own, with its plan, its apply and what it made."""
    out, err, _ = recorded(generation, "workflow-first-deployment")
    told = story(out, err)
    assert len(told.calls) == 3
    assert all(call.planned == Summary("plan", 1, 0, 0) for call in told.calls)
    assert all(call.applied == Summary("apply", 1, 0, 0) for call in told.calls)
    assert [(row.address, row.doing, row.status) for row in told.resources] == [
        ("terraform_data.vpc", Doing.CREATE, Status.DONE),
        ("terraform_data.service[0]", Doing.CREATE, Status.DONE),
        ("terraform_data.zone", Doing.CREATE, Status.DONE),
    ]
    assert not told.troubles


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_deployment_that_changes_nothing_changed_nothing(generation: str) -> None:
    """Reading a state is no change, and no step failed."""
    out, err, _ = recorded(generation, "workflow-success")
    told = story(out, err)
    assert (len(told.calls), told.changed, told.unfinished) == (3, {}, ())
    assert not any(step.failed for step in told.steps)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_plan_is_not_taken_for_an_apply(generation: str) -> None:
    """What would be done is planned and nothing more."""
    out, err, _ = recorded(generation, "workflow-read-only-plan")
    told = story(out, err)
    assert {row.status for row in told.resources} == {Status.PLANNED}
    assert all(call.phase is Phase.PLAN and call.applied is None for call in told.calls)


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("workflow-failure", "fails"),
        ("workflow-from-step", "fails"),
        ("workflow-missing-component", "step1"),
        ("workflow-empty-step", "nothing"),
    ],
)
def test_the_step_that_failed_is_named_with_how_to_resume(generation: str, name: str, step: str) -> None:
    """Each generation says it in its own words; the exit code is known where Atmos says it."""
    out, err, code = recorded(generation, name)
    failed = [one for one in story(out, err).steps if one.failed]
    assert [one.name for one in failed] == [step]
    assert re.fullmatch(rf"atmos workflow \S+ -f deploy --from-step '?{step}'?.*", failed[0].resume)
    assert failed[0].exit_code in ((None,) if generation == "1.163.0" else (code, 1))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_steps_that_succeed_are_told_by_their_commands(generation: str) -> None:
    """Newer generations say each step's command; 1.163 says so only where nothing is run."""
    _, err, _ = recorded(generation, "workflow-dry-run")
    assert [step.command for step in story(err).steps] == [
        f"atmos terraform apply {component} -auto-approve" for component in ("network", "service/payments", "dns")
    ]


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("workflow-unknown", r"No workflow exists with the name zzz|no workflow found"),
        ("workflow-from-bad-step", r"[Ii]nvalid '?(--)?from-step'? flag.*"),
        ("workflow-key-value", r"could not open a new TTY.*|Unknown command broken for atmos workflow"),
        ("apply-locked", r"component 'dns' is locked.*|locked component cannot be provisioned"),
    ],
)
def test_what_atmos_refuses_is_an_error(generation: str, name: str, words: str) -> None:
    """A call that ran nothing has one error, in Atmos' own words."""
    out, err, _ = recorded(generation, name)
    told = story(out, err)
    assert len(told.troubles) == 1
    assert re.fullmatch(words, told.troubles[0].summary)
    assert not any(step.failed for step in told.steps)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_held_lock_is_told_whole(generation: str) -> None:
    """The frame around Terraform's error is taken off, and its lines stay."""
    out, err, _ = recorded(generation, "apply-state-locked")
    (trouble,) = story(out, err).troubles
    assert trouble.summary == "Error acquiring the state lock"
    assert "Who:       ci@runner" in trouble.detail
    assert "│" not in trouble.detail


def test_the_stream_and_the_log_tell_the_same() -> None:
    """A failed resource is known from the stream's own event, and from the error of the log."""
    stream = story((RUNS / "apply-failed.jsonl").read_bytes())
    log = story((RUNS / "apply-failed.out.txt").read_bytes(), (RUNS / "apply-failed.err.txt").read_bytes())
    assert {row.address: row.status for row in stream.resources}["terraform_data.bad[0]"] is Status.FAILED
    assert {row.address: row.status for row in log.resources}["terraform_data.bad[0]"] is Status.FAILED
    for told in (stream, log):
        (trouble,) = told.troubles
        assert trouble == Trouble(
            "local-exec provisioner error", trouble.detail, "terraform_data.bad[0]", "main.tf", 26
        )
        assert trouble.detail.startswith("Error running command 'exit 3'")
        assert told.calls[-1].applied is None, "a failed apply is not proven to have come to its end"


def test_what_a_provisioner_prints_proves_nothing() -> None:
    """A program that prints Terraform's own words is not believed."""
    told = story((RUNS / "apply-failed.jsonl").read_bytes())
    assert told.calls[-1].applied is None
    forged = b"terraform_data.b (local-exec): Apply complete! Resources: 9 added, 9 changed, 9 destroyed.\n"
    assert heard(forged) == []


def test_times_of_the_output_are_kept() -> None:
    """The stream says when each thing happened, to the microsecond; so do the logs of CI systems."""
    row = next(r for r in story((RUNS / "apply-failed.jsonl").read_bytes()).resources if r.address.endswith("slow"))
    assert row.begun_at is not None
    assert row.ended_at is not None
    assert (row.seconds, round((row.ended_at - row.begun_at).total_seconds())) == (11.0, 11)
    line = b"2026-03-02T11:59:58.1234567Z terraform_data.a: Creating...\n"
    listener = Listener(Scrubber().text)
    assert listener.feed(line)[0].at == datetime(2026, 3, 2, 11, 59, 58, 123456, tzinfo=UTC)


def test_colour_is_no_part_of_a_line() -> None:
    """The same is heard with colour and without."""
    coloured = (RUNS / "apply-colour.txt").read_bytes()
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", coloured)
    assert coloured != plain
    assert heard(coloured) == heard(plain)


@given(st.sampled_from(sorted(RUNS.iterdir())), st.integers(1, 400))
def test_how_output_is_cut_into_pieces_does_not_matter(path: Path, size: int) -> None:
    """Lines, colours and characters may be cut anywhere."""
    output = path.read_bytes()
    assert heard(output, piece=size) == heard(output)


ODD = (
    b"Error: x\n",
    "╷\n│ Error: y\n".encode(),
    b'{"@level":"info","type":"apply_start","hook":{"resource":{"addr":1}}}\n',
    b'{"@level":1,"type":["apply_start"],"hook":[]}\n',
    b"# Workflow Error\n",
    b"a.b: Creating...\n",
    b"Plan: 1 to add, 0 to change, 0 to destroy.\n",
    b"{" * 3000,
)


@given(st.lists(st.one_of(st.binary(max_size=300), st.sampled_from(ODD)), max_size=30))
def test_no_output_is_too_odd(pieces: list[bytes]) -> None:
    """Whatever is printed, nothing is raised, and the story can be told."""
    story(b"".join(pieces))


def test_memory_does_not_grow_with_a_line() -> None:
    """Of an endless line its beginning is read."""
    listener = Listener(Scrubber().text)
    for _ in range(40):
        assert listener.feed(b"x" * LONGEST) == []
        assert len(listener._rest) <= LONGEST
    assert listener.feed(b"\na.b: Creating...\n") != []


def test_secrets_do_not_stay() -> None:
    """What is secret, or looks like it, is in no event; values of outputs and of plans are in none either."""
    output = (
        b'o = "hello-output"\n  + password = "hunter2-in-a-plan"\n'
        b"aws_iam_access_key.k: Creation complete after 1s [id=AKIAIOSFODNN7EXAMPLE]\n"
        b"Error: could not sign in\n\n"
        b'  on main.tf line 3, in provider "x":\n  3:   token = "ghp_0123456789abcdefghij"\n\n'
        b"password=hunter2-in-an-error\n"
    )  # fmt: skip
    told = repr(heard(output))
    for secret in ("hello-output", "hunter2", "AKIAIOSFODNN7EXAMPLE", "ghp_"):
        assert secret not in told
    assert "could not sign in" in told


def test_what_was_begun_and_never_ended_is_unfinished() -> None:
    """A run that is cut off leaves behind what may exist although no state has it."""
    told = story(
        b"aws_db_instance.this: Creating...\naws_vpc.a: Creating...\naws_vpc.a: Creation complete after 1s [id=vpc-1]\n"
    )
    assert [row.address for row in told.resources if row.status is Status.UNFINISHED] == ["aws_db_instance.this"]


def test_a_replacement_is_its_two_halves() -> None:
    """Destroyed and created again: two things that were done."""
    told = story((RUNS / "apply-failed.out.txt").read_bytes())
    done = [(row.doing, row.status) for row in told.resources if row.address == "terraform_data.a"]
    assert done == [(Doing.DELETE, Status.DONE), (Doing.CREATE, Status.DONE)]


def test_addresses_are_read_whole() -> None:
    """Modules, keys with quotes and brackets, and numbers are part of an address."""
    address = 'module.a["x: y"].module.b[3].data.aws_ami.this["he said \\"no\\""]'
    (event,) = heard(f"{address}: Still reading... [id=ami-1, 01m10s elapsed]\n".encode())
    assert event == ResourceEvent(address, Doing.READ, Status.STARTED, 70.0, "ami-1")


def test_help_texts_are_no_failures() -> None:
    """The example in Atmos' usage names no step."""
    assert not any(
        isinstance(e, StepFailed) for e in heard(b"  $ atmos workflow <name> --file <file> --from-step <step>\n")
    )


@pytest.mark.skipif(shutil.which("terraform") is None, reason="no terraform on the PATH")
@pytest.mark.parametrize("form", ["json", "log"])
def test_a_real_run_of_terraform(form: str, tmp_path: Path) -> None:
    """What Terraform does here and now is understood, in both forms."""
    (tmp_path / "main.tf").write_text(
        'resource "terraform_data" "a" {\n  for_each = toset(["x", "y"])\n  input = each.key\n}\n'
        'output "o" {\n  value = "printed-value"\n}\n'
    )
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "TF_CLI_CONFIG_FILE": "/dev/null", "CHECKPOINT_DISABLE": "1"}
    more = ["-json"] if form == "json" else []
    init = subprocess.run(["terraform", "init"], cwd=tmp_path, env=env, capture_output=True, check=True)
    apply = subprocess.run(
        ["terraform", "apply", "-auto-approve", *more], cwd=tmp_path, env=env, capture_output=True, check=True
    )
    told = story(init.stdout + apply.stdout)
    assert {row.address: row.status for row in told.resources} == {
        'terraform_data.a["x"]': Status.DONE,
        'terraform_data.a["y"]': Status.DONE,
    }
    assert told.changed == {"create": 2}
    assert told.calls[-1].applied == Summary("apply", 2, 0, 0)
    assert "printed-value" not in repr(told)
