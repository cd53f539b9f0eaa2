"""Kubernetes manifests, validated without a cluster: schemas, references between them, rules, configuration."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from checks import discover
from daemon.config import Config, load
from daemon.metrics import CATALOGUE, measure_metrics
from daemon.web import AuthSettings, Credential, create_app
from dashboards.operator import document, prometheus_rule, rule_files
from tests.daemon.web.world import browsing, full_world
from tests.tools.programs import promtool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
BASE, MONITORING, EXAMPLE = FOLDER / "base", FOLDER / "monitoring", FOLDER / "overlays" / "example"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
SECRETS = "/run/secrets/barograph"
OPERATOR = "monitoring.coreos.com/v1"
# What the Prometheus operator adds to each target of a ServiceMonitor.
OPERATORS = frozenset({"job", "instance", "namespace", "service", "pod", "container", "endpoint", "node"})
KUSTOMIZATION = "kustomization.yaml"
PAGE = (ROOT / "docs" / "container.md").read_text(encoding="utf-8")

Manifest = Mapping[str, Any]


def manifests(*folders: Path) -> list[Manifest]:
    """Every manifest that the kustomizations of *folders* take in as a resource."""
    found: list[Manifest] = []
    for folder in folders:
        kustomization = yaml.safe_load((folder / KUSTOMIZATION).read_text())
        for name in kustomization["resources"]:
            if (folder / name).is_file():
                found += yaml.safe_load_all((folder / name).read_text())
    return found


def the(kind: str, found: list[Manifest], name: str = "barograph") -> Manifest:
    [one] = [each for each in found if each["kind"] == kind and each["metadata"]["name"] == name]
    return one


def kustomize(folder: Path) -> list[Manifest]:
    """What kustomize makes of *folder*; a loud skip where there is none."""
    if shutil.which("kubectl"):
        argv = ["kubectl", "kustomize", str(folder)]
    elif shutil.which("kustomize"):
        argv = ["kustomize", "build", str(folder)]
    else:
        pytest.skip("NOT TESTED: no kubectl and no kustomize: the overlays are not put together")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return list(yaml.safe_load_all(done.stdout))


def valid(found: list[Manifest]) -> None:
    """Raise for a manifest that Kubernetes would not take; for the operator's kinds there are no schemas here."""
    for each in found:
        if each["apiVersion"] != OPERATOR:
            kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)


def secret_paths(text: str) -> set[str]:
    return set(re.findall(rf"{SECRETS}/(\w+)", text))


def loaded(path: Path, tmp_path: Path) -> Config:
    """The configuration of a manifest, with secrets that are made up."""
    text = path.read_text()
    for name in secret_paths(text):
        (tmp_path / name).write_text("xoxb-1-made-up" if name == "slack_token" else f"made-up-{name}")
    copy = tmp_path / "barograph.yml"
    copy.write_text(text.replace(f"{SECRETS}/", ""))
    return load(copy, {}, discover())


def test_every_file_is_taken_in_and_valid() -> None:
    """No manifest lies beside the kustomizations unused, and each is what its schema says, to the letter."""
    for folder in (BASE, MONITORING):
        taken = set(yaml.safe_load((folder / KUSTOMIZATION).read_text())["resources"])
        assert {path.name for path in folder.glob("*.yaml")} - {KUSTOMIZATION} == taken
    found = manifests(BASE, MONITORING, EXAMPLE)
    assert len(found) == 9
    valid(found)


