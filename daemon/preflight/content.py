"""The repository that a preflight reads, as a folder: as it is, fetched, or as a configuration watches it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.planning.copies import temporary
from daemon.processes import Processes
from daemon.repository import git
from daemon.repository.faults import FetchError
from daemon.repository.tree import Tree

if TYPE_CHECKING:
    from daemon.config import Config


# All that git may see of our environment: where programs, certificates and proxies are.
_NEEDED = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")


class ContentError(Exception):
    """The content cannot be had. The text is for people, and holds no credentials."""


class AddressError(Exception):
    """The address or the ref cannot be one. The text is for people."""


@contextmanager
def of_address(address: str, ref: str, processes: Processes, environ: Mapping[str, str]) -> Iterator[Tree]:
    """What is at a git address, for the length of the block. Empty *ref*: its HEAD.

    Raises AddressError and ContentError.
    """
    try:
        git.check(address, ref)
    except ValueError as error:
        raise AddressError(str(error)) from None
    environment = {name: environ[name] for name in _NEEDED if name in environ}
    with ExitStack() as stack:
        try:
            tree = stack.enter_context(git.fetched(address, ref, run=processes.run, environment=environment))
        except FetchError as error:
            raise ContentError(str(error)) from error
        yield tree


@contextmanager
def of_configuration(config: Config, processes: Processes, environ: Mapping[str, str]) -> Iterator[Tree]:
    """What a configuration watches, with its credentials, for the length of the block. Raises ContentError."""
    from daemon.wiring import open_origin

    with ExitStack() as stack:
        folder = stack.enter_context(temporary("barograph-preflight-"))
        origin = open_origin(config, folder / "repository", processes, environ)
        stack.callback(origin.close)
        try:
            tree = origin.now()
        except (FetchError, OSError) as error:
            raise ContentError(str(error)) from error
        yield tree


@contextmanager
def of_folder(path: Path) -> Iterator[Tree]:
    """A folder as it stands."""
    yield Tree(path)
