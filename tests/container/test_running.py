"""The image as its user runs it: no rights, a read-only root, a volume, signals."""

from __future__ import annotations

import os
import re
import signal
import tomllib
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container import engine
from tests.container.conftest import Built
from tests.container.engine import Container, wait_for
from tests.daemon.test_app import free_port

pytestmark = [pytest.mark.container, pytest.mark.timeout(560)]
VERSION = tomllib.loads((engine.ROOT / "pyproject.toml").read_text())["project"]["version"]
CONFIG = """
source:
  kind: terraform
  path: /srv/infrastructure
  roots:
    - {{path: app, stack: acme-dev, component: app, stage: development, vars: {{p: x}}}}
planning: {{workers: 1, provider_mirror: /srv/infrastructure/app, scratch: /var/lib/barograph/scratch,
           plugin_cache: /var/lib/barograph/plugins}}
store: {{path: /var/lib/barograph/barograph.db, backups: /var/lib/barograph/backups}}
web: {{listen: "127.0.0.1:{port}"}}
"""
FIRST = "SELECT at || action || id FROM audit ORDER BY id LIMIT 1"
ASK = f"import sqlite3; print(sqlite3.connect('file:barograph.db?mode=ro', uri=True).execute('{FIRST}').fetchone()[0])"
EFFECTIVE = ("CapEff", "CapPrm", "CapBnd", "CapAmb")


@pytest.fixture
def options(tmp_path: Path, estate: Path, volume: str) -> list[str]:
    """Configuration, repository and volume."""
    port = free_port()
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "barograph.yml").write_text(CONFIG.format(port=port))
    tmp_path.chmod(0o755)
    return [
        f"--volume={volume}:/var/lib/barograph",
        f"--volume={folder}:/etc/barograph:ro",
        f"--volume={estate}:/srv/infrastructure:ro",
        f"--env=BAROGRAPH_HEALTH_URL=http://127.0.0.1:{port}/healthz",
        "--env=HTTP_PROXY=http://127.0.0.1:9",  # a proxy that is not there must not make it look ill
    ]


@pytest.fixture
def container(image: Built) -> Iterator[Container]:
    found = Container(f"barograph-test-{uuid.uuid4().hex[:12]}")
    try:
        yield found
    finally:
        found.remove()


def test_commands_run_in_it(image: Built, options: list[str]) -> None:
    """Version, configuration check and preflight, as its user, without rights and on a read-only root."""
    assert engine.once(image.name, "--version").stdout == f"barograph, version {VERSION}\n"
    checked = engine.once(image.name, "config", "check", "-c", "/etc/barograph/barograph.yml", options=options)
    assert checked.stdout.startswith("/etc/barograph/barograph.yml: ok\n")
    looked = engine.once(image.name, "preflight", "-c", "/etc/barograph/barograph.yml", options=options, check=False)
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert re.search(r"^pass +terraform +Terraform 1\.11\.4$", looked.stdout, re.MULTILINE)
    assert re.search(r"^pass +git clean", looked.stdout, re.MULTILINE)


def test_a_wrong_configuration_is_told_and_ends_it(image: Built, options: list[str], tmp_path: Path) -> None:
    """Exit code 2, with file and line; no traceback."""
    (tmp_path / "etc" / "barograph.yml").write_text(
        "source: {kind: atmos, path: /srv}\nweb: {listen: '0.0.0.0:9877'}\n"
    )
    done = engine.once(image.name, options=options, check=False)
    assert done.returncode == 2
    assert "/etc/barograph/barograph.yml:2:" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_lives_and_ends(image: Built, options: list[str], container: Container) -> None:
    """Healthy, confined, tidy; ill when it hangs; SIGTERM ends it with 0 in ten seconds though a plan hangs."""
    container.start(image.name, *options)
    wait_for("health", lambda: container.health() == 0, log=container.logs)
    wait_for("the plan", lambda: container.exec("ls", check=False).find("planning") >= 0, log=container.logs)

    running = container.processes()
    assert {each.status["Uid"].split()[0] for each in running} == {"10001"}
    assert {each.status[name] for each in running for name in EFFECTIVE} == {"0" * 16}
    assert {each.status["NoNewPrivs"] for each in running} == {"1"}
    assert container.exec("sh", "-c", "touch /usr/x /etc/x /opt/x 2>&1 | grep -c Read-only").strip() == "3"
    assert any("sleep 3599" in each.words for each in running)
    # What the plan left in a session of its own ends as a child of process 1, and is reaped there.
    wait_for("the orphan's end", lambda: not any("orphan" in each.words for each in container.processes()))
    wait_for("reaping", lambda: not any(each.state == "Z" for each in container.processes()), 10)

    daemon = next(each for each in running if re.search(r"python\S* \S*/barograph run", each.words))
    os.kill(daemon.pid, signal.SIGSTOP)
    assert container.health() == 1
    os.kill(daemon.pid, signal.SIGCONT)
    wait_for("health again", lambda: container.health() == 0, log=container.logs)

    code, seconds = container.stop()
    assert (code, seconds < 10) == (0, True), container.logs()
    assert not [pid for pid in (each.pid for each in running) if Path(f"/proc/{pid}").exists()]
    assert "Traceback" not in container.logs()
    print(f"\nSIGTERM with a plan in flight: {seconds:.1f} s")
    # The plan was asked to end, and had the time to.
    assert _in_volume(image, options, "cat", "ended").strip() == "ended"
    assert _in_volume(image, options, "sh", "-c", "ls scratch/*/out 2>/dev/null || true").strip() == ""


