"""Arguments of `barograph exec`, and the ids of runs."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.wrapper.options import UsageError, parse
from daemon.wrapper.wrap import run_id


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_run_ids_are_uuids_of_version_7_that_sort_by_time(ms: int, randomness: bytes) -> None:
    """As RFC 9562 lays them out."""
    found = uuid.UUID(run_id(ms, randomness))
    assert (found.version, found.variant, found.int >> 80) == (7, uuid.RFC_4122, ms)


@given(st.lists(st.text()))
def test_whatever_comes_after_the_dashes_is_the_jobs(words: list[str]) -> None:
    """Options of ours among them, too."""
    assert parse(["--stack", "x", "--", "job", *words]).command == ["job", *words]


@pytest.mark.parametrize("wrong", [[], ["--"], ["--stack", "--", "x"], ["-x", "y"], ["--flush=1"], ["--sta", "x"]])
def test_arguments_that_make_no_sense_are_refused(wrong: list[str]) -> None:
    """Before anything runs."""
    with pytest.raises(UsageError):
        parse(wrong)


def test_a_job_may_follow_without_dashes() -> None:
    """Its own options stay its own."""
    options = parse(["--step", "a", "--step=b", "--no-wait", "ls", "--stack", "-l"])
    assert (options.steps, options.on("no-wait"), options.command) == (["a", "b"], True, ["ls", "--stack", "-l"])
