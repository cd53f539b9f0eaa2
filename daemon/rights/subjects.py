"""Who needs which actions where: as the enabled checks declare, and as the daemon asks itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from checks.base import Check, Role
from daemon.accounts.model import Organization
from daemon.aws import Account
from daemon.policies.demands import ALONE, SIMULATE, demanded
from daemon.rights.model import Subject

OWN = "accounts"  # what the daemon asks for itself goes by this name beside those of checks
PREFLIGHT = "preflight"  # and what is asked for one instance before it is applied, by this one
# The roles of states and plans are named by backends and rules, each for its own accounts; the hub takes on roles.
LOOKED_AT = (Role.SWEEP, Role.PAYER, Role.ORGANIZATION)


def subjects(
    checks: Mapping[str, type[Check]],
    own: Mapping[Role, frozenset[str]],
    accounts: Iterable[Account],
    payer: Account | None,
    organization: Organization | None,
) -> list[Subject]:
    """Give all, those that need nothing left out. *own*: as daemon.policies.own, what is optional included."""
    wanted = {role: _wanted(role, checks, own) for role in LOOKED_AT}
    found = [Subject(account, Role.SWEEP, wanted[Role.SWEEP]) for account in accounts]
    if payer is not None:
        found.append(Subject(payer, Role.PAYER, wanted[Role.PAYER]))
    if organization is not None:
        account = Account(organization.account, (), name="the organization's", identity=organization.identity)
        found.append(Subject(account, Role.ORGANIZATION, wanted[Role.ORGANIZATION]))
    return [one for one in found if one.wanted]


def _wanted(
    role: Role, checks: Mapping[str, type[Check]], own: Mapping[Role, frozenset[str]]
) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, check in checks.items():
        for action in demanded([check])[role]:
            found.setdefault(action, []).append(name)
    for action in own.get(role, frozenset()) - {SIMULATE}:
        found.setdefault(action, []).append(PREFLIGHT if action in ALONE else OWN)
    return {action: tuple(sorted(names)) for action, names in sorted(found.items())}
