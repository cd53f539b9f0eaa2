"""Who likely did it: what was found changed, joined with what `access` keeps of CloudTrail. Asks AWS nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from alerts.base import LIVE, Incident
from alerts.fingerprint import fingerprint
from checks.base import Fact, Finding, Json, Kind, Reading
from checks.estate import Seen
from checks.states.identifiers import parse_arn
from checks.trail.events import Event
from checks.trail.who import kept_events, likely_who, mark, marks
from daemon.record import Recorder, Run
from daemon.store import Store

log = logging.getLogger(__name__)

ACCESS = "access"
WHO, SINCE = "who", "unchanged_until"  # keys of a finding's evidence
_MOST = 3  # people that are named
NOBODY = "not known: no change by hand that CloudTrail lists names it"
UNNAMED = "not known: no Terraform state says by which name AWS knows it"
UNREAD = "not known: CloudTrail's events were not all read"
BEFORE = "not known: it was so at the first look"


class Holders(Protocol):
    """What the Terraform states hold: daemon.states.ownership.Ownership."""

    def names(self, key: str, address: str) -> tuple[tuple[str, str], ...]: ...


@dataclass(frozen=True)
class Suspects:
    """Adds to findings who likely did it. *seen*: what the estate's place gives of a check. Usable from any thread."""

    store: Store
    seen: Callable[[str], Sequence[Seen]]
    holders: Holders

    def named(self, run: Run) -> Run:
        """The run, with `who` in the evidence of what was changed by hand; as it is where nobody reads CloudTrail.

        A mistake in here costs a line of a message, and never the run.
        """
        if run.check == ACCESS or not any(_by_hand(finding) for one in run.readings for finding in one.findings):
            return run
        try:
            trails = self.seen(ACCESS)
            if not trails:
                return run
            return replace(run, readings=tuple(self._reading(run, one, trails) for one in run.readings))
        except Exception as error:  # noqa: BLE001 - its text may quote what is stored
            log.error("who likely did it could not be told: %s", type(error).__name__)
            return run

    def learned(self, run: Run) -> Iterator[tuple[Incident, Mapping[str, Json]]]:
        """After a look of the check `access`: live incidents of which it tells now who likely did it, and what to add.

        CloudTrail lists an event up to a quarter of an hour after it, and a plan can be quicker.
        """
        if run.check != ACCESS or run.failure is not None:
            return
        trails = self.seen(ACCESS)
        with self.store.read() as reader:
            live = reader.incidents(LIVE)
        for one in live:
            since = one.evidence.get(SINCE)
            if one.check == ACCESS or not isinstance(since, str) or isinstance(one.evidence.get(WHO), list | tuple):
                continue
            found = self._named(one.labels, one.addresses, datetime.fromisoformat(since), trails)[0]
            if found:
                yield one, {WHO: found}

    def _reading(self, run: Run, reading: Reading, trails: Sequence[Seen]) -> Reading:
        findings = tuple(self._finding(run, reading, one, trails) if _by_hand(one) else one for one in reading.findings)
        return replace(reading, findings=findings)

    def _finding(self, run: Run, reading: Reading, finding: Finding, trails: Sequence[Seen]) -> Finding:
        mark_ = fingerprint(run.check, run.place, reading.resource, finding.kind, finding.key)
        with self.store.read() as reader:
            before, job = reader.incident(mark_), reader.job(run.check, run.place)
        if before is not None and before.state not in LIVE:
            before = None  # it is over: whoever did that did not do this
        since = _since(before, job.last_ok if job is not None else None)
        told = self._told(run, finding, since, trails, before)
        evidence: dict[str, Json] = {**finding.evidence, WHO: told}
        if since is not None:
            evidence[SINCE] = since.isoformat()
        return replace(finding, evidence=evidence)

    def _told(
        self, run: Run, finding: Finding, since: datetime | None, trails: Sequence[Seen], before: Incident | None
    ) -> Json:
        """A list of people; or in words why there is none. Who was known once stays so: CloudTrail's list moves on."""
        known = before.evidence.get(WHO) if before is not None else None
        if since is None:
            return known or BEFORE
        found, why = self._named(run.labels, finding.addresses, since, trails)
        return found or (list(known) if isinstance(known, list | tuple) and known else why)

    def _named(
        self, labels: Mapping[str, str], addresses: Iterable[str], since: datetime, trails: Sequence[Seen]
    ) -> tuple[list[str], str]:
        """Who changed any of *addresses* after *since*; if nobody is known, why."""
        wanted, accounts = self._wanted(labels, addresses)
        if not wanted:
            return [], UNNAMED
        where = [one for one in trails if _is_of(one, accounts)]
        suspects = likely_who(_events(where), wanted, since)
        # The events of an account as a whole are read in one of its regions, if that is watched.
        read = any(note.verdict == "read" for one in where for note in one.notes)
        why = NOBODY if read and not any(one.gap for one in where) else UNREAD
        return [str(one) for one in suspects[:_MOST]], why

    def _wanted(self, labels: Mapping[str, str], addresses: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
        """All that the resources at *addresses* may be called, and the accounts they may be in; none: anywhere."""
        key = f"{labels.get('stack', '')}/{labels.get('component', '')}"
        wanted: set[str] = set()
        accounts: set[str] = set()
        for address in addresses:
            names = [("arn", address)] if address.startswith("arn:") else list(self.holders.names(key, address))
            for family, name in names:
                if family != "arn":
                    wanted.add(mark(family, name))
                    continue
                wanted.update(marks(name))
                arn = parse_arn(name)
                if arn is not None and arn.account.isdigit():
                    accounts.add(arn.account)
        return frozenset(wanted), frozenset(accounts or {labels.get("account", "")} - {""})


def _by_hand(finding: Finding) -> bool:
    """Whether somebody may have done it by hand."""
    return finding.kind is Kind.SECURITY_VIOLATION or (
        finding.kind is Kind.DRIFT and Fact.NOT_DRIFT not in finding.facts
    )


def _since(before: Incident | None, last_good: datetime | None) -> datetime | None:
    """When it was last seen as it should be; None: never."""
    if before is None:
        return last_good
    kept = before.evidence.get(SINCE)
    return datetime.fromisoformat(kept) if isinstance(kept, str) else None


def _is_of(trail: Seen, accounts: Iterable[str]) -> bool:
    """Whether a place of the check is of one of *accounts*, ids or names."""
    wanted = frozenset(accounts)
    mine = {trail.place.partition("/")[0], trail.labels.get("account", ""), trail.labels.get("account_name", "")}
    return not wanted or bool(wanted & mine)


def _events(trails: Iterable[Seen]) -> list[Event]:
    return [event for one in trails for note in one.notes for event in kept_events(note.evidence)]


def name_later(suspects: Suspects, recorder: Recorder, run: Run, now: datetime) -> None:
    """Tell, after a look of the check `access`, who likely did what is found already. Raises nothing."""
    try:
        for incident, evidence in suspects.learned(run):
            recorder.amend(incident, evidence, "who likely did it is known now", now)
    except Exception as error:  # noqa: BLE001 - its text may quote what is stored; the look itself is recorded
        log.error("who likely did it could not be told: %s", type(error).__name__)
