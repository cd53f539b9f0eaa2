"""What the checklist looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from daemon.aws import Aws
from daemon.inventory.model import Watched
from daemon.inventory.session import Run
from daemon.inventory.settings import SourceSettings
from daemon.planning.settings import Grant, PlanningSettings, grant


@dataclass(frozen=True, slots=True)
class Bench:
    """All that the checklist looks at. *accounts*: whether AWS accounts are configured to be watched."""

    source: SourceSettings
    planning: PlanningSettings
    run: Run
    aws: Aws = field(repr=False)
    memory_bytes: int
    region: str = ""
    endpoint_url: str = ""  # stands in for all of AWS; empty: AWS itself
    slack_url: str = ""  # empty: no Slack
    accounts: bool = False
    folder: Path | None = None  # the watched folder; None: what is watched is fetched from git

    def grant(self, watched: Watched) -> Grant | None:
        """What the configuration gives to an instance; None: that depends on an account which is not known."""
        instance = watched.instance
        try:
            return grant(self.planning.rules, instance.stack, instance.component, instance.account)
        except ValueError:
            return None


def existing(folder: Path) -> Path:
    """*folder*, or the nearest above it that is there: it is made when it is first used."""
    return next((one for one in (folder, *folder.parents) if one.is_dir()), Path("/"))
