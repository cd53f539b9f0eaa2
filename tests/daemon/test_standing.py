"""Never healthy where what is looked at is not what is there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.base import Instance, Outcome, Reading
from daemon.inventory.model import Backend, Inventory, LeftOut, Watched
from daemon.runner import Runner
from daemon.scheduler import Scheduler
from daemon.standing import standings
from daemon.store import RunRow, Store
from daemon.vitals import vitals

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class _NoRecords:
    """Nothing is recorded here."""


@pytest.mark.parametrize(
    ("inventory", "failure", "expected"),
    [
        (Inventory(()), "", {"s/a": "", "s/b": ""}),
        (None, "", {"s/a": "", "s/b": ""}),
        (None, "no such host", dict.fromkeys(("s/a", "s/b"), "the inventory does not load: no such host")),
        (Inventory((), stale_because="x"), "", dict.fromkeys(("s/a", "s/b"), "the inventory does not load: x")),
        (
            Inventory((Watched(Instance("s", "a", "a"), Backend("s3")),), held=frozenset({"s/b"})), "",
            {"s/a": "", "s/b": "it is not listed any more; another listing has to say the same"},
        ),
        (
            Inventory((), left_out=(LeftOut("s", "a", "no backend is configured"),)), "",
            {"s/a": "it is not watched: no backend is configured", "s/b": ""},
        ),
    ],
)  # fmt: skip
def test_what_the_inventory_says_decides(
    tmp_path: Path, inventory: Inventory | None, failure: str, expected: Mapping[str, str]
) -> None:
    """Two instances that were in sync a moment ago: green only where the inventory still lists and plans them."""
    scheduler = Scheduler({"default": 1}, lambda: NOW)
    runner = Runner({}, _NoRecords(), lambda: NOW)  # type: ignore[arg-type]  # it is asked what runs, and no more
    with Store.open(tmp_path / "b.db", lambda: NOW) as store:
        with store.transaction() as tx:
            for place in expected:
                due = NOW + timedelta(hours=6)
                tx.save_run(RunRow("drift", place, {}, NOW, NOW, "ok", "", "", due))
                fine = Reading(place, Outcome.HEALTHY, "in_sync", "nothing differs")
                tx.save_readings("drift", place, [fine], NOW)
        health = vitals(NOW, store, scheduler, runner, inventory, {}, (), {}, failure, ["drift"])
        found = standings(store.jobs(), store.readings(), NOW, health.expected, {}, health.outdated)
    assert {each.job.place: each.why if each.outcome is Outcome.UNKNOWN else "" for each in found} == expected
    for each in found:
        assert (each.outcome is Outcome.HEALTHY) is (expected[each.job.place] == "")
        assert (each.readings[0].stale_reason == "") is (expected[each.job.place] == "")
