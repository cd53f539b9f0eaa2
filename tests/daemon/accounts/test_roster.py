"""Two listings in a row, no fewer: over random histories."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.accounts.roster import UNLISTED, Entry, after, present

KEYS = st.sets(st.sampled_from("abcd"))


@given(st.lists(KEYS, max_size=8))
def test_gone_is_what_two_listings_in_a_row_lack(history: list[set[str]]) -> None:
    """And present is what the last one has: nothing else is ever given up, nothing else is ever looked at."""
    known: dict[str, Entry[str]] = {}
    for at, listed in enumerate(history):
        before, (now, gone) = known, after(known, {key: key for key in listed})
        known = dict(now)
        assert set(present(known)) == listed
        assert set(gone) == {key for key in before if key not in listed and key not in history[at - 1]}
        assert set(known) == (set(before) | listed) - set(gone)


@given(st.lists(KEYS, min_size=1, max_size=8))
def test_a_listing_that_comes_too_soon_gives_nothing_up(history: list[set[str]]) -> None:
    """However often it is repeated."""
    known = dict(after({}, dict.fromkeys("abcd", 0))[0])
    for listed in history:
        now, gone = after(known, dict.fromkeys(listed, 0), counts=False)
        known = dict(now)
        assert gone == {}
    assert set(known) == set("abcd")


def test_why_is_told() -> None:
    """In the words of the latest listing."""
    once, none = after({"a": Entry(1), "b": Entry(2)}, {}, {"a": "it is SUSPENDED"})
    assert {key: (one.missing, one.why) for key, one in once.items()} == {
        "a": (1, "it is SUSPENDED"), "b": (1, UNLISTED)
    }  # fmt: skip
    assert none == {}
    assert after(once, {}, {"a": "it is CLOSED"}) == ({}, {"a": "it is CLOSED", "b": UNLISTED})
