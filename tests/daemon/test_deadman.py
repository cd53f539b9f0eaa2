from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from alerts.sinks.http import Http
from daemon.deadman import DeadMan
from tests.alerts.sinks.fakes import Other, Trouble, served
from tests.alerts.world import Clock

SECRET = "/ping/6f5c2f9e-secret-uuid"


class Healthchecks(Other):
    """Takes pings, as Healthchecks.io does."""

    def judge(self, path: str, headers: dict[str, str], body: bytes) -> str | None:
        return None if path.startswith(SECRET) else "no such check"

    def accept(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        return 200, b"OK"

    def pings(self) -> list[tuple[str, str]]:
        return [(each["path"].removeprefix(SECRET), each["body"].decode()) for each in self.requests]


@pytest.fixture
def outside() -> Iterator[Healthchecks]:
    with served(Healthchecks()) as made:
        yield made


def test_a_start_then_signs_of_life_then_failures_with_reasons(outside: Healthchecks) -> None:
    """Well only while there is no reason not to be; the reasons are told."""
    reasons: list[str] = []
    man = DeadMan(f"{outside.url}{SECRET}", Http(2), lambda: reasons, Clock())
    man.ping()
    man.ping()
    reasons[:] = ["3 jobs are overdue", "messages wait"]
    man.ping()
    reasons.clear()
    man.ping()
    assert outside.pings() == [
        ("/start", ""), ("", ""), ("", ""), ("/fail", "3 jobs are overdue\nmessages wait"), ("", ""),
    ]  # fmt: skip


def test_a_beginning_is_no_failure_and_an_endless_one_is(outside: Healthchecks) -> None:
    """While the inventory loads nothing is sent; after the grace it is a failure."""
    clock = Clock()
    man = DeadMan(f"{outside.url}{SECRET}?rid=1", Http(2), lambda: ["the inventory is not loaded"], clock)
    man.ping()
    clock.advance(timedelta(minutes=9).total_seconds())
    man.ping()
    clock.advance(timedelta(minutes=2).total_seconds())
    man.ping()
    assert [path for path, _ in outside.pings()] == ["/start?rid=1", "/fail?rid=1"]


def test_not_knowing_how_one_is_is_a_failure(outside: Healthchecks) -> None:
    """A store that cannot be read sends no sign of life."""

    def unknown() -> list[str]:
        raise OSError("disk")

    clock = Clock()
    man = DeadMan(f"{outside.url}{SECRET}", Http(2), unknown, clock)
    man.ping()
    clock.advance(700)
    man.ping()
    assert outside.pings()[1:] == [("/fail", "it cannot be told how Barograph is: OSError")]


def test_what_goes_wrong_outside_is_logged_without_the_address(
    outside: Healthchecks, caplog: pytest.LogCaptureFixture
) -> None:
    """The start is tried again, and nothing raises."""
    caplog.set_level(logging.DEBUG)
    man = DeadMan(f"{outside.url}{SECRET}", Http(2), list, Clock())
    outside.troubles += [Trouble(reset=True), Trouble(500)]
    man.ping()
    man.ping()
    assert [path for path, _ in outside.pings()] == ["/start", ""]
    away = DeadMan(f"http://127.0.0.1:9{SECRET}", Http(2), list, Clock())
    away.ping()
    assert "secret-uuid" not in caplog.text + repr([man, away])
    assert "the sign of life" in caplog.text
