"""The tree is the import graph: what may import what, and where each library may appear."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("alerts", "checks", "daemon", "dashboards")


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Give every module that *path* imports, in functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_checks_import_only_checks_and_the_standard_library() -> None:
    """A check never sees boto3, the store, the configuration or Slack."""
    for path in modules("checks"):
        for name in imports(path):
            top = name.split(".")[0]
            assert top == "checks" or top in sys.stdlib_module_names, f"{named(path)} imports {name}"


def test_alerts_import_only_the_contract_of_checks() -> None:
    """Alerting knows readings and kinds, no single check and nothing of the daemon."""
    allowed = {"checks.base", "checks.kinds"}
    for path in modules("alerts"):
        for name in imports(path):
            top = name.split(".")[0]
            assert name in allowed or top in {"alerts", "slack_sdk"} or top in sys.stdlib_module_names, (
                f"{named(path)} imports {name}"
            )


# The modules that may import a library; a folder stands for all in it. The demo's own world is outside these edges.
EDGES = {
    "boto3": ("daemon/aws/clients.py",),
    "botocore": ("daemon/aws/",),
    "slack_sdk": ("alerts/slack.py", "alerts/slack_buttons.py"),
    "apscheduler": ("daemon/scheduler.py",),
    "subprocess": ("daemon/processes.py", "daemon/guard.py"),
    "sqlite_utils": ("daemon/store/",),
    "sqlite3": ("daemon/store/",),
    "pydantic": ("daemon/config/",),
    "prometheus_client": ("daemon/metrics.py", "daemon/metrics/"),
    "starlette": ("daemon/web/",),
    "uvicorn": ("daemon/web/",),
    "hcl2": ("daemon/hcl.py",),
    "OpenSSL": ("daemon/tls/",),
    "cryptography": ("daemon/tls/",),
    "dns": ("daemon/dns.py",),
    "PIL": ("daemon/report/png.py",),
    "grafana_foundation_sdk": ("dashboards/",),
    "msgspec": ("daemon/states/decode.py",),
}


@pytest.mark.parametrize("library", sorted(EDGES))
def test_a_library_is_imported_at_its_edge_only(library: str) -> None:
    """One place to look when a library changes."""
    for package in PACKAGES:
        for path in modules(package):
            if named(path).startswith("daemon/demo/"):
                continue
            if any(name.split(".")[0] == library for name in imports(path)):
                assert any(named(path).startswith(edge) for edge in EDGES[library]), f"{named(path)} imports {library}"


def test_the_edges_exist() -> None:
    """An edge that nobody uses any more would let the rule above pass for the wrong reason."""
    for library, edges in EDGES.items():
        users = [
            named(path)
            for edge in edges
            for path in ([ROOT / edge] if edge.endswith(".py") else sorted((ROOT / edge).rglob("*.py")))
            if path.exists() and any(name.split(".")[0] == library for name in imports(path))
        ]
        assert users, f"nobody imports {library} at {edges}"


@pytest.mark.parametrize("name", PACKAGES)
def test_nothing_else_installed_here_claims_our_package_names(name: str) -> None:
    """python-daemon, for one, owns `daemon`: next to it the program would be a silent chimera."""
    assert set(packages_distributions().get(name, [])) <= {"barograph"}
