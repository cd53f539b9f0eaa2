"""What the Atmos on this machine says of a repository: its version, and `atmos validate stacks`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from checks.manifests.model import Version
from daemon.inventory import atmosyaml
from daemon.inventory.model import InventoryError
from daemon.inventory.scrub import uses_templates
from daemon.inventory.session import Run, Session, opened
from daemon.inventory.settings import SourceKind, SourceSettings
from daemon.planning.ended import LookEndedError

_VERSION = re.compile(r"Atmos\s+v?(\d+)\.(\d+)\.(\d+)", re.IGNORECASE)
_DEADLINE = timedelta(seconds=60)  # of one call
_OUTPUT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What the installed Atmos says."""

    version: Version | None = None
    words: str = ""  # of `atmos validate stacks`, redacted and short
    trouble: str = ""  # why it could not be asked


def ask(
    repository: Path, run: Run, environ: Mapping[str, str], *, atmos: str = "atmos", config_path: str = ""
) -> Answer | None:
    """Ask the installed Atmos; None where there is none. Terraform is guarded: nothing is written, nothing planned.

    Atmos runs what the repository's atmos.yaml and manifests tell it to (`!exec`, templates), so it gets none of our
    credentials.
    """
    environment = {name: environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in environ}
    if shutil.which(atmos, path=environment.get("PATH")) is None:
        return None
    settings = SourceSettings(
        SourceKind.ATMOS,
        repository.resolve(),
        atmos=atmos,
        config_path=config_path,
        deadline=_DEADLINE,
        output_limit=_OUTPUT,
        environment=environment,
    )
    try:
        yaml = atmosyaml.read(settings.path, config_path)
        with opened(settings, yaml, run, copied=uses_templates(settings.path)) as session:
            return _asked(session)
    except (InventoryError, LookEndedError) as error:
        return Answer(trouble=f"the installed Atmos was not asked: {error}")
    except OSError as error:
        return Answer(trouble=f"the installed Atmos was not asked: {error.strerror or type(error).__name__}")


def _asked(session: Session) -> Answer:
    finished = session.call("version")
    found = _VERSION.search(finished.stdout.decode("utf-8", errors="replace"))
    if finished.rc != 0 or found is None:
        return Answer(trouble=f"`atmos version` does not tell a version: {session.explain(finished)}")
    version = (int(found[1]), int(found[2]), int(found[3]))
    try:
        validated = session.call("validate", "stacks")
    except InventoryError as error:
        return Answer(version, trouble=str(error))
    return Answer(version, "all of them are valid." if validated.rc == 0 else session.explain(validated))
