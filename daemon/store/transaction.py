"""What can be written inside one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlite_utils import Database

from alerts.base import Change, Draft, Incident
from alerts.baseline import Begun, Summary
from alerts.gathering import Gather, Group, Hold, Lead, Waiting
from alerts.inhibition import Inhibition
from alerts.next_steps import no_runbook
from alerts.silences import Silence
from checks.base import Json, Reading
from daemon.audit.chain import Head
from daemon.store import audit, blindness, groups, incidents, queue, runs, silences, states, summaries
from daemon.store.rows import AnchorRow, JobStateRow, RunRow, StateRow
from daemon.store.sql import rows, run, upsert


class Transaction:
    """Writes of one `BEGIN IMMEDIATE … COMMIT`. Given by Store.transaction(); of no use after its `with` block."""

    def __init__(self, db: Database, now: datetime) -> None:
        self._open: Database | None = db
        self.now = now

    @property
    def db(self) -> Database:
        """The connection of the open transaction. Raises RuntimeError once it has ended."""
        if self._open is None:
            raise RuntimeError("this transaction has ended; open another one with store.transaction()")
        return self._open

    def end(self) -> None:
        self._open = None

    def start_run(self, check: str, place: str, labels: Mapping[str, str], at: datetime) -> None:
        """Note that a run began, so that a process killed in it is seen (JobRow.running)."""
        runs.start(self.db, check, place, labels, at)

    def save_run(self, run: RunRow) -> None:
        """Store a finished run and where its job stands; a failed one marks the job's readings stale.

        Raises ValueError for an outcome that is neither "ok" nor "failed".
        """
        runs.save(self.db, run)

    def save_readings(
        self, check: str, place: str, readings: Iterable[Reading], at: datetime, *, complete: bool = True
    ) -> None:
        """Store the readings of a run that looked; resources it no longer found are removed, which is noted.

        An UNKNOWN reading moves outcome, verdict and at, never good_verdict, good_at, good_since. Of two readings of
        one resource the worse one is kept. *complete* False: the run saw only a part; what it did not reach stays, and
        is marked stale.
        """
        runs.save_readings(self.db, check, place, readings, at, complete=complete)

    def remember(self, check: str, place: str, kept: Mapping[str, Json], at: datetime) -> None:
        """Store what a check keeps for its next look at the place, by name; None removes what was there."""
        runs.remember(self.db, check, place, kept, at)

    def forget_job(self, check: str, place: str, at: datetime) -> None:
        """The place is watched no more: remove its job, readings and memory; keep their history."""
        runs.forget(self.db, check, place, at)

    def set_next_due(self, check: str, place: str, at: datetime | None) -> None:
        """Move when a known job runs next."""
        run(
            self.db,
            "update job set next_due = :at where check_name = :check and place = :place",
            {"at": at, "check": check, "place": place},
        )

    def first_ok(self, check: str, place: str) -> bool:
        """Whether the check ever looked at the place with success (this transaction's writes included).

        As far as the history goes back: a place that was away for longer than the retention counts as new.
        """
        return runs.first_ok(self.db, check, place)

    def incidents(self, check: str, place: str) -> dict[str, Incident]:
        """All incidents of the job, live, resolved and retired, by fingerprint."""
        return incidents.of_job(self.db, check, place)

    def incident(self, fingerprint: str) -> Incident | None:
        return incidents.find(self.db, fingerprint)

    def silences(self) -> tuple[Silence, ...]:
        """Silences that may hide something now or later."""
        return tuple(silences.read(self.db, self.now))

    def inhibitions(self) -> tuple[Inhibition, ...]:
        """See blindness.read."""
        return blindness.read(self.db)

    def save_silence(self, silence: Silence) -> None:
        """Store a silence, or the end that a person gave it."""
        silences.save(self.db, silence, self.now)

    def note_ended_silences(self) -> list[Silence]:
        """Those that have ended by themselves and were not given by this method before."""
        return silences.note_ended(self.db, self.now)

    def unannounced_baseline(self) -> bool:
        """Whether there is a live incident of a first look that no message has told of."""
        return summaries.unannounced(self.db)

    def baseline(self, since: datetime | None) -> list[Incident]:
        """See summaries.baseline."""
        return summaries.baseline(self.db, since)

    def latest_summary(self) -> Begun | None:
        """See summaries.latest."""
        return summaries.latest(self.db)

    def save_summary(self, summary: Summary) -> None:
        """Store what a summary of first looks does, and that it is the latest."""
        summaries.save(self.db, summary, self.now)
        for change in summary.changes:
            self.save_change(change)

    def save_change(self, change: Change) -> None:
        """Store an incident, its transition and its messages.

        Raises StoreError at the end of the transaction if the transition's (fingerprint, seq) is taken already.
        """
        incidents.save(self.db, change.incident)
        silences.follow(self.db, change, self.now)
        if change.transition is not None:
            incidents.insert_transition(self.db, change.transition)
        queue.enqueue(self.db, change.drafts, self.now)

    def waiting_incidents(self, sink: str) -> list[Incident]:
        """See incidents.waiting."""
        return incidents.waiting(self.db, sink)

    def gather(self, what: Gather) -> None:
        """See groups.gather."""
        groups.gather(self.db, what, self.now)

    def hold(self, what: Hold) -> None:
        """See groups.hold."""
        groups.hold(self.db, what)

    def leads(self, waiting: Sequence[Waiting], window: timedelta) -> list[Lead]:
        """See groups.leads."""
        return groups.leads(self.db, waiting, self.now, window)

    def render_groups(self, status_url: str, runbook_of: Callable[[Incident], str] = no_runbook) -> None:
        """Put in the queue what the groups whose members changed have to say now."""
        for group in groups.dirty(self.db, self.now):
            groups.render(self.db, group, status_url, self.now, runbook_of)

    def waiting(self) -> list[Waiting]:
        """See groups.waiting."""
        return groups.waiting(self.db)

    def open_groups(self) -> list[Group]:
        """See groups.open_groups."""
        return groups.open_groups(self.db, self.now)

    def give_up(self, channel: str, why: str) -> int:
        """Take out of the queue what waits for *channel*; give how many messages that were."""
        return queue.give_up(self.db, channel, why)

    def enqueue(self, *drafts: Draft) -> None:
        """Put messages in the queue that belong to no incident, or to several. See queue.enqueue for the rules."""
        queue.enqueue(self.db, drafts, self.now)

    def hear(self, source: str, event: str, keep: timedelta) -> None:
        """Remember that an event of another service was acted on; forget what is older than *keep*."""
        run(
            self.db,
            "insert into heard (source, id, at) values (:source, :id, :at) on conflict do nothing",
            {"source": source, "id": event, "at": self.now},
        )
        run(self.db, "delete from heard where at < :before", {"before": self.now - keep})

    def save_job_state(self, job: JobStateRow) -> None:
        """Store where a job that is no check stands."""
        upsert(
            self.db,
            "job_state",
            ("name",),
            {
                "name": job.name,
                "last_start": job.last_start,
                "last_end": job.last_end,
                "last_ok": job.last_ok,
                "next_due": job.next_due,
                "outcome": job.outcome,
                "reason": job.reason,
                "detail": job.detail,
            },
        )

    def forget_job_states(self, prefix: str, keep: Iterable[str]) -> None:
        """Remove where jobs stand whose names begin with *prefix*, and that there are no more."""
        kept = frozenset(keep)
        for name in [each["name"] for each in rows(self.db, "select name from job_state")]:
            if name.startswith(prefix) and name not in kept:
                run(self.db, "delete from job_state where name = :name", {"name": name})

    def save_state(self, state: StateRow) -> None:
        """Store what was read of a Terraform state, in place of what was known of it."""
        states.save(self.db, state)

    def touch_states(self, looked_at: Mapping[str, datetime]) -> None:
        """Store when states were last looked at, by source, where they had not changed."""
        states.touch(self.db, looked_at)

    def forget_states(self, sources: Iterable[str]) -> None:
        """Remove what is known of states that are watched no more."""
        states.forget(self.db, sources)

    def audit(self, who: str, action: str, detail: Json = "") -> Head:
        """Add a row to the audit trail, stored with this transaction or not at all; give the trail's new head.

        *who* did it, as they signed in; "barograph" for what it does by itself. *action*: "thing.verb", such as
        "approval.give". *detail*: text, or a mapping of what JSON knows. Secrets are taken out of all three.
        """
        return audit.append(self.db, self.now, who, action, detail)

    def save_anchor(self, anchor: AnchorRow) -> None:
        """Store that a head of the audit trail was told outside."""
        audit.save_anchor(self.db, anchor)

    def set_meta(self, key: str, value: str) -> None:
        """Keep a small fact about this installation."""
        upsert(self.db, "meta", ("key",), {"key": key, "value": value})
