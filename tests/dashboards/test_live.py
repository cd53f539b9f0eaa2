"""A real Prometheus that scrapes the daemon's own metrics answers every query of every dashboard."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.dashboards.asking import Choice, choose, problems
from tests.dashboards.estate import HOUR, Estate, estate, served
from tests.dashboards.reading import asked, dashboards, substituted
from tests.dashboards.server import Server, running
from tests.tools.programs import prometheus

ALL = dashboards()

# What may have no result in this world, with the reason. Everything else must have one.
EMPTY = {
    "barograph-fleet / Blind places, longest first / A": "with one stack of one account chosen no place is blind",
    "barograph-drift / States, worst first / A": "a lock is held in one stack only; elsewhere the cell is blank",
}

# One value of each variable; the others are All. And one of each at once.
ONE = {
    "tenant": ["acme"], "stage": ["production"], "stack": ["acme-euw1-prod"], "account": ["222222222222"],
    "region": ["eu-west-1"],
}  # fmt: skip
CHOICES: dict[str, dict[str, list[str]]] = {
    "All": {}, **{f"one {name}": {name: value} for name, value in ONE.items()}, "one of each": ONE,
    "several stacks": {"stack": ["acme-euw1-prod", "globex-euc1-prod"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus that has scraped the day's end, and goes on."""
    folder = tmp_path_factory.mktemp("live")
    program = prometheus()
    began = datetime.now(UTC) - timedelta(hours=24)
    with estate(folder, began) as made:
        for hour in range(0, 24, 2):
            made.at(began + hour * HOUR)
        stop = threading.Event()
        thread = threading.Thread(target=_go_on, args=(made, stop))
        with served(made) as port, running(program, folder, [f"127.0.0.1:{port}"]) as found:
            thread.start()
            try:
                _wait_for_rates(found)
                yield found
            finally:
                stop.set()
                thread.join(30)


def _go_on(made: Estate, stop: threading.Event) -> None:
    while not stop.wait(0.5):
        made.at(datetime.now(UTC))
        made.snapshots.refresh()


def _wait_for_rates(server: Server) -> None:
    """Until every counter was scraped often enough to have a rate."""
    for _ in range(200):
        if server.instant("count(rate(barograph_aws_requests_total[8s])) > 0 and on () count_over_time(up[10s]) >= 6"):
            return
        threading.Event().wait(0.1)
    raise AssertionError("Prometheus does not scrape")


def test_every_query_has_an_answer(server: Server) -> None:
    """No error, no warning, no empty result, no variable without values, no legend that tells nothing."""
    assert [
        problem
        for dashboard in ALL.values()
        for name, chosen in CHOICES.items()
        for problem in problems(server, dashboard, choose(server, dashboard, name, chosen), EMPTY)
    ] == []


def test_a_stack_without_lead_time_has_no_data(server: Server) -> None:
    """Nobody told when its commits were made: no series, and no 0, while what is known of it is there."""
    dashboard = ALL["barograph-executions"]
    made = choose(server, dashboard, "no lead time", {"stack": ["acme-use1-prod"]})
    wanted = {"Deployments", "Change failure rate", "Median lead time"}
    found = {
        one.panel["title"]: [each["value"][1] for each in server.instant(substituted(one.expr, made.values))]
        for one in asked(dashboard) if one.panel.get("title") in wanted
    }  # fmt: skip
    assert found == {"Deployments": ["9"], "Change failure rate": ["0"], "Median lead time": []}


def test_a_query_that_asks_for_nothing_is_found(server: Server) -> None:
    """The test above can fail: a wrong name, a wrong query and a rate of a gauge are told."""
    panel = {
        "title": "Broken", "type": "stat", "targets": [
            {"refId": "A", "expr": "barograph_no_such_metric", "instant": True},
            {"refId": "B", "expr": "sum(", "instant": True},
            {"refId": "C", "expr": 'barograph_series{a="$nothing"}', "instant": True},
        ],
    }  # fmt: skip
    broken = {"uid": "broken", "panels": [panel], "annotations": {"list": []}, "templating": {"list": []}}
    found = list(problems(server, broken, Choice("All", {}, {}), {}))
    assert [each.split(": ")[1].split(" ")[0] for each in found] == [
        "no",
        '{"status":"error","errorType":"bad_data","error":"invalid',
        "a",
    ]


def test_what_a_variable_leaves_is_what_the_next_offers(server: Server) -> None:
    """Chained: with one tenant chosen, only its stacks and accounts can be."""
    made = choose(server, ALL["barograph-fleet"], "globex", {"tenant": ["globex"]})
    assert made.values["stack"] == "(globex-euc1-dev|globex-euc1-prod)"
    assert made.values["account"] == "(333333333333|444444444444)"
