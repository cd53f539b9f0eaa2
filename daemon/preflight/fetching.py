"""A git address as a folder, for as long as it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from daemon.repository import git
from daemon.repository.calls import Run
from daemon.repository.faults import FetchError

_NEEDED = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")


class AddressError(Exception):
    """The address or the ref cannot be one. The text is for people."""


@contextmanager
def fetched(address: str, ref: str, run: Run, environ: Mapping[str, str]) -> Iterator[Path]:
    """The content of *address* at *ref* (empty: its HEAD) in a folder that is wiped afterwards.

    Raises AddressError and FetchError.
    """
    environment = {name: environ[name] for name in _NEEDED if name in environ}
    try:
        git.check(address, ref)
    except ValueError as error:
        raise AddressError(str(error)) from error
    with git.fetched(address, ref, run=run, environment=environment) as tree:
        yield tree.path


__all__ = ["AddressError", "FetchError", "fetched"]
