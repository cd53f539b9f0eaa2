"""Impacts as they come out of a run's events: in any order, in parts, from plans and from output."""

from __future__ import annotations

import random
from typing import Any

import pytest

from checks.plans.redact import Scrubber
from checks.runs import travel, wire
from checks.runs.impact import Impact, Source, type_of
from checks.runs.listener import Listener
from checks.runs.record import record_of
from tests.checks.runs.test_record import NOW, RUN, sent, story

ROWS = [{"addr": "aws_vpc.a", "type": "aws_vpc", "action": "create"}, {"addr": "aws_vpc.b", "action": "delete"}]
PARTS: list[dict[str, Any]] = [
    {"plan": "p", "part": 0, "parts": 2, "create": 1, "delete": 1, "created": ["aws_vpc 1"], "rows": ROWS[:1]},
    {"plan": "p", "part": 1, "parts": 2, "rows": ROWS[1:]},
]
HUMAN = """\
Terraform will perform the following actions:

  # module.db["x.y"].aws_db_instance.this[0] must be replaced
-/+ resource "aws_db_instance" "this" {
      ~ engine = "a" -> "b" # forces replacement
    }

  # aws_lb.a is tainted, so must be replaced
+/- resource "aws_lb" "a" {
    }

  # aws_vpc.a will be created
  + resource "aws_vpc" "a" {
    }

Plan: 3 to add, 0 to change, 2 to destroy.
"""


def impacts(*bodies: dict[str, Any]) -> tuple[Impact, ...]:
    return record_of(RUN, [sent(seq, "impact", **body) for seq, body in enumerate(bodies)]).impacts


def of_output(text: str) -> tuple[Impact, ...]:
    """As a listener hears it, and a receiver folds what travelled."""
    listener = Listener(Scrubber().text)
    heard = listener.feed(text.encode()) + listener.close()
    events = []
    for seq, one in enumerate(heard):
        name, data = travel.told(one.event)
        told = wire.parse({"run_id": RUN, "seq": seq, "event": name, "ts": NOW.isoformat(), **data})
        events.append(sent(seq, told.event, **told.data))
    return record_of(RUN, events).impacts


def test_parts_in_any_order_are_one_impact() -> None:
    """And repeats change nothing."""
    (first,) = impacts(*PARTS)
    assert [row.address for row in first.rows] == ["aws_vpc.a", "aws_vpc.b"]
    assert (first.source, first.complete, first.counts, first.created) == (
        Source.PLAN, True, {"create": 1, "delete": 1}, {"aws_vpc": 1},
    )  # fmt: skip
    events = [sent(seq, "impact", **body) for seq, body in enumerate(PARTS)] * 2
    random.Random(1).shuffle(events)
    assert record_of(RUN, events).impacts == (first,)


def test_a_part_that_is_missing_is_said() -> None:
    """What is not named is not known to be left alone."""
    (one,) = impacts(PARTS[0])
    assert (one.complete, one.left_out, one.partial) == (
        False, 1, "1 of the 2 parts in which it was told did not come",
    )  # fmt: skip
    (other,) = impacts(PARTS[1])
    assert not other.complete


def test_a_plan_that_could_not_be_read_says_why() -> None:
    """It is not a plan that changes nothing."""
    (one,) = impacts({"plan": "p", "part": 0, "parts": 1, "why": "it did not end"})
    assert (one.known, one.complete, one.why) == (False, False, "it did not end")


def test_a_saved_plan_that_is_applied_is_the_same_plan() -> None:
    """By its digest; another file is another plan, and one that could not be read again is not forgotten."""
    made = {**PARTS[0], "parts": 1, "digest": "aa", "operation": "plan"}
    applied = {**made, "plan": "q", "operation": "apply"}
    (same,) = impacts(made, applied)
    assert same.operation == "apply"
    assert len(impacts(made, {**applied, "digest": "bb"})) == 2
    (kept,) = impacts(made, {"plan": "q", "part": 0, "parts": 1, "digest": "aa", "why": "gone"})
    assert kept.known


def test_the_output_tells_addresses_actions_and_orders() -> None:
    """Where there is no plan file; less is known of it, and that is said by its source."""
    (one,) = of_output(HUMAN)
    assert [(row.address, row.type, row.action, row.order) for row in one.rows] == [
        ('module.db["x.y"].aws_db_instance.this[0]', "aws_db_instance", "replace", "destroy_first"),
        ("aws_lb.a", "aws_lb", "replace", "create_first"), ("aws_vpc.a", "aws_vpc", "create", ""),
    ]  # fmt: skip
    assert (one.source, one.complete, one.created) == (Source.OUTPUT, True, {"aws_vpc": 1})


