"""What a look does to incidents: pure, and every decision says why.

Resolved only by looking: an incident ends when its resource was read and the finding is gone, or when a look that
succeeded as a whole no longer has the resource. Whatever could not be read stays as it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from alerts.announce import announce, sinks_of
from alerts.base import COULD_NOT_LOOK, LIVE, Action, Change, Incident, IncidentState, Transition
from alerts.deadlines import started
from alerts.events import told as told_to_sinks
from alerts.fingerprint import fingerprint
from alerts.next_steps import runbook
from alerts.owners import labels_of
from alerts.policy import Policy
from alerts.tiers import RANK, tier_of
from checks.base import Finding, Json, Kind, Outcome, Reading
from checks.kinds import BASELINE_EXEMPT

_NAMED = 50  # resources that one incident names
READ = frozenset({Outcome.HEALTHY, Outcome.UNHEALTHY})


@dataclass(frozen=True, slots=True)
class Look:
    """What one run of a check at a place gave.

    *failure* is (reason, message for people) where the run did not end well; *readings* are then what it read before.
    *first*: no look at this place by this check has succeeded before this one.
    """

    check: str
    place: str
    labels: Mapping[str, str]
    readings: tuple[Reading, ...] | None
    failure: tuple[str, str] | None = None
    first: bool = False
    cause: str = ""  # of the failure: equal for looks that failed for one cause


class Sight(StrEnum):
    """What a look says of one incident."""

    SEEN = "seen"  # its finding is there
    HEALED = "healed"  # its resource was read, and the finding is gone
    VANISHED = "vanished"  # the whole look succeeded, and the resource is not there any more
    UNSURE = "unsure"  # could not look
    NOT_APPLICABLE = "not_applicable"  # there is nothing to look at any more


def decide(
    state: IncidentState | None, sight: Sight, differs: str = "", because: str = ""
) -> tuple[Action | None, str]:
    """Given where an incident stands (None: unknown so far) and what a look says of it, give what happens and why.

    *differs* names what is not as before (empty: nothing); *because* is the look's own word on HEALED and the rest.
    """
    live = state in LIVE
    if sight is Sight.SEEN:
        if state is None:
            return Action.OPEN, "seen for the first time"
        if not live:
            return Action.REOPEN, f"seen again after it was {state}"
        return (Action.UPDATE, differs) if differs else (None, "still there, unchanged")
    if not live:
        return None, "it was over already"
    if sight is Sight.HEALED:
        return Action.RESOLVE, f"looked again, and it is gone: {because}" if because else "looked again, and it is gone"
    if sight is Sight.VANISHED:
        return Action.RESOLVE, "no longer there: the look succeeded and the resource is not among what it saw"
    if sight is Sight.NOT_APPLICABLE:
        return Action.RETIRE, f"no longer watched: {because or 'there is nothing to look at'}"
    return None, because or "could not look"


@dataclass(frozen=True, slots=True)
class _Seen:
    """One finding of a look, with its tier."""

    fingerprint: str
    resource: str
    outcome: Outcome
    verdict: str
    finding: Finding
    baseline: bool


@dataclass(slots=True)
class _Survey:
    """A look, sorted by what it says of each fingerprint and of each resource."""

    look: Look
    failure: tuple[str, str] | None
    found: dict[str, _Seen] = field(default_factory=dict)
    read: dict[str, Reading] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether something was really looked at: a run that gave UNKNOWN and nothing that was read has not looked."""
        outcomes = {reading.outcome for reading in self.read.values()}
        return self.failure is None and (Outcome.UNKNOWN not in outcomes or bool(outcomes & READ))

    @property
    def whole(self) -> bool:
        """Whether everything was seen, so that what is not among it is not there."""
        return self.failure is None and all(r.outcome is not Outcome.UNKNOWN for r in self.read.values())


