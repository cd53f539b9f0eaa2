"""Atmos and Terraform: there, and new enough."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from checks.toolchain import Answer, Item
from daemon.inventory.capabilities import OLDEST as OLDEST_ATMOS
from daemon.inventory.settings import SourceKind
from daemon.planning.copies import temporary
from daemon.planning.versions import parse_version
from daemon.processes import ProgramMissingError
from daemon.toolchain.bench import Bench

OLDEST_TERRAFORM = (1, 6, 0)
_SECONDS = 60.0
_ATMOS_VERSION = re.compile(r"(?:Atmos\s+v?|^v?)(\d+\.\d+\.\d+)", re.IGNORECASE | re.MULTILINE)


def atmos(bench: Bench) -> Item:
    source = bench.source
    oldest = _dotted(OLDEST_ATMOS)
    if source.kind is not SourceKind.ATMOS:
        return Item("atmos", Answer.NOT_NEEDED, f"the source is of kind {source.kind}")
    remedy = f"install Atmos >= {oldest}, or name it in source.atmos.command"
    said = _said(bench, source.atmos, "version")
    if isinstance(said, Item):
        return said
    match = _ATMOS_VERSION.search(said)
    if match is None:
        return Item("atmos", Answer.COULD_NOT_LOOK, f"`{source.atmos} version` does not tell a version", remedy)
    if parse_version(match[1]) < OLDEST_ATMOS:
        return Item("atmos", Answer.FAIL, f"Atmos {match[1]} is too old: {oldest} is needed", remedy)
    return Item("atmos", Answer.PASS, f"Atmos {match[1]}")


def terraform(bench: Bench) -> Item:
    """One that is new enough is needed, of all that are named; which one plans what is for the planner to say."""
    oldest = _dotted(OLDEST_TERRAFORM)
    remedy = f"install Terraform or OpenTofu >= {oldest}, or name it in planning.terraform"
    told, unknown = [], False
    for program in bench.planning.terraform:
        said = _said(bench, program, "version", "-json")
        if isinstance(said, Item):
            told.append(said.told)
            unknown = unknown or said.answer is Answer.COULD_NOT_LOOK
            continue
        try:
            version = str(json.loads(said)["terraform_version"])
            new_enough = parse_version(version) >= OLDEST_TERRAFORM
        except (ValueError, KeyError, TypeError):
            told.append(f"`{program} version -json` does not tell a version")
            unknown = True
            continue
        if new_enough:
            kind = "OpenTofu" if "tofu" in Path(program).name else "Terraform"
            return Item("terraform", Answer.PASS, f"{kind} {version}")
        told.append(f"{program} {version} is too old: {oldest} is needed")
    answer = Answer.COULD_NOT_LOOK if unknown else Answer.FAIL
    return Item("terraform", answer, "; ".join(told) or "no program is named", remedy)


def _said(bench: Bench, program: str, *arguments: str) -> str | Item:
    """What a program prints; an Item where it does not."""
    name = "atmos" if program == bench.source.atmos else "terraform"
    environment = bench.planning.inherited
    path = shutil.which(program, path=environment.get("PATH"))
    if path is None:
        return Item(name, Answer.FAIL, f"{program} is not there", f"install {program}")
    # None of them is to see a secret.
    env = {"PATH": environment.get("PATH", ""), "CHECKPOINT_DISABLE": "1", "LC_ALL": "C", "NO_COLOR": "1"}
    env |= {"ATMOS_VERSION_CHECK_ENABLED": "false", "ATMOS_TELEMETRY_ENABLED": "false"}
    try:
        with temporary("barograph-toolchain-") as home:  # what programs keep for themselves is thrown away
            finished = bench.run([path, *arguments], cwd=home, env={**env, "HOME": str(home)}, deadline=_SECONDS)
    except ProgramMissingError as missing:
        return Item(name, Answer.FAIL, str(missing))
    if finished.timed_out or finished.rc != 0:
        how = f"did not end within {_SECONDS:.0f} s" if finished.timed_out else "failed"
        return Item(name, Answer.COULD_NOT_LOOK, f"`{program} {' '.join(arguments)}` {how}")
    return finished.stdout.decode("utf-8", errors="replace")


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
