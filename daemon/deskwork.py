"""Requests to the desk as JSON, and its answers: one form for HTTP, the command line, and whoever reads `--json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from alerts.base import Incident, Transition
from alerts.silences import Matcher, Silence
from checks.base import Kind, Tier
from daemon.config.units import parse_duration
from daemon.desk import Desk, Done

_PATTERNS = ("fingerprints", "checks", "tenants", "stages", "stacks", "components", "resources")
LONGEST_PATTERN = 500  # characters

T = TypeVar("T")


class Verb(StrEnum):
    """What can be asked of the desk, as it stands in a URL."""

    ACK = "ack"
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    DIFF = "diff"


class BadRequestError(ValueError):
    """A request that says nothing that can be done. The text says what is wrong."""


def on_incident(desk: Desk, verb: Verb, fingerprint: str, body: Mapping[str, Any], who: str) -> Done:
    """Do *verb* to an incident. Raises BadRequestError, StoreError."""
    if verb is Verb.ACK:
        only(body, "for")
        return desk.acknowledge(fingerprint, who, length_in(body))
    if verb is Verb.SILENCE:
        only(body, "for", "reason")
        return desk.silence_incident(fingerprint, who, text_in(body, "reason"), length_in(body))
    only(body)
    return desk.unsilence(fingerprint, who) if verb is Verb.UNSILENCE else desk.show_difference(fingerprint, who)


def new_silence(desk: Desk, body: Mapping[str, Any], who: str) -> Done:
    """Make a silence of what `matcher` fits. Raises BadRequestError, StoreError."""
    only(body, "matcher", "for", "reason", "starts_at")
    length = length_in(body)
    if length is None:
        raise BadRequestError("for is missing: how long the silence lasts, such as 4h")
    return desk.silence(
        matcher_of(body.get("matcher")), who, text_in(body, "reason"), length, time_in(body, "starts_at")
    )


def matcher_of(given: Any) -> Matcher:
    """A matcher from lists of words by name; one word may stand for a list. Raises BadRequestError."""
    if not isinstance(given, Mapping):
        raise BadRequestError('matcher must be an object, such as {"stacks": ["acme-*"]}')
    only(given, "kinds", "tiers", *_PATTERNS)
    lists = {name: _words(given, name) for name in given}
    kinds: tuple[Kind, ...] = _chosen(Kind, lists.pop("kinds", ()), "kind")
    tiers: tuple[Tier, ...] = _chosen(Tier, lists.pop("tiers", ()), "tier")
    return Matcher(kinds=kinds, tiers=tiers, **lists)


def incident_json(incident: Incident, transitions: list[Transition] | None = None) -> dict[str, Any]:
    """An incident for programs. Evidence is left to the page, which redacts where it shows."""
    i = incident
    found: dict[str, Any] = {
        "fingerprint": i.fingerprint, "check": i.check, "place": i.place, "resource": i.resource, "kind": i.kind,
        "tier": i.tier, "tier_reason": i.tier_reason, "state": i.state, "summary": i.summary, "verdict": i.verdict,
        "labels": dict(i.labels), "addresses": list(i.addresses), "remedy": i.remedy, "occurrence": i.occurrence,
        "first_seen": iso(i.first_seen), "opened_at": iso(i.opened_at), "last_seen": iso(i.last_seen),
        "resolved_at": iso(i.resolved_at), "baseline": i.baseline, "not_seen_because": i.not_seen_because,
        "acknowledged_by": i.ack_by, "acknowledged_at": iso(i.ack_at), "acknowledged_until": iso(i.ack_until),
        "silence": i.silence, "silence_note": i.silence_note, "silenced_until": iso(i.silenced_until),
        "deadline_at": iso(i.deadline_at), "reminders": i.escalated_level, "target_missed": i.promoted,
    }  # fmt: skip
    if transitions is not None:
        found["transitions"] = [
            {"at": iso(t.at), "action": t.action, "tier": t.tier, "before": t.before, "after": t.after,
             "reason": t.reason}
            for t in transitions
        ]  # fmt: skip
    return found


def silence_json(silence: Silence) -> dict[str, Any]:
    matcher = silence.matcher
    lists = {name: list(getattr(matcher, name)) for name in ("kinds", "tiers", *_PATTERNS) if getattr(matcher, name)}
    return {
        "id": silence.id, "matcher": lists, "author": silence.author, "reason": silence.reason,
        "starts_at": iso(silence.starts_at), "ends_at": iso(silence.ends_at),
        "removed_at": iso(silence.removed_at), "removed_by": silence.removed_by,
    }  # fmt: skip


def done_json(done: Done) -> dict[str, Any]:
    found: dict[str, Any] = {"changed": done.changed, "text": done.text}
    return found if done.silence is None else {**found, "silence": silence_json(done.silence)}


def only(body: Mapping[str, Any], *known: str) -> None:
    """Raise BadRequestError for what is not *known*."""
    extra = sorted(str(name)[:40] for name in set(body) - set(known))
    if extra:
        takes = f"it takes {', '.join(known)}" if known else "it takes nothing"
        raise BadRequestError(f"{extra[0]} is not known here; {takes}")


def text_in(body: Mapping[str, Any], name: str) -> str:
    """A text that must be there. Raises BadRequestError."""
    given = body.get(name)
    if not isinstance(given, str) or not given.strip():
        raise BadRequestError(f"{name} is missing: a text")
    return given


def length_in(body: Mapping[str, Any]) -> timedelta | None:
    """What stands under `for`; None: nothing. Raises BadRequestError."""
    given = body.get("for")
    if given is None:
        return None
    try:
        return parse_duration(given if isinstance(given, str) else "")
    except ValueError:
        raise BadRequestError("for must be a duration such as 4h (units: m h d w)") from None


def time_in(body: Mapping[str, Any], name: str) -> datetime | None:
    """A moment; None: it is not there. Raises BadRequestError."""
    given = body.get(name)
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given if isinstance(given, str) else "")
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadRequestError(f"{name} must be a time with its zone, such as 2031-01-31T22:00:00Z")
    return at.astimezone(UTC)


def _words(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given[name]
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise BadRequestError(f"{name} must be a list of texts")
    if any(len(word) > LONGEST_PATTERN for word in words):
        raise BadRequestError(f"{name}: a pattern has {LONGEST_PATTERN} characters at most")
    return tuple(words)


def _chosen(kind: Callable[[str], T], words: tuple[str, ...], what: str) -> tuple[T, ...]:
    try:
        return tuple(kind(word) for word in words)
    except ValueError:
        raise BadRequestError(f"there is no {what} among: {', '.join(word[:40] for word in words[:5])}") from None


def iso(at: datetime | None) -> str | None:
    """`2026-03-01T09:00:00Z`."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
