"""From YAML to values: scalars of YAML 1.2, merges, places, the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.config import ConfigError
from daemon.config.interpolate import InterpolationError, interpolate
from daemon.config.reader import MAX_BYTES, Numeral, read, read_text
from daemon.config.secrets import FromEnvironment
from tests.daemon.config.sample import ENV, MINIMAL, loaded

ROOT = "source:\n  kind: terraform\n  path: .\n  roots:\n    - path: .\n      stack: a\n"


def test_words_that_other_yaml_takes_for_something_else_stay_text() -> None:
    """`no`, `08:30` and a date are text; `true` is the only kind of switch; numbers keep their zeros."""
    values = read("[no, 08:30, 2031-01-01, true, 012345678901, 1_000, 1e3, null, ~, '5']", "x", {}).root

    assert values == ["no", "08:30", "2031-01-01", True, "012345678901", "1_000", "1e3", None, None, "5"]
    assert [type(v) for v in values[4:7]] == [Numeral] * 3
    assert [v.number for v in values[4:7]] == [12345678901, 1000, 1000.0]


def test_an_account_number_keeps_its_leading_zero(tmp_path: Path) -> None:
    """An account that begins with 0 is the text that was written, quoted or not."""
    config = loaded(tmp_path, ROOT + "      account: 012345678901\n")

    assert config.source.roots[0].account == "012345678901"


def test_terraform_variables_keep_their_types(tmp_path: Path) -> None:
    """Numbers, switches and nested values of `vars` reach Terraform as what they are."""
    config = loaded(tmp_path, ROOT + "      vars: {a: 3, b: [1.5, true], c: {d: '7'}, e: null}\n")

    assert config.source.roots[0].vars == {"a": 3, "b": [1.5, True], "c": {"d": "7"}, "e": None}


def test_merge_keys_fill_in_what_is_not_said(tmp_path: Path) -> None:
    """`<<` gives what the mapping itself leaves open; what it says stands, and so does its place."""
    document = read("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n", "f", {})

    assert document.root["b"] == {"x": "1", "y": "3"}
    assert document.value_at(("b", "y")) == (4, 6)
    assert document.value_at(("b", "x")) == (1, 11)


def test_the_first_of_several_merged_mappings_wins() -> None:
    """As YAML's merge type says, earlier mappings of a list override later ones."""
    assert read("a: &a {x: 1}\nb: &b {x: 2, z: 4}\nc: {<<: [*a, *b]}", "f", {}).root["c"] == {"x": "1", "z": "4"}


def test_an_option_without_a_value_is_as_one_not_written(tmp_path: Path) -> None:
    """A group whose options are all commented out has its defaults."""
    config = loaded(tmp_path, MINIMAL + "planning:\nslack:\nlog: {level: }\n")

    assert config.slack is None
    assert config.planning.workers == 2
    assert config.log.level == "info"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "one"),
        ("x-${A}-${B}", "x-one-two"),
        ("${EMPTY}", ""),
        ("${EMPTY:-d}", "d"),
        ("${NONE:-}", ""),
        ("${NONE:-a:-b}", "a:-b"),
        ("$${A}", "${A}"),
        ("$A $$ }", "$A $$ }"),
    ],
)
def test_variables_are_replaced(text: str, expected: str) -> None:
    """A default counts where the variable is unset or empty, and `$${` is a plain `${`."""
    assert interpolate(text, {"A": "one", "B": "two", "EMPTY": ""}) == expected


def test_text_from_the_environment_is_marked_and_not_shown() -> None:
    """What came from a variable names the variable in its repr."""
    value = interpolate("${CANARY}", ENV)

    assert isinstance(value, FromEnvironment)
    assert (value.names, repr(value)) == (("CANARY",), "<from CANARY>")
    assert not isinstance(interpolate("${NONE:-d}", {}), FromEnvironment)


@pytest.mark.parametrize("text", ["${NONE}", "${", "${a b}", "${}", "${var.x}", "${A", "${1}"])
def test_what_cannot_be_replaced_is_an_error(text: str) -> None:
    """An unset variable and what is no variable are told, never passed on."""
    with pytest.raises(InterpolationError):
        interpolate(text, {"A": "x"})


def test_numbers_and_switches_may_come_from_the_environment(tmp_path: Path) -> None:
    """A variable stands for any kind of scalar."""
    config = loaded(tmp_path, MINIMAL + 'planning: {workers: "${WORKERS}", deadline: "${NONE:-90s}"}\n')

    assert config.planning.workers == 3
    assert config.planning.deadline.total_seconds() == 90


def problem_of(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_text(path)
    (problem,) = caught.value.problems
    return str(problem).replace(str(path), "FILE")


def test_files_that_cannot_be_read_get_one_line_each(tmp_path: Path) -> None:
    """A missing file, a folder, a device and a huge file are each told plainly."""
    huge = tmp_path / "huge.yml"
    huge.write_bytes(b"#" * (MAX_BYTES + 1))

    assert problem_of(tmp_path / "no.yml") == "FILE: there is no such file; name the configuration with -c FILE"
    assert problem_of(tmp_path) == "FILE: is a folder; name the configuration file in it"
    assert problem_of(Path("/dev/zero")) == "FILE: is not an ordinary file"
    assert "larger than 512 KiB" in problem_of(huge)
    assert "cannot be read" in problem_of(tmp_path / ("x" * 5000))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    """Who may not read the file is told to check its permissions."""
    path = tmp_path / "barograph.yml"
    path.touch(0o000)

    assert "may not be read by this user" in problem_of(path)


def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    """A file saved by another editor is read like any other."""
    path = tmp_path / "barograph.yml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())

    assert read(read_text(path), "f", {}).root["source"]["kind"] == "atmos"
