"""Which channel hears of an incident, and whom it mentions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from alerts.tiers import effective_stage
from checks.kinds import Kind, Tier


@dataclass(frozen=True, slots=True)
class Route:
    """One row: incidents that fit go to *channel*. An empty condition fits everything."""

    channel: str
    mention: str = ""  # "<!here>", "<!subteam^S0123>": from the configuration only
    tier: Tier | None = None
    kind: Kind | None = None
    stage: str = ""
    stack: str = ""  # glob

    def fits(self, tier: Tier, kind: Kind, labels: Mapping[str, str]) -> bool:
        return (
            self.tier in (None, tier)
            and self.kind in (None, kind)
            and self.stage in ("", effective_stage(labels))
            and (not self.stack or fnmatchcase(labels.get("stack", ""), self.stack))
        )

    def __str__(self) -> str:
        conditions = {"tier": self.tier, "kind": self.kind, "stage": self.stage, "stack": self.stack}
        return " ".join(f"{name}={value}" for name, value in conditions.items() if value) or "everything"


@dataclass(frozen=True, slots=True)
class Routes:
    """Rows in order, and where everything else goes. Raises ValueError without a default: nothing may go nowhere."""

    default: str  # channel
    rows: tuple[Route, ...] = ()
    default_mention: str = ""  # of critical incidents that no row fits

    def __post_init__(self) -> None:
        if not self.default:
            raise ValueError("routes: there is no default channel, so an alert could go nowhere; set one")
        for number, row in enumerate(self.rows, start=1):
            if not row.channel:
                raise ValueError(f"routes: row {number} ({row}) has no channel; set one or remove the row")


def route(routes: Routes, tier: Tier, kind: Kind, labels: Mapping[str, str]) -> tuple[str, str, str]:
    """Give (channel, mention, reason): the first row that fits, else the default."""
    for number, row in enumerate(routes.rows, start=1):
        if row.fits(tier, kind, labels):
            return row.channel, row.mention, f"route {number} ({row})"
    mention = routes.default_mention if tier is Tier.CRITICAL else ""
    return routes.default, mention, "default route"
