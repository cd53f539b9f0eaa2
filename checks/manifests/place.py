"""What the `repository` check asks of its place."""

from __future__ import annotations

from typing import Protocol

from checks.base import Place
from checks.manifests.model import Examination


class RepositoryPlace(Place, Protocol):
    """A repository that can be read. Its key is stable: the name of its source."""

    def examine(self) -> Examination:
        """Read and judge the repository as it is now. Raises LookFailed where it cannot be reached or read at all."""
