"""Situations made again by real Terraform, with built-in resources and with the fake provider."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks.plans.evidence import evidence
from checks.plans.judge import judge
from checks.plans.model import Judgement, Verdict
from tests.checks.plans.terraform import Terraform

pytestmark = pytest.mark.skipif(
    shutil.which("terraform") is None, reason="no terraform on the PATH: nothing can be planned"
)

BASE = """
variable "v" { default = "one" }
resource "terraform_data" "x" { input = var.v }
resource "terraform_data" "each" {
  for_each = toset(["p", "q"])
  input    = each.key
}
output "o" { value = "1" }
"""


@pytest.fixture
def stack(tmp_path: Path) -> Terraform:
    """Built-in resources, applied."""
    terraform = Terraform(tmp_path)
    terraform.apply(BASE)
    return terraform


def _judged(terraform: Terraform, *flags: str) -> Judgement:
    return judge(terraform.plan(*flags))


def test_new_workspace_is_never_deployed(tmp_path: Path) -> None:
    """Situation 13: no state, everything to be created."""
    terraform = Terraform(tmp_path)
    terraform.write(BASE)
    terraform.run("init", "-no-color")
    assert _judged(terraform).verdict is Verdict.NEVER_DEPLOYED


def test_clean_stack_is_in_sync(stack: Terraform) -> None:
    """Situation 0, with instances of for_each, plain and refresh-only."""
    assert _judged(stack).verdict is Verdict.IN_SYNC
    assert _judged(stack, "-refresh-only").verdict is Verdict.IN_SYNC


def test_added_outputs_are_pending(stack: Terraform) -> None:
    """Situation 9: only outputs were added, one of them sensitive."""
    stack.write(BASE + 'output "s" {\n  value = "kanarienvogel"\n  sensitive = true\n}\noutput "n" { value = "2" }\n')
    judgement = _judged(stack)
    assert judgement.verdict is Verdict.PENDING
    assert "kanarienvogel" not in json.dumps(evidence(judgement))


def test_failing_check_block_is_check_failed(stack: Terraform) -> None:
    """Situation 10: nothing differs, a check does not hold."""
    stack.write(
        BASE + 'check "c" {\n  assert {\n    condition = terraform_data.x.output == "two"\n'
        '    error_message = "it is ${terraform_data.x.output}"\n  }\n}\n'
    )
    judgement = _judged(stack)
    assert judgement.verdict is Verdict.CHECK_FAILED
    assert judgement.reason == "check.c: it is one"


def test_timestamp_is_perpetual(stack: Terraform) -> None:
    """Values known only after the apply, in place and by replacement, are neither drift nor pending."""
    code = BASE.replace("input = var.v", "input = timestamp()")
    code += 'resource "terraform_data" "z" {\n  triggers_replace = timestamp()\n}\noutput "t" { value = timestamp() }\n'
    stack.apply(code)
    judgement = _judged(stack)
    assert judgement.verdict is Verdict.PERPETUAL
    assert {item.action for item in judgement.differences if item.type != "output"} == {"update", "replace"}


@pytest.mark.parametrize(
    ("code", "actions"),
    [
        (BASE.replace('"x"', '"y"') + "moved {\n  from = terraform_data.x\n  to = terraform_data.y\n}\n", {"move"}),
        (BASE.replace('["p", "q"]', '["p", "r"]'), {"create", "delete"}),
        (BASE.replace('"one"', '"two"'), {"update"}),
        (
            BASE.replace('resource "terraform_data" "x" { input = var.v }', "")
            + "removed {\n  from = terraform_data.x\n  lifecycle { destroy = false }\n}\n",
            {"forget"},
        ),
    ],
)
def test_changes_of_the_code_are_pending(stack: Terraform, code: str, actions: set[str]) -> None:
    """Moved, added, removed, changed and forgotten resources wait for an apply."""
    stack.write(code)
    judgement = _judged(stack)
    assert judgement.verdict is Verdict.PENDING
    assert {item.action for item in judgement.differences} == actions


def test_tainted_resource_is_pending(stack: Terraform) -> None:
    """A replacement because of a taint is no drift, and its note says why."""
    stack.run("taint", "terraform_data.x")
    judgement = _judged(stack)
    assert judgement.verdict is Verdict.PENDING
    assert any("tainted" in item.note for item in judgement.differences)


THINGS = """
resource "fake_thing" "a" { name = "a" }
resource "fake_thing" "by_id" {
  name = "by_id"
  size = fake_thing.a.id
}
locals { status = fake_thing.a.status }
resource "fake_thing" "by_status" {
  name     = "by_status"
  size     = local.status
  password = "kanarienvogel"
}
resource "fake_thing" "many" {
  for_each = toset(["p", "q"])
  name     = "many-${each.key}"
  size     = "big"
}
module "m" {
  source = "./m"
}
output "all" { value = [for thing in fake_thing.many : thing.status] }
"""
MODULE = (
    'terraform {\n  required_providers {\n    fake = { source = "local/test/fake" }\n  }\n}\n'
    'resource "fake_thing" "inner" {\n  count = 2\n  name  = "inner-${count.index}"\n  size  = "big"\n}\n'
)


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Things of the fake provider, applied once."""
    pytest.importorskip("tf", reason="the fake provider needs the package tf")
    terraform = Terraform(tmp_path_factory.mktemp("things"), provider=True)
    (terraform.folder / "m").mkdir()
    (terraform.folder / "m" / "main.tf").write_text(MODULE)
    terraform.apply(THINGS)
    return terraform


