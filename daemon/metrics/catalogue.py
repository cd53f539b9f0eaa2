"""Every metric there is, as data: name, type, help, labels. docs/metrics.md is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

UNITS = ("seconds", "bytes", "ratio", "usd")


class Type(StrEnum):
    """Prometheus' types, as far as they are used."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family. Base units; times are Unix time in UTC."""

    name: str  # as it is queried, `_total` of a counter included
    type: Type
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()  # of a histogram, without +Inf

    @property
    def family(self) -> str:
        """Its name in OpenMetrics."""
        return self.name.removesuffix("_total")

    @property
    def unit(self) -> str:
        """The unit that its name ends with; empty: it has none."""
        return next((unit for unit in UNITS if self.family.endswith(f"_{unit}")), "")


class HasMeasures(Protocol):
    """What is needed of a check: its measures and its words."""

    @property
    def measures(self) -> Mapping[str, str]: ...

    @property
    def measure_labels(self) -> Mapping[str, tuple[str, ...]]: ...

    @property
    def verdicts(self) -> Mapping[str, str]: ...


# Labels of a check at a place. A place is an instance, an account, a region: bounded. A resource is never a label.
PLACE = ("check", "place", "stack", "component", "stage", "tenant", "account", "region")
INSTANCE = ("place", "stack", "component", "stage", "tenant", "account", "region")

RUN = ("workflow", "stack", "result")

STORE_BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0)
LATENCY_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0)

