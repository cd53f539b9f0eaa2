"""YAML as Go's yaml.v3 and Atmos read it, with the place of everything."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from checks.manifests.merge import plain
from checks.manifests.model import Node, Opaque
from daemon.repository.documents import is_templated, parsed
from daemon.repository.limits import Limits
from daemon.repository.scalars import plain as scalar
from tests.fakeatmos import FIXTURES

LIMITS = Limits()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("on", "on"), ("n", "n"), ("true", True), ("FALSE", False), ("tRUE", "tRUE"),
        ("~", None), ("null", None), ("nULL", "nULL"), ("0777", 511), ("0o777", 511), ("0x1F", 31), ("0b101", 5),
        ("-0x10", -16), ("1_000", 1000), ("012345678901", 12345678901.0), ("08", 8.0), ("+1", 1), ("1.5", 1.5),
        (".5", 0.5), ("1e3", 1000.0), ("1.", 1.0), ("1.2.3", "1.2.3"), ("08:30", "08:30"), ("2020-01-01", "2020-01-01"),
        (".inf", math.inf), ("-.INF", -math.inf), ("0", 0), ("-", "-"), ("+", "+"), ("0x", "0x"), ("1e999", "1e999"),
        ("18446744073709551615", 18446744073709551615), ("18446744073709551616", 18446744073709551616.0),
        ("9" * 101, "9" * 101), ("<<", "<<"), ("10.0.0.0/16", "10.0.0.0/16"), ("", None),
    ],
)  # fmt: skip
def test_plain_scalars(text: str, value: object) -> None:
    """The rules of yaml.v3's resolve.go."""
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_values_know_their_places() -> None:
    """Line and column of every value and of its key, through lists, flow and block scalars."""
    root = parsed('a:\n  - x: 1\n  - {y: "z"}\nb: |\n  text\n', "f.yaml", LIMITS).root
    assert {
        "a": str(root.items["a"].key),
        "list": str(root.items["a"].spot),
        "x": str(root.items["a"].list[0].items["x"].spot),
        "y key": str(root.items["a"].list[1].items["y"].key),
        "b": str(root.items["b"].spot),
    } == {"a": "f.yaml:1:1", "list": "f.yaml:2:3", "x": "f.yaml:2:8", "y key": "f.yaml:3:6", "b": "f.yaml:4:4"}


def test_functions_are_kept_as_written() -> None:
    """Scalars with their arguments; maps and lists with a tag as their tag alone."""
    root = parsed("a: !terraform.output vpc id\nb: !x {c: 1}\nc: !!str 1\nd: ! 2\ne: !!binary aGk=\n", "f", LIMITS).root
    assert root.items["a"].value == Opaque("!terraform.output", "vpc id")
    assert plain(root) == {"a": "!terraform.output vpc id", "b": "!x", "c": "1", "d": "2", "e": "!!binary"}


def test_anchors_and_merge_keys() -> None:
    """A mapping's own keys win wherever `<<` stands; of several merged ones the first; nothing is copied."""
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  c: 3\n  <<: [*x, *y]\nw: *x\n"
    root = parsed(text, "f", LIMITS).root
    assert plain(root.get("z")) == {"a": 1, "b": 1, "c": 3}
    assert root.items["w"].value is root.items["x"].value


