"""From one listing to the next: what is gone is told from what Atmos only did not list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.base import Instance
from daemon.inventory.lifecycle import APART, Judgement, Listing, Memory, judge
from daemon.inventory.model import Backend, Watched

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)


def one(key: str, manifest: str = "deploy/dev", **more: Any) -> Watched:
    stack, _, component = key.partition("/")
    return Watched(Instance(stack, component, component), Backend("s3", {"bucket": "b"}), manifest=manifest, **more)


def listing(
    keys: Iterable[str | Watched], content: str = "A", at: datetime = START, unlisted: Iterable[str] = (),
    stacks: Mapping[str, tuple[str, ...]] | None = None, left_out: Iterable[str] = (),
) -> Listing:  # fmt: skip
    watched = tuple(key if isinstance(key, Watched) else one(key) for key in keys)
    return Listing(content, content * 40, at, watched, frozenset(left_out), stacks or {}, frozenset(unlisted))


def after(*listings: Listing, known: Iterable[str] = ()) -> Judgement:
    memory = Memory().knowing(known, START)
    for each in listings:
        found = judge(memory, each, {})
        memory = found.memory
    return found


def held(found: Judgement) -> set[str]:
    return set(found.held)


def gone(found: Judgement) -> set[str]:
    return set(found.memory.gone)


def keys(found: Judgement) -> set[str]:
    return {problem.key for problem in found.problems}


def test_one_listing_that_lacks_instances_is_a_finding() -> None:
    """They are held, named, and told since when; nothing is gone."""
    found = after(listing(["s/a", "s/b"]), listing(["s/a"], "B", START + FIVE))
    assert (held(found), gone(found), keys(found)) == ({"s/b"}, set(), {"lists_fewer"})
    assert found.problems[0].where == ("s/b",)
    assert "1 instance fewer than before, since 2026-03-02 12:05 UTC" in found.problems[0].summary
    assert found.changes.vanished == ("s/b",)
    assert not found.settled


def test_two_listings_that_lack_them_give_them_up() -> None:
    """Then the finding is over, and they are told to be gone until they come back."""
    lists = [listing(["s/a", "s/b"]), listing(["s/a"], "B", START + FIVE), listing(["s/a"], "B", START + 2 * FIVE)]
    found = after(*lists)
    assert (held(found), gone(found), keys(found)) == (set(), {"s/b"}, set())
    assert gone(after(*lists, listing(["s/a"], "B", START + 3 * FIVE))) == {"s/b"}
    back = after(*lists, listing(["s/a", "s/b"], "C", START + 3 * FIVE))
    assert (gone(back), back.changes.appeared) == (set(), ("s/b",))


def test_two_listings_of_one_content_within_a_minute_are_one() -> None:
    """A quick second look at the same says nothing new; another content does."""
    soon = START + FIVE + APART - timedelta(seconds=1)
    first = [listing(["s/a", "s/b"]), listing(["s/a"], "B", START + FIVE)]
    assert held(after(*first, listing(["s/a"], "B", soon))) == {"s/b"}
    assert held(after(*first, listing(["s/a"], "B", soon), listing(["s/a"], "B", START + FIVE + APART))) == set()
    assert held(after(*first, listing(["s/a"], "C", soon))) == set()


def test_a_listing_that_contradicts_itself_gives_nothing_up() -> None:
    """One content, two listings: whatever is missing is held for as long as that content is watched."""
    dev, dev2 = {"s": ("deploy/dev",)}, {"s": ("deploy/dev2",)}
    lists = [listing(["s/a", "s/b"], stacks=dev)]
    for number in range(1, 6):
        lists.append(listing(["s/a"], stacks=dev2, at=START + number * FIVE))
        found = after(*lists)
        assert (held(found), gone(found)) == ({"s/b"}, set())
        assert keys(found) == {"listing_flaps", "lists_fewer"}
    assert "the stack s came from deploy/dev, then from deploy/dev2" in found.problems[0].summary
    mended = after(*lists, *(listing(["s/a"], "B", START + number * FIVE) for number in (6, 7)))
    assert (gone(mended), keys(mended)) == ({"s/b"}, set())


def test_the_same_stack_from_another_manifest_is_seen_though_nothing_vanished() -> None:
    """Both manifests have the same components, with other values: the names alone do not tell."""
    found = after(listing(["s/a"], stacks={"s": ("x",)}), listing(["s/a"], stacks={"s": ("y",)}, at=START + FIVE))
    assert keys(found) == {"listing_flaps"}


def test_an_instance_whose_manifest_is_still_there_is_not_gone() -> None:
    """A commit gave two manifests one stack name: one of them is not listed any more, however often one looks."""
    before = listing([one("dev/a", "deploy/dev"), one("prod/a", "deploy/prod")])
    lists = [listing([one("dev/a")], "B", START + n * FIVE, unlisted=["deploy/prod"]) for n in (1, 2, 3)]
    found = after(before, *lists)
    assert (held(found), gone(found)) == ({"prod/a"}, set())
    assert keys(found) == {"manifests_not_listed", "lists_fewer"}
    removed = after(before, *lists, listing([one("dev/a")], "C", START + 4 * FIVE))
    assert gone(removed) == {"prod/a"}


def test_what_a_store_knows_is_missing_until_two_listings_lack_it() -> None:
    """After a restart without a memory, a place of the store is not given up by the first listing."""
    assert held(after(listing(["s/a"]), known=["s/old"])) == {"s/old"}
    assert gone(after(listing(["s/a"]), listing(["s/a"], at=START + FIVE), known=["s/old", "s/a"])) == {"s/old"}


def test_what_is_left_out_is_listed() -> None:
    """An instance with a problem is there."""
    found = after(listing(["s/a", "s/b"]), listing(["s/a"], "B", START + FIVE, left_out=["s/b"]))
    assert (held(found), keys(found)) == (set(), set())


def test_what_changed_is_named_and_no_value_told() -> None:
    """Between two listings of one process vars are compared, too; only their section is named."""
    old = one("s/a", vars={"password": "canary-1"})
    new = replace(one("s/a", vars={"password": "canary-2"}), backend=Backend("s3", {"bucket": "c"}))
    first = judge(Memory(), listing([old]), {})
    found = judge(first.memory, listing([new], "B", START + FIVE), {"s/a": old})
    assert found.changes.changed == (("s/a", ("bucket", "vars", "backend settings")),)
    assert "canary" not in repr(found.changes) + found.memory.to_json()


def test_the_first_listing_of_all_has_nothing_to_compare_with() -> None:
    """Not everything appeared: nothing was known."""
    assert not after(listing(["s/a"])).changes


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"content": 1}', "x" * 100, '{"missing": {"a": []}}'])
def test_a_memory_that_is_none(text: str) -> None:
    """An unreadable one is an empty one."""
    assert Memory.from_json(text) == Memory()


def test_a_memory_outlives_the_process() -> None:
    """What is missing since when, and what flaps, is known after a restart; how often it counted is not."""
    found = after(listing(["s/a", "s/b"], stacks={"s": ("m",)}), listing(["s/a"], "B", START + FIVE))
    back = Memory.from_json(found.memory.to_json())
    assert replace(found.memory, missing={}) == replace(back, missing={})
    assert {key: each.since for key, each in back.missing.items()} == {"s/b": START + FIVE}
    again = judge(back, listing(["s/a"], "B", START + 2 * FIVE), {})
    assert held(again) == {"s/b"}, "one listing of this process is one"


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from("abcd")), st.sampled_from("AB"), st.integers(0, 120)), min_size=1, max_size=8
    )
)
def test_nothing_is_lost_and_nothing_is_gone_by_one_listing(steps: list[tuple[set[str], str, int]]) -> None:
    """Whatever is listed in whatever order: every key ever listed is listed, held or gone, and gone only after two."""
    memory, now, ever, lacking = Memory(), START, set(), dict.fromkeys((f"s/{name}" for name in "abcd"), 0)
    for names, content, seconds in steps:
        now += timedelta(seconds=seconds)
        here = {f"s/{name}" for name in names}
        ever |= here
        found = judge(memory, listing(sorted(here), content, now), {})
        memory = found.memory
        assert ever == here | held(found) | memory.gone
        assert not here & (held(found) | memory.gone)
        lacking = {key: 0 if key in here else times + 1 for key, times in lacking.items()}
        assert all(lacking[key] >= 2 for key in memory.gone)
