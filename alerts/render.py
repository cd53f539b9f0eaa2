"""An incident as a Slack message: what, where, since when, why its tier, who likely, and the command to run next.

A message is `{"text": …, "blocks": […]}`. `text` alone is complete, for notifications and screen readers. Data goes
into plain_text wherever Slack allows it; mentions and links come from the configuration only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.base import COULD_NOT_LOOK, LIVE, Action, Incident, IncidentState
from alerts.blocks import Body, code_section, context, fields, header, message, mrkdwn_section, plain_section
from alerts.buttons import buttons
from alerts.diff import difference_text
from alerts.escape import clean, defanged, is_mention, link, mrkdwn, one_line
from alerts.next_steps import runbook_link, take_apart
from alerts.owners import managed_by
from alerts.suspects import likely_who
from checks.base import Kind, Tier

MARKS: Mapping[Tier, str] = {Tier.CRITICAL: "🔴", Tier.WARNING: "🟠", Tier.INFO: "🔵"}
ENDED: Mapping[IncidentState, str] = {IncidentState.RESOLVED: "✅ RESOLVED", IncidentState.RETIRED: "⚪ NOT WATCHED"}

# Together below 12,000 characters of blocks, where Slack refuses at about 13,200 without documenting it.
HEADER, SUMMARY, FIELD, REMEDY, DIFF, NOTE = 150, 1500, 400, 1200, 2800, 300


@dataclass(frozen=True, slots=True)
class View:
    """What a message needs besides the incident: from the configuration, so it is trusted."""

    mention: str = ""
    status_url: str = ""
    note: str = ""  # one sentence about the message itself: where it goes on, what came before
    runbook: str = ""  # address of what is written for such a case
    silence_for: timedelta | None = None  # by the button; None: messages have no buttons


def where(incident: Incident) -> str:
    """The place in the words people use: stack/component, else the check's own name for it."""
    labels = incident.labels
    if labels.get("stack") and labels.get("component"):
        return f"{clean(labels['stack'], 500)}/{clean(labels['component'], 500)}"
    return clean(incident.place, 1_000)


def headline(incident: Incident) -> str:
    """Tier, kind and place on one line, not escaped."""
    mark = ENDED.get(incident.state) or f"{MARKS[incident.tier]} {incident.tier.upper()}"
    return one_line(f"{mark} {title(incident)} — {where(incident)}")


def title(incident: Incident) -> str:
    """The kind in the words people use: "monitoring" alone says to nobody that nothing is being watched."""
    blind = incident.kind is Kind.MONITORING and incident.key == COULD_NOT_LOOK
    return f"could not look: {clean(incident.check, 60)}" if blind else _words(incident.kind)


def lasted(length: timedelta) -> str:
    """A duration in two units at most: "3 d 4 h", "12 min"."""
    seconds = max(0, int(length.total_seconds()))
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    first = next((i for i, (count, _) in enumerate(parts) if count), 3)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def incident_message(incident: Incident, view: View, now: datetime) -> Body:
    """The root message: the whole current state, so that sending it again over itself changes nothing."""
    incident = _cleaned(incident)
    facts = list(_facts(incident, now))
    diff = difference_text(incident.evidence, incident.addresses, DIFF)
    mention = view.mention if is_mention(view.mention) and incident.state in LIVE else ""
    words, commands = take_apart(incident.remedy) if incident.state in LIVE else ("", "")
    blocks = [header(headline(incident), HEADER), plain_section(incident.summary or "no summary", SUMMARY)]
    if mention:
        blocks.append(mrkdwn_section(mention))
    if words:
        blocks.append(plain_section(f"Next: {words}", REMEDY))
    if commands:
        blocks.append(code_section("Run next", commands, REMEDY))
    blocks.append(fields(facts, FIELD))
    if view.note:
        blocks.append(context([mrkdwn(view.note, NOTE)]))
    if diff:
        blocks.append(code_section("What was found", diff, DIFF))
    row = buttons(incident, view.silence_for.total_seconds() / 3600) if view.silence_for is not None else None
    if row is not None:
        blocks.append(row)
    foot = [mrkdwn(f"{incident.check} · {incident.fingerprint}", 200)]
    blocks.append(context([part for part in (_page(incident, view), runbook_link(view.runbook), *foot) if part]))
    return message(_fallback(incident, view, facts, diff, mention), blocks, f"{incident.fingerprint}.{incident.seq}")


def _page(incident: Incident, view: View) -> str:
    """A link to the incident's page; empty where people have no address of the status page."""
    return link(f"{view.status_url.rstrip('/')}/incidents/{incident.fingerprint}", "Status page")