# The daemon itself, and what it says of all places together. Never left out: see daemon.metrics.snapshot.
_CORE = (
    Metric("barograph_build_info", Type.GAUGE, "Always 1; the version is a label.", ("version", "python")),
    Metric(
        "barograph_start_timestamp_seconds", Type.GAUGE,
        "When the daemon was started, or last took its configuration anew.",
    ),
    Metric("barograph_snapshot_timestamp_seconds", Type.GAUGE, "When these metrics were put together."),
    Metric("barograph_series", Type.GAUGE, "Time series that there are, before any were left out."),
    Metric("barograph_series_limit", Type.GAUGE, "How many may be given: `metrics.series_limit`."),
    Metric(
        "barograph_series_left_out", Type.GAUGE,
        "Time series that are left out now, by metric, for that is left out whole. Absent for what is given.",
        ("family",),
    ),
    Metric(
        "barograph_series_dropped_total", Type.COUNTER,
        "Time series left out because `metrics.series_limit` was reached, summed over all snapshots.",
    ),
    # The clockwork.
    Metric("barograph_scheduler_beat_timestamp_seconds", Type.GAUGE, "When the scheduler last proved that it runs."),
    Metric("barograph_scheduler_lateness_seconds", Type.GAUGE, "How late the last started job was."),
    Metric(
        "barograph_scheduler_missed_total", Type.COUNTER,
        "Starts that the scheduler dropped. It must stay 0: a missed start is made up for.",
    ),
    Metric(
        "barograph_task_last_success_timestamp_seconds", Type.GAUGE,
        "When a periodic task of the daemon last ended without an error; absent if it never did.", ("task",),
    ),
    Metric(
        "barograph_task_due_timestamp_seconds", Type.GAUGE, "By when it is to have ended well again.", ("task",),
    ),
    Metric("barograph_task_interval_seconds", Type.GAUGE, "How often it is started.", ("task",)),
    Metric("barograph_task_failures_total", Type.COUNTER, "How often it ended with an error.", ("task",)),
    Metric(
        "barograph_queue_waiting", Type.GAUGE,
        "What waits for its turn: `checks` are looks that are due and not begun, `aws` those of them that wait for "
        "their region.", ("queue",),
    ),
    Metric(
        "barograph_queue_oldest_timestamp_seconds", Type.GAUGE,
        "Since when the one that waits longest does; absent if none waits.", ("queue",),
    ),
    Metric("barograph_children", Type.GAUGE, "Processes that the daemon started and that run now."),
    Metric(
        "barograph_children_oldest_timestamp_seconds", Type.GAUGE,
        "When the oldest of them was started; absent if none runs.",
    ),
    # The database.
    Metric("barograph_store_size_bytes", Type.GAUGE, "Size of the database with its write-ahead log."),
    Metric("barograph_store_disk_free_bytes", Type.GAUGE, "What is free for it on its disk."),
    Metric("barograph_store_rows", Type.GAUGE, "Rows in each table of the database.", ("table",)),
    Metric("barograph_store_last_write_timestamp_seconds", Type.GAUGE, "When something was last stored."),
    Metric(
        "barograph_store_transaction_duration_seconds", Type.HISTOGRAM,
        "How long transactions that write took, without the wait for the one before.", (), STORE_BUCKETS,
    ),
    Metric(
        "barograph_store_wait_duration_seconds", Type.HISTOGRAM,
        "How long they waited for the one before.", (), STORE_BUCKETS,
    ),
    Metric(
        "barograph_store_errors_total", Type.COUNTER, "Reads and writes that the database refused.", ("operation",),
    ),
    Metric(
        "barograph_store_last_backup_timestamp_seconds", Type.GAUGE,
        "When `barograph db backup` last made a whole copy; absent if it never did.",
    ),
    Metric("barograph_store_last_check_timestamp_seconds", Type.GAUGE, "When the file's structure was last looked at."),
    Metric("barograph_store_sound", Type.GAUGE, "1 if it was sound then, 0 if it is damaged."),
    # The audit trail.
    Metric("barograph_audit_sequence", Type.GAUGE, "Number of the newest row of the audit trail."),
    Metric(
        "barograph_audit_anchored_sequence", Type.GAUGE,
        "Number of the newest row that somebody outside was told; absent if nobody ever was.", ("target",),
    ),
    Metric(
        "barograph_audit_anchor_last_success_timestamp_seconds", Type.GAUGE,
        "When somebody outside last had the newest row; absent if nobody ever had.", ("target",),
    ),
    Metric("barograph_audit_anchor_due_timestamp_seconds", Type.GAUGE, "When they are to be told next.", ("target",)),
    Metric("barograph_audit_verified_timestamp_seconds", Type.GAUGE, "When its chain was last walked."),
    Metric("barograph_audit_intact", Type.GAUGE, "1 if the chain was whole then, 0 if it was broken."),
    # The inventory.
    Metric("barograph_inventory_instances", Type.GAUGE, "Component instances by status.", ("status",)),
    Metric("barograph_inventory_problems", Type.GAUGE, "Things wrong with the inventory that a person must mend."),
    Metric("barograph_inventory_loaded_timestamp_seconds", Type.GAUGE, "When the inventory was last loaded well."),
    Metric("barograph_inventory_stale", Type.GAUGE, "1 if the last load failed and an older inventory is used."),
    Metric(
        "barograph_guard_refusals_total", Type.COUNTER,
        "Terraform commands that could have changed something and were refused.",
    ),
    Metric(
        "barograph_plan_phantoms_total", Type.COUNTER,
        "Attribute differences of plans that say nothing (null and empty, order of a list) and were left out.",
    ),
    # What asking AWS costs.
    Metric(
        "barograph_aws_requests_total", Type.COUNTER,
        "Requests to AWS, retries among them. `result` is `ok` or the class of the error.",
        ("service", "operation", "result"),
    ),
    Metric(
        "barograph_aws_estimated_cost_usd_total", Type.COUNTER,
        "What those requests cost, estimated by list prices; absent for what is free.", ("service", "operation"),
    ),
    Metric(
        "barograph_aws_rate_wait_seconds_total", Type.COUNTER,
        "How long requests waited so as to keep to AWS' rates.", ("service",),
    ),
    Metric(
        "barograph_aws_paid_today_usd", Type.GAUGE,
        "Estimated cost today (UTC) of the requests that `aws.paid_usd_per_day` bounds.",
    ),
    Metric("barograph_aws_paid_limit_usd", Type.GAUGE, "What they may cost a day: `aws.paid_usd_per_day`."),
    # Alerts and their way out.
    Metric("barograph_incidents", Type.GAUGE, "Live incidents.", ("tier", "kind", "state")),
    Metric("barograph_incidents_baseline", Type.GAUGE, "Live incidents that were there at the first look.", ("tier",)),
    Metric(
        "barograph_incidents_oldest_timestamp_seconds", Type.GAUGE,
        "When the oldest live incident of a tier was opened; absent if there is none.", ("tier",),
    ),
    Metric("barograph_delivery_messages", Type.GAUGE, "Stored messages by state.", ("state",)),
    Metric("barograph_delivery_backlog", Type.GAUGE, "Messages that wait to be sent.", ("channel",)),
    Metric(
        "barograph_delivery_oldest_timestamp_seconds", Type.GAUGE,
        "Since when the oldest waiting message waits; absent if none does.", ("channel",),
    ),
    Metric(
        "barograph_delivery_latency_seconds", Type.HISTOGRAM,
        "From the moment a message was stored to the moment Slack took it (`slack`), or the sink of that name.",
        ("sink", "tier"), LATENCY_BUCKETS,
    ),
    Metric(
        "barograph_delivery_errors_total", Type.COUNTER,
        "Attempts to send that failed: not_sent, ambiguous, destination, credential, payload, gone.",
        ("sink", "reason"),
    ),
    # Reports.
    Metric(
        "barograph_report_last_made_timestamp_seconds", Type.GAUGE,
        "When a report was last made; absent if none ever was.", ("report",),
    ),
    Metric(
        "barograph_report_last_sent_timestamp_seconds", Type.GAUGE,
        "When a part of one last arrived; absent if none ever did.", ("report",),
    ),
    Metric(
        "barograph_report_due_timestamp_seconds", Type.GAUGE,
        "When the next report is due, or was: one that is missing stays until it is made. Absent if nobody gets one.",
        ("report",),
    ),
    # How all places of a check stand.
    Metric("barograph_check_places_planned", Type.GAUGE, "Places that the check is to look at.", ("check",)),
    Metric("barograph_check_places_running", Type.GAUGE, "Places that the check looks at now.", ("check",)),
    Metric(
        "barograph_check_places", Type.GAUGE,
        "Of the planned ones, how many stand how: ok, warn (something is wrong, none of it critical), crit, unknown, "
        "not_applicable, skipped (nothing was there when last asked, within a day). Their sum is what is planned.",
        ("check", "result"),
    ),
)  # fmt: skip

