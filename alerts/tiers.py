"""Which tier a finding has, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase

from checks.kinds import PRODUCTION, TIERS, Fact, Kind, Tier

STAGE_UNKNOWN = "stage not known: treated as production"
BY_CONFIGURATION = "(by configuration)"  # in the reason of a tier that an override gave
RANK: Mapping[Tier, int] = {Tier.INFO: 0, Tier.WARNING: 1, Tier.CRITICAL: 2}


@dataclass(frozen=True, slots=True)
class TierOverride:
    """A row of the configuration that goes before the guideline's table. An empty condition fits everything."""

    tier: Tier
    why: str
    kind: Kind | None = None
    stage: str = ""
    stack: str = ""  # glob
    resource: str = ""  # glob over Reading.resource

    def fits(self, kind: Kind, stage: str, stack: str, resource: str) -> bool:
        return (
            self.kind in (None, kind)
            and self.stage in ("", stage)
            and (not self.stack or fnmatchcase(stack, self.stack))
            and (not self.resource or fnmatchcase(resource, self.resource))
        )


def effective_stage(labels: Mapping[str, str]) -> str:
    """The stage that decides: an unknown one counts as production."""
    return labels.get("stage", "") or PRODUCTION


def tier_of(
    kind: Kind,
    facts: Set[Fact],
    labels: Mapping[str, str],
    resource: str,
    overrides: Iterable[TierOverride] = (),
) -> tuple[Tier, str]:
    """Give the tier and one sentence why: the first override that fits, else the first row of the table that fits."""
    stage = effective_stage(labels)
    tier, why = _decide(kind, facts, stage, labels.get("stack", ""), resource, overrides)
    if not labels.get("stage"):
        why = f"{why} ({STAGE_UNKNOWN})"
    return tier, why


def _decide(
    kind: Kind, facts: Set[Fact], stage: str, stack: str, resource: str, overrides: Iterable[TierOverride]
) -> tuple[Tier, str]:
    for override in overrides:
        if override.fits(kind, stage, stack, resource):
            return override.tier, f"{override.why or 'no reason given'} {BY_CONFIGURATION}"
    for rule in TIERS:
        if rule.kind is kind and rule.stage in ("", stage) and (rule.fact is None or rule.fact in facts):
            return rule.tier, rule.why
    # A kind without a row is a gap in the table, and a gap must be heard.
    return Tier.WARNING, f"no row of the tier table fits {kind}"