def test_the_store_outlives_the_container(image: Built, options: list[str], container: Container) -> None:
    """A second container on the volume finds the lock released and what the first one stored; a third is refused."""
    container.start(image.name, *options)
    wait_for("health", lambda: container.health() == 0, log=container.logs)
    first = container.exec("python3", "-c", ASK)
    assert first.strip()
    refused = engine.once(image.name, options=options, check=False)
    assert refused.returncode == 4
    assert "Traceback" not in refused.stderr
    assert container.stop()[0] == 0
    container.remove()

    container.start(image.name, *options)
    wait_for("health", lambda: container.health() == 0, log=container.logs)
    assert container.exec("python3", "-c", ASK) == first
    assert container.stop()[0] == 0
    assert engine.once(image.name, "db", "check", "--store", "/var/lib/barograph/barograph.db", options=options)


def test_a_stop_that_comes_at_once_is_heard(image: Built, options: list[str], container: Container) -> None:
    """SIGTERM in the moment of the start ends it as well: process 1 is not Python."""
    container.start(image.name, *options)
    _, seconds = container.stop()
    assert seconds < 9


def test_it_runs_as_kubernetes_mounts_things(image: Built, estate: Path, tmp_path: Path, container: Container) -> None:
    """A volume that its group may write, configuration and secrets behind links, secrets that its group may read."""
    port = free_port()
    auth = "auth: {tokens: [{name: p, token_file: /run/secrets/barograph/token}]}"
    inner = free_port()
    config = CONFIG.format(port=port).replace('"}', f'", metrics_listen: "127.0.0.1:{inner}", {auth}}}')
    data, etc, secrets = (tmp_path / name for name in ("data", "etc", "secrets"))
    data.mkdir()
    os.chown(data, 0, 10001)
    data.chmod(0o2775)
    for folder, name, text in ((etc, "barograph.yml", config), (secrets, "token", "a-token")):
        (folder / "..2026").mkdir(parents=True)
        (folder / "..2026" / name).write_text(text)
        os.chown(folder / "..2026" / name, 0, 10001)
        (folder / "..2026" / name).chmod(0o440)
        (folder / "..data").symlink_to("..2026")
        (folder / name).symlink_to(f"..data/{name}")
    tmp_path.chmod(0o755)
    mounts = {data: "/var/lib/barograph", etc: "/etc/barograph:ro", secrets: "/run/secrets/barograph:ro",
              estate: "/srv/infrastructure:ro"}  # fmt: skip
    container.start(
        image.name,
        f"--env=BAROGRAPH_HEALTH_URL=http://127.0.0.1:{port}/healthz",
        *(f"--volume={source}:{target}" for source, target in mounts.items()),
    )
    wait_for("health", lambda: container.health() == 0, log=container.logs)
    metrics = f"http://127.0.0.1:{inner}/metrics"
    request = urllib.request.Request(metrics, headers={"Authorization": "Bearer a-token"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert b"barograph_" in answer.read()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(metrics, timeout=10)
    with refused.value:
        assert refused.value.code == 401
    request.full_url = f"http://127.0.0.1:{port}/metrics"
    with pytest.raises(urllib.error.HTTPError) as elsewhere:
        urllib.request.urlopen(request, timeout=10)
    with elsewhere.value:
        assert elsewhere.value.code == 404
    assert (data / "barograph.db").stat().st_uid == 10001
    assert container.stop()[0] == 0


def _in_volume(image: Built, options: list[str], *argv: str) -> str:
    return engine.once(image.name, *argv[1:], options=[*options, f"--entrypoint={argv[0]}"]).stdout
