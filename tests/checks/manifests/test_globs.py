"""Globs as doublestar and gitignore read them, in bounded time."""

from __future__ import annotations

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.manifests.globs import compiled, gitignore, is_glob


@pytest.mark.parametrize(
    ("pattern", "fit", "miss"),
    [
        ("deploy/**/*.yaml", ["deploy/a.yaml", "deploy/x/y/a.yaml"], ["deploy.yaml", "x/deploy/a.yaml"]),
        ("**/_defaults.yaml", ["_defaults.yaml", "a/b/_defaults.yaml"], ["a/_defaults.yaml/b", "a/x_defaults.yaml"]),
        ("mixins/*", ["mixins/a.yaml", "mixins/.a"], ["mixins/a/b", "mixins"]),
        ("catalog/**.yaml", ["catalog/a.yaml"], ["catalog/a/b.yaml"]),
        ("orgs/**", ["orgs", "orgs/a", "orgs/a/b"], ["org"]),
        ("a/?.yaml", ["a/b.yaml"], ["a/.yaml", "a/bc.yaml"]),
        ("a/[b-d].yaml", ["a/c.yaml"], ["a/e.yaml"]),
        ("a/[!b-d].yaml", ["a/e.yaml"], ["a/c.yaml"]),
        ("a/{b,c/d}.yaml", ["a/b.yaml", "a/c/d.yaml"], ["a/c.yaml", "a/{b,c/d}.yaml"]),
        ("{a,b}/{c,{d,e}}", ["a/c", "b/e"], ["a/f"]),
        ("a\\*b", ["a*b"], ["axb"]),
        ("[a", [], ["[a", "a"]),
        ("{a", [], ["{a", "a"]),
        ("a}", [], ["a}"]),
        ("[]", [], ["[]"]),
        ("a\\", [], ["a\\", "a"]),
        ("{" + ",".join("ab" * 200) + "}", [], ["a"]),
    ],
)  # fmt: skip
def test_what_fits(pattern: str, fit: list[str], miss: list[str]) -> None:
    """A malformed pattern fits nothing."""
    glob = compiled(pattern)
    assert [path for path in fit + miss if glob.fits(path)] == fit


@given(st.text(alphabet="ab*?", max_size=8), st.text(alphabet="ab", max_size=8))
def test_one_part_fits_as_in_the_shell(pattern: str, text: str) -> None:
    """Stars and question marks within one folder are those of fnmatch."""
    if pattern == "**":
        return
    assert compiled(pattern).fits(text) == (re.compile(fnmatch.translate(pattern)).match(text) is not None)


def test_no_pattern_takes_long() -> None:
    """Stars that a backtracking expression would try in all ways."""
    begun = time.monotonic()
    assert not compiled("*a" * 100 + "b").fits("a" * 250)
    assert not compiled("**/a/" * 100 + "b").fits("/".join("a" * 120))
    assert time.monotonic() - begun < 2


def test_what_is_a_glob() -> None:
    """A path that means one file is looked up, not searched."""
    assert [path for path in ("a/b", "a/*", "a?", "[a]", "{a}") if is_glob(path)] == ["a/*", "a?", "[a]", "{a}"]


@pytest.mark.parametrize(
    ("pattern", "fit", "miss"),
    [
        ("*", ["a", "a/b"], []),
        ("/a/", ["a", "a/b/c"], ["b/a"]),
        ("a", ["a", "x/a", "x/a/b"], ["ab"]),
        ("a/*", ["a/b"], ["a/b/c", "x/a/b"]),
        ("**/a/*.tf", ["a/x.tf", "b/a/x.tf"], ["a/b/x.tf"]),
        ("a{b}", ["a{b}"], ["ab"]),
    ],
)
def test_code_owners_patterns(pattern: str, fit: list[str], miss: list[str]) -> None:
    """What names a folder means what is in it, unless it ends in a star."""
    glob = gitignore(pattern)
    assert [path for path in fit + miss if glob.fits(path)] == fit
