"""The shape of the database, as steps that are applied once each and never edited afterwards.

Each step is one transaction together with the record of itself (sqlite-utils), so a process killed in one leaves the
database before or after it, and the next start goes on. `PRAGMA user_version` is the number of steps applied.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from daemon.store.audit import MIGRATION as _AUDIT

APPLICATION_ID = 0x4241524F  # "BARO", in the header of the file: tells our databases from other people's
SET = "barograph"

_FIRST = (
    """create table meta (key text primary key, value text not null) strict""",
    """create table job (
        check_name text not null, place text not null, labels text not null,
        last_start text, last_end text, last_ok text, first_ok text, next_due text,
        outcome text not null default '', reason text not null default '', detail text not null default '',
        runs integer not null default 0,
        primary key (check_name, place)) strict""",
    """create table job_state (
        name text primary key, last_start text, last_end text, last_ok text, next_due text,
        outcome text not null, reason text not null, detail text not null) strict""",
    """create table run (
        id integer primary key autoincrement, check_name text not null, place text not null, labels text not null,
        started text not null, ended text not null, outcome text not null, reason text not null,
        detail text not null, next_due text) strict""",
    "create index run_of_job on run (check_name, place, id)",
    "create index run_by_age on run (ended)",
    """create table reading (
        check_name text not null, place text not null, resource text not null,
        outcome text not null, verdict text not null, summary text not null, vals text not null,
        evidence text not null, at text not null, since text not null,
        good_verdict text not null, good_at text, good_since text, stale_reason text not null default '',
        primary key (check_name, place, resource)) strict""",
    """create table verdict_change (
        id integer primary key autoincrement, check_name text not null, place text not null, resource text not null,
        at text not null, outcome text not null, verdict text not null, summary text not null) strict""",
    "create index verdict_change_of on verdict_change (check_name, place, resource, id)",
    "create index verdict_change_by_age on verdict_change (at)",
    """create table incident (
        fingerprint text primary key, check_name text not null, place text not null, resource text not null,
        key text not null, kind text not null, tier text not null, tier_reason text not null, state text not null,
        summary text not null, first_seen text not null, opened_at text not null, last_seen text not null,
        changed_at text not null, occurrence integer not null, seq integer not null, baseline integer not null,
        announced integer not null, cause text not null, remedy text not null, addresses text not null,
        labels text not null, evidence text not null, resolved_at text, channel text not null, thread text not null,
        not_seen_because text not null, verdict text not null) strict""",
    "create index incident_of_job on incident (check_name, place)",
    "create index incident_by_state on incident (state, opened_at)",
    "create index incident_by_thread on incident (thread) where thread <> ''",
    """create table transition (
        id integer primary key autoincrement, fingerprint text not null references incident (fingerprint),
        seq integer not null, at text not null, action text not null, reason text not null, before text not null,
        after text not null, tier text not null, summary text not null,
        unique (fingerprint, seq)) strict""",
    "create index transition_by_age on transition (at)",
    """create table thread (
        subject text primary key, channel text not null, root_ts text not null, created_at text not null) strict""",
    """create table delivery (
        number integer primary key autoincrement, id text not null unique, dedupe_key text not null unique,
        subject text not null references thread (subject), kind text not null, channel text not null,
        tier text not null, tier_rank integer not null, body text not null, state text not null,
        attempt integer not null, created_at text not null, not_before text, intent_at text, sent_at text,
        ts text not null, error_class text not null, error text not null) strict""",
    "create index delivery_of_subject on delivery (subject, state, number)",
    "create index delivery_by_state on delivery (state, number)",
    """create table audit (
        id integer primary key autoincrement, at text not null, who text not null, action text not null,
        detail text not null) strict""",
    """create trigger audit_is_never_changed before update on audit
        begin select raise(abort, 'the audit trail is append-only'); end""",
    """create trigger audit_is_never_removed before delete on audit
        begin select raise(abort, 'the audit trail is append-only'); end""",
)

_MEMORY = """create table memory (
    check_name text not null, place text not null, name text not null, value text not null, at text not null,
    primary key (check_name, place, name)) strict"""

_STATES = """create table state_read (
    source text primary key, mark text not null, facts text, held text not null, looked_at text not null) strict"""

_COPIES = "alter table incident add column copies text not null default '[]'"
# A report is made once per kind, period and destination; what was made is kept as it was, each edition of it.
# Measures are numbers of a day that nothing else keeps.
_REPORTS = (
    """create table report (
        kind text not null, period text not null, destination text not null, edition integer not null,
        made_at text not null, subject text not null, headline text not null, light text not null,
        primary key (kind, period, destination)) strict""",
    """create table report_file (
        kind text not null, period text not null, edition integer not null, name text not null,
        made_at text not null, content blob not null,
        primary key (kind, period, edition, name)) strict""",
    """create table measure (
        day text not null, name text not null, subject text not null, value real not null, at text not null,
        primary key (day, name, subject)) strict""",
    """create trigger measure_is_never_changed before update on measure
        begin select raise(abort, 'measures are append-only'); end""",
    "create index delivery_by_sent on delivery (sent_at, kind, created_at, attempt) where sent_at is not null",
)

# Which sinks hold an incident as open; whose thread a root message goes into; which group tells of an incident in
# place of a root message of its own; what a caller's event was, so that it is acted on once.
_SINKS = (
    "alter table incident add column sinks text not null default '[]'",
    "alter table thread add column parent text not null default ''",
    "alter table thread add column gathered text not null default ''",
    "create index thread_of_group on thread (gathered) where gathered <> ''",
    "create index thread_of_parent on thread (parent) where parent <> ''",
    """create table gathering (
        subject text primary key references thread (subject), cause text not null, title text not null,
        opened_at text not null, joins_until text not null, dirty integer not null, rendered_at text,
        over integer not null) strict""",
    """create table gathered (
        subject text not null references gathering (subject), position integer not null, thread text not null,
        fingerprint text not null, primary key (subject, position), unique (subject, thread)) strict""",
    "create index gathered_by_thread on gathered (thread)",
    "create table heard (source text not null, id text not null, at text not null, primary key (source, id)) strict",
)


# What was open before there were deadlines is given its whole time: else an upgrade would find all of it late.
_DEADLINES = (
    "alter table incident add column ack_by text not null default ''",
    "alter table incident add column ack_at text",
    "alter table incident add column ack_until text",
    "alter table incident add column clock_from text",
    "alter table incident add column deadline_at text",
    "alter table incident add column escalated_level integer not null default 0",
    "alter table incident add column promoted integer not null default 0",
    "alter table incident add column escalation text not null default ''",
    "alter table incident add column escalation_channel text not null default ''",
    "alter table incident add column silence text not null default ''",
    "alter table incident add column silence_note text not null default ''",
    "alter table incident add column silenced_until text",
    """update incident set clock_from = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')
        where state in ('open', 'acknowledged')""",
    "create index incident_by_deadline on incident (deadline_at) where deadline_at is not null",
    """create table silence (
        id text primary key, matcher text not null, author text not null, reason text not null,
        starts_at text not null, ends_at text not null, created_at text not null,
        removed_at text, removed_by text not null default '', end_noted integer not null default 0) strict""",
    """create table hidden (
        id integer primary key autoincrement, fingerprint text not null references incident (fingerprint),
        occurrence integer not null, silence text not null, note text not null, tier text not null,
        opened_under integer not null, began_at text not null, ended_at text,
        outcome text not null default '') strict""",
    "create unique index hidden_now on hidden (fingerprint) where ended_at is null",
    "create index hidden_by_age on hidden (began_at)",
)

# Runs of Terraform and workflows, each the fold of its events. *dirty*: events came that nobody has judged yet.
_EXECUTIONS = (
    """create table execution (
        run_id text primary key, source text not null, place text not null default '',
        resource text not null default '', workflow text not null default '', stack text not null default '',
        component text not null default '', state text not null default 'running', decides integer not null default 0,
        started_at text not null, ended_at text, seconds real, summary text not null default '',
        counts text not null default '{}', heard_at text not null, received_at text not null,
        silence real, lost_at text, was_lost integer not null default 0, stuck_after real, stuck_at text,
        events integer not null default 0, left_out integer not null default 0, bytes integer not null default 0,
        dirty integer not null default 1) strict""",
    """create table execution_event (
        run_id text not null references execution (run_id), seq integer not null, event text not null,
        at text not null, received_at text not null, body text not null,
        primary key (run_id, seq)) strict, without rowid""",
    "create index execution_dirty on execution (heard_at) where dirty = 1",
    "create index execution_running on execution (state, heard_at) where state = 'running'",
    "create index execution_by_resource on execution (place, resource, started_at)",
    "create index execution_by_start on execution (started_at)",
    """create table execution_schedule (
        name text primary key, known_at text not null, open_run text not null default '',
        judged text not null default '') strict""",
)

# Versions of states, to be compared with the next: names and keyed digests, compressed.
_STATE_PRINTS = (
    """create table state_print (
        source text not null, md5 text not null, body blob not null,
        primary key (source, md5)) strict, without rowid""",
)

# Who agreed to which run, or to which commit on which stack.
_APPROVALS = (
    """create table approval (
        id integer primary key autoincrement, approver text not null, at text not null, run_id text not null,
        commit_id text not null, stack text not null, note text not null, review integer not null) strict""",
    "create index approval_by_age on approval (at)",
)

# What is known of an approval, and that it was revoked: which may be heard before it.
_APPROVAL_FACTS = (
    "alter table approval add column mark text not null default ''",
    "alter table approval add column told text not null default ''",
    "alter table approval add column workflow text not null default ''",
    "alter table approval add column via text not null default ''",
    "alter table approval add column evidence text not null default ''",
    "alter table approval add column expires_at text",
    "alter table approval add column heard_at text",
    "update approval set mark = 'first-' || id, heard_at = at",
    "create unique index approval_by_mark on approval (mark)",
    "create index approval_of_run on approval (run_id) where run_id <> ''",
    """create table approval_end (
        mark text primary key, at text not null, who text not null, why text not null,
        heard_at text not null) strict""",
)


# What could not be looked at, and is live: each transaction that decides about incidents asks for it. What has one
# cause: asked for before each message is sent. What no summary of first looks told of: asked for every few seconds.
_BLIND = (
    "create index incident_blind on incident (state) where kind = 'monitoring'",
    "create index incident_by_cause on incident (cause) where cause <> ''",
    "create index incident_unannounced on incident (announced) where baseline = 1 and announced = 0",
)

# Runs after whose end the health of their stack is watched.
_AFTERCARE = (
    """create table aftercare (
        run_id text primary key, stack text not null, place text not null, workflow text not null, state text not null,
        began text not null, applied text not null, opened_at text not null, seen_at text not null, ended text,
        until text, looked_at text, planned_at text, health text not null, verdict text not null, notes text not null,
        events integer not null, told integer not null, cycle text not null default '') strict""",
    "create index aftercare_by_end on aftercare (ended)",
    "create index aftercare_under_way on aftercare (state) where state in ('running', 'watching', 'planning')",
    "create index aftercare_untold on aftercare (place) where told = 0",
    "create index aftercare_by_place on aftercare (place, ended)",
    "create index aftercare_by_stack on aftercare (stack, ended)",
    "create index execution_by_heard on execution (heard_at)",
)

_FLAPPING = (
    "alter table incident add column flap text not null default ''",
    "alter table incident add column flap_due text",
    "create index incident_by_flap on incident (flap_due) where flap_due is not null",
)


# In order; the position of each, from 1, is its number.
_STEPS: tuple[tuple[str, tuple[str | Callable[[Database], None], ...]], ...] = (
    ("0001_first", (*_FIRST, f"pragma application_id = {APPLICATION_ID}")),
    ("0002_memory", (_MEMORY,)),
    ("0003_states", (_STATES,)),
    ("0004_copies", (_COPIES,)),
    ("0005_reports", _REPORTS),
    ("0006_sinks", _SINKS),
    ("0007_deadlines", _DEADLINES),
    ("0008_executions", _EXECUTIONS),
    ("0009_audit", _AUDIT),
    ("0010_state_prints", _STATE_PRINTS),
    ("0011_blind", _BLIND),
    ("0012_flapping", _FLAPPING),
    ("0013_approvals", _APPROVALS),
    ("0014_approval_facts", _APPROVAL_FACTS),
    ("0015_aftercare", _AFTERCARE),
)


def steps() -> Migrations:
    """All steps, oldest first; each sets user_version to its number."""
    migrations = Migrations(SET)
    for number, (name, statements) in enumerate(_STEPS, start=1):
        migrations(name=name)(_applying(*statements, f"pragma user_version = {number}"))
    return migrations


def _applying(*statements: str | Callable[[Database], None]) -> Callable[[Database], None]:
    def apply(db: Database) -> None:
        for statement in statements:
            if isinstance(statement, str):
                db.execute(statement)
            else:
                statement(db)

    return apply
