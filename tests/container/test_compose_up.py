"""The Compose file, brought up on a Docker engine of this test: in a network namespace, without a registry.

Prometheus and Alertmanager are Debian's, put into images with the paths of the published ones. Grafana's image
cannot be made here: it is not started.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.container import engine
from tests.container.conftest import Built
from tests.container.engine import ROOT, wait_for
from tests.tools.programs import compose

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SETTINGS = {
    "BAROGRAPH_SOURCE_URL": "https://git.invalid/acme/infrastructure.git",
    "BAROGRAPH_SLACK_CHANNEL": "C0123456789",
    "AWS_REGION": "eu-west-1",
}
PACKAGES = {"prometheus": ("prometheus", "promtool"), "alertmanager": ("prometheus-alertmanager", "amtool")}


@dataclass(frozen=True, slots=True)
class Docker:
    """A Docker engine that only this test knows."""

    socket: str

    def __call__(self, *argv: str, stdin: int | None = None) -> str:
        done = subprocess.run(
            ["docker", "--host", f"unix://{self.socket}", *argv],
            stdin=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"docker {' '.join(argv)}: {done.stderr}"
        return done.stdout

    def take(self, image: str) -> None:
        """Copy *image* from where buildah and podman keep theirs."""
        with subprocess.Popen(["podman", "save", "--quiet", image], stdout=subprocess.PIPE) as saving:
            assert saving.stdout is not None
            self("load", "--quiet", stdin=saving.stdout.fileno())


@pytest.fixture(scope="module")
def docker(engines: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """dockerd in a network namespace: its bridges and rules are seen by nobody else, and nothing leads outside."""
    compose()  # before anything is built: without it there is nothing to bring up
    if shutil.which("dockerd") is None or shutil.which("docker") is None:
        pytest.skip("NOT TESTED: Compose is not brought up: no dockerd. Install the package docker.io")
    folder = tmp_path_factory.mktemp("docker")
    socket = f"{folder}/socket"
    options = {"host": f"unix://{socket}", "data-root": folder / "data", "exec-root": folder / "exec",
               "pidfile": folder / "pid", "oom-score-adjust": "0"}  # fmt: skip
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    script = 'ip link set lo up && exec dockerd "$@"'
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            ["unshare", "--net", "--", "sh", "-c", script, "dockerd", *flags], stdout=log, stderr=log
        )
    try:
        until = time.monotonic() + 60
        found = Docker(socket)
        while subprocess.run(["docker", "-H", f"unix://{socket}", "info"], capture_output=True, check=False).returncode:
            if daemon.poll() is not None or time.monotonic() > until:
                last = (folder / "log").read_text().strip().splitlines()[-1:]
                pytest.skip(f"NOT TESTED: Compose is not brought up: dockerd does not run here: {last}")
            time.sleep(0.5)
        yield found
    finally:
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(60)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


@pytest.fixture(scope="module")
def images(docker: Docker, image: Built, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The variable of each image -> one that docker has."""
    unpacked = tmp_path_factory.mktemp("debs")
    names = {"BAROGRAPH_IMAGE": image.name}
    engine.call(
        "bash", "tests/tools/get_debs.sh", "sid", str(unpacked), "prometheus", "promtool", "prometheus-alertmanager"
    )
    for name, programs in PACKAGES.items():
        made = f"localhost/barograph-test-{name}:0"
        container = engine.call("buildah", "from", engine.base_image()).stdout.strip()
        for program in programs:
            target = f"/bin/{program.removeprefix('prometheus-')}"
            engine.call("buildah", "copy", "--chmod", "755", container, str(unpacked / "usr/bin" / program), target)
        # Debian's Alertmanager has its templates there, and not in the program.
        engine.call("buildah", "copy", container, str(unpacked / "usr/share/prometheus"), "/usr/share/prometheus")
        data = f"/{name}"
        engine.call("buildah", "run", "--isolation=chroot", container, "--", "install", "-d", "-o", "65534", data)
        engine.call("buildah", "config", "--entrypoint", json.dumps([f"/bin/{name}"]), "--volume", data, container)
        engine.call("buildah", "commit", "--quiet", "--rm", "--format", "docker", container, made)
        names[f"{name.upper()}_IMAGE"] = made
    for made in names.values():
        docker.take(made)
        if made != image.name:
            engine.podman("rmi", "--force", made)
    return names


def test_it_comes_up_and_works_together(docker: Docker, images: Mapping[str, str], tmp_path: Path) -> None:
    """All healthy; Prometheus scrapes Barograph with its token; what Barograph finds reaches Alertmanager."""
    shutil.copytree(
        ROOT / "deploy" / "compose", tmp_path / "deploy" / "compose", ignore=shutil.ignore_patterns("secrets")
    )
    shutil.copytree(ROOT / "dashboards", tmp_path / "dashboards")
    folder = tmp_path / "deploy" / "compose"
    subprocess.run([str(folder / "secrets.sh")], check=True, capture_output=True)
    for name in ("slack_token", "git_token"):
        (folder / "secrets" / name).write_text("xoxb-1-made-up")
    (folder / "secrets" / "alertmanager_slack_url").write_text("https://hooks.slack.invalid/services/x")
    environment = {**os.environ, **SETTINGS, **images, "DOCKER_HOST": f"unix://{docker.socket}"}

    def composed(*argv: str) -> str:
        done = subprocess.run(
            [compose(), "-f", str(folder / "compose.yaml"), *argv],
            capture_output=True, text=True, check=False, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}\n{_logs(docker)}"
        return done.stdout

    def value(expression: str) -> list[str]:
        answer = composed(
            "exec",
            "-T",
            "prometheus",
            "promtool",
            "query",
            "instant",
            "-o",
            "json",
            "http://127.0.0.1:9090",
            expression,
        )
        found: list[dict[str, Any]] = json.loads(answer)
        return [series["value"][1] for series in found]

    began = time.monotonic()
    composed("up", "--detach", "--pull", "never", "--wait")
    print(f"\nup: {time.monotonic() - began:.0f} s")
    states = [json.loads(line) for line in composed("ps", "--format", "json").splitlines()]
    assert {state["Service"]: state["Health"] for state in states} == {
        "barograph": "healthy", "prometheus": "healthy", "alertmanager": "healthy",
    }  # fmt: skip
    wait_for("scrapes", lambda: value("min(up)") == ["1"] and value('count(up{job="barograph"})') == ["1"])
    wait_for("alerts", lambda: "Barograph" in composed(
        "exec", "-T", "alertmanager", "amtool", "--alertmanager.url=http://127.0.0.1:9093", "alert", "query",
        'fingerprint=~".+"',
    ))  # fmt: skip
    watchdog = 'ALERTS{alertname="BarographWatchdog", alertstate="firing"}'
    wait_for("the rules", lambda: value(f"count({watchdog})") == ["1"])
    assert "Traceback" not in composed("logs", "barograph")
    identifier = composed("ps", "--quiet", "barograph").strip()
    composed("stop", "barograph")
    assert docker("inspect", "--format", "{{.State.ExitCode}}", identifier).strip() == "0"
    composed("down", "--volumes")


def _logs(docker: Docker) -> str:
    """What each container said, and its health check."""
    said = []
    for name in docker("ps", "--all", "--format", "{{.Names}}").split():
        argv = ["docker", "--host", f"unix://{docker.socket}", "logs", "--tail", "30", name]
        log = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
        said.append(f"== {name}\n{log}\n{docker('inspect', '--format', '{{json .State.Health}}', name)}")
    return "\n".join(said)