@pytest.mark.parametrize(
    ("text", "code", "places", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", "duplicate_key", ["f:3:1", "f:1:1"], "line 1"),
        ("a: [b\n", "broken_yaml", ["f:1:4", "f:2:1"], "did not find expected ',' or ']'"),
        ("a:\n\tb: 1\n", "broken_yaml", ["f:2:1"], "Atmos names line 2"),
        ("a: *b\n", "broken_yaml", ["f:1:4"], "not defined"),
        ("a: &a [*a]\n", "broken_yaml", ["f:1:8"], "contains itself"),
        ("- a\n", "broken_yaml", ["f:1:1"], "a list; it must be a mapping"),
        ("text\n", "broken_yaml", ["f:1:1"], "a single value"),
        ("? [a]\n: 1\n", "broken_yaml", ["f:1:3"], "a key must be text"),
        ("!x a: 1\n", "broken_yaml", ["f:1:1"], "not a function"),
        ("<<: 1\n", "broken_yaml", ["f:1:1"], "map merge"),
        ("a: \x07\n", "broken_yaml", ["f:1:4"], "control characters"),
        ("a: b\n---\nc: d\n", "second_document", ["f:2:1"], "first document"),
    ],
)
def test_what_is_wrong_is_placed(text: str, code: str, places: list[str], words: str) -> None:
    """Code, places and words of each."""
    (fault,) = parsed(text, "f", LIMITS).faults
    assert (fault.code, [str(spot) for spot in fault.spots]) == (code, places)
    assert words in fault.detail


def test_the_line_that_atmos_names_is_told() -> None:
    """Recorded: Atmos says 27 of what stands in 28, as yaml.v3 counts its parser's lines from 0."""
    file = FIXTURES / "variants/broken-yaml/stacks/deploy/acme/dev.yaml"
    (fault,) = parsed(file.read_text(), "dev.yaml", LIMITS).faults
    assert fault.spots[0].line == 28
    assert file.read_text().splitlines()[27].endswith("[unclosed")
    recorded = (FIXTURES / "1.226.1/broken-yaml.json").read_text()
    assert "line 27: did not find expected ',' or ']'" in recorded
    assert fault.detail == "did not find expected ',' or ']'; Atmos names line 27"


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "~\n", "---\n", "\ufeff"])
def test_a_file_of_nothing_is_an_empty_mapping(text: str) -> None:
    """Not broken."""
    document = parsed(text, "f", LIMITS)
    assert (plain(document.root), document.faults, document.usable) == ({}, (), True)


def test_secrets_do_not_reach_the_words() -> None:
    """Anchors, aliases and tags can be passwords that were not quoted."""
    for text in ("a: *s3cret!x\n", "a: &s3cret!x &s3cret\n", "a: !s3cret<x y\n", "a: 's3cret\n", 'b: "s3cret\\q"\n'):
        for fault in parsed(text, "f", LIMITS).faults:
            assert "s3cret" not in fault.detail


def test_templates_that_stand_where_no_value_can() -> None:
    """A line that begins with an action; not one that has it inside a value."""
    assert is_templated("a: 1\n  {{- if .x }}\nb: 2\n{{ end }}\n")
    assert is_templated("a:\n  - {{ .x }}\n")
    assert not is_templated("a: '{{ .x }}'\nb: [unclosed\n")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text("ab é\u2028\n:{}#'\"", max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-/", max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abc/", min_size=1, max_size=5), VALUES, max_size=5))
def test_what_yaml_writes_is_read_back(values: dict[str, object]) -> None:
    """Whatever PyYAML writes in double quotes comes back as it was."""
    text = yaml.safe_dump(values, default_style='"', allow_unicode=True)
    document = parsed(text, "f", LIMITS)
    assert document.faults == ()
    assert plain(document.root) == yaml.safe_load(text)


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    """Whatever stands in a file."""
    document = parsed(data.decode("utf-8", "replace"), "f", LIMITS)
    assert isinstance(document.root, Node)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,?\n \t<", max_size=60))
def test_no_text_raises(text: str) -> None:
    """Texts that are made of what YAML is made of; what cannot be read is said."""
    document = parsed(text, "f", LIMITS)
    assert document.usable or document.faults
    for fault in document.faults:
        assert fault.spots[0].line >= 1


def test_a_repository_of_windows_lines(tmp_path: Path) -> None:
    """CR LF ends lines too."""
    root = parsed("a: 1\r\nb:\r\n  c: 2\r\n", "f", LIMITS).root
    assert plain(root) == {"a": 1, "b": {"c": 2}}
    assert str(root.items["b"].items["c"].spot) == "f:3:6"
