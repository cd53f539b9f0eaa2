"""Odd keys, prefixes, endpoints and answers of S3: what cannot be found is never called "never deployed" by mistake."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

import pytest

from checks.plans.look import LookStatus, PlanLook
from daemon.inventory.model import Backend
from tests.worlds import Call, World, client

MISSING = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"


def _look(world: World, *, locks: bool = False, **config: Any) -> PlanLook:
    world.module("app", 'output "x" { value = 1 }\n')
    watched = world.watched("app", locks=locks)
    backend = replace(watched.backend, config={**watched.backend.config, **config})
    return world.planner().look(replace(watched, backend=backend), source_fingerprint="1")


@pytest.mark.parametrize(
    ("prefix", "key", "whole"),
    [
        (None, "k.tfstate", "env:/w/k.tfstate"),
        ("", "k.tfstate", "w/k.tfstate"),
        ("p//q", "k.tfstate", "p/q/w/k.tfstate"),
        (None, "./k.tfstate", "env:/w/k.tfstate"),
        (None, "../k.tfstate", "env:/k.tfstate"),
    ],
)
def test_the_key_is_the_one_terraform_uses(small_world: World, prefix: str | None, key: str, whole: str) -> None:
    """Where real Terraform puts the state of a workspace is where it is looked for."""
    folder = small_world.module("app", 'output "x" { value = 1 }\n')
    config = {**small_world.watched("app", locks=False).backend.config, "key": key}
    if prefix is not None:
        config["workspace_key_prefix"] = prefix
    (folder / "backend_override.tf.json").write_text(json.dumps({"terraform": {"backend": {"s3": config}}}))
    env = {"PATH": os.environ["PATH"]}
    small_world.terraform(folder, env, "init", "-input=false")
    small_world.terraform(folder, env, "workspace", "new", "w")
    listed = client("s3", small_world.aws).list_objects_v2(Bucket="states")["Contents"]
    assert [item["Key"] for item in listed] == [whole] == [Backend("s3", config, "w").key]


def test_the_default_workspace_has_the_key_as_it_is_written() -> None:
    """No prefix, and nothing cleaned."""
    assert Backend("s3", {"key": "./a", "workspace_key_prefix": "p"}).key == "./a"


@pytest.mark.parametrize(
    "config",
    [
        {"key": "/app.tfstate"}, {"key": "app/"}, {"key": "a//b"}, {"key": "a\0b"}, {"key": ["a"]}, {"key": {}},
        {"bucket": ["states"]},
    ],
)  # fmt: skip
def test_a_place_that_terraform_refuses_is_a_config_error(small_world: World, config: dict[str, Any]) -> None:
    """Nothing can be there, so that nothing is there says nothing."""
    look = _look(small_world, **config)
    assert (look.status, look.cause) == (LookStatus.CONFIG_ERROR, "backend incomplete"), look


@pytest.mark.parametrize("endpoint", ["127.0.0.1:5000", "localhost", "http://", "http://[::1", "ftp://x"])
def test_an_endpoint_that_is_no_address_is_told(small_world: World, endpoint: str) -> None:
    """It could not look, and says what is wrong."""
    look = _look(small_world, endpoints={"s3": endpoint})
    assert look.status in (LookStatus.CONFIG_ERROR, LookStatus.ERROR), look
    assert endpoint in look.reason or look.status is LookStatus.ERROR


@pytest.mark.parametrize(
    ("status", "body"), [(301, b""), (403, b""), (400, b""), (500, b""), (200, b""), (200, b"<html>"), (204, b"")]
)
def test_no_answer_but_a_plain_no_means_never_deployed(small_world: World, status: int, body: bytes) -> None:
    """S3 answers 403 for a missing key where listing is not allowed, and proxies answer anything."""
    small_world.proxy.answer = lambda call: (status, body) if call.path.startswith("/states") else None
    look = _look(small_world, locks=True)
    assert (look.status, look.plan) == (LookStatus.ERROR, None), look


def test_a_deleted_state_in_a_versioned_bucket_is_no_state_that_never_was(small_world: World) -> None:
    """S3 says that a delete marker stands in for the object."""

    def answer(call: Call) -> tuple[int, bytes, dict[str, str]] | None:
        if call.path.startswith("/states/app.tfstate?") or call.path == "/states/app.tfstate":
            return 404, MISSING, {"x-amz-delete-marker": "true", "Content-Type": "application/xml"}
        return None

    small_world.proxy.answer = answer
    look = _look(small_world)
    assert (look.status, look.cause) == (LookStatus.ERROR, "state deleted"), look
    small_world.proxy.answer = lambda call: (404, MISSING) if "app.tfstate" in call.path else None
    assert _look(small_world).status is LookStatus.NEVER_DEPLOYED
