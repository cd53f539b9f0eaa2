"""For each alert: what makes it fire, when it does, and what it says. Series are in promtool's notation.

`@` in a series stands for the target's labels. Times of Prometheus' tests begin at 0, so `0x60` is a time long ago.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

TARGET = {"instance": "b:9877", "job": "barograph"}
_AT = 'instance="b:9877",job="barograph"'
PLACE = 'check="drift",place="acme-prod/vpc",stack="acme-prod",component="vpc",stage="prod",tenant="acme",account="1"'
WHERE = {"check": "drift", "tenant": "acme", "stage": "prod", "stack": "acme-prod", "account": "1", "region": "eu-1"}


@dataclass(frozen=True, slots=True)
class Case:
    """*fires* and *quiet* are minutes, and *quiet* is the evaluation before. *labels* are given besides severity.

    *step*: minutes between samples and between evaluations.
    """

    alert: str
    fires: int
    quiet: int
    series: Mapping[str, str]
    description: str
    labels: Mapping[str, str] = field(default_factory=lambda: TARGET)
    step: int = 1

    def inputs(self) -> list[dict[str, str]]:
        """As promtool takes them."""
        return [{"series": name.replace("@", _AT), "values": values} for name, values in self.series.items()]


def more(**labels: str) -> Mapping[str, str]:
    return {**TARGET, **labels}


CASES = (
    Case(
        "BarographDown", 6, 5, {"up{@}": "1 0x20"},
        "Prometheus cannot scrape b:9877. Nothing is watched, and no alert of Barograph leaves.",
    ),
    Case(
        "BarographAbsent", 5, 4, {'up{job="other"}': "1x20"},
        'There is no scrape target with job="barograph": every other alert on Barograph is silent.',
        {"job": "barograph"},
    ),
    Case(
        "BarographSilent", 10, 9, {"up{@}": "1x20"},
        "b:9877 is scraped, and barograph_snapshot_timestamp_seconds is missing: other alerts cannot see.",
    ),
    Case(
        "BarographSnapshotOld", 5, 4, {"barograph_snapshot_timestamp_seconds{@}": "0x20"},
        "The metrics of b:9877 are 5m 0s from now: what they say may not hold any more.",
    ),
    Case(
        "BarographRestarting", 3, 2, {"process_start_time_seconds{@}": "0 60 120 180 180x30"},
        "b:9877 was started 3 times in 30 minutes.",
    ),
    Case(
        "BarographSchedulerStalled", 3, 2, {"barograph_scheduler_beat_timestamp_seconds{@}": "0x20"},
        "The scheduler of b:9877 has not beaten for 3m 0s: no look is begun.",
    ),
    Case(
        "BarographSchedulerLate", 16, 15, {"barograph_scheduler_lateness_seconds{@}": "0 200x20"},
        "The last job of b:9877 was started 3m 20s after its time.",
    ),
    Case(
        "BarographStartsMissed", 3, 2, {"barograph_scheduler_missed_total{@}": "0 0 0 1x20"},
        "The scheduler of b:9877 dropped 1 starts within an hour. That must not happen.",
    ),
    Case(
        "BarographTaskOverdue", 13, 12,
        {'barograph_task_due_timestamp_seconds{@,task="prune"}': "60x20",
         'barograph_task_interval_seconds{@,task="prune"}': "180x20"},
        "The task prune of b:9877 is 12m 0s overdue.", more(task="prune"),
    ),
    Case(
        "BarographChildStuck", 130, 120, {"barograph_children_oldest_timestamp_seconds{@}": "0x14"},
        "A child of b:9877 runs for 2h 10m 0s; each has a deadline far below that.", step=10,
    ),
    Case(
        "BarographLookOverdue", 31, 30,
        {f'barograph_check_next_run_timestamp_seconds{{@,{PLACE},region="eu-1"}}': "0x40",
         f'barograph_check_interval_seconds{{@,{PLACE},region="eu-1"}}': "1200x40"},
        "The check drift in stack acme-prod in account 1 in eu-1 was due 31m 0s ago and was not begun or does not end.",
        more(**WHERE),
    ),
    Case(
        "BarographNoGoodLook", 90, 80,
        {f'barograph_check_last_success_timestamp_seconds{{@,{PLACE},region="eu-1"}}': "0x10",
         f'barograph_check_interval_seconds{{@,{PLACE},region="eu-1"}}': "1200x10"},
        "The check drift in stack acme-prod in account 1 in eu-1 was last looked at with success 1h 30m 0s ago.",
        more(**WHERE), step=10,
    ),
    Case(
        "BarographNeverLooked", 120, 110,
        {f'barograph_check_interval_seconds{{@,{PLACE},region="eu-1"}}': "1200x13"},
        "The check drift in stack acme-prod in account 1 in eu-1 has 1 places with no good look since they are "
        "watched.",
        more(**WHERE), step=10,
    ),
    Case(
        "BarographBlind", 31, 30,
        {'barograph_check_places{@,check="drift",result="unknown"}': "2 3x40",
         'barograph_check_places_planned{@,check="drift"}': "10x40"},
        "30% of the places of drift at b:9877 are unknown.", more(check="drift"),
    ),
    Case(
        "BarographBlindEverywhere", 31, 30,
        {'barograph_check_places{@,check="drift",result="unknown"}': "5 9x40",
         'barograph_check_places_planned{@,check="drift"}': "10x40",
         'barograph_check_places{@,check="cost",result="unknown"}': "1x40",
         'barograph_check_places_planned{@,check="cost"}': "2x40"},
        "83.33% of all places of b:9877 are unknown: no news is no good news now.",
    ),
    Case(
        "BarographQueueOld", 90, 80, {'barograph_queue_oldest_timestamp_seconds{@,queue="aws"}': "0x10"},
        "In the queue aws of b:9877 the oldest look waits for 1h 30m 0s.", more(queue="aws"), step=10,
    ),
    Case(
        "BarographInventoryStale", 31, 30, {"barograph_inventory_stale{@}": "0 1x40"},
        "b:9877 watches the component instances of an older commit; new ones are not watched.",
    ),
    Case(
        "BarographInventoryMissing", 30, 29, {'barograph_build_info{@,version="1",python="3.13"}': "1x40"},
        "b:9877 (version 1) knows of no component instance: none is watched.", more(version="1", python="3.13"),
    ),
    Case(
        "BarographGuardRefused", 3, 2, {"barograph_guard_refusals_total{@}": "0 0 0 2x20"},
        "b:9877 refused 2 Terraform commands within an hour. Nothing was changed.",
    ),
    Case(
        "BarographSeriesLeftOut", 16, 15, {'barograph_series_left_out{@,family="barograph_drift_state"}': "0 900x20"},
        "b:9877 leaves out barograph_drift_state (900 series): what uses it shows nothing.",
        more(family="barograph_drift_state"),
    ),
    Case(
        "BarographAwsRefused", 17, 16,
        {'barograph_aws_requests_total{@,service="ec2",operation="DescribeVpcs",result="permission"}': "0+3x20"},
        "ec2 refused 51 requests of b:9877 within 30 minutes: permission.", more(service="ec2", result="permission"),
    ),
    Case(
        "BarographAwsThrottled", 31, 30,
        {'barograph_aws_requests_total{@,service="ec2",operation="DescribeVpcs",result="throttled"}': "0+10x40",
         'barograph_aws_requests_total{@,service="ec2",operation="DescribeVpcs",result="ok"}': "0+90x40"},
        "ec2 throttles 10% of the requests of b:9877.", more(service="ec2"),
    ),
    Case(
        "BarographPaidLimitReached", 3, 2,
        {"barograph_aws_paid_today_usd{@}": "0 0.5 0.9 0.99x20", "barograph_aws_paid_limit_usd{@}": "1x20"},
        "b:9877 has spent 0.99 USD today: until midnight UTC paid requests are not made.",
    ),
    Case(
        "BarographDeliveryStuck", 16, 15, {'barograph_delivery_oldest_timestamp_seconds{@,channel="C1"}': "0x20"},
        "The oldest message for C1 waits for 16m 0s. People are not told.", more(channel="C1"),
    ),
    Case(
        "BarographDeliveryBacklog", 16, 15, {'barograph_delivery_backlog{@,channel="C1"}': "50 51x20"},
        "51 messages wait for C1 at b:9877.", more(channel="C1"),
    ),
    Case(
        "BarographDeliveryFailing", 7, 6,
        {'barograph_delivery_errors_total{@,sink="slack",reason="not_sent"}': "0 0 10x20"},
        "slack failed 10 times within 15 minutes: not_sent.", more(sink="slack", reason="not_sent"),
    ),
    Case(
        "BarographCredentialRefused", 3, 2,
        {'barograph_delivery_errors_total{@,sink="slack",reason="credential"}': "0 0 0 1x20"},
        "slack refuses the credential of b:9877: everything for it waits.", more(sink="slack", reason="credential"),
    ),
    Case(
        "BarographUndeliverable", 3, 2, {'barograph_delivery_messages{@,state="dead"}': "0 0 0 1x20"},
        "b:9877 gave up 1 messages within an hour. The status page has what they said.", more(state="dead"),
    ),
    Case(
        "BarographDeliverySlow", 11, 10,
        {'barograph_delivery_latency_seconds_bucket{@,sink="slack",tier="critical",le="30"}': "0x20",
         'barograph_delivery_latency_seconds_bucket{@,sink="slack",tier="critical",le="60"}': "0+5x20",
         'barograph_delivery_latency_seconds_bucket{@,sink="slack",tier="critical",le="+Inf"}': "0+5x20"},
        "99 of 100 critical messages of the last hour arrived at slack within 59.7s.",
        more(sink="slack", tier="critical"),
    ),
    Case(
        "BarographReportMissed", 70, 60, {'barograph_report_due_timestamp_seconds{@,report="weekly"}': "60x8"},
        "The weekly report of b:9877 was due 1h 9m 0s ago and was not made.", more(report="weekly"), step=10,
    ),
    Case(
        "BarographReportNotSent", 70, 60,
        {'barograph_report_due_timestamp_seconds{@,report="weekly"}': "9999999x8",
         'barograph_report_last_made_timestamp_seconds{@,report="weekly"}': "60x8",
         'barograph_report_last_sent_timestamp_seconds{@,report="weekly"}': "30x8"},
        "The weekly report of b:9877 was made 1h 9m 0s ago, and no part of it was taken.", more(report="weekly"),
        step=10,
    ),
    Case(
        "BarographStoreNotWritable", 3, 2, {'barograph_store_errors_total{@,operation="write"}': "0 0 0 4x20"},
        "The database of b:9877 refused 4 writes within 10 minutes.", more(operation="write"),
    ),
    Case(
        "BarographStoreNotReadable", 3, 2, {'barograph_store_errors_total{@,operation="read"}': "0 0 0 4x20"},
        "The database of b:9877 refused 4 reads within 10 minutes.", more(operation="read"),
    ),
    Case(
        "BarographStoreDamaged", 3, 2, {"barograph_store_sound{@}": "1 1 1 0x20"},
        "The daily look at the database file of b:9877 found damage.",
    ),
    Case(
        "BarographStoreDiskFull", 6, 5, {"barograph_store_disk_free_bytes{@}": "3e8 104857600x20"},
        "100MiB are free for the database of b:9877.",
    ),
    Case(
        "BarographStoreDiskLow", 31, 30,
        {"barograph_store_disk_free_bytes{@}": "5e9 1073741824x40", "barograph_store_size_bytes{@}": "4e8x40"},
        "1GiB are free for b:9877: an upgrade makes a copy first, and would not start.",
    ),
    Case(
        "BarographStoreLarge", 70, 60, {"barograph_store_size_bytes{@}": "5e9 8589934592x8"},
        "The database of b:9877 has 8GiB.", step=10,
    ),
    Case(
        "BarographStoreSlow", 31, 30,
        {'barograph_store_transaction_duration_seconds_bucket{@,le="1"}': "0x40",
         'barograph_store_transaction_duration_seconds_bucket{@,le="5"}': "0+5x40",
         'barograph_store_transaction_duration_seconds_bucket{@,le="+Inf"}': "0+5x40"},
        "99 of 100 transactions of b:9877 take up to 4.96s.",
    ),
    Case(
        "BarographBackupOld", 2940, 2880, {"barograph_store_last_backup_timestamp_seconds{@}": "0x50"},
        "`barograph db backup` last made a copy of the database of b:9877 2d 1h 0m 0s ago.",
        step=60,
    ),
    Case(
        "BarographBackupNever", 1440, 1380, {'barograph_build_info{@,version="1",python="3.13"}': "1x25"},
        "Nobody ever ran `barograph db backup` on the store of b:9877. A lost disk takes the history with it.",
        more(version="1", python="3.13"), step=60,
    ),
    Case(
        "BarographAuditBroken", 3, 2, {"barograph_audit_intact{@}": "1 1 1 0x20"},
        "The daily walk over the audit trail of b:9877 found that it was changed.",
    ),
    Case(
        "BarographAuditNotAnchored", 46, 45,
        {'barograph_audit_anchor_due_timestamp_seconds{@,target="s3"}': "300x60",
         'barograph_audit_anchor_last_success_timestamp_seconds{@,target="s3"}': "0x60",
         'barograph_task_interval_seconds{@,task="audit anchors"}': "300x60"},
        "s3 was not told the newest row of the audit trail of b:9877 for three rounds.", more(target="s3"),
    ),
)  # fmt: skip