def _cleaned(incident: Incident) -> Incident:
    """Without secrets and of bounded size, before anything is cut or put together. Evidence is cleaned where shown."""
    return replace(
        incident, place=clean(incident.place), resource=clean(incident.resource), verdict=clean(incident.verdict),
        tier_reason=clean(incident.tier_reason), summary=clean(incident.summary), remedy=clean(incident.remedy),
        not_seen_because=clean(incident.not_seen_because), ack_by=clean(incident.ack_by, 300),
        silence_note=clean(incident.silence_note, 1_200),
        labels={name: clean(value, 500) for name, value in incident.labels.items()},
    )  # fmt: skip


def _facts(incident: Incident, now: datetime) -> Iterator[tuple[str, str]]:
    """Label and value, most wanted first; at most ten."""
    times = f", {incident.occurrence} times by now" if incident.occurrence > 1 else ""
    if incident.state in LIVE:
        yield "Since", f"{moment(incident.opened_at)}{times}"
        yield from standing(incident)
    else:
        ended = incident.resolved_at or now
        yield "Was open", f"{moment(incident.opened_at)}, for {lasted(ended - incident.opened_at)}{times}"
    yield f"Why {incident.tier}", incident.tier_reason
    yield "Kind", ", ".join(dict.fromkeys(name for name in (str(incident.kind), incident.verdict) if name))
    if incident.resource not in (incident.place, where(incident)):
        yield "Resource", incident.resource
    if managed := managed_by(incident.labels):
        yield "Managed by", managed
    if who := likely_who(incident.evidence):
        yield "Likely by", who
    if incident.not_seen_because:
        yield "Not confirmed since", f"{moment(incident.last_seen)}: {incident.not_seen_because}"
    for name in ("owner", "stage"):
        if value := incident.labels.get(name):
            yield name.capitalize(), value
    account = " ".join(filter(None, (incident.labels.get(name, "") for name in ("account", "region"))))
    if account:
        yield "Account", account


def standing(incident: Incident) -> Iterator[tuple[str, str]]:
    """Who has it in hand, what hides it, when it is to be answered."""
    if incident.flap.since is not None:
        yield "Flapping", f"since {moment(incident.flap.since)}: edited now and then, and its thread hears the end"
    if incident.silence:
        yield "Silenced", incident.silence_note
    if incident.state is IncidentState.ACKNOWLEDGED:
        until = f", until {moment(incident.ack_until)}" if incident.ack_until is not None else ""
        yield "Acknowledged", f"by {incident.ack_by}{until}"
    elif incident.promoted:
        yield "Target", "missed: nobody has answered it in time"
    elif incident.tier is Tier.WARNING and incident.deadline_at is not None and not incident.silence:
        yield "To be answered by", moment(incident.deadline_at)


def _fallback(incident: Incident, view: View, facts: list[tuple[str, str]], diff: str, mention: str) -> list[str]:
    """The same as text, line by line, most wanted first: it is cut from the end."""
    lines = [defanged(headline(incident), 300), defanged(incident.summary or "no summary", 800)]
    if mention:
        lines.append(mention)
    if incident.remedy and incident.state in LIVE:
        lines.append(f"Next: {defanged(incident.remedy, 600)}")
    lines += [f"{label}: {defanged(one_line(value), 300)}" for label, value in facts]
    if view.note:
        lines.append(defanged(view.note, NOTE))
    lines += filter(None, (_page(incident, view), runbook_link(view.runbook)))
    if diff:
        lines.append(defanged(diff, 900))
    return lines


def transition_message(
    before: Incident | None, after: Incident, action: Action, reason: str, view: View, now: datetime
) -> Body:
    """The reply in the thread: what changed, in two lines."""
    after, reason = _cleaned(after), clean(reason)
    if action is Action.RESOLVE:
        first = f"✅ Resolved after {lasted(now - after.opened_at)}"
    elif action is Action.RETIRE:
        first = f"⚪ No longer watched, after {lasted(now - after.opened_at)}: this does not mean that it is fixed"
    elif action is Action.REOPEN:
        first = f"{MARKS[after.tier]} Back: {_ordinal(after.occurrence)} time, {after.tier} {title(after)}"
    elif before is not None and before.tier is not after.tier:
        first = f"{MARKS[after.tier]} Now {after.tier}, was {before.tier}"
    else:
        first = f"{MARKS[after.tier]} Changed"
    second = reason[:1].upper() + reason[1:]
    third = after.summary if after.state in LIVE else ""
    mention = view.mention if is_mention(view.mention) and after.state in LIVE else ""
    lines = [defanged(first, 300), defanged(second, 900), defanged(third, 900), mention]
    blocks = [plain_section("\n".join(part for part in (first, second, third) if part), 2500)]
    if mention:
        blocks.append(mrkdwn_section(mention))
    return message([line for line in lines if line], blocks, f"{after.fingerprint}.{after.seq}.{action}")


def _words(name: str) -> str:
    return str(name).replace("_", " ")


def _ordinal(number: int) -> str:
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


__all__ = [
    "MARKS", "View", "headline", "incident_message", "lasted", "moment", "transition_message", "where",
]  # fmt: skip
