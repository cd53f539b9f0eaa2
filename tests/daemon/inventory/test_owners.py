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
        (tmp_path / place).write_text(f"* @{Path(place).parent.name.strip('.') or 'root'}\n")
    assert owners.read(tmp_path).owner(["x"]) == "@github"


def test_lines_that_github_does_not_take_are_passed_over() -> None:
    """An owner is a person, a team or an address; a path may hold spaces."""
    text = "* @all\n/live/ platform-team\n/a/ @ops/team.x ops@example.com\n/my\\ stacks/ @spaced\n/b/ @ok nobody\n"
    rules = owners.parse(text)
    assert rules.owner(["live/main.tf"]) == "@all"
    assert rules.owner(["a/main.tf"]) == "@ops/team.x ops@example.com"
    assert rules.owner(["my stacks/x.yaml"]) == "@spaced"
    assert rules.owner(["b/main.tf"]) == "@all"


def test_a_watched_folder_has_the_owners_of_its_repository(tmp_path: Path) -> None:
    """CODEOWNERS lies at the top, and its patterns begin there; one below does not count."""
    watched = tmp_path / "infrastructure"
    watched.mkdir()
    (tmp_path / "CODEOWNERS").write_text("/infrastructure/vpc/ @net\n/vpc/ @other\n")
    (watched / "CODEOWNERS").write_text("* @wrong\n")
    assert owners.read(watched, tmp_path).owner(["vpc/main.tf"]) == "@net"
    assert owners.read(tmp_path, tmp_path).owner(["vpc/main.tf"]) == "@other"
    assert owners.read(watched).owner(["vpc/main.tf"]) == "@wrong"


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    """What is outside says nothing about who owns what is inside."""
    (tmp_path / "outside").write_text("* @them\n")
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "CODEOWNERS").symlink_to(tmp_path / "outside")
    assert owners.read(tmp_path / "repository").owner(["x"]) == ""