def _survey(look: Look) -> _Survey:
    failure = look.failure
    if failure is None and look.readings is None:
        failure = ("failed", "the check gave no answer")
    survey = _Survey(look, failure)
    blind: list[tuple[Reading, Finding]] = []
    for reading in look.readings or ():
        before = survey.read.get(reading.resource)
        # Two readings of one resource: the one that could not look decides, for it must resolve nothing.
        if before is None or before.outcome is not Outcome.UNKNOWN:
            survey.read[reading.resource] = reading
        for finding in reading.findings:
            if (finding.kind, finding.key) == (Kind.MONITORING, COULD_NOT_LOOK):
                blind.append((reading, finding))
                continue
            baseline = look.first and reading.outcome in READ and not _exempt(finding)
            _add(survey, reading.resource, reading.outcome, reading.verdict, finding, baseline)
    if failure is not None:
        reason, message = failure
        finding = Finding(
            Kind.MONITORING, COULD_NOT_LOOK, f"could not look ({reason}): {message}", cause=look.cause,
            evidence={"reason": reason},
        )  # fmt: skip
        _add(survey, look.place, Outcome.UNKNOWN, COULD_NOT_LOOK, finding, baseline=False)
    elif blind:
        _add(survey, look.place, Outcome.UNKNOWN, COULD_NOT_LOOK, _blindness(blind), baseline=False)
    return survey


def _blindness(blind: list[tuple[Reading, Finding]]) -> Finding:
    """One finding for the whole place: a refusal that hides a thousand resources is one thing to hear about."""
    reading, first = blind[0]
    more = f" (and {len(blind) - 1} more that could not be seen)" if len(blind) > 1 else ""
    seen = {"reason": reading.verdict, "resources": [each.resource for each, _ in blind[:_NAMED]]}
    return replace(first, summary=first.summary + more, evidence={**first.evidence, **seen})


def _add(survey: _Survey, resource: str, outcome: Outcome, verdict: str, finding: Finding, baseline: bool) -> None:
    mark = fingerprint(survey.look.check, survey.look.place, resource, finding.kind, finding.key)
    survey.found.setdefault(mark, _Seen(mark, resource, outcome, verdict, finding, baseline))


def _exempt(finding: Finding) -> bool:
    return any(finding.kind is kind and (fact is None or fact in finding.facts) for kind, fact in BASELINE_EXEMPT)


def changes(known: Mapping[str, Incident], look: Look, policy: Policy, now: datetime) -> list[Change]:
    """Given the incidents of this check and place by fingerprint (ended ones too), give what the look does to each.

    An incident that nothing happens to is given as well where its last_seen or not_seen_because moves.
    """
    survey = _survey(look)
    result = [_on_seen(known.get(mark), seen, look, policy, now) for mark, seen in survey.found.items()]
    for mark, incident in known.items():
        ours = incident.check == look.check and incident.place == look.place
        if ours and incident.state in LIVE and mark not in survey.found:
            sight, because = _sight(incident, survey)
            result.append(_on_unseen(incident, sight, because, policy, now))
    return result


def retire(known: Mapping[str, Incident], reason: str, policy: Policy, now: datetime) -> list[Change]:
    """Given the incidents of a place that is gone from the inventory, end the live ones; none is called resolved."""
    live = [incident for incident in known.values() if incident.state in LIVE]
    return [_on_unseen(incident, Sight.NOT_APPLICABLE, reason, policy, now) for incident in live]


def amend(before: Incident, evidence: Mapping[str, Json], reason: str, policy: Policy, now: datetime) -> Change:
    """Given a live incident of which something more is known now, give the change that says so."""
    more = {**before.evidence, **evidence}
    after = replace(before, evidence=more, seq=before.seq + 1, changed_at=now)
    return _told(before, after, Action.UPDATE, reason, policy, now)


def _sight(incident: Incident, survey: _Survey) -> tuple[Sight, str]:
    """What the look says of a live incident whose finding it does not have, and in whose words."""
    reading = survey.read.get(incident.resource)
    if survey.failure is not None:
        return Sight.UNSURE, f"the look failed: {survey.failure[1]}"
    if reading is not None and reading.outcome is Outcome.NOT_APPLICABLE:
        return Sight.NOT_APPLICABLE, reading.summary
    if reading is not None and reading.outcome is Outcome.UNKNOWN:
        return Sight.UNSURE, reading.summary or "could not look"
    if incident.kind is Kind.MONITORING and incident.key == COULD_NOT_LOOK:
        return (Sight.HEALED, "the look succeeded") if survey.good else (Sight.UNSURE, "nothing could be looked at")
    if reading is not None:
        return Sight.HEALED, reading.summary
    if incident.resource == incident.place:
        # A place does not go away by not being mentioned: only the inventory can say so.
        return Sight.UNSURE, "the look said nothing about it"
    if not survey.whole:
        # It may be behind what could not be read: a list that was refused names nothing.
        return Sight.UNSURE, "the look saw only a part, and said nothing about it"
    return Sight.VANISHED, ""


