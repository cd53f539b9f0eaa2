"""What cannot be followed or looked at is said: it is never taken for something that is not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.repository import read
from tests.daemon.repository.small import ATMOS, NAMED, repository, told, write

NOBODY = 65534
WORKFLOW = "workflows: {a: {steps: [{command: version}]}}\n"


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of a user whom file modes bind, who we are for the length of the test."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        privileged = os.geteuid() == 0
        if privileged:
            os.chown(name, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            for folder, _, _ in os.walk(name):
                os.chmod(folder, 0o700)
                for inner in Path(folder).iterdir():
                    inner.chmod(0o700)
            if privileged:
                os.seteuid(0)


@pytest.mark.parametrize("target", ["nowhere.yaml", "zz.yaml", "pipe"], ids=["nothing", "itself", "pipe"])
@pytest.mark.parametrize("link", ["stacks/deploy/zz.yaml", "workflows/zz.yaml"])
def test_a_link_that_leads_to_no_file_is_said(tmp_path: Path, link: str, target: str) -> None:
    """Atmos lists the manifest and stops at it."""
    write(tmp_path, {"stacks/deploy/dev.yaml": NAMED, "workflows/a.yaml": WORKFLOW})
    os.mkfifo((tmp_path / link).with_name("pipe"))
    (tmp_path / link).symlink_to(target)
    assert ("unreadable_file", [link], ("unreadable",)) in told(read(tmp_path).faults)


@pytest.mark.parametrize("folder", ["stacks", "workflows"])
def test_a_folder_that_leads_out_is_said(tmp_path: Path, folder: str) -> None:
    """None of its files is read, and that is not the same as having none."""
    outside = tmp_path / "outside"
    write(outside, {"deploy/dev.yaml": NAMED})
    write(tmp_path / "repository", {} if folder == "stacks" else {"stacks/deploy/dev.yaml": NAMED})
    (tmp_path / "repository" / folder).symlink_to(outside)
    faults = told(read(tmp_path / "repository").faults)
    assert ("unreadable_file", [folder], ("leaves_repository",)) in faults


def test_an_atmos_yaml_that_leads_out_is_said(tmp_path: Path) -> None:
    """It is there for Atmos, and not for us."""
    (tmp_path / "atmos.yaml").write_text(ATMOS)
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository/atmos.yaml").symlink_to(tmp_path / "atmos.yaml")
    faults = told(read(tmp_path / "repository").faults)
    assert ("unreadable_file", ["atmos.yaml"], ("leaves_repository",)) in faults


def test_a_name_that_no_file_can_have_is_no_crash(tmp_path: Path) -> None:
    """Of a folder in atmos.yaml, of a component and of an import."""
    long = "n" * 5_000
    atmos = ATMOS.replace("base_path: workflows", f"base_path: {long}")
    manifest = f"import: [{long}]\n{NAMED}components: {{terraform: {{a: {{metadata: {{component: {long}}}}}}}}}\n"
    found = repository(tmp_path, {"stacks/deploy/dev.yaml": manifest}, atmos=atmos)
    assert [stack.name for stack in found.stacks] == ["acme-dev"]
    assert {"missing_import", "unreadable_file"} == {fault.code for fault in found.faults}


@pytest.mark.parametrize("closed", ["components", ".github", "stacks", "stacks/deploy", "workflows", "atmos.yaml"])
def test_what_may_not_be_looked_at_is_said(unprivileged: Path, closed: str) -> None:
    """It is no traceback, and not an empty folder."""
    files = {"components/terraform/a/main.tf": "", ".github/CODEOWNERS": "", "workflows/a.yaml": WORKFLOW}
    write(unprivileged, {**files, "stacks/deploy/dev.yaml": NAMED})
    (unprivileged / closed).chmod(0)
    found = [fault for fault in read(unprivileged).faults if fault.code == "unreadable_file"]
    assert found
    assert all(fault.names == ("unreadable",) and fault.spots[0].file.startswith(closed) for fault in found)
