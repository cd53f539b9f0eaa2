"""Whether it runs: the process, its clockwork, its tasks."""

from __future__ import annotations

from dashboards.rules.model import Alert, Group

ALIVE = Group("barograph-alive", (
    Alert(
        "BarographWatchdog", "info", "vector(1)",
        "Prometheus and Alertmanager pass alerts on",
        "This alert always fires. Send it to a service that calls somebody when it stops.",
        "Nothing is wrong. It proves that rules are evaluated and that alerts leave Alertmanager.",
        "Whether your dead man's switch receives it. See docs/alertmanager.md for the route.",
        "If the switch reports that it stopped: look at Prometheus and Alertmanager first, for nothing else "
        "would tell you.",
    ),
    Alert(
        "BarographDown", "critical", 'up{job="barograph"} == 0',
        "Barograph does not answer",
        "Prometheus cannot scrape {{ $labels.instance }}. Nothing is watched, and no alert of Barograph leaves.",
        "The process is not running, does not answer on its metrics address, or answers 503 because it has not "
        "begun.",
        "`systemctl status barograph` or `kubectl describe pod`; the last lines of the log; `curl -i "
        "http://HOST:9877/healthz`.",
        "Start it. An exit with a configuration error names file and line. If another process holds the store, "
        "end that one.",
        hold="5m", missing="BarographAbsent",
    ),
    Alert(
        "BarographAbsent", "critical", 'absent(up{job="barograph"})',
        "Prometheus does not know of any Barograph",
        'There is no scrape target with job="barograph": every other alert on Barograph is silent.',
        "The scrape job is gone or has another name. All rules here need the job to be called `barograph`.",
        "The page Targets of Prometheus, and its scrape configuration or ServiceMonitor.",
        "Bring the job back under the name `barograph`.",
        hold="5m",
    ),
    Alert(
        "BarographSilent", "critical",
        'up{job="barograph"} == 1 unless on (job, instance) barograph_snapshot_timestamp_seconds',
        "What answers as Barograph gives no metrics of it",
        "{{ $labels.instance }} is scraped, and barograph_snapshot_timestamp_seconds is missing: other alerts "
        "cannot see.",
        "The target is another program, the path is wrong, or metric_relabel_configs drops our metrics.",
        "`curl -H 'Authorization: Bearer TOKEN' http://HOST:9878/metrics | grep snapshot` (the port of "
        "`web.metrics_listen`, else of `web.listen`), and the scrape configuration.",
        "Correct the target, or stop dropping metrics that begin with `barograph_`.",
        hold="10m", missing="BarographDown",
    ),
    Alert(
        "BarographSnapshotOld", "critical", "abs(time() - barograph_snapshot_timestamp_seconds) > 120",
        "Barograph's metrics stand still, or its clock is wrong",
        "The metrics of {{ $labels.instance }} are {{ $value | humanizeDuration }} from now: what they say may not "
        "hold any more.",
        "Metrics are put together at least every 15 seconds. They stand still while the database cannot be read. If "
        "they go on, the clocks of Prometheus and Barograph differ, and every age is wrong by that.",
        "The log for `metrics stay as they were`; the alerts on the database; whether the clocks of both hosts "
        "agree.",
        "Mend what the log names. If nothing is named, restart Barograph: nothing that is stored is lost.",
        hold="2m", missing="BarographSilent",
    ),
    Alert(
        "BarographRestarting", "warning", 'changes(process_start_time_seconds{job="barograph"}[30m]) > 2',
        "Barograph starts again and again",
        "{{ $labels.instance }} was started {{ $value }} times in 30 minutes.",
        "It ends by itself soon after each start, or something ends it: memory, a failing liveness probe, its "
        "own watchdog.",
        "The last lines of the log before each start; `kubectl describe pod` for OOMKilled; `dmesg`.",
        "Give it more memory, or lower `planning.workers`. If the watchdog ended it, report the log: the "
        "scheduler hung.",
        missing="BarographDown",
    ),
    Alert(
        "BarographSchedulerStalled", "critical",
        "time() - (barograph_scheduler_beat_timestamp_seconds or barograph_start_timestamp_seconds) > 60",
        "Barograph's scheduler has stopped",
        "The scheduler of {{ $labels.instance }} has not beaten for {{ $value | humanizeDuration }}: no look is "
        "begun.",
        "The scheduler beats every 15 seconds. `/healthz` fails from 60 seconds on, and the watchdog ends the "
        "process.",
        "The log for the watchdog's message; whether the clock of the host was set back.",
        "If it does not restart by itself, restart it.",
        hold="1m", missing="BarographSilent",
    ),
    Alert(
        "BarographSchedulerLate", "warning", "barograph_scheduler_lateness_seconds > 120",
        "Barograph starts its jobs late",
        "The last job of {{ $labels.instance }} was started {{ $value | humanizeDuration }} after its time.",
        "All threads of a pool are busy: plans take longer than their intervals allow for.",
        "The dashboard's panel of the queues; `barograph config check`, which says how much work a day is "
        "configured.",
        "Raise `planning.workers` if memory allows it, or look less often.",
        hold="15m", missing="BarographSilent",
    ),
    Alert(
        "BarographStartsMissed", "warning", "increase(barograph_scheduler_missed_total[1h]) > 0",
        "Barograph dropped a start that was due",
        "The scheduler of {{ $labels.instance }} dropped {{ $value | humanize }} starts within an hour. That "
        "must not happen.",
        "A missed start is made up for by design; one that was dropped is a fault of Barograph.",
        "The log for `was dropped by the scheduler`, which names the job.",
        "Report it with the log. The next look at the place comes by itself.",
        missing="BarographSilent",
    ),
    Alert(
        "BarographTaskOverdue", "warning",
        "time() - barograph_task_due_timestamp_seconds > 2 * barograph_task_interval_seconds + 300",
        "A task of Barograph itself does not end well any more",
        "The task {{ $labels.task }} of {{ $labels.instance }} is {{ $value | humanizeDuration }} overdue.",
        "Something that the daemon does at a fixed interval fails each time, or hangs: the task's name says what.",
        "The log for `job TASK ended with`; `barograph_task_failures_total`.",
        "Mend what the log names. A task that hangs ends with a restart.",
        missing="BarographSilent",
    ),
    Alert(
        "BarographChildStuck", "warning", "time() - barograph_children_oldest_timestamp_seconds > 7200",
        "A process that Barograph started does not end",
        "A child of {{ $labels.instance }} runs for {{ $value | humanizeDuration }}; each has a deadline far "
        "below that.",
        "Children are Atmos, Terraform and git. Each is ended at its deadline; one that is left is stuck in the "
        "kernel.",
        "`ps -eo pid,ppid,etime,stat,args` for children of Barograph in state D: a network file system that hangs.",
        "Mend the file system. A restart of Barograph ends its children.",
    ),
))  # fmt: skip
