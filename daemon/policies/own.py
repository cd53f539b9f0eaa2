"""What Barograph asks for itself, beside its checks. All of it is optional: without it, it says what it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping

from checks.base import Role
from checks.needs.asked import ACTIONS as NEEDS
from daemon.accounts import organization, regions
from daemon.policies.demands import SIMULATE


def own(*, discovers: bool = True, lists_regions: bool = True) -> Mapping[Role, frozenset[str]]:
    """Give the actions by role. *discovers*: an organization's accounts are listed; *lists_regions*: regions are."""
    # NEEDS: `barograph preflight --stack S --component C`, of what a plan would create.
    found = {Role.SWEEP: frozenset({SIMULATE}) | frozenset(NEEDS), Role.PAYER: frozenset({SIMULATE})}
    if lists_regions:
        found[Role.SWEEP] |= regions.ACTIONS
    if discovers:
        found[Role.ORGANIZATION] = organization.ACTIONS | {SIMULATE}
    return found
