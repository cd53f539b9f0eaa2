"""Terraform's errors quote values: those of variable files, states and other stacks do not get further."""

from __future__ import annotations

import json

import pytest

from daemon.planning.secrets import in_state
from tests.worlds import World, client

CANARY = "canary-4711-zz"
STATE = {"version": 4, "terraform_version": "1.6.0", "serial": 7, "lineage": "x", "outputs": {}, "resources": []}


def _told(world: World, text: str, *, var_files: tuple[str, ...] = (), **files: str) -> str:
    """All that a look at a module of *text* and *files* tells."""
    folder = world.module("app", text)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    client("s3", world.aws).put_object(Bucket="states", Key="app.tfstate", Body=json.dumps(STATE).encode())
    watched = world.watched("app", locks=False, var_files=var_files)
    look = world.planner().look(watched, source_fingerprint="1")
    assert look.plan is None
    assert "main.tf" in look.reason
    return repr(look)


@pytest.mark.parametrize("name", ["x.tfvars", "terraform.tfvars", "y.auto.tfvars", "z.auto.tfvars.json"])
def test_a_value_of_a_variable_file_is_not_told(small_world: World, name: str) -> None:
    """In the error of a condition, whose message the code makes of it."""
    text = (
        'variable "p" {\n  validation {\n    condition     = length(var.p) > 99\n'
        '    error_message = "It must not be ${var.p}!"\n  }\n}\n'
    )
    content = json.dumps({"p": CANARY}) if name.endswith("json") else f'p = "{CANARY}"\n'
    told = _told(small_world, text, var_files=(name,) if name == "x.tfvars" else (), **{name: content})
    assert "It must not be" in told
    assert CANARY not in told


def test_a_value_of_another_stack_is_not_told(small_world: World) -> None:
    """Where a function could not work with it."""
    text = (
        'data "terraform_remote_state" "s" {\n  backend = "local"\n  config = { path = "${path.module}/s.json" }\n}\n'
        'output "x" { value = tonumber(data.terraform_remote_state.s.outputs.p) }\n'
    )
    output = {"value": CANARY, "type": "string", "sensitive": True}
    told = _told(small_world, text, s__json=json.dumps(STATE | {"outputs": {"p": output}}))
    assert "cannot convert (not shown) to number" in told
    assert CANARY not in told


@pytest.mark.parametrize("secret", [CANARY * 60, f"line one {CANARY}\n\n  line two {CANARY}"])
def test_a_long_message_is_cut_after_it_is_scrubbed(small_world: World, secret: str) -> None:
    """A secret at the place of the cut, or of several lines, leaves no part of itself."""
    text = (
        'variable "p" {\n  validation {\n    condition     = length(var.p) > 99999\n'
        f'    error_message = "{"No. " * 100}It must not be ${{var.p}}!"\n  }}\n}}\n'
    )
    told = _told(small_world, text, p__auto__tfvars__json=json.dumps({"p": secret}))
    assert CANARY[:8] not in told
    assert len(told) < 2500


def test_the_secrets_of_a_state_are_known() -> None:
    """Marked by a path, an output's own, and by their names; what is none stays out."""
    marked = [[{"type": "get_attr", "value": "deep"}, {"type": "index", "value": {"value": 1, "type": "number"}}]]
    attributes = {"deep": ["plain-one", {"x": "by-its-path"}], "password": "by-its-name", "id": "plain-id"}
    state = STATE | {
        "outputs": {"o": {"value": ["an-output"], "sensitive": True}, "p": {"value": "plain-two"}},
        "resources": [{"instances": [{"attributes": attributes, "sensitive_attributes": marked}]}],
    }
    assert in_state(json.dumps(state).encode()) == {"by-its-path", "by-its-name", "an-output"}


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b'{"outputs":[],"resources":{}}', b'{"resources":[1,{"instances":[2,{}]}],"outputs":{"a":1}}']
)
def test_a_state_that_is_none_has_no_secrets(body: bytes) -> None:
    """Nothing to stumble over."""
    assert in_state(body) == frozenset()
