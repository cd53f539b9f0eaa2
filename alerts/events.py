"""An incident's changes as plain data, for destinations that are no Slack channel: pure.

A sink is told of what gets a message of its own in Slack. It keeps its own account of what is open (`Incident.sinks`
says which sinks do), so what began there is also ended there, wherever the routes point by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from alerts.base import LIVE, DeliveryKind, Draft, Incident, IncidentState
from alerts.escape import clean, one_line
from alerts.keys import dedupe_key
from alerts.render import headline, where
from checks.base import Json

SINK = "sink:"  # what a destination begins with that is a sink; its name follows
VERSION = 1  # of the body; a field that is added does not change it
MANY = 200  # addresses that a body names


class EventAction(StrEnum):
    """What a sink is to do."""

    TRIGGER = "trigger"  # it is open, and was not before
    ACKNOWLEDGE = "acknowledge"  # somebody has taken it on
    UPDATE = "update"  # it is open as before, and something about it is different
    RESOLVE = "resolve"  # over: looked at and gone (state `resolved`), or nobody watches it any more (`retired`)


@dataclass(frozen=True, slots=True)
class EventView:
    """What an event says besides the incident."""

    reason: str  # why it changed
    status_url: str = ""
    note: str = ""  # one sentence about the event itself
    previous: Mapping[str, Json] | None = None  # tier and labels before, where they were others
    runbook: str = ""  # address of what is written for such a case


def sink_name(destination: str) -> str:
    """The sink that a destination names; empty: it is a Slack channel."""
    return destination.removeprefix(SINK) if destination.startswith(SINK) else ""


def told(
    before: Incident | None, after: Incident, wanted: Iterable[str], reason: str, status_url: str,
    runbook: str = "",
) -> tuple[Incident, tuple[Draft, ...]]:  # fmt: skip
    """Give the incident with the sinks that hold it as open from now on, and the events to store with it.

    *wanted*: names of the sinks that its route gives it now, empty where it gets no message of its own.
    """
    live = after.state in LIVE
    held = before.sinks if before is not None else ()
    known = tuple(dict.fromkeys((*held, *(wanted if live else ()))))
    drafts = []
    for name in known:
        action = action_of(before, after, known=name in held)
        view = EventView(reason, status_url, "", _previous(before, after) if name in held else None, runbook)
        drafts.append(event(after, name, action, view))
    return after.with_sinks(known if live else ()), tuple(drafts)


def action_of(before: Incident | None, after: Incident, *, known: bool) -> EventAction:
    """What a sink is to do; *known*: it holds the incident as open."""
    if after.state not in LIVE:
        return EventAction.RESOLVE
    if not known or before is None or before.state not in LIVE:
        return EventAction.TRIGGER
    if before.state is after.state:
        return EventAction.UPDATE
    return EventAction.ACKNOWLEDGE if after.state is IncidentState.ACKNOWLEDGED else EventAction.TRIGGER


def event(incident: Incident, sink: str, action: EventAction, view: EventView, mark: str = "") -> Draft:
    """The event to store for one sink. *mark* tells apart what is sent for another reason than a change."""
    destination = SINK + sink
    return Draft(
        dedupe_key=dedupe_key(
            destination, incident.fingerprint, incident.occurrence, incident.seq, f"{DeliveryKind.EVENT}{mark}"
        ),
        subject=f"{destination}:{incident.fingerprint}",
        kind=DeliveryKind.EVENT,
        channel=destination,
        tier=incident.tier,
        body=body(incident, action, view),
    )


def body(incident: Incident, action: EventAction, view: EventView) -> dict[str, Json]:
    """The whole current state, without secrets, not escaped: each sink escapes what it renders."""
    i = incident
    page = f"{view.status_url.rstrip('/')}/incidents/{i.fingerprint}" if view.status_url else ""
    return {
        "version": VERSION,
        "action": str(action),
        "dedup_key": i.fingerprint,
        "fingerprint": i.fingerprint,
        "occurrence": i.occurrence,
        "sequence": i.seq,
        "state": str(i.state),
        "tier": str(i.tier),
        "tier_reason": clean(i.tier_reason),
        "kind": str(i.kind),
        "check": i.check,
        "verdict": clean(i.verdict)[:200],
        "title": headline(i),
        "summary": one_line(clean(i.summary)),
        "reason": clean(view.reason),
        "note": clean(view.note),
        "remedy": clean(i.remedy),
        "where": where(i),
        "place": clean(i.place)[:1_000],
        "resource": clean(i.resource)[:1_000],
        "addresses": [clean(address)[:500] for address in i.addresses[:MANY]],
        "labels": {name: clean(value)[:500] for name, value in i.labels.items()},
        "previous": dict(view.previous) if view.previous else None,
        "links": {name: url for name, url in (("incident", page), ("runbook", view.runbook)) if url},
        "first_seen": _time(i.first_seen),
        "opened_at": _time(i.opened_at),
        "changed_at": _time(i.changed_at),
        "last_seen": _time(i.last_seen),
        "resolved_at": _time(i.resolved_at) if i.resolved_at else None,
    }


def _previous(before: Incident | None, after: Incident) -> Mapping[str, Json] | None:
    if before is None or (before.tier, dict(before.labels)) == (after.tier, dict(after.labels)):
        return None
    return {
        "tier": str(before.tier),
        "labels": {name: clean(value)[:500] for name, value in before.labels.items()},
    }


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
