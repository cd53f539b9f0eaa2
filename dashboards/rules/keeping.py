"""Whether it remembers: the database and the audit trail."""

from __future__ import annotations

from dashboards.rules.model import Alert, Group

KEEPING = Group("barograph-keeping", (
    Alert(
        "BarographStoreNotWritable", "critical", 'increase(barograph_store_errors_total{operation="write"}[10m]) > 0',
        "Barograph cannot store what it finds",
        "The database of {{ $labels.instance }} refused {{ $value | humanize }} writes within 10 minutes.",
        "The disk is full or read-only, or something else holds the file. What could not be stored shows as unknown.",
        "The log quotes the error; `df -h`; who has the file open: `fuser -v`.",
        "Make room, or remount. Looks are stored again by themselves.",
        missing="BarographSilent",
    ),
    Alert(
        "BarographStoreNotReadable", "critical", 'increase(barograph_store_errors_total{operation="read"}[10m]) > 0',
        "Barograph cannot read its database",
        "The database of {{ $labels.instance }} refused {{ $value | humanize }} reads within 10 minutes.",
        "As for writes; or the file is damaged.",
        "The log; `barograph db check`.",
        "If it is damaged: stop Barograph, `barograph db restore COPY`, start it.",
        missing="BarographSilent",
    ),
    Alert(
        "BarographStoreDamaged", "critical", "barograph_store_sound == 0",
        "Barograph's database is damaged",
        "The daily look at the database file of {{ $labels.instance }} found damage.",
        "The disk lost or changed pages.",
        "`barograph db check` names what; the disk's own log.",
        "Stop Barograph, `barograph db restore COPY`, start it. Messages that may have been sent since are "
        "looked for in the history first.",
        missing="BarographTaskOverdue",
    ),
    Alert(
        "BarographStoreDiskFull", "critical", "barograph_store_disk_free_bytes < 2e8",
        "The disk of Barograph's database is full",
        "{{ $value | humanize1024 }}B are free for the database of {{ $labels.instance }}.",
        "Soon nothing can be stored.",
        "What else is on the disk; the size of the database.",
        "Make room. A shorter `store.retention` helps at the next prune.",
        hold="5m", missing="BarographSilent",
    ),
    Alert(
        "BarographStoreDiskLow", "warning",
        "barograph_store_disk_free_bytes < 1e9 + 2 * barograph_store_size_bytes",
        "The disk of Barograph's database has no room for a copy",
        "{{ $value | humanize1024 }}B are free for {{ $labels.instance }}: an upgrade makes a copy first, and "
        "would not start.",
        "Free is less than twice the database and 1 GB.",
        "What else is on the disk; old copies in the folder of backups.",
        "Make room before the next upgrade.",
        hold="30m", missing="BarographSilent",
    ),
    Alert(
        "BarographStoreLarge", "info", "barograph_store_size_bytes > 5e9",
        "Barograph's database has grown large",
        "The database of {{ $labels.instance }} has {{ $value | humanize1024 }}B.",
        "Far more than 2,000 instances take in eleven weeks.",
        "`barograph_store_rows` by table.",
        "Shorten `store.retention`. Report it if a table grows without end.",
        hold="1h", missing="BarographSilent",
    ),
    Alert(
        "BarographStoreSlow", "info", "instance:barograph_store_transaction_duration_seconds:p99_15m > 1",
        "Barograph's database is slow",
        "99 of 100 transactions of {{ $labels.instance }} take up to {{ $value | humanizeDuration }}.",
        "The disk is slow or busy. Messages leave later than they should.",
        "`iostat -x`; whether the volume has burned its burst credits.",
        "Give it a faster volume. Never put it on a network file system.",
        hold="30m",
    ),
    Alert(
        "BarographBackupOld", "warning", "time() - barograph_store_last_backup_timestamp_seconds > 2 * 86400",
        "The last backup of Barograph's database is old",
        "`barograph db backup` last made a copy of the database of {{ $labels.instance }} "
        "{{ $value | humanizeDuration }} ago.",
        "The job that makes backups does not run, or fails.",
        "The job's log.",
        "Run `barograph db backup PATH`, and mend the job.",
        missing="BarographBackupNever",
    ),
    Alert(
        "BarographBackupNever", "info",
        "barograph_build_info unless on (job, instance) barograph_store_last_backup_timestamp_seconds",
        "Barograph's database was never backed up",
        "Nobody ever ran `barograph db backup` on the store of {{ $labels.instance }}. A lost disk takes the "
        "history with it.",
        "Verdicts come back with the next looks; acknowledgements, history, reports and the audit trail do not.",
        "Whether the volume has snapshots of its own. If so, silence this alert.",
        "Run `barograph db backup PATH` daily, from cron or a CronJob.",
        hold="1d", missing="BarographSilent",
    ),
    Alert(
        "BarographAuditBroken", "critical", "barograph_audit_intact == 0",
        "The audit trail is broken",
        "The daily walk over the audit trail of {{ $labels.instance }} found that it was changed.",
        "A row was changed, removed or put in, past the daemon.",
        "`barograph audit verify` names the row, and compares with what was anchored outside.",
        "Treat it as an incident of security: keep a copy of the file, and find out who could write it.",
        missing="BarographTaskOverdue",
    ),
    Alert(
        "BarographAuditNotAnchored", "warning",
        """
        barograph_audit_anchor_due_timestamp_seconds unless (
          time() - barograph_audit_anchor_last_success_timestamp_seconds
            <= on (job, instance) group_left () (3 * barograph_task_interval_seconds{task="audit anchors"})
        )
        """,
        "Nobody outside knows the end of the audit trail",
        "{{ $labels.target }} was not told the newest row of the audit trail of {{ $labels.instance }} for "
        "three rounds.",
        "Until it is told, a tail that is cut off would not be seen.",
        "The log for `is not anchored`, which says why.",
        "Mend the bucket's rights or the webhook.",
        hold="30m",
    ),
))  # fmt: skip