@pytest.fixture
def things(applied: Terraform) -> Iterator[Terraform]:
    """The applied things; the world and the code are put back afterwards."""
    world = {file: file.read_bytes() for file in applied.cloud.iterdir()}
    yield applied
    for file, content in world.items():
        file.write_bytes(content)
    applied.write(THINGS)


def test_deleted_thing_with_dependents_is_drift_alone(things: Terraform) -> None:
    """What other resources lose by a deletion is its consequence, no pending change."""
    things.delete("a")
    judgement = _judged(things)
    assert (judgement.verdict, judgement.deleted) == (Verdict.DRIFT, ("fake_thing.a",))


def test_computed_change_that_reaches_another_resource_is_drift_alone(things: Terraform) -> None:
    """A change by hand that comes to another resource through a local is no change of the code."""
    things.change("a", status="degraded")
    judgement = _judged(things)
    assert judgement.verdict is Verdict.DRIFT
    assert {item.address: item.cls.value for item in judgement.differences} == {
        "fake_thing.a": "drift",
        "fake_thing.by_status": "follows",
    }


def test_computed_change_of_one_instance_that_reaches_an_output_is_drift(things: Terraform) -> None:
    """Terraform names the resource without its key where the code goes through all instances."""
    things.change("many-p", status="degraded")
    assert _judged(things).verdict is Verdict.DRIFT


def test_computed_change_that_reaches_nothing_is_accepted(things: Terraform) -> None:
    """Nothing in the code depends on it, and an apply would leave it alone."""
    things.change("by_id", status="degraded")
    assert _judged(things).verdict is Verdict.ACCEPTED


def test_change_by_hand_that_forces_a_replacement_is_drift(things: Terraform) -> None:
    """What an apply would undo by destroying is drift and shown as a replacement."""
    things.change("many-q", name="renamed")
    judgement = _judged(things)
    assert judgement.verdict is Verdict.DRIFT
    assert ('fake_thing.many["q"]', "replace") in {(item.address, item.action) for item in judgement.differences}


def test_thing_deleted_by_hand_and_dropped_from_the_code_is_drift(things: Terraform) -> None:
    """A deletion is never passed over, also where the code no longer asks for the thing."""
    things.delete("many-q")
    things.write(THINGS.replace('["p", "q"]', '["p"]'))
    judgement = _judged(things)
    assert (judgement.verdict, judgement.deleted) == (Verdict.DRIFT, ('fake_thing.many["q"]',))


def test_drift_inside_a_module_has_its_whole_address(things: Terraform) -> None:
    """Modules and counts are part of the address."""
    things.change("inner-1", size="tiny")
    assert _judged(things).reason == "module.m.fake_thing.inner[1]: size big -> tiny by hand"


def test_drift_here_and_a_change_of_the_code_there_are_both(things: Terraform) -> None:
    """A commit beside a change by hand is told beside it."""
    things.change("inner-0", size="tiny")
    things.write(THINGS.replace('size     = "big"', 'size     = "small"'))
    assert _judged(things).verdict is Verdict.DRIFT_AND_PENDING


def test_code_that_catches_up_partly_leaves_the_rest_as_drift(things: Terraform) -> None:
    """One of two hand changes is in the code now; the other would still be undone."""
    things.change("many-p", size="tiny")
    things.change("many-q", size="tiny")
    things.write(THINGS.replace('size     = "big"', 'size     = each.key == "p" ? "tiny" : "big"'))
    judgement = _judged(things)
    assert judgement.verdict is Verdict.DRIFT
    assert {item.address: item.cls.value for item in judgement.differences} == {
        'fake_thing.many["p"]': "accepted",
        'fake_thing.many["q"]': "drift",
    }


def test_changed_sensitive_value_is_told_without_it(things: Terraform) -> None:
    """Situation 8, made again."""
    things.change("by_status", password="leaked-by-hand")
    judgement = _judged(things)
    kept = json.dumps(evidence(judgement)) + repr(judgement)
    assert judgement.verdict is Verdict.DRIFT
    assert "kanarienvogel" not in kept
    assert "leaked-by-hand" not in kept
    assert "(sensitive) changed" in kept


def test_targeted_plan_is_refused(things: Terraform) -> None:
    """A plan that left resources out cannot say that all is well."""
    from checks.plans.model import NotJudgeable

    with pytest.raises(NotJudgeable, match="not complete"):
        _judged(things, "-target=fake_thing.a")
