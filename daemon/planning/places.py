"""Where an instance's state lies, and how a local one gets into the private copy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from daemon.aws import Aws
from daemon.inventory.model import Watched
from daemon.planning.ended import config_error
from daemon.planning.s3state import S3State
from daemon.planning.state import LocalState, StatePlace, StateSeen, local_path, unsupported


def state_place(watched: Watched, repository: Path | None, env: Mapping[str, str], aws: Aws) -> StatePlace:
    """The place of *watched*'s state. Raises LookEndedError for a backend that cannot be read.

    *repository*: where relative local states lie; None: nowhere, for what is watched was fetched from git.
    """
    if watched.backend.type == "s3":
        return S3State(watched.backend, env, aws)
    if watched.backend.type == "local":
        path = local_path(watched.backend)
        if repository is None and not path.is_absolute():
            raise config_error(
                f"its state is the local file {path.as_posix()}, which is not in git: whether it was ever deployed "
                "cannot be told",
                cause="backend path",
                remedy="give the backend an absolute path, or use the s3 backend",
            )
        return LocalState((repository or Path("/")) / watched.instance.working_directory / path, path.as_posix())
    raise unsupported(watched.backend)


def put_local_state(watched: Watched, component: Path, tree: Path, seen: StateSeen) -> None:
    """Copy a local state to where Terraform looks for it in the private copy; it is removed after the look."""
    if watched.backend.type != "local":
        return
    path = local_path(watched.backend)
    if path.is_absolute():
        return  # read where it is: a plan does not write it
    target = (component / path).resolve()
    if not target.is_relative_to(tree.resolve()):
        raise config_error(f"the state {path} lies outside the repository: give an absolute path", cause="backend path")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(mode=0o600)
    target.write_bytes(seen.body)
