"""CODEOWNERS as GitHub reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.inventory import owners


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*", "a/b/c.tf", True),
        ("*.tf", "a/b/c.tf", True),
        ("/*.tf", "a/b/c.tf", False),
        ("/docs/", "docs/a/b.md", True),
        ("docs/", "x/docs/b.md", True),
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/a/b.md", False),
        ("/components/terraform/vpc", "components/terraform/vpc/main.tf", True),
        ("/components/terraform/vpc", "components/terraform/vpc-peering/main.tf", False),
        ("components/**/main.tf", "components/terraform/vpc/main.tf", True),
        ("components/**/main.tf", "components/main.tf", True),
        ("**/vpc/", "a/b/vpc/main.tf", True),
        ("/stacks/**", "stacks/deploy/prod.yaml", True),
        ("terraform/vpc/", "components/terraform/vpc/main.tf", False),
        ("v?c", "a/vpc/x", True),
        ("a.b", "axb", False),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:
    """gitignore's rules, with GitHub's exceptions."""
    assert bool(owners.parse(f"{pattern} @team").owner([path])) is fits


def test_the_last_rule_wins_and_may_name_nobody() -> None:
    """A later line without owners takes a folder out again."""
    rules = owners.parse("* @all\n/live/ @live @ops\n/live/free/\n# comment\n\n[Section]\n!/x @no\n/a\\#b/ @hash\n")
    assert rules.owner(["live/main.tf"]) == "@live @ops"
    assert rules.owner(["live/free/main.tf"]) == ""
    assert rules.owner(["other.tf"]) == "@all"
    assert rules.owner(["other.tf", "live/main.tf"]) == "@live @ops"


def test_the_first_place_counts(tmp_path: Path) -> None:
    """.github, then the root, then docs."""
    assert owners.read(tmp_path).owner(["x"]) == ""
    for place in reversed(owners.PLACES):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(f"* @{Path(place).parent.name or 'root'}\n")
    assert owners.read(tmp_path).owner(["x"]) == "@.github"
