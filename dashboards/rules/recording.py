"""What dashboards ask again and again, worked out once."""

from __future__ import annotations

from dashboards.rules.model import Group, Record

# Each source of an end: what it is called, and the metric that says when.
ENDS = (
    ("certificate", "barograph_certificates_not_after_timestamp_seconds"),
    ("domain", "barograph_network_domain_expiry_timestamp_seconds"),
    ("commitment", "barograph_cost_commitment_end_timestamp_seconds"),
    ("support", "barograph_utilization_support_end_timestamp_seconds"),
    ("recovery_point", "barograph_backups_recovery_due_timestamp_seconds"),
    ("quota", "barograph_quotas_full_timestamp_seconds"),
    ("storage", "barograph_utilization_full_timestamp_seconds"),
    ("subnet", "barograph_network_subnet_full_timestamp_seconds"),
)
_PLACE = "job, instance, tenant, stage, stack, account, region"


def _ends() -> str:
    return "\nor\n".join(
        f'label_replace(min by ({_PLACE}) ({metric}), "ends", "{what}", "", "")' for what, metric in ENDS
    )


RECORDING = (
    Group("barograph-records", (
        Record(
            "stack_check:barograph_check_outcome:sum",
            "sum by (job, instance, tenant, stage, stack, check, outcome) (barograph_check_outcome)",
            "How many places of a check in a stack stand how.",
        ),
        Record(
            "stack:barograph_check_outcome:sum",
            "sum by (job, instance, tenant, stage, stack, outcome) (stack_check:barograph_check_outcome:sum)",
            "How many places of a stack stand how, over all checks.",
        ),
        Record(
            "stack:barograph_stack_incidents:worst_tier",
            """
            max by (job, instance, tenant, stage, stack) (
                (barograph_stack_incidents{tier="critical"} > bool 0) * 3
              or
                (barograph_stack_incidents{tier="warning"} > bool 0) * 2
              or
                (barograph_stack_incidents{tier="info"} > bool 0) * 1
            )
            """,
            "The worst tier of a stack's live incidents: 3 critical, 2 warning, 1 info, 0 none.",
        ),
        Record(
            "check:barograph_check_places:unknown_ratio",
            """
            sum by (job, instance, check) (barograph_check_places{result="unknown"})
              /
            (sum by (job, instance, check) (barograph_check_places_planned) > 0)
            """,
            "Part of a check's places of which nobody knows how they are.",
        ),
        Record(
            "instance:barograph_check_places:unknown_ratio",
            """
            sum by (job, instance) (barograph_check_places{result="unknown"})
              /
            (sum by (job, instance) (barograph_check_places_planned) > 0)
            """,
            "The same over all checks.",
        ),
        Record(
            "stack_check:barograph_check_last_success_age_seconds:max",
            f"max by ({_PLACE}, check) (time() - barograph_check_last_success_timestamp_seconds)",
            "How old the oldest of the last good looks is.",
        ),
        Record(
            "place_ends:barograph_next_end_timestamp_seconds:min", _ends(),
            "When the next thing of a kind ends, is full or is too old, by `ends`: "
            + ", ".join(f"`{what}`" for what, _ in ENDS) + ".",
        ),
        Record(
            "stack:barograph_compliance_score_ratio:max",
            """
            label_replace(
              max by (job, instance, scored) (barograph_compliance_score_ratio),
              "stack", "$1", "scored", "(.+)"
            )
            """,
            "The compliance score of a stack, with the stack in the label `stack`.",
        ),
        Record(
            "sink_tier:barograph_delivery_latency_seconds:p99_1h",
            """
            histogram_quantile(
              0.99,
              sum by (job, instance, sink, tier, le) (rate(barograph_delivery_latency_seconds_bucket[1h]))
            )
            """,
            "Within which time 99 of 100 messages of the last hour arrived.",
        ),
        Record(
            "instance:barograph_store_transaction_duration_seconds:p99_15m",
            """
            histogram_quantile(
              0.99,
              sum by (job, instance, le) (rate(barograph_store_transaction_duration_seconds_bucket[15m]))
            )
            """,
            "Within which time 99 of 100 transactions of the last 15 minutes ended.",
        ),
        Record(
            "service_result:barograph_aws_requests:rate15m",
            "sum by (job, instance, service, result) (rate(barograph_aws_requests_total[15m]))",
            "Requests to AWS a second, by service and result.",
        ),
    )),
)  # fmt: skip
