"""Each kind of value: what it takes, and how it is written back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.units import format_duration, format_size, parse_duration, parse_size
from daemon.config.values import is_loopback
from tests.daemon.config.sample import MINIMAL, loaded


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("6h", 21_600), ("7d", 604_800), ("2w", 1_209_600), ("1h30m", 5400), ("250ms", 0.25),
     ("1.5h", 5400), ("1h 30m", 5400), ("0s", 0)],
)  # fmt: skip
def test_durations_are_read(text: str, seconds: float) -> None:
    """Every unit and sums of them."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "6", "h", "-1h", "6 hours", "1h x", "999999999w", "1e3s", "٣h!", "6H"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """No guess is made about a unit."""
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


@given(st.integers(0, 10**12))
def test_a_duration_that_is_written_is_read_back(milliseconds: int) -> None:
    """format_duration and parse_duration are each other's opposite, to the millisecond."""
    value = timedelta(milliseconds=milliseconds)

    assert abs(parse_duration(format_duration(value)) - value) < timedelta(milliseconds=1)


@given(st.integers(0, 2**60))
def test_a_size_that_is_written_is_read_back(size: int) -> None:
    """format_size and parse_size are each other's opposite, to the byte."""
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("text", "size"), [("512MiB", 2**29), ("1.5GiB", 3 * 2**29), ("200kB", 200_000), ("1GB", 10**9), ("0B", 0)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    """Binary and decimal units are told apart."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["512", "512M", "MiB", "-1MiB", "1 miB", "1kiB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """A number without a unit is no size."""
    with pytest.raises(ValueError, match="no size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("listen", "expected"),
    [("127.0.0.1:1", True), ("127.9.9.9:1", True), ("[::1]:1", True), ("localhost:1", True), ("0.0.0.0:1", False),
     ("[::]:1", False), ("10.0.0.1:1", False), ("example.com:1", False), ("[::ffff:10.0.0.1]:1", False)],
)  # fmt: skip
def test_an_address_that_only_this_machine_reaches_is_told_from_others(listen: str, expected: bool) -> None:
    """A name that is not localhost counts as one that others reach."""
    assert is_loopback(listen) is expected


@pytest.mark.parametrize(
    ("written", "markup"),
    [("here", "<!here>"), ("'@channel'", "<!channel>"), ("<!here>", "<!here>"),
     ("S0123456789", "<!subteam^S0123456789>"),
     ("U0123456789", "<@U0123456789>"), ("<!subteam^S012>", "<!subteam^S012>"), ("''", "")],
)  # fmt: skip
def test_mentions_come_out_as_slack_writes_them(tmp_path: Path, written: str, markup: str) -> None:
    """Words, user groups and people, with or without Slack's own markup."""
    text = MINIMAL + f"alerts: {{default_channel: C0123456789, default_mention: {written}}}\n"

    assert loaded(tmp_path, text).alerts.default_mention == markup


def test_relative_paths_start_from_the_file_and_programs_from_the_path(tmp_path: Path) -> None:
    """A bare program name is left to the PATH; everything else with a slash is a path like any other."""
    (tmp_path / "repo").mkdir()
    config = loaded(
        tmp_path,
        "source: {kind: atmos, path: repo}\nplanning: {terraform: [tofu, bin/terraform, /x/y], scratch: s}\n",
    )

    assert config.source.path == tmp_path / "repo"
    assert config.store.path == tmp_path / "barograph.db"
    assert config.planning.scratch == tmp_path / "s"
    assert config.planning.terraform == ("tofu", str(tmp_path / "bin/terraform"), "/x/y")


def test_one_value_stands_for_a_list_of_one(tmp_path: Path) -> None:
    """Conditions of a route may be written without brackets."""
    text = MINIMAL + "alerts: {default_channel: C012, routes: [{channel: C013, tiers: info, stacks: a-*}]}\n"
    (row,) = loaded(tmp_path, text).alerts.routes

    assert (row.tiers, row.stacks, row.kinds) == (("info",), ("a-*",), ())


def test_the_configuration_cannot_be_changed(tmp_path: Path) -> None:
    """What was read stays as it is until it is read again."""
    config = loaded(tmp_path, MINIMAL)

    with pytest.raises(ValueError, match="frozen"):
        config.store.path = Path("x")
    with pytest.raises(AttributeError):
        config.path = Path("x")  # type: ignore[misc]  # the point of the test
