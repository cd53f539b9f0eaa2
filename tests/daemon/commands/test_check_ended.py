"""`barograph check` that is ended in the middle of a plan: nothing of the plan stays, and no child of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CANARY = "canary-in-the-plan"
TERRAFORM = """#!/bin/sh
case "$1" in
version) echo '{"terraform_version":"1.11.4","provider_selections":{}}';;
plan)
  echo $$ > "ROOT/pid"
  for each in "$@"; do case "$each" in -out=*) echo "PK CANARY" > "${each#-out=}";; esac; done
  if [ -e "ROOT/quick" ]; then exit 1; fi
  exec sleep 60;;
esac
"""
CONFIG = """
source:
  kind: terraform
  path: repository
  roots:
    - {{path: app, stack: dev, stage: development, vars: {{p: {canary}}}}}
planning: {{terraform: [{root}/terraform]}}
alerts: {{default_channel: C0123456789}}
slack: {{token: xoxb-1-aaaaaaaaaaaa}}
store: {{path: store.sqlite3}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration, a root module with a local state, and a Terraform whose plan takes a minute."""
    (tmp_path / "repository/app").mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "repository/app/main.tf").write_text('variable "p" {}\n')
    state = '{"version":4,"serial":1,"lineage":"x","outputs":{},"resources":[]}'
    (tmp_path / "repository/app/terraform.tfstate").write_text(state)
    (tmp_path / "terraform").write_text(TERRAFORM.replace("ROOT", str(tmp_path)).replace("CANARY", CANARY))
    (tmp_path / "terraform").chmod(0o755)
    (tmp_path / "barograph.yml").write_text(CONFIG.format(root=tmp_path, canary=CANARY))
    return tmp_path


def _check(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "daemon", "check", "drift", "-c", str(folder / "barograph.yml")],
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _planning(folder: Path) -> int:
    """Wait for the plan to run; give its process id."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if (folder / "pid").exists() and (written := (folder / "pid").read_text().strip()) and _left(folder):
            return int(written)
        time.sleep(0.05)
    raise AssertionError("the plan did not start")


def _left(folder: Path) -> list[Path]:
    """Files of the temporary folder that hold what the plan holds."""
    files = [path for path in (folder / "tmp").rglob("*") if path.is_file()]
    return [path for path in files if CANARY in path.read_text(errors="replace")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_asked_end_leaves_neither_plan_nor_child(folder: Path, number: signal.Signals) -> None:
    """Both end what runs and wipe what it wrote, at once."""
    check = _check(folder)
    plan = _planning(folder)
    check.send_signal(number)
    check.communicate(timeout=40)
    assert check.returncode not in (0, 1)
    assert _left(folder) == []
    assert list((folder / "tmp").iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(plan, 0)


def test_the_next_check_wipes_what_a_killed_one_left(folder: Path) -> None:
    """SIGKILL leaves no time to tidy up; whoever comes next does it."""
    check = _check(folder)
    plan = _planning(folder)
    check.kill()
    check.communicate(timeout=40)
    os.killpg(os.getpgid(plan), signal.SIGKILL)
    assert _left(folder)
    (folder / "quick").touch()
    again = _check(folder)
    said = again.communicate(timeout=60)[0]
    assert again.returncode == 3, said
    assert list((folder / "tmp").iterdir()) == []
