"""The Compose file and what it mounts, checked by the programs that will read it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from checks import discover
from daemon.config import load
from tests.tools.programs import amtool, compose, promtool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "compose"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
SETTINGS = {
    "BAROGRAPH_SOURCE_URL": "https://github.com/acme/infrastructure.git",
    "BAROGRAPH_SLACK_CHANNEL": "C0123456789",
    "AWS_REGION": "eu-west-1",
}
PUBLISHED = {"barograph", "grafana"}


def composed(*argv: str, settings: dict[str, str] = SETTINGS) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BAROGRAPH_", "AWS_"))}
    return subprocess.run(
        [compose(), "-f", str(FOLDER / "compose.yaml"), *argv],
        capture_output=True, text=True, check=False, env={**environment, **settings},
    )  # fmt: skip


@pytest.fixture(scope="module")
def resolved() -> dict[str, Any]:
    """As Compose understands it, all profiles."""
    done = composed("--profile", "*", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("profile", [[], ["--profile", "grafana"]], ids=["plain", "grafana"])
def test_compose_takes_it(profile: list[str]) -> None:
    """Every key is known and every variable set."""
    done = composed(*profile, "config", "-q")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_only_you_can_know_is_asked_for() -> None:
    """Nothing starts with an address that is made up."""
    for name in SETTINGS:
        done = composed("config", "-q", settings={key: value for key, value in SETTINGS.items() if key != name})
        assert done.returncode != 0
        assert name in done.stderr


def test_all_are_confined_and_pinned(resolved: dict[str, Any]) -> None:
    """Read-only, no capabilities, nothing to gain, a user that is not root, an exact version."""
    services = resolved["services"]
    assert services.keys() == {"barograph", "prometheus", "alertmanager", "grafana"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
        assert "healthcheck" in service or name == "barograph", name
        assert not service.get("privileged"), name
        variables = service.get("environment", {}).items()
        hidden = [key for key, _ in variables if re.search("TOKEN|SECRET|PASSWORD|KEY", key) and "__FILE" not in key]
        assert hidden == [], name
    assert services["barograph"]["image"].endswith(f":{VERSION}")


def test_only_this_machine_reaches_pages_and_nobody_the_metrics(resolved: dict[str, Any]) -> None:
    """Prometheus and Alertmanager, which ask nobody to sign in, publish nothing; Prometheus has no way out."""
    services = resolved["services"]
    published = {name: service["ports"] for name, service in services.items() if service.get("ports")}
    assert published.keys() == PUBLISHED
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}
    assert resolved["networks"]["inside"]["internal"] is True
    assert services["prometheus"]["networks"].keys() == {"inside"}


def test_secrets_are_files_that_the_script_makes(resolved: dict[str, Any], tmp_path: Path) -> None:
    """secrets.sh makes each of them once; git never takes one."""
    copy = tmp_path / "compose"
    copy.mkdir()
    shutil.copy(FOLDER / "secrets.sh", copy)
    for _ in range(2):
        done = subprocess.run([str(copy / "secrets.sh")], capture_output=True, text=True, check=True)
        made = {path.name: path.read_text() for path in (copy / "secrets").iterdir()}
    assert made.keys() == resolved["secrets"].keys()
    assert {name for name, text in made.items() if text} == {"prometheus_token", "oncall_password", "grafana_password"}
    assert len(set(made.values())) == 4
    assert (copy / "secrets").stat().st_mode & 0o777 == 0o700
    assert {name for name in made if f"secrets/{name}" in done.stdout} == {
        name for name, text in made.items() if not text
    }
    first = made
    (copy / "secrets" / "slack_token").write_text("xoxb-1-mine")
    subprocess.run([str(copy / "secrets.sh")], capture_output=True, check=True)
    now = {path.name: path.read_text() for path in (copy / "secrets").iterdir()}
    assert now == {**first, "slack_token": "xoxb-1-mine"}
    ignored = subprocess.run(
        ["git", "check-ignore", "deploy/compose/secrets/slack_token"], cwd=ROOT, capture_output=True, check=False
    )
    assert ignored.returncode == 0


def test_its_configuration_loads_with_its_environment(resolved: dict[str, Any], tmp_path: Path) -> None:
    """What the service is given is what barograph.yml asks for; its secrets are the service's."""
    service = resolved["services"]["barograph"]
    text = (FOLDER / "barograph.yml").read_text()
    named = set(re.findall(r"/run/secrets/(\w+)", text))
    assert named < {secret["source"] for secret in service["secrets"]}
    for name in named:
        (tmp_path / name).write_text("xoxb-1-made-up" if name == "slack_token" else f"made-up-{name}")
    path = tmp_path / "barograph.yml"
    path.write_text(text.replace("/run/secrets/", ""))
    config = load(path, service["environment"], discover())
    assert config.source.url == SETTINGS["BAROGRAPH_SOURCE_URL"]
    assert config.alerts.default_channel == SETTINGS["BAROGRAPH_SLACK_CHANNEL"]
    assert config.web.listen == f"0.0.0.0:{service['ports'][0]['target']}"
    assert config.web.metrics_listen == "0.0.0.0:9878"
    assert config.store.path.is_relative_to("/var/lib/barograph")


def test_prometheus_takes_its_configuration(resolved: dict[str, Any], tmp_path: Path) -> None:
    """promtool reads it with the rules beside it; what is scraped is a service of ours."""
    text = (FOLDER / "prometheus.yml").read_text()
    (tmp_path / "token").write_text("x")
    path = tmp_path / "prometheus.yml"
    path.write_text(
        text.replace("/run/secrets/prometheus_token", str(tmp_path / "token")).replace(
            "/etc/prometheus/dashboards", str(ROOT / "dashboards")
        )
    )
    done = subprocess.run([promtool(), "check", "config", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    jobs = {job["job_name"]: job["static_configs"][0]["targets"][0] for job in yaml.safe_load(text)["scrape_configs"]}
    assert {target.partition(":")[0] for target in jobs.values()} <= {*resolved["services"], "127.0.0.1"}
    published = {str(port["target"]) for port in resolved["services"]["barograph"]["ports"]}
    assert published == {"9877"}
    assert jobs["barograph"] == "barograph:9878"


def test_alertmanager_takes_its_configuration(tmp_path: Path) -> None:
    """amtool reads it. What Barograph told Slack itself is not told twice; that it is down reaches people."""
    config = FOLDER / "alertmanager.yml"
    subprocess.run([amtool(), "check-config", str(config)], capture_output=True, text=True, check=True)

    def receiver(*labels: str) -> str:
        argv = [amtool(), "config", "routes", "test", f"--config.file={config}", *labels]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()

    assert receiver("alertname=BarographDown", "severity=critical") == "watchers"
    assert receiver("alertname=BarographStalled", "severity=warning") == "watchers"
    assert receiver("alertname=BarographDrift", "severity=critical", "fingerprint=v1:72ea", "stack=a") == "told-already"
    assert receiver("alertname=BarographWatchdog", "severity=critical") == "told-already"
    assert receiver("alertname=Other", "severity=info") == "told-already"


def test_mounted_files_are_there(resolved: dict[str, Any]) -> None:
    """No bind mount of something that docker would make an empty folder of."""
    for service in resolved["services"].values():
        for volume in service["volumes"]:
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists(), volume["source"]
