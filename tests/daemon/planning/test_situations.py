"""The situations of a watched instance, made with real Terraform, and how a look at each ends."""

from __future__ import annotations

import json
from dataclasses import replace

from checks.plans.judge import judge
from checks.plans.look import LookStatus, PlanLook
from tests.worlds import FAKE_MODULE, World, client, put_item


def actions(look: PlanLook) -> list[str]:
    assert look.plan is not None, look
    return [action for change in look.plan["resource_changes"] for action in change["change"]["actions"]]


def verdict(look: PlanLook) -> str:
    assert look.plan is not None, look
    return str(judge(look.plan).verdict)


def drifted(look: PlanLook) -> list[str]:
    assert look.plan is not None, look
    return [change["address"] for change in look.plan.get("resource_drift", [])]


def test_a_clean_instance_is_planned_with_nothing_to_do(small_world: World) -> None:
    """What was just applied plans to no changes and no drift, at the serial that was applied."""
    small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert (look.status, actions(look), drifted(look)) == (LookStatus.PLANNED, ["no-op"], [])
    assert verdict(look) == "in_sync"
    assert look.serial == 1
    assert look.max_rss_bytes > 20_000_000
    assert look.seconds > 0


def test_a_change_by_hand_shows_in_both_arrays(small_world: World) -> None:
    """An attribute changed by hand is drift, and what the next apply would revert."""
    small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    small_world.change(size="HUGE")
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert (actions(look), drifted(look)) == (["update"], ["fake_thing.a"])
    assert verdict(look) == "drift"


def test_a_merged_commit_is_seen_when_the_fingerprint_changes(small_world: World) -> None:
    """A worker's copy follows the repository: new code that is not applied is a change without drift."""
    folder = small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    planner = small_world.planner()
    assert actions(planner.look(watched, source_fingerprint="1")) == ["no-op"]
    (folder / "main.tf").write_text(FAKE_MODULE.replace('"small"', '"medium"'))
    assert actions(planner.look(watched, source_fingerprint="1")) == ["no-op"]
    look = planner.look(watched, source_fingerprint="2")
    assert (actions(look), drifted(look)) == (["update"], [])
    assert verdict(look) == "pending"


def test_a_new_output_is_in_the_plan(small_world: World) -> None:
    """Situation 9: exit code 2 for an output alone is still one whole plan."""
    folder = small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    (folder / "main.tf").write_text(FAKE_MODULE + 'output "more" { value = "x" }\n')
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert look.plan is not None
    assert actions(look) == ["no-op"]
    assert look.plan["output_changes"]["more"]["actions"] == ["create"]
    assert verdict(look) == "pending"


def test_a_failing_check_block_is_in_the_plan(small_world: World) -> None:
    """Situation 10: exit code 0, and the failed check in the plan."""
    small_world.module(
        "app",
        FAKE_MODULE
        + 'check "c" {\n assert {\n condition = fake_thing.a.size == "other"\n error_message = "no"\n }\n}\n',
    )
    watched = small_world.watched("app")
    small_world.apply(watched)
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert look.plan is not None
    assert [check["status"] for check in look.plan["checks"]] == ["fail"]
    assert verdict(look) == "check_failed"


def test_no_state_is_never_deployed_and_starts_nothing(small_world: World) -> None:
    """Situation 13: an absent state object ends the look before any Terraform call."""
    small_world.module("app")
    planner = small_world.planner(terraform=("no-such-terraform",))
    look = planner.look(small_world.watched("app"), source_fingerprint="1")
    assert look.status is LookStatus.NEVER_DEPLOYED
    assert look.plan is None


def test_a_missing_workspace_is_never_deployed_and_is_not_made(small_world: World) -> None:
    """A workspace beside a deployed one: nothing is planned, nothing is created in the bucket."""
    small_world.module("app")
    small_world.apply(small_world.watched("app", workspace="there"))
    look = small_world.planner().look(small_world.watched("app", workspace="absent"), source_fingerprint="1")
    assert look.status is LookStatus.NEVER_DEPLOYED
    assert small_world.proxy.writes == []


