"""What the configuration says about a source of instances. Plain data; paths are as given, not yet resolved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from checks.base import Json

STAGE_WORDS: Mapping[str, str] = {
    "dev": "development",
    "development": "development",
    "test": "development",
    "sandbox": "development",
    "stg": "staging",
    "stage": "staging",
    "staging": "staging",
    "uat": "staging",
    "preprod": "staging",
    "prod": "production",
    "production": "production",
    "live": "production",
}
"""Words that say a stage, in lower case. The configuration can add to them or change them."""


class SourceKind(StrEnum):
    """Where instances come from."""

    ATMOS = "atmos"  # `atmos describe stacks`
    TERRAFORM = "terraform"  # a list of root modules
    FILE = "file"  # a saved `atmos describe stacks --format json`


@dataclass(frozen=True, slots=True)
class RootModule:
    """A plain Terraform root module. One instance per workspace."""

    path: str  # relative to the repository
    stack: str
    component: str = ""  # empty: the last part of the path
    workspaces: tuple[str, ...] = ("default",)
    var_files: tuple[str, ...] = ()  # relative to the module
    vars: Mapping[str, Json] = field(default_factory=dict, repr=False)
    backend_type: str = ""  # empty: as the module says
    backend_config: Mapping[str, Json] = field(default_factory=dict, repr=False)  # as `-backend-config=key=value`
    backend_files: tuple[str, ...] = ()  # as `-backend-config=FILE`; relative to the module
    stage: str = ""
    tenant: str = ""
    environment: str = ""
    account: str = ""
    region: str = ""
    owner: str = ""
    command: str = "terraform"

    @property
    def name(self) -> str:
        return self.component or Path(self.path).name


@dataclass(frozen=True, slots=True)
class StagePattern:
    """Stacks whose name fits the glob are of this stage. First match wins."""

    stack: str  # a glob: "*-prod", "live-*"
    stage: str


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One source on one folder."""

    kind: SourceKind
    path: Path  # the repository's folder, or that of it which is watched
    file: Path | None = None  # of source `file`: the saved listing
    modules: tuple[RootModule, ...] = ()  # of source `terraform`
    atmos: str = "atmos"  # the program
    config_path: str = ""  # folder of atmos.yaml, relative to the repository; empty: the repository
    base_path: str = ""  # Atmos' base path, relative to the repository; empty: as atmos.yaml says
    deadline: timedelta = timedelta(minutes=2)  # of one call of Atmos
    output_limit: int = 64 * 1024 * 1024  # bytes of one call's standard output
    workers: int = 2  # calls of Atmos at a time
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)  # all that Atmos and git may see
    owner: str = ""  # where neither settings.barograph nor CODEOWNERS names one
    stage_patterns: tuple[StagePattern, ...] = ()
    stage_words: Mapping[str, str] = field(default_factory=lambda: dict(STAGE_WORDS))
    terraform: tuple[str, ...] = ("terraform", "tofu")  # programs that plan
    provider_mirror: Path | None = None
    top: Path | None = None  # the repository's folder, where *path* is one in it and it is known
    name: str = ""  # what people call the repository; empty: its folder

    @property
    def fingerprint(self) -> str:
        """Of what the configuration says about which instances there are; equal for equal listings of one content."""
        roots = [(one.path, one.stack, one.component, one.workspaces) for one in self.modules]
        said = repr((str(self.kind), self.config_path, self.base_path, str(self.file or ""), roots))
        return hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()[:16]

    @property
    def title(self) -> str:
        """The repository, for people: a checkout's own folder would tell them nothing."""
        return self.name or str(self.path)