# What grows with what is watched, in the order in which it is kept where not all of it fits.
_WATCHED = (
    # Checks.
    Metric(
        "barograph_check_outcome", Type.GAUGE, "1 for how the check stands at the place, else 0.", (*PLACE, "outcome"),
    ),
    Metric(
        "barograph_stack_incidents", Type.GAUGE, "Live incidents of a stack, 0 where it has none of the tier.",
        ("tenant", "stage", "stack", "tier"),
    ),
    Metric("barograph_check_last_run_timestamp_seconds", Type.GAUGE, "When the last look ended, good or not.", PLACE),
    Metric(
        "barograph_check_last_success_timestamp_seconds", Type.GAUGE,
        "When the place was last looked at with success; absent if it never was.", PLACE,
    ),
    Metric("barograph_check_next_run_timestamp_seconds", Type.GAUGE, "When the next look is due.", PLACE),
    Metric("barograph_check_interval_seconds", Type.GAUGE, "How often the place is to be looked at.", PLACE),
    Metric("barograph_check_last_duration_seconds", Type.GAUGE, "How long the last finished look took.", PLACE),
    Metric(
        "barograph_check_resources", Type.GAUGE, "Resources the check knows at the place, by outcome.",
        (*PLACE, "outcome"),
    ),
    Metric(
        "barograph_drift_state", Type.GAUGE,
        "1 for the verdict of the instance, else 0. `unknown`: the last look failed or is too old.",
        ("stack", "component", "state"),
    ),
    # Runs of workflows and Terraform.
    Metric(
        "barograph_run_last_duration_seconds", Type.GAUGE,
        "How long the last run of the workflow on the stack that ended this way took.", RUN,
    ),
    Metric(
        "barograph_run_last_success_timestamp_seconds", Type.GAUGE,
        "When a run of the workflow on the stack last ended well; absent if none did.", ("workflow", "stack"),
    ),
    Metric("barograph_run_in_progress", Type.GAUGE, "Runs under way.", ("workflow", "stack")),
    Metric(
        "barograph_run_results", Type.GAUGE,
        "Runs of the last 30 days by how they ended: succeeded, failed, cancelled, lost. Of more than 2,000 workflows, "
        "stacks and ends, those heard of longest ago are one workflow, `(others)`.", RUN,
    ),
    Metric(
        "barograph_run_resources_total", Type.COUNTER,
        "Resources that runs created, updated, deleted or failed to, since the daemon was started.",
        ("action", "result"),
    ),
    # Changes to production, of the last 30 days: see docs/executions.md. A stack that nobody changed has no series.
    Metric("barograph_deployment_applies", Type.GAUGE, "Recorded applies to production that ended.", ("stack",)),
    Metric("barograph_deployment_successes", Type.GAUGE, "Of them, those that ended well.", ("stack",)),
    Metric(
        "barograph_deployment_failures", Type.GAUGE,
        "Of them, those that failed, were lost or rolled back, or after which the stack's health got worse.",
        ("stack",),
    ),
    Metric(
        "barograph_deployment_unwatched", Type.GAUGE,
        "Of them, those that ended well, and of which it is not known how the stack was afterwards.", ("stack",),
    ),
    Metric(
        "barograph_deployment_lead_seconds", Type.GAUGE,
        "Median from the commit to the end of its apply; absent where the time of no commit is known.", ("stack",),
    ),
    Metric(
        "barograph_deployment_restore_seconds", Type.GAUGE,
        "Median until what failed was well again; absent where nothing was.", ("stack",),
    ),
    Metric(
        "barograph_deployment_unrecorded", Type.GAUGE, "Changes that no recorded run explains.", ("stack",)
    ),
    Metric(
        "barograph_deployment_cycle_ratio", Type.GAUGE,
        "Part of all changes that went through the recorded cycle, 0 to 1; absent where it is known of none.",
        ("stack",),
    ),
    Metric(
        "barograph_deployment_cycle_changes", Type.GAUGE,
        "Changes, unrecorded ones included, of which that is known: what the ratio is a part of.", ("stack",),
    ),
)  # fmt: skip

