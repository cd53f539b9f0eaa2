"""docs/dashboards.md and the provisioning files say what is there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dashboards.board import TITLES
from tests.dashboards.reading import FOLDER, ROOT

PAGE = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
PROVISIONING = ROOT / "dashboards" / "provisioning"
LARGEST = 250_000  # bytes of a picture


@pytest.mark.parametrize("name", re.findall(r"!\[[^]]*\]\(([^)]*)\)", PAGE))
def test_every_picture_is_there_and_small(name: str) -> None:
    """A page whose pictures do not load tells nothing, and a repository of large ones is slow to clone."""
    size = (ROOT / "docs" / name).stat().st_size
    assert 10_000 < size < LARGEST


def test_every_dashboard_has_its_chapter_and_picture() -> None:
    """Under its own title."""
    for uid, title in TITLES.items():
        assert f"\n## {title}\n" in PAGE
        assert f"(dashboards/{uid.removeprefix('barograph-')}.png)" in PAGE


def test_the_command_of_the_page_runs(tmp_path: Path) -> None:
    """What it writes has the given addresses, and is the committed dashboards otherwise."""
    [line] = re.findall(r"^\$ (python -m dashboards .*)$", PAGE, re.MULTILINE)
    argv = shlex.split(line.replace("/srv/dashboards", str(tmp_path)))
    subprocess.run([sys.executable, *argv[1:]], cwd=ROOT, check=True, timeout=60)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in FOLDER.iterdir()}
    given = {argv[n]: argv[n + 1] for n in (3, 5)}
    for path in tmp_path.iterdir():
        text = path.read_text(encoding="utf-8")
        for name, plain in (
            ("--status-page", "http://127.0.0.1:9877"),
            ("--runbook", "http://127.0.0.1:9877/runbooks/"),
        ):
            text = text.replace(json.dumps(given[name]), json.dumps(plain))
        assert text == (FOLDER / path.name).read_text(encoding="utf-8")


def test_provisioning_is_what_grafana_reads() -> None:
    """One data source of Prometheus, and one provider of the folder that the page names."""
    [source] = yaml.safe_load((PROVISIONING / "datasources" / "barograph.yml").read_text())["datasources"]
    assert (source["type"], source["access"], source["jsonData"]["httpMethod"]) == ("prometheus", "proxy", "POST")
    [provider] = yaml.safe_load((PROVISIONING / "dashboards" / "barograph.yml").read_text())["providers"]
    assert provider["options"]["path"] in PAGE
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
