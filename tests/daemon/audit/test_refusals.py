"""Refused sign-ins: in the trail, by whom and why, and never more rows than a few."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.audit.refusals import MOST, Refusals
from daemon.store import Store
from daemon.web import AuthSettings, Credential, WebDeps, create_app, serving
from tests.daemon.store.world import NOW
from tests.daemon.web.world import World

READER, UNKNOWN = "token-of-the-reader-1", "token-of-nobody-12345"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Store.open(tmp_path / "b.db", lambda: NOW) as store:
        yield World(store)


def told(store: Store) -> list[tuple[str, Any]]:
    with store.read() as view:
        return [(line.who, line.detail) for line in view.audit(1_000)][::-1]


def test_refused_tokens_are_rows_and_hold_no_token(world: World) -> None:
    """Asked over real HTTP. Without any token nothing is noted: that is how every browser begins."""
    refusals = Refusals(world.store, world.clock)
    auth = AuthSettings(tokens=(Credential("prometheus", READER),))
    deps = WebDeps(
        store=world.store, snapshot=lambda: None, health=lambda: world.health, clock=world.clock,  # type: ignore[arg-type, return-value]  # no page is asked for
        auth=auth, refused=refusals.note,
    )  # fmt: skip
    with serving(create_app(deps), "127.0.0.1", 0) as port:
        base = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{base}/").status_code == 401
        for _ in range(3):
            answer = httpx.get(f"{base}/instances/{UNKNOWN}", headers={"Authorization": f"Bearer {UNKNOWN}"})
            assert answer.status_code == 401
        answer = httpx.post(f"{base}/api/v1/silences", headers={"Authorization": f"Bearer {READER}"})
        assert answer.status_code == 403
    refusals.flush()
    (unknown, one), (named, other) = told(world.store)
    assert (unknown, one["times"], one["why"]) == ("unknown", 3, "no such token, or user and password")
    assert (named, other["times"], other["why"]) == ("prometheus", 1, "lacks the scope acknowledge")
    assert other["first_asked"] == "a write of the API"
    assert UNKNOWN not in str(told(world.store))


def test_the_same_is_told_once_in_a_while(world: World) -> None:
    """With how often it happened meanwhile; at the end of the process what is left."""
    refusals = Refusals(world.store, world.clock)
    for minute in range(25):
        world.now = NOW + timedelta(minutes=minute)
        refusals.note("ci", "lacks the scope admin", "GET /")
        refusals.flush()
    assert [detail["times"] for _, detail in told(world.store)] == [1, 10, 10]
    refusals.flush(everything=True)
    assert [detail["times"] for _, detail in told(world.store)] == [1, 10, 10, 4]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=200))
def test_rows_are_few_and_none_is_lost(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    """However many there are: the sum of the rows is what was noted."""
    with Store.open(tmp_path_factory.mktemp("many") / "b.db", lambda: NOW) as store:
        refusals = Refusals(store, lambda: NOW)
        for name in names:
            refusals.note(name, "why", "GET /")
        refusals.flush()
        found = told(store)
    assert len(found) <= MOST + 1
    assert sum(detail["times"] for _, detail in found) == len(names)
