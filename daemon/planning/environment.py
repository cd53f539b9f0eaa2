"""The environment of Atmos and Terraform children: said outright, never inherited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon.planning.settings import AWS_IDENTITY, Grant

_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"

# Taken from a stack's own environment and the configuration too: each would change what is run, or where.
_NEVER = frozenset(
    {
        "ATMOS_VERSION", "ATMOS_USE_VERSION",  # make Atmos download and re-exec another version
        "CI", "GITHUB_ACTIONS", "ATMOS_CI",  # switch CI mode on: summaries, comments, status checks
        "TF_DATA_DIR", "TF_PLUGIN_CACHE_DIR",  # would let children write outside their private folders
        "TF_REATTACH_PROVIDERS", "LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "BASH_ENV", "ENV",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a child may write: all private to one worker, all wiped."""

    binaries: Path  # the guard's wrappers, first on the PATH
    home: Path
    temporary: Path
    cli_config: Path
    data: Path | None = None  # TF_DATA_DIR; None: beside the code, as Atmos wants it for more than one component
    plugin_cache: Path | None = None


def child_environment(
    *,
    folders: Folders,
    inherited: Mapping[str, str],
    stack: Mapping[str, str],
    grant: Grant,
    workspace: str,
    base_path: Path | None = None,
    config_path: Path | None = None,
) -> dict[str, str]:
    """The whole environment of one child.

    *inherited* is what the daemon's environment may give (settings.inherited), *stack* the component's own `env`,
    *grant* what the configuration adds; *base_path* and *config_path* are Atmos' (None: Atmos is not used).
    """
    env = given_environment(inherited, stack, grant)
    env.update({f"TF_VAR_{name}": str(value) for name, value in grant.variables.items()})
    env.update(_terraform(folders, workspace))
    if base_path is not None and config_path is not None:
        env.update(_atmos(base_path, config_path, folders.binaries / "terraform"))
    env["PATH"] = f"{folders.binaries}:{inherited.get('PATH') or _DEFAULT_PATH}"
    return env


def given_environment(inherited: Mapping[str, str], stack: Mapping[str, str], grant: Grant) -> dict[str, str]:
    """What an instance's environment is made of, before what Barograph itself says: who it is for AWS is decided here.

    The parameters are those of child_environment().
    """
    env = dict(inherited)
    own_keys = any(
        name in given for given in (stack, grant.environment) for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE")
    )
    if own_keys:  # another's session token beside new keys makes AWS refuse both
        env = {name: value for name, value in env.items() if name not in AWS_IDENTITY}
    for given in (stack, grant.environment):
        env.update({name: str(value) for name, value in given.items() if not _dropped(name)})
    return env


def _dropped(name: str) -> bool:
    # TF_LOG and what begins so write values into logs and files.
    return name in _NEVER or name.startswith(("TF_CLI_ARGS", "TF_LOG", "BAROGRAPH_", "PYTHON"))


def _terraform(folders: Folders, workspace: str) -> dict[str, str]:
    env = {
        "HOME": str(folders.home),
        "TMPDIR": str(folders.temporary),
        "TF_CLI_CONFIG_FILE": str(folders.cli_config),
        "TF_WORKSPACE": workspace,
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        "NO_COLOR": "1",
    }
    if folders.data is not None:
        env["TF_DATA_DIR"] = str(folders.data)
    if folders.plugin_cache is not None:
        env["TF_PLUGIN_CACHE_DIR"] = str(folders.plugin_cache)
        # The lock file that this could leave incomplete lies in the private copy, and is thrown away.
        env["TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE"] = "true"
    return env


def _atmos(base_path: Path, config_path: Path, terraform: Path) -> dict[str, str]:
    return {
        "ATMOS_BASE_PATH": str(base_path),
        "ATMOS_CLI_CONFIG_PATH": str(config_path),
        "ATMOS_COMPONENTS_TERRAFORM_COMMAND": str(terraform),
        "ATMOS_LOGS_LEVEL": "Warning",
        "ATMOS_LOGS_FILE": "/dev/stderr",  # a repository may say /dev/stdout, between the JSON lines
        "ATMOS_TELEMETRY_ENABLED": "false",
        "ATMOS_VERSION_CHECK_ENABLED": "false",
        "ATMOS_PAGER": "false",
        "NO_PAGER": "1",
        "ATMOS_NO_COLOR": "1",
        "ATMOS_SKIP_HOOKS": "true",
        "ATMOS_IDENTITY": "false",
    }
