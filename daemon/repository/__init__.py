"""An Atmos repository, read from its files: nothing is run, nothing is written, nothing outside it is opened."""

from __future__ import annotations

from daemon.repository.checkout import RepositoryError
from daemon.repository.limits import Limits
from daemon.repository.reader import read

__all__ = ("Limits", "RepositoryError", "read")
