"""The docs and the example say what the models say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks import discover
from daemon.config import Config, load
from daemon.config.catalogue import markdown, options_of
from daemon.config.reference import MINIMAL, reference
from daemon.config.summary import summary
from tests.daemon.config.sample import CANARY

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "barograph.example.yml"
ENV = {"DATADOG_API_KEY": CANARY + "-a", "SLACK_BOT_TOKEN": CANARY + "-b", "BAROGRAPH_CI_TOKEN": CANARY + "-c-long"}
ENV["NIGHTLY_DRIFT_UUID"] = UUID = "8d7a4c6e-5b1f-4e0a-9d3c-2f6b7a8c9d0e"

FILES = (
    "events",
    "github-webhook",
    "pager_key",
    "slack-app",
    "prometheus",
    "oncall",
    "pagerduty",
    "pagerduty-webhook",
    "tickets",
    "audit-anchor",
)
ADDRESSES = ("tickets-url", "slack-webhook-url", "healthchecks-url", "audit-anchor-url")


@pytest.fixture
def example(tmp_path: Path) -> Config:
    """The example in a folder that has what it names."""
    (tmp_path / "infrastructure").mkdir()
    (tmp_path / "secrets").mkdir()
    for name in (*FILES, *ADDRESSES):
        secret = tmp_path / "secrets" / name
        secret.touch(0o600)
        secret.write_text(f"{'https://example.com/' if name in ADDRESSES else ''}{CANARY}-{name}\n")
    path = tmp_path / "barograph.yml"
    path.write_text(EXAMPLE.read_text())
    return load(path, ENV, discover())


def test_the_example_loads_without_a_warning(example: Config) -> None:
    """Everything in the example is accepted as it stands."""
    assert example.warnings == ()
    assert "drift" in example.checks
    assert example.secrets() == {
        *(f"{CANARY}-{end}" for end in ("a", "b", "c-long", *FILES)),
        *(f"https://example.com/{CANARY}-{end}" for end in ADDRESSES),
        UUID,
    }


def test_the_summary_tells_what_the_example_does(example: Config) -> None:
    """Sources, checks with their pace, and each way of a message are named."""
    text = "\n".join(summary(example))

    assert "atmos: " in text
    assert "drift: every 1d, production every 6h" in text
    assert "tier=critical stage=production -> C0000000003, mentions <!subteam^S0000000001>, escalates to C0" in text
    assert "everything else -> C0000000001" in text
    assert CANARY not in text


def test_the_example_names_every_option() -> None:
    """No option exists that the example does not show."""
    text = EXAMPLE.read_text()
    options = set(re.findall(r"^\| \**`(\w+)`", (ROOT / "docs" / "configuration.md").read_text(), re.MULTILINE))

    options |= {option.name.rpartition(".")[2] for name, c in discover().items() for option in options_of(name, c)}

    assert len(options) > 80
    assert {name for name in options if not re.search(rf"\b{name}:", text)} - {"password", "app_token"} == set()


def test_the_commented_options_of_the_example_are_real(tmp_path: Path) -> None:
    """What is commented out can be switched on: the roots are read as kind terraform reads them."""
    text = EXAMPLE.read_text()
    lines = text[text.index("  # roots:") : text.index("# What a stack's stage is")].splitlines()
    roots = "\n".join(line.replace("# ", "", 1) for line in lines)
    path = tmp_path / "barograph.yml"
    path.write_text(f"source:\n  kind: terraform\n  path: .\n{roots}\n")

    root = load(path, {}, {}).source.roots[0]

    assert (root.account, root.vars, root.var_files) == ("012345678901", {"region": "eu-west-1"}, ("prod.tfvars",))


def test_the_docs_are_what_the_models_say() -> None:
    """docs/configuration.md is generated; this file is out of date when the models change."""
    assert (ROOT / "docs" / "configuration.md").read_text() == reference()


def test_the_page_of_checks_is_what_the_checks_say() -> None:
    """docs/checks.md is what `barograph checks --markdown` prints."""
    assert (ROOT / "docs" / "checks.md").read_text() == markdown(discover())


def test_the_minimal_configuration_of_the_docs_loads(tmp_path: Path) -> None:
    """Six lines are enough."""
    (tmp_path / "infrastructure").mkdir()
    path = tmp_path / "barograph.yml"
    path.write_text(MINIMAL)

    config = load(path, ENV, discover())

    assert len(MINIMAL.splitlines()) <= 7
    assert config.slack is not None
    assert config.store.path == tmp_path / "barograph.db"
    assert config.web.listen == "127.0.0.1:9877"