def test_a_workspace_is_planned_on_its_own_state(small_world: World) -> None:
    """TF_WORKSPACE decides which state a plan is made on."""
    small_world.module("app")
    watched = small_world.watched("app", workspace="acme-dev")
    small_world.apply(watched)
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert actions(look) == ["no-op"]


def test_a_lock_item_means_busy_with_who_and_since_when(small_world: World) -> None:
    """Situation 14: a DynamoDB lock item ends the look and names its owner."""
    small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    info = {"ID": "lock-1", "Who": "ana@build", "Operation": "OperationTypeApply", "Created": "2026-11-23T07:46:04Z"}
    put_item(small_world, "states/app.tfstate", Info=json.dumps(info))
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert look.status is LookStatus.BUSY
    assert look.reason == "the state is locked by ana@build for Apply since 2026-11-23T07:46:04Z"
    assert look.facts["lock_id"] == "lock-1"


def test_a_lock_object_means_busy(small_world: World) -> None:
    """A .tflock object beside the state is a lock too."""
    small_world.module("app")
    watched = small_world.watched("app", locks=False)
    small_world.apply(watched)
    client("s3", small_world.aws).put_object(Bucket="states", Key="app.tfstate.tflock", Body=b'{"Who": "bo"}')
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert (look.status, look.facts["lock_owner"]) == (LookStatus.BUSY, "bo")


def test_an_apply_during_the_plan_means_busy(small_world: World) -> None:
    """A state that is written while the plan runs makes the plan count for nothing."""
    small_world.module("app")
    watched = small_world.watched("app", locks=False)
    small_world.apply(watched)
    s3 = client("s3", small_world.aws)
    state = s3.get_object(Bucket="states", Key="app.tfstate")["Body"].read()
    reads = iter(range(1000))

    def write_at_the_third_read(call: object) -> None:
        if "app.tfstate" in str(call) and next(reads) == 2:
            changed = json.loads(state) | {"serial": 99}
            s3.put_object(Bucket="states", Key="app.tfstate", Body=json.dumps(changed).encode())

    small_world.proxy.answer = write_at_the_third_read
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert (look.status, look.plan) == (LookStatus.BUSY, None)
    assert "changed while" in look.reason


def test_a_syntax_error_is_the_configurations(small_world: World) -> None:
    """Situation 15: the message names file and line."""
    folder = small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    (folder / "main.tf").write_text(FAKE_MODULE + 'resource "fake_thing" "b" {\n')
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert look.status is LookStatus.CONFIG_ERROR
    assert "main.tf" in look.reason


def test_an_unknown_argument_is_the_configurations(small_world: World) -> None:
    """What the provider's schema refuses is found by the plan, and named with its line."""
    folder = small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    (folder / "main.tf").write_text(FAKE_MODULE.replace("size     =", "sizes    ="))
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert look.status is LookStatus.CONFIG_ERROR
    assert look.diagnostics[0].startswith("main.tf:16: ")


def test_a_missing_variable_is_the_configurations(small_world: World) -> None:
    """A required variable that nobody sets is named."""
    folder = small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    (folder / "main.tf").write_text(FAKE_MODULE + 'variable "needed" {}\n')
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert look.status is LookStatus.CONFIG_ERROR
    assert '"needed"' in look.reason


def test_an_unknown_provider_version_is_the_configurations(small_world: World) -> None:
    """A provider constraint that no version meets fails init, and is no drift."""
    folder = small_world.module("app")
    watched = small_world.watched("app")
    small_world.apply(watched)
    (folder / "main.tf").write_text(FAKE_MODULE.replace('"local/test/fake"', '"local/test/fake", version = "~> 9.0"'))
    look = small_world.planner().look(watched, source_fingerprint="1")
    assert look.status is LookStatus.CONFIG_ERROR
    assert look.cause.startswith("provider version")


def test_disabled_and_abstract_are_not_looked_at(small_world: World) -> None:
    """What is switched off is not applicable: neither in sync nor an error."""
    watched = small_world.watched("app")
    planner = small_world.planner()
    for instance in (replace(watched.instance, enabled=False), replace(watched.instance, abstract=True)):
        look = planner.look(replace(watched, instance=instance), source_fingerprint="1")
        assert look.status is LookStatus.NOT_APPLICABLE
    assert small_world.proxy.calls == []