@pytest.mark.parametrize("folder", [BASE, EXAMPLE], ids=["base", "example"])
def test_kustomize_puts_them_together(folder: Path) -> None:
    """What comes out is valid, refers to what is there, and has the image of this version."""
    found = kustomize(folder)
    valid(found)
    pod = the("Deployment", found)["spec"]["template"]["spec"]
    name, _, tag = pod["containers"][0]["image"].rpartition(":")
    assert tag == VERSION
    assert name == ("barograph" if folder == BASE else "registry.example.com/platform/barograph")
    configs = {each["metadata"]["name"] for each in found if each["kind"] == "ConfigMap"}
    used = {volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume}
    assert used == configs
    assert the("ConfigMap", found, configs.pop())["data"]["barograph.yml"] == (folder / "barograph.yml").read_text()
    if folder == EXAMPLE:
        assert {each["metadata"].get("namespace", "barograph") for each in found} == {"barograph"}
        role = the("ServiceAccount", found)["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
        assert role.endswith("/barograph-hub")
        prometheus, people = the("NetworkPolicy", found)["spec"]["ingress"]
        assert [port["port"] for rule in (prometheus, people) for port in rule["ports"]] == ["metrics", "http"]
        assert len(prometheus["from"]) == len(people["from"]) == 1
    else:
        assert not [each for each in found if "namespace" in each["metadata"]]


def test_selectors_and_names_fit() -> None:
    """Whatever points at the pod, the service, the volume or the account finds it."""
    found = manifests(BASE, MONITORING)
    deployment = the("Deployment", found)
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    service, monitor = the("Service", found), the("ServiceMonitor", found)
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels
    assert service["spec"]["selector"].items() <= labels
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "barograph"
    for policy in (each for each in found if each["kind"] == "NetworkPolicy"):
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels
    [container] = template["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports.keys()
    assert [each["port"] for each in monitor["spec"]["endpoints"]] == ["metrics"]
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == ports
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
    assert [probe["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]
    assert {probe["port"] for probe in probes} == {"http"}
    volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
    assert the("PersistentVolumeClaim", found, volumes["data"]["persistentVolumeClaim"]["claimName"])
    assert the("ServiceAccount", found, template["spec"]["serviceAccountName"])


def test_no_label_of_the_operator_displaces_one_of_ours() -> None:
    """What Prometheus would rename to exported_… is told apart in rules and dashboards by its own name."""
    checks = {name: check() for name, check in discover().items()}
    ours = {label for each in (*CATALOGUE.values(), *measure_metrics(checks).values()) for label in each.labels}
    [endpoint] = the("ServiceMonitor", manifests(MONITORING))["spec"]["endpoints"]
    dropped = {each["regex"] for each in endpoint["relabelings"] if each["action"] == "labeldrop"}
    assert ours & OPERATORS == dropped == {"service"}


def test_there_is_one_pod_without_rights() -> None:
    """Never two writers; the image's user, nothing to gain, nothing writable but volume and memory, a limit."""
    deployment = the("Deployment", manifests(BASE))["spec"]
    assert (deployment["replicas"], deployment["strategy"]["type"]) == (1, "Recreate")
    pod = deployment["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] >= 15
    dockerfile = (ROOT / "Dockerfile").read_text()
    user, group = re.findall(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)[-1]
    context = pod["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["runAsNonRoot"]) == (int(user), int(group), True)
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"] == "3Gi"
    written = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert written == {"/var/lib/barograph", "/tmp"}
    assert next(each for each in pod["volumes"] if each["name"] == "tmp")["emptyDir"]["medium"] == "Memory"


def test_nothing_gets_in_or_out_that_is_not_named() -> None:
    """One policy denies everything; the other lets in one port, and out names and TLS, but not to instance metadata."""
    found = manifests(BASE)
    nothing = the("NetworkPolicy", found, "barograph-nothing")["spec"]
    assert nothing.keys() == {"podSelector", "policyTypes"}
    assert set(nothing["policyTypes"]) == {"Ingress", "Egress"}
    some = the("NetworkPolicy", found)["spec"]
    assert all(rule["from"] and rule["ports"] for rule in some["ingress"])
    assert all(rule["to"] and rule["ports"] for rule in some["egress"])
    assert {port["port"] for rule in some["ingress"] for port in rule["ports"]} == {"metrics"}
    assert {port["port"] for rule in some["egress"] for port in rule["ports"]} == {53, 443}
    blocks = [peer["ipBlock"] for rule in some["egress"] for peer in rule["to"] if "ipBlock" in peer]
    assert {block["cidr"] for block in blocks} == {"0.0.0.0/0", "::/0"}
    assert any("169.254.0.0/16" in block["except"] for block in blocks)


def test_probes_are_answered_without_signing_in(tmp_path: Path) -> None:
    """A kubelet has neither token nor password, and asks for the pod's own address."""
    [container] = the("Deployment", manifests(BASE))["spec"]["template"]["spec"]["containers"]
    config = loaded(BASE / "barograph.yml", tmp_path)
    assert config.web.auth.asks
    with full_world(tmp_path) as made:
        auth = AuthSettings(tokens=(Credential("prometheus", "token-of-prometheus"),))
        client = browsing(create_app(made.deps(None, auth)), Host="10.1.2.3:9877")
        with client as kubelet:
            paths = {container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
            assert {path: kubelet.get(path).status_code in (200, 503) for path in paths} == dict.fromkeys(paths, True)


@pytest.mark.parametrize("folder", [BASE, EXAMPLE], ids=["base", "example"])
def test_the_configuration_loads_and_fits_the_pod(folder: Path, tmp_path: Path) -> None:
    """It listens where the service leads, writes where the volume is, and its secrets are those that the page names."""
    config = loaded(folder / "barograph.yml", tmp_path)
    found = manifests(BASE, MONITORING)
    ports = {port["name"]: port["port"] for port in the("Service", found)["spec"]["ports"]}
    assert config.web.listen == f"0.0.0.0:{ports['http']}"
    assert config.web.metrics_listen == f"0.0.0.0:{ports['metrics']}"
    for path in (config.store.path, config.store.backups, config.planning.scratch, config.planning.plugin_cache):
        assert path is not None
        assert path.is_relative_to("/var/lib/barograph")
    assert 1 + config.planning.workers <= 3  # GiB: the pod's limit
    keys = secret_paths((folder / "barograph.yml").read_text())
    credentials = the("ServiceMonitor", found)["spec"]["endpoints"][0]["authorization"]["credentials"]
    assert credentials["key"] in keys
    volumes = the("Deployment", found)["spec"]["template"]["spec"]["volumes"]
    assert credentials["name"] == next(each["secret"]["secretName"] for each in volumes if "secret" in each)
    created = re.search(rf"kubectl -n barograph create secret generic {credentials['name']}(.*?)\n```", PAGE, re.DOTALL)
    assert created is not None
    assert set(re.findall(r"--from-file=(\w+)=", created[1])) == keys


def test_the_rules_are_current_and_good(tmp_path: Path) -> None:
    """The PrometheusRule holds exactly the groups of dashboards/prometheus, and promtool takes its spec."""
    committed = MONITORING / "prometheusrule.yaml"
    assert committed.read_text(encoding="utf-8") == document(rule_files())
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump(yaml.safe_load(committed.read_text())["spec"]))
    done = subprocess.run([promtool(), "check", "rules", str(rules)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_rules_of_all_files_become_one(tmp_path: Path) -> None:
    """Groups stay in order; one name twice is refused, as the operator would."""
    (tmp_path / "a.rules.yml").write_text("groups: [{name: one, rules: [{alert: A, expr: up == 0}]}]")
    (tmp_path / "b.rules.yml").write_text("groups: [{name: two, rules: []}, {name: three, rules: []}]")
    assert [group["name"] for group in prometheus_rule(rule_files(tmp_path))["spec"]["groups"]] == [
        "one",
        "two",
        "three",
    ]
    (tmp_path / "c.rules.yml").write_text("groups: [{name: one, rules: []}]")
    with pytest.raises(ValueError, match="one, one, three, two"):
        prometheus_rule(rule_files(tmp_path))


def test_a_wrong_manifest_would_be_seen() -> None:
    """The validation is strict: a misspelt key does not pass."""
    found = dict(the("Deployment", manifests(BASE)))
    found["spec"] = {**found["spec"], "replica": 1}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        valid([found])


def images() -> Iterator[tuple[str, str]]:
    kustomization = yaml.safe_load((BASE / KUSTOMIZATION).read_text())
    yield "kustomization", kustomization["images"][0]["newTag"]
    yield "label", kustomization["labels"][0]["pairs"]["app.kubernetes.io/version"]


def test_the_version_is_the_projects() -> None:
    """A release changes one number, and a test says where else it stands."""
    assert dict(images()) == {"kustomization": VERSION, "label": VERSION}
