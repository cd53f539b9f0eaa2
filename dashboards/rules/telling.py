"""Whether people hear of it: messages and reports."""

from __future__ import annotations

from dashboards.rules.model import Alert, Group

TELLING = Group("barograph-telling", (
    Alert(
        "BarographDeliveryStuck", "critical", "time() - barograph_delivery_oldest_timestamp_seconds > 900",
        "Messages do not leave",
        "The oldest message for {{ $labels.channel }} waits for {{ $value | humanizeDuration }}. People are not "
        "told.",
        "Slack or a sink refuses or does not answer. Nothing is lost: it is sent once it is taken.",
        "`/readyz` names the trouble; BarographDeliveryFailing has the reason; the status page shows what waits.",
        "Mend the token, the channel or the network. Until then read the status page.",
    ),
    Alert(
        "BarographDeliveryBacklog", "warning", "barograph_delivery_backlog > 50",
        "Many messages wait",
        "{{ $value }} messages wait for {{ $labels.channel }} at {{ $labels.instance }}.",
        "More is told than Slack takes (about one message a second and channel), or nothing leaves.",
        "Whether the number falls. What it is about: many incidents with one cause should be one message.",
        "Wait if it falls; else as for BarographDeliveryStuck. `alerts.gather_from` makes many messages one.",
        hold="15m",
    ),
    Alert(
        "BarographDeliveryFailing", "warning",
        "increase(barograph_delivery_errors_total[15m]) > 3",
        "Attempts to send messages fail",
        "{{ $labels.sink }} failed {{ $value | humanize }} times within 15 minutes: {{ $labels.reason }}.",
        "not_sent: no answer, or asked to wait. ambiguous: nobody knows whether it arrived, and the history is "
        "asked. "
        "destination: the channel refuses. credential: the token does. payload: the message does. gone: what "
        "was to be edited is deleted.",
        "The log for `delivery: failed`, which quotes the answer.",
        "By the reason: invite the app to the channel, renew the token, or wait for Slack (status.slack.com).",
        hold="5m", missing="BarographSilent",
    ),
    Alert(
        "BarographCredentialRefused", "critical",
        'increase(barograph_delivery_errors_total{reason="credential"}[1h]) > 0',
        "A sink refuses Barograph's credential",
        "{{ $labels.sink }} refuses the credential of {{ $labels.instance }}: everything for it waits.",
        "The token was revoked, or a secret was changed on one side only.",
        "The log for the answer, such as `token_revoked` or `invalid_auth`.",
        "Put the new credential where `token` points to, and send SIGHUP.",
        missing="BarographSilent",
    ),
    Alert(
        "BarographUndeliverable", "warning",
        'barograph_delivery_messages{state="dead"} - min_over_time(barograph_delivery_messages{state="dead"}[1h]) > 0',
        "A message was refused in every form",
        "{{ $labels.instance }} gave up {{ $value | humanize }} messages within an hour. The status page has "
        "what they said.",
        "Slack refuses the content even when it is shortened.",
        "The incident of kind `monitoring`, key `undeliverable`, which lists them.",
        "Read them on the status page, and report the answer that the log quotes.",
    ),
    Alert(
        "BarographDeliverySlow", "warning",
        'sink_tier:barograph_delivery_latency_seconds:p99_1h{tier="critical"} > 30',
        "Critical messages arrive late",
        "99 of 100 critical messages of the last hour arrived at {{ $labels.sink }} within "
        "{{ $value | humanizeDuration }}.",
        "The promise is 2 seconds while Slack answers. Slack is slow, or asks to wait.",
        "Failures by reason; the backlog.",
        "As for BarographDeliveryFailing.",
        hold="10m",
    ),
    Alert(
        "BarographReportMissed", "warning", "time() - barograph_report_due_timestamp_seconds > 3600",
        "A report is missing",
        "The {{ $labels.report }} report of {{ $labels.instance }} was due {{ $value | humanizeDuration }} ago "
        "and was not made.",
        "Making it fails each time. It is tried again every five minutes, for six days.",
        "The log for the job `report`.",
        "Mend what it names. `barograph report weekly` shows the report at once.",
    ),
    Alert(
        "BarographReportNotSent", "warning",
        """
        (
          time() - barograph_report_last_made_timestamp_seconds > 3600
          and on (job, instance, report) barograph_report_due_timestamp_seconds
        )
        unless on (job, instance, report)
          barograph_report_last_sent_timestamp_seconds >= barograph_report_last_made_timestamp_seconds
        """,
        "A report was made and has not arrived",
        "The {{ $labels.report }} report of {{ $labels.instance }} was made {{ $value | humanizeDuration }} "
        "ago, and no part of it was taken.",
        "Its destination refuses, or everything waits.",
        "Failures by reason; the status page, which has the report itself.",
        "As for BarographDeliveryFailing.",
    ),
))  # fmt: skip
