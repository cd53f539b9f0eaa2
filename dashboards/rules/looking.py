"""Whether it sees: looks, the inventory, AWS, the limits it keeps to."""

from __future__ import annotations

from dashboards.rules.model import Alert, Group

_L = "job, instance, check, tenant, stage, stack, account, region"
# A place in words: what of it there is.
_AT = "{{ with $labels.stack }} in stack {{ . }}{{ end }}{{ with $labels.account }} in account {{ . }}{{ end }}" \
      "{{ with $labels.region }} in {{ . }}{{ end }}"  # fmt: skip

LOOKING = Group("barograph-looking", (
    Alert(
        "BarographLookOverdue", "warning",
        f"""
        max by ({_L}) (
          (time() - barograph_check_next_run_timestamp_seconds) > barograph_check_interval_seconds
        )
        """,
        "A look is overdue by more than its interval",
        "The check {{ $labels.check }}" + _AT
        + " was due {{ $value | humanizeDuration }} ago and was not begun or does not end.",
        "The place waits in line, its look hangs, or the daemon cannot keep up. What it last saw counts as unknown.",
        "The queues and lateness on the dashboard; the status page, column “next look”.",
        "If only few places are late: their own logs. If all are: as for BarographSchedulerLate.",
        hold="10m", missing="BarographNeverLooked",
    ),
    Alert(
        "BarographNoGoodLook", "warning",
        f"""
        max by ({_L}) (
          (time() - barograph_check_last_success_timestamp_seconds) > 3 * barograph_check_interval_seconds
        )
        """,
        "The last good look is older than three intervals",
        "The check {{ $labels.check }}" + _AT
        + " was last looked at with success {{ $value | humanizeDuration }} ago.",
        "Looks are made and fail, or are not made. Each place shows as unknown; nothing of it was resolved.",
        "The status page says why: access denied, a plan that fails, a timeout. An incident of kind "
        "`monitoring` has the same.",
        "As the incident's remedy says; see docs/runbooks/monitoring.md.",
        hold="15m", missing="BarographNeverLooked",
    ),
    Alert(
        "BarographNeverLooked", "warning",
        f"""
        count by ({_L}) (
          (barograph_check_interval_seconds unless barograph_check_last_success_timestamp_seconds)
          unless on (job, instance)
            barograph_series_left_out{{family="barograph_check_last_success_timestamp_seconds"}}
        )
        """,
        "Places are watched that were never looked at with success",
        "The check {{ $labels.check }}" + _AT + " has {{ $value }} places with no good look since they are watched.",
        "The first look fails or does not come. Until there is one, nobody knows anything about the place.",
        "The status page says why; `barograph check NAME` looks at once and tells.",
        "Give the access that is missing, or take the place out of the configuration.",
        hold="2h", missing="BarographSeriesLeftOut",
    ),
    Alert(
        "BarographBlind", "warning", "check:barograph_check_places:unknown_ratio > 0.2",
        "A check does not know how many of its places are",
        "{{ $value | humanizePercentage }} of the places of {{ $labels.check }} at {{ $labels.instance }} are "
        "unknown.",
        "Every fifth place or more could not be looked at. A common cause is a role that lost a right.",
        "The status page, sorted by reason; `barograph iam-policy` for what the role needs.",
        "Mend the cause that most places share.",
        hold="30m", missing="BarographSilent",
    ),
    Alert(
        "BarographBlindEverywhere", "critical", "instance:barograph_check_places:unknown_ratio > 0.5",
        "Barograph does not know how most of what it watches is",
        "{{ $value | humanizePercentage }} of all places of {{ $labels.instance }} are unknown: no news is no "
        "good news now.",
        "The credentials are gone, the network is, or the inventory does not load.",
        "Whether the inventory is stale; AWS refusals on the dashboard; the log.",
        "Bring credentials, network or repository back.",
        hold="30m", missing="BarographSilent",
    ),
    Alert(
        "BarographQueueOld", "warning", "time() - barograph_queue_oldest_timestamp_seconds > 3600",
        "Looks wait in line for an hour",
        "In the queue {{ $labels.queue }} of {{ $labels.instance }} the oldest look waits for "
        "{{ $value | humanizeDuration }}.",
        "More is due than can be looked at: `checks` waits for a thread, `aws` for the turn of its region.",
        "How many wait; throttling by AWS; a region that does not answer.",
        "Look less often, raise the workers, or leave out regions that nobody uses.",
        hold="15m",
    ),
    Alert(
        "BarographInventoryStale", "warning", "barograph_inventory_stale == 1",
        "The inventory does not load, and an older one is used",
        "{{ $labels.instance }} watches the component instances of an older commit; new ones are not watched.",
        "The repository cannot be fetched, or Atmos does not list it.",
        "The incident of kind `monitoring`, which quotes what Atmos says; `barograph preflight`.",
        "Mend the repository or the access to it. The next load is tried at `source.fetch_every`.",
        hold="30m", missing="BarographInventoryMissing",
    ),
    Alert(
        "BarographInventoryMissing", "warning",
        "barograph_build_info unless on (job, instance) barograph_inventory_loaded_timestamp_seconds",
        "No inventory was ever loaded",
        "{{ $labels.instance }} (version {{ $labels.version }}) knows of no component instance: none is watched.",
        "Since its start no load ended well.",
        "The log, and the incident of kind `monitoring`; `barograph inventory -c barograph.yml` shows the same "
        "at once.",
        "Mend what it names.",
        hold="30m", missing="BarographSilent",
    ),
    Alert(
        "BarographGuardRefused", "warning", "increase(barograph_guard_refusals_total[1h]) > 0",
        "A command that could have changed something was refused",
        "{{ $labels.instance }} refused {{ $value | humanize }} Terraform commands within an hour. Nothing was "
        "changed.",
        "Something that runs during a plan, such as a provider or a hook of the repository, called Terraform to "
        "write.",
        "The incident of the component, which names the command.",
        "Take the call out of the repository. Barograph plans; it never applies.",
        missing="BarographSilent",
    ),
    Alert(
        "BarographSeriesLeftOut", "warning", "barograph_series_left_out > 0",
        "Metrics are left out: there are too many series",
        "{{ $labels.instance }} leaves out {{ $labels.family }} ({{ $value }} series): what uses it shows nothing.",
        "`metrics.series_limit` was reached. What the daemon says of itself is always given.",
        "`barograph_series` against `barograph_series_limit`.",
        "Raise `metrics.series_limit`, if Prometheus can take it.",
        hold="15m",
    ),
    Alert(
        "BarographAwsRefused", "warning",
        """
        sum by (job, instance, service, result) (
          increase(barograph_aws_requests_total{result=~"permission|scp|role_refused|other_account|credentials_expired"}[30m])
        ) > 5
        """,
        "AWS refuses what Barograph asks",
        "{{ $labels.service }} refused {{ $value | humanize }} requests of {{ $labels.instance }} within 30 "
        "minutes: {{ $labels.result }}.",
        "A role lacks a right, a policy of the organization forbids the call, or credentials have ended.",
        "The incidents of kind `monitoring`, which name account and action; `barograph iam-policy`.",
        "Give the right, or switch the check off for the account.",
        hold="15m",
    ),
    Alert(
        "BarographAwsThrottled", "info",
        """
        sum by (job, instance, service) (rate(barograph_aws_requests_total{result="throttled"}[30m]))
          /
        sum by (job, instance, service) (rate(barograph_aws_requests_total[30m]))
          > 0.05
        """,
        "AWS slows Barograph down",
        "{{ $labels.service }} throttles {{ $value | humanizePercentage }} of the requests of "
        "{{ $labels.instance }}.",
        "The account's rate for the service is used up, by Barograph or by others in the account.",
        "Who else asks: CloudTrail; `barograph config check` for how much Barograph asks.",
        "Look less often, or have the rate quota raised.",
        hold="30m",
    ),
    Alert(
        "BarographPaidLimitReached", "warning",
        "barograph_aws_paid_today_usd >= 0.98 * barograph_aws_paid_limit_usd and barograph_aws_paid_limit_usd > 0",
        "The day's limit for paid requests to AWS is reached",
        "{{ $labels.instance }} has spent {{ $value }} USD today: until midnight UTC paid requests are not made.",
        "`aws.paid_usd_per_day` bounds what Cost Explorer and CloudWatch may cost. Places that need them show "
        "as unknown.",
        "`barograph_aws_estimated_cost_usd_total` by service and operation.",
        "Raise the limit, or look less often.",
    ),
))  # fmt: skip
