"""The source `atmos`: lists a repository through the real command line, without letting it write."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

from checks.base import Json
from checks.manifests.model import Version
from daemon.inventory import atmosyaml, owners
from daemon.inventory.capabilities import NEWEST_KNOWN, OLDEST, Atmos, Can
from daemon.inventory.confirm import Confirmations, confirmed
from daemon.inventory.draft import Draft
from daemon.inventory.listing import Repository, read_listing
from daemon.inventory.model import InventoryError
from daemon.inventory.scrub import uses_templates
from daemon.inventory.session import Run, Session, opened
from daemon.inventory.settings import SourceSettings
from daemon.processes import Finished

LIST = ("describe", "stacks", "--format", "json", "--process-functions=false")
WITHOUT_TEMPLATES = "--process-templates=false"

_VERSION = re.compile(r"Atmos\s+v?(\d+)\.(\d+)\.(\d+)", re.IGNORECASE)


class AtmosSource:
    """Lists the instances of one Atmos repository. Keeps what was confirmed, and the version of the program."""

    def __init__(self, settings: SourceSettings, run: Run) -> None:
        self._settings = settings
        self._run = run
        self._confirmations = Confirmations()
        self._version: tuple[str, Atmos] | None = None

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
            atmos = self._probed(session)
            listing, templates_run = _listed(session, atmos)
            codeowners = owners.read(settings.path, settings.top)
            repository = Repository(session.root, settings, yaml, codeowners, templates_run, session.guard, atmos)
            draft = read_listing(listing, repository)
            key = f"{fingerprint}:{atmos}"
            draft = confirmed(draft, session, self._confirmations, key)
        newer = f"Atmos {atmos} is newer than the last one Barograph was tried with ({Atmos(NEWEST_KNOWN)})"
        return replace(draft, atmos=str(atmos)).saying(notes=[newer] if atmos.newer else [])

    @property
    def version(self) -> Version | None:
        """What the program said of itself; None before it was asked."""
        return self._version[1].version if self._version is not None else None

    def _probed(self, session: Session) -> Atmos:
        """The version of Atmos, asked once per program."""
        program = self.fingerprint()
        if self._version is None or self._version[0] != program:
            self._version = (program, _version(session))
        return self._version[1]


def _version(session: Session) -> Atmos:
    finished = session.call("version")
    match = _VERSION.search(finished.stdout.decode("utf-8", errors="replace"))
    if finished.rc != 0 or match is None:
        raise InventoryError(f"`atmos version` does not tell a version: {session.explain(finished)}")
    version = (int(match[1]), int(match[2]), int(match[3]))
    if version < OLDEST:
        raise InventoryError(f"Atmos {Atmos(version)} is too old: Barograph needs Atmos >= {Atmos(OLDEST)}. Update it.")
    return Atmos(version)


def _listed(session: Session, atmos: Atmos) -> tuple[Json, bool]:
    """The listing, and whether its templates were run.

    With templates on, `atmos.Component` in a manifest makes Atmos run `init`, `workspace new` and `output` (recorded).
    Under the guard the second fails, and the listing with it or the values; where the state cannot be read the first
    does. Then it is made again without templates.
    """
    finished = session.call(*LIST)
    if not session.tried_terraform(finished):
        return _parsed(finished, session, atmos), True
    return _parsed(session.call(*LIST, WITHOUT_TEMPLATES), session, atmos), False


def _hint(finished: Finished, atmos: Atmos) -> str:
    """What this version of Atmos does not say about its own refusal; empty: nothing."""
    said = (finished.stderr + finished.stdout).decode("utf-8", errors="replace").lower()
    if "cannot override two slices" in said and atmos.does(Can.REFUSES_LIST_OVER_TEXT):
        return "Somewhere a list meets a text, and this version names neither file nor key; 1.215 and newer load it. "
    if "metadata" in said and atmos.does(Can.REFUSES_ROOT_METADATA):
        return "From 1.225 on a manifest may not have such metadata at its root; older versions ignore it. "
    return ""


def _parsed(finished: Finished, session: Session, atmos: Atmos) -> Json:
    where = session.settings.title
    if finished.rc != 0:
        raise InventoryError(
            f"Atmos {atmos} cannot list the stacks of {where}: {session.explain(finished)}. "
            f"{_hint(finished, atmos)}Run `atmos describe stacks` there to see all of it."
        )
    text = finished.stdout.decode("utf-8", errors="replace")
    try:
        return json.loads(text[max(text.find("{"), 0) :])
    except ValueError:
        raise InventoryError(
            f"Atmos {atmos} listed the stacks of {where} in something that is not JSON. "
            f"Run `atmos {' '.join(LIST)}` there."
        ) from None
