"""Programs that tests use where they are: found, or a skip that says how to get them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def promtool() -> str:
    """The path of promtool: BAROGRAPH_PROMTOOL, else from the PATH."""
    found = os.environ.get("BAROGRAPH_PROMTOOL") or shutil.which("promtool")
    if not found:
        pytest.skip("NOT TESTED: no promtool. Get it with `tests/tools/get_debs.sh trixie DIR prometheus promtool` and "
                    "set BAROGRAPH_PROMTOOL=DIR/usr/bin/promtool")  # fmt: skip
    return found


def promtools() -> list[str]:
    """Every promtool there is: the one above, and the newest where BAROGRAPH_PROMTOOL_NEXT has it."""
    return [promtool(), *filter(None, [os.environ.get("BAROGRAPH_PROMTOOL_NEXT", "")])]


def prometheus() -> str:
    """The path of Prometheus: beside promtool, else from the PATH."""
    beside = Path(promtool()).with_name("prometheus")
    found = str(beside) if beside.exists() else shutil.which("prometheus")
    if not found:
        pytest.skip("NOT TESTED: no prometheus beside promtool or on the PATH")
    return found


def alertmanager() -> str:
    """The path of Alertmanager, from the PATH."""
    found = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if not found:
        pytest.skip("NOT TESTED: no Alertmanager. Install the package prometheus-alertmanager")
    return found


def amtool() -> str:
    """The path of amtool: BAROGRAPH_AMTOOL, else from the PATH."""
    found = os.environ.get("BAROGRAPH_AMTOOL") or shutil.which("amtool")
    if not found:
        pytest.skip("NOT TESTED: no amtool. Install the package prometheus-alertmanager, or set BAROGRAPH_AMTOOL")
    return found


def compose() -> str:
    """The path of Docker Compose as a program of its own: BAROGRAPH_COMPOSE, else from the PATH."""
    found = os.environ.get("BAROGRAPH_COMPOSE") or shutil.which("docker-compose")
    if not found:
        pytest.skip("NOT TESTED: no docker-compose. Get it with `tests/tools/get_debs.sh sid DIR docker-compose` and "
                    "set BAROGRAPH_COMPOSE=DIR/usr/libexec/docker/cli-plugins/docker-compose")  # fmt: skip
    return found


def chromium() -> str:
    """The path of a Chromium: BAROGRAPH_CHROMIUM, else from the PATH."""
    found = os.environ.get("BAROGRAPH_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("NOT TESTED: no Chromium. Install the package chromium, or set BAROGRAPH_CHROMIUM")
    return found


def axe() -> str:
    """axe-core's program, of the version in tests/tools/axe/package-lock.json."""
    found = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
    if not found.is_file():
        pytest.skip("NOT TESTED: no axe-core. Get it with `npm ci --ignore-scripts --prefix tests/tools/axe`")
    return found.read_text(encoding="utf-8")