def _on_seen(before: Incident | None, seen: _Seen, look: Look, policy: Policy, now: datetime) -> Change:
    after = _sighting(before, seen, look, policy, now)
    differs = _difference(before, after) if before is not None else ""
    action, reason = decide(before.state if before else None, Sight.SEEN, differs)
    if action is None:
        return Change(after, None)
    after = replace(after, seq=after.seq + 1, changed_at=now)
    if action is Action.REOPEN:
        after = replace(
            after, state=IncidentState.OPEN, occurrence=after.occurrence + 1, opened_at=now, resolved_at=None,
            baseline=False,
        )  # fmt: skip
    return _told(before, after, action, reason, policy, now)


def _sighting(before: Incident | None, seen: _Seen, look: Look, policy: Policy, now: datetime) -> Incident:
    """The incident as this look sees it, its standing as before."""
    finding = seen.finding
    labels = labels_of(look.labels, finding.owner, before.labels if before is not None else None)
    tier, why = tier_of(finding.kind, finding.facts, labels, seen.resource, policy.overrides)
    start = before or Incident(
        fingerprint=seen.fingerprint, check=look.check, place=look.place, resource=seen.resource, key=finding.key,
        kind=finding.kind, tier=tier, tier_reason=why, state=IncidentState.OPEN, summary=finding.summary,
        first_seen=now, opened_at=now, last_seen=now, changed_at=now, baseline=seen.baseline,
    )  # fmt: skip
    return replace(
        start, tier=tier, tier_reason=why, summary=finding.summary, last_seen=now, cause=finding.cause,
        remedy=finding.remedy, addresses=finding.addresses, labels=labels, evidence=dict(finding.evidence),
        verdict=seen.verdict, not_seen_because="",
    )  # fmt: skip


def _difference(before: Incident, after: Incident) -> str:
    """What a reader would see to be different, in words; empty: nothing."""
    if before.tier is not after.tier:
        direction = "raised" if RANK[after.tier] > RANK[before.tier] else "lowered"
        return f"{direction} from {before.tier} to {after.tier}: {after.tier_reason}"
    if before.verdict and before.verdict != after.verdict:
        return f"verdict changed from {before.verdict} to {after.verdict}"
    if _content(before) != _content(after):
        return "what was found has changed"
    return ""


def _content(incident: Incident) -> str:
    # As JSON, because a tuple comes back from the store as a list, and half a character as its escape: no difference.
    shown = [incident.summary, incident.remedy, incident.addresses, dict(incident.evidence)]
    return json.dumps(shown, sort_keys=True, default=str).replace("\\\\u", "\\u")


def _on_unseen(before: Incident, sight: Sight, because: str, policy: Policy, now: datetime) -> Change:
    action, reason = decide(before.state, sight, because=because)
    if action is None:
        return Change(replace(before, not_seen_because=reason), None)
    state = IncidentState.RETIRED if action is Action.RETIRE else IncidentState.RESOLVED
    after = replace(before, state=state, seq=before.seq + 1, changed_at=now, resolved_at=now, not_seen_because="")
    return _told(before, after, action, reason, policy, now)


def _told(
    before: Incident | None, after: Incident, action: Action, reason: str, policy: Policy, now: datetime
) -> Change:
    """The change with its stored fact and its messages."""
    after = started(before, after, action, now)
    after, drafts, told = announce(before, after, action, reason, policy, now)
    after, events = told_to_sinks(
        before, after, sinks_of(after, policy), reason, policy.status_url, runbook(after, policy)
    )
    transition = Transition(
        fingerprint=after.fingerprint, seq=after.seq, at=now, action=action, reason=f"{reason}; {told}",
        before=str(before.state) if before else "", after=str(after.state), tier=after.tier, summary=after.summary,
    )  # fmt: skip
    return Change(after, transition, (*drafts, *events))


__all__ = ["COULD_NOT_LOOK", "Look", "Policy", "Sight", "amend", "changes", "decide", "retire"]
