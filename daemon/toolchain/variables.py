"""Which variables a root module wants, and whether an instance gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon import hcl
from daemon.inventory.model import Watched
from daemon.planning.settings import Grant

_MASKED = "<MASKED>"  # what Atmos prints in place of a secret


@dataclass(frozen=True, slots=True)
class Given:
    """Of the variables that have no default: those without a value, and those of whose value nobody knows."""

    wanted: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()  # masked, or made by a template that was not run
    unread: tuple[str, ...] = ()  # files that cannot be read: "file:line: cannot be parsed"


def given(watched: Watched, repository: Path, grant: Grant) -> Given:
    """What *watched*'s module wants and gets: vars, var files, files that Terraform reads by itself, environment."""
    folder = repository / watched.instance.working_directory
    if not folder.is_dir():
        return Given(unread=(f"{watched.instance.working_directory}: the folder is not there",))
    unread: list[str] = []
    wanted = _without_default(folder, unread)
    values = dict(_values(watched, folder, grant, unread))
    # As the inventory names them: "size" of vars, "env.TF_VAR_size" of the environment.
    unresolved = {name.removeprefix("env.TF_VAR_") for name in watched.unresolved}
    unknown = tuple(name for name in wanted if name in unresolved or _is_masked(values.get(name)))
    missing = tuple(name for name in wanted if name not in values and name not in unknown)
    return Given(wanted, missing, unknown, tuple(unread))


def _without_default(folder: Path, unread: list[str]) -> tuple[str, ...]:
    """The names of variables without a default; override files come last and may add one."""
    has_default: dict[str, bool] = {}
    files = sorted([*folder.glob("*.tf"), *folder.glob("*.tf.json")], key=lambda file: (_overrides(file), file.name))
    for file in files:
        for block in _blocks(_read(file, unread).get("variable")):
            for name, body in block.items():
                given = any("default" in one for one in _blocks(body))
                name = str(name).strip('"')
                has_default[name] = has_default.get(name, False) or given
    return tuple(name for name, given in has_default.items() if not given)


def _overrides(file: Path) -> bool:
    stem = file.name.removesuffix(".json").removesuffix(".tf")
    return stem == "override" or stem.endswith("_override")


def _values(watched: Watched, folder: Path, grant: Grant, unread: list[str]) -> Iterator[tuple[str, Any]]:
    """Everything that gives a variable a value, with the value."""
    for environment in (watched.env, grant.environment):
        yield from ((name.removeprefix("TF_VAR_"), value) for name, value in environment.items() if _is_variable(name))
    automatic = [
        folder / "terraform.tfvars", folder / "terraform.tfvars.json",
        *sorted(folder.glob("*.auto.tfvars")), *sorted(folder.glob("*.auto.tfvars.json")),
    ]  # fmt: skip
    named = [folder / name for name in watched.var_files]
    for file in (*(file for file in automatic if file.is_file()), *named):
        yield from _read(file, unread).items()
    yield from watched.vars.items()
    yield from grant.variables.items()


def _is_variable(name: str) -> bool:
    return name.startswith("TF_VAR_")


def _is_masked(value: object) -> bool:
    """Whether a value, or a part of one, stands for a secret that was not told."""
    if isinstance(value, Mapping):
        return any(_is_masked(each) for each in value.values())
    if isinstance(value, list | tuple):
        return any(_is_masked(each) for each in value)
    return value == _MASKED


def _read(file: Path, unread: list[str]) -> Mapping[str, Any]:
    try:
        return hcl.read(file)
    except hcl.HclError as error:
        unread.append(str(error))
        return {}


def _blocks(value: object) -> Iterator[Mapping[str, Any]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            yield item
