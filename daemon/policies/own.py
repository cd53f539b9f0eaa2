"""What Barograph asks for itself, beside its checks. All of it is optional: without it, it says what it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping

from checks.base import Role
from daemon.accounts import organization, regions
from daemon.policies.demands import SIMULATE


def own(*, discovers: bool = True, lists_regions: bool = True) -> Mapping[Role, frozenset[str]]:
    """Give the actions by role. *discovers*: an organization's accounts are listed; *lists_regions*: regions are."""
    found = {Role.SWEEP: frozenset({SIMULATE}), Role.PAYER: frozenset({SIMULATE})}
    if lists_regions:
        found[Role.SWEEP] |= regions.ACTIONS
    if discovers:
        found[Role.ORGANIZATION] = organization.ACTIONS | {SIMULATE}
    return found