def test_the_stream_tells_addresses_and_actions() -> None:
    """Of a replacement it does not tell what comes first."""
    line = '{"@level":"info","type":"planned_change","change":{"resource":{"addr":"aws_lb.a"},"action":"replace"}}\n'
    end = '{"@level":"info","type":"change_summary","changes":{"add":1,"change":0,"remove":1,"operation":"plan"}}\n'
    (one,) = of_output(line + end)
    assert [(row.address, row.action, row.order) for row in one.rows] == [("aws_lb.a", "replace", "")]
    assert one.complete


def test_an_output_of_which_a_part_was_missed_says_so() -> None:
    """Terraform's own sum is held against what was heard."""
    (one,) = of_output(HUMAN.replace("# aws_vpc.a will be created", "# something else"))
    assert (one.complete, one.partial) == (
        False, "Terraform counts 3 to add, 0 to change, 2 to destroy; not all was heard",
    )  # fmt: skip
    (cut,) = of_output(HUMAN.rpartition("Plan:")[0])
    assert not cut.complete
    (none,) = of_output("No changes. Your infrastructure matches the configuration.\n")
    assert (none.rows, none.complete) == ((), True)


@pytest.mark.parametrize(
    "second",
    [
        [("resource", {"addr": "aws_vpc.a", "action": "create", "status": "planned"}),
         ("resource", {"addr": "aws_vpc.b", "action": "delete", "status": "planned"})],
        [("resource", {"addr": "aws_vpc.b", "action": "delete", "status": "planned"})],
        [("summary", {"operation": "plan", "add": 3, "remove": 9})],
    ],
)  # fmt: skip
def test_the_plan_of_a_second_place_is_not_hidden_by_that_of_the_first(
    second: list[tuple[str, dict[str, Any]]],
) -> None:
    """The same root module elsewhere has the same addresses, and only its output was heard; or only its sum."""
    first: list[tuple[str, dict[str, Any]]] = [
        ("phase.start", {"phase": "init"}),
        ("resource", {"addr": "aws_vpc.a", "action": "create", "status": "planned"}),
        ("resource", {"addr": "aws_vpc.b", "action": "delete", "status": "planned"}),
        ("summary", {"operation": "plan", "add": 1, "remove": 1}), *(("impact", part) for part in PARTS),
    ]  # fmt: skip
    found = record_of(RUN, story(*first, ("phase.start", {"phase": "init"}), *second)).impacts
    assert [one.source for one in found] == [Source.PLAN, Source.OUTPUT]


def test_what_a_plan_tells_the_output_does_not_tell_again() -> None:
    """Also where the plan knew that a key is secret, and the output did not; another plan of the run stays."""
    planned: list[tuple[str, dict[str, Any]]] = [
        ("resource", {"addr": 'aws_vpc.a["abc"]', "action": "create", "status": "planned"}),
        ("summary", {"operation": "plan", "add": 1}),
    ]
    told = {"plan": "p", "part": 0, "parts": 1, "create": 1,
            "rows": [{"addr": 'aws_vpc.a["(sensitive)"]', "action": "create"}]}  # fmt: skip
    assert [one.source for one in record_of(RUN, story(*planned, ("impact", told))).impacts] == [Source.PLAN]
    other = {**told, "rows": [{"addr": "aws_x.y", "action": "create"}]}
    assert len(record_of(RUN, story(*planned, ("impact", other))).impacts) == 2


def test_hostile_rows_are_none() -> None:
    """What is no row is left out, and counted as missing."""
    bad = [{"addr": 1, "action": "create"}, {"addr": "a.b", "action": "explode"}, [], None]
    event = wire.parse({"run_id": RUN, "seq": 0, "event": "impact", "ts": 0, "plan": "p", "create": 4, "rows": bad})
    (one,) = impacts(dict(event.data))
    assert (one.rows, one.left_out, one.complete) == ((), 4, False)


def test_a_row_travels_within_its_bounds() -> None:
    """Escape sequences and lines beyond the bound do not."""
    row = {
        "addr": "a.b\x1b[31m" + "x" * 2_000,
        "action": "create",
        "opens": ["y" * 1_000],
        "secret": "no",
        "takes": "3",
    }
    event = wire.parse({"run_id": RUN, "seq": 0, "event": "impact", "ts": 0, "plan": "p", "rows": [row] * 300})
    first = event.data["rows"][0]
    assert (len(event.data["rows"]), len(first["addr"]), len(first["opens"][0]), sorted(first)) == (
        200, 1_000, 500, ["action", "addr", "opens"],
    )  # fmt: skip
    assert "\x1b" not in first["addr"]
    assert len(wire.line(event)) <= wire.MAX_EVENT


def test_the_type_is_that_of_the_address() -> None:
    """Behind modules, whose keys may hold dots and brackets."""
    assert type_of('module.a["x].y"].module.b[0].aws_vpc.this["z"]') == "aws_vpc"
