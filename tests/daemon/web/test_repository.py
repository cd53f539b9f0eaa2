"""The repository page: what is watched of it, what is wrong in it, and what nobody knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from checks.base import Instance, Reading
from checks.manifests.model import Case, Examination, RepositoryFinding, Spot
from checks.repository import Repository
from daemon.inventory.model import ABSTRACT, Backend, Inventory, LeftOut, Problem, Watched
from daemon.store import RunRow
from tests.daemon.web.test_pages import get
from tests.daemon.web.world import HOSTILE, HOUR, NOW, World, world

DEV = Spot("stacks/deploy/dev.yaml", 12, 9)
BASE = Spot("stacks/catalog/eks.yaml", 34, 7)
CONFLICT = RepositoryFinding(
    "type_conflict", f"a list takes the place of a string {HOSTILE}", (DEV, BASE), "nothing that names a file",
    "write a list in both", affected="up to 1.205", blinds=True, blocks_all=True, owner="@platform",
    cases=(Case("`zones` of `eks/main`", (DEV, BASE)),),
    follows=(RepositoryFinding("no_backend", "2 instances have no backend", (DEV,), "nothing", "add one"),),
)  # fmt: skip
INVENTORY = Inventory(
    watched=(
        Watched(Instance("acme-dev", "network", "network"), Backend("s3")),
        Watched(Instance("acme-prod", f"net{HOSTILE}", "network", enabled=False), Backend("s3")),
    ),
    left_out=(LeftOut("acme-dev", "base", ABSTRACT), LeftOut("acme-dev", "eks", "its folder is missing")),
    problems=(Problem("stage_unknown", f"The stage is not known {HOSTILE}", ("acme-dev/network",), "say it"),),
    commit="0123456789abcdef0123456789abcdef01234567",
    dirty=True,
    loaded_at=NOW - HOUR,
    notes=("Atmos 1.300.0 is newer",),
)


class Place:
    """A repository that gives one examination."""

    key = "repository"

    def __init__(self, seen: Examination) -> None:
        self._seen = seen

    def examine(self) -> Examination:
        return self._seen


def recorded(made: World, *findings: RepositoryFinding, unread: tuple[str, ...] = ()) -> None:
    """Store what the real check says of an examination."""
    seen = Examination(findings, None, files_read=3, unread=unread)
    store(made, tuple(Repository().run(Place(seen))))  # type: ignore[arg-type]  # only what the check asks for


def store(made: World, readings: Iterable[Reading], failure: tuple[str, str] = ("", "")) -> None:
    row = RunRow(
        "repository", "repository", {"stage": "all"}, NOW - HOUR / 2, NOW - HOUR / 4,
        "failed" if failure[0] else "ok", *failure, NOW + HOUR,
    )  # fmt: skip
    with made.store.transaction() as tx:
        tx.save_run(row)
        if found := tuple(readings):
            tx.save_readings("repository", "repository", found, row.ended)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as empty:
        empty.inventory = INVENTORY
        yield empty


def test_a_cause_is_told_with_its_places_what_atmos_says_and_what_to_do(made: World) -> None:
    """All that the page of the command line says of a cause stands here too, and what follows from it under it."""
    recorded(made, CONFLICT)
    text = get(made, "/repository").text
    for told in (
        CONFLICT.summary, "stacks/deploy/dev.yaml:12:9", "stacks/catalog/eks.yaml:34:7", "up to 1.205",
        "nothing that names a file", "write a list in both", "2 instances have no backend", "@platform",
    ):  # fmt: skip
        assert told in text


def test_stacks_and_components_stand_with_how_each_is_listed(made: World) -> None:
    """Watched, disabled, abstract and left out with its reason; commit and uncommitted changes are said."""
    page = get(made, "/repository")
    statuses = ("watched", "disabled", "abstract", "left out", "its folder is missing")
    told_too = ("uncommitted changes", "Atmos 1.300.0 is newer", "The stage is not known", f"net{HOSTILE}")
    for told in (*statuses, INVENTORY.commit, *told_too):
        assert told in page.text
    assert "/instances/acme-dev/network" in page.links
    assert "script" not in {tag for tag, _ in page.tags}


def test_nothing_wrong_is_said_only_when_every_file_was_read(made: World) -> None:
    """Before the first look, after one that failed or was not complete, nobody knows."""
    clean = "Nothing: every file was read."
    assert clean not in get(made, "/repository").text
    recorded(made)
    assert clean in get(made, "/repository").text
    recorded(made, unread=("a.yaml is too large",))
    page = get(made, "/repository").text
    assert clean not in page
    assert "a.yaml is too large" in page
    recorded(made)
    store(made, (), ("failed", "the folder is gone"))
    page = get(made, "/repository").text
    assert clean not in page
    assert "the folder is gone" in page


def test_a_cause_that_the_last_look_could_not_renew_is_marked(made: World) -> None:
    """It is still told, and not as fresh."""
    recorded(made, CONFLICT)
    store(made, (), ("failed", "the folder is gone"))
    text = get(made, "/repository").text
    assert CONFLICT.summary in text
    assert "not renewed by the last look" in text


def test_an_inventory_that_is_stale_or_missing_says_so(made: World) -> None:
    """What stands on the page is then the last good one, with the reason; or nothing."""
    made.inventory = replace(INVENTORY, stale_because="dev.yaml:3: is not valid YAML")
    text = get(made, "/repository").text
    assert "last good inventory" in text
    assert "dev.yaml:3: is not valid YAML" in text
    made.inventory = None
    assert "has not loaded yet" in get(made, "/repository").text


def test_an_outcome_is_never_green_by_default(made: World) -> None:
    """Without any look the page shows no green mark."""
    assert "good" not in get(made, "/repository").styles
    recorded(made)
    assert "good" in get(made, "/repository").styles
