"""The source `atmos`: lists a repository through the real command line, without letting it write."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

from checks.base import Json
from daemon.inventory import atmosyaml, owners
from daemon.inventory.confirm import Confirmations, confirmed
from daemon.inventory.draft import Draft
from daemon.inventory.listing import Repository, read_listing
from daemon.inventory.model import InventoryError
from daemon.inventory.scrub import uses_templates
from daemon.inventory.session import Run, Session, opened
from daemon.inventory.settings import SourceSettings
from daemon.processes import Finished

OLDEST = (1, 163, 0)
NEWEST_KNOWN = (1, 226)  # recorded up to here
LIST = ("describe", "stacks", "--format", "json", "--process-functions=false")
WITHOUT_TEMPLATES = "--process-templates=false"

_VERSION = re.compile(r"Atmos\s+v?(\d+)\.(\d+)\.(\d+)", re.IGNORECASE)


class AtmosSource:
    """Lists the instances of one Atmos repository. Keeps what was confirmed, and the version of the program."""

    def __init__(self, settings: SourceSettings, run: Run) -> None:
        self._settings = settings
        self._run = run
        self._confirmations = Confirmations()
        self._version: tuple[str, tuple[int, int, int]] | None = None

    def fingerprint(self) -> str:
        """Of the program: another Atmos can list the same repository otherwise."""
        program = shutil.which(self._settings.atmos, path=self._settings.environment.get("PATH"))
        if program is None:
            return "missing"
        stat = Path(program).stat()
        return f"{program}:{stat.st_size}:{stat.st_mtime_ns}"

    def read(self, at: SourceSettings, fingerprint: str) -> Draft:
        """List everything in *at*, and have Atmos confirm each workspace. *fingerprint* names the content.

        Raises InventoryError.
        """
        settings = at
        yaml = atmosyaml.read(settings.path, settings.config_path)
        with opened(settings, yaml, self._run, copied=uses_templates(settings.path)) as session:
            version = self._probed(session)
            listing, templates_run = _listed(session, version)
            repository = Repository(
                session.root, settings, yaml, owners.read(settings.path), templates_run, guard=session.guard
            )
            draft = read_listing(listing, repository)
            key = f"{fingerprint}:{version}"
            draft = confirmed(draft, session, self._confirmations, key)
        newer = (f"Atmos {_text(version)} is newer than the last one Barograph was tried with (1.226)",)
        return replace(draft, notes=(*draft.notes, *(newer if version[:2] > NEWEST_KNOWN else ())))

    def _probed(self, session: Session) -> tuple[int, int, int]:
        """The version of Atmos, asked once per program."""
        program = self.fingerprint()
        if self._version is None or self._version[0] != program:
            self._version = (program, _version(session))
        return self._version[1]


def _version(session: Session) -> tuple[int, int, int]:
    finished = session.call("version")
    match = _VERSION.search(finished.stdout.decode("utf-8", errors="replace"))
    if finished.rc != 0 or match is None:
        raise InventoryError(f"`atmos version` does not tell a version: {session.explain(finished)}")
    version = (int(match[1]), int(match[2]), int(match[3]))
    if version < OLDEST:
        raise InventoryError(f"Atmos {_text(version)} is too old: Barograph needs Atmos >= {_text(OLDEST)}. Update it.")
    return version


def _listed(session: Session, version: tuple[int, int, int]) -> tuple[Json, bool]:
    """The listing, and whether its templates were run.

    With templates on, `atmos.Component` in a manifest makes Atmos run `init`, `workspace new` and `output` (recorded).
    Under the guard the second fails, and the listing with it or the values; where the state cannot be read the first
    does. Then it is made again without templates.
    """
    finished = session.call(*LIST)
    if not session.tried_terraform(finished):
        return _parsed(finished, session, version), True
    return _parsed(session.call(*LIST, WITHOUT_TEMPLATES), session, version), False


def _parsed(finished: Finished, session: Session, version: tuple[int, int, int]) -> Json:
    where = session.settings.title
    if finished.rc != 0:
        raise InventoryError(
            f"Atmos {_text(version)} cannot list the stacks of {where}: {session.explain(finished)}. "
            f"Run `atmos describe stacks` there to see all of it."
        )
    text = finished.stdout.decode("utf-8", errors="replace")
    try:
        return json.loads(text[max(text.find("{"), 0) :])
    except ValueError:
        raise InventoryError(
            f"Atmos {_text(version)} listed the stacks of {where} in something that is not JSON. "
            f"Run `atmos {' '.join(LIST)}` there."
        ) from None


def _text(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
