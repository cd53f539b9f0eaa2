"""Runs as pages and as JSON, hostile names among them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import html5lib
import httpx
import pytest

from checks.runs.after import Health, Verdict, Worse
from checks.runs.aftermath import stored
from checks.runs.dora import WINDOW
from daemon import web
from daemon.executions.production import production
from daemon.metrics.series import _of_changes, _of_runs
from daemon.metrics.snapshot import Snapshot
from daemon.store import aftercare, executions
from daemon.store.aftercare import CareRow
from tests.daemon.executions.world import RUN, START, World, number, world
from tests.daemon.web.world import HOSTILE, browsing

HELD = {"addr": f'aws_vpc.main["{HOSTILE}"]', "action": "create", "status": "started"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.judge.tick()
        yield made


@pytest.fixture
def client(here: World) -> Iterator[httpx.Client]:
    deps = web.WebDeps(
        here.store, lambda: Snapshot(b"", b""), lambda: pytest.fail("nobody asks"), lambda: here.now
    )  # fmt: skip
    with browsing(web.create_app(deps)) as made:
        yield made


def read(client: httpx.Client, path: str) -> str:
    """A page that a strict parser takes, and that holds nothing of what was sent as it was."""
    answer = client.get(path)
    assert answer.status_code == 200
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert HOSTILE not in answer.text
    return answer.text


def test_a_run_is_shown_while_it_runs(here: World, client: httpx.Client) -> None:
    """Its steps and resources as far as they have come; what runs is marked."""
    here.start(workflow=f"deploy {HOSTILE}", argv=["atmos", HOSTILE], ci_url="javascript:alert(1)")
    here.send(here.event(1, "step.start", index=0, name=f"apply {HOSTILE}", command=""))
    here.send(here.event(2, "resource", **HELD), here.event(3, "phase.start", phase="apply"))
    here.judge.tick()
    here.move(seconds=70)
    assert "1 min so far" in read(client, "/runs")
    text = read(client, f"/runs/{RUN}")
    assert text.count(">running<") == 3
    assert "does nothing: its command is empty" in text
    assert 'href="javascript' not in text


@pytest.mark.parametrize("back", ["https://wiki.example/back", "javascript:alert(1)", "apply 3f2a9c1 again"])
def test_the_way_back_is_on_the_page(here: World, client: httpx.Client, back: str) -> None:
    """To be followed where a browser may, else as text; and that it was an emergency."""
    here.start(rollback=back, emergency=True)
    here.judge.tick()
    text = read(client, f"/runs/{RUN}")
    assert back in text
    assert (f'href="{back}"' in text) is back.startswith("https")
    assert "asks for a review" in text
    one = client.get(f"/api/v1/runs/{RUN}").json()
    assert (one["rollback"], one["emergency"]) == (back, True)


def test_errors_and_texts_that_are_not_shown_are_told_of(here: World, client: httpx.Client) -> None:
    """A run with many of them does not look like one with few."""
    here.start()
    here.send(*(here.event(n, "error", summary=f"error {n}") for n in range(1, 24)))
    here.send(*(here.event(n, "log", message=f"text {n}") for n in range(30, 55)))
    here.judge.tick()
    page = read(client, f"/runs/{RUN}")
    assert "and 3 errors more" in page
    assert "the last 20 of 25 texts" in page


def test_a_run_that_was_lost_says_what_nobody_knows(here: World, client: httpx.Client) -> None:
    """No end of a step is made up, and orphans are named."""
    here.start()
    here.send(here.event(1, "step.start", index=0, name="apply"), here.event(2, "resource", **HELD))
    here.judge.tick()
    here.move(minutes=5)
    here.judge.tick()
    text = read(client, f"/runs/{RUN}")
    assert "no end was heard" in text
    assert "possibly orphaned" in text
    assert "possibly orphaned" in read(client, "/runs?state=lost")


def test_the_same_as_json(here: World, client: httpx.Client) -> None:
    """Listed by place and by state, each with its steps."""
    here.whole(number(1))
    here.whole(number(2), rc=1, stack="acme-dev")
    listed = client.get("/api/v1/runs").json()
    assert [(one["run_id"], one["state"]) for one in listed["runs"]] == [
        (number(2), "failed"), (number(1), "succeeded"),
    ]  # fmt: skip
    assert [one["run_id"] for one in client.get("/api/v1/runs?state=failed").json()["runs"]] == [number(2)]
    assert [one["run_id"] for one in client.get("/api/v1/runs?place=acme-prod/vpc").json()["runs"]] == [number(1)]
    assert client.get("/api/v1/runs?before=2026-03-02T09:04:00Z").json()["runs"] == [listed["runs"][1]]
    one = client.get(f"/api/v1/runs/{number(1)}").json()
    assert (one["seconds"], one["phases"][0]["phase"], one["actor"]) == (300.0, "apply", "alice")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/v1/runs?state=x", 400), ("/api/v1/runs?before=x", 400), ("/api/v1/runs?before=2026-01-01", 400),
     ("/api/v1/runs/x", 404), ("/runs/x", 404), ("/runs?state=x", 400), ("/runs?before=%00", 400)],
)  # fmt: skip
def test_what_is_not_there(client: httpx.Client, path: str, status: int) -> None:
    """A reason, and no error of ours."""
    assert client.get(path).status_code == status


def test_runs_as_metrics(here: World) -> None:
    """The last duration by result, the last success, and what runs now; nothing of what never happened."""
    here.whole(number(1), minutes=3)
    here.whole(number(2), minutes=5)
    here.whole(number(3), rc=1, minutes=1)
    here.start(number(4))
    here.judge.tick()
    with here.store.read() as view:
        totals = executions.totals(view.db, here.now - here.now.replace(year=2025), here.now)
    found = {metric.name: values for metric, values in _of_runs(totals)}
    where = (START["workflow"], START["stack"])
    assert found["barograph_run_last_duration_seconds"] == {(*where, "succeeded"): 300.0, (*where, "failed"): 60.0}
    assert found["barograph_run_results"] == {(*where, "succeeded"): 2.0, (*where, "failed"): 1.0}
    assert found["barograph_run_in_progress"] == {where: 1.0}
    assert found["barograph_run_last_success_timestamp_seconds"] == {where: here.row(number(2)).ended_at.timestamp()}  # type: ignore[union-attr]  # it has ended


def test_names_that_a_sender_makes_up_are_bounded_and_no_sum_is_of_a_part(here: World) -> None:
    """Workflows beyond the bound have no series of their own, and hide no failure."""
    here.whole(number(1), rc=1, workflow="deploy")
    for n in range(2, 6):
        here.whole(number(n), workflow=f"made-up-{n}")
    here.start(number(6), workflow="made-up-6")
    here.judge.tick()
    with here.store.read() as view:
        found = {
            metric.name: values
            for metric, values in _of_runs(executions.totals(view.db, timedelta(days=365), here.now, most=2))
        }
    results = found["barograph_run_results"]
    assert sum(count for (_, _, state), count in results.items() if state == "failed") == 1
    assert sum(count for (_, _, state), count in results.items() if state == "succeeded") == 4
    assert sum(found["barograph_run_in_progress"].values()) == 1
    assert ("(others)", "", "failed") in results
    assert len({(workflow, stack) for workflow, stack, _ in results}) <= 3


def test_what_a_plan_would_do_is_on_the_page_and_in_the_json(here: World, client: httpx.Client) -> None:
    """With hostile names as text, and what nobody knows as that."""
    row = {"addr": f'aws_db_instance.a["{HOSTILE}"]', "type": "aws_db_instance", "action": "replace",
           "order": "destroy_first", "opens": [HOSTILE], "id": HOSTILE}  # fmt: skip
    told = {"plan": HOSTILE, "part": 0, "parts": 2, "replace": 1, "rows": [row], "workspace": HOSTILE, "why": ""}
    here.start()
    here.send(here.event(1, "impact", **told))
    here.judge.tick()
    text = read(client, f"/runs/{RUN}")
    assert "destroyed before it is created" in text
    assert "1 of the 2 parts in which it was told did not come" in text
    (plan,) = client.get(f"/api/v1/runs/{RUN}").json()["impacts"]
    assert (plan["worst"], plan["complete"], plan["counts"], plan["changes"][0]["stateful"]) == (
        "bad", False, {"replace": 1}, True,
    )  # fmt: skip
    assert {one["answer"] for one in plan["outlook"]} == {"unknown"}


def test_what_came_after_an_apply_is_on_its_page_and_in_the_json(here: World, client: httpx.Client) -> None:
    """With what got worse, what could not be looked at and whose runs met it; hostile names are no markup."""
    here.whole(RUN)
    worse = Worse("v1:a", f"alarm {HOSTILE}", here.now, well_at=here.now)
    found = Verdict(
        Health.WORSE, f"worse after it: {HOSTILE}", (worse,), (HOSTILE,), gaps=(f"could not {HOSTILE}",),
        others=(number(2),),
    )  # fmt: skip
    row = CareRow(
        RUN, "acme-prod", "acme-prod/vpc", "deploy", "done", here.now, here.now, here.now, here.now, here.now, here.now,
        health="worse", verdict=stored(found),
    )  # fmt: skip
    assert client.get(f"/api/v1/runs/{RUN}").json()["health"] is None
    with here.store.transaction() as tx:
        aftercare.save(tx.db, row)
    text = read(client, f"/runs/{RUN}")
    assert "Wrong before it already" in text
    assert f'href="/runs/{number(2)}"' in text
    assert '<span class="pill bad">worse</span>' in read(client, "/runs")
    (listed,) = client.get("/api/v1/runs").json()["runs"]
    one = client.get(f"/api/v1/runs/{RUN}").json()
    assert listed["health"] == one["health"]
    assert (one["health"]["health"], one["health"]["could_not_look"]) == ("worse", [f"could not {HOSTILE}"])
    assert one["health"]["watched_until"] == here.now.isoformat()


def test_how_changes_reach_production_is_on_the_page_in_the_json_and_in_the_metrics(
    here: World, client: httpx.Client
) -> None:
    """Of how many each is; what is not known is no 0, and a stack that nobody changed is not there."""
    assert "Production, last 30 days" not in read(client, "/runs")
    assert client.get("/api/v1/deployments").json() == {"days": 30, "stacks": {}}
    stack = f"acme-{HOSTILE}"
    here.whole(RUN, stack=stack)
    here.whole(number(2), rc=1, stack=stack)
    for run in (RUN, number(2)):
        with here.store.transaction() as tx:
            aftercare.save(
                tx.db,
                CareRow(
                    run,
                    stack,
                    f"{stack}/vpc",
                    "deploy",
                    "done",
                    here.now,
                    here.now,
                    here.now,
                    here.now,
                    here.now - timedelta(minutes=1),
                ),
            )
    text = read(client, "/runs")
    assert "Production, last 30 days" in text
    assert "1 of 2" in text
    (found,) = client.get("/api/v1/deployments").json()["stacks"].values()
    assert (found["deployments"], found["failures"], found["applies"], found["failure_ratio"]) == (1, 1, 2, 0.5)
    assert (found["lead_seconds"], found["restore_seconds"], found["not_watched"]) == (None, None, 1)
    with here.store.read() as view:
        changes = production(view, here.now - WINDOW, here.now + timedelta(seconds=1))
    series = {metric.name: values for metric, values in _of_changes(changes)}
    assert series["barograph_deployment_failures"] == {(stack,): 1.0}
    assert series["barograph_deployment_cycle_ratio"] == {(stack,): 1.0}
    assert series["barograph_deployment_cycle_changes"] == {(stack,): 2.0}
    assert series["barograph_deployment_lead_seconds"] == {}
