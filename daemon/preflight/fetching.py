"""A git address as a folder, for as long as it is read."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from daemon.inventory.session import Run

_NEEDED = ("PATH", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")


class FetchError(Exception):
    """The address cannot be fetched. The text is for people, and holds no credentials."""


class AddressError(Exception):
    """The address or the ref cannot be one. The text is for people."""


@contextmanager
def fetched(address: str, ref: str, run: Run, environ: Mapping[str, str]) -> Iterator[Path]:
    """The content of *address* at *ref* (empty: its HEAD) in a folder that is wiped afterwards.

    Raises AddressError and FetchError.
    """
    try:
        git = importlib.import_module("daemon.repository.git")
    except ModuleNotFoundError:
        raise FetchError("this build reads folders only: clone the repository, and give its folder") from None
    environment = {name: environ[name] for name in _NEEDED if name in environ}
    try:
        with git.fetched(address, ref, run=run, environment=environment) as tree:
            yield tree.path
    except git.RepositoryError as error:
        raise FetchError(str(error)) from error
    except ValueError as error:
        raise AddressError(f"the address {error}") from error
