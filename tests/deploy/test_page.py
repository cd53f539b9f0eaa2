"""docs/container.md: each command on it is one that tests run, as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.container.engine import HARDENED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "container.md").read_text(encoding="utf-8")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
IMAGE = f"localhost/barograph:{VERSION}"
COMPOSE = "docker compose -f deploy/compose/compose.yaml"
# How a command begins -> the test that runs it.
RUN_BY = {
    "make image": "tests/container/conftest.py",
    "make sbom": "tests/container/test_image.py",
    "make container": ".ci/run",
    "podman image inspect": "tests/container/test_image.py",
    "podman run --rm": "tests/container/test_running.py",
    "podman run --detach": "tests/container/test_running.py",
    "podman healthcheck run": "tests/container/test_running.py",
    "podman logs": "tests/container/test_running.py",
    "podman stop --time": "tests/container/test_running.py",
    "deploy/compose/secrets.sh": "tests/deploy/test_compose.py",
    f"{COMPOSE} config": "tests/deploy/test_compose.py",
    f"{COMPOSE} --profile grafana up": "tests/container/test_compose_up.py",
    f"{COMPOSE} --profile grafana down": "tests/container/test_compose_up.py",
    "kubectl kustomize": "tests/deploy/test_kubernetes.py",
    "kubectl -n barograph create secret": "tests/deploy/test_page.py",
}


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def test_every_command_is_run_by_a_test() -> None:
    """Nothing to copy that nobody has tried."""
    found = commands()
    assert len(found) >= len(RUN_BY)
    for begin, where in RUN_BY.items():
        assert any(line.startswith(begin) for line in found), f"{begin} is not on the page"
        assert (ROOT / where).exists()
    for line in found:
        assert any(line.startswith(begin) for begin in RUN_BY), f"no test runs: {line}"


def test_what_is_run_is_confined_as_the_tests_have_it() -> None:
    """The flags to copy are those that the image was seen to work with."""
    for line in commands():
        if line.startswith("podman run") and " db check " not in line:
            words = " ".join(shlex.split(line))
            assert " ".join(HARDENED) in words, line
        if "localhost/" in line:
            assert IMAGE in line, "the page names another version"


def test_make_makes_what_the_page_names() -> None:
    """Without IMAGE= the image is called what the commands of the page call it."""
    said = subprocess.run(["make", "--dry-run", "image"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"docker/build.sh {IMAGE}" in said


def test_build_arguments_are_those_of_the_dockerfile() -> None:
    """The table lists every argument that is not a label, with the versions that the Dockerfile pins."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    arguments = dict(re.findall(r"^ARG (\w+)=(.*)$", dockerfile, re.MULTILINE))
    table = PAGE.partition("| argument |")[2].partition("\n\n")[0]
    listed = set(re.findall(r"`([A-Z_0-9]+)`", table))
    assert listed == arguments.keys() - {"VERSION", "REVISION", "SOURCE", "CREATED"}
    for name in ("ATMOS_VERSION", "TERRAFORM_VERSION", "PYTHON_IMAGE"):
        assert arguments[name] in table
    assert f"atmos_{arguments['ATMOS_VERSION']}_SHA256SUMS" in PAGE


def test_the_secret_is_made_as_the_page_says(tmp_path: Path) -> None:
    """The command gives a Secret with each key; nothing is sent anywhere."""
    if shutil.which("kubectl") is None:
        pytest.skip("NOT TESTED: no kubectl")
    [line] = [line for line in commands() if line.startswith("kubectl -n barograph create secret")]
    words = shlex.split(line)
    (tmp_path / "secrets").mkdir()
    keys = re.findall(r"--from-file=(\w+)=", line)
    for key in keys:
        (tmp_path / "secrets" / key).write_text("x")
    made = subprocess.run(
        [*words, "--dry-run=client", "-o", "yaml"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert len(keys) == 4
    assert all(f"  {key}: eA==" in made for key in keys)


def test_the_builder_is_told_what_it_needs(tmp_path: Path) -> None:
    """The format that keeps the health check, labels without a remote's credentials, the roots only where asked for."""
    for name in ("buildah", "docker"):
        (tmp_path / name).write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        (tmp_path / name).chmod(0o755)

    def build(builder: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{tmp_path}:/usr/bin:/bin", "BAROGRAPH_BUILDER": builder, "SOURCE_DATE_EPOCH": "0",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "remote.origin.url",
            "GIT_CONFIG_VALUE_0": "https://user:canary@git.example.com/barograph.git", **more,
        }  # fmt: skip
        return subprocess.run(
            [str(ROOT / "docker" / "build.sh"), "x:1", "--no-cache"],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    told = build("buildah").stdout.splitlines()
    assert told[0] == "build"
    assert told[told.index("--format") + 1] == "docker"
    assert f"VERSION={VERSION}" in told
    assert "CREATED=1970-01-01T00:00:00Z" in told
    assert "SOURCE=https://git.example.com/barograph.git" in told
    assert "--volume" not in told
    assert told[-2:] == ["--no-cache", "."]
    assert "/etc/ssl/certs:/etc/ssl/certs:ro" in build("buildah", BAROGRAPH_BUILD_CERTS="/etc/ssl/certs").stdout
    assert "--format" not in build("docker").stdout
    refused = build("docker", BAROGRAPH_BUILD_CERTS="/etc/ssl/certs")
    assert (refused.returncode, "docker cannot mount" in refused.stderr) == (1, True)


def test_all_that_the_dockerfile_copies_gets_to_the_builder() -> None:
    """.dockerignore keeps everything out but what is named in it: a new COPY has to be named there too."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    named = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert "*" in lines
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    assert len(sources) > 5
    for source in sources:
        assert any(source == name or source.startswith(f"{name}/") for name in named), f"{source} is not let through"
    for name in named:
        assert (ROOT / name).exists(), f"{name} is not there any more"
