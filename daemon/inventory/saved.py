"""The source `file`: a saved `atmos describe stacks --format json`, beside the repository's folder."""

from __future__ import annotations

import json

from checks.base import Json
from daemon.inventory import atmosyaml, owners
from daemon.inventory.draft import Draft
from daemon.inventory.listing import Repository, read_listing
from daemon.inventory.model import InventoryError
from daemon.inventory.settings import SourceSettings

_LIMIT = 256 * 1024 * 1024  # bytes


class SavedSource:
    """Reads the file; runs nothing. Whether templates were run cannot be seen: what still looks like one was not."""

    def __init__(self, settings: SourceSettings) -> None:
        if settings.file is None:
            raise ValueError("a source of kind file needs the file")
        self._file = settings.file

    def fingerprint(self) -> str:
        """Of the file, which lies outside the repository more often than not."""
        try:
            stat = self._file.stat()
        except OSError:
            return "missing"
        return f"{stat.st_size}:{stat.st_mtime_ns}"

    def read(self, at: SourceSettings, fingerprint: str) -> Draft:
        """The instances of the saved listing. Raises InventoryError."""
        settings = at
        yaml = atmosyaml.read(settings.path, settings.config_path)
        repository = Repository(
            settings.path, settings, yaml, owners.read(settings.path, settings.top), templates_run=False
        )
        return read_listing(self._listing(), repository)

    def _listing(self) -> Json:
        try:
            if self._file.stat().st_size > _LIMIT:
                raise InventoryError(f"{self._file}: is larger than {_LIMIT // 1024 // 1024} MB")
            return json.loads(self._file.read_bytes())
        except OSError as error:
            raise InventoryError(f"{self._file}: cannot be read: {error.strerror}") from None
        except ValueError as error:
            line = getattr(error, "lineno", 1)
            raise InventoryError(
                f"{self._file}:{line}: is not JSON; save it with `atmos describe stacks --format json`"
            ) from None