_ALL = (*_CORE, *_WATCHED)
CATALOGUE: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})
CORE = frozenset(metric.name for metric in _CORE)


def measure_name(check: str, measure: str) -> str:
    """The metric of a check's measure."""
    return f"barograph_{check}_{measure}"


def measure_metrics(checks: Mapping[str, HasMeasures]) -> dict[str, Metric]:
    """The metrics that the checks' own measures become, by name."""
    found = {}
    for check, each in checks.items():
        for measure, help_text in each.measures.items():
            name = measure_name(check, measure)
            found[name] = Metric(name, Type.GAUGE, help_text, (*INSTANCE, *each.measure_labels.get(measure, ())))
    return found


def document(checks: Mapping[str, HasMeasures]) -> str:
    """docs/metrics.md."""
    lines = [
        "# Metrics",
        "",
        "Made from `daemon/metrics/catalogue.py`; a test compares. Times are Unix time, in seconds. Compute ages in",
        "Prometheus: `time() - barograph_check_last_success_timestamp_seconds`. `/metrics` gives the text format, or",
        "OpenMetrics to those who ask for it. It is put together when something changed, at most every two seconds,",
        "and served as it is: a scrape never shows half an update and costs the daemon nothing.",
        "",
        "At most `metrics.series_limit` series are given. What the daemon says of itself, all that stands before",
        "`barograph_check_outcome` on this page, is never left out. Of the rest, a metric is given whole or not at",
        "all, so that no sum is of a part; they are tried in the order of this page. `barograph_series_left_out` names",
        "what is missing.",
        "",
        "| name | type | labels | meaning |",
        "|---|---|---|---|",
    ]
    for metric in (*_ALL, *measure_metrics(checks).values()):
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{metric.name}` | {metric.type} | {labels} | {metric.help.replace('|', chr(92) + '|')} |")
    lines += ["", "The standard `process_…` metrics (memory, file descriptors, CPU) are there too.", ""]
    return "\n".join(lines)
