"""What nobody has to hear of twice: while a whole account cannot be looked at, nor can anything in it. Pure.

Only `monitoring` incidents that say "could not look" are muted, never a finding. They are stored and shown as ever, and
what is still open when the reason has ended is posted then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.base import COULD_NOT_LOOK, LIVE, Incident
from alerts.escape import clean
from checks.base import Kind

INHIBITED = "inhibited:"  # in front of the fingerprint of the incident that tells of it, where one says what hides it
MUTED = "muted while "  # how what people read of it begins
ROLE_REFUSED, REGION_OFF = "role_refused ", "region_off "  # causes: an account follows; an account and a region
INVENTORY, REPOSITORY = "inventory", "repository"  # checks
STALE = "stale"  # the key of an inventory that does not load any more
FOR_EVER = timedelta(days=3_650)  # it ends with the incident, and nobody knows when that is


@dataclass(frozen=True, slots=True)
class Inhibition:
    """One live incident that tells of what keeps others from looking. *account* empty: that is the repository."""

    parent: str  # its fingerprint
    since: datetime
    cause: str = ""
    account: str = ""
    region: str = ""  # empty: all of the account

    def fits(self, incident: Incident) -> bool:
        """Whether *incident* says no more than the parent does."""
        if incident.fingerprint == self.parent or not _blind(incident):
            return False
        labels = incident.labels
        if not self.account:
            return incident.check == REPOSITORY or bool(labels.get("component"))
        if incident.cause == self.cause:
            return True
        if incident.cause.startswith((ROLE_REFUSED, REGION_OFF)):
            # It tells of an account itself, wherever it was found.
            return not self.region and incident.cause.startswith(f"{REGION_OFF}{self.account} ")
        here = labels.get("account") == self.account and (not self.region or labels.get("region") == self.region)
        # A component can fail to plan for reasons of its own.
        return here and not labels.get("component")

    @property
    def by(self) -> str:
        return f"{INHIBITED}{self.parent}"

    @property
    def until(self) -> datetime:
        return self.since + FOR_EVER

    @property
    def note(self) -> str:
        where = f"region {self.region} of account {self.account}" if self.region else f"account {self.account}"
        what = clean(where, 200) if self.account else "the repository"
        return f"{MUTED}{what} cannot be looked at, which {self.parent} tells of"


def inhibitions(incidents: Iterable[Incident]) -> tuple[Inhibition, ...]:
    """Given live incidents, give what mutes others. Of several that tell of one thing, the first tells it.

    None of them is muted by another that it mutes: where an account is out of reach, its regions tell of nothing.
    """
    told: dict[tuple[str, str], Inhibition] = {}
    for one in sorted(incidents, key=lambda each: (each.opened_at, each.fingerprint)):
        if one.state not in LIVE or one.kind is not Kind.MONITORING:
            continue
        if one.check == INVENTORY and one.key in (COULD_NOT_LOOK, STALE):
            told.setdefault(("", ""), Inhibition(one.fingerprint, one.opened_at))
        if one.key == COULD_NOT_LOOK and one.cause.startswith((ROLE_REFUSED, REGION_OFF)):
            account, _, region = one.cause.partition(" ")[2].partition(" ")
            if account and bool(region) is one.cause.startswith(REGION_OFF):
                found = Inhibition(one.fingerprint, one.opened_at, one.cause, account, region)
                told.setdefault((account, region), found)
    return tuple(each for (account, region), each in told.items() if not region or (account, "") not in told)


def _blind(incident: Incident) -> bool:
    return incident.kind is Kind.MONITORING and incident.key == COULD_NOT_LOOK
