"""Which tools are installed, and which the repository asks for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from checks.base import Json
from daemon import hcl
from daemon.inventory.draft import Draft
from daemon.inventory.session import Run
from daemon.inventory.settings import SourceSettings
from daemon.inventory.versions import Wanted, compare, tool_versions
from daemon.processes import ProgramMissingError

_SECONDS = 30.0
_READ = 64 * 1024  # bytes of a .tool-versions
_REGISTRY = "registry.terraform.io"


class Tools:
    """Compares what a draft's repository asks for with what there is. Asks each program once."""

    def __init__(self, settings: SourceSettings, run: Run) -> None:
        self._settings = settings
        self._run = run
        self._known: dict[tuple[str, int], tuple[str, str]] = {}

    def compared(self, at: SourceSettings, draft: Draft) -> Draft:
        """*draft* with the problems and notes of versions that do not fit together."""
        installed = {**_provided(self._settings.provider_mirror)}
        if draft.atmos:
            installed["atmos"] = (draft.atmos,)
        for name in self._settings.terraform:
            if (found := self._asked(name)) is not None:
                installed[found[0]] = (*installed.get(found[0], ()), found[1])
        problems, notes = compare([*_of_files(at.path), *draft.wanted, *_of_modules(at.path, draft)], installed)
        return draft.saying(problems, notes)

    def _asked(self, name: str) -> tuple[str, str] | None:
        """Tool and version of a program; None where it does not tell."""
        path = shutil.which(name, path=self._settings.environment.get("PATH"))
        if path is None:
            return None
        key = (path, Path(path).stat().st_mtime_ns)
        if key not in self._known:
            env = {
                "PATH": self._settings.environment.get("PATH", ""),
                "HOME": "/nonexistent",
                "CHECKPOINT_DISABLE": "1",
            }
            try:
                finished = self._run(
                    [path, "version", "-json"], cwd="/", env=env, deadline=_SECONDS, stdout_limit=_READ
                )
                version = str(json.loads(finished.stdout)["terraform_version"])
            except (ProgramMissingError, ValueError, KeyError, TypeError):
                return None
            self._known[key] = ("opentofu" if "tofu" in Path(path).name else "terraform", version)
        return self._known[key]


def _of_files(repository: Path) -> tuple[Wanted, ...]:
    file = repository / ".tool-versions"
    try:
        if not file.is_file():
            return ()
        with file.open("rb") as stream:
            return tool_versions(stream.read(_READ).decode("utf-8", errors="replace"))
    except OSError:
        return ()


def _of_modules(repository: Path, draft: Draft) -> Iterator[Wanted]:
    """required_version and required_providers of the root modules that are watched."""
    used: dict[str, set[str]] = {}
    for watched in draft.watched:
        if watched.instance.enabled:
            used.setdefault(watched.instance.working_directory, set()).add(watched.command)
    for folder, commands in sorted(used.items()):
        for file in sorted((repository / folder).glob("*.tf")):
            try:
                blocks = list(_blocks(hcl.read(file).get("terraform")))
            except hcl.HclError:
                continue  # planning tells of it
            for block in blocks:
                yield from _of_block(block, folder, commands)


def _of_block(block: Mapping[str, Json], folder: str, commands: Iterable[str]) -> Iterator[Wanted]:
    required = block.get("required_version")
    if isinstance(required, str):
        for command in sorted(commands):
            yield Wanted("opentofu" if "tofu" in command else "terraform", required.strip('"'), folder)
    for providers in _blocks(block.get("required_providers")):
        for name, asked in providers.items():
            said = asked if isinstance(asked, dict) else {"version": asked}
            version, source = said.get("version"), said.get("source", f"hashicorp/{name}")
            if isinstance(version, str) and isinstance(source, str):
                yield Wanted(_address(source.strip('"')), version.strip('"'), folder)


def _address(source: str) -> str:
    return source.removeprefix(f"{_REGISTRY}/")


def _provided(mirror: Path | None) -> dict[str, tuple[str, ...]]:
    """Versions of each provider in a filesystem mirror, be they unpacked or packed: those come from nowhere else."""
    found: dict[str, tuple[str, ...]] = {}
    for folder in sorted(mirror.glob("*/*/*")) if mirror is not None else ():
        names = [inner.name for inner in folder.iterdir() if inner.is_dir() and inner.name[:1].isdigit()]
        packed = f"terraform-provider-{folder.name}_"
        names += [zipped.name.removeprefix(packed).split("_")[0] for zipped in folder.glob(f"{packed}*.zip")]
        if names:
            found[_address("/".join(folder.parts[-3:]))] = tuple(sorted(set(names)))
    return found


def _blocks(value: object) -> Iterator[Mapping[str, Json]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item
