"""What people do to incidents, whoever carries it here: a button, the command line, HTTP. One transaction each.

Who did what and when is in the thread of the incident and in the audit trail.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.acting import Answer, acknowledge, show_difference, silence
from alerts.base import LIVE, Incident
from alerts.inhibition import INHIBITED
from alerts.policy import Policy
from alerts.reminders import pass_time
from alerts.silences import WINDOW, Matcher, Silence, SilenceError, make
from daemon.record import policy_in
from daemon.store import Store, Transaction

MOST_SILENCES = 1_000  # that hold or are to hold: each look compares with all of them


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it, for people. *known* False: there is nothing of that name; *refused*: it cannot be done."""

    text: str
    changed: bool = False
    refused: bool = False
    known: bool = True
    silence: Silence | None = None


class Desk:
    """Acts on incidents. Safe to call from any thread; every method raises StoreError where nothing was stored."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        clock: Callable[[], datetime],
        on_stored: Callable[[], None] = lambda: None,
    ) -> None:
        """*on_stored* is called after each commit that changed something."""
        self._store = store
        self._policy = policy
        self._clock = clock
        self._on_stored = on_stored

    def acknowledge(self, fingerprint: str, who: str, length: timedelta | None = None, occurrence: int = 0) -> Done:
        """*who* has an incident in hand, for *length* (None: as configured)."""

        def do(tx: Transaction, incident: Incident, policy: Policy, now: datetime) -> Done:
            return _stored(tx, who, "acknowledge", incident, acknowledge(
                incident, who, policy, now, length, occurrence
            ))  # fmt: skip

        return self._on_incident(fingerprint, do)

    def acknowledge_of(self, fingerprint: str, who: str, at: datetime) -> Done:
        """*who* took it in hand at *at*, and we hear of it only now: what has begun anew since, nobody has seen."""

        def do(tx: Transaction, incident: Incident, policy: Policy, now: datetime) -> Done:
            began = incident.clock_from or incident.opened_at
            if at < began:
                return Done(f"that was before {_moment(began)}, when its clock began anew", refused=True)
            return _stored(tx, who, "acknowledge", incident, acknowledge(incident, who, policy, now))

        return self._on_incident(fingerprint, do)

    def silence_incident(
        self, fingerprint: str, who: str, reason: str, length: timedelta | None = None, occurrence: int = 0
    ) -> Done:
        """Hide one incident for *length* (None: as the button does)."""

        def do(tx: Transaction, incident: Incident, policy: Policy, now: datetime) -> Done:
            lasts = policy.targets.silence_for if length is None else length
            mark = hashlib.sha256(f"{fingerprint}\n{incident.occurrence}\n{incident.seq}".encode()).hexdigest()[:12]
            made = make(mark, Matcher(fingerprints=(fingerprint,)), who, reason, now, lasts)
            answer = silence(incident, made, policy, now, occurrence)
            done = _stored(tx, who, "silence.create", incident, answer, f"{made.id}: {answer.text}")
            if not done.changed:
                return done
            tx.save_silence(made)
            return replace(done, silence=made)

        return self._on_incident(fingerprint, do)

    def silence(
        self, matcher: Matcher, who: str, reason: str, length: timedelta, starts_at: datetime | None = None
    ) -> Done:
        """Hide all incidents that *matcher* fits. Those that are open are hidden with the next tick."""
        now = self._clock()
        try:
            made = make(uuid.uuid4().hex[:12], matcher, who, reason, now, length, starts_at)
        except SilenceError as error:
            return Done(str(error), refused=True)
        with self._store.transaction() as tx:
            if len(tx.silences()) >= MOST_SILENCES:
                return Done(f"there are {MOST_SILENCES} silences already; remove some", refused=True)
            tx.save_silence(made)
            tx.audit(who, "silence.create", f"{made.id}: {matcher}, until {_moment(made.ends_at)}: {made.reason}")
        self._on_stored()
        return Done(f"silenced until {_moment(made.ends_at)}: {matcher}", changed=True, silence=made)

    def unsilence(self, which: str, who: str) -> Done:
        """End a silence by its id, or what hides the incident with this fingerprint. Windows end by themselves.

        What is still open is posted with the same transaction.
        """
        now = self._clock()
        with self._store.transaction() as tx:
            incident = tx.incident(which)
            wanted = which if incident is None else incident.silence
            if incident is not None and not wanted:
                return Done("it is not silenced")
            if wanted.startswith(WINDOW):
                name = wanted.removeprefix(WINDOW)
                return Done(f"the window {name} is of the configuration: change it there, and reload", refused=True)
            if wanted.startswith(INHIBITED):
                return Done(f"it is {incident.silence_note if incident else 'muted'}, and ends with that", refused=True)
            made = next((one for one in tx.silences() if one.id == wanted), None)
            if made is None:
                return Done(f"there is no silence {wanted[:80]} that holds", known=False)
            tx.save_silence(replace(made, removed_at=now, removed_by=who))
            tx.audit(who, "silence.remove", f"{made.id} of {made.author}: {made.matcher}")
            policy = policy_in(tx, self._policy)
            for fingerprint in made.matcher.fingerprints:
                hidden = tx.incident(fingerprint)
                change = None if hidden is None or hidden.state not in LIVE else pass_time(hidden, policy, now)
                if change is not None:
                    tx.save_change(change)
        self._on_stored()
        return Done(f"no longer silenced: {made.matcher}", changed=True, silence=made)

    def show_difference(self, fingerprint: str, who: str, occurrence: int = 0) -> Done:
        """Have the whole difference of an incident shown in its thread."""

        def do(tx: Transaction, incident: Incident, policy: Policy, now: datetime) -> Done:
            answer, draft = show_difference(incident, who, occurrence)
            if draft is not None:
                tx.enqueue(draft)
            return Done(answer.text, changed=draft is not None, refused=answer.refused)

        return self._on_incident(fingerprint, do)

    def _on_incident(self, fingerprint: str, do: Callable[[Transaction, Incident, Policy, datetime], Done]) -> Done:
        now = self._clock()
        try:
            with self._store.transaction() as tx:
                incident = tx.incident(fingerprint)
                if incident is None:
                    return Done(f"there is no incident {fingerprint[:80]}", known=False)
                done = do(tx, incident, policy_in(tx, self._policy), now)
        except SilenceError as error:
            return Done(str(error), refused=True)
        if done.changed:
            self._on_stored()
        return done


def _stored(tx: Transaction, who: str, action: str, incident: Incident, answer: Answer, detail: str = "") -> Done:
    if answer.change is not None:
        tx.save_change(answer.change)
        tx.audit(who, action, f"{incident.fingerprint} {detail or answer.text}")
    return Done(answer.text, changed=answer.change is not None, refused=answer.refused)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
