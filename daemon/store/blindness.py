"""Incidents that keep others from looking. Functions of an open transaction or snapshot."""

from __future__ import annotations

from sqlite_utils import Database

from alerts.inhibition import INVENTORY, REGION_OFF, ROLE_REFUSED, Inhibition, inhibitions
from daemon.store.incidents import LIVE_STATES, incident_of
from daemon.store.sql import rows


def read(db: Database) -> tuple[Inhibition, ...]:
    """What mutes incidents now."""
    found = rows(
        db,
        f"""select * from incident indexed by incident_blind where kind = 'monitoring' and state in ({LIVE_STATES})
        and (check_name = :inventory or cause like :refused or cause like :off)""",  # noqa: S608 - literals of another module
        {"inventory": INVENTORY, "refused": f"{ROLE_REFUSED}%", "off": f"{REGION_OFF}%"},
    )
    return inhibitions(incident_of(each) for each in found)
